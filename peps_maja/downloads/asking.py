"""The first phase of a round: ask where all jobs of a service stand, and what ends the asking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from math import inf
from threading import Event
from typing import TypeVar

from peps_maja.downloads import WORKER
from peps_maja.downloads.service import JobReport, Service
from peps_maja.errors import CredentialsError, Forbidden, PepsError, QuotaReached, ServerAway, ServerSilent
from peps_maja.joblog.jobs import Job

POLLS_AT_ONCE = 8  # connections to a service: polite to a public one, and enough for a thousand jobs
GRACE = 5.0  # seconds that what is under way gets when a run has to end
ENDS_ROUND = (CredentialsError, ServerAway, QuotaReached)  # any other job would meet the same
_LONGEST_WAIT = 0.2  # seconds
_SILENT_JOBS = 3  # in a row: then the server says nothing to anybody

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Silence:
    """Jobs in a row to which a server said nothing: three of them end the round for its service."""

    def __init__(self) -> None:
        self._jobs: set[str] = set()

    def ends(self, job: Job, error: PepsError | None) -> bool:
        """Take in how a job's turn ended, and return True if that ends the round."""
        if isinstance(error, ServerSilent):
            self._jobs.add(job.name)
        else:
            self._jobs.clear()
        return isinstance(error, ENDS_ROUND) or len(self._jobs) >= _SILENT_JOBS

    def __contains__(self, job: Job) -> bool:
        return job.name in self._jobs


@dataclass
class Answers:
    """What a service said of its jobs, by their names; `problems` are of single jobs, `end` is of all of them."""

    reports: dict[str, JobReport] = field(default_factory=dict)
    problems: dict[str, PepsError] = field(default_factory=dict)
    end: PepsError | None = None


def ask_all(service: Service, jobs: Iterable[Job], leave_at: float = inf) -> Answers:
    """Ask where each job stands, eight at once, until the end of all, of the round, or of the (monotonic) time."""
    answers, silence, no_more = Answers(), Silence(), Event()
    for job, poll in at_once(POLLS_AT_ONCE, service.poll, jobs, no_more, leave_at=leave_at):
        error = error_of(poll)
        if error and silence.ends(job, error):
            answers.end = answers.end or error
            no_more.set()
        elif error:
            answers.problems[job.name] = error
        else:
            silence.ends(job, None)
            answers.reports[job.name] = poll.result()
    refused = [error for error in answers.problems.values() if isinstance(error, Forbidden)]
    if refused and not answers.end and len(refused) == len(answers.problems) and not answers.reports:
        who = f"the account in {service.client.secret.source}" if service.client.secret else "this account"
        answers.problems.clear()
        answers.end = CredentialsError(
            f"{refused[0]}; so it does for every open job: {who} seems to be refused, ask {service.name} about it"
        )
    return answers


def at_once(
    most: int,
    work: Callable[[_Item], _Result],
    items: Iterable[_Item],
    no_more: Event,
    *,
    leave_at: float = inf,
    grace: float = GRACE,
) -> Iterator[tuple[_Item, Future[_Result]]]:
    """Do the work for all items, so many at once, and yield each with its outcome as it comes.

    Nothing is begun once `no_more` is set, or the (monotonic) time is over; what is under way gets `grace`, or GRACE.
    """
    pool = ThreadPoolExecutor(most, WORKER)
    waiting, under_way = iter(items), dict[Future[_Result], _Item]()
    end = leave_at + GRACE
    try:
        while True:
            while len(under_way) < most and not no_more.is_set() and time.monotonic() < leave_at:
                if (item := next(waiting, None)) is None:
                    break
                under_way[pool.submit(work, item)] = item
            if no_more.is_set():
                end = min(end, time.monotonic() + grace)
            done, _ = wait(under_way, None if end == inf else max(end - time.monotonic(), 0), FIRST_COMPLETED)
            if not done:
                return
            for future in done:
                yield under_way.pop(future), future
    finally:
        pool.shutdown(wait=not under_way, cancel_futures=True)


def as_they_end(work: Iterable[Future[_Result]]) -> Iterator[Future[_Result]]:
    """Yield each piece of work as it ends, in short waits: a signal that another thread gets would end no long one."""
    under_way = set(work)
    while under_way:
        done, under_way = wait(under_way, _LONGEST_WAIT, FIRST_COMPLETED)
        yield from done


def error_of(work: Future[_Result]) -> PepsError | None:
    """Return the error with which a piece of work ended, also one that nobody foresaw; None for none."""
    error = work.exception()
    if error is None or isinstance(error, PepsError):
        return error
    return PepsError(f"unexpected {type(error).__name__}: {error}; please report it")
