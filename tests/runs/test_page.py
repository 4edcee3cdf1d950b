"""The page: what `--page` writes from a log and a folder."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import page_picture
import pytest
from helpers import ROOT, STATUS_URL, TILE, Place, add_small, ago, begun, l1c, l2a, novald

from peps_maja.sandbox import FORBIDDEN, HTML_PAGE, Canned, Endpoint, Fault, Sandbox
from peps_maja.sandbox.geodes.refusals import QUOTA, WRONG_KEY

JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
EVIL = "<script>alert(1)</script> & \"quotes\" 'too'"
THEIAS = "SENTINEL2A_20190301-105426-461_L2A_T31TCJ_C_V4-0"
OFFER = ("available", "https://geodes-portal.cnes.fr/x 9300000000 -")
FIRST = l1c("2019-03-01")


class Reader:
    """Reads the page as a test wants it: links, pictures, the cells of the calendar, and all text."""

    def __init__(self, page: Path) -> None:
        self.html = (page / "index.html").read_text(encoding="utf-8")
        spaced = re.sub(r"<(br|p|li)\b", r" <\1", self.html.partition("<body>")[2])
        self.text = " ".join(unescape(re.sub("<[^>]*>", "", spaced)).split())

    def all(self, tag: str, attribute: str) -> list[str]:
        return [unescape(value) for value in re.findall(rf'<{tag}\b[^>]*?\s{attribute}="([^"]*)"', self.html)]

    @property
    def states(self) -> list[str]:
        """The states of the calendar's cells."""
        return re.findall(r'class="cell state-([\w-]+)', self.html)

    @property
    def alts(self) -> list[str]:
        """What a screen reader says of the pictures, but for those of what is new."""
        return [alt for alt in self.all("img", "alt") if not alt.startswith("New")]

    def part(self, begin: str, end: str) -> str:
        """The text between two headings."""
        return self.text[self.text.index(begin) : self.text.index(end)]


def product(place: Place, name: str, picture: bytes | None = JPEG) -> Path:
    path = place.folder / name
    stem = name.removesuffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{stem}/{stem}_MTD_ALL.xml", '<QUALITY_INDEX name="CloudPercent">12</QUALITY_INDEX>')
        archive.writestr(f"{stem}/{stem}_FRE_B2.tif", "raster")
        if picture:
            archive.writestr(f"{stem}/{stem}_QKL_ALL.jpg", picture)
    return path


def page_of(place: Place, *options: str, status: int = 0) -> Reader:
    run = place.download("--dates", "--page", "page", *options)
    assert run.status == status, run
    return Reader(place.folder / "page")


def ended(name: str, *events: tuple[str, str], hours: float = 1, clouds: str = "") -> list[tuple[str, ...]]:
    """Return the lines of a job that was submitted, and then those events, so many hours ago."""
    begin = [(ago(hours + 2), "submitting", name, clouds), (ago(hours + 2), "submitted", name, STATUS_URL)]
    return [*begin, *((ago(hours), event, name, detail) for event, detail in events)]


def delivered(place: Place, day: str, hours: float = 1) -> list[tuple[str, ...]]:
    """Put the product of a day into the folder, and return the lines of its job."""
    product(place, l2a(day))
    return ended(l1c(day), ("downloaded", l2a(day)), ("finished", ""), hours=hours)


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
    place.write_log(*lines, (ago(1), "submitting", l1c("2019-03-31"), ""))
    (place.folder / "peps.txt").unlink()
    page = page_of(place, status=1)
    states = ["on disk", "moved away", "too cloudy", "failed", "rejected", "cancelled", "dropped", "missing"]
    assert page.states == [state.replace(" ", "-") for state in [*states, "waiting", "not delivered", "unsure"]]
    assert EVIL in page.text
    assert "<script" not in page.html
    wrong = page.part("What is wrong", "What is new")
    assert all(f"1 {state} " in wrong for state in ("unsure", "failed", "rejected", "cancelled", "missing"))
    assert l1c(days[6]) not in wrong  # dropped
    assert f"--drop {l1c(days[7])}" in wrong
    assert " peps_maja_process.py -l peps_maja.log --" in wrong
    assert " /" not in re.sub(" / | />", "", page.text)
    assert sys.executable not in page.html


@pytest.mark.parametrize(
    ("job", "events", "words"),
    [
        (FIRST, [("stalled", "25")], ["1 stalled", "open for 3 hours", f"--drop {FIRST}"]),
        (FIRST, [("missing", "- absent no results")], ["1 missing", "the report absent since", "no results"]),
        (THEIAS, [OFFER, ("missing", f"{THEIAS}.zip absent 410 on tape")], ["1 missing", "on tape"]),
        (THEIAS, [OFFER, ("failed", "missing for 7 days")], ["1 failed", f"--drop {THEIAS}"]),
    ],
)
def test_what_a_person_has_to_do(place: Place, job: str, events: Sequence[tuple[str, str]], words: list[str]) -> None:
    place.write_log(*(ended(job, *events) if job != THEIAS else [(ago(1), event, job, of) for event, of in events]))
    (place.folder / "peps.txt").unlink()
    wrong = page_of(place).part("What is wrong", "What is new")
    assert [word for word in [job, *words] if word not in wrong] == [], wrong


def test_cells_jobs_cards_pictures_and_zips_are_linked(place: Place) -> None:
    good, bad = delivered(place, "2019-03-01"), ended(l1c("2019-03-06"), ("failed", "no"), clouds="40.6")
    place.write_log(*good, *bad)
    page = page_of(place)
    links, anchors = page.all("a", "href"), page.all(r"\w+", "id")
    assert {link[1:] for link in links if link.startswith("#")} <= set(anchors)
    assert len(anchors) == len(set(anchors))
    for day in ("2019-03-01", "2019-03-06"):
        assert {f"#{TILE}-{day}-S2A", f"#{TILE}-{day}-S2A-cell"} <= set(links)
    assert f'<a href="#{TILE}-2019-03-06-S2A">{l1c("2019-03-06")}</a>' in page.html  # from what is wrong
    assert f'<a href="#task-1">{l1c("2019-03-06")}</a>' in page.html  # and back
    assert (place.folder / "page" / page.all("img", "src")[0]).read_bytes() == JPEG
    assert f"../{l2a('2019-03-01')}" in links
    cells = page.part("Calendar", "Quicklooks, the newest first")
    assert "2019-03-01 S2A 12 % clouds, on disk" in cells  # by the product itself
    assert "2019-03-06 S2A 41 % clouds, failed" in cells  # by the log
    assert "2019-03-01 S2A R051 on disk 12 % clouds" in page.text


def test_products_of_peps_and_theia_stand_side_by_side(place: Place) -> None:
    product(place, f"{THEIAS}.zip")
    product(place, l2a("2019-03-01", tile="31TCH"))
    lines = delivered(place, "2019-03-01")
    events = (OFFER, ("downloaded", f"{THEIAS}.zip"), ("finished", ""))
    lines += [(ago(), event, THEIAS, detail) for event, detail in events]
    place.write_log(*lines)
    page = page_of(place)
    assert {f"quicklooks/{l2a('2019-03-01')[:-4]}.jpg", f"quicklooks/{THEIAS}.jpg"} == set(page.all("img", "src"))
    assert (page.states, page.html.count('class="pair"')) == (["on-disk"], 1)
    assert all(f"by {maker}" in page.text for maker in ("PEPS", "Theia"))
    assert "R051" in page.text
    assert len(set(page.alts)) == len(page.alts) == 2


def test_date_cut_in_two_is_one_cell_with_both_states_and_quicklooks(place: Place) -> None:
    first, second = FIRST, l1c("2019-03-01", last="130000")
    files = [l2a("2019-03-01"), l2a("2019-03-01", time="105440-459")]
    lines = []
    for job, file in zip((first, second), files, strict=True):
        product(place, file)
        lines += ended(job, ("downloaded", file), ("finished", ""))
    place.write_log(*lines)
    page = page_of(place)
    assert (page.states, len(page.alts)) == (["on-disk"], 2)
    assert "1 date," in page.text
    (place.folder / files[1]).unlink()
    page = page_of(place)
    assert "on disk, moved away" in page.part("Calendar", "Quicklooks, the newest first")
    assert sorted("moved away" in alt for alt in page.alts) == [False, True]  # each has its own words


def test_unpacked_folder_counts_and_zip_moved_away_keeps_its_picture(place: Place) -> None:
    days = ["2019-03-01", "2019-03-06", "2019-03-11"]
    place.write_log(*(line for day in days for line in delivered(place, day)))
    (place.folder / l2a(days[2])).unlink()
    page_of(place)
    with zipfile.ZipFile(place.folder / l2a(days[0])) as archive:
        archive.extractall(place.folder)
    for day in days[:2]:
        (place.folder / l2a(day)).unlink()
    page = page_of(place)
    assert (page.states, len(page.alts)) == (["on-disk", "moved-away", "moved-away"], 2)
    assert all((place.folder / "page" / source).is_file() for source in page.all("img", "src"))
    assert f"../{l2a(days[0])[:-4]}" in page.all("a", "href")
    assert "2019-03-11" in page.text[page.text.index("Dates without a picture") :]


def test_series_says_missing_only_for_the_date_that_is_missing(place: Place) -> None:
    series = f"{TILE}_2019-01-01_2019-03-31"
    plan = ("2019-03-01/S2A/R051", "2019-03-06/S2B/R051")
    lines = [(ago(3), "submitting", series, " ".join(plan)), (ago(3), "submitted", series, STATUS_URL)]
    place.write_log(*lines, (ago(1), "missing", series, f"{l2a('2019-03-06', 'S2B')} broken wrong checksum"))
    (place.folder / "peps.txt").unlink()
    assert page_of(place).states == ["waiting", "missing"]


@pytest.mark.parametrize(("hours", "new"), [((1, 100, 200), 2), ((1000,) * 8, 6)])
def test_new_is_what_came_in_seven_days_else_the_last_six(place: Place, hours: tuple[int, ...], new: int) -> None:
    days = [f"2019-03-{day:02d}" for day in range(1, len(hours) + 1)]
    place.write_log(*(line for day, age in zip(days, hours, strict=True) for line in delivered(place, day, age)))
    page = page_of(place)
    shown = [alt for alt in page.all("img", "alt") if alt.startswith("New")]
    newest_first = days[:new] if hours[0] == 1 else days[::-1][:new]
    assert [next(day for day in days if day in alt) for alt in shown] == newest_first
    assert re.search("Last product on [0-9-]+, " + ("today" if hours[0] == 1 else "41 days ago"), page.text)
    assert "Nothing is still to come" in page.text
    assert [next(day for day in days if day in alt) for alt in page.alts] == days[::-1]


def test_totals_of_all_tiles_and_what_is_still_to_come(place: Place) -> None:
    other = THEIAS.replace(TILE, "31TCH")
    lines = [(ago(1), *line) for line in (("available", THEIAS, OFFER[1]), ("available", other, OFFER[1]))]
    place.write_log(*lines, *ended(l1c("2019-03-06")))
    (place.folder / "peps.txt").unlink()
    page = page_of(place)
    assert "3 dates: 3 waiting Tile 31TCH Tile 31TCJ" in page.text
    assert "Still to come: 18.6 GB and 1 job of a size that is not known." in page.text
    assert "No product has come yet." in page.text


def test_page_of_a_run_that_downloads(place: Place, peps: Sandbox) -> None:
    good, bad = add_small(peps, FIRST, l2a("2019-03-01")), peps.add_job(l1c("2019-03-06"), status="FAILED")
    place.write_log(*begun(good), *begun(bad))
    run = place.download("--page", "out/page", "-q")
    assert (run.status, run.err) == (1, "")
    assert "index.html" not in run.out
    page = Reader(place.folder / "out" / "page")
    assert page.states == ["on-disk", "failed"]
    assert f"../../{l2a('2019-03-01')}" in page.all("a", "href")


def test_page_shows_what_is_running_and_what_this_very_run_pointed_out_as_stalled(place: Place, peps: Sandbox) -> None:
    place.write_log(*begun(add_small(peps, FIRST, l2a("2019-03-01"), status="RUNNING"), hours=50))
    for options, stalled in (["--status"], False), ([], True):
        assert place.download(*options, "--page", "page").status == 0
        page = Reader(place.folder / "page")
        assert (page.states, "1 stalled" in page.text) == (["running"], stalled)
        shutil.rmtree(place.folder / "page")


ACCOUNT, NO_FILE = "me@example.org secret\n", "no credentials file peps.txt"


@pytest.mark.parametrize(
    ("what", "credentials", "options", "answer", "status"),
    [
        ("answers 401", "me@example.org wrong\n", (), None, 2),
        ("no connection", ACCOUNT, ("--dates",), None, 75),
        (NO_FILE, "", (), None, 2),
        (NO_FILE, "", ("--dates",), None, 0),
        ("the API key in peps.txt is wrong or has expired", f"{ACCOUNT}geodes a-key\n", (), WRONG_KEY, 2),
        ("hourly quota", f"{ACCOUNT}geodes a-key\n", (), QUOTA, 75),
        ("need an API key", ACCOUNT, (), None, 2),
    ],
)
def test_what_the_run_could_not_do_stands_first(
    place: Place, peps: Sandbox, *, what: str, credentials: str, options: tuple[str, ...], answer: Canned, status: int
) -> None:
    offer = (ago(1), "available", THEIAS, f"{peps.url}/api/download/x/files/y 1000 - 51 12")
    place.write_log(*begun(add_small(peps, FIRST, status="RUNNING")), offer)
    place.environment.update(GEODES_SERVER=peps.url)
    if what == "no connection":
        place.environment.update(PEPS_SERVER="http://127.0.0.1:9")
    (place.folder / "peps.txt").unlink()
    if credentials:
        (place.folder / "peps.txt").write_text(credentials)
    if answer:
        peps.faults.add(Fault(Endpoint.GEODES_DOWNLOAD, answer, times=None))
    run = place.download(*options, "--page", "page")
    assert run.status == status, run
    page = Reader(place.folder / "page")
    wrong = page.part("What is wrong", "What is new")
    assert what in wrong
    assert " /" not in wrong  # no folder of this machine
    assert "No product has come yet." in wrong
    assert "a-key" not in page.html


@pytest.mark.parametrize(
    ("answer", "what", "status"),
    [
        (HTML_PAGE, f"PEPS gives no answer about 2 jobs: {FIRST}: an HTML page", 75),
        (FORBIDDEN, f"{FIRST}: http://127.0.0.1", 1),
    ],
)
def test_jobs_of_which_the_service_tells_nothing_are_told_of(
    place: Place, peps: Sandbox, answer: Canned, what: str, status: int
) -> None:
    jobs = [add_small(peps, l1c(day), status="RUNNING") for day in (1, 2)]
    place.write_log(*begun(jobs[0]), *begun(jobs[1]))
    for job in jobs if answer is HTML_PAGE else jobs[:1]:
        ends = (Endpoint.STATUS, Endpoint.REPORT)
        peps.faults.add(*(Fault(endpoint, answer, times=None, match=job.wps_id) for endpoint in ends))
    for options in ((), ("--status",), ("--dates",)):
        assert place.download(*options, "--page", "page").status == status
        assert what in Reader(place.folder / "page").part("What is wrong", "What is new")


def test_since_when_nothing_came_is_said_where_jobs_are_open(place: Place) -> None:
    lines = delivered(place, "2019-03-01", hours=20 * 24)
    place.write_log(*lines)
    assert "Nothing is wrong" in page_of(place).text
    place.write_log(*lines, (ago(1), "available", THEIAS.replace("0301", "0306"), OFFER[1]))
    page = page_of(place)
    assert re.search("What is wrong Nothing has come since [0-9-]+[.]", page.text)


def test_json_stays_json_and_status_writes_nothing_else(place: Place) -> None:
    place.write_log(*ended(FIRST, ("failed", "no")))
    before = {path: path.read_bytes() for path in place.folder.iterdir()}
    assert json.loads(place.download("--json", "--page", "page").out)[0]["state"] == "failed"
    page = place.folder / "page"
    assert sorted(path.name for path in page.rglob("*")) == ["index.html"]
    assert {path: path.read_bytes() for path in place.folder.iterdir() if path != page} == before


@pytest.mark.parametrize("options", [["--check"], ["--page", "."]])
def test_page_that_the_options_do_not_allow(place: Place, options: list[str]) -> None:
    place.write_log()
    place.log.rename(place.folder / "index.html")
    run = place.download("-l", "index.html", "--page", "page", *options)
    assert run.status == 2
    assert "--page" in run.err


FOREIGN = "<!DOCTYPE html><title>The group</title><p>welcome"


@pytest.mark.parametrize(
    ("what", "status"),
    [("file", 1), ("folder", 2), ("file in place of pictures", 1), ("no jinja", 1), (FOREIGN, 2)],
    ids=["file", "folder", "file in place of pictures", "no jinja", "somebody else's"],
)
def test_page_that_cannot_be_written_costs_nothing_else(place: Place, peps: Sandbox, what: str, status: int) -> None:
    place.write_log(*begun(peps.add_job(FIRST, status="FINISHED", results=(l2a("2019-03-01"),))))
    page, environment = place.folder / "page", {}
    before = "<title>MAJA products of peps_maja.log</title>" if what == "file in place of pictures" else what
    if what == "file":
        page.write_text("mine")
    elif what == "folder":
        (page / "index.html").mkdir(parents=True)
    elif what == "no jinja":
        (place.folder / "jinja2.py").write_text("raise ImportError('no jinja2')")
        environment = {"PYTHONPATH": str(place.folder)}
    else:
        page.mkdir()
        (page / "index.html").write_text(before)
        if what == "file in place of pictures":
            (page / "quicklooks").write_text("mine")
    run = place.download("--page", "page", "-q", **environment)
    assert run.status == status
    assert len(run.err.splitlines()) == 1, run.err
    assert "page" in run.err or "jinja2" in run.err
    assert "Traceback" not in run.err
    assert (place.events()[-1][0], place.zips()) == ("finished", [l2a("2019-03-01")])
    if (page / "index.html").is_file():
        assert (page / "index.html").read_text() == before
        assert not (page / "quicklooks").is_dir()
    assert not list(page.rglob("*.part"))


def test_page_of_another_log_is_replaced_with_a_word(place: Place) -> None:
    place.write_log()
    page = place.folder / "page"
    page.mkdir()
    (page / "index.html").write_text("<title>MAJA products of R&amp;D.log</title>")  # as earlier versions wrote it
    run = place.download("--dates", "--page", "page")
    [line] = run.err.splitlines()
    assert run.status == 0
    assert "R&D.log" in line
    assert place.download("--dates", "--page", "page").err == ""
    head = Reader(page).html.partition("<body>")[0]
    assert '<meta name="generator" content="peps_maja">' in head
    assert "<title>MAJA products of peps_maja.log</title>" in head


def test_run_without_page_imports_no_jinja(place: Place, peps: Sandbox) -> None:
    (place.folder / "jinja2.py").write_text("raise SystemExit('jinja2 was imported')")
    place.write_log(*begun(add_small(peps, FIRST, l2a("2019-03-01"))))
    for options in (["--dates"], []):
        assert place.download(*options, PYTHONPATH=str(place.folder)).status == 0


def test_log_without_jobs_and_with_damaged_lines(place: Place) -> None:
    place.write_log(("a line that is not an event",))
    page = page_of(place)
    assert "line 2 " in page.part("What is wrong", "There are no dates yet")
    assert page.states == []


def test_names_that_are_not_utf_8_or_look_like_html(place: Place) -> None:
    names = [f"\udcff<b>{l2a('2019-03-01')}", f"%2e%2e#?{l2a('2019-03-06')}"]
    lines = []
    for name, day in zip(names, ("2019-03-01", "2019-03-06"), strict=True):
        product(place, "x.zip").rename(place.folder / name)
        lines += ended(l1c(day), ("downloaded", name), ("finished", ""))
    place.log.write_bytes(
        b"# peps_maja job log 1\n" + "".join("\t".join(line) + "\n" for line in lines).encode(errors="surrogateescape")
    )
    page = page_of(place)
    assert "<b>" not in page.html
    links = [unquote(link, errors="surrogateescape") for link in page.all("a", "href") if link.startswith("..")]
    assert f"../{names[1]}" in links
    sources = page.all("img", "src")
    assert sources
    assert all((place.folder / "page" / unquote(source, errors="surrogateescape")).is_file() for source in sources)


def test_html_is_valid(place: Place) -> None:
    html5lib = pytest.importorskip("html5lib", reason="html5lib is not installed")
    page_picture.fill(place.folder, dates=60, content=product(place, "x.zip").read_bytes())
    place.download("--dates", "--page", "page", "-q")
    parser = html5lib.HTMLParser(strict=True)
    parser.parse((place.folder / "page" / "index.html").read_bytes(), transport_encoding="utf-8")
    assert parser.errors == []


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
    command = [sys.executable, "-c", program, str(ROOT)]
    run = subprocess.run(
        command, cwd=place.folder, env=place.environment, capture_output=True, text=True, check=False, timeout=60
    )
    status, kilobytes = run.stderr.splitlines()[-1].split()
    assert status in {"0", "1"}, run.stderr
    assert (place.folder / "page" / "index.html").stat().st_size < 2_000_000
    assert len(Reader(place.folder / "page").states) == 450
    assert int(kilobytes) < 60_000
