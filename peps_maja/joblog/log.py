"""The job log: one line per event, only ever appended to, and the only state there is.

Both scripts find out by replaying it what was submitted, what is open, what was downloaded and what must not be
submitted again. An event is one append of one whole line under a lock of the file itself, and it is on disk before
the next step begins. The form of the lines is described in `lines`.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from pathlib import Path

from peps_maja.disk import held, lock, sync_folder
from peps_maja.errors import LogError, Status
from peps_maja.joblog.events import Event
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.joblog.lines import HEADER, TORN, is_torn, submissions
from peps_maja.text import one_line

_ANOTHER_FILE = "it was moved, replaced, emptied or removed during this run: put it back, and run again"
PATIENCE = 30.0  # seconds for another process to give the append lock back
_LONGEST_DETAIL = 20_000  # characters
_LONGEST_LINE = 100_000  # bytes
_TAIL = 100  # bytes by which a run knows the file again


class JobLog:
    """The log file at `path`, which need not exist yet. One object serves one run, and one thread of it.

    From its first look at the file on it knows which file that is and how far it goes: a log that was moved,
    replaced, emptied or removed since is a LogError at the next look, and nothing is made in its place.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: tuple[int, int] | None = None  # device and inode, once the file was read or written
        self._was_missing = False
        self._known = 0  # bytes of whole lines that this run has read, or has written itself
        self._tail = b""  # the last of them
        self._by_others: dict[str, str | None] = {}  # jobs of which others wrote since, and their addresses now
        self._is_named_on_disk = False

    def replay(self) -> Jobs:
        """Return the jobs of the log. Raises LogError."""
        return Jobs.replay(self._read())

    def append(self, event: Event, job: str, detail: str = "") -> None:
        """Add one event, and return when it is on disk. Raises LogError if it cannot be."""
        self._add(_line(event, job, detail), _not_noted(event, job, detail))

    def append_if_current(self, event: Event, job: Job, detail: str = "") -> bool:
        """Add one event to a job that this run has replayed, if `job` is still its current submission.

        Return False, and write nothing, if another run has dropped, adopted or resubmitted the job since (this is read
        under the append lock): what it logged stands, and the caller leaves the job alone. Raises LogError.
        """
        return self._add(_line(event, job.name, detail), _not_noted(event, job.name, detail), job)

    def is_current(self, job: Job) -> bool:
        """Return True if no other run has dropped, adopted or resubmitted a job since. Raises LogError."""
        try:
            with self._opened(os.O_RDONLY) as descriptor:
                self._catch_up(descriptor)
        except OSError as error:
            raise LogError(f"cannot read the log {self.path}: {error.strerror}") from error
        return self._by_others.get(job.name, job.address) == job.address

    def commands(self) -> list[str]:
        """Return the commands that runs of the submitter have noted, in order. Raises LogError."""
        noted = (
            re.fullmatch(r"# [0-9-]{10}T[0-9:]{8}Z (peps_maja_process\.py .*)", line)
            for line in self._read().splitlines()
        )
        return [comment[1] for comment in noted if comment]

    def note(self, command: str) -> None:
        """Note the command of this run as a comment, unless it is the last one noted. Raises LogError."""
        text = one_line(command, _LONGEST_LINE)
        if self.commands()[-1:] != [text]:
            self._add(f"# {_now()} {text}", "the command of this run")

    def lock_for(self, script: str) -> AbstractContextManager[None]:
        """Return the lock that lets only one run of a script (`process`, `downloader`) work with this log."""
        self._check_kind()
        return held(self.lock_path(script))

    def lock_path(self, script: str) -> Path:
        """Return the path of a script's lock: beside the log itself, by whatever symbolic link that is named."""
        real = Path(os.path.realpath(self.path))
        return real.with_name(f"{real.name}.{script}.lock")

    def _check_kind(self) -> None:
        """Raise LogError for anything but one regular file under one name: a pipe would hang the run."""
        try:
            status = self.path.stat()
        except OSError:
            return  # reading or writing it raises the error
        if not stat.S_ISREG(status.st_mode):
            raise LogError(f"the log {self.path} is not a regular file: name another one with --log")
        if status.st_nlink > 1:
            raise LogError(
                f"the log {self.path} has {status.st_nlink} hard links, and two runs could use it under two names:"
                " remove the others, or copy it"
            )

    def _read(self) -> str:
        self._check_kind()
        try:
            with self._opened(os.O_RDONLY) as descriptor:
                self._catch_up(descriptor)
                with open(descriptor, "rb", closefd=False) as file:
                    text = file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            self._was_missing = True
            return ""
        except OSError as error:
            raise LogError(f"cannot read the log {self.path}: {error.strerror}") from None
        first = text.partition("\n")[0].removesuffix("\r")
        if first != HEADER and not HEADER.startswith(text):
            raise _not_a_log(self.path, first)
        return text

    def _add(self, line: str, what: str, job: Job | None = None) -> bool:
        """Add a line under the append lock; False if `job` is given and no longer the submission that it was."""
        is_new = os.O_CREAT | (os.O_EXCL if self._was_missing else 0)
        try:
            with self._opened(os.O_RDWR | os.O_APPEND | (0 if self._file else is_new)) as descriptor:
                if not lock(descriptor, self.path, seconds=PATIENCE):
                    raise LogError(f"another process locks the log {self.path}; not noted: {what}", Status.TRY_LATER)
                self._catch_up(descriptor)
                if job is not None and self._by_others.get(job.name, job.address) != job.address:
                    return False
                addition = f"{_lead(descriptor, self.path)}{line}\n".encode()
                _write_line(descriptor, addition)
                self._known, self._tail = os.fstat(descriptor).st_size, addition[-_TAIL:]
                self._sync(descriptor)
        except OSError as error:
            raise LogError(f"cannot write to the log {self.path}: {error.strerror}; not noted: {what}") from error
        return True

    @contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        try:
            descriptor = os.open(self.path, flags, 0o666)
        except (FileNotFoundError, FileExistsError) as error:
            if self._file or isinstance(error, FileExistsError):
                raise OSError(errno.ESTALE, _ANOTHER_FILE) from None
            raise
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _catch_up(self, descriptor: int) -> None:
        """Read what others added since the last look; raise OSError if this is not the same file any more."""
        status = os.fstat(descriptor)
        file = status.st_dev, status.st_ino
        if self._file is not None:
            tail = os.pread(descriptor, len(self._tail), self._known - len(self._tail))
            if file != self._file or tail != self._tail:
                raise OSError(errno.ESTALE, _ANOTHER_FILE)
            added = os.pread(descriptor, status.st_size - self._known, self._known)
            self._by_others |= submissions(added.decode("utf-8", errors="replace"))
        self._file = file
        end = os.pread(descriptor, _LONGEST_LINE, max(0, status.st_size - _LONGEST_LINE))
        self._known = status.st_size - len(end) + end.rfind(b"\n") + 1  # another run may be writing the line behind it
        self._tail = os.pread(descriptor, min(_TAIL, self._known), max(0, self._known - _TAIL))

    def _sync(self, descriptor: int) -> None:
        os.fsync(descriptor)
        if not self._is_named_on_disk:  # made now, or by a run that was killed before it could sync the name
            sync_folder(self.lock_path("process").parent)
            self._is_named_on_disk = True


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(event: Event, job: str, detail: str) -> str:
    return "\t".join((_now(), event.value, one_line(job), one_line(detail, _LONGEST_DETAIL)))


def _not_noted(event: Event, job: str, detail: str) -> str:
    """Return, for an error, an event that could not be written, and what to do then."""
    then = "adopt the job with --adopt" if event is Event.SUBMITTED else "run the same command again"
    return f"{event.value} {job} {detail}".rstrip() + f"; fix that, then {then}"


def _not_a_log(path: Path, first: str) -> LogError:
    message = f"{path} is not a job log: its first line is not {HEADER!r}"
    if HEADER in first:
        message += ", as an editor or a spreadsheet leaves it: save it as plain text in UTF-8, without BOM, quotes and"
        message += " tabs at the end of a line"
    else:
        message += ": is --log right? If it is, write that line at the top of the file again"
    return LogError(message)


def _lead(descriptor: int, path: Path) -> str:
    """Return what must stand before the next line: the header of a new log, or the end of an incomplete line."""
    length = os.fstat(descriptor).st_size
    start = os.pread(descriptor, 1000, 0).decode(errors="replace")
    if length <= len(HEADER) and HEADER.startswith(start):
        return HEADER[length:] + "\n"
    first = start.partition("\n")[0].removesuffix("\r")
    if first != HEADER:
        raise _not_a_log(path, first)
    end = os.pread(descriptor, _LONGEST_LINE, max(0, length - _LONGEST_LINE)).decode(errors="replace")
    if end.endswith("\n"):
        return ""
    return f"\n{TORN}\n" if is_torn(end) else "\n"


def _write_line(descriptor: int, line: bytes) -> None:
    """Write all of a line, or nothing: a line that lacks only its line end would count."""
    before = os.fstat(descriptor).st_size
    try:
        while line:
            line = line[os.write(descriptor, line) :]
    except OSError:
        os.ftruncate(descriptor, before)
        raise
