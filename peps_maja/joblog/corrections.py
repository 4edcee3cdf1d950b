"""Corrections by the user: jobs to adopt, and jobs to drop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from peps_maja.errors import UsageError
from peps_maja.joblog.details import wps_id
from peps_maja.joblog.events import DROPPED, Event, State
from peps_maja.joblog.jobs import Job
from peps_maja.joblog.log import JobLog
from peps_maja.products.names import L1CProduct, pasted_name
from peps_maja.products.series import Series


def correct_log(log: JobLog, found: Iterable[tuple[str, str]], unwanted: Sequence[str]) -> tuple[list[str], list[str]]:
    """Log that jobs run under the status URLs that the user found for them, and that others are not wanted any more.

    Return the names of the adopted and of the dropped jobs. Raises UsageError, and logs nothing, if one is not valid.
    """
    jobs = log.replay()
    adopted: dict[str, str] = {}
    for pasted, url in found:
        named = L1CProduct.parse(pasted_name(pasted)) or Series.parse(pasted_name(pasted))
        job = jobs.get(named.name, Job(named.name)) if named else Job(pasted)
        if named is None:
            wrong = "this is not the name of a single-tile L1C product or of a series"
        elif "@" in url:
            wrong = "the URL has an account in it: leave out what is before the @"
        elif not wps_id(url):
            wrong = f"{url!r} is not a status URL, which begins with http and ends in .xml"
        elif adopted.get(job.name, url) != url or job.name in unwanted:
            wrong = "it is named twice, with two URLs or with --drop, too: which is it?"
        elif job.state is State.FINISHED and wps_id(url) != job.wps_id:
            wrong = f"{log.path} has it as finished already, under {job.status_url}"
        elif job.state is State.OPEN and job.status_url != url:
            wrong = f"{log.path} follows it under {job.status_url}; --drop it first"
        else:
            adopted[job.name] = url
            continue
        raise UsageError(f"--adopt {pasted}: {wrong}")
    dropped: dict[str, Job] = {}
    for pasted in unwanted:
        known = jobs.get(pasted) or jobs.get(pasted_name(pasted))
        if known is None:
            raise UsageError(f"--drop {pasted}: {log.path} has no such job")
        if known.state is State.FINISHED:
            raise UsageError(f"--drop {pasted}: it is finished, there is nothing left to drop")
        dropped[known.name] = known
    followed = {job.name for job in jobs.in_state(State.OPEN)}
    events = [(Event.SUBMITTED, name, url) for name, url in adopted.items() if name not in followed]
    events += [(Event.CANCELLED, name, DROPPED) for name, job in dropped.items() if job.standing != "dropped"]
    for event in events:
        log.append(*event)
    return list(adopted), list(dropped)
