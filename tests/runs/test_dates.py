"""Many results in one job, and the ledger: one line per tile and date, whatever happened on the way."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import Enum
from pathlib import Path

import pytest
from helpers import (
    EMAIL,
    PASSWORD,
    STATUS_URL,
    TILE,
    Lines,
    Place,
    add_small,
    ago,
    begun,
    contents,
    l1c,
    l2a,
    lines_of_dates,
    novald,
    tiny,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.lines import HEADER
from peps_maja.joblog.log import JobLog
from peps_maja.peps.service import Server
from peps_maja.sandbox import NOT_FOUND, Altered, Endpoint, Fault, Reply, Sandbox, Stall
from peps_maja.standing.dates import as_csv
from peps_maja.standing.dates import dates_of as dated
from peps_maja.standing.overview import standing_of
from peps_maja_downloader import main as download

pytestmark = pytest.mark.slow

Row = dict[str, str]

YEAR = f"{TILE}_2018-01-01_2018-12-31"
DAY = timedelta(days=1)
OUT_OF_MEMORY = "out of memory"
FINAL = {"on disk", "too cloudy", "failed", "not delivered"}
NOT_ON_A_LINE = {"job", "message", "size_bytes", "clouds", "folder"}  # without -v, or in other words


def dates_of(place: Place, status: int = 0, *options: str) -> list[Row]:
    """Return the ledger as its CSV has it; the lines on standard output are as many and fit a terminal."""
    run = place.download("--dates", "--csv", "dates.csv", *options)
    assert run.status == status, run
    rows = read(place.folder / "dates.csv")
    for line, row in zip(lines_of_dates(run.out), rows, strict=True):
        begin = row["file"][:20]  # a long name is shortened
        assert all(value in line for name, value in (row | {"file": begin}).items() if name not in NOT_ON_A_LINE)
        assert row["job"] not in line
    assert max(map(len, lines_of_dates(run.out)), default=0) <= 100
    return rows


def read(table: Path) -> list[Row]:
    with table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def states(rows: Iterable[Row]) -> dict[str, str]:
    """Return the state of each date; a date has one line only."""
    found = [(row["date"], row["state"]) for row in rows]
    assert len(dict(found)) == len(found), found
    return dict(found)


# -- many results in one job ------------------------------------------------------------------------------------


def test_a_year_of_70_dates_half_of_them_cloudy(place: Place, peps: Sandbox) -> None:
    days = [str(date(2018, 1, 1) + 5 * DAY * number) for number in range(70)]
    satellites = ["S2A", "S2B"] * 35
    plan = [f"{day}/{satellite}/R051" for day, satellite in zip(days, satellites, strict=True)]
    cloudy = [novald(*seen) for seen in zip(days[:35], satellites[:35], strict=True)]
    clear = [l2a(*seen) for seen in zip(days[35:69], satellites[35:69], strict=True)]  # the last one is left out
    mixed = [name for pair in zip(cloudy, [*clear, ""], strict=True) for name in pair if name]
    job = add_small(peps, YEAR, *mixed)
    job.unprocessed = 1
    place.write_log(*begun(job, *plan))

    run = place.download("-q", "-j", "4")
    assert (run.status, run.err) == (0, "")
    assert place.zips() == sorted(clear)
    assert Counter(place.events("novald")) == Counter(("novald", YEAR, name) for name in cloudy)
    assert Counter(place.events("downloaded")) == Counter(("downloaded", YEAR, name) for name in clear)
    assert place.events()[-1] == ("finished", YEAR, "")
    assert len(place.events()) == 2 + 69 + 1
    assert all(name in run.out for name in mixed)
    *results, left_out, end = run.out.splitlines()
    assert re.search(r"\b1\b.*\bdates\b", left_out)
    assert "all jobs are done" in end
    assert len(results) == 69
    assert len(peps.asked(Endpoint.RESULT)) == 34

    rows = dates_of(place)
    assert [row["date"] for row in rows] == days
    assert Counter(states(rows).values()) == {"too cloudy": 35, "on disk": 34, "not delivered": 1}
    assert rows[69]["state"] == "not delivered"
    assert {(row["tile"], row["orbit"], row["job"]) for row in rows} == {(TILE, "R051", YEAR)}
    assert [row["satellite"] for row in rows] == satellites
    assert [row["file"] for row in rows if row["state"] == "on disk"] == clear
    assert {row["file"] for row in rows if row["state"] != "on disk"} == {""}

    before = len(peps.requests)
    assert place.download("-q").out == ""
    assert len(peps.requests) == before


@pytest.mark.parametrize("first", ["RUNNING", "FINISHED"])
def test_more_results_at_a_later_poll_are_followed_up(place: Place, peps: Sandbox, first: str) -> None:
    names = [l2a(f"2018-01-0{day}") for day in (1, 3, 5)] + [novald("2018-01-07")]
    job = add_small(peps, YEAR, *names)
    job.results[1].served = False
    place.write_log(*begun(job, *(f"2018-01-0{day}/S2A/R051" for day in (1, 3, 5, 7))))

    def shorten(reply: Reply) -> Reply:
        report = json.loads(reply.body)["USER_INFO"]
        report["job_status"], report["results"] = first, report["results"][:2]
        return reply.with_body(json.dumps({"USER_INFO": report}))

    peps.faults.add(Fault(Endpoint.REPORT, Altered(shorten)))
    place.download()
    assert not place.events("finished")

    job.results[1].served = True
    assert place.download().status == 0
    assert place.zips() == sorted(names[:3])
    assert Counter(detail for _, _, detail in place.events("downloaded", "novald")) == Counter(names)
    assert place.events()[-1] == ("finished", YEAR, "")
    fetched = Counter(asked.path.rpartition("/")[2] for asked in peps.asked(Endpoint.RESULT))
    assert fetched[names[0]] == fetched[names[2]] == 1
    assert set(states(dates_of(place)).values()) == {"on disk", "too cloudy"}


def test_one_missing_result_holds_up_no_other(place: Place, peps: Sandbox) -> None:
    names = [l2a(f"2018-01-0{day}") for day in (1, 3, 5)]
    job = add_small(peps, YEAR, *names)
    job.results[0].served = False
    place.write_log(*begun(job, *(f"2018-01-0{day}/S2A/R051" for day in (1, 3, 5))))
    run = place.download()
    assert (run.status, place.zips()) == (1, names[1:])
    assert [detail.split()[:2] for _, _, detail in place.events("missing")] == [[names[0], "absent"]]
    assert not place.events("finished")
    assert states(dates_of(place)) == {"2018-01-01": "waiting", "2018-01-03": "on disk", "2018-01-05": "on disk"}

    job.results[0].served = True
    assert place.download().status == 0
    assert Counter(place.events("downloaded")) == Counter(("downloaded", YEAR, name) for name in names)
    assert place.events()[-1] == ("finished", YEAR, "")
    assert len(place.events("missing")) == 1
    assert set(states(dates_of(place)).values()) == {"on disk"}


def test_each_zip_is_verified_against_tile_and_span(place: Place, peps: Sandbox) -> None:
    good = [l2a("2018-03-01"), l2a("2018-04-24", "S2B"), l2a("2018-04-25", time="000500-000")]
    foreign = [l2a("2018-03-11", tile="31TCH"), l2a("2018-02-28"), l2a("2018-06-01"), l2a("2017-03-21")]
    within = l2a("2018-03-16")  # its name lies: it holds another tile
    name = f"{TILE}_2018-03-01_2018-04-24"
    job = add_small(peps, name, *good, *foreign, within)
    job.results[-1].content = tiny(l2a("2018-03-16", tile="31TCH"))
    place.write_log(*begun(job, "2018-03-01/S2A/R051", "2018-03-16/S2A/R051"))
    run = place.download("-j", "4")
    assert run.status == 1
    assert place.zips() == sorted(good)
    missing = sorted(detail.split()[:2] for _, _, detail in place.events("missing"))
    assert missing == sorted([name, "broken"] for name in [*foreign, within])
    assert not list(place.folder.glob("*.part"))
    assert not place.events("finished")


@pytest.mark.parametrize("count", ["2", 2])
def test_dates_left_out_are_told_once(place: Place, peps: Sandbox, count: str | int) -> None:
    job = add_small(peps, YEAR, l2a("2018-01-01"))
    place.write_log(*begun(job, "2018-01-01/S2A/R051", "2018-01-06/S2B/R051", "2018-01-11/S2A/R051"))

    def change(reply: Reply) -> Reply:
        report = json.loads(reply.body)["USER_INFO"] | {"unprocessed": count}
        return reply.with_body(json.dumps({"USER_INFO": report}))

    peps.faults.add(Fault(Endpoint.REPORT, Altered(change)))
    run = place.download("-q")
    assert run.status == 0
    told = [line for line in run.out.splitlines() if l2a("2018-01-01") not in line and "all jobs are done" not in line]
    assert len(told) == 1
    assert YEAR in told[0]
    assert re.search(r"\b2\b", told[0].replace(YEAR, ""))
    assert "--dates" in told[0]
    assert place.download("-q").out == ""
    assert states(dates_of(place)) == {
        "2018-01-01": "on disk",
        "2018-01-06": "not delivered",
        "2018-01-11": "not delivered",
    }


def test_a_product_that_a_single_job_brought_already(place: Place, peps: Sandbox) -> None:
    single = add_small(peps, l1c("2018-01-01"), l2a("2018-01-01"))
    series = add_small(peps, YEAR, l2a("2018-01-01"), l2a("2018-01-06", "S2B"))
    place.write_log(*begun(single), *begun(series, "2018-01-01/S2A/R051", "2018-01-06/S2B/R051"))
    assert place.download("-j", "1").status == 0
    assert {job for _, job, _ in place.events("finished")} == {single.product, series.product}
    assert len(place.events("downloaded")) == 3
    # Two jobs, two files; and one line for the date.
    assert place.zips() == sorted(detail for _, _, detail in place.events("downloaded"))
    assert states(dates_of(place)) == {"2018-01-01": "on disk", "2018-01-06": "on disk"}


# -- the ledger -------------------------------------------------------------------------------------------------


def test_every_state_has_its_line(place: Place, peps: Sandbox) -> None:
    spring, summer, autumn = (
        f"{TILE}_2019-03-01_2019-05-31",
        f"{TILE}_2019-06-01_2019-08-31",
        "31TCH_2019-09-01_2019-11-30",
    )
    singles = {f"{day:02}": l1c(f"2018-01-{day:02}") for day in range(1, 25, 2)}
    waiting = add_small(peps, singles["01"], status="PENDING")
    running = add_small(peps, singles["03"], status="STALLED")
    half = add_small(peps, summer, l2a("2019-06-02"), l2a("2019-06-04"), status="RUNNING")
    here, gone = l2a("2018-01-05"), l2a("2018-01-07")
    (place.folder / here).write_bytes(b"x" * 1234)
    (place.folder / l2a("2019-03-02")).write_bytes(b"x" * 2_500_000)
    (place.folder / l2a("2019-06-02")).write_bytes(b"")  # nothing of it is left
    unpacked = place.folder / l2a("2019-04-01").removesuffix(".zip")
    (unpacked / "MASKS").mkdir(parents=True)
    (unpacked / "MASKS" / "clouds.tif").write_bytes(b"x" * 1000)
    (unpacked / "metadata.xml").write_bytes(b"x" * 500)

    def ended(name: str, *events: tuple[str, str], dates: str = "") -> Lines:
        return [(ago(5), event, name, detail) for event, detail in
                (("submitting", dates), ("submitted", STATUS_URL), *events)]  # fmt: skip

    place.write_log(
        *ended(
            spring,
            ("downloaded", l2a("2019-03-02")),
            ("novald", novald("2019-03-05", "S2B")),
            ("novald", l2a("2019-03-22").replace(".zip", "_NOVALD.zip")),
            ("downloaded", l2a("2019-04-01")),  # nobody had planned that
            ("finished", ""),
            dates="2019-03-02/S2A/R051 2019-03-05/S2B/R008 2019-03-12/S2A/R051 2019-03-22/S2A/R051",
        ),
        *begun(half, "2019-06-02/S2A/R051", "2019-06-04/S2A/R051"),
        (ago(), "downloaded", summer, l2a("2019-06-02")),
        *ended(
            autumn,
            ("downloaded", l2a("2019-09-02", tile="31TCH")),
            ("failed", OUT_OF_MEMORY),
            dates="2019-09-02/S2A/R051 2019-09-05/S2B/R008",
        ),
        *begun(waiting),
        *begun(running),
        *ended(singles["05"], ("downloaded", here), ("finished", "")),
        *ended(singles["07"], ("downloaded", gone), ("finished", "")),
        *ended(singles["09"], ("novald", novald("2018-01-09")), ("finished", "")),
        *ended(singles["11"], ("missing", f"{l2a('2018-01-11')} absent 404"), ("failed", "absent for long")),
        *ended(singles["13"], ("cancelled", "no elevation model")),
        (ago(5), "submitting", singles["15"], ""),
        (ago(5), "rejected", singles["15"], "NoApplicableCode"),
        (ago(5), "submitting", singles["17"], ""),
        (ago(5), "submitting", singles["19"], ""),
        (ago(5), "postponed", singles["19"], "the server is busy"),
        *ended(singles["21"], ("cancelled", "dropped by the user")),
        (ago(5), "submitting", singles["23"], ""),
        (ago(5), "cancelled", singles["23"], "dropped by the user"),
    )
    before = contents(place.folder)
    rows = dates_of(place, 1)  # for one job is unsure
    after = contents(place.folder)
    after.pop("dates.csv")
    assert after == before  # nothing written, fetched or locked
    assert not peps.asked(Endpoint.RESULT)

    assert ",".join(rows[0]) == "tile,date,satellite,orbit,job,state,file,size_bytes,message,clouds,folder"
    assert {row["folder"] for row in rows} == {str(place.folder), ""}
    single = {day: ("S2A", "R051", name) for day, name in singles.items()}
    expected = [
        (
            "31TCH",
            "2019-09-02",
            "S2A",
            "R051",
            autumn,
            "moved away",
            l2a("2019-09-02", tile="31TCH"),
            "",
            OUT_OF_MEMORY,
        ),
        ("31TCH", "2019-09-05", "S2B", "R008", autumn, "failed", "", "", OUT_OF_MEMORY),
        (TILE, "2018-01-01", *single["01"], "waiting", "", "", ""),
        (TILE, "2018-01-03", *single["03"], "running", "", "", ""),
        (TILE, "2018-01-05", *single["05"], "on disk", here, "1234", ""),
        (TILE, "2018-01-07", *single["07"], "moved away", gone, "", ""),
        (TILE, "2018-01-09", *single["09"], "too cloudy", "", "", ""),
        (TILE, "2018-01-11", *single["11"], "failed", "", "", "absent for long"),
        (TILE, "2018-01-13", *single["13"], "failed", "", "", "no elevation model"),
        (TILE, "2018-01-15", *single["15"], "failed", "", "", "NoApplicableCode"),
        (TILE, "2018-01-17", *single["17"], "unsure", "", "", ""),
        (TILE, "2018-01-21", *single["21"], "dropped", "", "", "dropped by the user"),
        (TILE, "2018-01-23", *single["23"], "dropped", "", "", "dropped by the user"),
        (TILE, "2019-03-02", "S2A", "R051", spring, "on disk", l2a("2019-03-02"), "2500000", ""),
        (TILE, "2019-03-05", "S2B", "R008", spring, "too cloudy", "", "", ""),
        (TILE, "2019-03-12", "S2A", "R051", spring, "not delivered", "", "", ""),
        (TILE, "2019-03-22", "S2A", "R051", spring, "too cloudy", "", "", ""),
        (TILE, "2019-04-01", "S2A", "", spring, "on disk", unpacked.name, "1500", ""),
        (TILE, "2019-06-02", "S2A", "R051", summer, "moved away", l2a("2019-06-02"), "", ""),
        (TILE, "2019-06-04", "S2A", "R051", summer, "running", "", "", ""),
    ]
    assert [tuple(row.values())[:9] for row in rows] == expected
    quiet = place.download("--dates", "-q").out
    below = [line for line in quiet.splitlines() if line not in lines_of_dates(quiet)]
    rest = "3 too cloudy, 2 running, 1 waiting, 1 unsure"
    assert below == [
        "Total of 31TCH: 2 dates, 1 moved away, 1 failed",
        f"Total of 31TCJ: 18 dates, 3 on disk (3 MB), 2 moved away, {rest}, 3 failed, 1 not delivered, 2 dropped",
        f"Total: 20 dates, 3 on disk (3 MB), 3 moved away, {rest}, 4 failed, 1 not delivered, 2 dropped",
        "moved away: downloaded, and not in the folder any more; is -w the folder of the zips?",
    ]
    with_messages = place.download("--dates", "-v").out
    for line, row in zip(lines_of_dates(with_messages), rows, strict=True):
        assert line.endswith(row["job"] + (f": {row['message']}" if row["message"] else ""))


def replayed(tmp_path: Path, *events: tuple[str, str, str]) -> list[tuple[str, ...]]:
    """Return date, satellite, state, file and job of the ledger of a log with these events; what came is on disk."""
    for event, _, file in events:
        if event == "downloaded":
            (tmp_path / file).write_bytes(b"x")
    lines = [HEADER, *("\t".join((ago(), *event)) for event in events)]
    jobs, server = Jobs.replay("\n".join(lines) + "\n"), Server.parse(Server.example)
    dates = dated(jobs, {job.name: standing_of(job, None, server) for job in jobs.values()}, tmp_path)
    rows = list(csv.DictReader(io.StringIO(as_csv(dates))))
    return [tuple(row[name] for name in ("date", "satellite", "state", "file", "job")) for row in rows]


SINGLE, OTHER_PART = l1c("2018-01-05"), l1c("2018-01-05", last="140000")
ZIP, SECOND_ZIP = l2a("2018-01-05"), l2a("2018-01-05").replace(".zip", ".8e99b3de.zip")
PLAN = "2018-01-05/S2A/R051"
BOTH_KNOW = {
    "on disk by the single job": ("downloaded", "novald", "on disk", ZIP, SINGLE),
    "on disk by the series": ("failed", "downloaded", "on disk", ZIP, YEAR),
    "cloudy, and not delivered": ("novald", "finished", "too cloudy", "", SINGLE),
    "failed, and cloudy": ("failed", "novald", "too cloudy", "", YEAR),
    "open, and not delivered": ("", "finished", "waiting", "", SINGLE),
    "failed, and open": ("failed", "", "waiting", "", YEAR),
    "failed, and not delivered": ("failed", "finished", "failed", "", SINGLE),
}


@pytest.mark.parametrize(("single", "series", "state", "file", "job"), BOTH_KNOW.values(), ids=list(BOTH_KNOW))
@pytest.mark.parametrize("single_first", [True, False])
def test_a_date_of_two_jobs_has_one_line(
    tmp_path: Path, *, single: str, series: str, state: str, file: str, job: str, single_first: bool
) -> None:
    details = {"downloaded": ZIP, "novald": f"NOVALD_{ZIP}"}
    jobs = [
        [("submitting", name, plan), ("submitted", name, STATUS_URL)]
        + [(event, name, details.get(event, ""))] * bool(event)
        for name, plan, event in ((SINGLE, "", single), (YEAR, PLAN, series))
    ]
    events = [event for job in (jobs if single_first else jobs[::-1]) for event in job]
    assert replayed(tmp_path, *events) == [("2018-01-05", "S2A", state, file, job)]


def test_both_jobs_of_a_date_have_it_on_disk(tmp_path: Path) -> None:
    rows = replayed(
        tmp_path,
        ("submitted", YEAR, STATUS_URL),
        ("downloaded", YEAR, ZIP),
        ("submitted", SINGLE, STATUS_URL),
        ("downloaded", SINGLE, SECOND_ZIP),
    )
    assert [row[:3] for row in rows] == [("2018-01-05", "S2A", "on disk")]


@pytest.mark.parametrize(
    ("second", "state", "file"),
    [(("downloaded", OTHER_PART, SECOND_ZIP), "on disk", SECOND_ZIP), (("failed", OTHER_PART, "x"), "failed", "")],
)
def test_the_parts_of_a_cut_acquisition_are_both_shown(
    tmp_path: Path, second: tuple[str, str, str], state: str, file: str
) -> None:
    begin = [("submitted", SINGLE, STATUS_URL), ("submitted", OTHER_PART, STATUS_URL)]
    rows = replayed(tmp_path, *begin, ("downloaded", SINGLE, ZIP), second)
    assert rows == [
        ("2018-01-05", "S2A", "on disk", ZIP, SINGLE),
        ("2018-01-05", "S2A", state, file, OTHER_PART),
    ]
    # A series that covers the date has its own: nothing is lost when both parts are.
    series = [("submitting", YEAR, PLAN), ("submitted", YEAR, STATUS_URL), ("downloaded", YEAR, ZIP)]
    lost = [("failed", SINGLE, "x"), ("failed", OTHER_PART, "x")]
    assert replayed(tmp_path, *begin, *series, *lost) == [("2018-01-05", "S2A", "on disk", ZIP, YEAR)]


@pytest.mark.parametrize("cloudy_first", [True, False])
def test_a_date_of_a_series_that_is_partly_cloudy_is_on_disk(tmp_path: Path, *, cloudy_first: bool) -> None:
    cut = l2a("2018-01-05", time="105441-000")
    results = [("downloaded", YEAR, ZIP), ("novald", YEAR, f"NOVALD_{cut}")]
    events = [
        ("submitting", YEAR, PLAN),
        ("submitted", YEAR, STATUS_URL),
        *(results[::-1] if cloudy_first else results),
    ]
    assert replayed(tmp_path, *events, ("finished", YEAR, "")) == [("2018-01-05", "S2A", "on disk", ZIP, YEAR)]


def test_a_date_seen_after_midnight_is_the_day_it_began(tmp_path: Path) -> None:
    late, next_one = l2a("2018-01-06", time="001500-000"), l2a("2018-01-06", "S2B", time="235900-000")
    plan = "2018-01-05/S2A/R051 2018-01-06/S2B/R008 2018-01-15/S2A/R051"
    events = [("submitting", YEAR, plan), ("submitted", YEAR, STATUS_URL)]
    results = [("downloaded", YEAR, next_one), ("downloaded", YEAR, late), ("finished", YEAR, "")]
    assert replayed(tmp_path, *events, *results) == [
        ("2018-01-05", "S2A", "on disk", late, YEAR),
        ("2018-01-06", "S2B", "on disk", next_one, YEAR),
        ("2018-01-15", "S2A", "not delivered", "", YEAR),
    ]


def test_a_date_seen_before_midnight_is_the_day_in_its_name(tmp_path: Path) -> None:
    early = l2a("2018-01-04", time="235930-000")  # as in names of baseline N0204
    events = [("submitting", YEAR, "2018-01-05/S2A/R051"), ("submitted", YEAR, STATUS_URL), ("downloaded", YEAR, early)]
    assert replayed(tmp_path, *events) == [("2018-01-05", "S2A", "on disk", early, YEAR)]


def test_a_plan_of_bare_dates_is_read_too(tmp_path: Path) -> None:
    rows = replayed(
        tmp_path,
        ("submitting", YEAR, "2018-01-01,2018-01-05,2018-01-06"),
        ("submitted", YEAR, STATUS_URL),
        ("downloaded", YEAR, l2a("2018-01-06", "S2B")),
        ("submitting", SINGLE, ""),
        ("submitted", SINGLE, STATUS_URL),
        ("downloaded", SINGLE, ZIP),
    )
    assert rows == [
        ("2018-01-01", "", "waiting", "", YEAR),
        ("2018-01-05", "S2A", "on disk", ZIP, SINGLE),
        ("2018-01-06", "S2B", "on disk", l2a("2018-01-06", "S2B"), YEAR),
    ]


def test_an_adopted_series_shows_what_it_brought(tmp_path: Path) -> None:
    rows = replayed(
        tmp_path,
        ("submitted", f"{YEAR}_R051", STATUS_URL),
        ("downloaded", f"{YEAR}_R051", ZIP),
        ("novald", f"{YEAR}_R051", novald("2018-01-15")),
        ("finished", f"{YEAR}_R051", ""),
    )
    assert rows == [
        ("2018-01-05", "S2A", "on disk", ZIP, f"{YEAR}_R051"),
        ("2018-01-15", "S2A", "too cloudy", "", f"{YEAR}_R051"),
    ]


def test_a_zip_stays_in_the_ledger_when_its_series_is_submitted_again(tmp_path: Path) -> None:
    plan = f"{PLAN} 2018-01-15/S2A/R051"
    begin = [("submitting", YEAR, plan), ("submitted", YEAR, STATUS_URL)]
    events = [*begin, ("downloaded", YEAR, ZIP), ("failed", YEAR, "out of memory"), *begin]
    on_disk = ("2018-01-05", "S2A", "on disk", ZIP, YEAR)
    assert replayed(tmp_path, *events) == [on_disk, ("2018-01-15", "S2A", "waiting", "", YEAR)]
    lost_again = replayed(tmp_path, *events, ("failed", YEAR, "out of memory"))
    assert lost_again == [on_disk, ("2018-01-15", "S2A", "failed", "", YEAR)]


def test_a_log_without_jobs_has_an_empty_ledger(place: Place, peps: Sandbox) -> None:
    place.write_log((ago(), "submitted", "something else", STATUS_URL), (ago(), "failed", "something else", ""))
    assert dates_of(place) == []
    assert not peps.requests


def test_an_unsure_series_shows_in_the_exit_status(place: Place, peps: Sandbox) -> None:
    place.write_log((ago(), "submitting", YEAR, PLAN))
    assert states(dates_of(place, 1)) == {"2018-01-05": "unsure"}
    assert not peps.requests


def test_the_ledger_is_shown_without_a_server(place: Place, peps: Sandbox, nobody_there: str) -> None:
    job = add_small(peps, YEAR, l2a("2018-01-05"))
    place.write_log(*begun(job, PLAN, "2018-01-15/S2A/R051"), (ago(), "downloaded", YEAR, ZIP))
    (place.folder / ZIP).write_bytes(b"x")
    run = place.download("--dates", "--csv", "dates.csv", PEPS_SERVER=nobody_there)
    assert (run.status, len(run.err.splitlines())) == (75, 1)
    assert states(read(place.folder / "dates.csv")) == {"2018-01-05": "on disk", "2018-01-15": "waiting"}
    assert len(lines_of_dates(run.out)) == 2

    refused = place.download("--dates", PEPS_USER=EMAIL, PEPS_PASSWORD="wrong")
    assert (refused.status, refused.out, len(refused.err.splitlines())) == (2, run.out, 1)

    quiet = place.download("--dates", "-q", PEPS_SERVER=nobody_there)  # a server out of reach is no news for cron
    assert (quiet.status, quiet.out, quiet.err) == (75, run.out, "")


@pytest.mark.parametrize("option", ["--dates", "--status", "--json"])
def test_a_colleague_without_an_account(nowhere: Place, peps: Sandbox, option: str) -> None:
    done, still_open = add_small(peps, l1c("2018-01-01")), add_small(peps, l1c("2018-01-06"), status="RUNNING")
    for credentials in (None, "# nothing but a comment\n"):
        if credentials:
            (nowhere.folder / "peps.txt").write_text(credentials, encoding="utf-8")
        nowhere.write_log(*begun(done), (ago(), "finished", done.product, ""))
        run = nowhere.download(option, PEPS_SERVER=peps.url)
        assert (run.status, run.err) == (0, "")

        nowhere.write_log(*begun(done), (ago(), "finished", done.product, ""), *begun(still_open))
        run = nowhere.download(option, PEPS_SERVER=peps.url)
        assert (run.status, len(run.err.splitlines())) == (0, 1)
        assert "open jobs are shown as the log has them" in run.err
        if option == "--json":
            assert [job["state"] for job in json.loads(run.out)] == ["finished", "open"]
        else:
            assert "2018-01-06" in run.out or still_open.product in run.out
    assert not peps.requests
    (nowhere.folder / "peps.txt").write_text("one-word\n", encoding="utf-8")
    broken = nowhere.download(option, PEPS_SERVER=peps.url)
    assert (broken.status, broken.out, "one word" in broken.err) == (2, run.out, True)


def test_a_dropped_job_is_dropped_everywhere(place: Place) -> None:
    dropped, stopped = l1c("2018-01-01"), l1c("2018-01-06")
    place.write_log((ago(), "cancelled", dropped, "dropped by the user"), (ago(), "cancelled", stopped, "no elevation"))
    assert states(dates_of(place)) == {"2018-01-01": "dropped", "2018-01-06": "failed"}
    assert place.download("--status").out.splitlines() == [
        f"{dropped}: dropped: dropped by the user",
        f"{stopped}: cancelled: no elevation",
    ]
    assert [job["state"] for job in json.loads(place.download("--json").out)] == ["dropped", "cancelled"]
    for summary in (place.download().out, place.download("--check").out):
        assert "1 dropped" in summary
        assert "1 cancelled" in summary


def test_a_zip_that_is_fetched_again(place: Place, peps: Sandbox) -> None:
    job = add_small(peps, SINGLE, ZIP)
    place.write_log(*begun(job), (ago(), "downloaded", SINGLE, ZIP), (ago(), "finished", SINGLE, ""), *begun(job)[1:])
    assert states(dates_of(place)) == {"2018-01-05": "waiting"}
    assert place.download().status == 0
    assert states(dates_of(place)) == {"2018-01-05": "on disk"}


@pytest.mark.parametrize("folder", [ZIP_STEM := "SENTINEL2A_20180105-105426-459_L2A_T31TCJ_D", f"{ZIP_STEM}.8e99b3de"])
def test_an_unpacked_folder_is_on_disk(place: Place, folder: str) -> None:
    second = f"{ZIP_STEM}.8e99b3de.zip"
    place.write_log(
        ("", "submitted", SINGLE, STATUS_URL), ("", "downloaded", SINGLE, second), ("", "finished", SINGLE, "")
    )
    (place.folder / folder).mkdir()
    assert states(dates_of(place)) == {"2018-01-05": "moved away"}  # an empty folder is not a product
    (place.folder / folder / "metadata.xml").write_bytes(b"x" * 7)
    assert [(row["state"], row["file"], row["size_bytes"]) for row in dates_of(place)] == [("on disk", folder, "7")]


@pytest.mark.parametrize("file", ["", ".", "..", "/", "../work", "a\0b.zip", f"{'x' * 300}.zip"])
def test_what_a_log_names_and_no_file_can_be(place: Place, file: str) -> None:
    place.write_log(
        ("", "submitted", SINGLE, STATUS_URL), ("", "downloaded", SINGLE, file), ("", "finished", SINGLE, "")
    )
    run = place.download("--dates")
    assert (run.status, run.err) == (0, "")
    assert len(lines_of_dates(run.out)) == 1
    assert "on disk" not in run.out


def test_a_long_name_is_shortened_on_a_terminal_only(place: Place) -> None:
    name = f"{'x' * 150}.8e99b3de.zip"
    place.write_log(
        ("", "submitted", SINGLE, STATUS_URL), ("", "downloaded", SINGLE, name), ("", "finished", SINGLE, "")
    )
    [line] = lines_of_dates(place.download("--dates").out)
    assert len(line) == 100
    assert line.endswith(".8e99b3de.zip")
    assert name in place.download("--dates", "-v").out


def test_a_job_that_cannot_be_followed_is_shown_all_the_same(place: Place, peps: Sandbox) -> None:
    lost, known = add_small(peps, YEAR), add_small(peps, l1c("2018-02-04"), status="RUNNING")
    place.write_log(*begun(lost, PLAN), *begun(known))
    for endpoint in (Endpoint.STATUS, Endpoint.REPORT, Endpoint.REFRESH, Endpoint.JOBLOG):
        peps.faults.add(Fault(endpoint, NOT_FOUND, times=None, match=lost.wps_id))
    assert states(dates_of(place)) == {"2018-01-05": "waiting", "2018-02-04": "running"}


def test_a_table_that_cannot_be_written(place: Place) -> None:
    place.write_log((ago(), "submitting", YEAR, PLAN), (ago(), "rejected", YEAR, "no"))
    (place.folder / "a folder").mkdir()
    for path in ("a folder", "nowhere/dates.csv"):
        run = place.download("--dates", "--csv", path)
        assert (run.status, len(lines_of_dates(run.out)), len(run.err.splitlines())) == (2, 1, 1)
        assert path in run.err


@pytest.mark.parametrize(
    "options", [("--csv", "dates.csv"), ("--dates", "--status"), ("--dates", "--wait"), ("--dates", "--json")]
)
def test_what_does_not_go_with_the_ledger(nowhere: Place, options: tuple[str, ...]) -> None:
    run = nowhere.download(*options)
    assert (run.status, run.out, len(run.err.splitlines())) == (2, "", 1)
    assert "--dates" in run.err


# -- no date is lost --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fetched", [1, 3])
def test_a_kill_between_zips_loses_no_date(place: Place, peps: Sandbox, fetched: int) -> None:
    names = [l2a(f"2018-01-{day:02}") for day in (1, 11, 21)] + [l2a(f"2018-02-{day:02}") for day in (10, 20)]
    days = [f"{name[11:15]}-{name[15:17]}-{name[17:19]}" for name in names]
    job = add_small(peps, YEAR, *names, novald("2018-03-02"))
    place.write_log(*begun(job, *(f"{day}/S2A/R051" for day in [*days, "2018-03-02", "2018-03-12"])))
    peps.faults.add(Fault(Endpoint.RESULT, Stall(60), times=None, match=names[fetched]))
    with place.start("downloader", "-j", "1") as running:
        give_up = time.monotonic() + 30
        while len(peps.asked(Endpoint.RESULT)) <= fetched or len(place.events("downloaded")) < fetched:
            assert running.poll() is None
            assert time.monotonic() < give_up
            time.sleep(0.01)
        running.kill()
    peps.faults.clear()
    had = [detail for _, _, detail in place.events("downloaded")]
    found = states(dates_of(place))
    assert len(found) == 7
    assert Counter(found.values())["on disk"] == len(had) >= fetched

    before = len(peps.asked(Endpoint.RESULT))
    assert place.download("-j", "1").status == 0
    asked = [request.path.rpartition("/")[2] for request in peps.asked(Endpoint.RESULT)[before:]]
    assert Counter(asked) == Counter(set(names) - set(had))
    assert Counter(detail for _, _, detail in place.events("downloaded")) == Counter(names)
    assert Counter(states(dates_of(place)).values()) == {"on disk": 5, "too cloudy": 1, "not delivered": 1}


class Fate(Enum):
    """What becomes of one date of a series."""

    DELIVERED = "delivered"
    CLOUDY = "cloudy"
    LEFT_OUT = "left out"
    LATE = "late"  # not available at first
    GONE = "gone"  # listed, and never available
    BROKEN = "broken"


@dataclass(frozen=True)
class Story:
    """A series job: its dates with their fates, how it ends, and how many lines of the log each kill costs."""

    fates: tuple[tuple[date, str, Fate], ...]
    begins: datetime  # of the first datatake; they begin at this time on every day
    seen_after: timedelta
    end: str
    kills: tuple[int, ...]
    is_torn: bool

    @property
    def plan(self) -> list[str]:
        return [f"{day}/{satellite}/R051" for day, satellite, _ in self.fates]

    def result(self, day: date, satellite: str, fate: Fate) -> str:
        seen = datetime.combine(day, self.begins.time()) + self.seen_after
        name = l2a(f"{seen:%Y-%m-%d}", satellite, time=f"{seen:%H%M%S}-000")
        return f"NOVALD_{name}" if fate is Fate.CLOUDY else name


@st.composite
def stories(draw: st.DrawFn) -> Story:
    day = date(2018, 1, 1)
    fates = []
    for number, gap in enumerate(draw(st.lists(st.integers(1, 12), min_size=1, max_size=8))):
        fates.append((day, ("S2A", "S2B")[number % 2], draw(st.sampled_from(Fate))))
        day += gap * DAY
    return Story(
        tuple(fates),
        datetime(2018, 1, 1, *draw(st.sampled_from([(10, 50, 21), (23, 45, 0)])), tzinfo=timezone.utc),
        timedelta(minutes=draw(st.integers(0, 30))),
        draw(st.sampled_from(["FINISHED", "FINISHED", "FAILED", "CANCELED"])),
        tuple(draw(st.lists(st.integers(0, 9), min_size=2, max_size=2))),
        draw(st.booleans()),
    )


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Give the process its signal handlers back, for the scripts set their own."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class Desk:
    """A user's folder in which the downloader runs inside this process: a property has many runs."""

    folder: Path
    server: str

    @property
    def log(self) -> Path:
        return self.folder / "series.log"

    def run(self, *options: str) -> int:
        credentials = self.folder / "peps.txt"
        if not credentials.exists():
            credentials.touch(0o600)
            credentials.write_text(f"{EMAIL} {PASSWORD}\n", encoding="utf-8")
        always = ["-a", str(credentials), "-l", str(self.log), "-w", str(self.folder), "--server", self.server]
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as output, handlers_kept():
            status = download([*always, *options])
        assert "unexpected" not in output.getvalue()
        return status

    def states(self) -> dict[str, str]:
        self.run("--dates", "--csv", str(self.folder / "dates.csv"))
        rows = read(self.folder / "dates.csv")
        for row in rows:
            if row["state"] == "on disk":
                assert zipfile.ZipFile(self.folder / row["file"]).testzip() is None
                assert row["size_bytes"] == str((self.folder / row["file"]).stat().st_size)
        return states(rows)

    def lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines(keepends=True)

    def state(self) -> str:
        return JobLog(self.log).replay()[YEAR].state.value

    def lose(self, number: int, *, is_torn: bool) -> None:
        """Leave the log as a kill would that came so many events earlier, after the submission."""
        lines = self.lines()
        kept = lines[: max(3, len(lines) - number)]
        torn = lines[len(kept)][:-20] if is_torn and len(kept) < len(lines) else ""
        self.log.write_text("".join(kept) + torn, encoding="utf-8")

    def age(self, days: int) -> None:
        """Let these days pass since all that the log tells."""

        def earlier(match: re.Match[str]) -> str:
            return f"{datetime.strptime(match[0], '%Y-%m-%dT%H:%M:%SZ') - days * DAY:%Y-%m-%dT%H:%M:%SZ}"  # noqa: DTZ007

        text = re.sub(r"^[0-9-]{10}T[0-9:]{8}Z", earlier, self.log.read_text(encoding="utf-8"), flags=re.MULTILINE)
        self.log.write_text(text, encoding="utf-8")


def expected(story: Story, desk: Desk) -> dict[str, str]:
    """Return the state in which each date has to end."""
    log = desk.log.read_text(encoding="utf-8")
    delivered = [fate for *_, fate in story.fates if fate is not Fate.LEFT_OUT]
    is_stuck = not delivered or {Fate.GONE, Fate.BROKEN} & set(delivered)
    ends = {
        Fate.DELIVERED: "on disk",
        Fate.LATE: "on disk",
        Fate.CLOUDY: "too cloudy",
        Fate.LEFT_OUT: "failed" if is_stuck else "not delivered",
        Fate.GONE: "failed",
        Fate.BROKEN: "failed",
    }
    if story.end == "FINISHED" or desk.state() == "finished":
        return {str(day): ends[fate] for day, _, fate in story.fates}
    # Of a job that fails there is what was noted or fetched before.
    results = {str(day): story.result(day, satellite, fate) for day, satellite, fate in story.fates}
    return {
        str(day): ends[fate]
        if f"\t{results[str(day)]}\n" in log or (desk.folder / results[str(day)]).exists()
        else "failed"
        for day, _, fate in story.fates
    }


@settings(max_examples=15, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(story=stories())
def test_every_date_ends_in_exactly_one_state(peps: Sandbox, story: Story) -> None:
    listed = {story.result(*fate): fate[2] for fate in story.fates if fate[2] is not Fate.LEFT_OUT}
    job = add_small(peps, YEAR, *listed, status="RUNNING")
    for result in job.results:
        result.served = listed[result.name] not in {Fate.LATE, Fate.GONE}
        if listed[result.name] is Fate.BROKEN:
            result.content = result.content[:60] + b"\0" * 60
    planned = {str(day) for day, *_ in story.fates}

    with tempfile.TemporaryDirectory() as folder:
        desk = Desk(Path(folder), peps.url)
        begin = ("\t".join(line) for line in begun(job, *story.plan))
        desk.log.write_text("\n".join([HEADER, *begin, ""]), encoding="utf-8")
        assert desk.states() == dict.fromkeys(planned, "running")

        job.status = "FINISHED"
        for kill in story.kills:
            desk.run()
            desk.lose(kill, is_torn=story.is_torn)
            assert desk.states().keys() == planned
        for result in job.results:
            result.served = listed[result.name] is not Fate.GONE
        job.status = story.end
        for _ in range(6):
            desk.run()
            if desk.state() != "open":
                break
            desk.age(8)
        found = desk.states()
        assert set(found.values()) <= FINAL
        assert found == expected(story, desk)
        assert not list(desk.folder.glob("*.part"))
