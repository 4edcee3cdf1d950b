"""The only writer to the terminal."""

from __future__ import annotations

import os
import re
import select
import shlex
import shutil
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from peps_maja.errors import UsageError
from peps_maja.text import one_line

Meter = Callable[[int, int | None], None]
"""Is given the bytes (or what else it counts) that are there, and how many it will be if that is known."""


class Console:
    """The only writer to the terminal. Standard output for what happened, standard error for what went wrong."""

    def __init__(self, script: str) -> None:
        self.quiet = self.verbose = False
        self._script = script
        self._lock = threading.RLock()  # a signal may print while a line is being written
        self._write: Callable[..., None] = print
        for stream in (sys.stdout, sys.stderr):
            if reconfigure := getattr(stream, "reconfigure", None):
                reconfigure(errors="replace", line_buffering=True)  # a terminal in Latin-1 has no "…"

    def info(self, line: str = "") -> None:
        """Show what a person at the terminal wants to see, and cron does not."""
        if not self.quiet:
            self._print(line, "stdout")

    def result(self, line: str) -> None:
        """Show what changed: also when quiet."""
        self._print(line, "stdout")

    def warning(self, line: str) -> None:
        """Show what a person has to know or to fix."""
        self._print(f"{self._script}: {one_line(line, 2000)}", "stderr")

    def reminder(self, line: str) -> None:
        """Warn of what an earlier run has warned of: not when quiet."""
        if not self.quiet:
            self.warning(line)

    def debug(self, what: str | BaseException) -> None:
        """Show what helps to find a fault, also the traceback of an error: only when verbose."""
        if not self.verbose:
            return
        if isinstance(what, BaseException):
            self._print("".join(traceback.format_exception(what)).rstrip(), "stderr")
        else:
            self._print(f"  {one_line(what, 2000)}", "stderr")

    def agrees(self, question: str) -> bool:
        """Ask a person; raise UsageError where there is no terminal to ask on or to show the question on."""
        is_terminal = bool(sys.stdin and sys.stdin.isatty())
        self._print(f"{question} [y/N] " if is_terminal else "", "stdout", end="")
        if not is_terminal or not sys.stdout:
            raise UsageError(f"{question} There is no terminal to ask on: -y says yes")
        # A signal that comes just before a read begins would have no effect until the read ends: so no read waits.
        while not select.select([sys.stdin], [], [], 0.2)[0]:
            pass
        answer = b""
        with suppress(OSError):  # the terminal is gone
            answer = sys.stdin.buffer.readline()
        if not answer.endswith(b"\n"):
            self._print("", "stdout")
        return answer.strip().lower() in {b"y", b"yes", b"o", b"oui"}

    @contextmanager
    def meter(self, name: str, unit: str = "B") -> Iterator[Meter]:
        """Show a progress bar for one download, on a terminal; nothing in a pipe, a file or a cron mail."""
        if self.quiet or not sys.stderr or not sys.stderr.isatty():
            yield lambda _length, _total: None
            return
        from tqdm import tqdm

        self._write = tqdm.write  # which knows of the bars
        # Because of the delay it writes only from `show`, where the error of a closed terminal is caught.
        bar = tqdm(desc=name, unit=unit, unit_scale=unit == "B", leave=False, dynamic_ncols=True, delay=0.1)

        def show(length: int, total: int | None) -> None:
            bar.total = total
            with suppress(OSError):
                bar.update(length - bar.n)

        try:
            yield show
        finally:
            with suppress(OSError):
                bar.clear()  # a line printed meanwhile has shown the bar again, which `close` may not know
                bar.close()

    def _print(self, line: str, name: str, end: str = "\n") -> None:
        # No control character reaches the terminal, whatever the line contains, and no account in an address.
        line = "".join(char if char.isprintable() or char == "\n" else " " for char in line)
        line = re.sub(r"//\S*@", "//", line)
        with self._lock:
            with suppress(OSError, ValueError):
                if stream := getattr(sys, name):  # else it was closed by the shell: `>&-`
                    self._write(line, file=stream, end=end)
            flush()


def command_for(script: str) -> str:
    """Return how to call another script from the current folder, in the way in which this one was called."""
    called = Path(sys.argv[0])
    name = script if called.suffix == ".py" else script.removesuffix(".py")
    if shutil.which(called.name) == sys.argv[0] and shutil.which(name):
        return name
    path = os.path.join(os.path.dirname(sys.argv[0]), name)  # noqa: PTH118, PTH120 - a Path would lose the `./`
    return shlex.join([sys.orig_argv[0], path if Path(path).exists() else str(called.resolve().with_name(script))])


def flush() -> None:
    """Write what is still in the buffers, so that Python has no error to show at its end.

    A stream that cannot be written (disk full, closed terminal, `| head`) counts as closed from then on.
    """
    for name in ("stdout", "stderr"):
        try:
            if stream := getattr(sys, name):
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # for what is still in the buffer
            setattr(sys, name, None)
