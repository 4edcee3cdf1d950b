"""What became of each tile and date: what the jobs of a log brought, and what else is in the folder of it."""

from __future__ import annotations

import csv
import io
import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

from peps_maja.downloads.zips import products_in
from peps_maja.joblog.events import NO_RESULTS, Source, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.products.names import L1CProduct, L2AProduct, named_product
from peps_maja.products.series import PlannedDate, Series, read_plan
from peps_maja.standing.values import (
    CANCELLED,
    DROPPED,
    FAILED,
    MISSING,
    MOVED_AWAY,
    NOT_DELIVERED,
    ON_DISK,
    REJECTED,
    RUNNING,
    TOO_CLOUDY,
    UNSURE,
    WAITING,
    DateStanding,
    Standing,
)
from peps_maja.text import counted, size

# Where several jobs know of one date: the state that says most about what the user has.
_BEST_FIRST = (ON_DISK, MOVED_AWAY, TOO_CLOUDY, RUNNING, WAITING, MISSING, UNSURE)
_BEST_FIRST += (FAILED, CANCELLED, REJECTED, NOT_DELIVERED, DROPPED)
_HEAD = ("tile", "date", "satellite", "orbit", "job", "state", "file", "size_bytes", "message", "clouds", "folder")
_WIDTH = 100  # columns of a terminal

_Found = tuple[str, str, int | None]  # of what a job brought: state, name, and bytes of what is on disk
_Known = dict[tuple[str, date], list[DateStanding]]


def dates_of(jobs: Jobs, stands: Mapping[str, Standing], folder: Path) -> list[DateStanding]:
    """Return how each product of each tile and date stands, in that order: of `jobs`, with their zips in `folder`."""
    known: _Known = defaultdict(list)
    for job in sorted(jobs.values(), key=lambda job: job.source is Source.THEIA):  # these join the dates of the others
        for dated in _dates_of_job(job, stands[job.name], folder, known):
            known[dated.tile, dated.day].append(dated)
    accounted = {file.removesuffix(".zip") for file in jobs.owners()}
    accounted |= {dated.file.removesuffix(".zip") for group in known.values() for dated in group}
    for name, product in products_in(folder if folder.is_dir() else None).items():
        keys = [(product.tile.name, day) for day in _days(product)]
        if name not in accounted and (key := next((key for key in keys if key in known), None)):
            _add_file(known[key], name, product, folder)
    return [dated for key in sorted(known) for group in _by_satellite(known[key]) for dated in _to_show(group)]


def _dates_of_job(job: Job, standing: Standing, folder: Path, known: _Known) -> list[DateStanding]:
    """Return the date of a job for one product, with the best that came of it; or all dates of a series."""
    found, product, series = _found(job, folder), named_product(job.name), Series.parse(job.name)
    if isinstance(product, L1CProduct):
        tile, dates = product.tile, {PlannedDate(product.seen.date(), product.satellite, job.orbit): found[:1]}
    elif product:
        tile, dates = product.tile, {_date_of(product, job.orbit, known): found[:1]}
    elif series:
        tile, dates = series.tile, _dates_of_series(job, found)
    else:
        return []
    dated = []
    for planned, results in dates.items():
        nothing = (_state_without_result(job, standing), "", None)
        for state, file, number in [result for result in results if result[0] == ON_DISK] or [*results, nothing][:1]:
            delivered = L2AProduct.find(file)
            its_own = {
                "state": state,
                "tile": tile.name,
                "day": planned.day,
                "satellite": delivered.satellite if delivered and series else planned.satellite,
                "orbit": planned.orbit or job.orbit,
                "file": file if state in {ON_DISK, MOVED_AWAY} else "",
                "size": number,
                "folder": str(folder.absolute()) if state == ON_DISK else "",
            }
            dated.append(DateStanding(**(vars(standing) | its_own)))
    return dated


def _dates_of_series(job: Job, found: Iterable[_Found]) -> dict[PlannedDate, list[_Found]]:
    """Return the planned dates of a series and those that came unplanned, each with what came of it, the best first."""
    dates: dict[PlannedDate, list[_Found]] = {planned: [] for planned in read_plan(job.plan)}
    for result in found:
        if product := L2AProduct.find(result[1]):
            fitting = [planned for planned in dates if planned.satellite in {"", product.satellite}]
            of_day = (planned for day in _days(product) for planned in fitting if planned.day == day)
            dates.setdefault(next(of_day, PlannedDate(product.seen.date(), product.satellite)), []).append(result)
    return dates


def _date_of(product: L2AProduct, orbit: int | None, known: _Known) -> PlannedDate:
    """Return the date of a product of Theia: that of a job for its acquisition, else the day on which it was seen."""
    for day in _days(product):
        for dated in known.get((product.tile.name, day), ()):
            if dated.satellite in {"", product.satellite}:
                return PlannedDate(dated.day, product.satellite, orbit or dated.orbit)
    return PlannedDate(product.seen.date(), product.satellite, orbit)


def _days(product: L2AProduct) -> list[date]:
    """Return the days on which its datatake can have begun, the likeliest first."""
    return [time.date() for time in (product.seen, *product.begun)]


def _found(job: Job, folder: Path) -> list[_Found]:
    """Return what came of a job, the best first; a file of an earlier submission counts while it is there."""
    files = [_looked_up(job, file, folder) for file in reversed(job.files)]
    earlier = [_looked_up(job, file, folder) for file in reversed(job.earlier_files)]
    found = [*files, *(result for result in earlier if result[0] == ON_DISK)]
    found += [(TOO_CLOUDY, name, None) for name in job.novald]
    if job.state is State.OPEN:
        found += [(MISSING, name, None) for name in job.missing if name != NO_RESULTS]
    return sorted(dict.fromkeys(found), key=lambda result: _BEST_FIRST.index(result[0]))


def _looked_up(job: Job, file: str, folder: Path) -> _Found:
    """Return what is left of a downloaded file: the zip, or the folder to which it was unpacked."""
    unpacked = (name.removesuffix(".zip") for name in (file, job.result_name(file)) if L2AProduct.find(name))
    for name in (file, *unpacked):
        if number := _bytes_of(folder / name):
            return ON_DISK, name, number
    return MOVED_AWAY, file, None


def _bytes_of(path: Path) -> int:
    """Return the bytes of a file or of all that is in a folder, 0 if there is none."""
    try:
        parts = path.rglob("*") if path.is_dir() and L2AProduct.find(path.name) else [path]
        return sum(part.stat().st_size for part in parts if part.is_file())
    except (OSError, ValueError):  # a power cut may leave NULs in a log, and no file has such a name
        return 0


def _state_without_result(job: Job, standing: Standing) -> str:
    """Return the state of the dates of which the job has brought nothing."""
    if job.state is State.OPEN:
        return MISSING if NO_RESULTS in job.missing else RUNNING if standing.state == RUNNING else WAITING
    return NOT_DELIVERED if job.state is State.FINISHED else job.standing


def _add_file(group: list[DateStanding], name: str, product: L2AProduct, folder: Path) -> None:
    """Add a file that no job accounts for to the products of its day: it is that of a job which has none there."""
    same = [dated for dated in group if dated.satellite in {"", product.satellite}]
    if not same or any(dated.size is not None and product.name in dated.file for dated in same):
        return
    lacking = min((dated for dated in same if dated.size is None), key=_rank, default=None)
    if lacking:
        group.remove(lacking)
    else:
        source = Source.THEIA if product.version else Source.PEPS
        lacking = replace(same[0], job="", source=source, message="", clouds=None, trouble="", advice=None, results=())
    file = next(file for file in (f"{name}.zip", name) if (folder / file).exists())
    its_own = {"satellite": product.satellite, "size": _bytes_of(folder / file), "folder": str(folder.absolute())}
    group.append(replace(lacking, state=ON_DISK, file=file, **its_own))


def _by_satellite(group: list[DateStanding]) -> list[list[DateStanding]]:
    """Return the products of one day by satellite; a planned date without one is that of the first."""
    satellites = sorted({dated.satellite for dated in group} - {""}) or [""]
    first = [dated for dated in group if dated.satellite in {"", satellites[0]}]
    return [first, *([dated for dated in group if dated.satellite == other] for other in satellites[1:])]


def _to_show(group: list[DateStanding]) -> list[DateStanding]:
    """Return what stands for one acquisition: all parts of the way that brought most, and what others have on disk.

    Ways are PEPS's series, its single jobs of one baseline, and each version of Theia. A product that two ways have
    brought is shown once.
    """

    def way(dated: DateStanding) -> str | None:
        product = named_product(dated.job or dated.file)
        return product.version if product else None

    best = min(group, key=_rank)
    shown = [dated for dated in group if way(dated) == way(best)]
    names = {product.name for dated in shown if (product := L2AProduct.find(dated.file))}
    return shown + [
        dated
        for dated in group
        if dated not in shown
        and dated.size is not None
        and (product := L2AProduct.find(dated.file))
        and product.name not in names
    ]


def _rank(dated: DateStanding) -> int:
    return _BEST_FIRST.index(dated.state)


def line(dated: DateStanding, *, verbose: bool = False) -> str:
    """Return a date as one line that fits a terminal; if `verbose`, as long a line as job and message take."""
    orbit = f"R{dated.orbit:03d}" if dated.orbit else "?"
    clouds = "?" if dated.clouds is None else f"{dated.clouds:.0f}%"
    what = dated.state_in_ledger if dated.size is None else f"{dated.state} {size(dated.size):>7}"
    begin = f"{dated.tile} {dated.day} {dated.satellite or '?':<3} {orbit:<4} {clouds:>4}  {what:<15} "
    if verbose:
        return f"{begin}{dated.file:<52}  {dated.job}" + (f": {dated.message}" if dated.message else "")
    width, file = _WIDTH - len(begin), dated.file
    return (begin + (file if len(file) <= width else f"{file[: width - 21]}…{file[-20:]}")).rstrip()


def totals(dates: Sequence[DateStanding]) -> list[str]:
    """Return, as text that fits a terminal, the total of each tile, and of all together unless that is one tile.

    A date counts once, and in each state that one of its products has.
    """
    tiles, texts = sorted({dated.tile for dated in dates}), []
    for tile in tiles if len(tiles) == 1 else [*tiles, ""]:
        of_tile = [dated for dated in dates if tile in {"", dated.tile}]
        numbers = Counter(state for *_, state in {(dated.tile, dated.day, dated.state_in_ledger) for dated in of_tile})
        words = [counted(len({(dated.tile, dated.day) for dated in of_tile}), "date")]
        words += [f"{numbers[state]} {state}" for state in _BEST_FIRST if numbers[state]]
        on_disk = size(sum({dated.file: dated.size or 0 for dated in of_tile}.values()))
        text = f"Total of {tile}: " if tile else "Total: "
        text += ", ".join(words).replace(f" {ON_DISK}", f" {ON_DISK} ({on_disk})")
        texts.append(textwrap.fill(text, _WIDTH, subsequent_indent="  "))
    return texts


def as_csv(dates: Iterable[DateStanding]) -> str:
    """Return the dates as comma-separated values with a head."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEAD)
    for dated in dates:
        orbit, clouds = (
            f"R{dated.orbit:03d}" if dated.orbit else "",
            "" if dated.clouds is None else f"{dated.clouds:g}",
        )
        place = (dated.tile, dated.day, dated.satellite, orbit, dated.job, dated.state_in_ledger)
        writer.writerow((*place, dated.file, dated.size, dated.message, clouds, dated.folder))
    return text.getvalue()
