"""The cycle over the open jobs: poll each, fetch what is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from peps_maja.console import Console, Meter
from peps_maja.downloads.course import Course
from peps_maja.downloads.fetching import Fetched, fetch
from peps_maja.downloads.polls import Connect, Polls, poll_cycle
from peps_maja.downloads.service import JobReport, Phase, result_name
from peps_maja.errors import (
    AlreadyRunning,
    Broken,
    CredentialsError,
    DiskFull,
    NotThere,
    PepsError,
    QuotaReached,
    ServerAway,
    Status,
    worst,
)
from peps_maja.joblog.events import ABSENT, BROKEN, NO_RESULTS, NONE_NAMED, Event, Source, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.joblog.log import JobLog
from peps_maja.products.names import L1CProduct


class _Stopped(PepsError):
    """The service is asked no further: the rest of this download is left for a later cycle."""


@dataclass
class Cycle:
    """Goes over the open jobs of a log, once for each `run`.

    Fetches so many results of a service at once into `folder`, and ends at a monotonic time. `advise` says what to do
    about a job that has come to such an end.
    """

    connect: Connect
    log: JobLog
    folder: Path
    console: Console
    advise: Callable[[Job, Event], str]
    downloads: int
    leave_at: float
    noted: Callable[[Path], None]  # is given each zip that was checked and noted as `downloaded`

    def __post_init__(self) -> None:
        self._over: dict[Source, Status] = {}  # services that are asked nothing more in this run
        self._begin([], {})

    def run(self, jobs: Jobs) -> Status:
        """Poll every open job, fetch what is finished, and return how that went."""
        open_jobs = jobs.in_state(State.OPEN)
        self._begin(open_jobs, jobs.owners())
        self._statuses += [self._over[source] for source in {job.source for job in open_jobs} & self._over.keys()]
        is_done = poll_cycle(
            [job for job in open_jobs if job.source not in self._over],
            self.connect,
            self._take_report,
            self._take_error,
            self._take_end,
            downloads=self.downloads,
            leave_at=self.leave_at,
        )
        return worst([*self._statuses, Status.OK if is_done else Status.TRY_LATER])

    @property
    def has_closed_jobs(self) -> bool:
        """Whether a job has ended in the last `run`."""
        return any(course.has_ended for course in self._courses)

    @property
    def reports(self) -> dict[str, JobReport]:
        """What the services said of each job in the last `run`."""
        return {course.job.name: course.report for course in self._courses}

    def can_go_on(self, job: Job) -> bool:
        """Return True if a later `run` may bring an open job further without a person."""
        return job.source not in self._over and job.name not in self._stuck

    def _begin(self, open_jobs: Iterable[Job], claims: dict[str, str]) -> None:
        self._claims = claims  # names of files, and the jobs whose results have them
        self._second_parts = _second_parts(open_jobs)
        self._courses: list[Course] = []
        self._statuses: list[Status] = []
        self.troubles: list[str] = []  # what this run could not do
        self._stuck: set[str] = set()  # jobs that wait for a person
        self._is_full = False

    # -- polls ----------------------------------------------------------------------------------------------------

    def _take_report(self, polls: Polls, job: Job, report: JobReport) -> None:
        course = Course(job, report, polls, self.log, self.console, self.advise, self._statuses)
        self._courses.append(course)
        match report.phase:
            case Phase.FAILED:
                course.close(Event.FAILED, report.message or report.status)
            case Phase.CANCELLED:
                course.close(Event.CANCELLED, report.message or report.status)
            case _:
                self._harvest(course)

    def _harvest(self, course: Course) -> None:
        """Deal with the results of a job: note what is too cloudy, begin to fetch the rest."""
        job, report, service = course.job, course.report, course.polls.service
        addresses = report.results if report.phase is Phase.FINISHED else report.in_joblog
        if report.phase is Phase.FINISHED and not addresses:
            course.note_missing(NO_RESULTS, ABSENT, NONE_NAMED)
        # A result that is missing is not forgotten when a later report lists it no more.
        missing = [service.result_address(job, name) for name in job.missing if name != NO_RESULTS]
        results = {result_name(job, address): address for address in (*missing, *addresses)}
        course.listed = len(results)
        for name, address in results.items():
            if not course.has_dealt_with(name):
                self._start_fetch(course, name, address)
        course.conclude()

    # -- downloads ------------------------------------------------------------------------------------------------

    def _start_fetch(self, course: Course, name: str, address: str) -> None:
        job, polls = course.job, course.polls
        wanted = polls.service.wanted(job, name, address)
        if self._claims.get(name, job.name) != job.name or job.name in self._second_parts:
            wanted = replace(wanted, names=wanted.names[-1:])
        self._claims |= dict.fromkeys(wanted.names, job.name)
        course.under_way += 1
        polls.team.start(
            "fetch",
            partial(fetch, polls.service.client, wanted, self.folder, partial(self._transfer, polls)),
            partial(self._take_fetch, course, name),
        )

    @contextmanager
    def _transfer(self, polls: Polls, final: Path) -> Iterator[Meter]:
        """Hold the line for one download and show how it goes on; it ends when its service does."""
        with polls.line, self.console.meter(final.name) as meter:

            def watch(length: int, total: int | None) -> None:
                if polls.is_cut:
                    raise _Stopped(f"{final}: stopped")
                polls.hear()
                meter(length, total)

            if polls.is_ended or polls.is_refused:
                raise _Stopped(f"{final}: not begun")
            try:
                yield watch
            except (CredentialsError, QuotaReached, ServerAway):
                polls.is_refused = True  # before the next download gets the line
                raise

    def _take_fetch(self, course: Course, name: str, fetched: Future[Fetched]) -> None:
        course.under_way -= 1
        match error := fetched.exception():
            case None:
                course.note_file(name, fetched.result())
                self.noted(fetched.result().path)
            case NotThere():
                course.note_missing(name, ABSENT, str(error))
            case Broken():
                course.note_missing(name, BROKEN, str(error))
            case _:
                course.stays_open = True
                if not isinstance(error, _Stopped):
                    course.polls.take_error(course.job, error)
        course.conclude()

    # -- errors that leave jobs as they are -----------------------------------------------------------------------

    def _take_end(self, source: Source, error: PepsError) -> None:
        """Tell, once, of an error after which a service is asked no further."""
        self._statuses.append(error.status)
        if error.status is Status.UNUSABLE or isinstance(error, QuotaReached):
            self._over[source] = error.status
        self._tell(error, str(error))

    def _take_error(self, job: Job, error: BaseException) -> None:
        """Tell of an error that leaves a job as it was."""
        if isinstance(error, DiskFull) and self._is_full:
            return  # one message for all that has no room; what is smaller is tried
        self._is_full |= isinstance(error, DiskFull)
        if isinstance(error, PepsError):
            self._statuses.append(error.status)
            if error.status is Status.UNUSABLE:
                self._stuck.add(job.name)
            self._tell(error, str(error) if isinstance(error, (DiskFull, AlreadyRunning)) else f"{job.name}: {error}")
        else:
            self._statuses.append(Status.TROUBLE)
            self.console.warning(f"{job.name}: unexpected {type(error).__name__}: {error}; please report it")

    def _tell(self, error: PepsError, line: str) -> None:
        self.troubles.append(line)
        (self.console.reminder if error.status is Status.TRY_LATER else self.console.warning)(line)


def _second_parts(jobs: Iterable[Job]) -> set[str]:
    """Return the names of the jobs whose acquisition an earlier job of the log is of, too: it was cut in two.

    Their results have one name, and it goes to the job that came first, whichever is finished first.
    """
    first: set[tuple[object, ...]] = set()
    second = set()
    for job in jobs:
        if product := L1CProduct.parse(job.name):
            acquisition = (product.sensing, product.satellite, product.orbit, product.tile)
            if acquisition in first:
                second.add(job.name)
            first.add(acquisition)
    return second
