"""The ledger: which dates a log tells of, and in what state each is."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import pytest
from helpers import STATUS_URL, TILE, ago, l1c, l2a, novald
from hypothesis import given, settings
from hypothesis import strategies as st

from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.lines import HEADER
from peps_maja.standing.overview import dates_of, standing_of
from peps_maja.standing.shows import as_csv

YEAR = f"{TILE}_2018-01-01_2018-12-31"
SINGLE, OTHER_PART = l1c("2018-01-05"), l1c("2018-01-05", last="140000")
ZIP, SECOND_ZIP = l2a("2018-01-05"), l2a("2018-01-05").replace(".zip", ".8e99b3de.zip")
PLAN = "2018-01-05/S2A/R051"


def replayed(tmp_path: Path, *events: tuple[str, str, str]) -> list[tuple[str, ...]]:
    """Return date, satellite, state, file and job of the ledger of a log with these events; what came is on disk."""
    for event, _, file in events:
        if event == "downloaded":
            (tmp_path / file).write_bytes(b"x")
    lines = [HEADER, *("\t".join((ago(), *event)) for event in events)]
    jobs = Jobs.replay("\n".join(lines) + "\n")
    dates = dates_of(jobs, {job.name: standing_of(job) for job in jobs.values()}, tmp_path)
    rows = list(csv.DictReader(io.StringIO(as_csv(dates))))
    return [tuple(row[name] for name in ("date", "satellite", "state", "file", "job")) for row in rows]


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
    assert rows == [("2018-01-05", "S2A", "on disk", ZIP, SINGLE), ("2018-01-05", "S2A", state, file, OTHER_PART)]
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


@settings(max_examples=100, deadline=None, database=None)
@given(
    fates=st.lists(st.sampled_from(["downloaded", "novald", "missing", ""]), min_size=1, max_size=8),
    end=st.sampled_from(["finished", "failed", "cancelled", ""]),
    is_again=st.booleans(),
)
def test_every_date_is_in_exactly_one_state(fates: list[str], end: str, *, is_again: bool) -> None:
    days = [f"2018-01-{1 + 3 * number:02}" for number in range(len(fates))]
    begin = [("submitting", YEAR, " ".join(f"{day}/S2A/R051" for day in days)), ("submitted", YEAR, STATUS_URL)]
    names = {"downloaded": l2a, "novald": novald, "missing": lambda day: f"{l2a(day)} absent 404"}
    came = [(fate, YEAR, names[fate](day)) for day, fate in zip(days, fates, strict=True) if fate]
    with tempfile.TemporaryDirectory() as folder:
        rows = replayed(Path(folder), *begin, *came, *[(end, YEAR, "")] * bool(end), *begin * is_again)
    late = "waiting" if is_again or not end else "not delivered" if end == "finished" else "failed"
    states = {"downloaded": "on disk", "novald": late if is_again else "too cloudy"}
    assert [(row[0], row[2]) for row in rows] == [
        (day, states.get(fate, late)) for day, fate in zip(days, fates, strict=True)
    ]
