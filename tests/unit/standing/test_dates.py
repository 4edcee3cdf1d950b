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
from peps_maja.standing.listing import as_csv
from peps_maja.standing.overview import dates_of, standing_of

YEAR = f"{TILE}_2018-01-01_2018-12-31"
SINGLE, OTHER_PART = l1c("2018-01-05"), l1c("2018-01-05", last="140000")
ZIP, SECOND_ZIP = l2a("2018-01-05"), l2a("2018-01-05").replace(".zip", ".8e99b3de.zip")
DAY, LATER = ("2018-01-05", "S2A"), ("2018-01-15", "S2A")
Event = tuple[str, str, str]


def replayed(tmp_path: Path, *events: Event, is_there: bool = True) -> list[tuple[str, ...]]:
    """Return date, satellite, state, file and job of the ledger of a log with these events; what came is on disk."""
    for event, _, file in events:
        if event == "downloaded" and is_there:
            (tmp_path / file).write_bytes(b"x")
    lines = [HEADER, *("\t".join((ago(), *event)) for event in events)]
    jobs = Jobs.replay("\n".join(lines) + "\n")
    dates = dates_of(jobs, {job.name: standing_of(job) for job in jobs.values()}, tmp_path)
    rows = list(csv.DictReader(io.StringIO(as_csv(dates))))
    return [tuple(row[name] for name in ("date", "satellite", "state", "file", "job")) for row in rows]


def begun(plan: str, name: str = YEAR) -> list[Event]:
    return [("submitting", name, plan), ("submitted", name, STATUS_URL)]


def planned(*days: str) -> list[Event]:
    return begun(" ".join(f"{day}/S2A/R051" for day in days))


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
def test_a_date_of_two_jobs_has_one_line(
    tmp_path: Path, *, single: str, series: str, state: str, file: str, job: str
) -> None:
    details = {"downloaded": ZIP, "novald": f"NOVALD_{ZIP}"}
    ends = [[(event, name, details.get(event, ""))] * bool(event) for name, event in ((SINGLE, single), (YEAR, series))]
    first, second = begun("", SINGLE) + ends[0], planned(DAY[0]) + ends[1]
    for events in (first + second, second + first):
        assert replayed(tmp_path, *events) == [(*DAY, state, file, job)]


THEIAS = f"{ZIP.removesuffix('_D.zip')}_C_V4-0"
EARLY = l2a("2018-01-04", time="235930-000")  # seen before midnight, as in names of baseline N0204
LATE, NEXT = l2a("2018-01-06", time="001500-000"), l2a("2018-01-06", "S2B", time="235900-000")
CLOUDY_PART = ("novald", YEAR, f"NOVALD_{l2a('2018-01-05', time='105441-000')}")
CAME, FINISHED, FAILED = ("downloaded", YEAR, ZIP), ("finished", YEAR, ""), ("failed", YEAR, "out of memory")
PARTS = begun("", SINGLE) + begun("", OTHER_PART)
ON_DISK = (*DAY, "on disk", ZIP, YEAR)
# Events, and what becomes of each date.
LEDGERS: dict[str, tuple[list[Event], list[tuple[str, ...]]]] = {
    "no product": ([("submitted", "something else", STATUS_URL), ("failed", "something else", "")], []),
    "on disk twice": (
        [*planned(DAY[0]), CAME, *begun("", SINGLE), ("downloaded", SINGLE, SECOND_ZIP)],
        [(*DAY, "on disk", SECOND_ZIP, SINGLE)],
    ),
    "missing at Theia, and waiting": (
        [("available", THEIAS, "https://x.org/a - -"), ("missing", THEIAS, f"{THEIAS}.zip absent 404"),
         *begun("", SINGLE)],
        [(*DAY, "waiting", "", SINGLE)],
    ),
    "both parts": (
        [*PARTS, ("downloaded", SINGLE, ZIP), ("downloaded", OTHER_PART, SECOND_ZIP)],
        [(*DAY, "on disk", ZIP, SINGLE), (*DAY, "on disk", SECOND_ZIP, OTHER_PART)],
    ),
    "one part": (
        [*PARTS, ("downloaded", SINGLE, ZIP), ("failed", OTHER_PART, "x")],
        [(*DAY, "on disk", ZIP, SINGLE), (*DAY, "failed", "", OTHER_PART)],
    ),
    "both parts lost, and a series": (
        [*PARTS, *planned(DAY[0]), CAME, ("failed", SINGLE, "x"), ("failed", OTHER_PART, "x")],
        [ON_DISK],
    ),
    "partly cloudy": ([*planned(DAY[0]), CAME, CLOUDY_PART, FINISHED], [ON_DISK]),
    "cloudy first": ([*planned(DAY[0]), CLOUDY_PART, CAME, FINISHED], [ON_DISK]),
    "after midnight": (
        [*begun("2018-01-05/S2A/R051 2018-01-06/S2B/R008"), ("downloaded", YEAR, NEXT), ("downloaded", YEAR, LATE)],
        [(*DAY, "on disk", LATE, YEAR), ("2018-01-06", "S2B", "on disk", NEXT, YEAR)],
    ),
    "before midnight": ([*planned(DAY[0]), ("downloaded", YEAR, EARLY)], [(*DAY, "on disk", EARLY, YEAR)]),
    "a plan of bare dates": (
        [*begun("2018-01-01,2018-01-05,2018-01-06"), ("downloaded", YEAR, NEXT), *begun("", SINGLE),
         ("downloaded", SINGLE, ZIP)],
        [("2018-01-01", "", "waiting", "", YEAR), (*DAY, "on disk", ZIP, SINGLE),
         ("2018-01-06", "S2B", "on disk", NEXT, YEAR)],
    ),
    "an adopted series": (
        [("submitted", YEAR, STATUS_URL), CAME, ("novald", YEAR, novald(LATER[0])), FINISHED],
        [ON_DISK, (*LATER, "too cloudy", "", YEAR)],
    ),
    "submitted again": (
        [*planned(DAY[0], LATER[0]), CAME, FAILED, *planned(DAY[0], LATER[0])],
        [ON_DISK, (*LATER, "waiting", "", YEAR)],
    ),
    "lost again": (
        [*planned(DAY[0], LATER[0]), CAME, FAILED, *planned(DAY[0], LATER[0]), FAILED],
        [ON_DISK, (*LATER, "failed", "", YEAR)],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("events", "rows"), LEDGERS.values(), ids=LEDGERS)
def test_ledger(tmp_path: Path, events: list[Event], rows: list[tuple[str, ...]]) -> None:
    assert replayed(tmp_path, *events) == rows


def test_a_product_is_on_disk_zipped_or_unpacked_with_the_mark_of_its_job_or_without(tmp_path: Path) -> None:
    events = [*begun("", SINGLE), ("downloaded", SINGLE, SECOND_ZIP), ("finished", SINGLE, "")]
    for number, folder in enumerate((ZIP.removesuffix(".zip"), SECOND_ZIP.removesuffix(".zip"))):
        place = tmp_path / str(number)
        (place / folder).mkdir(parents=True)
        assert replayed(place, *events, is_there=False) == [(*DAY, "moved away", SECOND_ZIP, SINGLE)]  # it is empty
        (place / folder / "metadata.xml").write_bytes(b"x" * 7)
        assert replayed(place, *events, is_there=False) == [(*DAY, "on disk", folder, SINGLE)]


@pytest.mark.parametrize("file", ["", ".", "..", "/", "../work", f"{'x' * 300}.zip"])
def test_what_no_file_can_be_is_not_on_disk(tmp_path: Path, file: str) -> None:
    events = [*begun("", SINGLE), ("downloaded", SINGLE, file), ("finished", SINGLE, "")]
    [row] = replayed(tmp_path, *events, is_there=False)
    assert row[2] in {"moved away", "not delivered"}


@settings(max_examples=100, deadline=None, database=None)
@given(
    fates=st.lists(st.sampled_from(["downloaded", "novald", "missing", ""]), min_size=1, max_size=8),
    end=st.sampled_from(["finished", "failed", "cancelled", ""]),
    is_again=st.booleans(),
)
def test_every_date_is_in_exactly_one_state(fates: list[str], end: str, *, is_again: bool) -> None:
    days = [f"2018-01-{1 + 3 * number:02}" for number in range(len(fates))]
    begin = planned(*days)
    names = {"downloaded": l2a, "novald": novald, "missing": lambda day: f"{l2a(day)} absent 404"}
    came = [(fate, YEAR, names[fate](day)) for day, fate in zip(days, fates, strict=True) if fate]
    with tempfile.TemporaryDirectory() as folder:
        rows = replayed(Path(folder), *begin, *came, *[(end, YEAR, "")] * bool(end), *begin * is_again)
    late = "waiting" if is_again or not end else "not delivered" if end == "finished" else "failed"
    states = {"downloaded": "on disk", "novald": late if is_again else "too cloudy"}
    assert [(row[0], row[2]) for row in rows] == [
        (day, states.get(fate, late)) for day, fate in zip(days, fates, strict=True)
    ]
