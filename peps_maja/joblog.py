"""The job log: one line per event, only ever appended to, and the only state there is.

Whoever has the file has everything: both scripts find out by replaying it what was submitted, what is open,
what was fetched and what must not be asked for again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timezone
from pathlib import Path

from .errors import LogError
from .jobs import HEADER, TORN, Event, Jobs
from .locks import held, lock
from .text import one_line


class JobLog:
    """The log file at `path`, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_named_on_disk = False

    def replay(self) -> Jobs:
        """Return the jobs of the log. Raises LogError."""
        return Jobs.replay(self._read())

    def append(self, event: Event, job: str, detail: str = "") -> None:
        """Add one event, and return when it is on disk. Raises LogError if it cannot be."""
        line = "\t".join(
            (
                datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                event.value,
                one_line(job),
                one_line(detail, 20_000),
            )
        )
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
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            lock(descriptor, self.path, wait=True)
            yield descriptor
            os.fsync(descriptor)
            if not self._is_named_on_disk:  # made now, or by a run that was killed before it could sync the name
                sync_folder(self.path.parent)
                self._is_named_on_disk = True
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
    return "" if os.pread(descriptor, 1, length - 1) == b"\n" else f"\n{TORN}\n"


def _write_whole(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]
