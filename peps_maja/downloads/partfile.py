"""The part of a zip that is there already: kept for the next try or the next run, locked, and renamed when complete.

`NAME.zip.part` holds the bytes; beside it `NAME.zip.part.json` says of which remote file they are.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from io import BufferedReader
from pathlib import Path
from typing import Self

from peps_maja.disk import lock, sync_folder
from peps_maja.errors import AlreadyRunning, DiskFull, PepsError
from peps_maja.text import size

LARGEST = 20_000_000_000  # bytes of a result; no product has that
_LEFT_FREE = 2_000_000_000  # bytes of the disk (or a twentieth of it) that a file of unknown length leaves free
_TRIES = 20  # to open a part that other runs, one after the other, have given its final name meanwhile
_LONGEST_SHOWN = 500  # characters of a path in a message
_SEND_OFF_EVERY = 8 * 1024 * 1024  # bytes
# No room on the disk, in the quota, or under the limit of the largest file (`ulimit -f`).
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class Remote:
    """What identifies a file on the server: its length in bytes, and its validators where it gives them."""

    length: int | None = None
    etag: str = ""
    modified: str = ""

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str]) -> Self:
        """Return which file an answer is of (a 206 or 416 names the whole length in Content-Range)."""
        length = headers.get("Content-Length" if status == 200 else "Content-Range", "").rpartition("/")[2]
        is_plain = headers.get("Content-Encoding", "identity") == "identity"
        return cls(
            length=int(length[:30]) if length.isdecimal() and is_plain else None,
            etag=headers.get("ETag", ""),
            modified=headers.get("Last-Modified", ""),
        )

    @property
    def validator(self) -> str:
        """What an If-Range may carry: a strong entity tag or a date (RFC 9110, section 13.1.5), or nothing."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.modified

    def may_be(self, other: Remote) -> bool:
        """Return True if nothing speaks against both being the same file."""
        pairs = ((self.length, other.length), (self.etag, other.etag), (self.modified, other.modified))
        return all(mine == theirs or not mine or not theirs for mine, theirs in pairs)


class PartFile:
    """An open, locked `.part` file. Made by `part_of`."""

    def __init__(self, final: Path, descriptor: int) -> None:
        self.final = final
        self.path = _part_path(final)
        self.remote = _read_remote(_remote_path(final))
        self.length = os.fstat(descriptor).st_size
        self.was_continued = self.length > 0
        self._sent_off = self.length  # bytes that are on their way to disk
        self._descriptor = descriptor

    def restart(self, remote: Remote) -> None:
        """Throw away what is there: what comes now is `remote`, from its first byte."""
        self._need_own_path()
        os.ftruncate(self._descriptor, 0)
        self.length = self._sent_off = 0
        self.was_continued = False
        self.remote = remote
        with plainly("write", _remote_path(self.final)):
            _remote_path(self.final).write_text(json.dumps(asdict(remote)))

    def make_room(self, remote: Remote, next_bytes: int = 0) -> None:
        """Raise DiskFull if the disk has no room for what is still to come of `remote`, PepsError if no disk should.

        Where its length is unknown, `next_bytes` are still to come, and may be the last or not.
        """
        if max(remote.length or 0, self.length + next_bytes) > LARGEST:
            if remote.length is None:
                self.drop()
            raise PepsError(
                f"{self.final} is not fetched: the server sends more than {size(LARGEST)} for it, which no product"
                " has; the next run asks again, tell the service if it stays so"
            )
        with plainly("write", self.path):
            total, _, free = shutil.disk_usage(self.path.parent)
        # One of unknown length may never end: it leaves as much as it takes, up to a limit, to those behind it.
        left = min(_LEFT_FREE, total // 20, self.length)
        wanted = left + next_bytes if remote.length is None else remote.length - self.length
        if wanted > free:
            raise DiskFull(
                f"no room for {self.final}: {size(wanted)} are still to come and {size(free)} are free; what came"
                " is kept, make room and the next run goes on"
            )

    def write(self, chunk: bytes) -> None:
        """Add what came. Raises DiskFull; what was written before stays."""
        left = memoryview(chunk)
        with plainly("write", self.final):
            while left:
                written = os.pwrite(self._descriptor, left, self.length)
                self.length += written
                left = left[written:]
        if self.length - self._sent_off >= _SEND_OFF_EVERY:
            self._send_off()

    def content(self) -> BufferedReader:
        """Open what is there for reading: this very file, whatever became of its name."""
        return os.fdopen(os.dup(self._descriptor), "rb")

    def publish(self) -> int:
        """Give the complete, checked file its final name, and return its size when file and name are on disk."""
        self._need_own_path()
        with plainly("write", self.final):
            os.fsync(self._descriptor)
            self.path.rename(self.final)
            sync_folder(self.final.parent)
            _remote_path(self.final).unlink(missing_ok=True)
        return self.length

    def drop(self) -> None:
        """Remove the part: nothing of it is worth keeping."""
        with plainly("remove", self.path):
            if _is_still_at(self.path, self._descriptor):
                self.path.unlink(missing_ok=True)
                _remote_path(self.final).unlink(missing_ok=True)

    def _need_own_path(self) -> None:
        """Raise PepsError if the part was removed meanwhile: what is at its path now is another run's."""
        if not _is_still_at(self.path, self._descriptor):
            raise PepsError(f"{self.path} was removed during the download: the next run begins it again")

    def _send_off(self) -> None:
        """Have the system bring to disk what came while more comes: else `publish` waits for all of it at the end."""
        with suppress(AttributeError, OSError):  # not every system takes such advice
            os.posix_fadvise(self._descriptor, self._sent_off, self.length - self._sent_off, os.POSIX_FADV_DONTNEED)
        self._sent_off = self.length


@contextmanager
def part_of(final: Path) -> Iterator[PartFile]:
    """Open and lock the part of the file that will be `final`; raise AlreadyRunning if another run is at it."""
    path = _part_path(final)
    for used in (final, path, _remote_path(final)):
        _refuse_odd(used)
    for _ in range(_TRIES):
        with plainly("write", path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not lock(descriptor, path):
                raise AlreadyRunning(f"another run is downloading {final}: nothing to do before it ends")
            if not _is_still_at(path, descriptor):
                continue  # that other run has just given it its final name
            part = PartFile(final, descriptor)
            try:
                yield part
            finally:
                if not part.length:
                    part.drop()
            return
        finally:
            os.close(descriptor)
    raise PepsError(
        f"{path} is another file at each look, as on a file system without stable inode numbers: name a folder on"
        " another one with --write-dir"
    )


@contextmanager
def plainly(action: str, path: Path) -> Iterator[None]:
    """Turn an error of the disk, while we "read", "write" or "remove" what is at `path`, into one of ours."""
    shown = str(path) if len(str(path)) < _LONGEST_SHOWN else f"…{str(path)[-_LONGEST_SHOWN:]}"
    try:
        yield
    except UnicodeEncodeError as error:
        raise PepsError(f"cannot {action} {shown}: this locale has no such name; set LC_ALL=C.UTF-8") from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFull(
                f"no room for {shown} ({error.strerror}): what came is kept, make room and the next run goes on"
            ) from error
        raise PepsError(f"cannot {action} {shown}: {error.strerror}; fix that, the next run tries again") from error


def _refuse_odd(path: Path) -> None:
    """Raise PepsError if what is at `path` is not a regular file: to open a pipe could take for ever."""
    with plainly("read", path), suppress(FileNotFoundError):
        if not stat.S_ISREG(path.stat().st_mode):
            raise PepsError(f"{path} is a folder, pipe or device: move it away, the next run tries again")


def _part_path(final: Path) -> Path:
    return final.with_name(final.name + ".part")


def _remote_path(final: Path) -> Path:
    return final.with_name(final.name + ".part.json")


def _read_remote(path: Path) -> Remote:
    try:
        fields = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError):
        fields = None
    match fields:
        case {"length": int() | None as length, "etag": str() as etag, "modified": str() as modified}:
            return Remote(length, etag, modified)
    return Remote()  # nothing is known of it; the checksums inside the zip will tell


def _is_still_at(path: Path, descriptor: int) -> bool:
    try:
        named = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino)
