"""The frame of a run: from its arguments to its exit status, with signals and errors on the way."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

from peps_maja.console import Console, flush
from peps_maja.downloads import WORKER
from peps_maja.errors import Interrupted, LogError, PepsError, Status, UsageError
from peps_maja.options import Options

READ_TIMEOUT_VARIABLE = "PEPS_TIMEOUT"
_INTERRUPTIONS = {
    signal.SIGINT: Status.INTERRUPTED,
    signal.SIGTERM: Status.TERMINATED,
    signal.SIGHUP: Status.HANGUP,  # the terminal was closed
}


class Signals:
    """Turns Ctrl-C, SIGTERM and SIGHUP into Interrupted: at once, or after the block that must not be cut."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._deferring = False
        self._first: Status | None = None
        for number in _INTERRUPTIONS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and the like have their way
                signal.signal(number, self._arrive)
        if sys.unraisablehook is sys.__unraisablehook__:  # else someone else watches, as a test does
            sys.unraisablehook = self._swallowed

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

    def _arrive(self, number: int, _frame: FrameType | None) -> None:
        if self._first is not None and not self._deferring:  # the first one is being handled: both are one
            _leave_interrupted(self._first, self._console)
        if self._first is None:
            self._first = _INTERRUPTIONS[signal.Signals(number)]
            if self._deferring:
                self._console.warning(
                    "waiting for the answer to the job just submitted; a second signal leaves it unsure"
                )
                return
        raise Interrupted(self._first)

    def _swallowed(self, unraisable: sys.UnraisableHookArgs) -> None:
        """End the run where an interruption came while an object was cleared away: Python ignores errors there."""
        if self._first is not None and issubclass(unraisable.exc_type, Interrupted):
            _leave_interrupted(self._first, self._console)
        sys.__unraisablehook__(unraisable)


_Options = TypeVar("_Options", bound=Options)


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
            _check_working_folder()
            options = read_options(arguments)
            console.quiet, console.verbose = options.quiet, options.verbose
            status = story(options, console, signals)
        except SystemExit as end:  # of the options: the help, or what is wrong with them
            status = Status(int(end.code or 0))
        except PepsError as error:
            status = tell(error, console)
        except Exception as error:
            status = _tell_unexpected(error, console)
        _ignore_signals()
    except (Interrupted, KeyboardInterrupt) as interruption:
        _leave_interrupted(getattr(interruption, "status", Status.INTERRUPTED), console)
    if any(thread.name.startswith(WORKER) for thread in threading.enumerate()):
        _leave_at_once(status)  # the run had to end before its threads
    flush()
    return int(status)


def _tell_unexpected(error: Exception, console: Console) -> Status:
    """Show an error that nobody foresaw, or what is behind it; return the status."""
    from peps_maja.dependencies import advice

    lacking = advice() if isinstance(error, (ImportError, AttributeError, TypeError)) else None
    if lacking:
        message, status = lacking, Status.UNUSABLE
    elif isinstance(error, OSError) and error.filename:
        message, status = f"cannot use {error.filename}: {error.strerror}; fix that, or name another", Status.UNUSABLE
    elif isinstance(error, RuntimeError) and "new thread" in str(error):
        most = "this machine lets you start no more threads (ulimit -u, or its memory)"
        message, status = f"{most}: end other programs, then run it again", Status.TRY_LATER
    else:
        hint = "" if console.verbose else "; run it again with -v and report what that shows"
        message, status = f"unexpected {type(error).__name__}: {error}{hint}", Status.TROUBLE
    console.warning(message)
    console.debug_traceback(error)
    return status


def tell(error: PepsError, console: Console) -> Status:
    """Show an error and return its status; when quiet, only one that a person has to know or to fix."""
    passes = error.status is Status.TRY_LATER and not isinstance(error, LogError)  # which says what was not noted
    (console.reminder if passes else console.warning)(str(error))
    console.debug_traceback(error)
    return error.status


def read_timeout() -> float:
    """Return the seconds to wait for the next bytes of an answer: $PEPS_TIMEOUT, else 30."""
    given = os.environ.get(READ_TIMEOUT_VARIABLE, "")
    try:
        seconds = float(given or 30)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise UsageError(f"{READ_TIMEOUT_VARIABLE}={given!r} is not a number of seconds")
    return seconds


def _check_working_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(f"the working folder cannot be used ({error.strerror}): cd to another one") from None


def _leave_interrupted(status: Status, console: Console) -> NoReturn:
    _ignore_signals()
    console.warning("interrupted; the log has all that was done, the next run goes on from there")
    _leave_at_once(status)


def _leave_at_once(status: Status) -> NoReturn:
    """End the process now: a thread may sit in a read as long as the time-out, and holds nothing worth waiting for."""
    flush()
    os._exit(int(status))


def _ignore_signals() -> None:
    """Let no signal have effect any more: all is done, and the exit status stands."""
    for number in _INTERRUPTIONS:
        signal.signal(number, signal.SIG_IGN)
