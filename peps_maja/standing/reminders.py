"""What a person is told of jobs that need one, and of all jobs in a line."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from peps_maja.console import Console
from peps_maja.errors import Status
from peps_maja.joblog.events import Event, State
from peps_maja.joblog.jobs import UNSURE_FOR_LONG, WAY_OUT, Job, Jobs
from peps_maja.products.series import Series, hours_of_series, read_plan

if TYPE_CHECKING:
    from peps_maja.joblog.log import JobLog

LOOK_AT_IT = 'look at it on PEPS\'s page "My processing", and --drop it if it is not wanted any more'


def tell_of_damage(jobs: Jobs, log: JobLog, tell: Callable[[str], None]) -> None:
    """Tell of all damaged lines of a log in one message, if there are any."""
    if damage := jobs.damage:
        tell(f"{log.path}: {damage}")


def point_out_stalled(jobs: Jobs, log: JobLog, console: Console, hours: float) -> None:
    """Point out, once, each job that PEPS has had for longer than any job should take."""
    for job in jobs.in_state(State.OPEN):
        open_for = job.open_for().total_seconds() / 3600
        is_stalled = not job.offer and open_for >= hours + _expected_hours(job) and not job.stalled
        if is_stalled and log.append_if_current(Event.STALLED, job, f"{open_for:.0f}"):
            console.result(f"{job.name}: still open after {open_for:.0f} hours: {LOOK_AT_IT}")


def point_out_unsure(jobs: Jobs, log: JobLog, console: Console, but_not: Collection[str] = ()) -> list[str]:
    """Point out, once and when quiet too, each job that is unsure for long; return the names of those jobs."""
    names = []
    for job in jobs.in_state(State.UNSURE):
        unsure_for = job.unsure_for()
        if job.stalled or job.name in but_not or unsure_for < UNSURE_FOR_LONG:
            continue
        hours = f"{unsure_for.total_seconds() / 3600:.0f}"
        if log.append_if_current(Event.STALLED, job, hours):
            console.warning(f"{job.name}: unsure for {hours} hours or longer whether PEPS took it: {WAY_OUT}")
            names.append(job.name)
    return names


def remind_of_unsure(
    jobs: Jobs, console: Console, but_not: Collection[str] = (), pointed_out: Collection[str] = ()
) -> Status:
    """Remind of the jobs of which nobody knows whether PEPS took them; TROUBLE if there is any."""
    unsure = [job for job in jobs.in_state(State.UNSURE) if job.name not in but_not]
    for job in unsure:
        if job.name not in pointed_out:
            console.reminder(f"{job.name}: unsure whether PEPS took it: {WAY_OUT}")
    return Status.TROUBLE if unsure else Status.OK


def summary(jobs: Jobs) -> str:
    """Return how many jobs of the log stand where."""
    states = ", ".join(f"{number} {state}" for state, number in jobs.count().items())
    return f"{len(jobs)} in the log" + (f": {states}" if states else "")


def _expected_hours(job: Job) -> float:
    """Return the hours that the job takes longer than one for one product: those of all dates of a series."""
    series = Series.parse(job.name)
    if series is None:
        return 0
    # Without a plan: two satellites, and a second orbit over most of a tile, make four dates in ten days.
    days = (series.end - series.start).days + 1
    return hours_of_series(len(read_plan(job.plan)) or -(-days * 4 // 10))
