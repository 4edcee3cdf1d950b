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
from peps_maja.products.tiles import Tile
from peps_maja.standing import values
from peps_maja.standing.values import BEST_FIRST, ON_DISK, DateStanding, Standing
from peps_maja.text import counted, size

_HEAD = ("tile", "date", "satellite", "orbit", "job", "state", "file", "size_bytes", "message", "clouds", "folder")
_WIDTH = 100  # columns of a terminal

_Found = tuple[str, str, int | None]  # of what a job brought: state, name, and bytes of what is on disk
_Planned = Mapping[tuple[str, date, str], int | None]  # tile, day and satellite of all L1C known: the orbit


def dates_of(jobs: Jobs, stands: Mapping[str, Standing], folder: Path) -> list[DateStanding]:
    """Return how each product of each tile and date stands, in that order: of `jobs`, with their zips in `folder`."""
    planned: dict[tuple[str, date, str], int | None] = {}
    for job in jobs.values():
        if series := Series.parse(job.name):
            planned |= {(series.tile.name, due.day, due.satellite): due.orbit for due in read_plan(job.plan)}
        elif isinstance(product := named_product(job.name), L1CProduct):
            planned[product.tile.name, product.seen.date(), product.satellite] = product.orbit
    known = [dated for job in jobs.values() for dated in _dates_of_job(job, stands[job.name], folder, planned)]
    satellites = defaultdict(set)
    for dated in known:
        satellites[dated.tile, dated.day].add(dated.satellite or "~")  # a planned date without one is of the first
    groups: dict[tuple[str, date, str], list[DateStanding]] = defaultdict(list)
    for dated in known:
        first = min(satellites[dated.tile, dated.day])
        groups[dated.tile, dated.day, dated.satellite or first].append(dated)
    accounted = {file.removesuffix(".zip") for file in (*jobs.owners(), *(dated.file for dated in known))}
    for name, product in products_in(folder if folder.is_dir() else None).items():
        day = _date_of(product, planned).day
        group = groups.get((product.tile.name, day, product.satellite)) or groups.get((product.tile.name, day, "~"))
        if group and name not in accounted:
            _add_file(group, name, product, folder)
    return [dated for key in sorted(groups) for dated in _to_show(groups[key])]


def _dates_of_job(job: Job, standing: Standing, folder: Path, planned: _Planned) -> list[DateStanding]:
    """Return the date of a job for one product, with the best that came of it; or all dates of a series."""
    found, product, series = _found(job, folder), named_product(job.name), Series.parse(job.name)
    dates: dict[PlannedDate, list[_Found]] = {}
    its_tile = product.tile if product else series.tile if series else Tile("")
    if isinstance(product, L1CProduct):
        dates[PlannedDate(product.seen.date(), product.satellite, product.orbit)] = found[:1]
    elif product:
        dates[_date_of(product, planned)] = found[:1]
    elif series:
        for result in found:
            if delivered := L2AProduct.find(result[1]):
                dates.setdefault(_date_of(delivered, planned), []).append(result)
        came = {(due.day, satellite) for due in dates for satellite in ("", due.satellite)}
        dates |= {due: [] for due in read_plan(job.plan) if (due.day, due.satellite) not in came}
    dated: list[DateStanding] = []
    for due, results in dates.items():
        nothing = (_state_without_result(job, standing), "", None)
        for state, file, number in [result for result in results if result[0] == ON_DISK] or [*results, nothing][:1]:
            its_own = {
                "state": state,
                "tile": its_tile.name,
                "day": due.day,
                "satellite": due.satellite,
                "orbit": job.orbit or due.orbit,
                "file": file if state in {ON_DISK, values.MOVED_AWAY} else "",
                "size": number,
                "folder": str(folder.absolute()) if state == ON_DISK else "",
                "came": job.came_at(file),
            }
            dated.append(DateStanding(**(vars(standing) | its_own)))
    return dated


def _date_of(product: L2AProduct, planned: _Planned) -> PlannedDate:
    """Return the date of an L2A product: that of its L1C, if the log has it, else the day on which it was seen."""
    for time in (product.seen, *product.begun):  # its datatake can have begun on the day before, or, in 2016, after
        for satellite in (product.satellite, ""):
            if (key := (product.tile.name, time.date(), satellite)) in planned:
                return PlannedDate(time.date(), product.satellite, planned[key])
    return PlannedDate(product.seen.date(), product.satellite)


def _found(job: Job, folder: Path) -> list[_Found]:
    """Return what came of a job, the best first; a file of an earlier submission counts while it is there."""
    found = []
    for file in dict.fromkeys((*job.files[::-1], *job.earlier_files[::-1])):  # of a zip, or the folder it was in
        unpacked = [name.removesuffix(".zip") for name in (file, job.result_name(file)) if L2AProduct.find(name)]
        there = ((ON_DISK, name, number) for name in (file, *unpacked) if (number := _bytes_of(folder / name)))
        if (result := next(there, None)) or file in job.files:
            found.append(result or (values.MOVED_AWAY, file, None))
    found += [(values.TOO_CLOUDY, name, None) for name in job.novald]
    if job.state is State.OPEN:
        found += [(values.MISSING, name, None) for name in job.missing if name != NO_RESULTS]
    return sorted(found, key=lambda result: BEST_FIRST.index(result[0]))


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
        is_missing, is_running = NO_RESULTS in job.missing, standing.state == values.RUNNING
        return values.MISSING if is_missing else values.RUNNING if is_running else values.WAITING
    return values.NOT_DELIVERED if job.state is State.FINISHED else job.standing


def _add_file(group: list[DateStanding], name: str, product: L2AProduct, folder: Path) -> None:
    """Add a file that no job accounts for to an acquisition: it is that of a job which has none there."""
    file = next(file for file in (f"{name}.zip", name) if (folder / file).exists())
    number = _bytes_of(folder / file)
    if not number or any(dated.size is not None and product.name in dated.file for dated in group):
        return
    dated = min((dated for dated in group if dated.size is None), key=_rank, default=None)
    if dated:
        group.remove(dated)
    else:
        source = Source.THEIA if product.version else Source.PEPS
        dated = replace(group[0], job="", source=source, message="", clouds=None, came=None)
    where = str(folder.absolute())
    group.append(replace(dated, satellite=product.satellite, state=ON_DISK, file=file, size=number, folder=where))


def _to_show(group: Sequence[DateStanding]) -> list[DateStanding]:
    """Return what stands for one acquisition: all parts of the way that brought most, and what others have on disk.

    Ways are a series, PEPS's single jobs, and Theia's; of these, a lost job for another baseline or version is no part.
    What two ways have brought is shown once.
    """
    best = min(group, key=_rank)
    way = named_product(best.job or best.file)

    def is_part(dated: DateStanding) -> bool:
        product = named_product(dated.job or dated.file)
        if not product or not way:
            return dated.job == best.job
        return type(product) is type(way) and (product.version == way.version or dated.state not in values.LOST)

    shown = [dated for dated in group if is_part(dated)]
    names = [product.name for dated in shown if (product := L2AProduct.find(dated.file))]
    others = [dated for dated in group if dated.size is not None and not any(name in dated.file for name in names)]
    return shown + [dated for dated in others if dated not in shown]


def _rank(dated: DateStanding) -> int:
    return BEST_FIRST.index(dated.state)


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
        on_disk = size(sum({dated.file: dated.size or 0 for dated in of_tile}.values()))
        words = [f"{numbers[state]} {state}" for state in BEST_FIRST if numbers[state]]
        number = counted(len({(dated.tile, dated.day) for dated in of_tile}), "date")
        text = ", ".join([f"Total of {tile}: {number}" if tile else f"Total: {number}", *words])
        text = text.replace(f" {ON_DISK}", f" {ON_DISK} ({on_disk})")
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
        date_and_job = (dated.tile, dated.day, dated.satellite, orbit, dated.job, dated.state_in_ledger)
        writer.writerow((*date_and_job, dated.file, dated.size, dated.message, clouds, dated.folder))
    return text.getvalue()
