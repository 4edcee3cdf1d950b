"""The ledger: one line per tile and acquisition date known to the log, and what became of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from .jobs import Job, Jobs, State
from .products import L1CProduct, L2AProduct
from .series import PlannedDate, Series, read_plan
from .text import size

WAITING, RUNNING, ON_DISK, TOO_CLOUDY = "waiting", "running", "on disk", "too cloudy"
FAILED, UNSURE, NOT_DELIVERED = "failed", "unsure", "not delivered"
# Where several jobs know of one date: the state that says most about what the user has.
_BEST_FIRST = (ON_DISK, TOO_CLOUDY, RUNNING, WAITING, UNSURE, FAILED, NOT_DELIVERED)

_HEAD = ("tile", "date", "satellite", "orbit", "job", "state", "file", "size")


@dataclass(frozen=True)
class Entry:
    """One acquisition of one tile. `bytes` is the size of its file, where that is still in the folder."""

    tile: str
    day: date
    satellite: str
    orbit: int | None
    job: str
    state: str
    file: str = ""
    bytes: int | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        """The entry as texts, in the order of the head."""
        orbit = f"R{self.orbit:03d}" if self.orbit else ""
        number = "" if self.bytes is None else str(self.bytes)
        return self.tile, str(self.day), self.satellite, orbit, self.job, self.state, self.file, number

    def __str__(self) -> str:
        """Return the entry as one line."""
        tile, day, satellite, orbit, job, state, file, _ = self.fields
        end = f"  {file}" + ("" if self.bytes is None else f" ({size(self.bytes)})") if file else ""
        return f"{tile}  {day}  {satellite or '?':<3}  {orbit or '?':<4}  {state:<13}  {job}{end}"


def ledger(jobs: Jobs, standing: Mapping[str, str], folder: Path) -> list[Entry]:
    """Return the ledger, by tile and date; `standing` says which of the open jobs are running."""
    known: dict[tuple[str, date], list[Entry]] = {}
    for job in jobs.values():
        for entry in _entries(job, RUNNING if standing.get(job.name) == RUNNING else WAITING):
            known.setdefault((entry.tile, entry.day), []).append(entry)
    shown = [entry for key in sorted(known) for seen in _by_satellite(known[key]) for entry in _to_show(seen)]
    return [replace(entry, bytes=_size(folder / entry.file)) if entry.file else entry for entry in shown]


def _by_satellite(entries: list[Entry]) -> list[list[Entry]]:
    """Return the entries of one day by satellite; a planned date without one is that of the first."""
    satellites = sorted({entry.satellite for entry in entries} - {""}) or [""]
    return [
        [entry for entry in entries if entry.satellite == one or (not entry.satellite and one == satellites[0])]
        for one in satellites
    ]


def as_csv(entries: Iterable[Entry]) -> str:
    """Return the ledger as comma-separated values with a head."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEAD)
    writer.writerows(entry.fields for entry in entries)
    return text.getvalue()


def _to_show(entries: list[Entry]) -> list[Entry]:
    """Return what stands for one acquisition: the best that any job has of it, or each part of one cut in two."""
    best = min(entries, key=lambda entry: _BEST_FIRST.index(entry.state))
    singles = [entry for entry in entries if L1CProduct.parse(entry.job)]
    return singles if best in singles else [best]


def _entries(job: Job, if_open: str) -> list[Entry]:
    product, series = L1CProduct.parse(job.name), Series.parse(job.name)
    results = [(name, TOO_CLOUDY) for name in job.novald]
    results += [(file, ON_DISK) for file in [*job.earlier_files, *job.files]]  # last, for it says more
    rest = {State.OPEN: if_open, State.UNSURE: UNSURE, State.FINISHED: NOT_DELIVERED}.get(job.state, FAILED)
    if product is not None:
        name, state = results[-1] if results else ("", rest)
        planned = PlannedDate(product.sensing.date(), product.satellite, product.orbit)
        return [_entry(job, product.tile.name, planned, state, name)]
    if series is None:
        return []
    dates = dict.fromkeys(read_plan(job.plan), ("", rest))
    for name, state in results:
        if result := L2AProduct.find(name):
            planned = _planned(result, dates) or PlannedDate(result.sight.date())
            dates.pop(planned, None)
            orbit = planned.orbit or series.orbit
            dates[PlannedDate(planned.day, result.satellite, orbit)] = (name, state)
    return [_entry(job, series.tile.name, planned, state, name) for planned, (name, state) in dates.items()]


def _entry(job: Job, tile: str, planned: PlannedDate, state: str, name: str) -> Entry:
    file = name if state == ON_DISK else ""
    return Entry(tile, planned.day, planned.satellite, planned.orbit, job.name, state, file)


def _planned(result: L2AProduct, planned: Iterable[PlannedDate]) -> PlannedDate | None:
    """Return the planned date that a result is of: the day on which its datatake can have begun."""
    days = [time.date() for time in (result.sight, *result.begun)]
    fitting = [one for one in planned if one.day in days and one.satellite in {"", result.satellite}]
    return min(fitting, key=lambda one: days.index(one.day), default=None)


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (OSError, ValueError):  # a power cut may leave NULs in a log, and no file has such a name
        return None
