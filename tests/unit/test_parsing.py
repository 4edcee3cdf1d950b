"""The options of both scripts: what is understood, what does not go together, and how that is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from datetime import date, datetime, timezone
from pathlib import Path

import pytest

from peps_maja.errors import UsageError
from peps_maja.options import DownloaderOptions, Options, ProcessOptions
from peps_maja.parsing import downloader_options, process_options

PRODUCT = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
STATUS_URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"
SEARCH = "-t 31TCJ -d 2019-03-01 -f 2019-03-31"
BOX = "--lonmin 1 --latmin 43 --lonmax 2 --latmax 44"

BOTH = {
    "--auth",
    "--log",
    "--server",
    "--geodes",
    "--quiet",
    "--verbose",
    "--version",
    "--help",
    "-a",
    "-l",
    "-q",
    "-v",
    "-h",
}
OF_PROCESS = {
    *("--tile", "--start-date", "--end-date", "--orbit", "--max-cloud", "-t", "-d", "-f", "-o", "-c"),
    *("--sat", "--location", "--lat", "--lon", "--lonmin", "--latmin", "--lonmax", "--latmax", "--product"),
    *("--dry-run", "-n", "--yes", "-y", "--limit", "--again", "--resubmit", "--adopt", "--drop", "--json", "--theia"),
}
OF_DOWNLOADER = {
    *("--write-dir", "-w", "--wait", "--every", "--timeout", "--jobs", "-j", "--status", "--json"),
    *("--stalled-after", "--check", "--page"),
}

# What goes together, and what of it is stored where.
GOOD = {
    "a search": SEARCH,
    "one day": "-t 31TCJ -d 2019-03-01 -f 2019-03-01",
    "several tiles": f"-t 31TCJ 31TCH -t T30TYQ {SEARCH}",
    "all wishes": f"{SEARCH} -o 143 -c 20.5 --sat S2C --limit 1 --json answer.geojson",
    "a place": "--location Toulouse -d 2019-03-01",
    "a point": "--lat 43.6 --lon -1.4 -d 2019-03-01",
    "a box": f"{BOX} -d 2019-03-01",
    "products": f"--product {PRODUCT} {PRODUCT} --product {PRODUCT} --limit 2 -y",
    "resubmit alone": "--resubmit failed cancelled rejected unsure",
    "resubmit a few": "--resubmit failed --limit 3 -n",
    "resubmit of a search": f"{SEARCH} --resubmit unsure",
    "resubmit of products": f"--product {PRODUCT} --resubmit failed dropped",
    "satellite D": f"{SEARCH} --sat S2D",
    "adopt": f"--adopt {PRODUCT} {STATUS_URL} --adopt {PRODUCT} {STATUS_URL} -l my.log -q",
    "drop": f"--drop {PRODUCT} {PRODUCT} -l my.log -v",
    # Coordinates of zero are coordinates: the equator, and the meridian of Greenwich.
    "a point on the equator": "--lat 0 --lon 6.7 -d 2019-03-01",
    "a point on the meridian": "--lat 44 --lon 0 -d 2019-03-01",
    "a point in the Gulf of Guinea": "--lat 0 --lon 0.0 -d 2019-03-01",
    "a box from the meridian on": "--lonmin 0 --latmin 43 --lonmax 1 --latmax 44 -d 2019-03-01",
    "a box up to both": "--lonmin -1 --latmin -1 --lonmax 0 --latmax 0 -d 2019-03-01",
    "no clouds at all": f"{SEARCH} -c 0",
    "Theia first": f"{SEARCH} --theia first --geodes https://geodes.example.org",
    "Theia first, in a place": "--location Toulouse -d 2019-03-01 --theia first",
    "Theia alone, at a point": "--lat 0 --lon 0 -d 2019-03-01 --theia only -c 20 --limit 3 -w out",
    "products of Theia": "--product SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C_V4-0 --theia only",
}
BAD = {
    "nothing": ("", "nothing to do"),
    "no start": ("-t 31TCJ", "--start-date"),
    "only an end": ("-t 31TCJ -f 2019-03-31", "--start-date"),
    "only dates": ("-d 2019-03-01 -f 2019-03-31", "--start-date goes with a search"),
    "start after end": ("-t 31TCJ -d 2019-03-02 -f 2019-03-01", "the start 2019-03-02 is after the end 2019-03-01"),
    "start in the future": ("-t 31TCJ -d 2999-01-01", "the start 2999-01-01 is after the end"),
    "the 31st of November": ("-t 31TCJ -d 2023-11-01 -f 2023-11-31", "2023-11-31 is not a valid date"),
    "the 29th of February": ("-t 31TCJ -d 2019-02-29", "2019-02-29 is not a valid date"),
    "month 13": ("-t 31TCJ -d 2019-13-01", "2019-13-01"),
    "year 0": ("-t 31TCJ -d 0000-01-01", "0000-01-01"),
    "short month": ("-t 31TCJ -d 2019-3-1", "'2019-3-1' is not a valid date"),
    "no dashes": ("-t 31TCJ -d 20190301", "'20190301' is not a valid date"),
    "slashes": ("-t 31TCJ -d 01/03/2019", "'01/03/2019' is not a valid date"),
    "a time": ("-t 31TCJ -d 2019-03-01T00:00:00", "is not a valid date"),
    "a week": ("-t 31TCJ -d 2019-W09-5", "is not a valid date"),
    "orbit 0": (f"{SEARCH} -o 0", "'0' is not a valid relative orbit from 1 to 143"),
    "orbit 144": (f"{SEARCH} -o 144", "'144' is not a valid relative orbit"),
    "half an orbit": (f"{SEARCH} -o 51.5", "'51.5' is not a valid relative orbit"),
    "negative clouds": (f"{SEARCH} -c -1", "'-1' is not a valid percentage"),
    "too many clouds": (f"{SEARCH} -c 101", "'101' is not a valid percentage"),
    "clouds that are not a number": (f"{SEARCH} -c nan", "'nan' is not a valid percentage"),
    "no satellite of ours": (f"{SEARCH} --sat S3A", "S3A"),
    "no jobs": (f"{SEARCH} --limit 0", "'0' is not a valid number of jobs"),
    "tile and place": (f"{SEARCH} --location Toulouse", "exclude each other"),
    "tile and point": (f"{SEARCH} --lat 43 --lon 1", "exclude each other"),
    "tile and the point of zero": (f"{SEARCH} --lat 0 --lon 0", "exclude each other"),
    "point and box": (f"--lat 43 --lon 1 {BOX} -d 2019-03-01", "exclude each other"),
    "tile and product": (f"-t 31TCJ --product {PRODUCT}", "exclude each other"),
    "half a point": ("--lat 43 -d 2019-03-01", "--lat and --lon go together"),
    "half a box": ("--lonmin 1 --latmin 43 --lonmax 2 -d 2019-03-01", "a box needs"),
    "a box without width": ("--lonmin 1 --latmin 43 --lonmax 1 --latmax 44 -d 2019-03-01", "the box is empty"),
    "a box upside down": ("--lonmin 1 --latmin 44 --lonmax 2 --latmax 43 -d 2019-03-01", "the box is empty"),
    "beyond the pole": ("--lat 91 --lon 1 -d 2019-03-01", "'91' is not a valid latitude"),
    "beyond the date line": ("--lat 43 --lon 181 -d 2019-03-01", "'181' is not a valid longitude"),
    "infinitely far": ("--lat 43 --lon inf -d 2019-03-01", "'inf' is not a valid longitude"),
    "product and dates": (f"--product {PRODUCT} -d 2019-03-01", "--start-date goes with a search"),
    "product and end": (f"--product {PRODUCT} -f 2019-03-01", "--end-date goes with a search"),
    "product and clouds": (f"--product {PRODUCT} -c 5", "--max-cloud goes with a search"),
    "product and no clouds": (f"--product {PRODUCT} -c 0", "--max-cloud goes with a search"),
    "resubmit and orbit": ("--resubmit failed -o 51", "--orbit goes with a search"),
    "resubmit what goes well": ("--resubmit finished", "finished"),
    "resubmit dropped": (f"{SEARCH} --resubmit dropped", "--resubmit dropped goes with --product"),
    "resubmit nothing": ("--resubmit", "--resubmit"),
    "adopt without URL": (f"--adopt {PRODUCT}", "--adopt"),
    "adopt and search": (f"--adopt {PRODUCT} {STATUS_URL} {SEARCH}", "--adopt and --drop stand alone"),
    "drop and resubmit": (f"--drop {PRODUCT} --resubmit failed", "take away --resubmit"),
    "unknown": (f"{SEARCH} --full", "--full"),
    "a word too many": ("31TCJ", "31TCJ"),
    "an empty place": ("--location= -d 2019-03-01", "--location: an empty value"),
    "an empty file": (f"{SEARCH} --json=", "--json: an empty name"),
    "an empty log": (f"{SEARCH} --log=", "--log: an empty name"),
    "a place in another encoding": ("--location caf\udce9 -d 2019-03-01", "is not UTF-8 text"),
    "a job in another encoding": ("--drop caf\udce9", "is not UTF-8 text"),
    "nobody's home": (f"{SEARCH} --json ~no-such-user/a.json", "cannot find the home folder"),
    "what steers a terminal": (f"{SEARCH} \x1b[31mfull\x07", "full"),
    "what steers a terminal, in a value": (f"{SEARCH} -o \x1b[31m5\x07", "is not a valid relative orbit"),
}
BAD |= {
    "neither first nor only": (f"{SEARCH} --theia last", "--theia"),
    "Theia and series": (f"{SEARCH} --series --theia first", "--theia does not go with --series: "),
    "Theia and resubmit": (f"{SEARCH} --theia only --resubmit failed", "--theia does not go with --resubmit: "),
    "Theia and resubmit alone": ("--theia first --resubmit failed", "--theia does not go with --resubmit: "),
    "Theia alone, in a named place": ("--location Toulouse -d 2019-03-01 --theia only", "GEODES knows no place names"),
    "Theia and drop": (f"--drop {PRODUCT} --theia only", "take away --theia"),
    "Theia and nothing": ("--theia only", "nothing to do"),
}
BAD_DOWNLOADER = {
    "unknown": ("--full", "--full"),
    "no downloads": ("-j 0", "'0' is not a valid number of downloads"),
    "half a download": ("-j 1.5", "'1.5' is not a valid number of downloads"),
    "time-out that is not a number": ("--wait --timeout soon", "'soon' is not a valid number of hours"),
    "negative time-out": ("--wait --timeout=-1", "'-1' is not a valid number of hours"),
    "rounds that are not a number": ("--wait --every nan", "'nan' is not a valid number of minutes"),
    "rounds without waiting": ("--every 5", "--every and --timeout go with --wait"),
    "time-out without waiting": ("--timeout 5", "--every and --timeout go with --wait"),
    "wait and status": ("--wait --status", "exclude each other"),
    "wait and json": ("--wait --json", "exclude each other"),
    "unzip and status": ("--unzip --json", "--unzip goes with a run that downloads"),
    "page and check": ("--page out --check", "--page does not go with --check"),
    "wait and check": ("--wait --check", "exclude each other"),
    "stalled some time": ("--stalled-after x", "'x' is not a valid number of hours"),
    "a word too many": ("my.log", "my.log"),
}

Read = Callable[[list[str]], Options]


@pytest.fixture(autouse=True)
def _nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PEPS_SERVER", raising=False)
    monkeypatch.delenv("GEODES_SERVER", raising=False)
    monkeypatch.setenv("COLUMNS", "100")


def process(line: str) -> ProcessOptions:
    return process_options(line.split())


def downloader(line: str) -> DownloaderOptions:
    return downloader_options(line.split())


def assert_one_line(error: UsageError, message: str) -> None:
    assert message in str(error)
    assert str(error).isprintable()


@pytest.mark.parametrize("line", GOOD.values(), ids=GOOD)
def test_these_go_together(line: str) -> None:
    process(line)


@pytest.mark.parametrize(("line", "message"), BAD.values(), ids=BAD)
def test_these_do_not_and_it_is_shown_in_one_line(line: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        process(line)
    assert_one_line(error.value, message)


@pytest.mark.parametrize(("line", "message"), BAD_DOWNLOADER.values(), ids=BAD_DOWNLOADER)
def test_so_with_the_downloader(line: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        downloader(line)
    assert_one_line(error.value, message)


@pytest.mark.parametrize(
    ("read", "known"),
    [(process_options, BOTH | OF_PROCESS), (downloader_options, BOTH | OF_DOWNLOADER)],
    ids=["process", "downloader"],
)
def test_help_names_every_option(read: Read, known: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    for asked in ("-h", "--help"):
        with pytest.raises(SystemExit) as left:
            read([asked])
        assert left.value.code == 0
        out, err = capsys.readouterr()
        words = set(out.replace(",", " ").replace("[", " ").replace("]", " ").split())
        assert known - words == set()
        assert err == ""


@pytest.mark.parametrize("read", [process_options, downloader_options])
def test_version(read: Read, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        read(["--version"])
    assert left.value.code == 0
    name, number = capsys.readouterr().out.split()
    assert name == "peps_maja"
    assert [part.isdecimal() for part in number.split(".")] == [True, True, True]


@pytest.mark.parametrize("read", [lambda line: process(f"{SEARCH} {line}"), downloader], ids=["process", "downloader"])
def test_what_both_scripts_share(read: Callable[[str], Options]) -> None:
    options = read("")
    assert (options.auth, options.log) == (Path("peps.txt"), Path("peps_maja.log"))
    assert options.server == "https://peps.cnes.fr"
    assert (options.quiet, options.verbose) == (False, False)
    options = read("-a my.txt -l my.log --server https://peps.example.org -q -v")
    assert (options.auth, options.log, options.server) == (Path("my.txt"), Path("my.log"), "https://peps.example.org")
    assert (options.quiet, options.verbose) == (True, True)


@pytest.mark.parametrize("read", [lambda line: process(f"{SEARCH} {line}"), downloader], ids=["process", "downloader"])
@pytest.mark.parametrize(
    ("name", "default"), [("server", "https://peps.cnes.fr"), ("geodes", "https://geodes-portal.cnes.fr")]
)
def test_server_comes_from_its_option_or_the_environment(
    read: Callable[[str], Options], name: str, default: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = {"server": "PEPS_SERVER", "geodes": "GEODES_SERVER"}[name]
    assert getattr(read(""), name) == default
    monkeypatch.setenv(variable, "https://mirror.example.org")
    assert getattr(read(""), name) == "https://mirror.example.org"
    assert getattr(read(f"--{name} https://here.example.org"), name) == "https://here.example.org"
    for empty in ("", " "):
        monkeypatch.setenv(variable, empty)
        assert getattr(read(""), name) == default


def test_theia_and_page_as_given() -> None:
    assert [process(f"{SEARCH} {given}").theia for given in ("", "--theia first", "--theia only")] == [
        None,
        "first",
        "only",
    ]
    assert downloader("").page is None
    for line in ("", "--wait", "--status", "--dates", "--json"):
        assert downloader(f"--page out {line}").page == Path("out")


def test_options_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        process(SEARCH).orbit = 5  # type: ignore[misc]


def test_a_search_as_given() -> None:
    options = process("-t 31TCJ t31tch -t T30TYQ -d 2019-03-01 -f 2019-03-31 -o 51 -c 20 --sat S2B --limit 5 -n -y")
    assert options.tile == ["30TYQ", "31TCH", "31TCJ"]
    assert (options.start_date, options.end_date) == (date(2019, 3, 1), date(2019, 3, 31))
    assert (options.orbit, options.max_cloud, options.sat, options.limit) == (51, 20, "S2B", 5)
    assert (options.dry_run, options.yes) == (True, True)


def test_a_search_goes_up_to_today() -> None:
    earliest = datetime.now(timezone.utc).date()
    end = process("-t 31TCJ -d 2019-03-01").end_date
    assert end
    assert earliest <= end <= datetime.now(timezone.utc).date()


def test_names_of_products_and_states_add_up() -> None:
    names = [f"S2A_MSIL1C_2019030{day}T105021_N0207_R051_T31TCJ_20190301T125917" for day in (1, 2, 3)]
    given = f"--product {names[0]}.zip {names[1]} --product {names[2]} {names[0].lower()}"
    assert process(given).product == names
    assert process("--resubmit failed unsure --resubmit rejected").resubmit == ["failed", "unsure", "rejected"]
    assert process("--adopt A B --adopt C D").adopt == [["A", "B"], ["C", "D"]]
    assert process("--drop A --drop B C").drop == ["A", "B", "C"]


def test_the_downloader_as_given() -> None:
    options = downloader("-w out --wait --every 0.5 --timeout 1.5 -j 4 --stalled-after 48")
    assert (options.write_dir, options.wait, options.jobs) == (Path("out"), True, 4)
    assert (options.every, options.timeout, options.stalled_after) == (0.5, 1.5, 48)


def test_the_downloader_by_default() -> None:
    options = downloader("")
    assert (options.write_dir, options.wait, options.jobs) == (Path(), False, 2)
    assert (options.status, options.json, options.check, options.stalled_after) == (False, False, False, 24)


@pytest.mark.parametrize(
    ("line", "seconds"),
    [("--wait", 600), ("--wait --every 1", 60), ("--wait --every 0.5", 30), ("--wait --every 0.01", 10)],
)
def test_rounds_are_minutes_apart_and_never_under_10_seconds(line: str, seconds: float) -> None:
    assert downloader(line).pause == seconds


@pytest.mark.parametrize("line", [SEARCH, f"{SEARCH} -q", "--tile 31TCJ --start-date 2019-03-01 --max-cloud=20"])
def test_underscores_are_as_good_as_dashes(line: str) -> None:
    dashed = f"{line} --dry-run"
    with_underscores = process(dashed.replace("-d ", "--start_date ").replace("--dry-run", "--dry_run"))
    assert vars(with_underscores) | {"command": ""} == vars(process(dashed)) | {"command": ""}


def test_underscores_of_values_stay() -> None:
    options = process("--tile 31TCJ --start_date=2019-03-01 --end_date=2019-03-31 --max_cloud=20 --log=my_jobs.log")
    assert (options.end_date, options.max_cloud, options.log) == (date(2019, 3, 31), 20, Path("my_jobs.log"))
    of_downloader = downloader("--write_dir /data/my_maja --stalled_after 12 --log=my_--_jobs.log")
    assert (of_downloader.write_dir, of_downloader.stalled_after, of_downloader.log) == (
        Path("/data/my_maja"),
        12,
        Path("my_--_jobs.log"),
    )
