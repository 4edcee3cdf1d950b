"""Polls of many jobs at once: what one job meets, and what all of them would meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Protocol

from peps_maja.downloads.workers import Workers
from peps_maja.errors import (
    AccountRefused,
    ConcernsAll,
    Forbidden,
    PepsError,
    ServerSilent,
)
from peps_maja.joblog.jobs import Job
from peps_maja.network.client import Client

POLLS_AT_ONCE = 8  # connections: polite to a public service, and enough for a thousand jobs
SILENT_JOBS = 3  # in a row: then the server says nothing to anybody
GRACE = 5.0  # seconds that what is under way gets when a run has to end


class Service(Protocol):
    """Whoever made the jobs of a log: knows where each stands, and where its results are."""

    @property
    def client(self) -> Client:
        """What fetches the results."""

    def begin_round(self) -> None:
        """Prepare for each job to be polled once."""

    def poll(self, job: Job) -> JobReport:
        """Return where a job stands; raise ConcernsAll, Forbidden, ServerTrouble, ServerBusy and the like."""

    def result_address(self, job: Job, name: str) -> str:
        """Return where a result of a job usually is."""

    def log_address(self, job: Job) -> str:
        """Return where the computing centre's own log of a job is."""


class Polls:
    """Polls jobs, many at once, and keeps apart what one job meets and what all of them would meet.

    `take` is given a job and its report, `leave` a job and the error for which it is left as it is; `end` the error
    that ends it all, at most once.
    """

    def __init__(
        self,
        service: Service,
        workers: Workers,
        take: Callable[[Job, JobReport], None],
        leave: Callable[[Job, BaseException], None],
        end: Callable[[PepsError], None],
    ) -> None:
        self.is_ended = False
        self._service = service
        self._workers = workers
        self._take_report = take
        self._leave = leave
        self._end = end
        self._silent = 0
        self._forbidden: list[tuple[Job, Forbidden]] = []
        self._answered = 0

    def run(self, jobs: Iterable[Job]) -> bool:
        """Poll each job, and see to it that all that comes of it is done; return False if the time was over before."""
        self._service.begin_round()
        try:
            for job in jobs:
                self._workers.start("poll", partial(self._service.poll, job), partial(self._take, job))
            is_done = self._workers.finish()
            self._settle_forbidden(is_all=is_done and not self._answered)
        finally:
            self.is_ended = True
            self._workers.close()
        return is_done

    def hear(self) -> None:
        """Note that something came from the server."""
        self._silent = 0

    def take_error(self, job: Job, error: BaseException) -> None:
        """Take in what kept a poll, or a download, from its end."""
        self._silent += isinstance(error, ServerSilent)
        if isinstance(error, Forbidden):
            self._forbidden.append((job, error))
        elif isinstance(error, ConcernsAll) or (isinstance(error, ServerSilent) and self._silent >= SILENT_JOBS):
            self._end_all(error)
        else:
            self._leave(job, error)

    def _take(self, job: Job, poll: Future[JobReport]) -> None:
        error = poll.exception()
        if not isinstance(error, ServerSilent):
            self.hear()
        self._answered += not isinstance(error, Forbidden)
        if error:
            self.take_error(job, error)
        else:
            self._take_report(job, poll.result())

    def _settle_forbidden(self, *, is_all: bool) -> None:
        """Take a 403 that every job gets as one about the account, any other as one about its job."""
        if self._forbidden and is_all:
            _, error = self._forbidden[0]
            self._end_all(AccountRefused(f"{error}; so it does for every open job: ask PEPS about this account"))
            return
        for job, error in self._forbidden:
            self._leave(job, PepsError(f'{error}; look at this job on PEPS\'s page "My processing"'))

    def _end_all(self, error: PepsError) -> None:
        if not self.is_ended:
            self.is_ended = True
            self._workers.stop(GRACE)
            self._end(error)


class Phase(Enum):
    """Where a job stands, in the user's words."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    GONE = "missing"  # the server has neither status nor report of the job
    UNREADABLE = "open"  # something came in the place of a report that nobody can read: maintenance, a login page
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class JobReport:
    """What is known of a job: its phase, `job_status` as it came, percent (0 to 100) and the addresses of results.

    `in_joblog` are those that the joblog names where no report can be read: there may be more to come.
    """

    phase: Phase
    status: str = ""
    percent: float | None = None
    message: str = ""
    results: tuple[str, ...] = ()
    unprocessed: int = 0
    in_joblog: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the standing as people read it; a `job_status` that nobody knows is shown as it came."""
        said = self.status if self.phase is Phase.UNKNOWN else self.phase.value
        percent = "" if self.percent is None or self.phase is not Phase.RUNNING else f", {self.percent:g} %"
        return said + percent + (f": {self.message}" if self.message else "")
