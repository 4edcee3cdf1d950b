"""What a person is told of jobs that need one, and of all jobs in a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from peps_maja.console import Console
from peps_maja.errors import Status
from peps_maja.joblog.events import Event, Source, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.products.series import Series, hours_of_series, read_plan
from peps_maja.standing.advice import WAY_OUT, advice_on
from peps_maja.standing.values import STALLED
from peps_maja.text import counted

if TYPE_CHECKING:
    from peps_maja.joblog.log import JobLog

_UNSURE_FOR_LONG = 1  # hour
_THEIAS = 3  # times as long may a product of Theia take: the hourly quota, or a tape, holds it up without any fault


def tell_of_damage(jobs: Jobs, log: JobLog, tell: Callable[[str], None]) -> None:
    """Tell of all damaged lines of a log in one message, if there are any."""
    if damage := jobs.damage:
        tell(f"{log.path}: {damage}")


def tell_of_folder(jobs: Jobs, folder: Path, console: Console) -> None:
    """Ask whether -w is right if none of the zips of the log is there."""
    files = jobs.owners()
    if files and not any((folder / name).exists() for file in files for name in (file, file.removesuffix(".zip"))):
        console.info(f"none of the {counted(len(files), 'zip')} of the log is in {folder.absolute()}: is -w right?")


def point_out_stalled(jobs: Jobs, log: JobLog, console: Console, hours: float) -> None:
    """Point out, once, each job that is open for longer than it should take.

    To a series the hours of its dates are added. Without a plan: two satellites, and a second orbit over most of a
    tile, make four dates in ten days.
    """
    for job in jobs.in_state(State.OPEN):
        series = Series.parse(job.name)
        more = hours_of_series(len(read_plan(job.plan)) or -(-series.days * 4 // 10)) if series else 0
        most, open_for = hours * _THEIAS if job.source is Source.THEIA else hours + more, hours_open(job)
        if open_for >= most and not job.stalled:
            line = f"{job.name}: still open after {open_for:.0f} hours: {advice_on(job, STALLED).text}"
            log.tell_and_append(Event.STALLED, job, f"{open_for:.0f}", partial(console.result, line))


def point_out_unsure(jobs: Jobs, log: JobLog, console: Console, but_not: Collection[str] = ()) -> list[str]:
    """Point out, once and when quiet too, each job that is unsure for long; return the names of those jobs."""
    names = []
    for job in jobs.in_state(State.UNSURE):
        hours = _UNSURE_FOR_LONG if job.hours is None else job.hours
        if hours >= _UNSURE_FOR_LONG and not (job.stalled or job.is_damaged or job.name in but_not):
            line = f"{job.name}: unsure for {hours:.0f} hours or longer whether PEPS took it: {WAY_OUT}"
            if log.tell_and_append(Event.STALLED, job, f"{hours:.0f}", partial(console.warning, line)):
                names.append(job.name)
    return names


def remind_of_unsure(
    jobs: Jobs, console: Console, but_not: Collection[str] = (), pointed_out: Collection[str] = ()
) -> Status:
    """Remind of the jobs of which nobody knows whether PEPS took them; TROUBLE if there is any.

    Those that are unsure because their line is damaged are told in one line.
    """
    unsure = [job for job in jobs.in_state(State.UNSURE) if job.name not in but_not]
    damaged = [job.name for job in unsure if job.is_damaged]
    for job in unsure:
        if job.name not in pointed_out and not job.is_damaged:
            console.reminder(f"{job.name}: unsure whether PEPS took it: {WAY_OUT}")
    if damaged:
        what = damaged[0] if len(damaged) == 1 else f"{len(damaged)} jobs, {damaged[0]} the first of them"
        console.reminder(f"{what}: named in damaged lines of the log, so unsure: {WAY_OUT}")
    return Status.TROUBLE if unsure else Status.OK


def summary(jobs: Jobs) -> str:
    """Return how many jobs of the log stand where."""
    states = ", ".join(f"{number} {state}" for state, number in Counter(job.standing for job in jobs.values()).items())
    return f"{len(jobs)} in the log" + (f": {states}" if states else "")


def hours_open(job: Job) -> float:
    """Return for how many hours a job is open, 0 if the log does not say since when."""
    return job.hours or 0
