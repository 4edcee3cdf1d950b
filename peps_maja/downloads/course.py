"""One open job in a cycle: what becomes of it is written to the log first, then told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from peps_maja.console import Console
from peps_maja.downloads.fetching import NO_WHOLE_ZIP, Fetched
from peps_maja.downloads.polls import Polls
from peps_maja.downloads.service import JobReport, Phase
from peps_maja.errors import Status
from peps_maja.joblog.events import ABSENT, BROKEN, NO_REPORT, NO_RESULTS, NONE_NAMED, Event
from peps_maja.joblog.jobs import Job, Missing
from peps_maja.joblog.log import JobLog
from peps_maja.products.names import L1CProduct, is_novald
from peps_maja.text import one_line, size

BROKEN_AGAIN_AFTER = timedelta(hours=24)  # a gigabyte that came complete and broken is not fetched every half hour
GIVE_UP_AFTER = timedelta(days=7)
GIVE_UP_EMPTY_AFTER = timedelta(hours=24)


@dataclass
class Course:
    """What becomes of an open job in this cycle; `job` stays as the log had it, `statuses` are those of all jobs."""

    job: Job
    report: JobReport
    polls: Polls
    log: JobLog
    console: Console
    advise: Callable[[Job, Event], str]  # what to do about a job that has ended so
    statuses: list[Status]
    listed: int = 0  # results
    under_way: int = 0  # downloads
    stays_open: bool = False
    is_left: bool = False  # it has ended, or someone else has changed it in the log
    has_ended: bool = False

    def __post_init__(self) -> None:
        self._has_delivered = bool(self.job.files or self.job.novald)  # whenever that was

    def has_dealt_with(self, name: str) -> bool:
        """Return True if a result need not be fetched now; note it if it is too cloudy."""
        known = self.job.missing.get(name)
        if self.job.has_dealt_with(name):
            return True
        if is_novald(name):
            if self._note(Event.NOVALD, name):
                self._has_delivered = True
                self._tell(f"too cloudy, {name} holds nothing to use and is not downloaded")
            return True
        if known and _is_put_off(known):
            self._stay_open(f"{name} came broken within the last day; it is tried again later")
            self._give_up_in_time(name, known)
            return True
        return False

    def note_file(self, name: str, fetched: Fetched) -> None:
        """Note a result that is there."""
        if self._note(Event.DOWNLOADED, fetched.path.name):
            self._has_delivered = True
            why = "" if fetched.path.name == name else f"; named so because there is another {name}, from another job"
            self._tell(f"downloaded {fetched.path} ({size(fetched.size)}){why}")

    def note_missing(self, name: str, kind: str, reason: str) -> None:
        """Note a result that could not be fetched, tell it the first time, and end the job if that is long ago."""
        known = self.job.missing.get(name)
        if known and name == NO_RESULTS and known.reason != reason:
            known = None
        is_news = known is None or known.since is None or _came_complete(kind, reason)
        if is_news and not self._note(Event.MISSING, f"{name} {kind} {reason}"):
            return
        what = f"{name} is missing ({kind}): {reason}"
        if name == NO_RESULTS:
            who = self.polls.service.name
            what = f"{who} has no report of it" if reason == NO_REPORT else "it is finished without results"
        if known is None:
            as_missing = replace(self.job, missing={name: Missing(None, None, kind, reason)})
            self._tell(f"{what}; {self.advise(as_missing, Event.MISSING)}")
        self._stay_open(f"still: {what}" if known else "")
        if known:
            self._give_up_in_time(name, known)

    def conclude(self) -> None:
        """Close the job if its results are all dealt with and no more can come; say how it stands if they may."""
        if self.under_way or self.is_left:
            return
        # Only a report tells that a job has ended; but a job for one product has one result.
        is_single = bool(self.report.in_joblog) and self._has_delivered and L1CProduct.parse(self.job.name) is not None
        if self.report.phase is Phase.FINISHED or is_single:
            if not self.stays_open:
                self.close(Event.FINISHED)
        elif self.report.phase is Phase.GONE:
            self.note_missing(NO_RESULTS, ABSENT, NO_REPORT)
        elif self.report.phase is Phase.UNREADABLE:
            self.statuses.append(Status.TRY_LATER)
            self.console.reminder(f"{self.job.name}: {self.report.message}")
        else:
            self.console.info(f"{self.job.name}: {self.report}")

    def close(self, event: Event, detail: str = "") -> None:
        """End the job; advise what to do if it did not finish."""
        if self.is_left or not self._note(event, detail):
            return
        self.is_left = self.has_ended = True
        service = self.polls.service
        if event is Event.FINISHED:
            self.console.info(f"{self.job.name}: finished")
            if left_out := self.report.unprocessed:
                self._tell(f"{service.name} left out {left_out} of its dates; --dates tells which")
            return
        self.statuses.append(Status.TROUBLE)
        self._tell(f"{event.value}: {one_line(detail)}; {self.advise(self.job, event)}")

    def _give_up_in_time(self, name: str, missing: Missing) -> None:
        """Close the job if a result, or the report, has been missing for too long."""
        is_empty = (name, missing.reason) == (NO_RESULTS, NONE_NAMED)
        patience = GIVE_UP_EMPTY_AFTER if is_empty else GIVE_UP_AFTER
        if missing.since is None or datetime.now(timezone.utc) - missing.since < patience:
            return
        if name == NO_RESULTS and not is_empty and self._has_delivered:
            self.close(Event.FINISHED)
        else:
            self.close(Event.FAILED, f"{name} {missing.kind} since {missing.since:%Y-%m-%d}: {missing.reason}")

    def _stay_open(self, why: str) -> None:
        self.stays_open = True
        self.statuses.append(Status.TROUBLE)
        if why:
            self.console.info(f"{self.job.name}: {why}")

    def _note(self, event: Event, detail: str) -> bool:
        """Log an event of the job, if the log still has it as it was; otherwise leave it to a later cycle."""
        is_noted = self.log.append_if_current(event, self.job, detail)
        if not is_noted and not self.is_left:
            self.stays_open = self.is_left = True
            self.console.info(f"{self.job.name}: changed in the log meanwhile, and left as it is there")
        return is_noted

    def _tell(self, line: str) -> None:
        self.console.result(f"{self.job.name}: {line}")


def _came_complete(kind: str, reason: str) -> bool:
    return kind == BROKEN and not reason.startswith(NO_WHOLE_ZIP)


def _is_put_off(missing: Missing) -> bool:
    """Return True if a result came complete and broken so lately that it is not tried again yet."""
    if missing.last is None or not _came_complete(missing.kind, missing.reason):
        return False
    return datetime.now(timezone.utc) - missing.last < BROKEN_AGAIN_AFTER
