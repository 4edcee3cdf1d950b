"""Many results in one job, and the ledger: one line per tile and date, whatever happened on the way."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

from helpers import (
    EMAIL,
    STATUS_URL,
    TILE,
    Lines,
    Place,
    add_small,
    ago,
    altered_report,
    begun,
    contents,
    in_one_line,
    l1c,
    l2a,
    lines_of_dates,
    novald,
    tiny,
)

from peps_maja.sandbox import NOT_FOUND, Endpoint, Fault, Sandbox

Row = dict[str, str]

YEAR = f"{TILE}_2018-01-01_2018-12-31"
ZIP = l2a("2018-01-05")
PLAN = "2018-01-05/S2A/R051"
DAY = timedelta(days=1)
OUT_OF_MEMORY = "out of memory"
NOT_ON_A_LINE = {"job", "message", "size_bytes", "clouds", "folder"}  # without -v, or in other words


def dates_of(place: Place, status: int = 0, *options: str) -> list[Row]:
    """Return the ledger as its CSV has it; the lines on standard output are as many."""
    run = place.download("--dates", "--csv", "dates.csv", *options)
    assert run.status == status, run
    rows = read(place.folder / "dates.csv")
    for line, row in zip(lines_of_dates(run.out), rows, strict=True):
        begin = row["file"][:20]  # a long name is shortened
        assert all(value in line for name, value in (row | {"file": begin}).items() if name not in NOT_ON_A_LINE)
        assert row["job"] not in line
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


def test_more_results_at_a_later_poll_are_followed_up(place: Place, peps: Sandbox) -> None:
    names = [l2a(f"2018-01-0{day}") for day in (1, 3, 5)] + [novald("2018-01-07")]
    job = add_small(peps, YEAR, *names)
    job.results[1].served = False
    place.write_log(*begun(job, *(f"2018-01-0{day}/S2A/R051" for day in (1, 3, 5, 7))))
    first = [f"{peps.url}/cgi-bin/mapcache_results/maja/{job.wps_id}/{name}" for name in names[:2]]
    peps.faults.add(Fault(Endpoint.REPORT, altered_report({"results": first})))
    assert place.download().status == 1
    assert not place.events("finished")

    job.results[1].served = True
    assert place.download().status == 0
    assert place.zips() == sorted(names[:3])
    assert Counter(detail for _, _, detail in place.events("downloaded", "novald")) == Counter(names)
    assert place.events()[-1] == ("finished", YEAR, "")
    fetched = Counter(asked.path.rpartition("/")[2] for asked in peps.asked(Endpoint.RESULT))
    assert fetched[names[0]] == fetched[names[2]] == 1
    assert set(states(dates_of(place)).values()) == {"on disk", "too cloudy"}


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
    here, gone, other = l2a("2018-01-05"), l2a("2018-01-07"), l2a("2019-09-02", tile="31TCH")
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
            autumn, ("downloaded", other), ("failed", OUT_OF_MEMORY), dates="2019-09-02/S2A/R051 2019-09-05/S2B/R008"
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
        ("31TCH", "2019-09-02", "S2A", "R051", autumn, "moved away", other, "", OUT_OF_MEMORY),
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
    ]
    with_messages = place.download("--dates", "-v").out
    for line, row in zip(lines_of_dates(with_messages), rows, strict=True):
        assert line.endswith(row["job"] + (f": {row['message']}" if row["message"] else ""))


def test_a_job_that_cannot_be_followed_is_shown_all_the_same(place: Place, peps: Sandbox) -> None:
    lost, known = add_small(peps, YEAR), add_small(peps, l1c("2018-02-04"), status="RUNNING")
    place.write_log(*begun(lost, PLAN), *begun(known))
    for endpoint in (Endpoint.STATUS, Endpoint.REPORT, Endpoint.REFRESH, Endpoint.JOBLOG):
        peps.faults.add(Fault(endpoint, NOT_FOUND, times=None, match=lost.wps_id))
    assert states(dates_of(place)) == {"2018-01-05": "waiting", "2018-02-04": "running"}


def test_without_a_server_or_an_account_jobs_are_shown_as_the_log_has_them(
    nowhere: Place, peps: Sandbox, nobody_there: str
) -> None:
    done, still_open = add_small(peps, l1c("2018-01-05")), add_small(peps, l1c("2018-01-15"), status="RUNNING")
    finished = [*begun(done), (ago(), "downloaded", done.product, ZIP), (ago(), "finished", done.product, "")]
    (nowhere.folder / ZIP).write_bytes(b"x")
    nowhere.write_log(*finished)
    assert nowhere.download("--status", PEPS_SERVER=peps.url).err == ""  # nothing to ask for
    nowhere.write_log(*finished, *begun(still_open))
    run = nowhere.download("--dates", "--csv", "dates.csv", PEPS_SERVER=peps.url)
    in_one_line(run, 0, "open jobs are shown as the log has them")
    assert states(read(nowhere.folder / "dates.csv")) == {"2018-01-05": "on disk", "2018-01-15": "waiting"}
    listed = nowhere.download("--json", PEPS_SERVER=peps.url)
    in_one_line(listed, 0)
    assert [job["state"] for job in json.loads(listed.out)] == ["finished", "open"]
    (nowhere.folder / "peps.txt").write_text("one-word\n", encoding="utf-8")
    in_one_line(nowhere.download("--status", PEPS_SERVER=peps.url), 2, "one word")

    account = {"PEPS_USER": EMAIL, "PEPS_PASSWORD": "wrong"}
    for status, server in ((75, nobody_there), (2, peps.url)):
        shown = nowhere.download("--dates", PEPS_SERVER=server, **account)
        in_one_line(shown, status)
        assert shown.out == run.out
    quiet = nowhere.download("--dates", "-q", PEPS_SERVER=nobody_there, **account)  # that is no news for cron
    assert (quiet.status, quiet.out, quiet.err) == (75, run.out, "")


def test_a_dropped_job_is_dropped_everywhere(place: Place) -> None:
    dropped, stopped = l1c("2018-01-01"), l1c("2018-01-06")
    place.write_log((ago(), "cancelled", dropped, "dropped by the user"), (ago(), "cancelled", stopped, "no elevation"))
    assert states(dates_of(place)) == {"2018-01-01": "dropped", "2018-01-06": "failed"}
    assert place.download("--status").out.splitlines() == [
        f"{dropped}: dropped: dropped by the user",
        f"{stopped}: cancelled: no elevation",
    ]
    assert [job["state"] for job in json.loads(place.download("--json").out)] == ["dropped", "cancelled"]
    assert "1 dropped, 1 cancelled" in place.download().out


def test_a_table_that_cannot_be_written(place: Place) -> None:
    place.write_log((ago(), "submitting", YEAR, PLAN), (ago(), "rejected", YEAR, "no"))
    run = place.download("--dates", "--csv", "nowhere/dates.csv", "--page", "page")
    in_one_line(run, 2, "nowhere/dates.csv")
    assert (place.folder / "page" / "index.html").exists()
    assert len(lines_of_dates(run.out)) == 1
