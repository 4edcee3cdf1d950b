"""Files that the user names for a run to write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .errors import UsageError


def write_whole(path: Path, text: str) -> None:
    """Replace a file, through a symbolic link its target, whole or not at all; write to a device or pipe as it is.

    Raises UsageError.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8", errors="replace")
            return
        target = Path(os.path.realpath(path))
        part = target.with_name(f".peps_maja.{os.getpid()}.part")
        try:
            with part.open("w", encoding="utf-8", errors="replace") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if target.exists():
                part.chmod(stat.S_IMODE(target.stat().st_mode))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from None


def is_needed(path: Path, log: Path, auth: Path) -> bool:
    """Return True if `path` is, by whatever name, the log, one of its locks or the credentials file."""
    real, real_log = Path(os.path.realpath(path)), Path(os.path.realpath(log))
    is_lock = real.parent == real_log.parent and real.name.startswith(f"{real_log.name}.") and real.suffix == ".lock"
    return is_lock or any(real == Path(os.path.realpath(kept)) or _is_same(path, kept) for kept in (log, auth))


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there yet
        return False
