"""Whole runs of peps_maja_process.py: options, search, table, question, and what it says to bad input."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest
from helpers import EMAIL, PASSWORD, ROOT, TILE, Place, Run, in_one_line, l1c, on_terminal, waits

from peps_maja.sandbox import (
    BAD_GATEWAY,
    HTML_PAGE,
    NOT_FOUND,
    Altered,
    Canned,
    Cut,
    Endpoint,
    Fault,
    Reply,
    Sandbox,
    Stall,
)
from peps_maja.sandbox.faults import Answer

MARCH = ("-d", "2019-03-01", "-f", "2019-03-31")
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
SEARCH = ("-t", TILE, *MARCH)
EVERYWHERE = ("--lonmin", "-180", "--latmin", "-90", "--lonmax", "180", "--latmax", "90")
OLD_FORMAT = "S2A_OPER_PRD_MSIL1C_PDMC_20190325T004131_R051_V20190325T103016_20190325T103016"
ERROR_JSON = Canned(200, '{"ErrorCode": 500, "ErrorMessage": "Database Connection Error"}')
SCRIPTS = ("peps_maja_process.py", "peps_maja_downloader.py")


def feature(name: str, latitudes: tuple[float, float] | None = None, **properties: object) -> dict[str, object]:
    """Return what the catalogue says of a product: its name, its footprint and more."""
    south, north = latitudes or (0, 0)
    ring = [[1.0, south], [2.0, south], [2.0, north], [1.0, north], [1.0, south]]
    geometry = {"type": "MultiPolygon", "coordinates": [[ring]]} if latitudes else None
    return {
        "type": "Feature",
        "id": name,
        "geometry": geometry,
        "properties": {"productIdentifier": name, **properties},
    }


def list_products(peps: Sandbox, *names: str) -> list[str]:
    """Give the catalogue these products and no others."""
    peps.catalogue = [feature(name) for name in names]
    return list(names)


def rows(run: Run) -> list[str]:
    """Return the table's rows: the day of each, and what is done with it."""
    table = [re.split(r"  +", line) for line in run.out.splitlines()]
    return [f"{row[0]} {row[6]}" for row in table if re.fullmatch(r"\d{4}-\d\d-\d\d|\?", row[0])]


def queries(peps: Sandbox, *names: str) -> list[tuple[str | None, ...]]:
    """Return these parameters of each request to the catalogue."""
    return [tuple(map(recorded.query.get, names)) for recorded in peps.asked(Endpoint.CATALOGUE)]


def logged(*jobs: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return the lines of a log: event, job and detail of each, with a time."""
    return [("2019-04-02T09:12:44Z", *job) for job in jobs]


# -- from a search to the zips ---------------------------------------------------------------------------------


def test_from_search_to_zips(place: Place, peps: Sandbox) -> None:
    early, middle, late = list_products(peps, l1c(1), l1c(11), l1c(21))
    run = place.process(*SEARCH)
    assert (run.status, run.err) == (0, "")
    assert rows(run) == ["2019-03-01 submit", "2019-03-11 submit", "2019-03-21 submit"]
    assert "3 to 6 hours" in run.out
    assert "24 computed products" in run.out
    assert "3 submitted" in run.out

    assert peps.executed == [early, middle, late]
    assert len(peps.asked(Endpoint.CAPABILITIES)) == 1
    assert peps.asked(Endpoint.EXECUTE)[0].query == {
        "service": "WPS",
        "request": "execute",
        "version": "1.0.0",
        "identifier": "MAJA",
        "datainputs": f"product={early}",
        "storeExecuteResponse": "true",
        "status": "true",
        "title": "Maja-Process",
    }
    lines = place.log.read_bytes().decode().split("\n")
    assert (lines[0], lines[-1]) == ("# peps_maja job log 1", "")
    assert re.fullmatch(rf"# {TIME} peps_maja_process.py {shlex.join(SEARCH)}", lines[1])
    assert all(re.match(rf"{TIME}\t[a-z]+\tS2A_\w+\t\S*$", line) for line in lines[2:-1])
    assert place.events() == [
        event
        for name in (early, middle, late)
        for event in (("submitting", name, ""), ("submitted", name, peps.job(name).status_url))
    ]

    (command,) = re.findall(r"peps_maja_downloader\.py (.*)", run.out)
    assert place.download(*shlex.split(command)).status == 0
    assert len(place.zips()) == 3

    run = place.process(*SEARCH)
    assert (run.status, run.err) == (0, "")
    assert rows(run) == ["2019-03-01 in log", "2019-03-11 in log", "2019-03-21 in log"]
    assert len(peps.asked(Endpoint.EXECUTE)) == 3
    assert len(peps.asked(Endpoint.CAPABILITIES)) == 1


def test_dry_run_writes_nothing_and_needs_no_account(nowhere: Place, peps: Sandbox) -> None:
    list_products(peps, *(l1c(day) for day in range(1, 21)))
    run = nowhere.process(*SEARCH, "-n", PEPS_SERVER=peps.url)
    assert (run.status, len(rows(run)), run.err) == (0, 20, "")
    assert "20 to 40 hours" in run.out
    assert list(nowhere.folder.iterdir()) == []
    assert [recorded.endpoint for recorded in peps.requests] == [Endpoint.CATALOGUE]


# -- where and when --------------------------------------------------------------------------------------------


def test_all_spellings_of_tiles(place: Place, peps: Sandbox) -> None:
    list_products(peps, l1c(1), l1c(2, tile="31TCH"), l1c(3, tile="31TDJ"), l1c(4, tile="31TDH"))
    run = place.process("-t", "t31tcj", "31tch", "-t", "T31TDJ", "31TCJ", *MARCH, "-n")
    assert sorted(queries(peps, "tileid")) == [("31TCH",), ("31TCJ",), ("31TDJ",)]
    assert rows(run) == ["2019-03-01 submit", "2019-03-02 submit", "2019-03-03 submit"]


def test_other_ways_to_say_where(place: Place, peps: Sandbox) -> None:
    ways = {
        "--location Toulouse": {"q": "Toulouse"},
        "--lat 43.6 --lon 1.44": {"lat": "43.6", "lon": "1.44"},
        "--lonmin -4.9 --latmin 43 --lonmax 2.25 --latmax 44.1": {"box": "-4.9,43,2.25,44.1"},
    }
    for way in ways:
        run = place.process(*way.split(), "-d", "2019-03-01", "-f", "2019-03-10", "-n")
        assert run.status == 0
        assert rows(run)
    for query, asked in zip(ways.values(), peps.asked(Endpoint.CATALOGUE), strict=True):
        assert query.items() <= asked.query.items()
        assert "tileid" not in asked.query


def test_first_and_last_day_are_included_and_the_last_is_today_unless_given(place: Place, peps: Sandbox) -> None:
    today = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    names = [l1c("2019-02-28", time="235959"), l1c(1, time="000000"), l1c(31, time="235959")]
    list_products(peps, *names, l1c("2019-04-01", time="000000"), l1c(today, time="000001"))
    assert place.process(*SEARCH).status == 0
    assert peps.executed == names[1:]
    assert rows(place.process("-t", TILE, "-d", "2019-04-01", "-n")) == ["2019-04-01 submit", f"{today} submit"]


# -- which products --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [(("-c", "20"), [1, 2, 3, 11, 12, 13]), (("-o", "51", "-c", "20", "--sat", "S2A", "--limit", "2"), [1, 2])],
    ids=["clouds", "all"],
)
def test_which_products(place: Place, peps: Sandbox, arguments: tuple[str, ...], wanted: list[int]) -> None:
    peps.catalogue = [
        feature(l1c(1), cloudCover=20),
        feature(l1c(2), cloudCover=None),
        feature(l1c(3)),
        feature(l1c(4), cloudCover=20.01),
        feature(l1c(11, sat="S2B"), cloudCover=0),
        feature(l1c(12, orbit=8), cloudCover=1.5),
        feature(l1c(13, sat="S2C"), cloudCover=3),
    ]
    assert place.process(*SEARCH, *arguments).status == 0
    assert [int(name[17:19]) for name in peps.executed] == wanted


def test_the_table_says_what_is_done_with_each_product_and_why(place: Place, peps: Sandbox) -> None:
    peps.catalogue = [
        feature(l1c(1, baseline="N0206"), (43, 44)),
        feature(l1c(1, last="201122"), (43, 44), cloudCover=3.2071, resourceSize=781865648),
        feature(l1c(3, last="110000"), (43, 44)),
        feature(l1c(3, last="120000"), (43, 44)),
        feature(l1c(5), (43, 44)),
        feature(l1c(7), (43, 44)),
        feature(l1c(9), (43, 44), cloudCover=90),
        feature(l1c(11), (43, 44), cloudCover=90.1),
        feature(l1c(13, tile="32VNN"), (60.1, 61.0)),
        feature(l1c(15, tile="32VNM"), (59.6, 60.4)),
        feature(l1c(17, tile="20EMU"), (-61.0, -60.1)),
        feature(l1c(19, tile="34WED"), (65, 66)),
        feature(OLD_FORMAT, startDate="2019-03-25T10:30:16.000Z"),
    ]
    place.write_log(*logged(("finished", l1c(5), ""), ("finished", l1c(7, baseline="N0206", last="111111"), "")))
    run = place.process(*EVERYWHERE, *MARCH, "-n")
    assert run.status == 0
    table = rows(run)
    assert sorted(table[:2]) == ["2019-03-01 older baseline", "2019-03-01 submit"]
    assert table[2:8] == [
        "2019-03-03 submit",
        "2019-03-03 submit",
        "2019-03-05 in log",
        "2019-03-07 in log (N0206)",
        "2019-03-09 submit",
        "2019-03-11 submit; likely NOVALD",
    ]
    assert table[8] == "2019-03-13 beyond 60°"
    assert table[9].startswith("2019-03-15 submit")
    assert table[10:] == ["2019-03-17 beyond 60°", "2019-03-19 beyond 60°", "2019-03-25 old format"]
    assert re.search(r"^2019-03-01 +S2A +R?0?51 .* 3\.2 % +782 MB +submit$", run.out, re.MULTILINE)
    assert "L1C size" in run.out.splitlines()[0]
    assert re.search(r"^13 products: 6 to submit, .*; 782 MB of L1C to process$", run.out, re.MULTILINE)
    assert "6 to 12 hours" in run.out
    assert "48 computed products" in run.out


def test_a_tile_beyond_60_degrees_is_said_so_before_any_request(place: Place, peps: Sandbox) -> None:
    tile = "34WED"
    list_products(peps, l1c(1), l1c(2, tile=tile))
    in_one_line(place.process("-t", tile, *MARCH), 2, f"{tile}: beyond 60°")
    assert not peps.requests
    run = place.process("-t", TILE, tile, *MARCH)
    in_one_line(run, 0, f"{tile}: beyond 60°")
    assert (rows(run), peps.executed) == (["2019-03-01 submit"], [l1c(1)])


def test_named_products_are_submitted_without_a_search(place: Place, peps: Sandbox) -> None:
    early, middle, late = list_products(peps, l1c(1), l1c(11), l1c(21))
    place.write_log(*logged(("submitted", middle, "https://peps.cnes.fr/resto/wps/outputs/pywps-1.xml")))
    run = place.process("--product", late, middle, "--product", early)
    assert (run.status, run.err) == (0, "")
    assert rows(run) == ["2019-03-01 submit", "2019-03-11 in log", "2019-03-21 submit"]
    assert peps.executed == [early, late]
    assert not peps.asked(Endpoint.CATALOGUE)


def test_the_figure_of_clouds_is_short_and_agrees_with_what_is_done(place: Place, peps: Sandbox) -> None:
    given = (40.4, 40.0001, 40, 39.96, 12.3456, 74.9589, 0.04)
    peps.catalogue = [feature(l1c(day), cloudCover=clouds) for day, clouds in enumerate(given, 1)]
    run = place.process(*SEARCH, "-c", "40", "-n")
    shown = re.findall(r" ([0-9.]+) % .*  (.+)$", run.out, re.MULTILINE)
    assert shown == [
        ("40.4", "too cloudy"),
        ("40.0001", "too cloudy"),
        ("40", "submit"),
        ("39.96", "submit"),
        ("12.3", "submit"),
        ("74.96", "too cloudy"),
        ("0.04", "submit"),
    ]


def test_names_are_taken_as_people_paste_them(place: Place, peps: Sandbox) -> None:
    first, second = list_products(peps, l1c(1), l1c(11))
    job = peps.add_job(second)
    assert place.process("--product", f"/data/l1c/{first}.SAFE/".lower(), f"{first}.zip").status == 0
    assert place.process("--adopt", f"C:\\l1c\\{second}.SAFE.zip".lower(), job.status_url).status == 0
    assert place.process("--drop", f"{first}.zip".lower()).status == 0
    events = [("submitting", first), ("submitted", first), ("submitted", second), ("cancelled", first)]
    assert [(event, name) for event, name, _ in place.events()] == events


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*SEARCH, "-t", "31TDJ", "-n"), "The catalogue has nothing for this place and these days (31TCJ, 31TDJ)"),
        ((*SEARCH, "--theia", "only", "-n"), "Theia has nothing for this place and these days"),
        (("--resubmit", "failed", "-n"), "peps_maja.log has nothing to submit again"),
    ],
)
def test_an_empty_answer_is_explained(place: Place, peps: Sandbox, arguments: tuple[str, ...], words: str) -> None:
    peps.catalogue, peps.geodes.items = [], []
    run = place.process(*arguments, GEODES_SERVER=peps.url)
    assert (run.status, run.err) == (0, "")
    assert run.out.splitlines()[0] == "0 products: 0 to submit"
    assert words in run.out.splitlines()[1]


def test_a_span_in_the_future_says_so(place: Place, peps: Sandbox) -> None:
    list_products(peps)
    run = place.process("-t", TILE, "-d", "2999-01-01", "-f", "2999-02-01", "-n")
    in_one_line(run, 0, "2999-01-01 to 2999-02-01", "in the future")
    assert place.process("-t", TILE, "-d", "9999-01-01", "-f", "9999-12-31", "--series").status == 0


# -- account, log, server, output ------------------------------------------------------------------------------


def test_account_and_log_of_other_names(nowhere: Place, peps: Sandbox) -> None:
    list_products(peps, l1c(1))
    account = nowhere.folder.parent / "my account.txt"
    account.write_text(f"# PEPS\n\n{EMAIL}\t{PASSWORD}\n", encoding="utf-8")
    account.chmod(0o644)
    run = nowhere.process(*SEARCH, "-a", account, "--log", "my log.txt", "--server", peps.url)
    assert peps.executed == [l1c(1)]
    in_one_line(run, 0, f"chmod 600 {account}")
    assert l1c(1) in (nowhere.folder / "my log.txt").read_text(encoding="utf-8")
    assert not nowhere.log.exists()

    (command,) = re.findall(r"peps_maja_downloader\.py (.*)", run.out)
    nowhere.download(*shlex.split(command))
    assert len(nowhere.zips()) == 1


def test_quiet_says_only_what_was_done(place: Place, peps: Sandbox) -> None:
    names = list_products(peps, l1c(1), l1c(11))
    place.write_log(*logged(("submitting", l1c(21), "")))
    run = place.process(*SEARCH, "-q")
    assert run.status == 1, "a job is unsure"
    assert run.err.count("\n") == 1, "shown in one line, for it is unsure for an hour"
    assert f"{l1c(21)}: unsure whether" in run.err
    lines = run.out.splitlines()
    assert len(lines) == 2
    assert all(name in line and "submitted" in line for name, line in zip(names, lines, strict=True))
    run = place.process(*SEARCH, "--quiet")
    assert (run.status, run.out, run.err) == (1, "", "")


def test_verbose_shows_each_request_and_where_an_error_came_from(
    place: Place, peps: Sandbox, nobody_there: str
) -> None:
    list_products(peps, l1c(1))
    run = place.process(*SEARCH, "-v")
    assert run.status == 0
    assert all(word in run.err for word in ("search.json?", "GetCapabilities", f"product={l1c(1)}"))
    assert l1c(1) in run.out
    run = place.process(*SEARCH, "--verbose", PEPS_SERVER=nobody_there)
    assert run.status == 75
    assert "Traceback (most recent call last)" in run.err


@pytest.mark.parametrize("script", ["process", "downloader"])
def test_version_and_help(nowhere: Place, script: str) -> None:
    for option, words in (("--version", "peps_maja 1."), ("-h", "--log FILE")):
        with nowhere.start(script, option) as process:
            out, err = process.communicate(timeout=60)
        assert (process.returncode, err, words in out) == (0, "", True)


def test_the_catalogues_answer_is_kept_as_one_geojson(place: Place, peps: Sandbox) -> None:
    features = [feature(l1c(day), (43.2, 44.2), cloudCover=day, updated="2019-04-01") for day in range(1, 8)]
    peps.catalogue = features
    peps.pages, peps.faults.added_between_pages = 3, 1
    kept = place.folder / "answer.json"
    kept.write_text("something older", encoding="utf-8")
    assert place.process(*SEARCH, "--json", "answer.json", "--limit", "1", "-c", "1", "-n").status == 0
    answer = json.loads(kept.read_text(encoding="utf-8"))
    assert answer["type"] == "FeatureCollection"
    assert sorted(answer["features"], key=lambda feature: str(feature["id"])) == features

    in_one_line(place.process(*SEARCH, "--json", "no/such/folder.json", "-c", "1"), 2, "no/such/folder.json")
    assert peps.executed == [l1c(1)]  # output that cannot be written stops no work


# -- the question ----------------------------------------------------------------------------------------------


def test_from_ten_jobs_on_it_asks(place: Place, peps: Sandbox) -> None:
    names = list_products(peps, *(l1c(day) for day in range(1, 20)))
    run = place.process(*SEARCH, "--limit", "10")
    in_one_line(run, 2, "terminal", "-y")
    assert len(rows(run)) == 19, "the table comes before the question"
    assert not peps.asked(Endpoint.CAPABILITIES, Endpoint.EXECUTE)
    assert not place.events()

    assert place.process(*SEARCH, "--limit", "9").status == 0
    assert peps.executed == names[:9]
    assert place.process(*SEARCH, "-y").status == 0
    assert peps.executed == names


@pytest.mark.parametrize(
    ("reply", "status", "submitted"),
    [(b"y\n", 0, 10), (b"OUI\n", 0, 10), (b"n\n", 0, 0), (b"\x04", 0, 0), (b"\x03", 130, 0)],
    ids=["y", "oui", "no", "end of file", "Ctrl-C"],
)
def test_answers_to_the_question(place: Place, peps: Sandbox, reply: bytes, status: int, submitted: int) -> None:
    list_products(peps, *(l1c(day) for day in range(1, 11)))
    run = on_terminal(place, reply, *SEARCH)
    assert (run.status, len(peps.executed)) == (status, submitted), run
    assert "80 computed products" in run.out.partition("[y/N]")[0]
    assert "Traceback" not in run.out
    assert bool(place.events()) == bool(submitted)


def test_after_the_question_the_log_is_read_again_and_what_is_new_was_not_agreed_to(
    place: Place, peps: Sandbox
) -> None:
    names = list_products(peps, *(l1c(day) for day in range(1, 13)))
    url = "https://peps.cnes.fr/resto/wps/outputs/pywps-1.xml"
    older = l1c(12, baseline="N0206")  # keeps the last one away, until it fails
    place.write_log(*logged(("submitted", older, url)))
    meanwhile = logged(("submitted", names[4], url), ("failed", older, "x"))
    assert on_terminal(place, b"y\n", *SEARCH, meanwhile=lambda: place.add_to_log(*meanwhile)).status == 0
    assert peps.executed == names[:4] + names[5:11]


# -- jobs once more, found or given up --------------------------------------------------------------------------

STATES = {
    "failed": l1c(1),
    "cancelled": l1c(3),
    "rejected": l1c(5),
    "unsure": l1c(7),
    "dropped": l1c(9),
    "open": l1c(11),
    "finished": l1c(13),
}


@pytest.fixture
def states(place: Place, peps: Sandbox) -> dict[str, str]:
    """A log with a job in each state, and all of them in the catalogue."""
    lines: list[tuple[str, ...]] = []
    for state, name in STATES.items():
        lines.append(("submitting", name, ""))
        if state != "rejected":
            lines.append(("submitted", name, f"{peps.url}/resto/wps/outputs/pywps-{state}.xml"))
        lines.append(("cancelled", name, "dropped by the user") if state == "dropped" else (state, name, "because"))
        if state in ("open", "unsure"):
            lines.pop()
        if state == "unsure":
            lines.pop()
    place.write_log(*logged(*lines))
    list_products(peps, *STATES.values())
    return STATES


@pytest.mark.parametrize(
    ("where", "again"),
    [((), ("failed", "rejected", "cancelled", "unsure")), (SEARCH, ("unsure", "cancelled"))],
    ids=["alone", "search"],
)
def test_submit_again(
    place: Place, peps: Sandbox, states: dict[str, str], where: tuple[str, ...], again: tuple[str, ...]
) -> None:
    assert place.process(*where, "--resubmit", *again).status == 0
    assert peps.executed == sorted(states[state] for state in again)
    assert [name for event, name, _ in place.events("submitting")][-len(again) :] == peps.executed
    assert bool(peps.asked(Endpoint.CATALOGUE)) == bool(where)

    place.process(*where, "--resubmit", *again)
    assert len(peps.executed) == len(again), "what was submitted again is open now"


def test_a_product_that_is_named_to_be_submitted_again_keeps_its_clouds(place: Place) -> None:
    place.write_log(*logged(("submitting", l1c(1), "2.5"), ("rejected", l1c(1), "no")))
    assert place.process("--product", l1c(1), "--resubmit", "rejected").status == 0
    assert place.events("submitting") == [("submitting", l1c(1), "2.5")] * 2


def test_adopt(place: Place, peps: Sandbox) -> None:
    list_products(peps, l1c(1), l1c(11))
    job, other = peps.add_job(l1c(1)), peps.add_job(l1c(11))
    place.write_log(*logged(("submitting", l1c(1), "")))
    run = place.process("--adopt", l1c(1), job.status_url, "--adopt", l1c(11), other.status_url)
    assert (run.status, run.err) == (0, "")
    assert place.events("submitted") == [
        ("submitted", l1c(1), job.status_url),
        ("submitted", l1c(11), other.status_url),
    ]
    assert peps.requests == []

    run = place.process(*SEARCH)
    assert (run.status, rows(run)) == (0, ["2019-03-01 in log", "2019-03-11 in log"])
    assert place.download("-q").status == 0
    assert len(place.zips()) == 2


def test_drop(place: Place, peps: Sandbox, states: dict[str, str]) -> None:
    run = place.process("--drop", states["unsure"], states["open"], "--drop", states["failed"])
    assert (run.status, run.err) == (0, "")
    assert place.events()[-3:] == [
        ("cancelled", states[state], "dropped by the user") for state in ("unsure", "open", "failed")
    ]
    assert peps.requests == []

    run = place.process(*SEARCH, "--resubmit", "cancelled", "failed", "unsure")
    assert (run.status, run.err) == (0, "")
    assert peps.executed == [states["cancelled"]]


# -- the catalogue ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("habit", ["no links", "repeated products", "links at the top"])
def test_every_page_of_the_catalogue_is_read(place: Place, peps: Sandbox, habit: str) -> None:
    def without_links(reply: Reply) -> Reply:
        answer = json.loads(reply.body)
        del answer["properties"]["links"]
        return reply.with_body(json.dumps(answer))

    names = list_products(peps, *(l1c(day) for day in range(1, 8)))
    peps.pages = 3
    if habit == "no links":
        names = list_products(peps, *(l1c(day, time=f"{hour:02}5021") for day in range(1, 32) for hour in range(17)))
        peps.pages = 1
        peps.faults.add(Fault(Endpoint.CATALOGUE, Altered(without_links), times=None))
    elif habit == "repeated products":
        peps.faults.added_between_pages = 1
    else:
        peps.faults.links_at_top = True
        peps.faults.exact_count = False
    run = place.process(*SEARCH, "-n", "-v")
    assert (run.status, len(rows(run))) == (0, len(names))
    assert set(re.findall(r"S2A_MSIL1C_\w+", run.out)) == set(names)
    numbers = [number for (number,) in queries(peps, "page")]
    assert numbers == [str(number + 1) for number in range(len(numbers))]
    assert set(queries(peps, "productType", "maxRecords")) == {("S2MSI1C", "500")}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (BAD_GATEWAY, "502"),
        (ERROR_JSON, "Database Connection Error"),
        (Cut(after=20), "closed"),
        (Stall(30), "timed out"),
    ],
    ids=["502", "error JSON with 200", "cut in the answer", "time-out"],
)
def test_a_question_is_asked_three_times(hasty: Place, peps: Sandbox, answer: Answer, words: str) -> None:
    peps.faults.add(
        Fault(Endpoint.CATALOGUE, answer, times=2, match="31TCH"),
        Fault(Endpoint.CATALOGUE, answer, times=None, match="31TCJ"),
    )
    seconds = "0.6" if isinstance(answer, Stall) else "10"
    run = hasty.process("-t", "31TCH", *MARCH, "-n", PEPS_TIMEOUT=seconds)
    assert (run.status, run.err) == (0, "")
    assert rows(run)
    in_one_line(hasty.process(*SEARCH, "-n", PEPS_TIMEOUT=seconds), 75, words)
    assert queries(peps, "tileid") == [("31TCH",)] * 3 + [("31TCJ",)] * 3
    assert len(waits(hasty)) == 4


def test_a_server_that_is_busy_and_then_broken_holds_up_no_run(hasty: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(503), times=3), Fault(Endpoint.CATALOGUE, BAD_GATEWAY, times=None))
    in_one_line(hasty.process(*SEARCH, "-n"), 75, "502")


def test_the_catalogue_is_asked_without_an_account(place: Place, peps: Sandbox) -> None:
    netrc = Path(place.environment["HOME"], ".netrc")
    netrc.write_text(f"machine 127.0.0.1 login {EMAIL} password {PASSWORD}\n", encoding="utf-8")
    netrc.chmod(0o600)
    assert place.process(*SEARCH, "--limit", "1").status == 0
    (recorded,) = peps.asked(Endpoint.CATALOGUE)
    assert "authorization" not in recorded.headers


def test_the_check_of_the_account_is_repeated_too(hasty: Place, peps: Sandbox) -> None:
    list_products(peps, l1c(1))
    peps.faults.add(Fault(Endpoint.CAPABILITIES, BAD_GATEWAY), Fault(Endpoint.CAPABILITIES, Cut()))
    assert hasty.process(*SEARCH).status == 0
    assert len(peps.asked(Endpoint.CAPABILITIES)) == 3
    assert peps.executed == [l1c(1)]


def test_control_characters_of_the_catalogue_reach_no_terminal(place: Place, peps: Sandbox) -> None:
    peps.catalogue = [
        feature("S2\x1b[2J\u202e\nevil", startDate="2019-03-03\x1b[31m", platform="\x9b31m", mgrs=TILE),
        feature(l1c(1)),
    ]
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(400, '{"ErrorMessage": "a\\u001b[2J\\nb"}'), match="31TCH"))
    for arguments in (SEARCH, ("-t", "31TCH", *MARCH)):
        run = place.process(*arguments, "-n", "-v")
        assert [sign for sign in run.out + run.err if not sign.isprintable() and sign != "\n"] == []
    assert "a [2J b" in run.err


ONE_URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-"

# -- bad input: which options go together is in tests/unit/test_parsing.py --------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*SEARCH, "--resubmit", "failed", "--theia", "only"), "--resubmit"),
        (("--adopt", "31TCJ", f"{ONE_URL}1.xml"), "31TCJ"),
        (("--adopt", l1c(1), "My processing"), "My processing"),
        (("--adopt", l1c(1), f"{ONE_URL}1.xml", "--adopt", l1c(1), f"{ONE_URL}2.xml"), "which is it?"),
        (("--adopt", l1c(1), f"{ONE_URL}1.xml", "--drop", l1c(1)), "which is it?"),
        (("--drop", l1c(1)), l1c(1)),
        ((*SEARCH, "--server", "http://peps.example.org"), "https"),
    ],
    ids=["options", "adopt no job", "adopt no address", "adopt twice", "adopt and drop", "drop nothing", "http"],
)
def test_what_cannot_be_done_is_one_line_before_any_request(
    place: Place, peps: Sandbox, arguments: tuple[str, ...], words: str
) -> None:
    run = place.process(*arguments)
    in_one_line(run, 2, words)
    assert (run.out, peps.requests, place.log.exists()) == ("", [], False)


@pytest.mark.parametrize(
    ("content", "environment", "words"),
    [("", {}, "peps.txt"), (f"{EMAIL} {PASSWORD}\n", {"PEPS_USER": EMAIL}, "PEPS_PASSWORD")],
    ids=["no account", "user alone"],
)
def test_credentials_are_missed_only_where_there_is_something_to_order(
    nowhere: Place, peps: Sandbox, content: str, environment: dict[str, str], words: str
) -> None:
    (nowhere.folder / "peps.txt").write_text(content)
    (nowhere.folder / "peps.txt").chmod(0o600)
    environment = {"PEPS_SERVER": peps.url, **environment}
    list_products(peps)
    run = nowhere.process(*SEARCH, **environment)
    assert (run.status, rows(run), run.err) == (0, [], "")
    list_products(peps, l1c(1))
    in_one_line(nowhere.process(*SEARCH, **environment), 2, words)
    assert not peps.asked(Endpoint.CAPABILITIES, Endpoint.EXECUTE)
    assert nowhere.events() == []


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [
        (Endpoint.CATALOGUE, NOT_FOUND),
        (Endpoint.CATALOGUE, Canned(200, '{"features": null}')),
        (Endpoint.CAPABILITIES, HTML_PAGE),
        (Endpoint.CAPABILITIES, Canned(200, "<capabilities/>")),
    ],
    ids=["404", "no features", "HTML", "other XML"],
)
def test_a_server_that_is_no_peps(place: Place, peps: Sandbox, endpoint: Endpoint, answer: Canned) -> None:
    list_products(peps, l1c(1))
    peps.faults.add(Fault(endpoint, answer, times=None))
    in_one_line(place.process(*SEARCH), 75, peps.url)
    assert not peps.asked(Endpoint.EXECUTE)
    assert not place.log.exists() or not place.events()


def test_no_server(place: Place) -> None:
    in_one_line(place.process(*SEARCH, "--server", "http://127.0.0.1:9"), 75, "no connection to http://127.0.0.1:9")
    assert not place.log.exists()


# -- Python, and where the script lies -------------------------------------------------------------------------


def old_pythons() -> list[str]:
    """Return the interpreters on this machine that are too old."""
    shims = (shutil.which(f"python3.{minor}") for minor in range(3, 11))
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = [*filter(None, shims), *map(str, versions.glob("3.*/bin/python"))]
    question = [*("-E", "-c"), "import sys; sys.exit(sys.version_info >= (3, 11))"]
    return [path for path in found if subprocess.run([path, *question], check=False).returncode == 0]


@pytest.mark.parametrize("script", SCRIPTS)
def test_an_older_python_can_read_the_script_and_is_told_to_go(nowhere: Place, script: str) -> None:
    ast.parse((ROOT / script).read_text(encoding="utf-8"), feature_version=(3, 6))
    if not (interpreters := old_pythons()):
        pytest.skip("no Python older than 3.11 here")
    for interpreter in interpreters:
        command, path = [interpreter, str(ROOT / script), "-v"], {"PATH": os.defpath}
        run = subprocess.run(command, cwd=nowhere.folder, env=path, capture_output=True, text=True, check=False)
        assert (run.returncode, run.stdout, run.stderr.count("\n")) == (2, "", 1), run
        assert "Python 3.11" in run.stderr
