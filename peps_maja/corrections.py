"""What the user knows better than the log: jobs that run on PEPS already, and jobs that nobody wants any more."""

from __future__ import annotations

from collections.abc import Iterable

from .errors import UsageError
from .joblog import JobLog
from .jobs import DROPPED, Event, Job, State
from .products import L1CProduct, pasted_name
from .series import Series
from .wps import is_status_url


def adopt(log: JobLog, found: Iterable[tuple[str, str]]) -> list[str]:
    """Log that jobs run under the status URLs that the user found for products; return the jobs' names.

    Raises UsageError, and logs nothing, if a name or a URL is not what it should be or the log knows better.
    """
    jobs = log.replay()
    adopted = {}
    for name, status_url in found:
        job_of = L1CProduct.parse(pasted_name(name)) or Series.parse(pasted_name(name))
        if job_of is None:
            raise UsageError(f"--adopt {name}: neither a single-tile L1C product nor a series has such a name")
        if not is_status_url(status_url):
            raise UsageError(
                f"--adopt {name}: {status_url!r} is no status URL, which begins with http and ends in .xml"
            )
        job = jobs.get(job_of.name, Job(job_of.name))
        if job.state is State.FINISHED:
            raise UsageError(f"--adopt {name}: {log.path} has it as finished already")
        if job.state is State.OPEN and job.status_url != status_url:
            raise UsageError(f"--adopt {name}: {log.path} follows it under {job.status_url}; --drop it first")
        adopted[job_of.name] = status_url
    for name, status_url in adopted.items():
        if jobs.get(name, Job(name)).state is not State.OPEN:
            log.append(Event.SUBMITTED, name, status_url)
    return list(adopted)


def drop(log: JobLog, names: Iterable[str]) -> list[str]:
    """Log that these jobs are not wanted any more; return their names.

    Raises UsageError, and logs nothing, if one of them is not in the log or is finished.
    """
    jobs = log.replay()
    dropped = {}
    for name in names:
        job = jobs.get(name) or jobs.get(pasted_name(name))
        if job is None:
            raise UsageError(f"--drop {name}: {log.path} has no such job")
        if job.state is State.FINISHED:
            raise UsageError(f"--drop {name}: it is finished, there is nothing left to drop")
        dropped[job.name] = job
    for job in dropped.values():
        if not job.was_dropped:
            log.append(Event.CANCELLED, job.name, DROPPED)
    return list(dropped)
