"""What becomes of an open job in a round: which results it lacks, and when it is finished, failed or cancelled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import RLock

from peps_maja.console import Console
from peps_maja.downloads.fetching import NO_WHOLE_ZIP, Fetched, Wanted
from peps_maja.downloads.naming import names_to_save, result_name
from peps_maja.downloads.service import JobReport, Phase
from peps_maja.errors import DiskFull, PepsError, Status
from peps_maja.joblog.events import ABSENT, BACK, BROKEN, NO_REPORT, NO_RESULTS, NONE_NAMED, Event
from peps_maja.joblog.jobs import Job, Missing
from peps_maja.joblog.log import JobLog
from peps_maja.products.names import L1CProduct, is_novald, named_product
from peps_maja.products.series import Series
from peps_maja.text import one_line, size

BROKEN_AGAIN_AFTER = timedelta(hours=24)  # a gigabyte that came complete and broken is not fetched every half hour
GIVE_UP_AFTER = timedelta(days=7)
GIVE_UP_EMPTY_AFTER = timedelta(hours=24)
_ENDS = {Phase.FINISHED: Event.FINISHED, Phase.FAILED: Event.FAILED, Phase.CANCELLED: Event.CANCELLED}


@dataclass
class Notes:
    """What a round tells and notes, and how it goes: the threads of both services share it."""

    log: JobLog
    console: Console
    advise: Callable[[Job, Event], str]  # what to do about a job that has come to this
    noted: Callable[[Path], None]  # is given each zip once it is noted as `downloaded`
    owners: dict[str, str] = field(default_factory=dict)  # the jobs whose zips have, or will have, these names
    told: set[str] = field(default_factory=set)  # warnings of this run, by all its rounds
    # Of this round:
    reports: dict[str, JobReport] = field(default_factory=dict, init=False)  # by the names of the jobs
    statuses: list[Status] = field(default_factory=list, init=False)
    troubles: dict[str, str] = field(default_factory=dict, init=False)  # lines: what a person must know
    stuck: set[str] = field(default_factory=set, init=False)  # jobs that cannot go on without a person
    is_over: bool = field(default=False, init=False)  # the run ends, and no thread notes anything any more
    lock: RLock = field(default_factory=RLock, init=False)

    def trouble(self, error: PepsError, job: Job | None = None) -> None:
        """Tell, once in a run, of what leaves a job, or all jobs of a service, as they were."""
        line = f"{job.name}: {error}" if job else str(error)
        key = "no room" if isinstance(error, DiskFull) else line  # one message for all that has none
        with self.lock:
            self.statuses.append(error.status)
            self.troubles.setdefault(key, line)
            if job and error.status is not Status.TRY_LATER:
                self.stuck.add(job.name)
            if key not in self.told:
                self.told.add(key)
                (self.console.reminder if error.status is Status.TRY_LATER else self.console.warning)(line)


class OpenJob:
    """An open job in a round, as the log had it, and what its service says of it."""

    def __init__(self, job: Job, report: JobReport, service: str, notes: Notes) -> None:
        self.job = job
        self.report = report
        self.results: dict[str, list[str]] = {}  # the addresses of copies, by name
        for address in report.results or report.in_joblog:
            self.results.setdefault(result_name(job, address), []).append(address)
        self._service = service
        self._notes = notes
        self._has_delivered = bool(job.files or job.novald)  # whenever that was
        self._dealt_with = {name for name in self.results if job.has_dealt_with(name)}
        self._known = dict(job.missing)
        self._missing: set[str] = set()  # results that could not be had in this round
        self._is_changed = False  # by someone else, in the log

    def begin(self) -> None:
        """Note that a report that was missing is there again."""
        known = self._known.get(NO_RESULTS)
        was_without_results = known and "result" in known.reason and self.report.phase is Phase.FINISHED
        if known and self.report.status and (self.results or not was_without_results):
            self._note(Event.MISSING, f"{NO_RESULTS} {BACK}", "its report is there again")
            del self._known[NO_RESULTS]

    def wanted(self, name: str) -> Wanted | None:
        """Return what is to be fetched of a result, None if nothing now; note it if it is too cloudy."""
        job, offer, known = self.job, self.job.offer, self._known.get(name)
        if name in self._dealt_with or self._is_changed:
            return None
        if is_novald(name):
            if self._note(Event.NOVALD, name, f"too cloudy, {name} holds nothing to use and is not downloaded"):
                self._has_delivered = True
                self._dealt_with.add(name)
            return None
        came = known.last if known and came_complete(known.kind, known.reason) else None
        if came and timedelta(0) <= datetime.now(timezone.utc) - came < BROKEN_AGAIN_AFTER:
            self._is_missing(name, f"{name} came broken within the last day; it is tried again later")
            return None
        names = names_to_save(job, name, self._notes.owners)
        maker = Series.parse(job.name) or named_product(job.name)
        belongs = maker.matches if maker else (lambda _: True)
        return Wanted(self.results[name], names, belongs, *((offer.size, offer.md5 or "") if offer else ()))

    def note_file(self, name: str, fetched: Fetched) -> None:
        """Note a result that is there."""
        why = "" if fetched.path.name == name else f"; named so because {name} is taken, by another file or job"
        line = f"downloaded {fetched.path} ({size(fetched.size)}){why}"
        if self._note(Event.DOWNLOADED, fetched.path.name, line):
            self._has_delivered = True
            self._dealt_with.add(name)
            self._notes.noted(fetched.path)

    def note_missing(self, name: str, kind: str, reason: str) -> None:
        """Note a result, or the report, that is not there or comes broken; tell it the first time."""
        came = came_complete(kind, reason)
        if self.report.in_joblog and name in self.results and not came:
            return  # it may be written just now
        what = f"{name} is missing ({kind}): {reason}"
        if name == NO_RESULTS:
            what = f"{self._service} has no report of it" if reason == NO_REPORT else "it is finished without results"
        known = self._known.get(name)
        if known is None or known.since is None or came:
            as_missing = replace(self.job, missing={name: Missing(None, None, kind, reason)})
            lines = [] if known else [f"{what}; {self._notes.advise(as_missing, Event.MISSING)}"]
            if not self._note(Event.MISSING, f"{name} {kind} {reason}", *lines):
                return
        self._is_missing(name, f"still: {what}" if known else "")

    def conclude(self) -> None:
        """End the job if its report says so and its results are dealt with, or missing for too long."""
        job, report, console = self.job, self.report, self._notes.console
        left, is_empty = self.results.keys() - self._dealt_with, report.phase is Phase.FINISHED and not self.results
        # Only a report tells that a job has ended; but a job for one product has one result.
        if (report.in_joblog or is_empty) and self._has_delivered and L1CProduct.parse(job.name):
            self._close(Event.FINISHED)
        elif report.phase is Phase.GONE or is_empty:
            self.note_missing(NO_RESULTS, ABSENT, NO_REPORT if report.phase is Phase.GONE else NONE_NAMED)
            self._give_up({NO_RESULTS})
        elif report.phase.has_ended and left:
            self._give_up(left)
        elif report.phase.has_ended:
            self._close(_ENDS[report.phase], report.message or report.status)
        elif report.phase is Phase.UNREADABLE:
            self._notes.statuses.append(Status.TRY_LATER)
            console.reminder(f"{job.name}: {report.message}")
        else:
            console.info(f"{job.name}: {report}")

    def _give_up(self, left: set[str]) -> None:
        """End the job if all that is left of it has been missing for too long."""
        for name in left:
            known = self._known.get(name)
            if name not in self._missing or known is None or known.since is None:
                return
            is_empty = name == NO_RESULTS and self.report.phase is Phase.FINISHED
            if datetime.now(timezone.utc) - known.since < (GIVE_UP_EMPTY_AFTER if is_empty else GIVE_UP_AFTER):
                return
        if Series.parse(self.job.name) and self._has_delivered:
            self._close(Event.FINISHED)
        elif self.report.phase in {Phase.FAILED, Phase.CANCELLED}:
            self._close(_ENDS[self.report.phase], self.report.message or self.report.status)
        else:
            name = min(left)
            known = self._known[name]
            what = "report or results" if name == NO_RESULTS else name
            self._close(Event.FAILED, f"{what} {known.kind} since {known.since:%Y-%m-%d}: {known.reason}")

    def _close(self, event: Event, detail: str = "") -> None:
        """End the job; advise what to do if it did not finish."""
        gone = sorted(self._known.keys() - self.results.keys() - {NO_RESULTS})
        lines = [f"{name} was missing, and is not listed any more" for name in gone]
        is_good, left_out = event is Event.FINISHED, self.report.unprocessed
        if not is_good:
            lines.append(f"{event.value}: {one_line(detail)}; {self._notes.advise(self.job, event)}")
        elif left_out:
            lines.append(f"{self._service} left out {left_out} of its dates; --dates tells which")
        if self._note(event, "" if is_good else detail, *lines) and not is_good:
            self._notes.statuses.append(Status.TROUBLE)

    def _is_missing(self, name: str, line: str) -> None:
        self._missing.add(name)
        self._notes.statuses.append(Status.TROUBLE)
        if line:
            self._notes.console.info(f"{self.job.name}: {line}")

    def _note(self, event: Event, detail: str, *lines: str) -> bool:
        """Tell what happened, then log it, if the log still has the job as it was; else return False."""
        notes, job = self._notes, self.job

        def tell() -> None:
            for line in lines:
                notes.console.result(f"{job.name}: {line}")

        with notes.lock:
            if self._is_changed or notes.is_over:
                return False
            self._is_changed = not notes.log.tell_and_append(event, job, detail, tell)
            if self._is_changed:
                notes.console.info(f"{job.name}: changed in the log meanwhile, and left as it is there")
        return not self._is_changed


def came_complete(kind: str, reason: str) -> bool:
    """Return True if a missing result came whole and broken: it is tried once in 24 hours."""
    return kind == BROKEN and not reason.startswith(NO_WHOLE_ZIP)
