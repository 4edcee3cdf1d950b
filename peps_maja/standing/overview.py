"""Everything at once: where the jobs and dates of a log stand, and what a person has to do."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from peps_maja.downloads.folder import products_in
from peps_maja.downloads.naming import result_name
from peps_maja.downloads.service import JobReport, Phase
from peps_maja.errors import PepsError, Status
from peps_maja.joblog.events import NO_RESULTS, Source, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.options import DownloaderOptions
from peps_maja.products.names import L1CProduct, L2AProduct, is_novald, named_product
from peps_maja.products.series import Series, read_plan
from peps_maja.standing import values
from peps_maja.standing.advice import servers, task_for
from peps_maja.standing.values import BEST_FIRST, LOST, ON_DISK, Overview, Standing, Task

_TROUBLE = dict.fromkeys((Phase.FAILED, Phase.CANCELLED, Phase.GONE), Status.TROUBLE)
_STATUSES = {Phase.UNREADABLE: Status.TRY_LATER} | _TROUBLE
_URGENT_FIRST = ("unsure", "failed", "rejected", "cancelled", "missing", "stalled")
_Pass = tuple[str, date, str]  # over a tile, on a day, of a satellite ("": a plan of an earlier version names none)
_Orbits = Mapping[_Pass, int | None]  # of each pass whose L1C the log knows


def overview(jobs: Jobs, reports: Mapping[str, JobReport | PepsError], options: DownloaderOptions) -> Overview:
    """Return where all stands, by the log and by what services said of open jobs in this run, or why they did not."""
    stands = {job.name: standing_of(job, reports.get(job.name)) for job in jobs.values()}
    dates = dates_of(jobs, stands, options.write_dir)
    shown = {dated.job for dated in dates}
    tasks: dict[Task, list[Standing]] = defaultdict(list)
    for standing in stands.values():
        # A failed job for one product needs nobody if the date has another one.
        is_replaced = jobs[standing.job].has_ended and standing.job not in shown and named_product(standing.job)
        if standing.task and not is_replaced:
            tasks[standing.task].append(standing)
    tasks = dict(sorted(tasks.items(), key=lambda task: _URGENT_FIRST.index(task[0][0])))
    command = shlex.join(["peps_maja_process.py", "-l", options.log.name, *servers(options)])
    return Overview(tuple(stands.values()), dates, tasks, command)


def standing_of(job: Job, report: JobReport | PepsError | None = None) -> Standing:
    """Return where a job stands: what its service said of it in this run, if it is open, goes before the log."""
    is_open, state, message, percent = job.state is State.OPEN, job.standing, job.detail, None
    status = Status.TROUBLE if job.state is State.UNSURE else Status.OK
    addresses: Sequence[str] = ()
    if is_open and job.offer:
        state, addresses = values.WAITING, [job.address]
    elif is_open and isinstance(report, JobReport):
        state = report.status if report.phase is Phase.UNKNOWN else report.phase.value
        message, percent, addresses = report.message, report.percent, (*report.results, *report.in_joblog)
        status = _STATUSES.get(report.phase, Status.OK)
    elif is_open and isinstance(report, PepsError):
        message, status = str(report), report.status

    trouble, reason = job.state.value if job.has_ended or job.state is State.UNSURE else "", ""
    if is_open and job.missing:
        name, missing = next(iter(job.missing.items()))
        since = f" since {missing.since:%Y-%m-%d}" if missing.since else ""
        what = "the report" if name == NO_RESULTS else name
        trouble, reason = values.MISSING, f"{what} {missing.kind}{since}: {missing.reason}"
    elif is_open and job.stalled:
        trouble, reason = values.STALLED, f"open for {job.hours or 0:.0f} hours"

    results = {job.result_name(file): ("downloaded", file) for file in job.files}
    results |= dict.fromkeys(job.novald, ("novald", ""))
    results |= {name: ("missing", "") for name in job.missing if name != NO_RESULTS}
    for name in [result_name(job, address) for address in addresses]:
        results.setdefault(name, ("novald" if is_novald(name) else "ready", ""))
    return Standing(
        job=job.name,
        source=job.source,
        state=state,
        message=message,
        percent=percent,
        clouds=job.clouds,
        orbit=job.orbit,
        submitted_at=f"{job.begun_at:%Y-%m-%dT%H:%M:%SZ}" if job.status_url and job.begun_at else None,
        status_url=job.status_url or None,
        results=tuple({"name": name, "state": word, "file": file or None} for name, (word, file) in results.items()),
        task=task_for(job, trouble) if trouble else None,
        reason=reason,
        status=status,
        to_come=((job.offer.size if job.offer else None) or 0) if is_open else None,
    )


def dates_of(jobs: Jobs, stands: Mapping[str, Standing], folder: Path) -> tuple[Standing, ...]:
    """Return how each product of each tile and date stands, in that order: of `jobs`, with their zips in `folder`."""
    orbits: dict[_Pass, int | None] = {}
    for job in jobs.values():
        if series := Series.parse(job.name):
            orbits |= {(series.tile.name, due.day, due.satellite): due.orbit for due in read_plan(job.plan)}
        elif product := L1CProduct.parse(job.name):
            orbits[product.tile.name, product.seen.date(), product.satellite] = product.orbit

    known: dict[_Pass, list[Standing]] = defaultdict(list)
    for job in sorted(jobs.values(), key=lambda job: (Series.parse(job.name) is not None, job.has_ended)):
        for key, dated in _dates_of_job(job, stands[job.name], folder, orbits):
            known[key].append(dated)
    for tile, day, satellite in sorted(known):
        if satellite and (tile, day, "") in known:
            known[tile, day, satellite] += known.pop((tile, day, ""))

    # What is in the folder, and no job has downloaded, is of a job that brought nothing, or of a damaged line.
    owned = {found.name for file in jobs.owners() if (found := L2AProduct.find(file))}
    for name, found in (products_in(folder) if folder.is_dir() else {}).items():
        its = known.get(key := _pass_of(found, orbits), [])
        have = {dated.job for dated in its if dated.size is not None}
        lost = Standing(job="", source=Source.THEIA if found.version else Source.PEPS, state=ON_DISK)
        lacking = [dated for dated in its if dated.job not in have] or [lost] * bool(jobs.damaged)
        if lacking and found.name not in owned:
            likeliest = max(lacking, key=lambda dated: (dated.job == found.name, dated.source is lost.source))
            known[key].append(replace(likeliest, **_on_disk(folder, f"{name}.zip", name)))

    return tuple(
        replace(dated, tile=tile, day=day, satellite=satellite, orbit=dated.orbit or orbits.get((tile, day, satellite)))
        for (tile, day, satellite), acquisition in sorted(known.items())
        for dated in _to_show(acquisition)
    )


def _dates_of_job(job: Job, standing: Standing, folder: Path, orbits: _Orbits) -> list[tuple[_Pass, Standing]]:
    """Return each thing that came of a job, or is missing, with its date; and the dates of which nothing came."""
    product, series = named_product(job.name), Series.parse(job.name)
    due = [_pass_of(product, orbits)] if product else []
    due += [(series.tile.name, each.day, each.satellite) for each in read_plan(job.plan)] if series else []
    nothing = values.NOT_DELIVERED if job.state is State.FINISHED else job.standing
    if job.state is State.OPEN:
        is_running, nothing = standing.state == values.RUNNING, values.WAITING
        nothing = values.MISSING if NO_RESULTS in job.missing else values.RUNNING if is_running else nothing

    found: dict[str, dict[str, Any]] = {name: {"state": values.TOO_CLOUDY} for name in job.novald}
    found |= {name: {"state": values.MISSING} for name in job.missing if job.state is State.OPEN}
    for file, came in (job.earlier_files | job.files).items():
        there = _on_disk(folder, file, file.removesuffix(".zip"), job.result_name(file).removesuffix(".zip"))
        if there or file in job.files:  # one of an earlier submission counts while it is there
            found[file] = {"state": values.MOVED_AWAY, "file": file, "came": came} | there
    seen = [(product or L2AProduct.find(name), fields) for name, fields in found.items()]
    brought = [(_pass_of(result, orbits), replace(standing, **fields)) for result, fields in seen if result]
    return brought + [(key, replace(standing, state=nothing)) for key in due if key not in dict(brought)]


def _on_disk(folder: Path, *names: str) -> dict[str, Any]:
    """Return what tells of the first of these that is there: a file, or a product's folder, with something in it."""
    for name in names:
        path = folder / name
        try:
            parts = path.rglob("*") if path.is_dir() and L2AProduct.find(name) else [path]
            if number := sum(part.stat().st_size for part in parts if part.is_file()):
                return {"state": ON_DISK, "file": name, "size": number, "folder": str(folder.absolute())}
        except (OSError, ValueError):  # a power cut may leave NULs in a log, and no file has such a name
            continue
    return {}


def _pass_of(product: L1CProduct | L2AProduct, orbits: _Orbits) -> _Pass:
    """Return the pass of a product: of an L2A that of its L1C, if the log has it (begun the day before, or after)."""
    days = [time.date() for time in (product.seen, *getattr(product, "begun", ()))]
    passes = [(product.tile.name, day, product.satellite) for day in days]
    return next((each for each in passes if each in orbits), passes[0])


def _to_show(acquisition: Sequence[Standing]) -> list[Standing]:
    """Return what stands for an acquisition: all parts of the way that brought most, and what others have on disk.

    Ways are a series, PEPS's jobs and Theia's; what these lost for another version is no part. A product is shown once.
    """
    ranked = sorted(acquisition, key=lambda dated: BEST_FIRST.index(dated.state))
    best = {dated.job: dated for dated in reversed(ranked)}
    ways = {job: (type(named), named.version) if (named := named_product(job)) else (job, "") for job in best}
    way = ways[ranked[0].job]
    parts = [each for each in ranked if each.size or each is best[each.job]]
    parts = [each for each in parts if ways[each.job] == way or (way[0] in ways[each.job] and each.state not in LOST)]
    names = [product.name for dated in parts if (product := L2AProduct.find(dated.file))]
    others = [dated for dated in ranked if dated.size and dated not in parts]
    return parts + [dated for dated in others if not any(name in dated.file for name in names)]
