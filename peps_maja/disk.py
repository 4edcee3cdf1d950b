"""Files that are on disk when a function returns, and locks that end with the process that holds them."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from filelock import lock_descriptor

from peps_maja.errors import AlreadyRunning, LogError, UsageError


def write_whole(path: Path, text: str) -> None:
    """Replace a file, through a symbolic link its target, whole or not at all; write to a device or pipe as it is.

    Raises UsageError.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", errors="replace")
            return
        with replacing(path) as file:
            file.write(text.encode(errors="replace"))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


@contextmanager
def replacing(path: Path, part_name: str = "") -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` (of a symbolic link, its target) when the `with` ends without error.

    Until then, and after an error, what was there stays as it was. It is first written under `part_name`, which only
    one process may use at once; without one, under a name of this process. Raises OSError.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(part_name or f".peps_maja.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            part.chmod(stat.S_IMODE(target.stat().st_mode))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network and FUSE file systems cannot sync a folder, and have nothing better.
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EBADF}:
            raise
    finally:
        os.close(descriptor)


def lock(descriptor: int, path: Path, *, wait: bool) -> bool:
    """Lock an open file until it is closed; False if another process holds it and `wait` is False.

    Raises LogError where the file system (of `path`, named in the message) has no real locks: any other kind
    would remain after a crash, or let two runs work at once.
    """
    try:
        return lock_descriptor(descriptor, blocking=wait, poll_interval=0.005)
    except OSError as error:
        raise LogError(
            f"{path}: its file system has no locks ({error.strerror}), and without them two runs could do the same"
            " job twice: keep log and products on a disk that has them"
        ) from None


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file at `path` for the length of a `with`; raise AlreadyRunning if another run has it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise LogError(f"cannot make the lock file {path}: {error.strerror}") from None
    try:
        if not lock(descriptor, path, wait=False):
            raise AlreadyRunning(f"another run holds {path}: nothing to do before it ends")
        yield
    finally:
        os.close(descriptor)
