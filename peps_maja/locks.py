"""Locks that end with their owner: the operating system's own, on files that are left where they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import lock_descriptor

from .errors import AlreadyRunning, LogError


def lock(descriptor: int, path: Path, *, wait: bool) -> bool:
    """Lock an open file until it is closed; False if another process holds it and `wait` is not wanted.

    Raises LogError where the file system (of `path`, named in the message) has no real locks: a softer kind
    would outlive a crash, or let two runs meet.
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
