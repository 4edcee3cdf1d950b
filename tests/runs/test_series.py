"""A season or a year of a tile in one job: what is submitted, and what the plan says it costs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone

import pytest
from helpers import TILE, Place, l1c, put

from peps_maja.sandbox import BAD_GATEWAY, Altered, Endpoint, Fault, Sandbox

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
WHEN = "2019-04-02T09:12:45Z"
URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"
YEAR = ("-t", TILE, "-d", "2018-01-01", "-f", "2018-12-31")
SPRING = ("-t", TILE, "-d", "2018-03-01", "-f", "2018-04-24")  # 55 days
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


def actions(out: str) -> dict[str, list[str]]:
    """Return what the table says will be done with the products of each day."""
    found: dict[str, list[str]] = {}
    for day, what in re.findall(r"^(\d{4}-\d\d-\d\d)  (?:.*?)  (\S[^\n]*)$", out, re.MULTILINE):
        found.setdefault(day, []).append(re.split(r"  +", what)[-1])
    return found


def submitted(*names: str, plan: str = "2018-01-01/S2A/R051") -> list[tuple[str, ...]]:
    """Return the lines of a log in which these jobs were submitted."""
    return [
        line
        for name in names
        for line in ((WHEN, "submitting", name, plan if "L1C" not in name else ""), (WHEN, "submitted", name, URL))
    ]


# -- what cannot be had -----------------------------------------------------------------------------------------------
IMPOSSIBLE = {
    ("2018-01-01", "2018-02-23"): ("55", "widen"),  # 54 days
    ("2016-03-31", "2016-12-31"): ("2016-04-01", "start"),
}


@pytest.mark.parametrize(("ends", "advice"), IMPOSSIBLE.items(), ids=["too short", "too early"])
def test_an_impossible_span_is_an_error_with_advice(
    place: Place, peps: Sandbox, ends: tuple[str, str], advice: tuple[str, ...]
) -> None:
    start, end = ends
    run = place.process("-t", TILE, "-d", start, "-f", end, "--series")
    assert (run.status, run.out, len(run.err.splitlines())) == (2, "", 1)
    assert all(words in run.err for words in (*advice, "without --series"))
    assert not place.log.exists()
    assert not peps.requests  # nothing that a server says can fix the options


def test_an_account_without_the_right_submits_nothing(place: Place, peps: Sandbox) -> None:
    peps.catalogue = listed(passes(4, "2018-03-02"))
    peps.faults.add(Fault(Endpoint.CAPABILITIES, Altered(lambda it: it.with_body(it.body.replace(b"FULL_", b"NO_")))))
    run = place.process(*SPRING, "--series")
    assert run.status == 2
    assert "FULL_MAJA" in run.err
    assert not place.events()

    # A series needs no right to anything else.
    peps.faults.add(
        Fault(Endpoint.CAPABILITIES, Altered(lambda it: it.with_body(it.body.replace(b">MAJA<", b">NONE<"))))
    )
    assert place.process(*SPRING, "--series").status == 0
    assert len(peps.executed) == 1


# -- one tile, one year -----------------------------------------------------------------------------------------------


def test_a_year_of_two_satellites_is_one_job_instead_of_146(place: Place, peps: Sandbox) -> None:
    names = passes(73) + [name.replace("R051", "R008") for name in passes(73, "2018-01-03")]
    peps.catalogue = listed(names)
    dates = sorted(f"{name[11:15]}-{name[15:17]}-{name[17:19]}/{name[:3]}/{name[33:37]}" for name in names)

    one_by_one = place.process(*YEAR, "-n", "-a", "nobody.txt")
    assert one_by_one.status == 0
    assert costs(one_by_one.out) == [(146, 146 * 8, 146, 292)]
    assert "with --series PEPS computes 146 products instead of 1168" in one_by_one.out.splitlines()[-1]
    assert not place.log.exists()

    asked = place.process(*YEAR)  # the plan comes before the question, and here is no terminal to answer it on
    assert asked.status == 2
    assert costs(asked.out) == costs(one_by_one.out)
    assert "-y" in asked.err
    assert not peps.executed

    asked = place.process(*YEAR, "--series")  # a single job, but one of 61 hours
    assert (asked.status, peps.executed) == (2, [])
    assert "-y" in asked.err

    run = place.process(*YEAR, "--series", "-y")
    assert run.status == 0
    assert costs(run.out) == [(1, 146, 61)]  # an hour, and 145 times 25 minutes
    table = actions(run.out)
    assert list(table) == [date[:10] for date in dates]
    assert all(what == ["submit"] for what in table.values())

    name = f"{TILE}_2018-01-01_2018-12-31"
    assert place.events() == [("submitting", name, " ".join(dates)), ("submitted", name, peps.jobs[0].status_url)]
    assert peps.executed == [f"startDate=2018-01-01;completionDate=2019-01-01;tileid={TILE}"]
    assert [asked.query["identifier"] for asked in peps.asked(Endpoint.EXECUTE)] == ["FULL_MAJA"]
    assert f"{name}: submitted" in run.out
    assert "peps_maja_downloader.py" in run.out


def test_a_year_of_the_sandbox_is_one_job_too(place: Place, peps: Sandbox) -> None:
    run = place.process(*YEAR, "--series", "-y")
    jobs, computed, _ = costs(run.out)[0]
    assert (run.status, jobs, len(peps.executed)) == (0, 1, 1)
    assert 140 <= computed <= 150
    assert computed == len(set(actions(run.out)))  # a reprocessed or cut acquisition is computed once
    assert computed == len(peps.jobs[0].results) + peps.jobs[0].unprocessed


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
    run = place.process(*two_years)
    assert run.status == 0
    assert place.events("submitting") == [
        ("submitting", "31TCH_2019-01-01_2019-12-31", "2019-03-01/S2A/R051"),  # none in 2018: no job for that
        ("submitting", "31TCJ_2018-01-01_2018-12-31", "2018-01-05/S2A/R051 2018-12-31/S2A/R051"),
        ("submitting", "31TCJ_2019-01-01_2019-12-31", "2019-01-01/S2A/R008 2019-12-31/S2B/R051"),
    ]
    assert peps.executed == [
        "startDate=2019-01-01;completionDate=2020-01-01;tileid=31TCH",
        "startDate=2018-01-01;completionDate=2019-01-01;tileid=31TCJ",
        "startDate=2019-01-01;completionDate=2020-01-01;tileid=31TCJ",
    ]
    assert costs(run.out) == [(3, 5, 4)]  # three first dates and two further ones
    assert actions(run.out)["2018-01-05"] == ["older baseline", "submit"]

    again = place.process(*two_years)
    assert (again.status, again.err, len(peps.executed)) == (0, "", 3)
    assert {what for each in actions(again.out).values() for what in each} == {"in log (series)"}
    assert not costs(again.out)

    # Covered by two jobs together; and all orbits cover one.
    within = ("-t", "31TCJ", "-d", "2018-12-01", "-f", "2019-01-31", "--series", "-n")
    assert actions(place.process(*within).out) == {
        "2018-12-31": ["in log (series)"] * 2,
        "2019-01-01": ["in log (series)"],
    }
    of_orbit = actions(place.process(*within, "-o", "51").out)
    assert of_orbit == {"2018-12-31": ["in log (series)"] * 2, "2019-01-01": ["other orbit"]}


def test_an_orbit_is_part_of_the_job_and_of_its_name(place: Place, peps: Sandbox) -> None:
    peps.catalogue = listed([l1c("2018-03-02"), l1c("2018-03-04", orbit=8), l1c("2018-04-24", "S2B", orbit=8)])
    for orbit in ("51", "8"):
        assert place.process(*SPRING, "--series", "-o", orbit).status == 0
    assert place.events("submitting") == [
        ("submitting", f"{TILE}_2018-03-01_2018-04-24_R051", "2018-03-02/S2A/R051"),
        ("submitting", f"{TILE}_2018-03-01_2018-04-24_R008", "2018-03-04/S2A/R008 2018-04-24/S2B/R008"),
    ]
    inputs = f"startDate=2018-03-01;completionDate=2018-04-25;tileid={TILE};relativeOrbitNumber="
    assert peps.executed == [inputs + "51", inputs + "8"]
    assert actions(place.process(*SPRING, "--series", "-o", "8").out)["2018-04-24"] == ["in log (series)"]


def test_no_more_jobs_than_the_limit(place: Place, peps: Sandbox) -> None:
    two_years = ("-t", TILE, "-d", "2018-01-01", "-f", "2019-12-31", "--series", "--limit", "1")
    peps.catalogue = listed([l1c("2018-01-05"), l1c("2018-01-10"), l1c("2019-01-05")])
    first = place.process(*two_years)
    assert actions(first.out) == {"2018-01-05": ["submit"], "2018-01-10": ["submit"], "2019-01-05": ["beyond --limit"]}
    second = place.process(*two_years)
    assert actions(second.out)["2019-01-05"] == ["submit"]
    third = place.process(*two_years)
    assert (first.status, second.status, third.status) == (0, 0, 0)
    assert [name for _, name, _ in place.events("submitted")] == [
        f"{TILE}_2018-01-01_2018-12-31",
        f"{TILE}_2019-01-01_2019-12-31",
    ]


# Spans of series in the log, and which products of 5 January, 10 March and 28 December of that year they cover.
COVERING = {
    "the year": ([("2018-01-01", "2018-12-31", "")], (1, 1, 1)),
    "more than it": ([("2017-12-01", "2019-01-31", "")], (1, 1, 1)),
    "both halves": ([("2018-01-01", "2018-06-30", ""), ("2018-07-01", "2018-12-31", "")], (1, 1, 1)),
    "each product's day": ([("2018-01-04", "2018-12-29", "")], (1, 1, 1)),
    "the beginning": ([("2018-01-01", "2018-12-27", "")], (1, 1, 0)),
    "the end": ([("2018-12-01", "2018-12-31", "")], (0, 0, 1)),
    "the middle": ([("2018-01-06", "2018-12-27", "")], (0, 1, 0)),
    "days of no product": ([("2018-04-01", "2018-11-30", "")], (0, 0, 0)),
    "one orbit": ([("2018-01-01", "2018-12-31", "_R051")], (1, 1, 1)),
    "another orbit": ([("2018-01-01", "2018-12-31", "_R008")], (0, 0, 0)),
}


@pytest.mark.parametrize(("logged", "covered"), COVERING.values(), ids=COVERING)
def test_a_series_is_ordered_where_the_log_does_not_cover_each_product(
    place: Place, peps: Sandbox, logged: list[tuple[str, str, str]], covered: tuple[int, ...]
) -> None:
    peps.catalogue = listed([l1c("2018-01-05"), l1c("2018-03-10"), l1c("2018-12-28")])
    place.write_log(*submitted(*(f"{TILE}_{start}_{end}{orbit}" for start, end, orbit in logged)))
    run = place.process(*YEAR, "--series")
    whats = ["in log (series)" if is_covered else "submit" for is_covered in covered]
    assert [action for each in actions(run.out).values() for action in each] == whats
    assert (run.status, len(peps.executed)) == (0, "submit" in whats)
    # To compute the same dates again takes hours: that is told.
    assert (f"the log has {sum(covered)} of its 3 days already" in run.err) == (sum(covered) in {1, 2})


def test_a_span_without_products_is_not_submitted(place: Place, peps: Sandbox) -> None:
    peps.catalogue = []
    run = place.process(*YEAR, "--series")
    assert (run.status, run.err, peps.executed) == (0, "", [])
    assert not place.events()


def test_no_job_claims_days_that_are_still_to_come(place: Place, peps: Sandbox) -> None:
    # What a job is said to cover is not submitted again: the dates acquired after it ran would be lost.
    today = datetime.now(timezone.utc).date()
    start = today - timedelta(days=99)
    peps.catalogue = listed([l1c(start), l1c(today - timedelta(days=2))])
    run = place.process("-t", TILE, "-d", str(start), "-f", str(today + timedelta(days=90)), "--series")
    assert run.status == 0
    [(_, name, _)] = place.events("submitting")
    assert name.split("_")[2] <= str(today)


# -- the plan, both ways ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("span", "options", "clouds", "is_cheaper"),
    [
        (YEAR, (), 10, True),
        (("-t", TILE, "-d", "2018-01-01", "-f", "2018-02-23"), (), 10, False),  # too short for a series
        (YEAR, ("-c", "20"), 60, False),  # a series computes what the user does not want, too
        (YEAR, ("--limit", "1"), 10, False),
    ],
)
def test_one_line_if_a_series_is_much_cheaper(
    place: Place, peps: Sandbox, span: tuple[str, ...], options: tuple[str, ...], clouds: float, *, is_cheaper: bool
) -> None:
    peps.catalogue = listed(passes(10, "2018-01-06"), clouds) + listed([l1c("2018-01-01")], clouds=5)
    run = place.process(*span, *options, "-n")
    assert (run.status, len(costs(run.out))) == (0, 1)
    assert ("cheaper: with --series PEPS computes 11 products instead of 88" in run.out) == is_cheaper


# -- what the user has already ----------------------------------------------------------------------------------------


def test_what_counts_as_on_disk(place: Place, peps: Sandbox) -> None:
    by_day = {date(2018, 1, 1) + 5 * DAY * number: entry for number, entry in enumerate(ON_DISK)}
    peps.catalogue = listed(map(l1c, by_day))
    folder = place.folder / "l2a"
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
FILE, OWN_FILE = (
    "SENTINEL2A_20180105-105426-459_L2A_T31TCJ_D.zip",
    "SENTINEL2A_20180105-105426-459_L2A_T31TCJ_D.8e99b3de.zip",
)
CUT_IN_TWO = {
    "nothing": ([], [], ["submit", "submit"]),
    "one of both": ([FILE], [], ["on disk", "submit"]),
    "both": ([FILE, OWN_FILE], [], ["on disk", "on disk"]),
    "one, zipped and unpacked": ([FILE, FILE.removesuffix(".zip")], [], ["on disk", "submit"]),
    "the first one's": ([FILE], [FILE], ["in log", "submit"]),
    "the first one's, unpacked": ([FILE.removesuffix(".zip")], [FILE], ["in log", "submit"]),
    "the first one's and another": ([FILE, OWN_FILE], [FILE], ["in log", "on disk"]),
}


@pytest.mark.parametrize(("files", "downloaded", "what"), CUT_IN_TWO.values(), ids=CUT_IN_TWO)
def test_each_part_of_a_cut_acquisition_needs_a_file_of_its_own(
    place: Place, peps: Sandbox, files: list[str], downloaded: list[str], what: list[str]
) -> None:
    parts = [l1c("2018-01-05"), l1c("2018-01-05", last="140000")]
    peps.catalogue = listed(parts)
    for file in files:
        put(place.folder / file)
    if downloaded:
        events = [*(("downloaded", file) for file in downloaded), ("finished", "")]
        place.write_log(*submitted(parts[0]), *((WHEN, event, parts[0], detail) for event, detail in events))
    run = place.process(*YEAR, "-w", ".")
    assert (run.status, actions(run.out)) == (0, {"2018-01-05": what})
    assert len(peps.executed) == what.count("submit")


def test_what_a_failed_series_has_delivered_is_in_the_log(place: Place, peps: Sandbox) -> None:
    peps.catalogue = listed(passes(2, "2018-01-05"))
    year = f"{TILE}_2018-01-01_2018-12-31"
    place.write_log(*submitted(year), (WHEN, "downloaded", year, FILE), (WHEN, "failed", year, "x"))
    put(place.folder / FILE)
    run = place.process(*YEAR, "-w", ".")
    assert actions(run.out) == {"2018-01-05": ["in log (series)"], "2018-01-10": ["submit"]}


def test_midnight_lies_between_a_product_and_its_l2a(place: Place, peps: Sandbox) -> None:
    peps.catalogue = listed([l1c("2018-12-31", time="235000"), l1c("2018-01-02", time="000500")])
    for name in ("20190101-001959-999", "20180102-000500-000"):
        put(place.folder / f"SENTINEL2A_{name}_L2A_T31TCJ_D.zip")
    run = place.process(*YEAR, "-w", ".", "-n")
    assert actions(run.out) == {"2018-01-02": ["on disk"], "2018-12-31": ["on disk"]}


def test_the_folder_is_read_as_it_is(place: Place, peps: Sandbox) -> None:
    names = [l1c("2018-01-05"), l1c("2018-01-10"), l1c("2018-01-15")]
    peps.catalogue = listed(names)
    folder = place.folder / "l2a"
    folder.mkdir()
    (folder / "SENTINEL2A_20180105-105426-459_L2A_T31TCJ_D.zip").write_bytes(b"")  # a full disk left that
    (folder / "SENTINEL2A_20180110-105426-459_L2A_T31TCJ_D.zip").symlink_to("where an archive was.zip")
    run = place.process(*YEAR, "-w", "l2a")
    assert (run.status, run.err) == (0, "")
    assert peps.executed == names
    assert " -w l2a" in run.out  # in the command that follows the jobs


@pytest.mark.parametrize("folder", ["not there", "peps.txt"])
def test_a_folder_that_cannot_be_read_is_an_error_before_any_request(place: Place, peps: Sandbox, folder: str) -> None:
    run = place.process(*YEAR, "-w", folder, "-n")
    assert (run.status, run.out, len(run.err.splitlines())) == (2, "", 1)
    assert f"the folder {folder}" in run.err
    assert "--write-dir" in run.err
    assert not peps.requests


def test_a_series_whose_dates_are_all_on_disk_is_not_submitted(place: Place, peps: Sandbox) -> None:
    names = passes(3)
    peps.catalogue = listed(names)
    for name in names[:2]:
        put(place.folder / f"SENTINEL{name[1:3]}_{name[11:19]}-105426-459_L2A_T31TCJ_D")
    run = place.process(*YEAR, "--series", "-w", ".", "-n")
    assert [*actions(run.out).values()] == [["on disk"], ["on disk"], ["submit"]]

    put(place.folder / "SENTINEL2A_20180111-105426-459_L2A_T31TCJ_D")
    run = place.process(*YEAR, "--series", "-w", ".")
    assert (run.status, run.err, peps.executed) == (0, "", [])
    assert {what for each in actions(run.out).values() for what in each} == {"on disk"}


def test_a_series_that_goes_out_covers_its_dates_on_disk_too(place: Place, peps: Sandbox) -> None:
    peps.catalogue = listed(passes(3))
    put(place.folder / "SENTINEL2A_20180101-105426-459_L2A_T31TCJ_D")
    assert place.process(*YEAR, "--series", "-w", ".").status == 0
    assert [detail for _, _, detail in place.events("submitting")] == [
        "2018-01-01/S2A/R051 2018-01-06/S2B/R051 2018-01-11/S2A/R051"
    ]


# -- once more, by hand, not any more ---------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "unsure"])
def test_a_lost_series_is_submitted_again_on_demand(place: Place, peps: Sandbox, state: str) -> None:
    name, plan = f"{TILE}_2018-03-01_2018-04-24_R051", "2018-03-02/S2A/R051 2018-03-07/S2B/R051"
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


def test_a_series_without_a_clear_answer_is_not_repeated(place: Place, peps: Sandbox) -> None:
    peps.catalogue = listed(passes(2, "2018-03-02"))
    peps.faults.add(Fault(Endpoint.EXECUTE, BAD_GATEWAY))
    assert place.process(*SPRING, "--series").status == 1
    assert place.process(*SPRING, "--series").status == 1
    assert len(peps.asked(Endpoint.EXECUTE)) == 1
    assert [event for event, _, _ in place.events()] == ["submitting"]


def test_a_series_is_adopted_followed_and_dropped(place: Place, peps: Sandbox) -> None:
    name = f"{TILE}_2018-03-01_2018-04-24_R051"
    peps.catalogue = listed(passes(2, "2018-03-02"))
    job = peps.add_job(name, status="RUNNING")
    adopted = place.process("--adopt", name, job.status_url)
    assert (adopted.status, adopted.err) == (0, "")
    assert place.events() == [("submitted", name, job.status_url)]
    assert actions(place.process(*SPRING, "-o", "51", "--series").out)["2018-03-02"] == ["in log (series)"]

    assert place.process("--drop", name).status == 0
    again = place.process(*SPRING, "-o", "51", "--series", "--resubmit", "cancelled")
    assert actions(again.out)["2018-03-02"] == ["in log"]
    assert not peps.executed


@pytest.mark.parametrize("name", ["31TCJ_2018-12-31_2018-01-01", "31TCJ_2018-01-01_2018-12-31_R000", "31TCJ_2018"])
def test_only_a_series_can_be_adopted_as_one(nowhere: Place, name: str) -> None:
    run = nowhere.process("--adopt", name, URL)
    assert (run.status, len(run.err.splitlines())) == (2, 1)
    assert name in run.err
    assert not nowhere.log.exists()


def test_a_resubmitted_series_of_unknown_dates_shows_its_span_and_asks(place: Place, peps: Sandbox) -> None:
    name = f"{TILE}_2018-03-01_2018-04-24"
    place.write_log((WHEN, "submitted", name, URL), (WHEN, "failed", name, "for a reason"))
    asked = place.process("--resubmit", "failed")
    assert (asked.status, peps.executed) == (2, [])
    assert costs(asked.out) == [(1, 55, 24)]
    for words in (f"{name}: ", "from 2018-03-01 to 2018-04-24, at most 55 dates", "-y"):
        assert words in asked.err
    assert "at most 55 computed products" in asked.out
    assert place.process("--resubmit", "failed", "-y").status == 0
    assert len(peps.executed) == 1


@pytest.mark.parametrize(("dates", "asks"), [(9, False), (10, True)])
def test_from_ten_dates_on_a_series_is_asked_for(place: Place, peps: Sandbox, dates: int, *, asks: bool) -> None:
    peps.catalogue = listed(passes(dates, "2018-03-01"))
    assert place.process(*SPRING, "--series").status == (2 if asks else 0)
    assert len(peps.executed) == (not asks)


# -- after a series, the same days one by one -------------------------------------------------------------------------
AFTER_A_SERIES = {
    "unsure": ([], "in log (series)"),
    "open": (["submitted"], "in log (series)"),
    "finished": (["submitted", "downloaded", "novald", "finished"], "in log (series)"),
    "finished without a plan": (["adopted", "downloaded", "novald", "finished"], "in log (series)"),
    "failed": (["submitted", "failed"], "submit"),
    "rejected": (["rejected"], "submit"),
    "cancelled": (["submitted", "cancelled"], "submit"),
    "dropped": (["submitted", "dropped"], "submit"),
}


@pytest.mark.parametrize(("events", "action"), AFTER_A_SERIES.values(), ids=AFTER_A_SERIES)
def test_what_a_series_of_the_log_covers_is_not_submitted_one_by_one(
    place: Place, peps: Sandbox, events: list[str], action: str
) -> None:
    name = f"{TILE}_2018-03-01_2018-04-24_R051"
    details = {
        "submitted": URL,
        "downloaded": "SENTINEL2A_20180302-105426-459_L2A_T31TCJ_D.zip",
        "novald": "NOVALD_SENTINEL2B_20180307-105426-459_L2A_T31TCJ_D.zip",
    }
    plan = "2018-03-02/S2A/R051 2018-03-07/S2B/R051 2018-03-12/S2A/R051"
    lines = [] if "adopted" in events else [(WHEN, "submitting", name, plan)]
    for event in events:
        if event == "dropped":
            lines.append((WHEN, "cancelled", name, "dropped by the user"))
        else:
            lines.append(
                (
                    WHEN,
                    event.replace("adopted", "submitted"),
                    name,
                    details.get(event.replace("adopted", "submitted"), "x"),
                )
            )
    place.write_log(*lines)
    products = passes(3, "2018-03-02")
    others = [l1c("2018-03-02", orbit=8, time="091021"), l1c("2018-05-01")]  # of another orbit, and of another day
    peps.catalogue = listed([*products, *others])
    run = place.process(*SPRING, "-f", "2018-05-02", "-n")
    left_out = "submit" if "finished" in events else action  # the third date was not delivered
    assert actions(run.out) == {
        "2018-03-02": ["submit", action],
        "2018-03-07": [action],
        "2018-03-12": [left_out],
        "2018-05-01": ["submit"],
    }
    named = place.process("--product", *products, "-n")
    assert [what for each in actions(named.out).values() for what in each] == ["submit"] * 3


def test_what_a_series_covers_is_not_submitted_again(place: Place, peps: Sandbox) -> None:
    lost = l1c("2018-03-02")
    peps.catalogue = listed([lost])
    place.write_log(*submitted(lost, f"{TILE}_2018-03-01_2018-04-24"), (WHEN, "failed", lost, "x"))
    assert actions(place.process(*SPRING, "--resubmit", "failed").out) == {"2018-03-02": ["in log (series)"]}
    assert peps.executed == []


def test_a_lost_series_does_not_stand_in_the_way_of_another_span(place: Place, peps: Sandbox) -> None:
    peps.catalogue = listed(passes(3, "2018-03-02"))
    lost = f"{TILE}_2018-01-01_2018-12-31"
    place.write_log(*submitted(lost), (WHEN, "failed", lost, "x"))
    run = place.process(*SPRING, "--series")
    assert (run.status, run.err, len(peps.executed)) == (0, "", 1)


def test_a_series_tells_of_single_jobs_that_it_computes_again(place: Place, peps: Sandbox) -> None:
    names = passes(5, "2018-03-02")
    peps.catalogue = listed(names)
    place.write_log(*submitted(*names[:3]), (WHEN, "finished", names[0], ""), (WHEN, "failed", names[2], "x"))
    run = place.process(*SPRING, "--series")
    assert (run.status, len(run.err.splitlines()), len(peps.executed)) == (0, 1, 1)
    assert f"{TILE}_2018-03-01_2018-04-24: the log has 3 of its 5 days already" in run.err
    assert "computed again" in run.err


@pytest.mark.parametrize(
    ("refused", "way"),
    [
        ((), "with --series PEPS"),
        (("-c", "50"), "with --series and without --max-cloud PEPS"),
        (("-c", "50", "--sat", "S2A"), "with --series and without --max-cloud and without --sat PEPS"),
    ],
)
def test_the_advice_names_the_options_that_a_series_refuses(
    place: Place, peps: Sandbox, refused: tuple[str, ...], way: str
) -> None:
    peps.catalogue = listed(passes(20))
    run = place.process(*YEAR, *refused, "-n")
    assert f"Much cheaper: {way} computes 20 products" in run.out


def test_no_advice_to_order_a_series_that_the_log_has(place: Place, peps: Sandbox) -> None:
    peps.catalogue = listed(passes(20))
    year = f"{TILE}_2018-01-01_2018-12-31"
    place.write_log(*submitted(year), (WHEN, "finished", year, ""))
    run = place.process(*YEAR, "-n")
    assert costs(run.out) == [(20, 160, 20, 40)]  # none was delivered; the same series again would not be submitted
    assert "--series" not in run.out


def test_the_advice_counts_no_days_to_come(place: Place, peps: Sandbox) -> None:
    today = datetime.now(timezone.utc).date()
    peps.catalogue = listed([l1c(today - timedelta(days=day)) for day in range(1, 9)])
    run = place.process("-t", TILE, "-d", str(today - timedelta(days=20)), "-f", str(today + timedelta(days=90)), "-n")
    assert "cheaper" not in run.out
