"""One open job in a round: what became of it is told first, and then noted in the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from threading import RLock

from peps_maja.console import Console
from peps_maja.downloads.fetching import NO_WHOLE_ZIP, Fetched, Wanted
from peps_maja.downloads.service import JobReport, Phase, result_name
from peps_maja.errors import AlreadyRunning, DiskFull, PepsError, Status, worst
from peps_maja.joblog.events import ABSENT, BACK, BROKEN, NO_REPORT, NO_RESULTS, NONE_NAMED, Event
from peps_maja.joblog.jobs import Job, Missing
from peps_maja.joblog.log import JobLog
from peps_maja.products.names import L1CProduct, L2AProduct, is_novald
from peps_maja.products.series import Series
from peps_maja.text import one_line, size

BROKEN_AGAIN_AFTER = timedelta(hours=24)  # a gigabyte that came complete and broken is not fetched every half hour
GIVE_UP_AFTER = timedelta(days=7)
GIVE_UP_EMPTY_AFTER = timedelta(hours=24)
_ENDS = {Phase.FINISHED: Event.FINISHED, Phase.FAILED: Event.FAILED, Phase.CANCELLED: Event.CANCELLED}


@dataclass
class Outcome:
    """What a round comes to, and where it tells and notes that. Threads share it.

    `claims` are the names of files and whose they are, `told` the problems of which this run has told already.
    """

    log: JobLog
    console: Console
    advise: Callable[[Job, Event], str]
    claims: dict[str, str]
    told: set[str]
    reports: dict[str, JobReport] = field(default_factory=dict)  # of each job, by its name
    troubles: list[str] = field(default_factory=list)  # what a person must know and no job's line in the log tells
    statuses: list[Status] = field(default_factory=list)
    stuck: set[str] = field(default_factory=set)  # jobs that wait for a person
    has_closed_jobs: bool = False
    is_full: bool = False
    lock: RLock = field(default_factory=RLock)

    @property
    def status(self) -> Status:
        """How it went."""
        return worst(self.statuses)

    def leave(self, job: Job, error: BaseException) -> None:
        """Tell of an error that leaves a job as it was."""
        if not isinstance(error, PepsError):
            error = PepsError(f"unexpected {type(error).__name__}: {error}; please report it")
        if error.status is Status.UNUSABLE:
            self.stuck.add(job.name)
        if not isinstance(error, DiskFull) or not self.is_full:  # one message for all that has no room
            self.tell(error, str(error) if isinstance(error, (DiskFull, AlreadyRunning)) else f"{job.name}: {error}")
        self.is_full |= isinstance(error, DiskFull)

    def tell(self, error: PepsError, line: str) -> None:
        """Tell of a problem: one that a person has to fix, once in a run."""
        with self.lock:
            self.statuses.append(error.status)
            self.troubles.append(line)
            if error.status is Status.TRY_LATER:
                self.console.reminder(line)
            elif line not in self.told:
                self.console.warning(line)
            self.told.add(line)


class OpenJob:
    """An open job in a round; `job` stays as the log had it."""

    def __init__(self, job: Job, report: JobReport, service: str, outcome: Outcome) -> None:
        self.job = job
        self.report = report
        self.results: dict[str, list[str]] = {}  # the addresses of copies, by name
        for address in report.results or report.in_joblog:
            self.results.setdefault(result_name(job, address), []).append(address)
        self._service = service
        self._outcome = outcome
        self._has_delivered = bool(job.files or job.novald)  # whenever that was
        self._dealt_with = {name for name in self.results if job.has_dealt_with(name)}
        self._missing: set[str] = set()  # results that could not be had in this round
        self._is_changed = False  # by someone else, in the log
        if NO_RESULTS in job.missing and report.status and (report.results or report.phase is not Phase.FINISHED):
            self._note(Event.MISSING, f"{NO_RESULTS} {BACK}", "its report is there again")

    def wants(self, name: str) -> bool:
        """Return True if a result is to be fetched now; note it if it is too cloudy."""
        if name in self._dealt_with or self._is_changed:
            return False
        if is_novald(name):
            if self._note(Event.NOVALD, name, f"too cloudy, {name} holds nothing to use and is not downloaded"):
                self._has_delivered = True
                self._dealt_with.add(name)
            return False
        known = self.job.missing.get(name)
        if not known or not known.last or not _came_complete(known.kind, known.reason):
            return True
        if datetime.now(timezone.utc) - known.last >= BROKEN_AGAIN_AFTER:
            return True
        self._is_missing(name, f"{name} came broken within the last day; it is tried again later")
        return False

    def wanted(self, name: str) -> Wanted:
        """Return what is to be fetched: its names are those that no other job of the log has."""
        job, claims, offer = self.job, self._outcome.claims, self.job.offer
        names = [each for each in (name, job.own_file_name(name)) if claims.setdefault(each, job.name) == job.name]
        maker = L1CProduct.parse(job.name) or Series.parse(job.name)
        belongs = maker.matches if maker else (lambda product: is_version_of(job.name, product)) if offer else bool
        return Wanted(self.results[name], names, belongs, offer.size if offer else None, (offer and offer.md5) or "")

    def note_file(self, name: str, fetched: Fetched) -> bool:
        """Note a result that is there; return False if the job changed in the log meanwhile."""
        why = "" if fetched.path.name == name else f"; named so because there is another {name}, from another job"
        line = f"downloaded {fetched.path} ({size(fetched.size)}){why}"
        if not self._note(Event.DOWNLOADED, fetched.path.name, line):
            return False
        self._has_delivered = True
        self._dealt_with.add(name)
        return True

    def note_missing(self, name: str, kind: str, reason: str) -> None:
        """Note a result, or the report, that is not there or comes broken; tell it the first time."""
        if self.report.in_joblog and name in self.results and not _came_complete(kind, reason):
            return  # it may be written just now
        known = self.job.missing.get(name)
        if known and name == NO_RESULTS and known.reason != reason:
            known = None
        what = f"{name} is missing ({kind}): {reason}"
        if name == NO_RESULTS:
            what = f"{self._service} has no report of it" if reason == NO_REPORT else "it is finished without results"
        if known is None or known.since is None or _came_complete(kind, reason):
            as_missing = replace(self.job, missing={name: Missing(None, None, kind, reason)})
            lines = [] if known else [f"{what}; {self._outcome.advise(as_missing, Event.MISSING)}"]
            if not self._note(Event.MISSING, f"{name} {kind} {reason}", *lines):
                return
        self._is_missing(name, f"still: {what}" if known else "")

    def conclude(self) -> None:
        """End the job if its report says so and its results are dealt with, or missing for too long."""
        job, report, console = self.job, self.report, self._outcome.console
        has_ended, left = report.phase in _ENDS, self.results.keys() - self._dealt_with
        # Only a report tells that a job has ended; but a job for one product has one result.
        if report.in_joblog and self._has_delivered and L1CProduct.parse(job.name):
            self._close(Event.FINISHED)
        elif report.phase is Phase.GONE or (report.phase is Phase.FINISHED and not self.results):
            self.note_missing(NO_RESULTS, ABSENT, NO_REPORT if report.phase is Phase.GONE else NONE_NAMED)
            self._give_up({NO_RESULTS})
        elif has_ended and not left:
            self._close(_ENDS[report.phase], report.message or report.status)
        elif has_ended:
            self._give_up(left)
        elif report.phase is Phase.UNREADABLE:
            self._outcome.statuses.append(Status.TRY_LATER)
            console.reminder(f"{job.name}: {report.message}")
        else:
            console.info(f"{job.name}: {report}")

    def _give_up(self, left: set[str]) -> None:
        """End the job if all that is left of it has been missing for too long."""
        for name in left:
            known = self.job.missing.get(name)
            if name not in self._missing or known is None or known.since is None:
                return
            patience = GIVE_UP_EMPTY_AFTER if known.reason == NONE_NAMED else GIVE_UP_AFTER
            if datetime.now(timezone.utc) - known.since < patience:
                return
        if Series.parse(self.job.name) and self._has_delivered:
            self._close(Event.FINISHED)
        elif self.report.phase in {Phase.FAILED, Phase.CANCELLED}:
            self._close(_ENDS[self.report.phase], self.report.message or self.report.status)
        else:
            name = min(left)
            known = self.job.missing[name]
            self._close(Event.FAILED, f"{name} {known.kind} since {known.since:%Y-%m-%d}: {known.reason}")

    def _close(self, event: Event, detail: str = "") -> None:
        """End the job; advise what to do if it did not finish."""
        gone = sorted(self.job.missing.keys() - self.results.keys() - {NO_RESULTS})
        lines = [f"{name} was missing, and is not listed any more" for name in gone]
        if event is Event.FINISHED:
            detail = ""
            if left_out := self.report.unprocessed:
                lines.append(f"{self._service} left out {left_out} of its dates; --dates tells which")
        else:
            lines.append(f"{event.value}: {one_line(detail)}; {self._outcome.advise(self.job, event)}")
        if self._note(event, detail, *lines):
            self._outcome.has_closed_jobs = True
            self._outcome.statuses.append(Status.OK if event is Event.FINISHED else Status.TROUBLE)
            if event is Event.FINISHED:
                self._outcome.console.info(f"{self.job.name}: finished")

    def _is_missing(self, name: str, line: str) -> None:
        self._missing.add(name)
        self._outcome.statuses.append(Status.TROUBLE)
        if line:
            self._outcome.console.info(f"{self.job.name}: {line}")

    def _note(self, event: Event, detail: str, *lines: str) -> bool:
        """Tell what happened, then log it, if the log still has the job as it was; else leave it as it is there."""
        outcome = self._outcome
        with outcome.lock:
            if not self._is_changed and outcome.log.is_current(self.job):
                for line in lines:
                    outcome.console.result(f"{self.job.name}: {line}")
                if outcome.log.append_if_current(event, self.job, detail):
                    return True
            if not self._is_changed:
                outcome.console.info(f"{self.job.name}: changed in the log meanwhile, and left as it is there")
            self._is_changed = True
            return False


def _came_complete(kind: str, reason: str) -> bool:
    return kind == BROKEN and not reason.startswith(NO_WHOLE_ZIP)


def is_version_of(job: str, product: L2AProduct) -> bool:
    """Return True for the product that a job of Theia is for, unless both name a version and these differ."""
    wanted = L2AProduct.find(job)
    return (
        wanted is not None
        and (product.satellite, product.tile, product.seen) == (wanted.satellite, wanted.tile, wanted.seen)
        and (not product.version or wanted.version in {"", product.version})
    )
