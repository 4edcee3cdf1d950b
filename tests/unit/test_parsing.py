"""The options of both scripts: what is understood, what does not go together, and how that is shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timezone
from pathlib import Path

import pytest

from peps_maja.errors import UsageError
from peps_maja.options import DownloaderOptions, Options, ProcessOptions
from peps_maja.parsing import downloader_options, process_options

PRODUCT = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
OLD_FORMAT = "S2A_OPER_PRD_MSIL1C_PDMC_20190325T004131_R051_V20190325T103016_20190325T103016"
STATUS_URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"
SEARCH = "-t 31TCJ -d 2019-03-01 -f 2019-03-31"
BOX = "--lonmin 1 --latmin 43 --lonmax 2 --latmax 44"
IN_MARCH = "-d 2019-03-01"

# What only has to be taken; what is stored where is below.
GOOD = {
    "all wishes": f"{SEARCH} -o 143 -c 20.5 --sat S2D --limit 1 --json answer.geojson",
    "a place": f"--location Toulouse {IN_MARCH} --theia first",
    "products": f"--product {PRODUCT} {PRODUCT} --product {PRODUCT} --limit 2 -y",
    "resubmit alone": "--resubmit failed cancelled rejected unsure --limit 3 -n",
    "resubmit of products": f"--product {PRODUCT} --resubmit failed dropped",
    "adopt": f"--adopt {PRODUCT} {STATUS_URL} --adopt {PRODUCT} {STATUS_URL} -l my.log -q -y",
    "drop": f"--drop {PRODUCT} {PRODUCT} -l my.log -v",
    # Coordinates of zero are coordinates: the equator, and the meridian of Greenwich.
    "a point on the equator": f"--lat 0 --lon 6.7 {IN_MARCH}",
    "a point in the Gulf of Guinea": f"--lat 0 --lon 0.0 {IN_MARCH} --theia only -c 20 --limit 3 -w out",
    "a box from the meridian on": f"--lonmin 0 --latmin 43 --lonmax 1 --latmax 44 {IN_MARCH}",
    "a box up to both": f"--lonmin -1 --latmin -1 --lonmax 0 --latmax 0 {IN_MARCH}",
    "products of Theia": "--product SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C_V4-0 --theia only",
    "again": "--again -a a -l b -w c -n -y -q -v --server https://a.b --geodes https://c.d",
}
BAD = {
    "nothing": ("", "nothing to do"),
    "no start": ("-t 31TCJ", "--start-date"),
    "only an end": ("-t 31TCJ -f 2019-03-31", "--start-date"),
    "only dates": ("-d 2019-03-01 -f 2019-03-31", "--start-date goes with a search"),
    "start after end": ("-t 31TCJ -d 2019-03-02 -f 2019-03-01", "the start 2019-03-02 is after the end 2019-03-01"),
    "start in the future": ("-t 31TCJ -d 2999-01-01", "the start 2999-01-01 is after the end"),
    "orbit 0": (f"{SEARCH} -o 0", "'0' is not a valid relative orbit from 1 to 143"),
    "orbit 144": (f"{SEARCH} -o 144", "'144' is not a valid relative orbit"),
    "negative clouds": (f"{SEARCH} -c -1", "'-1' is not a valid percentage"),
    "clouds that are not a number": (f"{SEARCH} -c nan", "'nan' is not a valid percentage"),
    "no satellite of ours": (f"{SEARCH} --sat S3A", "S3A"),
    "no jobs": (f"{SEARCH} --limit 0", "'0' is not a valid number of jobs"),
    "no tile": (f"-t 31TCJ 31ICJ {IN_MARCH}", "31ICJ"),
    "tile and place": (f"{SEARCH} --location Toulouse", "--tile does not go with --location"),
    "tile and the point of zero": (f"{SEARCH} --lat 0 --lon 0", "--tile does not go with --lat"),
    "point and box": (f"{BOX} --lat 43 --lon 1 {IN_MARCH}", "--lat does not go with --lonmin"),
    "tile and product": (f"-t 31TCJ --product {PRODUCT}", "--tile does not go with --product"),
    "half a point": (f"--lat 43 {IN_MARCH}", "a point is --lat --lon"),
    "half a box": (f"--lonmin 1 --latmin 43 --lonmax 2 {IN_MARCH}", "a box --lonmin --latmin --lonmax --latmax"),
    "a box without width": (f"--lonmin 1 --latmin 43 --lonmax 1 --latmax 44 {IN_MARCH}", "no edge beyond the other"),
    "a box upside down": (f"--lonmin 1 --latmin 44 --lonmax 2 --latmax 43 {IN_MARCH}", "no edge beyond the other"),
    "beyond the pole": (f"--lat 91 --lon 1 {IN_MARCH}", "'91' is not a valid latitude"),
    "infinitely far": (f"--lat 43 --lon inf {IN_MARCH}", "'inf' is not a valid longitude"),
    "product and end": (f"--product {PRODUCT} -f 2019-03-01", "--end-date goes with a search"),
    "product and no clouds": (f"--product {PRODUCT} -c 0", "--max-cloud goes with a search"),
    "product in the old format": (f"--product {OLD_FORMAT}", f"{OLD_FORMAT} is not the name of a single-tile L1C"),
    "L1C with Theia alone": (f"--product {PRODUCT} --theia only", f"{PRODUCT} is not the name of an L2A"),
    "resubmit and orbit": ("--resubmit failed -o 51", "--orbit goes with a search"),
    "resubmit what goes well": ("--resubmit finished", "finished"),
    "resubmit dropped": (f"{SEARCH} --resubmit dropped", "--resubmit dropped goes with --product"),
    "adopt without URL": (f"--adopt {PRODUCT}", "--adopt"),
    "adopt and search": (f"--adopt {PRODUCT} {STATUS_URL} {SEARCH}", "--adopt does not go with --tile"),
    "drop and resubmit": (f"--drop {PRODUCT} --resubmit failed", "--drop does not go with --resubmit"),
    "drop and dry run": (f"--drop {PRODUCT} -n", "--drop does not go with --dry-run"),
    "drop and a folder": (f"--drop {PRODUCT} -w there", "--drop does not go with --write-dir"),
    "again and dates": ("--again -f 2019-03-01", "--again does not go with --end-date"),
    "again and Theia": ("--theia only --again", "--again does not go with --theia"),
    "again and limit": ("--again --limit 3", "--again does not go with --limit"),
    "series and clouds": (f"{SEARCH} --series -c 0", "--series does not go with --max-cloud"),
    "series and satellite": (f"{SEARCH} --sat S2A --series", "--series does not go with --sat"),
    "series of nothing": ("--series", "--series goes with a search"),
    "series of a place": (f"--location Toulouse {IN_MARCH} --series", "--series goes with --tile"),
    "page without -n": (f"{SEARCH} --page out", "--page goes with --dry-run"),
    "unknown": (f"{SEARCH} --full", "--full"),
    "shortened": (f"{SEARCH} --dry", "--dry"),
    "a word too many": ("31TCJ", "31TCJ"),
    "an empty place": (f"--location= {IN_MARCH}", "--location: an empty value"),
    "an empty file": (f"{SEARCH} --json=", "--json: an empty value"),
    "what steers a terminal": (f"{SEARCH} \x1b[31mfull\x07", "full"),
    "what steers a terminal, in a value": (f"{SEARCH} -o \x1b[31m5\x07", "is not a valid relative orbit"),
    "neither first nor only": (f"{SEARCH} --theia last", "--theia"),
    "Theia and series": (f"{SEARCH} --series --theia first", "--theia does not go with --series: "),
    "Theia and resubmit": ("--theia first --resubmit failed", "--theia does not go with --resubmit: "),
    "Theia alone, in a named place": (f"--location Toulouse {IN_MARCH} --theia only", "GEODES knows no place names"),
} | {
    day: (f"-t 31TCJ -d {day}", f"{day} is not a valid date")
    for day in ("2023-11-31", "2019-02-29", "0000-01-01", "20190301", "01/03/2019", "2019-03-01T00:00:00", "2019-W09-5")
}
BAD_DOWNLOADER = {
    "unknown": ("--full", "--full"),
    "no downloads": ("-j 0", "'0' is not a valid number of downloads"),
    "negative time-out": ("--wait --timeout=-1", "'-1' is not a valid number of hours"),
    "rounds that are not a number": ("--wait --every nan", "'nan' is not a valid number of minutes"),
    "rounds without waiting": ("--every 5", "--every goes with --wait"),
    "time-out without waiting": ("--timeout 5", "--timeout goes with --wait"),
    "wait and json": ("--wait --json", "--wait does not go with --json"),
    "status and check": ("--check --status", "--status does not go with --check"),
    "unzip and status": ("--unzip --json", "--unzip does not go with --json"),
    "page and check": ("--page out --check", "--page does not go with --check"),
    "dates of no ledger": ("-d 2019-03-01", "--start-date goes with --dates"),
    "dates upside down": ("--dates -d 2019-03-02 -f 2019-03-01", "the start 2019-03-02 is after the end 2019-03-01"),
    "stalled some time": ("--stalled-after x", "'x' is not a valid number of hours"),
    "the log for a table": ("--dates --csv x/../a.log -l a.log", "a.log would replace the log"),
    "a lock for a table": ("--dates --csv a.log.downloader.lock -l a.log", "would replace the log, one of its locks"),
    "the credentials for a table": ("--dates --csv peps.txt", "would replace"),
}


@pytest.fixture(autouse=True)
def _nothing_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PEPS_SERVER", raising=False)
    monkeypatch.delenv("GEODES_SERVER", raising=False)


def process(line: str) -> ProcessOptions:
    return process_options(line.split())


def downloader(line: str) -> DownloaderOptions:
    return downloader_options(line.split())


@pytest.mark.parametrize("line", GOOD.values(), ids=GOOD)
def test_these_go_together(line: str) -> None:
    process(line)


@pytest.mark.parametrize(
    ("read", "line", "message"),
    [(process, *case) for case in BAD.values()] + [(downloader, *case) for case in BAD_DOWNLOADER.values()],
    ids=[*BAD, *(f"downloader: {name}" for name in BAD_DOWNLOADER)],
)
def test_these_do_not_and_it_is_shown_in_one_line(read: Callable[[str], Options], line: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        read(line)
    assert message in str(error.value)
    assert str(error.value).isprintable()


@pytest.mark.parametrize("read", [lambda line: process(f"{SEARCH} {line}"), downloader], ids=["process", "downloader"])
def test_what_both_scripts_share(read: Callable[[str], Options], monkeypatch: pytest.MonkeyPatch) -> None:
    options = read("")
    assert (options.auth, options.log) == (Path("peps.txt"), Path("peps_maja.log"))
    assert (options.server, options.geodes) == ("https://peps.cnes.fr", "https://geodes-portal.cnes.fr")
    assert (options.quiet, options.verbose) == (False, False)
    for variable in ("PEPS_SERVER", "GEODES_SERVER"):
        monkeypatch.setenv(variable, "https://mirror.example.org")
    assert (read("").server, read("").geodes) == ("https://mirror.example.org", "https://mirror.example.org")
    options = read(
        "-a ~/my.txt -l ~no-such-user/a.log --server https://a.example.org --geodes https://b.example.org -q -v"
    )
    assert (options.auth, options.log) == (Path.home() / "my.txt", Path("~no-such-user/a.log"))
    assert (options.server, options.geodes) == ("https://a.example.org", "https://b.example.org")
    assert (options.quiet, options.verbose) == (True, True)
    monkeypatch.setenv("PEPS_SERVER", " ")
    assert read("").server == "https://peps.cnes.fr"


def test_a_search_as_given() -> None:
    options = process("-t 31TCJ t31tch -t T30TYQ -d 2019-03-01 -f 2019-03-31 -o 51 -c 20 --sat S2B --limit 5 -n -y")
    assert options.tile == ["30TYQ", "31TCH", "31TCJ"]
    assert (options.start_date, options.end_date) == (date(2019, 3, 1), date(2019, 3, 31))
    assert (options.orbit, options.max_cloud, options.sat, options.limit) == (51, 20, "S2B", 5)
    assert (options.dry_run, options.yes, options.theia) == (True, True, None)
    assert [process(f"{SEARCH} --theia {which}").is_theia_only for which in ("first", "only")] == [False, True]


@pytest.mark.parametrize("end", ["", "-f 2999-01-01"])
def test_a_search_goes_up_to_today(end: str) -> None:
    earliest = datetime.now(timezone.utc).date()
    options = process(f"-t 31TCJ -d 2019-03-01 {end}")
    assert options.end_date
    assert earliest <= options.end_date <= datetime.now(timezone.utc).date()


def test_names_of_products_and_states_add_up() -> None:
    names = [f"S2A_MSIL1C_2019030{day}T105021_N0207_R051_T31TCJ_20190301T125917" for day in (1, 2, 3)]
    given = f"--product {names[0]}.zip {names[1]} --product {names[2]} {names[0].lower()}"
    assert process(given).product == names
    assert process("--resubmit failed unsure --resubmit rejected").resubmit == ["failed", "unsure", "rejected"]
    assert process("--adopt A B --adopt C D").adopt == [["A", "B"], ["C", "D"]]
    assert process("--drop A --drop B C").drop == ["A", "B", "C"]


def test_the_downloader_as_given() -> None:
    options = downloader("")
    assert (options.write_dir, options.wait, options.jobs, options.page) == (Path(), False, 2, None)
    assert (options.status, options.json, options.check, options.stalled_after) == (False, False, False, 24)
    options = downloader("-w out --wait --every 0.5 --timeout 1.5 -j 4 --stalled-after 48 --page page")
    assert (options.write_dir, options.wait, options.jobs, options.page) == (Path("out"), True, 4, Path("page"))
    assert (options.every, options.timeout, options.stalled_after) == (0.5, 1.5, 48)


@pytest.mark.parametrize(
    ("line", "seconds"),
    [("--wait", 600), ("--wait --every 1", 60), ("--wait --every 0.5", 30), ("--wait --every 0.01", 10)],
)
def test_rounds_are_minutes_apart_and_never_under_10_seconds(line: str, seconds: float) -> None:
    assert downloader(line).pause == seconds


def test_underscores_are_as_good_as_dashes() -> None:
    options = process(
        "--tile 31TCJ --start_date=2019-03-01 --end_date 2019-03-31 --max_cloud=20 --log=my_jobs.log --dry_run"
    )
    assert (options.start_date, options.end_date) == (date(2019, 3, 1), date(2019, 3, 31))
    assert (options.max_cloud, options.log, options.dry_run) == (20, Path("my_jobs.log"), True)
    of_downloader = downloader("--write_dir /data/my_maja --stalled_after 12 --log=my_--_jobs.log")
    assert (of_downloader.write_dir, of_downloader.log) == (Path("/data/my_maja"), Path("my_--_jobs.log"))
