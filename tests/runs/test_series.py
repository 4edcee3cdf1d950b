"""A season or a year of a tile in one job: what is submitted, and what the plan says it costs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone

import pytest
from helpers import STATUS_URL, TILE, Lines, Place, in_one_line, l1c, put

from peps_maja.sandbox import Altered, Endpoint, Fault, Sandbox

DAY = timedelta(days=1)
WHEN = "2019-04-02T09:12:45Z"
YEAR = ("-t", TILE, "-d", "2018-01-01", "-f", "2018-12-31")
SPRING = ("-t", TILE, "-d", "2018-03-01", "-f", "2018-04-24")  # 55 days
NAME = f"{TILE}_2018-03-01_2018-04-24"
TILES = [f"31T{column}{row}" for column in "CDEF" for row in "HJK"]
# What lies in a folder, and whether the S2A product that was begun on that day at 10:50:21 is `on disk` for that.
ON_DISK = {
    "SENTINEL2A_{day}-105021-000_L2A_T31TCJ_D.zip": True,
    "SENTINEL2A_{day}-105426-459_L2A_T31TCJ_D.8e99b3de.zip": True,  # the second part of a cut acquisition
    "SENTINEL2A_{day}-112021-000_L2A_T31TCJ_D/": True,
    "SENTINEL2A_{day}-105426-459_L2A_T31TCJ_C_V2-2/": True,  # unpacked, from Theia
    "SENTINEL2A_{day}-113522-000_L2A_T31TCJ_D.zip": False,  # more than 45 minutes later
    "SENTINEL2A_{day}-104921-000_L2A_T31TCJ_D.zip": True,  # of baseline N0204: seen before the start in its name
    "SENTINEL2A_{day}-100520-999_L2A_T31TCJ_D.zip": False,  # more than 45 minutes before it
    "SENTINEL2A_{day}-105426-459_L2A_T31TCJ_D_NDVI/": False,
    "SENTINEL2B_{day}-105426-459_L2A_T31TCJ_D.zip": False,
    "SENTINEL2A_{day}-105426-459_L2A_T31TCH_D.zip": False,
    "NOVALD_SENTINEL2A_{day}-105426-459_L2A_T31TCJ_D.zip": False,
    "SENTINEL2A_{day}-105426-459_L2A_T31TCJ_D.zip.part": False,
    "SENTINEL2A_{day}-105426-459_L2A_T31TCJ_D.txt": False,
    "S2A_MSIL1C_{day}T105021_N0207_R051_T31TCJ_{day}T125917.zip": False,
}


def passes(number: int, start: str = "2018-01-01", every: int = 5) -> list[str]:
    """Return the products of so many passes of relative orbit 51, by both satellites in turn."""
    first = date.fromisoformat(start)
    return [l1c(first + timedelta(days=every * index), ("S2A", "S2B")[index % 2]) for index in range(number)]


def listed(names: Iterable[str], clouds: float = 10.0) -> list[dict[str, object]]:
    """Return products as the catalogue lists them."""
    return [{"type": "Feature", "properties": {"productIdentifier": name, "cloudCover": clouds}} for name in names]


def costs(out: str) -> list[tuple[int, ...]]:
    """Return the plan's lines as numbers: jobs, computed products, hours at the least and at the most."""
    lines = [line for line in out.splitlines() if "computed product" in line]
    return [tuple(map(int, re.findall(r"\d+", line))) for line in lines]


def actions(out: str, by: int = 0) -> dict[str, list[str]]:
    """Return what the table says will be done with the products of each day (`by` 3: of each tile)."""
    found: dict[str, list[str]] = {}
    for line in re.findall(r"^\d{4}-\d\d-\d\d  .*$", out, re.MULTILINE):
        found.setdefault(line.split()[by], []).append(re.split(r"  +", line)[-1])
    return found


def submitted(*names: str, plan: str = "2018-01-01/S2A/R051") -> Lines:
    """Return the lines of a log in which these jobs were submitted."""
    return [
        line
        for name in names
        for line in ((WHEN, "submitting", name, "" if "L1C" in name else plan), (WHEN, "submitted", name, STATUS_URL))
    ]


# -- one tile, one year -----------------------------------------------------------------------------------------------


def test_an_impossible_span_is_an_error_with_advice(place: Place, peps: Sandbox) -> None:
    for start, end, *words in (
        ("2018-01-01", "2018-02-23", "55", "widen"),  # 54 days
        ("2016-03-31", "2016-12-31", "2016-04-01", "start"),
    ):
        in_one_line(place.process("-t", TILE, "-d", start, "-f", end, "--series"), 2, *words, "without --series")
    assert not place.log.exists()
    assert not peps.requests  # nothing that a server says can fix the options


def test_an_account_without_the_right_submits_nothing(place: Place, peps: Sandbox) -> None:
    peps.catalogue = listed(passes(4, "2018-03-02"))
    peps.faults.add(Fault(Endpoint.CAPABILITIES, Altered(lambda it: it.with_body(it.body.replace(b"FULL_", b"NO_")))))
    in_one_line(place.process(*SPRING, "--series"), 2, "FULL_MAJA")
    assert not place.events()

    # A series needs no right to anything else.
    peps.faults.add(
        Fault(Endpoint.CAPABILITIES, Altered(lambda it: it.with_body(it.body.replace(b">MAJA<", b">NONE<"))))
    )
    assert place.process(*SPRING, "--series").status == 0
    assert len(peps.executed) == 1


def test_a_year_of_two_satellites_is_one_job_instead_of_146(place: Place, peps: Sandbox) -> None:
    names = passes(73) + [name.replace("R051", "R008") for name in passes(73, "2018-01-03")]
    peps.catalogue = listed(names)
    dates = sorted(f"{name[11:15]}-{name[15:17]}-{name[17:19]}/{name[:3]}/{name[33:37]}" for name in names)

    one_by_one = place.process(*YEAR, "-n", "-a", "nobody.txt")
    assert (one_by_one.status, costs(one_by_one.out)) == (0, [(146, 146 * 8, 146, 292)])
    assert "with --series PEPS computes 146 products instead of 1168" in one_by_one.out.splitlines()[-1]
    assert not place.log.exists()

    asked = place.process(*YEAR, "--series")  # a single job, but one of 61 hours; and no terminal to ask on
    assert (asked.status, peps.executed, "-y" in asked.err) == (2, [], True)
    assert costs(asked.out) == [(1, 146, 61)]  # an hour, and 145 times 25 minutes

    run = place.process(*YEAR, "--series", "-y")
    assert (run.status, costs(run.out)) == (0, costs(asked.out))
    assert actions(run.out) == {day[:10]: ["submit"] for day in dates}
    name = f"{TILE}_2018-01-01_2018-12-31"
    assert place.events() == [("submitting", name, " ".join(dates)), ("submitted", name, peps.jobs[0].status_url)]
    assert peps.executed == [f"startDate=2018-01-01;completionDate=2019-01-01;tileid={TILE}"]
    assert [asked.query["identifier"] for asked in peps.asked(Endpoint.EXECUTE)] == ["FULL_MAJA"]
    assert f"{name}: submitted" in run.out


def test_every_tile_and_span_is_a_job(place: Place, peps: Sandbox) -> None:
    two_years = ("-t", "31TCJ", "t31tch", "-d", "2018-01-01", "-f", "2019-12-31", "--series")
    peps.catalogue = listed(
        [
            l1c("2018-01-05"),
            l1c("2018-01-05", baseline="N0206"),
            l1c("2018-12-31"),
            l1c("2018-12-31", last="140000"),  # the other part of a cut acquisition
            l1c("2019-01-01", orbit=8),
            l1c("2019-12-31", "S2B"),
            l1c("2019-03-01", tile="31TCH"),
        ]
    )
    run = place.process(*two_years, "--limit", "2")
    assert actions(run.out)["2018-01-05"] == ["older baseline", "submit"]
    assert costs(run.out) == [(2, 4, 3)]  # two first dates and two further ones
    assert actions(run.out)["2019-03-01"] == ["beyond --limit"]
    assert place.process(*two_years).status == 0
    assert place.events("submitting") == [
        ("submitting", "31TCJ_2018-01-01_2018-12-31", "2018-01-05/S2A/R051 2018-12-31/S2A/R051"),
        ("submitting", "31TCJ_2019-01-01_2019-12-31", "2019-01-01/S2A/R008 2019-12-31/S2B/R051"),
        ("submitting", "31TCH_2019-01-01_2019-12-31", "2019-03-01/S2A/R051"),  # none in 2018: no job for that
    ]
    assert peps.executed == [
        "startDate=2018-01-01;completionDate=2019-01-01;tileid=31TCJ",
        "startDate=2019-01-01;completionDate=2020-01-01;tileid=31TCJ",
        "startDate=2019-01-01;completionDate=2020-01-01;tileid=31TCH",
    ]

    again = place.process(*two_years)
    assert (again.status, again.err, costs(again.out), len(peps.executed)) == (0, "", [], 3)
    assert {what for each in actions(again.out).values() for what in each} == {"in log (series)"}

    # Covered by two jobs together; and all orbits cover one.
    of_orbit = place.process("-t", "31TCJ", "-d", "2018-12-01", "-f", "2019-01-31", "--series", "-n", "-o", "51").out
    assert actions(of_orbit) == {"2018-12-31": ["in log (series)"] * 2, "2019-01-01": ["other orbit"]}


def test_the_oldest_are_ordered_first_and_within_the_limit(place: Place, peps: Sandbox) -> None:
    days = ("2018-01-05", "2019-01-05")
    peps.catalogue = listed([l1c(day, tile=tile) for tile in ("31TCH", "31TCJ") for day in days])
    assert place.process("-t", "31TCH", "31TCJ", "-d", "2018-01-01", "-f", "2019-12-31", "--series").status == 0
    years = [f"{year}-01-01_{year}-12-31" for year in (2018, 2019)]
    assert [job for _, job, _ in place.events("submitted")] == [
        f"{tile}_{y}" for y in years for tile in ("31TCH", TILE)
    ]

    old, new = f"{TILE}_{years[0]}", l1c("2019-01-05")
    failed = [*submitted(old, new), (WHEN, "failed", old, "why"), (WHEN, "failed", new, "why")]
    place.write_log(*failed)
    run = place.process("--resubmit", "failed", "--limit", "1")
    assert f"{old}: submitted" in run.out
    assert place.events()[len(failed)][1] == old

    place.write_log(*failed[:2], failed[4], (WHEN, "finished", old[:-3]))  # a name that breaks off
    assert "nothing to submit again" in place.process("--resubmit", "failed").out
    place.write_log(*failed[:2], failed[4])
    alone = place.process("--resubmit", "failed")
    assert (f"{old}: submitted" in alone.out, "nothing to submit again" in alone.out) == (True, False)


def test_an_orbit_is_part_of_the_job_and_of_its_name(place: Place, peps: Sandbox) -> None:
    peps.catalogue = listed([l1c("2018-03-02"), l1c("2018-03-04", orbit=8), l1c("2018-04-24", "S2B", orbit=8)])
    for orbit in ("51", "8"):
        assert place.process(*SPRING, "--series", "-o", orbit).status == 0
    assert place.events("submitting") == [
        ("submitting", f"{NAME}_R051", "2018-03-02/S2A/R051"),
        ("submitting", f"{NAME}_R008", "2018-03-04/S2A/R008 2018-04-24/S2B/R008"),
    ]
    inputs = f"startDate=2018-03-01;completionDate=2018-04-25;tileid={TILE};relativeOrbitNumber="
    assert peps.executed == [inputs + "51", inputs + "8"]


def test_no_job_claims_days_that_are_still_to_come(place: Place, peps: Sandbox) -> None:
    """What a job is said to cover is not submitted again: the dates acquired after it ran would be lost."""
    today = datetime.now(timezone.utc).date()
    start = today - timedelta(days=99)
    span = ("-t", TILE, "-d", str(start), "-f", str(today + timedelta(days=90)), "--series")
    peps.catalogue = []
    assert (place.process(*span).status, place.events()) == (0, [])  # nothing there, nothing to submit
    peps.catalogue = listed([l1c(start), l1c(today - timedelta(days=2))])
    assert place.process(*span).status == 0
    [(_, name, _)] = place.events("submitting")
    assert name.split("_")[2] <= str(today)


# Spans of series in the log, or products, and which products of 5 January, 10 March and 28 December they cover.
COVERING = {
    "the year": (["2018-01-01_2018-12-31"], (1, 1, 1)),
    "more than it": (["2017-12-01_2019-01-31"], (1, 1, 1)),
    "both halves": (["2018-01-01_2018-06-30", "2018-07-01_2018-12-31"], (1, 1, 1)),
    "the beginning": (["2018-01-01_2018-12-27"], (1, 1, 0)),
    "the end": (["2018-12-01_2018-12-31"], (0, 0, 1)),
    "the middle": (["2018-01-06_2018-12-27"], (0, 1, 0)),
    "days of no product": (["2018-04-01_2018-11-30"], (0, 0, 0)),
    "one orbit": (["2018-01-01_2018-12-31_R051"], (1, 1, 1)),
    "another orbit": (["2018-01-01_2018-12-31_R008"], (0, 0, 0)),
    "nothing": ([], (0, 0, 0)),
}


def test_a_series_is_ordered_where_the_log_does_not_cover_each_product(place: Place, peps: Sandbox) -> None:
    tiles = dict(zip(TILES, COVERING.values(), strict=False))
    peps.catalogue = listed(l1c(day, tile=t) for t in tiles for day in ("2018-01-05", "2018-03-10", "2018-12-28"))
    lost, single = (f"{TILES[9]}_2017-12-01_2018-11-30", l1c("2018-03-10", tile=TILES[9]))
    lines = submitted(*(f"{tile}_{span}" for tile, (spans, _) in tiles.items() for span in spans), lost, single)
    place.write_log(*lines, (WHEN, "failed", lost, "x"), (WHEN, "failed", single, "x"))
    run = place.process("-t", *tiles, *YEAR[2:], "--series", "-n")
    expected = {
        tile: ["in log (series)" if has else "submit" for has in covered] for tile, (_, covered) in tiles.items()
    }
    assert actions(run.out, by=3) == expected | {TILES[9]: ["submit", "in log", "submit"]}
    assert run.status == 0
    # To compute the same dates again takes hours: that is told, also of single jobs.
    told = re.findall(r"(31T..)_\S+: the log has (\d) of its 3 days already.*computed again", run.err)
    assert sorted(told) == sorted(zip((TILES[3], TILES[4], TILES[5], TILES[9]), "2111", strict=True))


# -- the plan, both ways ----------------------------------------------------------------------------------------------


def test_one_line_if_a_series_is_much_cheaper(place: Place, peps: Sandbox) -> None:
    """Of days until today, too; not to say again what the log has."""
    today = datetime.now(timezone.utc).date()
    to_come = ("-t", TILE, "-d", str(today - timedelta(days=20)), "-f", str(today + timedelta(days=90)))
    cheap = listed([*passes(10, "2018-01-06"), *(l1c(today - timedelta(days=day)) for day in range(1, 9))])
    first = listed([l1c("2018-01-01")], clouds=5)
    peps.catalogue = cheap + first
    for options, way in {
        YEAR: "with --series PEPS",
        (*YEAR, "-c", "50"): "with --series and without --max-cloud PEPS",
        (*YEAR, "--sat", "S2A", "-c", "50"): "with --series and without --max-cloud and without --sat PEPS",
        ("-t", TILE, "-d", "2018-01-01", "-f", "2018-02-23"): "",  # too short for a series
        (*YEAR, "--limit", "1"): "",
        to_come: "",
    }.items():
        out = place.process(*options, "-n").out
        assert len(costs(out)) == 1
        assert (f"cheaper: {way} computes 11 products instead of" in out) == bool(way), (options, out)
        assert ("--series" in out) == bool(way)
    year = f"{TILE}_2018-01-01_2018-12-31"
    place.write_log(*submitted(year), (WHEN, "finished", year, ""))  # delivered none; the same again is not submitted
    peps.catalogue = listed(passes(10, "2018-01-06"), clouds=60) + first
    for options in (YEAR, (*YEAR, "-c", "20")):  # a series computes what the user does not want, too
        assert "--series" not in place.process(*options, "-n").out


# -- what the user has already ----------------------------------------------------------------------------------------


def test_what_counts_as_on_disk(place: Place, peps: Sandbox) -> None:
    by_day = {date(2018, 1, 1) + 5 * DAY * number: entry for number, entry in enumerate(ON_DISK)}
    peps.catalogue = listed(map(l1c, by_day))
    folder = place.folder / "l2a"
    in_one_line(place.process(*YEAR, "-w", "l2a", "-n"), 2, "the folder l2a", "--write-dir")
    assert not peps.requests
    folder.mkdir()
    for day, template in by_day.items():
        entry = folder / template.format(day=f"{day:%Y%m%d}")
        if template.endswith(("/", ".zip")):
            put(entry)
        else:
            entry.write_bytes(b"PK")
    run = place.process(*YEAR, "-w", "l2a", "-n")
    assert (run.status, run.err) == (0, "")
    found = {template: actions(run.out)[str(day)] for day, template in by_day.items()}
    assert found == {template: ["on disk" if is_there else "submit"] for template, is_there in ON_DISK.items()}


# Files in the folder, those that a job of the log for the first part downloaded, and what happens to both parts.
FILE, OWN_FILE = (f"SENTINEL2A_2018DAY-105426-459_L2A_T31TCJ_D{mark}.zip" for mark in ("", ".8e99b3de"))
CUT_IN_TWO = [
    ([], [], ["submit", "submit"]),
    ([FILE], [], ["on disk", "submit"]),
    ([FILE, OWN_FILE], [], ["on disk", "on disk"]),
    ([FILE, FILE.removesuffix(".zip")], [], ["on disk", "submit"]),
    ([FILE], [FILE], ["in log", "submit"]),
    ([FILE.removesuffix(".zip")], [FILE], ["in log", "submit"]),
    ([FILE, OWN_FILE], [FILE], ["in log", "on disk"]),
]


def test_each_part_of_a_cut_acquisition_needs_a_file_of_its_own(place: Place, peps: Sandbox) -> None:
    days = dict(zip(("0105", "0115", "0125", "0204", "0214", "0224", "0306"), CUT_IN_TWO, strict=True))
    parts = {day: [l1c(f"2018{day}"), l1c(f"2018{day}", last="140000")] for day in days}
    peps.catalogue = listed(name for names in parts.values() for name in names)
    lines: Lines = []
    for day, (files, downloaded, _) in days.items():
        for file in files:
            put(place.folder / file.replace("DAY", day))
        if downloaded:
            lines += submitted(parts[day][0])
            lines += [(WHEN, "downloaded", parts[day][0], file.replace("DAY", day)) for file in downloaded]
    place.write_log(*lines)
    run = place.process(*YEAR, "-w", ".", "-n")
    assert actions(run.out) == {f"2018-{day[:2]}-{day[2:]}": expected for day, (_, _, expected) in days.items()}


def test_a_series_covers_its_dates_on_disk_too_and_needs_one_that_is_not(place: Place, peps: Sandbox) -> None:
    names = passes(3)
    peps.catalogue = listed(names)
    folders = [place.folder / f"SENTINEL{name[1:3]}_{name[11:19]}-105426-459_L2A_T31TCJ_D" for name in names]
    put(folders[0])
    put(folders[1])
    put(folders[2])
    run = place.process(*YEAR, "--series", "-w", ".")
    assert (run.status, run.err, peps.executed) == (0, "", [])
    assert [*actions(run.out).values()] == [["on disk"]] * 3
    folders[2].rename(place.folder / "elsewhere")
    run = place.process(*YEAR, "--series", "-w", ".")
    assert [*actions(run.out).values()] == [["on disk"], ["on disk"], ["submit"]]
    assert [detail for _, _, detail in place.events("submitting")] == [
        "2018-01-01/S2A/R051 2018-01-06/S2B/R051 2018-01-11/S2A/R051"
    ]


# -- once more, by hand, not any more ---------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "unsure"])
def test_a_lost_series_is_submitted_again_on_demand(place: Place, peps: Sandbox, state: str) -> None:
    name, plan = f"{NAME}_R051", "2018-03-02/S2A/R051 2018-03-07/S2B/R051"
    product = l1c("2018-03-02")
    ends = [] if state == "unsure" else [(WHEN, state, name, "for a reason"), (WHEN, state, product, "for a reason")]
    begun = [(WHEN, "submitting", name, plan), (WHEN, "submitting", product, "")]
    place.write_log(*begun, *ends)
    peps.catalogue = listed(passes(2, "2018-03-02"))

    untouched = place.process(*SPRING, "-o", "51", "--series")
    assert untouched.status == (1 if state == "unsure" else 0)
    second = "in log (series)" if state == "unsure" else "in log"
    assert actions(untouched.out) == {"2018-03-02": ["in log"], "2018-03-07": [second]}
    assert not peps.executed

    alone = place.process("--resubmit", state)
    inputs = f"startDate=2018-03-01;completionDate=2018-04-25;tileid={TILE};relativeOrbitNumber=51"
    assert (alone.status, sorted(peps.executed)) == (0, sorted([inputs, product]))
    assert costs(alone.out) == [(1, 8, 1, 2, 1, 2, 1)]
    assert [detail for _, job, detail in place.events("submitting") if job == name] == [plan, plan]

    place.write_log(*begun, *ends)
    searched = place.process(*SPRING, "-o", "51", "--series", "--resubmit", state)
    assert actions(searched.out) == {"2018-03-02": ["submit"], "2018-03-07": ["submit"]}
    assert peps.executed[2:] == [inputs]


def test_a_series_is_adopted_followed_and_dropped(place: Place, peps: Sandbox) -> None:
    name = f"{NAME}_R051"
    peps.catalogue = listed(passes(2, "2018-03-02"))
    job = peps.add_job(name, status="RUNNING")
    for wrong in (f"{TILE}_2018-12-31_2018-01-01", f"{NAME}_R000"):
        in_one_line(place.process("--adopt", wrong, job.status_url), 2, wrong)
    adopted = place.process("--adopt", name, job.status_url)
    assert (adopted.status, adopted.err) == (0, "")
    assert place.events() == [("submitted", name, job.status_url)]
    assert actions(place.process(*SPRING, "-o", "51", "--series").out)["2018-03-02"] == ["in log (series)"]

    assert place.process("--drop", name).status == 0
    assert not peps.executed
    again = place.process(*SPRING, "-o", "51", "--series")  # a dropped series is not live
    assert actions(again.out)["2018-03-02"] == ["submit"]
    assert len(peps.executed) == 1


def test_a_resubmitted_series_of_unknown_dates_shows_its_span_and_asks(place: Place, peps: Sandbox) -> None:
    place.write_log((WHEN, "submitted", NAME, STATUS_URL), (WHEN, "failed", NAME, "for a reason"))
    asked = place.process("--resubmit", "failed")
    assert (asked.status, peps.executed) == (2, [])
    assert costs(asked.out) == [(1, 55, 24)]
    for words in (f"{NAME}: ", "from 2018-03-01 to 2018-04-24, at most 55 dates", "-y"):
        assert words in asked.err
    assert "at most 55 computed products" in asked.out
    assert place.process("--resubmit", "failed", "-y").status == 0
    assert len(peps.executed) == 1


@pytest.mark.parametrize(("dates", "asks"), [(9, False), (10, True)])
def test_from_ten_dates_on_a_series_is_asked_for(place: Place, peps: Sandbox, dates: int, *, asks: bool) -> None:
    peps.catalogue = listed(passes(dates, "2018-03-01"))
    assert place.process(*SPRING, "--series").status == (2 if asks else 0)
    assert len(peps.executed) == (not asks)


# The events of a series, and what is done afterwards with its dates one by one: two that it brought, and another.
ZIP, CLOUDY = "SENTINEL2A_20180302-105426-459_L2A_T{}_D.zip", "NOVALD_SENTINEL2B_20180307-105426-459_L2A_T{}_D.zip"
COVERED, LOST = ["in log (series)"], ["submit"]
BEGUN, CAME = [("submitted", STATUS_URL)], [("downloaded", ZIP), ("novald", CLOUDY)]
AFTER_A_SERIES = {
    "unsure": ([], COVERED * 3),
    "open": (BEGUN, COVERED * 3),
    "finished": ([*BEGUN, *CAME, ("finished", "")], COVERED * 2 + LOST),
    "failed, some delivered": ([*BEGUN, *CAME, ("failed", "x")], COVERED * 2 + LOST),
    "rejected": ([("rejected", "x")], LOST * 3),
    "cancelled": ([*BEGUN, ("cancelled", "x")], LOST * 3),
    "dropped": ([*BEGUN, ("cancelled", "dropped by the user")], LOST * 3),
}


@pytest.mark.parametrize("has_plan", [True, False])
def test_what_a_series_of_the_log_covers_is_not_submitted_one_by_one(
    place: Place, peps: Sandbox, *, has_plan: bool
) -> None:
    tiles = dict(zip(TILES, AFTER_A_SERIES.values(), strict=False))
    plan = "2018-03-02/S2A/R051 2018-03-07/S2B/R051 2018-03-12/S2A/R051" if has_plan else ""
    lines: Lines = []
    for tile, (events, _) in tiles.items():
        name = f"{tile}_2018-03-01_2018-04-24_R051"
        lines += [(WHEN, "submitting", name, plan)]
        lines += [(WHEN, event, name, detail.format(tile)) for event, detail in events]
    place.write_log(*lines)
    products = {tile: [name.replace(TILE, tile) for name in passes(3, "2018-03-02")] for tile in tiles}
    others = [l1c("2018-03-21", orbit=8, time="091021", tile=TILES[1]), l1c("2018-05-01", tile=TILES[1])]
    peps.catalogue = listed([name for names in products.values() for name in names] + others)
    run = place.process("-t", *tiles, "-d", "2018-03-01", "-f", "2018-05-02", "-n")
    expected = {tile: what for tile, (_, what) in tiles.items()}
    assert actions(run.out, by=3) == expected | {TILES[1]: [*expected[TILES[1]], "submit", "submit"]}
    if has_plan:
        named = place.process("--product", *products[TILES[1]], "-n")
        assert [what for each in actions(named.out).values() for what in each] == LOST * 3
