"""One round over the open jobs: poll each, fetch what is finished, and write to the log what became of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from math import inf
from pathlib import Path
from threading import Semaphore
from typing import TypeGuard

from peps_maja.console import Console
from peps_maja.downloads.fetching import NO_WHOLE_ZIP, Absent, Fetched, Meter, Wanted, fetch
from peps_maja.downloads.partfile import DiskFull
from peps_maja.downloads.polls import GRACE, POLLS_AT_ONCE, JobReport, Phase, Polls, Service
from peps_maja.downloads.workers import Workers
from peps_maja.downloads.zips import Belongs, Broken, bare_name
from peps_maja.errors import AlreadyRunning, InternalError, PepsError, Status, gravest
from peps_maja.joblog.events import ABSENT, BROKEN, NO_REPORT, NO_RESULTS, NONE_NAMED, Event, State
from peps_maja.joblog.jobs import Job, Jobs, Missing
from peps_maja.joblog.log import JobLog
from peps_maja.products.names import Acquisition, L1CProduct, is_novald
from peps_maja.products.series import Series
from peps_maja.text import one_line, size

BROKEN_AGAIN_AFTER = timedelta(hours=24)  # a gigabyte that came whole and broken is not fetched every half hour
GIVE_UP_AFTER = timedelta(days=7)
GIVE_UP_EMPTY_AFTER = timedelta(hours=24)


class _Stopped(PepsError):
    """The round has ended for another reason: the rest of this download is left for the next one."""


@dataclass
class _Course:
    """How one open job fares in this round; `job` stays as the log had it."""

    job: Job
    report: JobReport
    listed: int = 0  # results
    under_way: int = 0  # downloads
    has_delivered: bool = False  # a result is downloaded or known to be too cloudy, whenever that was
    stays_open: bool = False
    is_closed: bool = False


class Round:
    """One pass over a log. What happens is written to the log first, and then told."""

    def __init__(
        self, service: Service, log: JobLog, folder: Path, console: Console, *, downloads: int, leave_at: float = inf
    ) -> None:
        """Prepare a round that fetches so many results at once into `folder`, and ends at a monotonic time."""
        self.has_closed_jobs = False
        self.reports: dict[str, JobReport] = {}  # by job, what the service said in this round
        self._service = service
        self._log = log
        self._folder = folder
        self._console = console
        self._line = Semaphore(downloads)
        # Twice as many threads as downloads: each is checked while the next one comes.
        self._workers = Workers(leave_at + GRACE, poll=POLLS_AT_ONCE, fetch=2 * downloads)
        self._polls = Polls(service, self._workers, self._take_report, self._take_error, self._take_end)
        self._statuses: list[Status] = []
        self._claims: dict[str, str] = {}  # file names, and the jobs whose results bear them
        self._second_parts: set[str] = set()
        self._is_full = False

    def run(self, jobs: Jobs) -> Status:
        """Poll every open job, fetch what is finished, and return how the round went."""
        self._claims = jobs.owners()
        open_jobs = jobs.in_state(State.OPEN)
        self._second_parts = _second_parts(open_jobs)
        if not self._polls.run(open_jobs):
            self._statuses.append(Status.TRY_LATER)
        return gravest(self._statuses)

    # -- polls ----------------------------------------------------------------------------------------------------

    def _take_report(self, job: Job, report: JobReport) -> None:
        self.reports[job.name] = report
        course = _Course(job, report, has_delivered=bool(job.files or job.novald))
        match report.phase:
            case Phase.FAILED:
                self._close(course, Event.FAILED, report.message or report.status)
            case Phase.CANCELLED:
                self._close(course, Event.CANCELLED, report.message or report.status)
            case _:
                self._harvest(course)

    def _harvest(self, course: _Course) -> None:
        """Deal with the results of a job: note what is too cloudy, begin to fetch the rest."""
        job, report = course.job, course.report
        is_finished = report.phase is Phase.FINISHED
        addresses = report.results if is_finished else report.in_joblog
        if is_finished and not addresses:
            self._miss(course, NO_RESULTS, ABSENT, NONE_NAMED)
        # A result that is missing is not forgotten when a later report lists it no more.
        missing = [self._service.result_address(job, name) for name in job.missing if name != NO_RESULTS]
        results = {bare_name(address, job.wps_id): address for address in (*missing, *addresses)}
        course.listed = len(results)
        for name, address in results.items():
            if job.has_dealt_with(name):
                continue
            if is_novald(name):
                if self._note(Event.NOVALD, course, name):
                    course.has_delivered = True
                    self._console.tell(f"{job.name}: too cloudy, {name} holds nothing to use and is not downloaded")
            elif _is_put_off(known := job.missing.get(name)):
                self._stays_out(course, f"{name} came broken within the last day; it is tried again later")
                self._give_up_in_time(course, name, known)
            else:
                self._begin(course, name, address)
        self._conclude(course)

    def _begin(self, course: _Course, name: str, address: str) -> None:
        job = course.job
        is_taken = self._claims.get(name, job.name) != job.name or job.name in self._second_parts
        own = job.own_file_name(name)
        names = (own,) if is_taken else (name, own)
        self._claims |= dict.fromkeys(names, job.name)
        wanted = Wanted(address, names, _belongs_to(job))
        course.under_way += 1
        self._workers.start(
            "fetch",
            partial(fetch, self._service.client, wanted, self._folder, self._transfer),
            partial(self._take_fetch, course, name),
        )

    # -- downloads ------------------------------------------------------------------------------------------------

    @contextmanager
    def _transfer(self, final: Path) -> Iterator[Meter]:
        """Hold the line for one download and show how it goes on; it ends when the round does."""
        with self._line, self._console.meter(final.name) as meter:

            def watch(there: int, total: int | None) -> None:
                if self._polls.is_ended:
                    raise _Stopped(f"{final}: stopped")
                self._polls.hear()
                meter(there, total)

            yield watch

    def _take_fetch(self, course: _Course, name: str, fetched: Future[Fetched]) -> None:
        course.under_way -= 1
        match error := fetched.exception():
            case None:
                self._take_file(course, name, fetched.result())
            case Absent():
                self._miss(course, name, ABSENT, str(error))
            case Broken():
                self._miss(course, name, BROKEN, str(error))
            case InternalError() if course.listed > 1:
                # Only the log remembers it, should the next report leave it out: the rest would end the job.
                self._miss(course, name, ABSENT, str(error))
            case _:
                course.stays_open = True
                if not isinstance(error, _Stopped):
                    self._polls.take_error(course.job, error)
        self._conclude(course)

    def _take_file(self, course: _Course, name: str, there: Fetched) -> None:
        if self._note(Event.DOWNLOADED, course, there.path.name):
            course.has_delivered = True
            why = "" if there.path.name == name else f"; named so because there is another {name}, from another job"
            self._console.tell(f"{course.job.name}: downloaded {there.path} ({size(there.size)}){why}")

    def _miss(self, course: _Course, name: str, kind: str, reason: str) -> None:
        """Note a result that could not be had, tell it the first time, and end a job where that is long ago."""
        known = course.job.missing.get(name)
        if known and name == NO_RESULTS and known.reason != reason:
            known = None
        is_news = known is None or known.since is None or (kind == BROKEN and _is_whole_zip(reason))
        if is_news and not self._note(Event.MISSING, course, f"{name} {kind} {reason}"):
            return
        what = f"{name} is missing ({kind}): {reason}"
        if name == NO_RESULTS:
            what = "PEPS has no report of it" if reason == NO_REPORT else "it is finished without results"
        if known is None:
            self._console.tell(f"{course.job.name}: {what}; the next runs try again")
        self._stays_out(course, f"still: {what}" if known else "")
        if known:
            self._give_up_in_time(course, name, known)

    def _give_up_in_time(self, course: _Course, name: str, missing: Missing) -> None:
        """Close a job of which a result, or the report, has been missing for too long."""
        is_empty = name == NO_RESULTS and missing.reason == NONE_NAMED
        patience = GIVE_UP_EMPTY_AFTER if is_empty else GIVE_UP_AFTER
        if missing.since is None or datetime.now(timezone.utc) - missing.since < patience:
            return
        if name == NO_RESULTS and not is_empty and course.has_delivered:
            self._close(course, Event.FINISHED)
        else:
            since = f"since {missing.since:%Y-%m-%d}"
            self._close(course, Event.FAILED, f"{name} {missing.kind} {since}: {missing.reason}")

    def _stays_out(self, course: _Course, why: str) -> None:
        course.stays_open = True
        self._statuses.append(Status.TROUBLE)
        if why:
            self._console.say(f"{course.job.name}: {why}")

    def _note(self, event: Event, course: _Course, detail: str) -> bool:
        """Log an event of a job, if the log still has it as it was; otherwise leave the job to the next round."""
        is_noted = self._log.append_if_current(event, course.job, detail)
        if not is_noted and not course.is_closed:
            course.stays_open = course.is_closed = True
            self._console.say(f"{course.job.name}: changed in the log meanwhile, and left as it is there")
        return is_noted

    # -- what both come to ----------------------------------------------------------------------------------------

    def _take_end(self, error: PepsError) -> None:
        """Tell, once, of an error that ends the round."""
        self._statuses.append(error.status)
        self._tell(error, str(error))

    def _take_error(self, job: Job, error: BaseException) -> None:
        """Tell of an error that leaves a job as it was."""
        if isinstance(error, DiskFull) and self._is_full:
            return  # one message for all that has no room; what is smaller is tried
        self._is_full |= isinstance(error, DiskFull)
        if isinstance(error, PepsError):
            self._statuses.append(error.status)
            self._tell(error, str(error) if isinstance(error, (DiskFull, AlreadyRunning)) else f"{job.name}: {error}")
        else:
            self._statuses.append(Status.TROUBLE)
            self._console.warn(f"{job.name}: unforeseen {type(error).__name__}: {error}; please report it")

    def _tell(self, error: PepsError, line: str) -> None:
        (self._console.remind if error.status is Status.TRY_LATER else self._console.warn)(line)

    def _conclude(self, course: _Course) -> None:
        """Close a job whose results are all dealt with, if no more can come; say how it stands if they may."""
        job, report = course.job, course.report
        if course.under_way or course.is_closed:
            return
        # Only a report tells that a job has ended; but a job for one product has one result.
        is_single = bool(report.in_joblog) and course.has_delivered and L1CProduct.parse(job.name) is not None
        if report.phase is Phase.FINISHED or is_single:
            if not course.stays_open:
                self._close(course, Event.FINISHED)
        elif report.phase is Phase.GONE:
            self._miss(course, NO_RESULTS, ABSENT, NO_REPORT)
        elif report.phase is Phase.UNREADABLE:
            self._statuses.append(Status.TRY_LATER)
            self._console.remind(f"{job.name}: {report.message}")
        else:
            self._console.say(f"{job.name}: {report}")

    def _close(self, course: _Course, event: Event, detail: str = "") -> None:
        if course.is_closed or not self._note(event, course, detail):
            return
        course.is_closed = self.has_closed_jobs = True
        job = course.job
        if event is Event.FINISHED:
            self._console.say(f"{job.name}: finished")
            if left_out := course.report.unprocessed:
                self._console.tell(f"{job.name}: PEPS left out {left_out} of its dates; --dates tells which")
            return
        self._statuses.append(Status.TROUBLE)
        self._console.tell(f"{job.name}: {event.value}: {one_line(detail)}; {self._advice(job, event)}")

    def _advice(self, job: Job, event: Event) -> str:
        """Return what to do about a job that failed: it may help to try again, but hardly more than once."""
        where = f"its log: {self._service.log_address(job)}"
        if job.has_failed_before:
            return f"it failed before, so trying again will not help; {where}"
        product = f" --product {job.name}" if L1CProduct.parse(job.name) else ""
        command = f"peps_maja_process.py -l {shlex.quote(str(self._log.path))}{product} --resubmit {event.value}"
        return f"{where}; trying again may help: {command}"


def _belongs_to(job: Job) -> Belongs:
    job_of = L1CProduct.parse(job.name) or Series.parse(job.name)
    return job_of.became if job_of else (lambda _: True)


def _second_parts(jobs: Iterable[Job]) -> set[str]:
    """Return the names of the jobs whose acquisition an earlier job of the log is of, too: it was cut in two.

    Their results bear one name, and it goes to the job that came first, whichever is finished first.
    """
    first: set[Acquisition] = set()
    second = set()
    for job in jobs:
        if product := L1CProduct.parse(job.name):
            if product.acquisition in first:
                second.add(job.name)
            first.add(product.acquisition)
    return second


def _is_whole_zip(reason: str) -> bool:
    return not reason.startswith(NO_WHOLE_ZIP)


def _is_put_off(missing: Missing | None) -> TypeGuard[Missing]:
    """Tell whether a result came whole and broken so lately that it is not tried again yet."""
    if missing is None or missing.kind != BROKEN or not _is_whole_zip(missing.reason):
        return False
    return missing.last is not None and datetime.now(timezone.utc) - missing.last < BROKEN_AGAIN_AFTER
