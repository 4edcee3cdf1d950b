"""The first phase of a round: ask where all jobs of a service stand, and what ends the asking."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from math import inf
from typing import TypeVar

from peps_maja.downloads import WORKER
from peps_maja.downloads.service import JobReport, Phase, Service
from peps_maja.errors import CredentialsError, Forbidden, PepsError, QuotaReached, ServerAway, ServerSilent
from peps_maja.joblog.jobs import Job
from peps_maja.text import counted

POLLS_AT_ONCE = 8  # connections to a service: polite to a public one, and enough for a thousand jobs
GRACE = 5.0  # seconds that what is under way gets when a run has to end
ENDS_ROUND = (CredentialsError, ServerAway, QuotaReached)  # any other job would meet the same
_LONGEST_WAIT = 0.2  # seconds: a signal that another thread gets would end no long one
_SILENT_JOBS = 3  # in a row: then the server says nothing to anybody

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@dataclass
class Silence:
    """Jobs in a row to which a server said nothing: three of them end the round for its service."""

    jobs: set[str] = field(default_factory=set)  # by their names

    def ends(self, job: Job, error: PepsError | None) -> bool:
        """Take in how a job's turn ended, and return True if that ends the round."""
        if isinstance(error, ServerSilent):
            self.jobs.add(job.name)
        else:
            self.jobs.clear()
        return isinstance(error, ENDS_ROUND) or len(self.jobs) >= _SILENT_JOBS


@dataclass
class Answers:
    """What a service said of its jobs, by their names; `problems` are of single jobs, `ends` of all of them."""

    reports: dict[str, JobReport] = field(default_factory=dict)
    problems: dict[str, PepsError] = field(default_factory=dict)
    ends: list[PepsError] = field(default_factory=list)

    def unread(self, service: str) -> list[str]:
        """Return the line that tells a person, for all jobs together, that the service gave no answer about them."""
        said = [f"{name}: {it.message}" for name, it in self.reports.items() if it.phase is Phase.UNREADABLE]
        return [f"{service} gives no answer about {counted(len(said), 'job')}: {min(said)}"] if said else []


def ask_all(service: Service, jobs: Iterable[Job], leave_at: float = inf) -> Answers:
    """Ask where each job stands, eight at once, until the end of all, of the round, or of the (monotonic) time."""
    answers, silence = Answers(), Silence()
    for job, poll in at_once(POLLS_AT_ONCE, service.poll, jobs, answers.ends, leave_at=leave_at):
        error = error_of(poll)
        if silence.ends(job, error) and error:
            answers.ends.append(error)
        elif error:
            answers.problems[job.name] = error
        else:
            answers.reports[job.name] = poll.result()
    refused = {name: error for name, error in answers.problems.items() if isinstance(error, Forbidden)}
    if refused and len(refused) == len(answers.problems) and not (answers.reports or answers.ends):
        who = f"the account in {service.client.secret.source}" if service.client.secret else "this account"
        seems = f"so it does for every open job: {who} seems to be refused, ask {service.name} about it"
        answers.problems.clear()
        answers.ends.append(CredentialsError(f"{next(iter(refused.values()))}; {seems}"))
    why = f"ask {service.name} why, or --drop the job"
    answers.problems |= {name: Forbidden(f"{refused[name]}; {why}") for name in refused if name in answers.problems}
    return answers


def at_once(
    most: int,
    work: Callable[[_Item], _Result],
    items: Iterable[_Item],
    ends: Sequence[PepsError] = (),
    *,
    leave_at: float = inf,
    grace: float = GRACE,
) -> Iterator[tuple[_Item, Future[_Result]]]:
    """Do the work for all items, so many at once, and yield each with its outcome as it comes.

    Nothing is begun once something is in `ends` (what is under way then gets `grace`) or the time is over (GRACE).
    """
    pool = ThreadPoolExecutor(most, WORKER)
    waiting, under_way = iter(items), dict[Future[_Result], _Item]()
    end = leave_at + GRACE
    try:
        while True:
            while len(under_way) < most and not ends and time.monotonic() < leave_at:
                if (item := next(waiting, None)) is None:
                    break
                under_way[pool.submit(work, item)] = item
            if ends:
                end = min(end, time.monotonic() + grace)
            if not under_way or time.monotonic() >= end:
                return
            done, _ = wait(under_way, _LONGEST_WAIT, FIRST_COMPLETED)
            for future in done:
                yield under_way.pop(future), future
    finally:
        pool.shutdown(wait=not under_way, cancel_futures=True)


def error_of(work: Future[_Result]) -> PepsError | None:
    """Return the error with which a piece of work ended, also one that nobody foresaw; None for none."""
    error = work.exception()
    if error is None or isinstance(error, PepsError):
        return error
    return PepsError(f"unexpected {type(error).__name__}: {error}; please report it")
