"""What a person is told of jobs that need one."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from peps_maja.errors import Status

if TYPE_CHECKING:
    from peps_maja.joblog.jobs import Jobs
    from peps_maja.joblog.log import JobLog
from peps_maja.console import Console

LOOK_AT_IT = 'look at it on PEPS\'s page "My processing", and --drop it if it is not wanted any more'


def tell_of_damage(jobs: Jobs, log: JobLog, tell: Callable[[str], None]) -> None:
    """Tell of all damaged lines of a log in one message, if there are any."""
    if damage := jobs.damage:
        tell(f"{log.path}: {damage}")


def point_out_unsure(jobs: Jobs, log: JobLog, console: Console, but_not: Collection[str] = ()) -> list[str]:
    """Point out, once and when quiet too, each job that is unsure for long; return the names of those jobs."""
    from peps_maja.joblog.events import Event, State
    from peps_maja.joblog.jobs import UNSURE_FOR_LONG, WAY_OUT

    names = []
    for job in jobs.in_state(State.UNSURE):
        unsure_for = job.unsure_for()
        if job.stalled or job.name in but_not or unsure_for < UNSURE_FOR_LONG:
            continue
        hours = f"{unsure_for.total_seconds() / 3600:.0f}"
        if log.append_if_current(Event.STALLED, job, hours):
            console.warn(f"{job.name}: unsure for {hours} hours or longer whether PEPS took it: {WAY_OUT}")
            names.append(job.name)
    return names


def remind_of_unsure(
    jobs: Jobs, console: Console, but_not: Collection[str] = (), pointed_out: Collection[str] = ()
) -> Status:
    """Remind of the jobs of which nobody knows whether PEPS took them; TROUBLE if there is any."""
    from peps_maja.joblog.events import State
    from peps_maja.joblog.jobs import WAY_OUT

    unsure = [job for job in jobs.in_state(State.UNSURE) if job.name not in but_not]
    for job in unsure:
        if job.name not in pointed_out:
            console.remind(f"{job.name}: unsure whether PEPS took it: {WAY_OUT}")
    return Status.TROUBLE if unsure else Status.OK
