"""The frame of a run: from its arguments to its exit status, with signals and errors on the way."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

from peps_maja.console import Console, flush
from peps_maja.dependencies import advice
from peps_maja.downloads import WORKER
from peps_maja.errors import Interrupted, LogError, PepsError, Status, UsageError
from peps_maja.options import Options, number

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # the last: the terminal was closed
_Options = TypeVar("_Options", bound=Options)


class Signals:
    """Turns Ctrl-C, SIGTERM and SIGHUP into Interrupted: at once, or after the block that must not be cut."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._deferring = False
        self._first: Status | None = None
        for each in _SIGNALS:
            if signal.getsignal(each) is not signal.SIG_IGN:  # nohup and the like have their way
                signal.signal(each, self._arrive)
        sys.unraisablehook = self._ignored

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the block come to its end before a first signal has effect; a second one cuts it."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        if self._first is not None:
            raise Interrupted(self._first)

    def _arrive(self, arrived: int, _frame: FrameType | None) -> None:
        if self._first is not None and not self._deferring:  # the first one is being handled: both are one
            _leave_interrupted(self._first, self._console)
        if self._first is None:
            self._first = Status(128 + arrived)
            if self._deferring:
                self._console.warning(
                    "waiting for the answer to the job just submitted; a second signal leaves it unsure"
                )
                return
        raise Interrupted(self._first)

    def _ignored(self, unraisable: sys.UnraisableHookArgs) -> None:
        """End the run where an interruption came while an object was cleared away: Python ignores errors there."""
        if self._first is not None and issubclass(unraisable.exc_type, Interrupted):
            _leave_interrupted(self._first, self._console)
        sys.__unraisablehook__(unraisable)


def run(
    script: str,
    read_options: Callable[[Sequence[str] | None], _Options],
    arguments: Sequence[str] | None,
    story: Callable[[_Options, Console, Signals], Status],
) -> int:
    """Run a script from its arguments to its exit status; every error ends here, as one line."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # what libraries say of each other is not for the reader of a cron mail
    console = Console(script)
    try:
        signals = Signals(console)
        try:
            try:
                Path.cwd()
            except OSError as error:
                raise UsageError(f"the working folder cannot be used ({error.strerror}): cd to another one") from None
            options = read_options(arguments)
            console.quiet, console.verbose = options.quiet, options.verbose
            status = story(options, console, signals)
        except SystemExit as end:  # of --help and --version
            status = Status(int(end.code or 0))
        except Exception as error:
            status = tell(error, console)
        for each in _SIGNALS:  # all is done, and the exit status stands
            signal.signal(each, signal.SIG_IGN)
    except (Interrupted, KeyboardInterrupt) as interruption:
        _leave_interrupted(next(iter(interruption.args), Status.INTERRUPTED), console)
    flush()
    if any(thread.name.startswith(WORKER) for thread in threading.enumerate()):
        os._exit(int(status))  # the run had to end before its threads, which may sit in a read as long as the time-out
    return int(status)


def tell(error: Exception, console: Console) -> Status:
    """Show an error and return its status; when quiet, only one that a person has to know or to fix."""
    say = console.warning
    if isinstance(error, PepsError):
        message, status = str(error), error.status
        if status is Status.TRY_LATER and not isinstance(error, LogError):  # which says what was not noted
            say = console.reminder
    elif isinstance(error, (ImportError, AttributeError, TypeError)) and (lacking := advice()):
        message, status = lacking, Status.UNUSABLE
    elif isinstance(error, OSError) and error.filename:
        message, status = f"cannot use {error.filename}: {error.strerror}; fix that, or name another", Status.UNUSABLE
    elif isinstance(error, RuntimeError) and "new thread" in str(error):
        message, status = "no more threads can be started (ulimit -u): end other programs first", Status.TRY_LATER
    else:
        message, status = f"unexpected {type(error).__name__}: {error}; please report what -v shows", Status.TROUBLE
    say(message)
    console.debug(error)
    return status


def read_timeout() -> float:
    """Return the seconds to wait for the next bytes of an answer: $PEPS_TIMEOUT, else 30."""
    try:
        return number(0.001, 86_400, "number of seconds for PEPS_TIMEOUT")(os.environ.get("PEPS_TIMEOUT") or "30")
    except ArgumentTypeError as error:
        raise UsageError(str(error)) from None


def _leave_interrupted(status: Status, console: Console) -> NoReturn:
    """End the process now, whatever its threads do: they hold nothing worth waiting for."""
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    console.warning("interrupted; the log has all that was done, the next run goes on from there")
    flush()
    os._exit(int(status))
