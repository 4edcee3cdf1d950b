"""The job log: one line per event, only ever appended to, under a lock of its own, and the only state there is."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from itertools import chain
from pathlib import Path

from peps_maja.disk import held, lock, sync_folder
from peps_maja.errors import LogError, Status
from peps_maja.joblog.events import BEGINNINGS, TURNS, Event
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.joblog.lines import HEADER, Damaged, Line, read_line
from peps_maja.products.names import is_one_pass, named_product
from peps_maja.products.series import Series
from peps_maja.text import one_line

_ANOTHER_FILE = "it was moved, replaced or emptied (or its file system changes the numbers of files): put it back"
PATIENCE = 30.0  # seconds for another process to give the append lock back
_LONGEST_DETAIL = 20_000  # characters
_TAIL = 100  # bytes by which a run knows the file again

News = Sequence[Line | Damaged]  # what others wrote of jobs since the last replay


class JobLog:
    """The log file at `path`, which need not exist yet; one moved, replaced or emptied in the run is a LogError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: tuple[int, int] | None = None  # device and inode, once this run has seen it
        self._known = 0  # bytes of whole lines that this run has read, or has written itself
        self._tail = b""  # the last of them
        self._by_others = b""  # what others wrote since the last replay

    def replay(self) -> Jobs:
        """Return the jobs of the log. Raises LogError."""
        self._check_kind()
        try:
            with self.path.open(encoding="utf-8", errors="replace", newline="\n") as file:
                self._read_on(file.fileno())
                self._by_others = b""
                first = file.readline()
                if first.rstrip("\r\n") == HEADER or HEADER.startswith(first):
                    return Jobs.replay(chain([first], file))
        except OSError as error:
            if self._file is None and isinstance(error, FileNotFoundError):
                return Jobs()
            raise LogError(f"cannot read the log {self.path}: {error.strerror}") from None
        raise LogError(
            f"{self.path} is not a job log: is --log right? If it is, its first line must be {HEADER!r} again, in plain"
            " text in UTF-8, without BOM, quotes and tabs at its end"
        )

    def append(self, event: Event, job: str, detail: str = "", if_: Callable[[News], bool] = lambda _: True) -> bool:
        """Add one event if `if_` (asked under the lock), and return True when it is on disk. Raises LogError."""
        line = "\t".join(("", event.value, one_line(job), one_line(detail, _LONGEST_DETAIL)))
        then = "adopt the job with --adopt" if event is Event.SUBMITTED else "run the same command again"
        return self._write("", line, f"{event.value} {job} {detail}".rstrip() + f"; fix that, then {then}", if_)

    def begin(self, event: Event, job: str, detail: str = "") -> bool:
        """Add the event with which a job begins; return False if another run began or ended one of its acquisition."""
        return self.append(event, job, detail, lambda news: not any(_is_about(line, job) for line in news))

    def tell_and_append(self, event: Event, job: Job, detail: str, tell: Callable[[], None]) -> bool:
        """Tell what happened to a job, then add it; return False if another run changed the job since the replay."""

        def is_told(news: News) -> bool:
            for line in reversed(news):
                if isinstance(line, Damaged):
                    if job.name in line.names:
                        return False
                elif line.job == job.name and line.event in TURNS:
                    if line.event not in BEGINNINGS or line.detail.split(" ")[0] != job.address:
                        return False
                    break
            tell()
            return True

        return self.append(event, job.name, detail, is_told)

    def note(self, command: str, jobs: Jobs) -> None:
        """Note the command of a search as a comment, unless `jobs` has it as the last one noted. Raises LogError."""
        text = one_line(command, _LONGEST_DETAIL)
        if jobs.commands[-1:] != [text]:
            self._write("# ", f" {text}", f"{text}; fix that, then run it again", lambda _: True)

    def lock_for(self, script: str) -> AbstractContextManager[None]:
        """Return the lock that lets only one run of a script (`process`, `downloader`) work with this log."""
        self._check_kind()
        real = Path(os.path.realpath(self.path))  # one lock, by whatever symbolic link the log is named
        return held(real.with_name(f"{real.name}.{script}.lock"))

    def _check_kind(self) -> None:
        """Raise LogError for anything but one regular file under one name: a pipe would hang the run."""
        try:
            status = self.path.stat()
        except OSError:
            return  # reading or writing it raises the error
        if not stat.S_ISREG(status.st_mode):
            raise LogError(f"the log {self.path} is not a regular file: name another one with --log")
        if (links := status.st_nlink) > 1:  # two runs could use it under two names
            raise LogError(f"the log {self.path} has {links} hard links: remove the others, or copy it")

    def _write(self, before: str, line: str, not_noted: str, if_: Callable[[News], bool]) -> bool:
        """Add a line with its time under the append lock, all of it or nothing; return False if not `if_`."""
        path = Path(os.path.realpath(self.path))  # a link's target may have to be made
        flags = os.O_RDWR | os.O_APPEND | (0 if self._file else os.O_CREAT)
        try:
            with os.fdopen(os.open(path, flags, 0o666), "rb", buffering=0) as file:
                descriptor = file.fileno()
                if not lock(descriptor, self.path, seconds=PATIENCE):
                    raise LogError(f"another process locks the log {self.path}", Status.TRY_LATER)
                self._read_on(descriptor)
                others = self._by_others.decode(errors="replace").split("\n")
                if not if_([read for each in others if (read := read_line(each))]):
                    return False
                end = os.fstat(descriptor).st_size
                lead = "" if os.pread(descriptor, 1, max(0, end - 1)) == b"\n" else f"{HEADER[end:]}\n"
                time = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
                whole = left = f"{lead}{before}{time}{line}\n".encode()
                try:
                    while left:
                        left = left[os.write(descriptor, left) :]
                    os.fsync(descriptor)
                    sync_folder(path.parent)
                except OSError:
                    os.ftruncate(descriptor, end)
                    raise
                self._known, self._tail = end + len(whole), whole[-_TAIL:]
                return True
        except OSError as error:
            raise LogError(f"cannot write to the log {self.path}: {error.strerror}; not noted: {not_noted}") from error
        except LogError as error:
            raise LogError(f"{error}; not noted: {not_noted}", error.status) from error

    def _read_on(self, descriptor: int) -> None:
        """Read what others added since the last look; raise OSError if this is not the same file any more."""
        status = os.fstat(descriptor)
        file = status.st_dev, status.st_ino
        tail = os.pread(descriptor, len(self._tail), self._known - len(self._tail))
        if (self._file or file) != file or tail != self._tail:
            raise OSError(errno.ESTALE, _ANOTHER_FILE)
        added = os.pread(descriptor, status.st_size - self._known, self._known)
        added = added[: added.rfind(b"\n") + 1]  # another run may be writing the line behind it
        self._file, self._known, self._tail = file, self._known + len(added), (self._tail + added)[-_TAIL:]
        self._by_others += added


def _is_about(line: Line | Damaged, job: str) -> bool:
    """Return True if a line says that a job of the same acquisition began or ended, or may say so."""
    if isinstance(line, Damaged):
        return job in line.names or job.startswith(tuple(line.pieces)) or not (line.names or line.pieces)
    if line.event not in TURNS:
        return False
    series, own = Series.parse(line.job), Series.parse(job)
    if series and own:
        return series.overlaps(own)
    product, other = named_product(job), named_product(line.job)
    if (named := product or other) and (span := series or own):
        return span.covers_days(named.tile, named.days, named.orbit)
    return line.job == job or bool(product and other and is_one_pass(product, other))
