"""The part of a zip that is there already, `NAME.zip.part`, locked, and renamed when complete.

`NAME.zip.part.json` says of which remote file it is. What is a link is refused: it could lead to any file of the user.
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

from peps_maja.disk import is_at, lock, sync_folder
from peps_maja.errors import DiskFull, PepsError, Status
from peps_maja.text import size

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
        is_known = length.isdecimal() and is_plain
        return cls(int(length[:30]) if is_known else None, headers.get("ETag", ""), headers.get("Last-Modified", ""))

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

    def __init__(self, final: Path, path: Path, descriptor: int) -> None:
        self.final = final
        self.path = path
        self._beside = path.with_name(f"{path.name}.json")
        self.remote = Remote()  # unknown unless the file beside the part says it: the checksums in the zip will tell
        with suppress(PepsError, ValueError, RecursionError), os.fdopen(_open_own(self._beside, os.O_RDONLY)) as file:
            match json.load(file):
                case {"length": int() | None as length, "etag": str() as etag, "modified": str() as modified}:
                    self.remote = Remote(length, etag, modified)
        self.length = os.fstat(descriptor).st_size
        self.was_continued = self.length > 0
        self._descriptor = descriptor

    def restart(self, remote: Remote) -> None:
        """Throw away what is there: what comes now is `remote`, from its first byte. Raises what `expect` raises."""
        os.ftruncate(self._descriptor, 0)
        self.length = 0
        self.was_continued = False
        self.expect(remote)

    def expect(self, remote: Remote) -> None:
        """Note on disk of which remote file the bytes are; raise DiskFull if there is no room for the rest of it."""
        self.remote = remote
        with plainly("write", self.final), os.fdopen(_open_own(self._beside, os.O_WRONLY | os.O_CREAT), "w") as file:
            file.truncate()
            file.write(json.dumps(asdict(remote)))
        need_room(self.final, (remote.length or 0) - self.length)

    def write(self, chunk: bytes) -> None:
        """Add what came. Raises DiskFull; what was written before stays."""
        left = memoryview(chunk)
        with plainly("write", self.final):
            while left:
                written = os.pwrite(self._descriptor, left, self.length)
                self.length += written
                left = left[written:]

    def content(self) -> BufferedReader:
        """Open what is there for reading: this very file, whatever became of its name."""
        return os.fdopen(os.dup(self._descriptor), "rb")

    def publish(self) -> int:
        """Give the complete, checked file its final name, and return its size when file and name are on disk."""
        if not is_at(self.path, self._descriptor):  # what is at its path now is another run's
            raise PepsError(f"{self.path} was removed during the download: the next run begins it again")
        with plainly("write", self.final):
            os.fsync(self._descriptor)
            self.path.rename(self.final)
            sync_folder(self.final.parent)
            self._beside.unlink(missing_ok=True)
        return self.length

    def drop(self) -> None:
        """Remove the part: nothing of it is worth keeping."""
        with plainly("remove", self.path):
            if is_at(self.path, self._descriptor):
                self.path.unlink(missing_ok=True)
                with suppress(IsADirectoryError):  # that was told
                    self._beside.unlink(missing_ok=True)


@contextmanager
def part_of(final: Path) -> Iterator[PartFile]:
    """Open and lock the part of the file that will be `final`; raise PepsError (TRY_LATER) if another run is at it."""
    path = final.with_name(f"{final.name}.part")
    for _ in range(20):  # other runs may have given it its final name, one after the other
        descriptor = _open_own(path, os.O_RDWR | os.O_CREAT)
        try:
            if not lock(descriptor, path):
                raise PepsError(f"another run is downloading {final}: nothing to do before it ends", Status.TRY_LATER)
            if not is_at(path, descriptor):
                continue
            part = PartFile(final, path, descriptor)
            try:
                yield part
            finally:
                if not part.length:
                    part.drop()
            return
        finally:
            os.close(descriptor)
    raise PepsError(f"{path} is never the file just opened: its file system changes the numbers of files; change -w")


def need_room(path: Path, length: int) -> None:
    """Raise DiskFull if there is no room on the disk of `path` for so many bytes more."""
    with plainly("write", path):
        disk = shutil.disk_usage(path.parent)
    if disk.total and length > disk.free:  # some network and FUSE file systems tell 0 for both
        needed = f"{size(length)} are still to come and {size(disk.free)} are free"
        raise DiskFull(f"no room for {path}: {needed}; what came is kept, make room and the next run goes on")


@contextmanager
def plainly(action: str, path: Path) -> Iterator[None]:
    """Turn an error of the disk, while we "read", "write", "sync" or "remove" what is at `path`, into one of ours."""
    try:
        yield
    except UnicodeEncodeError as error:
        raise PepsError(f"cannot {action} {path}: this locale has no such name; set LC_ALL=C.UTF-8") from error
    except OSError as error:
        if error.errno in _NO_ROOM:
            full = f"no room for {path} ({error.strerror}): what came is kept, make room and the next run goes on"
            raise DiskFull(full) from error
        # The path may be too long to be shown.
        raise PepsError(f"{error.strerror}: cannot {action} {path}; fix that, the next run tries again") from error


def _open_own(path: Path, flags: int) -> int:
    """Open a regular file that has no other name; raise PepsError for a link, and for a pipe, which could hang."""
    with plainly("write", path):
        try:
            descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
            status = os.fstat(descriptor)
            if stat.S_ISREG(status.st_mode) and status.st_nlink <= 1:
                return descriptor
            os.close(descriptor)
        except OSError as error:
            if error.errno not in {errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EMLINK}:
                raise
    raise PepsError(f"{path} is a link, folder, pipe or device: move it away, the next run tries again")
