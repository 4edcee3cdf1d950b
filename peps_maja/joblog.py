"""The job log: one line per event, only ever appended to, and the only state there is.

Whoever has the file has everything: both scripts find out by replaying it what was submitted, what is open,
what was fetched and what must not be asked for again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from pathlib import Path

from .errors import LogError
from .locks import held, lock
from .text import one_line
from .wps import is_status_url, wps_id

HEADER = "# peps_maja job log 1"
_TORN = "# the line above was torn by a crash: passed over"
DROPPED = "dropped by the user"
WAY_OUT = (
    'look for it on PEPS\'s page "My processing", then --adopt it if it is there, --resubmit unsure if it is not,'
    " or --drop it"
)


class Event(str, Enum):
    """What can happen to a job. The detail that goes with each stands behind it."""

    SUBMITTING = "submitting"
    SUBMITTED = "submitted"  # status URL
    REJECTED = "rejected"  # reason
    POSTPONED = "postponed"  # reason
    NOVALD = "novald"  # the result's name
    DOWNLOADED = "downloaded"  # file name
    MISSING = "missing"  # the result's name, `absent` or `broken`, reason
    STALLED = "stalled"  # hours
    FINISHED = "finished"
    FAILED = "failed"  # the server's message
    CANCELLED = "cancelled"  # likewise


class State(str, Enum):
    """Where a job stands by the log alone."""

    UNSURE = "unsure"  # a request left, and no answer is known
    OPEN = "open"
    REJECTED = "rejected"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MENTIONED = "mentioned"  # only events that this version does not know: kept from being submitted again


_ENDS = {
    Event.REJECTED: State.REJECTED,
    Event.FINISHED: State.FINISHED,
    Event.FAILED: State.FAILED,
    Event.CANCELLED: State.CANCELLED,
}

ABSENT, BROKEN = "absent", "broken"
NO_RESULTS = "-"  # stands for the name of a result where a finished job has none


@dataclass
class Missing:
    """A result that could not be had: since when, when last, and why."""

    since: datetime
    last: datetime
    kind: str
    reason: str


@dataclass
class Job:
    """One job as the log tells it. `files` are the names under which its zips were saved."""

    name: str
    state: State = State.MENTIONED
    detail: str = ""
    plan: str = ""
    status_url: str = ""
    submitted_at: datetime | None = None
    stalled: bool = False
    files: list[str] = field(default_factory=list)
    novald: list[str] = field(default_factory=list)
    missing: dict[str, Missing] = field(default_factory=dict)

    @property
    def wps_id(self) -> str:
        """The id that WPS gave the job, or an empty text."""
        return wps_id(self.status_url) if self.status_url else ""

    @property
    def was_dropped(self) -> bool:
        """Whether the user does not want this job any more."""
        return self.state is State.CANCELLED and self.detail == DROPPED

    def own_file_name(self, name: str) -> str:
        """Return the second choice for a zip whose `name` another job's result bears already."""
        return f"{name.removesuffix('.zip')}.{self.wps_id[:8]}.zip"

    def result_name(self, file: str) -> str:
        """Return the name of the result that a file of this job holds."""
        stem = file.removesuffix(f".{self.wps_id[:8]}.zip")
        return file if stem == file else f"{stem}.zip"

    def file_of(self, name: str) -> str | None:
        """Return the name of the file that holds the result `name`, or None if it was not downloaded."""
        return next((file for file in (name, self.own_file_name(name)) if file in self.files), None)

    def has_dealt_with(self, name: str) -> bool:
        """Tell whether the result `name` is downloaded or known to be too cloudy."""
        return name in self.novald or self.file_of(name) is not None

    def is_overdue(self, age: timedelta, now: datetime) -> bool:
        """Tell whether the job is open that long after its submission, and nobody has said so yet."""
        waited_for = self.submitted_at is not None and now - self.submitted_at >= age
        return self.state is State.OPEN and waited_for and not self.stalled


class JobLog:
    """The log file at `path`, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def replay(self) -> dict[str, Job]:
        """Return every job of the log by its name, in the order of their first lines. Raises LogError."""
        jobs: dict[str, Job] = {}
        for moment, event, name, detail in _events(self._read()):
            if event == Event.POSTPONED:
                jobs.pop(name, None)
            else:
                jobs[name] = _after(jobs.get(name) or Job(name), moment, event, detail)
        return jobs

    def append(self, event: Event, job: str, detail: str = "") -> None:
        """Add one event, and return when it is on disk. Raises LogError if it cannot be."""
        line = "\t".join((_now().strftime("%Y-%m-%dT%H:%M:%SZ"), event.value, one_line(job), one_line(detail, 2000)))
        try:
            with self._opened() as descriptor:
                _write_whole(descriptor, f"{_lead(descriptor, self.path)}{line}\n".encode())
        except OSError as error:
            raise LogError(
                f"cannot write to the log {self.path}: {error.strerror}; not noted: {event.value} {job} {detail}"
            ) from error

    def lock_for(self, script: str) -> AbstractContextManager[None]:
        """Return the lock that keeps two runs of one script (`process`, `downloader`) from meeting on this log."""
        return held(self.lock_path(script))

    def lock_path(self, script: str) -> Path:
        """Return where the lock of a script lies."""
        return self.path.with_name(f"{self.path.name}.{script}.lock")

    def _read(self) -> str:
        try:
            text = self.path.read_bytes().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        except OSError as error:
            raise LogError(f"cannot read the log {self.path}: {error.strerror}") from None
        first = text.partition("\n")[0].removesuffix("\r")
        if first != HEADER and not HEADER.startswith(text):
            raise LogError(f"{self.path} is no job log: its first line is not {HEADER!r}")
        return text

    @contextmanager
    def _opened(self) -> Iterator[int]:
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            lock(descriptor, self.path, wait=True)
            yield descriptor
            os.fsync(descriptor)
            if is_new:
                sync_folder(self.path.parent)
        finally:
            os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk, where the operating system lets a folder be synced."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems cannot sync a folder; there is nothing more to be had from them.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP}:
            raise
    finally:
        os.close(descriptor)


def _lead(descriptor: int, path: Path) -> str:
    """Return what must stand before the next line: the header of a new log, or the end of a torn line."""
    length = os.fstat(descriptor).st_size
    start = os.pread(descriptor, len(HEADER) + 2, 0).decode(errors="replace")
    if length <= len(HEADER) and HEADER.startswith(start):
        return HEADER[length:] + "\n"
    if start.partition("\n")[0].removesuffix("\r") != HEADER:
        raise LogError(f"{path} is no job log: its first line is not {HEADER!r}")
    return "" if os.pread(descriptor, 1, length - 1) == b"\n" else f"\n{_TORN}\n"


def _write_whole(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


def _events(text: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield time, event, job and detail of each whole line; comments, torn lines and mere noise are passed over."""
    lines = text.split("\n")
    lines.pop()  # what stands behind the last line end: nothing, or a torn line
    torn = {number - 1 for number, line in enumerate(lines) if line == _TORN}
    for number, line in enumerate(lines):
        columns = line.removesuffix("\r").split("\t")
        if len(columns) >= 3 and not line.startswith("#") and number not in torn:
            yield columns[0], columns[1], columns[2], columns[3] if len(columns) > 3 else ""


def _after(job: Job, moment: str, event: str, detail: str) -> Job:
    """Return the job after one event; a new submission begins it afresh."""
    if event == Event.SUBMITTING:
        return Job(job.name, State.UNSURE, plan=detail)
    if event == Event.SUBMITTED:
        if not is_status_url(detail):
            return Job(job.name, State.UNSURE, plan=job.plan)
        return Job(job.name, State.OPEN, plan=job.plan, status_url=detail, submitted_at=_when(moment))
    if event in _ENDS:
        job.state, job.detail = _ENDS[Event(event)], detail
    elif event == Event.NOVALD:
        job.novald.append(detail)
        job.missing.pop(detail, None)
    elif event == Event.DOWNLOADED:
        job.files.append(detail)
        job.missing = {name: gone for name, gone in job.missing.items() if job.file_of(name) is None}
    elif event == Event.MISSING:
        _tell_missing(job, moment, detail)
    elif event == Event.STALLED:
        job.stalled = True
    return job


def _tell_missing(job: Job, moment: str, detail: str) -> None:
    words = detail.split(" ")
    at = next((place for place, word in enumerate(words) if word in {ABSENT, BROKEN}), None)
    when = _when(moment)
    if at is None or when is None:
        return
    name, reason = " ".join(words[:at]), " ".join(words[at + 1 :])
    known = job.missing.get(name)
    job.missing[name] = Missing(known.since if known else when, when, words[at], reason)


def _when(moment: str) -> datetime | None:
    try:
        return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def _now() -> datetime:
    return datetime.now(timezone.utc)


def in_state(jobs: Iterable[Job], *states: State) -> list[Job]:
    """Return the jobs that stand in one of these states."""
    return [job for job in jobs if job.state in states]
