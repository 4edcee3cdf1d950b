"""Corrections by the user: jobs to adopt, and jobs to drop."""

from __future__ import annotations

from collections.abc import Iterable

from peps_maja.errors import UsageError
from peps_maja.joblog.details import is_status_url, wps_id
from peps_maja.joblog.events import DROPPED, Event, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.joblog.log import JobLog
from peps_maja.products.names import L1CProduct, pasted_name
from peps_maja.products.series import Series


def correct_log(log: JobLog, found: Iterable[tuple[str, str]], unwanted: Iterable[str]) -> tuple[list[str], list[str]]:
    """Log that jobs run under the status URLs that the user found for them, and that others are not wanted any more.

    Return the names of the adopted and of the dropped jobs. Raises UsageError, and logs nothing, if a name or a URL is
    not valid or the log contradicts it.
    """
    jobs = log.replay()
    adopted = _adopted(jobs, log, found)
    dropped = _dropped(jobs, log, unwanted)
    if both := next((name for name in dropped if name in adopted), None):
        raise UsageError(f"--adopt and --drop both name {both}: which is it?")
    followed = {job.name for job in jobs.in_state(State.OPEN)}
    events = [
        *((Event.SUBMITTED, name, url) for name, url in adopted.items() if name not in followed),
        *((Event.CANCELLED, name, DROPPED) for name in dropped if not jobs[name].was_dropped),
    ]
    for event in events:
        log.append(*event)
    return list(adopted), dropped


def _adopted(jobs: Jobs, log: JobLog, found: Iterable[tuple[str, str]]) -> dict[str, str]:
    adopted: dict[str, str] = {}
    for name, status_url in found:
        job_of = L1CProduct.parse(pasted_name(name)) or Series.parse(pasted_name(name))
        if job_of is None:
            raise UsageError(f"--adopt {name}: this is not the name of a single-tile L1C product or of a series")
        if "@" in status_url.partition("?")[0]:
            raise UsageError(f"--adopt {name}: the URL has an account in it: leave out what is before the @")
        if not is_status_url(status_url):
            raise UsageError(
                f"--adopt {name}: {status_url!r} is not a status URL, which begins with http and ends in .xml"
            )
        if adopted.setdefault(job_of.name, status_url) != status_url:
            raise UsageError(f"--adopt {name}: two status URLs are given for it: which is it?")
        job = jobs.get(job_of.name, Job(job_of.name))
        if job.state is State.FINISHED and wps_id(status_url) != job.wps_id:
            raise UsageError(f"--adopt {name}: {log.path} has it as finished already, under {job.status_url}")
        if job.state is State.OPEN and job.status_url != status_url:
            raise UsageError(f"--adopt {name}: {log.path} follows it under {job.status_url}; --drop it first")
    return adopted


def _dropped(jobs: Jobs, log: JobLog, names: Iterable[str]) -> list[str]:
    dropped = []
    for name in names:
        job = jobs.get(name) or jobs.get(pasted_name(name))
        if job is None:
            raise UsageError(f"--drop {name}: {log.path} has no such job")
        if job.state is State.FINISHED:
            raise UsageError(f"--drop {name}: it is finished, there is nothing left to drop")
        dropped.append(job.name)
    return list(dict.fromkeys(dropped))
