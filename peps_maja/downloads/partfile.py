"""The part of a zip that is there already: kept for the next try or the next run, locked, and renamed when complete.

`NAME.zip.part` holds the bytes; beside it `NAME.zip.part.json` says of which remote file they are. Both are regular
files of their own: what a link leads to could be anything of the user's.
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
from peps_maja.errors import DiskFull, PepsError, Status
from peps_maja.text import size

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
        self.note(remote)

    def note(self, remote: Remote) -> None:
        """Keep in mind, on disk, of which remote file the bytes are."""
        self.remote = remote
        descriptor = _open_own(_remote_path(self.final), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        with plainly("write", self.final), os.fdopen(descriptor, "w") as file:
            file.write(json.dumps(asdict(remote)))

    def make_room(self) -> None:
        """Raise DiskFull if the disk has no room for what is still to come, as far as that is known."""
        with plainly("write", self.path):
            disk = shutil.disk_usage(self.path.parent)
        to_come = (self.remote.length or 0) - self.length
        if disk.total and to_come > disk.free:  # some network and FUSE file systems tell 0 for both
            raise DiskFull(
                f"no room for {self.final}: {size(to_come)} are still to come and {size(disk.free)} are free; what came"
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
            # Have the system bring it to disk while more comes: else `publish` waits for all of it at the end.
            with suppress(AttributeError, OSError):  # not every system takes such advice
                length = self.length - self._sent_off
                os.posix_fadvise(self._descriptor, self._sent_off, length, os.POSIX_FADV_DONTNEED)
            self._sent_off = self.length

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
                with suppress(IsADirectoryError):  # that was told
                    _remote_path(self.final).unlink(missing_ok=True)

    def _need_own_path(self) -> None:
        """Raise PepsError if the part was removed meanwhile: what is at its path now is another run's."""
        if not _is_still_at(self.path, self._descriptor):
            raise PepsError(f"{self.path} was removed during the download: the next run begins it again")


@contextmanager
def part_of(final: Path) -> Iterator[PartFile]:
    """Open and lock the part of the file that will be `final`; raise PepsError (TRY_LATER) if another run is at it."""
    path = _part_path(final)
    for _ in range(_TRIES):
        descriptor = _open_own(path, os.O_RDWR | os.O_CREAT)
        try:
            if not lock(descriptor, path):
                raise PepsError(f"another run is downloading {final}: nothing to do before it ends", Status.TRY_LATER)
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


def _open_own(path: Path, flags: int) -> int:
    """Open a regular file that has no other name; raise PepsError for a link, and for a pipe, which could hang."""
    with plainly("write", path):
        try:
            descriptor = os.open(path, flags & ~os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and status.st_nlink <= 1:
                if flags & os.O_TRUNC:
                    os.ftruncate(descriptor, 0)
                return descriptor
            os.close(descriptor)
        except OSError as error:
            if error.errno not in {errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EMLINK}:
                raise
    raise PepsError(f"{path} is a link, folder, pipe or device: move it away, the next run tries again")


def _part_path(final: Path) -> Path:
    return final.with_name(final.name + ".part")


def _remote_path(final: Path) -> Path:
    return final.with_name(final.name + ".part.json")


def _read_remote(path: Path) -> Remote:
    try:
        with os.fdopen(_open_own(path, os.O_RDONLY)) as file:
            fields = json.load(file)
    except (PepsError, OSError, ValueError, RecursionError):
        fields = None
    match fields:
        case {"length": int() | None as length, "etag": str() as etag, "modified": str() as modified}:
            return Remote(length, etag, modified)
    return Remote()  # nothing is known of it; the checksums inside the zip will tell


def _is_still_at(path: Path, descriptor: int) -> bool:
    try:
        named = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino)
