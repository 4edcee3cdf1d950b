"""The ledger: what became of each tile and date, by the jobs of a log and by what is in the folder of its zips."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from peps_maja.downloads.folder import products_in
from peps_maja.joblog.events import NO_RESULTS, Source, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.products.names import L1CProduct, L2AProduct, named_product
from peps_maja.products.series import PlannedDate, Series, read_plan
from peps_maja.standing import values
from peps_maja.standing.values import BEST_FIRST, MOVED_AWAY, ON_DISK, DateStanding, Standing
from peps_maja.text import counted, size

_HEAD = ("tile", "date", "satellite", "orbit", "job", "state", "file", "size_bytes", "message", "clouds", "folder")
_WIDTH = 100  # columns of a terminal

_Found = tuple[str, str, int | None]  # of what a job brought: state, name, and bytes of what is on disk
_Orbits = Mapping[tuple[str, date, str], int | None]  # by tile, day and satellite of each L1C that the log knows


def dates_of(jobs: Jobs, stands: Mapping[str, Standing], folder: Path) -> list[DateStanding]:
    """Return how each product of each tile and date stands, in that order: of `jobs`, with their zips in `folder`."""
    orbits: dict[tuple[str, date, str], int | None] = {}
    for job in jobs.values():
        if series := Series.parse(job.name):
            orbits |= {(series.tile.name, due.day, due.satellite): due.orbit for due in read_plan(job.plan)}
        elif isinstance(product := named_product(job.name), L1CProduct):
            orbits[product.tile.name, product.seen.date(), product.satellite] = product.orbit

    owned = {product.name for file in jobs.owners() if (product := L2AProduct.find(file))}
    there = products_in(folder) if folder.is_dir() else {}
    free = {name: _date_of(product, orbits) for name, product in there.items() if product.name not in owned}
    known: list[DateStanding] = []
    for job in sorted(jobs.values(), key=lambda job: (Series.parse(job.name) is not None, job.has_ended)):
        known += _dates_of_job(job, stands[job.name], folder, free, orbits)
    for name in list(free) if jobs.damaged else ():  # it may be any that the log has lost
        source = Source.THEIA if there[name].version else Source.PEPS
        known += _dates_of_job(Job(name), Standing(job="", source=source, state=ON_DISK), folder, free, orbits)

    named = sorted((dated.tile, dated.day, dated.satellite) for dated in known if dated.satellite)
    first = {(tile, day): satellite for tile, day, satellite in reversed(named)}  # has the plans that name none
    acquisitions = defaultdict(list)
    for dated in known:
        satellite = dated.satellite or first.get((dated.tile, dated.day), "")
        acquisitions[dated.tile, dated.day, satellite].append(dated)
    return [dated for key in sorted(acquisitions) for dated in _to_show(acquisitions[key])]


def _dates_of_job(
    job: Job, standing: Standing, folder: Path, free: dict[str, PlannedDate], orbits: _Orbits
) -> Iterator[DateStanding]:
    """Yield the date of a job for one product, with the best that came of it; or all dates of a series.

    A date of which nothing is there gets what is `free`.
    """
    product, series = named_product(job.name), Series.parse(job.name)
    tile = product.tile if product else series.tile if series else None
    brought = _brought(job, folder)
    dates: dict[PlannedDate, list[_Found]] = {_date_of(product, orbits): brought[:1]} if product else {}
    for found in brought if series else ():
        if delivered := L2AProduct.find(found[1]):
            dates.setdefault(_date_of(delivered, orbits), []).append(found)
    came = {(due.day, satellite) for due in dates for satellite in ("", due.satellite)}
    dates |= {due: [] for due in read_plan(job.plan) if series and (due.day, due.satellite) not in came}

    nothing = values.NOT_DELIVERED if job.state is State.FINISHED else job.standing
    if job.state is State.OPEN:
        nothing = values.RUNNING if standing.state == values.RUNNING else values.WAITING
        nothing = values.MISSING if NO_RESULTS in job.missing else nothing
    for due, results in dates.items():
        its_own = [found for found in results if found[0] == ON_DISK]
        its_day = (name for name, other in free.items() if other.day == due.day and f"_T{tile}_" in name
                   and due.satellite in {"", other.satellite})  # fmt: skip
        if not its_own and (name := next(its_day, None)):
            del free[name]
            file = f"{name}.zip" if (folder / f"{name}.zip").exists() else name
            its_own = [(ON_DISK, file, _bytes_of(folder / file))]
        for state, file, number in its_own or [*results, (nothing, "", None)][:1]:
            yield DateStanding(
                **(vars(standing) | {"state": state, "orbit": job.orbit or due.orbit}),
                tile=str(tile),
                day=due.day,
                satellite=due.satellite,
                file=file if state in {ON_DISK, MOVED_AWAY} else "",
                size=number,
                folder=str(folder.absolute()) if state == ON_DISK else "",
                came=(job.earlier_files | job.files).get(file),
            )


def _brought(job: Job, folder: Path) -> list[_Found]:
    """Return what came of a job, the best first; a file of an earlier submission counts while it is there."""
    found: list[_Found] = []
    for file in dict.fromkeys(
        (*reversed(job.files), *reversed(job.earlier_files))
    ):  # of a zip, or the folder it was in
        names = (file, *(name.removesuffix(".zip") for name in (file, job.result_name(file)) if L2AProduct.find(name)))
        there = ((ON_DISK, name, number) for name in names if (number := _bytes_of(folder / name)))
        if (here := next(there, None)) or file in job.files:
            found.append(here or (MOVED_AWAY, file, None))
    found += [(values.TOO_CLOUDY, name, None) for name in job.novald]
    if job.state is State.OPEN:
        found += [(values.MISSING, name, None) for name in job.missing if name != NO_RESULTS]
    return sorted(found, key=lambda each: BEST_FIRST.index(each[0]))


def _bytes_of(path: Path) -> int:
    """Return the bytes of a file or of all that is in a product's folder, 0 if there is none."""
    try:
        parts = path.rglob("*") if path.is_dir() and L2AProduct.find(path.name) else [path]
        return sum(part.stat().st_size for part in parts if part.is_file())
    except (OSError, ValueError):  # a power cut may leave NULs in a log, and no file has such a name
        return 0


def _date_of(product: L1CProduct | L2AProduct, orbits: _Orbits) -> PlannedDate:
    """Return the date of a product: of an L2A, that of its L1C if the log has it, else the day on which it was seen."""
    begun = product.begun if isinstance(product, L2AProduct) else ()  # on the day before, or, in 2016, after
    for day in (time.date() for time in (product.seen, *begun)):
        for satellite in (product.satellite, ""):
            if (key := (product.tile.name, day, satellite)) in orbits:
                return PlannedDate(day, product.satellite, orbits[key])
    return PlannedDate(product.seen.date(), product.satellite)


def _to_show(acquisition: Iterable[DateStanding]) -> list[DateStanding]:
    """Return what stands for an acquisition: all parts of the way that brought most, and what others have on disk.

    Ways are a series, PEPS's single jobs and Theia's; of these, a lost job for another version is no part. What two
    ways have brought is shown once.
    """
    ranked = sorted(acquisition, key=lambda dated: BEST_FIRST.index(dated.state))
    best = named_product(ranked[0].job)

    def is_part(dated: DateStanding) -> bool:
        product = named_product(dated.job)
        if product is None or best is None:
            return dated.job == ranked[0].job
        return type(product) is type(best) and (product.version == best.version or dated.state not in values.LOST)

    shown = [dated for dated in ranked if is_part(dated)]
    names = [product.name for dated in shown if (product := L2AProduct.find(dated.file))]
    others = [dated for dated in ranked if dated not in shown and dated.size is not None]
    return shown + [dated for dated in others if not any(name in dated.file for name in names)]


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


def totals(dates: Sequence[DateStanding]) -> Iterator[str]:
    """Yield the total of each tile, and of all together unless that is one tile.

    A date counts once, and in each state that one of its products has.
    """
    tiles = sorted({dated.tile for dated in dates})
    for tile in tiles if len(tiles) == 1 else [*tiles, ""]:
        of_tile = [dated for dated in dates if tile in {"", dated.tile}]
        numbers = Counter(state for *_, state in {(dated.tile, dated.day, dated.state_in_ledger) for dated in of_tile})
        number = counted(len({(dated.tile, dated.day) for dated in of_tile}), "date")
        words = [f"{numbers[state]} {state}" for state in BEST_FIRST if numbers[state]]
        text = ", ".join([f"Total of {tile}: {number}" if tile else f"Total: {number}", *words])
        on_disk = sum({dated.file: dated.size or 0 for dated in of_tile}.values())
        yield text.replace(f" {ON_DISK}", f" {ON_DISK} ({size(on_disk)})")


def as_csv(dates: Iterable[DateStanding]) -> str:
    """Return the dates as comma-separated values with a head."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEAD)
    for dated in dates:
        orbit = f"R{dated.orbit:03d}" if dated.orbit else ""
        clouds = "" if dated.clouds is None else f"{dated.clouds:g}"
        begin = (dated.tile, dated.day, dated.satellite, orbit, dated.job, dated.state_in_ledger)
        writer.writerow((*begin, dated.file, dated.size, dated.message, clouds, dated.folder))
    return text.getvalue()
