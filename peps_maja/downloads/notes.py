"""Where a round tells what happened and writes it down: threads of both services share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from peps_maja.console import Console
from peps_maja.errors import DiskFull, PepsError, Status
from peps_maja.joblog.events import Event
from peps_maja.joblog.jobs import Job
from peps_maja.joblog.log import JobLog


@dataclass
class Notes:
    """What a round has to say; `claims` are the names of files and whose they are."""

    log: JobLog
    console: Console
    advise: Callable[[Job, Event], str]  # what to do about a job that has come to this
    noted: Callable[[Path], None]  # is given each zip once it is noted as `downloaded`
    claims: dict[str, str]
    told: set[str]  # warnings of this run, by all its rounds
    statuses: list[Status] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)  # what a person must know
    stuck: set[str] = field(default_factory=set)  # jobs that cannot go on without a person
    has_closed_jobs: bool = False
    is_over: bool = False  # the run ends, and no thread notes anything any more
    _is_full: bool = False
    _lock: RLock = field(default_factory=RLock)

    def trouble(self, error: PepsError, job: Job | None = None) -> None:
        """Tell of what leaves a job, or all jobs of a service, as they were; what a person must fix, once in a run."""
        line = f"{job.name}: {error}" if job and not isinstance(error, DiskFull) else str(error)
        with self._lock:
            self.statuses.append(error.status)
            if job and error.status is not Status.TRY_LATER:
                self.stuck.add(job.name)
            if isinstance(error, DiskFull):
                if self._is_full:
                    return  # one message for all that has no room; what is smaller is tried
                self._is_full = True
            self.troubles.append(line)
            if error.status is Status.TRY_LATER:
                self.console.reminder(line)
            elif line not in self.told:
                self.told.add(line)
                self.console.warning(line)

    def note(self, event: Event, job: Job, detail: str, *lines: str) -> bool:
        """Tell what happened to a job, then log it, if the log still has the job as it was; else return False."""

        def tell() -> None:
            for line in lines:
                self.console.result(f"{job.name}: {line}")

        with self._lock:
            return not self.is_over and self.log.tell_and_append(event, job, detail, tell)
