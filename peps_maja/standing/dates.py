"""The ledger: what became of each tile and acquisition date known to the log, as values, as lines and as CSV."""

from __future__ import annotations

import csv
import io
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path

from peps_maja.joblog.events import Source, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.products.names import L1CProduct, L2AProduct
from peps_maja.products.series import PlannedDate, Series, read_plan
from peps_maja.standing.status import Standing
from peps_maja.text import counted, size

WAITING, RUNNING, ON_DISK, MOVED_AWAY, TOO_CLOUDY = "waiting", "running", "on disk", "moved away", "too cloudy"
FAILED, DROPPED, UNSURE, NOT_DELIVERED = "failed", "dropped", "unsure", "not delivered"
# Where several jobs know of one date: the state that says most about what the user has.
_BEST_FIRST = (ON_DISK, MOVED_AWAY, TOO_CLOUDY, RUNNING, WAITING, UNSURE, FAILED, NOT_DELIVERED, DROPPED)


class Kind(Enum):
    """What a job is for."""

    PRODUCT = "one L1C product"
    SERIES = "many dates"
    OFFER = "a product that Theia has"


_HEAD = ("tile", "date", "satellite", "orbit", "job", "state", "file", "size_bytes", "message")
_WIDTH = 100  # columns of a terminal


@dataclass(frozen=True)
class Entry:
    """One acquisition of one tile. `file` is the zip, or the folder to which it was unpacked; `bytes` is its size."""

    tile: str
    day: date
    satellite: str
    orbit: int | None
    job: str
    state: str
    file: str = ""
    bytes: int | None = None
    message: str = ""
    kind: Kind = Kind.PRODUCT

    @property
    def fields(self) -> tuple[str, ...]:
        """The entry as texts, in the order of the head."""
        orbit = f"R{self.orbit:03d}" if self.orbit else ""
        number = "" if self.bytes is None else str(self.bytes)
        return self.tile, str(self.day), self.satellite, orbit, self.job, self.state, self.file, number, self.message

    def line(self, *, verbose: bool = False) -> str:
        """Return the entry as one line that fits a terminal; if `verbose`, as long a line as job and message take."""
        tile, day, satellite, orbit, job, state, file, _, message = self.fields
        what = state if self.bytes is None else f"{state} {size(self.bytes):>7}"
        begin = f"{tile} {day} {satellite or '?':<3} {orbit or '?':<4}  {what:<15}  "
        if verbose:
            return f"{begin}{file:<47}  {job}" + (f": {message}" if message else "")
        return (begin + _shortened(file, _WIDTH - len(begin))).rstrip()


def ledger(jobs: Jobs, stands: Mapping[str, Standing], folder: Path) -> list[Entry]:
    """Return the ledger, by tile and date: `stands` says where each job stands, `folder` is where the zips go."""
    known: dict[tuple[str, date], list[Entry]] = {}
    for job in sorted(jobs.values(), key=lambda job: job.source is Source.THEIA):  # these join the dates of the others
        for entry in _entries(job, stands.get(job.name), folder, known):
            known.setdefault((entry.tile, entry.day), []).append(entry)
    return [entry for key in sorted(known) for seen in _by_satellite(known[key]) for entry in _to_show(seen)]


def totals(entries: Sequence[Entry]) -> list[str]:
    """Return, as text that fits a terminal, the total of each tile, and of all together unless that is one tile."""
    tiles = sorted({entry.tile for entry in entries})
    return [_total(tile, entries) for tile in (tiles if len(tiles) == 1 else [*tiles, ""])]


def _total(tile: str, entries: Sequence[Entry]) -> str:
    of_tile = [entry for entry in entries if tile in {"", entry.tile}]
    numbers = Counter(entry.state for entry in of_tile)
    on_disk = sum({entry.file: entry.bytes or 0 for entry in of_tile}.values())
    words = [counted(len(of_tile), "date"), *(f"{numbers[state]} {state}" for state in _BEST_FIRST if numbers[state])]
    text = f"Total of {tile}: " if tile else "Total: "
    text += ", ".join(words).replace(f" {ON_DISK}", f" {ON_DISK} ({size(on_disk)})")
    return textwrap.fill(text, _WIDTH, subsequent_indent="  ")


def _by_satellite(entries: list[Entry]) -> list[list[Entry]]:
    """Return the entries of one day by satellite; a planned date without one is that of the first."""
    satellites = sorted({entry.satellite for entry in entries} - {""}) or [""]
    return [
        [
            entry
            for entry in entries
            if entry.satellite == satellite or (not entry.satellite and satellite == satellites[0])
        ]
        for satellite in satellites
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
    return [best] if best.kind is Kind.SERIES else [entry for entry in entries if entry.kind is best.kind]


@dataclass(frozen=True)
class _Result:
    """What a job has of one date: its state, and the name that tells the date."""

    state: str
    name: str = ""
    bytes: int | None = None


_Known = Mapping[tuple[str, date], Sequence[Entry]]


def _entries(job: Job, stands: Standing | None, folder: Path, known: _Known) -> list[Entry]:
    at_peps, at_theia = ("", job.name) if job.source is Source.THEIA else (job.name, "")
    product, series, offered = L1CProduct.parse(at_peps), Series.parse(at_peps), L2AProduct.find(at_theia)
    if offered:
        kind, tile, dates = Kind.OFFER, offered.tile, {_date_of(offered, known): _best(job, stands, folder)}
    elif product:
        planned = PlannedDate(product.sensing.date(), product.satellite, product.orbit)
        kind, tile, dates = Kind.PRODUCT, product.tile, {planned: _best(job, stands, folder)}
    elif series:
        kind, tile, dates = Kind.SERIES, series.tile, _dates_of_series(job, series, stands, folder)
    else:
        return []
    message = stands.message if stands else job.detail
    return [
        Entry(
            tile.name,
            planned.day,
            planned.satellite,
            planned.orbit,
            job.name,
            result.state,
            file="" if result.state == TOO_CLOUDY else result.name,
            bytes=result.bytes,
            message=message,
            kind=kind,
        )
        for planned, result in dates.items()
    ]


def _dates_of_series(job: Job, series: Series, stands: Standing | None, folder: Path) -> dict[PlannedDate, _Result]:
    dates = dict.fromkeys(read_plan(job.plan), _Result(_rest(job, stands)))
    for result in _results(job, folder):
        if delivered := L2AProduct.find(result.name):
            planned = _planned(delivered, dates) or PlannedDate(delivered.sight.date())
            dates.pop(planned, None)
            dates[PlannedDate(planned.day, delivered.satellite, planned.orbit or series.orbit)] = result
    return dates


def _best(job: Job, stands: Standing | None, folder: Path) -> _Result:
    """Return the best that a job for one product has brought, or how it stands."""
    return (_results(job, folder) or [_Result(_rest(job, stands))])[-1]


def _rest(job: Job, stands: Standing | None) -> str:
    """Return the state of the dates of which the job has brought nothing."""
    if job.was_dropped:
        return DROPPED
    if_open = RUNNING if stands and stands.state == RUNNING else WAITING
    return {State.OPEN: if_open, State.UNSURE: UNSURE, State.FINISHED: NOT_DELIVERED}.get(job.state, FAILED)


def _results(job: Job, folder: Path) -> list[_Result]:
    """Return what the job has brought, the best last; a file of an earlier submission counts while it is there."""
    cloudy = [_Result(TOO_CLOUDY, name) for name in job.novald]
    earlier = [found for file in job.earlier_files if (found := _looked_up(job, file, folder)).state == ON_DISK]
    files = [*earlier, *(_looked_up(job, file, folder) for file in job.files)]
    return cloudy + sorted(files, key=lambda result: result.state == ON_DISK)


def _looked_up(job: Job, file: str, folder: Path) -> _Result:
    """Return what is left of a downloaded file: the zip, or the folder to which it was unpacked."""
    unpacked = (name.removesuffix(".zip") for name in (file, job.result_name(file)) if L2AProduct.find(name))
    for name in (file, *unpacked):
        if number := bytes_of(folder / name):
            return _Result(ON_DISK, name, number)
    return _Result(MOVED_AWAY, file)


def _planned(result: L2AProduct, planned: Iterable[PlannedDate]) -> PlannedDate | None:
    """Return the planned date that a result is of: the day on which its datatake can have begun."""
    fitting = [date for date in planned if date.day in result.days and date.satellite in {"", result.satellite}]
    return min(fitting, key=lambda date: result.days.index(date.day), default=None)


def _date_of(offered: L2AProduct, known: _Known) -> PlannedDate:
    """Return the date of a product of Theia: that of a job for its acquisition, else the day on which it was seen."""
    for day in offered.days:
        for entry in known.get((offered.tile.name, day), ()):
            if entry.satellite in {"", offered.satellite}:
                return PlannedDate(entry.day, offered.satellite, entry.orbit)
    return PlannedDate(offered.sight.date(), offered.satellite)


def bytes_of(path: Path) -> int:
    """Return the bytes of a file or of all that is in a folder, 0 if there is none."""
    try:
        parts = path.rglob("*") if path.is_dir() and L2AProduct.find(path.name) else [path]
        return sum(part.stat().st_size for part in parts if part.is_file())
    except (OSError, ValueError):  # a power cut may leave NULs in a log, and no file has such a name
        return 0


def _shortened(text: str, width: int) -> str:
    """Return the text, without its middle where it is too long."""
    return text if len(text) <= width else f"{text[: width - 21]}…{text[-20:]}"
