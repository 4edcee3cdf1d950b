"""Files that are on disk when a function returns, and locks that end with the process that holds them."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from filelock import lock_descriptor

from peps_maja.errors import LogError, PepsError, Status, UsageError

_STREAMS = {"/dev/stdout": "/dev/fd/1", "/dev/stderr": "/dev/fd/2"}


def write_whole(path: Path, text: str) -> None:
    """Replace a file (of a symbolic link, its target), whole or not at all. Raises UsageError."""
    try:
        # A device or pipe is added to as it is; a stream of the process, whatever file the shell has led it to, at the
        # place where it stands, for what is printed follows there.
        stream = re.fullmatch("/(?:dev|proc/self)/fd/([0-9]{1,4})", _STREAMS.get(str(path), str(path)))
        if stream or (path.exists() and not path.is_file()):
            descriptor = os.dup(int(stream[1])) if stream else os.open(path, os.O_WRONLY)
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as device:
                device.write(text)
        else:
            with replacing(path) as file:
                file.write(text.encode(errors="replace"))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of `path` (of a symbolic link, its target) when the `with` ends without error.

    Until then, and after an error, what was there stays as it was. Raises OSError. Of two runs at once the later wins.
    """
    target = Path(os.path.realpath(path))
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)  # a run that was killed has left it
    with part.open("xb") as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            with suppress(OSError):  # there is no target yet, or its file system knows no modes (CIFS and the like)
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            if is_at(part, file.fileno()):
                part.replace(target)
        finally:
            if is_at(part, file.fileno()):
                part.unlink()


def is_at(path: Path, descriptor: int) -> bool:
    """Return True if an open file is still the one that has this path."""
    with suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False


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


def lock(descriptor: int, path: Path, *, seconds: float = 0) -> bool:
    """Lock an open file until it is closed; return False if another process still has it after so many seconds.

    Raises LogError if it cannot be locked: there is no other kind of lock that ends with its process.
    """
    give_up_at = time.monotonic() + seconds
    try:
        while not lock_descriptor(descriptor, blocking=False):
            if time.monotonic() >= give_up_at:
                return False
            time.sleep(0.005)
    except OSError as error:
        how = "look at its disk: it has to have locks, or two runs could do the same job twice"
        raise LogError(f"cannot lock {path}: {error.strerror}; {how}") from error
    return True


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file at `path` for the length of a `with`; raise PepsError (TRY_LATER) if another run has it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        message = f"cannot open the lock file {path}: {error.strerror}"
        if isinstance(error, FileNotFoundError):
            message += f"; make the folder {path.parent}, or fix --log"
        with suppress(OSError, KeyError):
            owner = path.owner()
            message += f"; it is {owner}'s: have it removed while no run is at work, or run as {owner}"
        raise LogError(message) from None
    try:
        if not lock(descriptor, path):
            raise PepsError(f"another run holds {path}: nothing to do before it ends", Status.TRY_LATER)
        yield
    finally:
        os.close(descriptor)
