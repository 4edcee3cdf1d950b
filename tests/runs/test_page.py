"""The page: what `--page` writes from a log and a folder, and how a browser shows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import page_picture
import pytest
from helpers import STATUS_URL, TILE, Place, add_small, ago, begun, l1c, l2a, lines_of_dates, novald

from peps_maja.page.pictures import LIST
from peps_maja.sandbox import Sandbox

pytestmark = pytest.mark.slow

TEMPLATE = page_picture.ROOT / "peps_maja" / "page" / "page.html.jinja"
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
EVIL = "<script>alert(1)</script> & \"quotes\" 'too'"
THEIAS = "SENTINEL2A_20190301-105426-461_L2A_T31TCJ_C_V4-0"


class Reader(HTMLParser):
    """Reads the page as a test wants it: links, pictures, the cells of the calendar, and all text."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.html = (page / "index.html").read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(self.html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str, attribute: str) -> list[str]:
        return [attributes[attribute] for name, attributes in self.tags if name == tag and attribute in attributes]

    @property
    def states(self) -> list[str]:
        """The states of the calendar's cells."""
        return re.findall(r'class="cell state-([\w-]+)"', self.html)


def product(place: Place, name: str, picture: bytes | None = JPEG) -> Path:
    path = place.folder / name
    stem = name.removesuffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{stem}/{stem}_MTD_ALL.xml", '<QUALITY_INDEX name="CloudPercent">12</QUALITY_INDEX>')
        if picture:
            archive.writestr(f"{stem}/{stem}_QKL_ALL.jpg", picture)
    return path


def page_of(place: Place, *options: str, status: int = 0) -> Reader:
    run = place.download("--dates", "--page", "page", *options)
    assert run.status == status, run
    reader = Reader(place.folder / "page")
    assert len(reader.states) == len(lines_of_dates(run.out))
    return reader


def ended(name: str, *events: tuple[str, str]) -> list[tuple[str, ...]]:
    """Return the lines of a job that was submitted, and then those events."""
    begin = [(ago(3), "submitting", name, ""), (ago(3), "submitted", name, STATUS_URL)]
    return [*begin, *((ago(1), event, name, detail) for event, detail in events)]


def test_every_state_has_its_word_and_its_own_look(place: Place) -> None:
    days = [f"2019-03-{day:02d}" for day in range(1, 29, 3)]
    product(place, l2a(days[0]))
    endings = [
        [("downloaded", l2a(days[0])), ("finished", "")],
        [("downloaded", l2a(days[1])), ("finished", "")],
        [("novald", novald(days[2])), ("finished", "")],
        [("failed", EVIL)],
        [("rejected", "refused")],
        [("cancelled", "by an operator")],
        [("cancelled", "dropped by the user")],
        [("missing", f"{l2a(days[7])} absent 404")],
        [],
        [("finished", "")],
    ]
    lines = [line for day, events in zip(days, endings, strict=True) for line in ended(l1c(day), *events)]
    place.write_log(*lines, (ago(1), "submitting", l1c("2019-04-01"), ""))
    (place.folder / "peps.txt").unlink()
    page = page_of(place, status=1)
    states = ["on disk", "moved away", "too cloudy", "failed", "rejected", "cancelled", "dropped", "missing"]
    assert page.states == [state.replace(" ", "-") for state in [*states, "waiting", "not delivered", "unsure"]]
    assert all(f"state-{state}" in page.html.partition("<body>")[0] for state in page.states)
    assert EVIL in page.text
    assert "<script" not in page.html
    todo = page.html[page.html.index('id="to-do"') : page.html.index(f'id="{TILE}"')]
    for task in ("1 unsure", "1 failed", "1 rejected", "1 cancelled", "1 missing"):
        assert f"<h3>{task}</h3>" in todo
    commands = re.sub("<[^>]*>", "", todo)
    assert f"--drop {l1c(days[7])}" in commands
    assert all(f"--resubmit {state}" in commands for state in ("unsure", "failed", "rejected", "cancelled"))
    assert l1c(days[6]) not in todo


OFFER = ("available", "https://geodes-portal.cnes.fr/x 9 -")
PEPS_JOB = l1c("2019-03-01")


@pytest.mark.parametrize(
    ("job", "events", "title", "words"),
    [
        (PEPS_JOB, [("stalled", "25")], "1 stalled", ["open for 3 hours", "My processing", f"--drop {PEPS_JOB}"]),
        (PEPS_JOB, [("missing", "- absent no results")], "1 missing", ["absent since", "no results"]),
        (THEIAS, [OFFER, ("missing", f"{THEIAS}.zip absent on tape")], "1 missing", ["on tape", "GEODES portal"]),
        (THEIAS, [OFFER, ("failed", "missing for 7 days")], "1 failed", ["--theia only", f"--drop {THEIAS}"]),
        ("a name of nothing known", [("failed", "why")], "1 failed", ["why", "--resubmit failed"]),
    ],
)
def test_task_for_a_person(
    place: Place, job: str, events: Sequence[tuple[str, str]], title: str, words: list[str]
) -> None:
    lines = ended(job, *events) if job != THEIAS else [(ago(1), event, job, detail) for event, detail in events]
    place.write_log(*lines)
    (place.folder / "peps.txt").unlink()
    page = page_of(place)
    assert f"<h3>{title}</h3>" in page.html
    assert all(word in " ".join(page.text.split()) for word in words), page.text


def test_cell_leads_to_quicklook_and_quicklook_to_zip(place: Place) -> None:
    product(place, l2a("2019-03-01"))
    place.write_log(*ended(l1c("2019-03-01"), ("downloaded", l2a("2019-03-01")), ("finished", "")))
    page = page_of(place)
    links = page.all("a", "href")
    assert f"#{TILE}-2019-03-01-S2A" in links
    assert f"{TILE}-2019-03-01-S2A" in page.all("li", "id")
    [source], [words] = page.all("img", "src"), page.all("img", "alt")
    assert (place.folder / "page" / source).read_bytes() == JPEG
    assert all(word in words for word in (TILE, "2019-03-01", "on disk"))
    assert (place.folder / "page" / f"../{l2a('2019-03-01')}").samefile(place.folder / "page" / links[-1])
    for text in ("12 % clouds", "R051", "bytes", l1c("2019-03-01")):
        assert text in page.text


@pytest.mark.parametrize("by", ["user", "job"])
def test_products_of_peps_and_theia_stand_side_by_side(place: Place, by: str) -> None:
    product(place, l2a("2019-03-01"))
    product(place, f"{THEIAS}.zip")
    product(place, l2a("2019-03-01", tile="31TCH"))
    product(place, l2a("2019-03-01", "S2B"))
    lines = ended(l1c("2019-03-01"), ("downloaded", l2a("2019-03-01")), ("finished", ""))
    if by == "job":
        address = "https://geodes-portal.cnes.fr/x 100 -"
        events = (("available", address), ("downloaded", f"{THEIAS}.zip"), ("finished", ""))
        lines += [(ago(), event, THEIAS, detail) for event, detail in events]
    place.write_log(*lines)
    page = page_of(place)
    assert page.all("img", "src") == [
        f"quicklooks/{l2a('2019-03-01')[:-4]}.jpg",
        f"quicklooks/{THEIAS}.jpg",
    ]
    assert page.html.count('class="pair"') == 1
    assert page.html.count('class="theia"') == 1
    assert len(set(page.all("img", "alt"))) == 2


def test_product_seen_after_midnight_belongs_to_the_day_before(place: Place) -> None:
    job = "S2A_MSIL1C_20190301T235021_N0207_R051_T31TCJ_20190302T015917"
    theias = THEIAS.replace("20190301-105426", "20190302-000426")
    for name in (l2a("2019-03-02", time="000426-459"), f"{theias}.zip"):
        product(place, name)
    lines = ended(job, ("failed", "no"))
    place.write_log(*lines)
    page = page_of(place)
    assert (page.states, len(page.all("img", "src"))) == (["failed"], 2)
    events = (("available", "https://geodes-portal.cnes.fr/x 9 -"), ("downloaded", f"{theias}.zip"), ("finished", ""))
    place.write_log(*((ago(), event, theias, detail) for event, detail in events), *lines)
    page = page_of(place)
    assert (page.states, len(page.all("img", "src"))) == (["on-disk"], 2)
    assert "R051" in page.text
    assert "Nothing to do" in page.text  # the date is there: nobody has to care for the job that failed


def test_acquisition_cut_in_two_has_two_cells_and_both_quicklooks(place: Place) -> None:
    first, second = l1c("2019-03-01"), l1c("2019-03-01", last="130000")
    files = [l2a("2019-03-01"), l2a("2019-03-01", time="105440-459")]
    lines = []
    for job, file in zip((first, second), files, strict=True):
        product(place, file)
        lines += ended(job, ("downloaded", file), ("finished", ""))
    place.write_log(*lines)
    page = page_of(place)
    assert page.states == ["on-disk", "on-disk"]
    assert len(page.all("img", "src")) == 2


def test_unpacked_folder_counts_and_zip_moved_away_keeps_its_picture(place: Place) -> None:
    names = [l2a("2019-03-01"), l2a("2019-03-06")]
    paths = [product(place, name) for name in names]
    jobs = [l1c("2019-03-01"), l1c("2019-03-06")]
    place.write_log(
        *(
            line
            for job, name in zip(jobs, names, strict=True)
            for line in ended(job, ("downloaded", name), ("finished", ""))
        )
    )
    page_of(place)
    with zipfile.ZipFile(paths[0]) as archive:
        archive.extractall(place.folder)
    for path in paths:
        path.unlink()
    page = page_of(place)
    assert page.states == ["on-disk", "moved-away"]
    assert len(page.all("img", "src")) == 2
    assert all((place.folder / "page" / source).is_file() for source in page.all("img", "src"))
    assert [link for link in page.all("a", "href") if link.startswith("..")] == [f"../{names[0][:-4]}"] * 2


def test_series_says_missing_only_for_the_date_that_is_missing(place: Place) -> None:
    series = f"{TILE}_2019-01-01_2019-03-31"
    plan = ("2019-03-01/S2A/R051", "2019-03-06/S2B/R051")
    lines = [(ago(3), "submitting", series, " ".join(plan)), (ago(3), "submitted", series, STATUS_URL)]
    place.write_log(*lines, (ago(1), "missing", series, f"{l2a('2019-03-06', 'S2B')} broken wrong checksum"))
    (place.folder / "peps.txt").unlink()
    assert page_of(place).states == ["waiting", "missing"]


def test_page_of_a_run_that_downloads(place: Place, peps: Sandbox) -> None:
    good, bad = add_small(peps, l1c("2019-03-01"), l2a("2019-03-01")), peps.add_job(l1c("2019-03-06"), status="FAILED")
    place.write_log(*begun(good), *begun(bad))
    run = place.download("--page", "out/page", "-q")
    assert (run.status, run.err) == (1, "")
    assert "page" not in run.out
    page = Reader(place.folder / "out" / "page")
    assert page.states == ["on-disk", "failed"]
    assert f"../../{l2a('2019-03-01')}" in page.all("a", "href")


def test_page_at_the_end_of_waiting(place: Place, peps: Sandbox) -> None:
    place.write_log(*begun(add_small(peps, l1c("2019-03-01"), l2a("2019-03-01"))))
    run = place.download("--wait", "--page", "page")
    assert run.status == 0
    assert run.out.splitlines()[-1] == "the page: page/index.html"
    assert Reader(place.folder / "page").states == ["on-disk"]


def test_page_shows_what_is_running(place: Place, peps: Sandbox) -> None:
    job = add_small(peps, l1c("2019-03-01"), l2a("2019-03-01"), status="RUNNING")
    place.write_log(*begun(job))
    for options in (["--status"], ["--json"], ["--dates"], []):
        assert place.download(*options, "--page", "page").status == 0
        assert Reader(place.folder / "page").states == ["running"], options
        shutil.rmtree(place.folder / "page")


def test_json_stays_json_and_status_writes_nothing_else(place: Place) -> None:
    place.write_log(*ended(l1c("2019-03-01"), ("failed", "no")))
    before = {path: path.read_bytes() for path in place.folder.iterdir()}
    assert json.loads(place.download("--json", "--page", "page").out)[0]["state"] == "failed"
    page = place.folder / "page"
    assert sorted(path.name for path in page.rglob("*")) == ["index.html"]
    assert {path: path.read_bytes() for path in place.folder.iterdir() if path != page} == before


@pytest.mark.parametrize("options", [["--check"], ["--page", "."]])
def test_page_that_the_options_do_not_allow(place: Place, options: list[str]) -> None:
    log = place.folder / "index.html"
    place.write_log()
    place.log.rename(log)
    run = place.download("-l", "index.html", "--page", "page", *options)
    assert run.status == 2
    assert "--page" in run.err


@pytest.mark.parametrize(
    "what",
    ["file", "folder in place of the page", "file in place of pictures", "pipe in place of the list", "no jinja"],
)
def test_page_that_cannot_be_written_costs_nothing_else(place: Place, peps: Sandbox, what: str) -> None:
    job = peps.add_job(l1c("2019-03-01"), status="FINISHED", results=(l2a("2019-03-01"),))
    place.write_log(*begun(job))
    page, environment = place.folder / "page", {}
    if what == "file":
        page.write_text("mine")
    elif what == "folder in place of the page":
        (page / "index.html").mkdir(parents=True)
    elif what == "file in place of pictures":
        page.mkdir()
        (page / "quicklooks").write_text("mine")
        (page / "index.html").write_text("before")
    elif what == "pipe in place of the list":
        (page / "quicklooks").mkdir(parents=True)
        os.mkfifo(page / "quicklooks" / LIST)
    else:
        (place.folder / "jinja2.py").write_text("raise ImportError('no jinja2')")
        environment = {"PYTHONPATH": str(place.folder)}
    run = place.download("--page", "page", "-q", **environment)
    assert run.status == 1
    assert len(run.err.splitlines()) == 1, run.err
    assert "page" in run.err or "jinja2" in run.err
    assert place.events()[-1][0] == "finished"
    assert place.zips() == [l2a("2019-03-01")]
    assert "Traceback" not in run.err
    if what == "file in place of pictures":
        assert (page / "index.html").read_text() == "before"
    assert not list(page.rglob(".peps_maja*")) if page.is_dir() else True


def test_run_without_page_imports_no_jinja(place: Place, peps: Sandbox) -> None:
    (place.folder / "jinja2.py").write_text("raise SystemExit('jinja2 was imported')")
    place.write_log(*begun(add_small(peps, l1c("2019-03-01"), l2a("2019-03-01"))))
    for options in (["--status"], ["--dates"], []):
        assert place.download(*options, PYTHONPATH=str(place.folder)).status == 0


def test_log_without_jobs_and_with_damaged_lines(place: Place) -> None:
    place.write_log(("a line that is not an event",))
    page = page_of(place)
    assert "cannot be read as events" in page.text
    assert "Nothing to do" in page.text
    assert page.states == []


def test_names_that_are_not_utf_8_or_look_like_html(place: Place) -> None:
    names = [f"\udcff<b>{l2a('2019-03-01')}", f"%2e%2e#?{l2a('2019-03-01')}"]
    for name in names:
        product(place, "x.zip").rename(place.folder / name)
    place.write_log(*ended(l1c("2019-03-01"), ("failed", "no")))
    page = page_of(place)
    assert "<b>" not in page.html
    links = [unquote(link, errors="surrogateescape") for link in page.all("a", "href") if link.startswith("..")]
    assert Counter(links) == Counter(f"../{name}" for name in names * 2)
    assert all((place.folder / "page" / source).is_file() for source in page.all("img", "src"))
    assert len(set(page.all("img", "src"))) == 2


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb`, as WCAG 2 defines it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_contrast_of_all_colours_in_light_and_dark() -> None:
    style = TEMPLATE.read_text(encoding="utf-8").partition("</style>")[0]
    light, dark = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block)) for block in style.split("@media", 2)[:2])
    assert light.keys() == dark.keys()
    pairs = [(name.removesuffix("-back"), name) for name in light if name.endswith("-back")]
    pairs += [(ink, paper) for ink in ("ink", "faint", "link") for paper in ("paper", "card")]
    for colours in (light, dark):
        for ink, paper in pairs:
            low, high = sorted(luminance(colours[name]) for name in (ink, paper))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (ink, paper)


def test_450_dates_in_60_mb_of_memory_and_2_mb_of_html(place: Place) -> None:
    tiny = product(place, "x.zip").read_bytes()
    (place.folder / "x.zip").unlink()
    number = page_picture.fill(place.folder, ("31TCJ", "31TCH", "30TXN"), 150, content=tiny)
    assert number == 450
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from peps_maja_downloader import main;"
        "status = main(['--dates', '--page', 'page', '-q']);"
        "memory = open('/proc/self/status').read().split('VmHWM:')[1].split()[0];"
        "print(status, memory, file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, str(page_picture.ROOT)]
    run = subprocess.run(
        command, cwd=place.folder, env=place.environment, capture_output=True, text=True, check=False, timeout=60
    )
    status, kilobytes = run.stderr.splitlines()[-1].split()
    assert status in {"0", "1"}, run.stderr
    assert (place.folder / "page" / "index.html").stat().st_size < 2_000_000
    assert len(Reader(place.folder / "page").states) == 450
    assert int(kilobytes) < 60_000
