"""The job log: one line per event, only ever appended to, and the only state there is.

Both scripts find out by replaying it what was submitted, what is open, what was downloaded and what must not be
submitted again. An event is one append of one whole line under a lock of the file itself, and it is on disk before
the next step begins. The form of the lines is described in `lines`.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path

from peps_maja.disk import held, lock, sync_folder
from peps_maja.errors import LogError, Status
from peps_maja.joblog.events import BEGINNINGS, TURNS, Event
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.joblog.lines import HEADER, Damaged, Line, read_line
from peps_maja.products.names import is_same_acquisition, named_product
from peps_maja.products.series import Series
from peps_maja.text import one_line

_ANOTHER_FILE = (
    "it was moved, replaced, emptied or removed during this run: put it back, and run again (or its file system gives"
    " a file a new number now and then: keep the log on another one)"
)
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
        self._by_others: list[Line | Damaged] = []  # what others wrote since the first look
        self._unseen: list[Line | Damaged] = []  # of these, what the last replay has not seen
        self._is_named_on_disk = False

    def replay(self) -> Jobs:
        """Return the jobs of the log. Raises LogError."""
        self._check_kind()
        try:
            with self._opened(os.O_RDONLY) as descriptor:
                self._catch_up(descriptor)
                self._unseen = []
                with open(descriptor, encoding="utf-8", errors="replace", newline="\n", closefd=False) as file:
                    first = file.readline()
                    if first.rstrip("\r\n") != HEADER and not HEADER.startswith(first):
                        raise _not_a_log(self.path, first)
                    return Jobs.replay(chain([first], file))
        except FileNotFoundError:
            self._was_missing = True
            return Jobs()
        except OSError as error:
            raise LogError(f"cannot read the log {self.path}: {error.strerror}") from None

    def append(self, event: Event, job: str, detail: str = "") -> None:
        """Add one event, and return when it is on disk. Raises LogError if it cannot be."""
        self._add(event, job, detail, lambda: True)

    def begin(self, event: Event, job: str, detail: str = "") -> bool:
        """Add the event with which a job begins, if its acquisition still stands as the last replay saw it.

        Return False, and write nothing, if another run has begun, dropped or ended a job of the acquisition since (this
        is looked up under the append lock, so that of two runs at once only one begins it). Raises LogError.
        """
        return self._add(event, job, detail, lambda: not any(_is_about(line, job) for line in self._unseen))

    def append_if_current(self, event: Event, job: Job, detail: str = "") -> bool:
        """Add one event to a job that this run has replayed, if `job` is still its current submission.

        Return False, and write nothing, if another run has dropped, adopted, ended or resubmitted the job since: what
        it logged stands, and the caller leaves the job alone. Raises LogError.
        """
        return self._add(event, job.name, detail, lambda: self._is_current(job))

    def is_current(self, job: Job) -> bool:
        """Return True if the log still has a job that this run has replayed as it was. Raises LogError."""
        try:
            with self._opened(os.O_RDONLY) as descriptor:
                self._catch_up(descriptor)
        except OSError as error:
            raise LogError(f"cannot read the log {self.path}: {error.strerror}") from None
        return self._is_current(job)

    def note(self, command: str, jobs: Jobs) -> None:
        """Note the command of a search as a comment, unless `jobs` has it as the last one noted. Raises LogError."""
        text = one_line(command, _LONGEST_DETAIL)
        if jobs.commands[-1:] != [text]:
            self._write(f"# {_now()} {text}", f"not noted: {text}; fix that, then run it again", lambda: True)

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

    def _add(self, event: Event, job: str, detail: str, stands: Callable[[], bool]) -> bool:
        line = "\t".join((_now(), event.value, one_line(job), one_line(detail, _LONGEST_DETAIL)))
        then = "adopt the job with --adopt" if event is Event.SUBMITTED else "run the same command again"
        not_noted = f"not noted: {event.value} {job} {detail}".rstrip() + f"; fix that, then {then}"
        return self._write(line, not_noted, stands)

    def _write(self, line: str, not_noted: str, stands: Callable[[], bool]) -> bool:
        """Add a line under the append lock; False if what it is about does not stand any more."""
        is_new = os.O_CREAT | (os.O_EXCL if self._was_missing else 0)
        try:
            with self._opened(os.O_RDWR | os.O_APPEND | (0 if self._file else is_new)) as descriptor:
                if not lock(descriptor, self.path, seconds=PATIENCE):
                    raise LogError(f"another process locks the log {self.path}", Status.TRY_LATER)
                self._catch_up(descriptor)
                if not stands():
                    return False
                addition = f"{_lead(descriptor, self.path)}{line}\n".encode()
                _write_line(descriptor, addition)
                self._known, self._tail = os.fstat(descriptor).st_size, addition[-_TAIL:]
                os.fsync(descriptor)
                if not self._is_named_on_disk:  # made now, or by a run that was killed before it could sync the name
                    sync_folder(self.lock_path("process").parent)
                    self._is_named_on_disk = True
        except OSError as error:
            raise LogError(f"cannot write to the log {self.path}: {error.strerror}; {not_noted}") from error
        except LogError as error:
            raise LogError(f"{error}; {not_noted}", error.status) from error
        return True

    @contextmanager
    def _opened(self, flags: int) -> Iterator[int]:
        try:
            descriptor = os.open(os.path.realpath(self.path), flags, 0o666)  # a link's target may have to be made
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
            added = os.pread(descriptor, status.st_size - self._known, self._known).decode(errors="replace")
            lines = [read for line in added[: added.rfind("\n") + 1].split("\n") if (read := read_line(line))]
            self._by_others += lines
            self._unseen += lines
        self._file = file
        end = os.pread(descriptor, _LONGEST_LINE, max(0, status.st_size - _LONGEST_LINE))
        self._known = status.st_size - len(end) + end.rfind(b"\n") + 1  # another run may be writing the line behind it
        self._tail = os.pread(descriptor, min(_TAIL, self._known), max(0, self._known - _TAIL))

    def _is_current(self, job: Job) -> bool:
        """Return True if, by what others wrote of it since, a job is the submission that it was."""
        for line in reversed(self._by_others):
            if isinstance(line, Damaged):
                if job.name in line.names:
                    return False
            elif line.job == job.name and line.event in TURNS:
                return line.event in BEGINNINGS and line.detail.split(" ")[0] == job.address
        return True


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_about(line: Line | Damaged, job: str) -> bool:
    """Return True if a line says that a job of the same acquisition began or ended, or may say so."""
    if isinstance(line, Damaged):
        return job in line.names or job.startswith(tuple(line.pieces)) or not (line.names or line.pieces)
    if line.event not in TURNS:
        return False
    series, own, product = Series.parse(line.job), Series.parse(job), named_product(job)
    if series and own:
        return series.overlaps(own)
    covers = series and product and series.covers_days(product.tile, product.days, product.orbit)
    return bool(covers) or is_same_acquisition(line.job, job)


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
    return "" if os.pread(descriptor, 1, length - 1) == b"\n" else "\n"


def _write_line(descriptor: int, line: bytes) -> None:
    """Write all of a line, or nothing: a line that lacks only its line end would count."""
    before = os.fstat(descriptor).st_size
    try:
        while line:
            line = line[os.write(descriptor, line) :]
    except OSError:
        os.ftruncate(descriptor, before)
        raise
