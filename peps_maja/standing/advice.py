"""What a person is told of jobs that need one, and what to do about them: the only place where that is worded."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial

from peps_maja.console import Console, command_for
from peps_maja.downloads.end_of_job import came_complete
from peps_maja.errors import Status
from peps_maja.joblog.events import NONE_NAMED, Event, Source
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.joblog.log import JobLog
from peps_maja.options import DEFAULT_GEODES, DEFAULT_SERVER, Options
from peps_maja.peps.service import Server
from peps_maja.products.names import L1CProduct
from peps_maja.products.series import Series, hours_of_series, read_plan
from peps_maja.standing.values import STALLED, Task

_MY_PROCESSING, _IF_UNWANTED = 'PEPS\'s page "My processing"', "--drop it if it is not wanted any more"
WAY_OUT = (
    f"look for it on {_MY_PROCESSING}, then --adopt it if it is there, --resubmit unsure if it is not, or --drop it"
)
# By the HTTP status of GEODES, which stands in the reason of `missing`; 401 and 403 come from other servers.
_MISSING_AT_GEODES = {
    "404": "search again with --theia only, for a newer version of it; ",
    "410": "have it restored on its page at the portal of GEODES; ",
    "423": "accept its licence at the portal of GEODES; ",
}
_NOT_GIVEN = "another server has it and does not give it away: look for it at the portal of GEODES; "
_THEIAS = 3  # times as long may a product of Theia take: the hourly quota, or a tape, holds it up without any fault


def task_for(job: Job, state: str) -> Task:
    """Return what to do about a job that has come to this."""
    is_theias, options = job.source is Source.THEIA, list[str]()
    again = f"--resubmit {state}" + (" --product NAME" if L1CProduct.parse(job.name) else "")
    match state:
        case "unsure":
            text, options = WAY_OUT, ["--adopt NAME URL", again]
        case "rejected":
            text, options = "submit it again when that reason is gone, or --drop it", [again]
        case "failed" | "cancelled" if job.has_failed_before:
            text = f"it failed before, so trying again will not help; {_IF_UNWANTED}"
        case "failed" | "cancelled" if is_theias:
            text = "look for it, or for a newer version, at the portal of GEODES; if it is there, take it again"
            options = ["--theia only --product NAME"]
        case "failed" | "cancelled":
            text, options = "trying again may help", [again]
        case "stalled":
            where = (
                "see what --check of the downloader says of GEODES" if is_theias else f"look at it on {_MY_PROCESSING}"
            )
            text = f"{where}; {_IF_UNWANTED}"
        case _:  # missing
            missing = next(iter(job.missing.values()))
            reason, is_rare = missing.reason, came_complete(missing.kind, missing.reason)
            status = re.search(r"\((401|403|404|410|423)\b", reason) if is_theias else None
            first = _MISSING_AT_GEODES.get(status[1], _NOT_GIVEN) if status else ""
            span = "24 hours" if reason == NONE_NAMED else "seven days"
            how_often = "once in 24 hours" if is_rare else "at each run"
            text = f"{first}the downloader tries again {how_often}, for {span}; {_IF_UNWANTED}"
    return state, text, (*options, "--drop NAME")


def advise(options: Options, job: Job, end: Event) -> str:
    """Return what to do about a job that has come to this: where its own log is, and the first command for it."""
    (_, text, (first, *_)), where = task_for(job, end.value), ""
    if end is Event.MISSING:  # the next runs try again by themselves
        return text
    if job.wps_id and end is not Event.REJECTED:
        where = f"its log: {Server.parse(options.server).joblog(job.wps_id)}; "
    command = f"{command_line('peps_maja_process.py', options)} {first.replace('NAME', shlex.quote(job.name))}"
    return f"{where}{text}: {command}"


def command_line(script: str, options: Options, *more: str) -> str:
    """Return how to call a script for the log of `options`; `more` are options of its own."""
    words = ["-a", str(options.auth), "-l", str(options.log), *more, *servers(options)]
    return f"{command_for(script)} {shlex.join(words)}"


def servers(options: Options) -> list[str]:
    """Return the options that name unusual servers, from the environment too: cron does not have that."""
    words = ["--server", options.server] if options.server != DEFAULT_SERVER else []
    return words + (["--geodes", options.geodes] if options.geodes != DEFAULT_GEODES else [])


def point_out_stalled(jobs: Iterable[Job], log: JobLog, console: Console, stalled_after: float) -> None:
    """Point out, once, each open job that takes longer than it should; to a series its own hours are added."""
    for job in jobs:
        series, most = Series.parse(job.name), stalled_after * (_THEIAS if job.source is Source.THEIA else 1)
        if series:  # without a plan: two satellites, and a second orbit over most of a tile: 4 dates in 10 days
            most += hours_of_series(len(read_plan(job.plan)) or -(-series.days * 4 // 10))
        if (hours := job.hours or 0) >= most and not job.stalled:
            line = f"{job.name}: still open after {hours:.0f} hours: {task_for(job, STALLED)[1]}"
            log.tell_and_append(Event.STALLED, job, f"{hours:.0f}", partial(console.result, line))


def point_out_unsure(jobs: Sequence[Job], console: Console, log: JobLog | None = None) -> Status:
    """Remind of jobs of which nobody knows whether PEPS took them, of those in damaged lines by one; TROUBLE for any.

    With a log, one that is unsure for an hour is told of once when quiet, too, and that is noted there.
    """
    damaged = [job for job in jobs if job.is_damaged]
    for job in [job for job in jobs if job not in damaged[1:]]:
        line, hours = f"{job.name}: unsure whether PEPS took it: {WAY_OUT}", 1 if job.hours is None else job.hours
        if log is None or job.is_damaged or job.stalled or hours < 1:
            console.reminder(line)
        else:
            log.tell_and_append(Event.STALLED, job, f"{hours:.0f}", partial(console.warning, line))
    return Status.TROUBLE if jobs else Status.OK


def summary(jobs: Jobs) -> str:
    """Return how many jobs of the log stand where."""
    states = ", ".join(f"{number} {state}" for state, number in Counter(job.standing for job in jobs.values()).items())
    return f"{len(jobs)} in the log" + (f": {states}" if states else "")
