"""Polls of many jobs at once: what one job meets, and what all of its service would meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from math import inf
from threading import Semaphore

from peps_maja.downloads.service import JobReport, Service
from peps_maja.downloads.workers import Team, Workers
from peps_maja.errors import CredentialsError, Forbidden, PepsError, QuotaReached, ServerAway, ServerSilent
from peps_maja.joblog.events import Source
from peps_maja.joblog.jobs import Job

POLLS_AT_ONCE = 8  # connections to a service: polite to a public one, and enough for a thousand jobs
SILENT_JOBS = 3  # in a row: then the server says nothing to anybody
GRACE = 5.0  # seconds that what is under way gets when a run has to end

Connect = Callable[[Source], Service]
"""Returns the service of a source. Raises PepsError where it cannot be used, for want of an account for example."""


@dataclass
class Polls:
    """Polls the jobs of one service, and keeps apart what one job meets and what all of them would meet.

    `take` is given a job and its report, `leave` a job and the error for which it is left as it is; `end` the error
    after which this service is asked no further, at most once.
    """

    service: Service
    team: Team
    line: Semaphore  # held by each transfer
    take: Callable[[Polls, Job, JobReport], None]
    leave: Callable[[Job, BaseException], None]
    end: Callable[[PepsError], None]
    is_ended: bool = False  # nothing more is asked
    is_cut: bool = False  # nor received
    is_refused: bool = False  # a download has met what ends all of them, and that is not yet taken in
    _silent: int = 0
    _answered: int = 0
    _forbidden: list[tuple[Job, Forbidden]] = field(default_factory=list)

    def start(self, jobs: Iterable[Job]) -> None:
        """Begin to poll each job."""
        self.service.begin_round()
        for job in jobs:
            self.team.start("poll", partial(self.service.poll, job), partial(self._take, job))

    def settle_forbidden(self, *, is_done: bool) -> None:
        """Take a 403 that every job gets as one about the account, any other as one about its job."""
        if self._forbidden and is_done and not self._answered:
            _, error = self._forbidden[0]
            who = self.service.name
            self._end_all(CredentialsError(f"{error}; so it does for every open job: ask {who} about this account"))
            return
        for job, error in self._forbidden:
            self.leave(job, PepsError(f"{error}; look at this job on {self.service.page}"))

    def hear(self) -> None:
        """Note that something came from the server."""
        self._silent = 0

    def take_error(self, job: Job, error: BaseException) -> None:
        """Take in what kept a poll, or a download, from its end."""
        self._silent += isinstance(error, ServerSilent)
        if isinstance(error, Forbidden):
            self._forbidden.append((job, error))
        elif isinstance(error, (CredentialsError, QuotaReached, ServerAway)) or (
            isinstance(error, ServerSilent) and self._silent >= SILENT_JOBS
        ):
            self._end_all(error)
        else:
            self.leave(job, error)

    def _take(self, job: Job, poll: Future[JobReport]) -> None:
        error = poll.exception()
        if not isinstance(error, ServerSilent):
            self.hear()
        self._answered += not isinstance(error, Forbidden)
        if error:
            self.take_error(job, error)
        else:
            self.take(self, job, poll.result())

    def _end_all(self, error: PepsError) -> None:
        if not self.is_ended:
            self.is_ended = True
            self.is_cut = not isinstance(error, QuotaReached)
            self.team.stop(GRACE if self.is_cut else inf)
            self.end(error)


def poll_cycle(
    jobs: Sequence[Job],
    connect: Connect,
    take: Callable[[Polls, Job, JobReport], None],
    leave: Callable[[Job, BaseException], None],
    end: Callable[[Source, PepsError], None],
    *,
    downloads: int = 1,
    leave_at: float = inf,
) -> bool:
    """Poll each job, and see to it that all that comes of it is done; return False if the time was over before.

    Each service has its own threads, and its own end.
    """
    workers = Workers(leave_at + GRACE)
    under_way: list[Polls] = []
    try:
        for source in dict.fromkeys(job.source for job in jobs):
            try:
                service = connect(source)
            except PepsError as error:
                end(source, error)
                continue
            # Twice as many threads as downloads: each is checked while the next one comes.
            team = workers.team(poll=POLLS_AT_ONCE, fetch=2 * downloads)
            polls = Polls(service, team, Semaphore(downloads), take, leave, partial(end, source))
            under_way.append(polls)
            polls.start(job for job in jobs if job.source is source)
        is_done = workers.finish()
        for polls in under_way:
            polls.settle_forbidden(is_done=is_done)
    finally:
        for polls in under_way:
            polls.is_ended = polls.is_cut = True
        workers.close()
    return is_done
