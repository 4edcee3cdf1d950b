"""What both scripts share of the command line: options, output, signals, and the one place where errors end.

Imports only what `--help` needs: the rest of a script's modules come when its run begins.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TextIO

from .errors import AlreadyRunning, Interrupted, PepsError, Status, UsageError
from .text import one_line

if TYPE_CHECKING:
    from .credentials import Credentials
    from .download import Meter
    from .joblog import JobLog
    from .jobs import Jobs

LOOK_AT_IT = 'look at it on PEPS\'s page "My processing", and --drop it if it is not wanted any more'
READ_TIMEOUT_VARIABLE = "PEPS_TIMEOUT"

_INTERRUPTIONS = {signal.SIGINT: Status.INTERRUPTED, signal.SIGTERM: Status.TERMINATED}


class Console:
    """The only writer to the terminal. Standard output for what happened, standard error for what went wrong."""

    def __init__(self, script: str, *, quiet: bool = False, verbose: bool = False) -> None:
        self._script = script
        self._quiet = quiet
        self._verbose = verbose
        self._write = threading.RLock()  # a signal may speak while a line is being written
        self._bars = False
        for stream in (sys.stdout, sys.stderr):
            if reconfigure := getattr(stream, "reconfigure", None):
                reconfigure(errors="replace", line_buffering=True)  # a terminal in Latin-1 has no "…"

    def say(self, line: str = "") -> None:
        """Show what a person at the terminal wants to see, and cron does not."""
        if not self._quiet:
            self._print(line, sys.stdout)

    def tell(self, line: str) -> None:
        """Show what changed: also when quiet."""
        self._print(line, sys.stdout)

    def warn(self, line: str) -> None:
        """Show what a person has to know or to mend."""
        self._print(f"{self._script}: {one_line(line, 2000)}", sys.stderr)

    def remind(self, line: str) -> None:
        """Warn of what an earlier run has told already: not when quiet."""
        if not self._quiet:
            self.warn(line)

    def trace(self, line: str) -> None:
        """Show what only someone who looks for a fault wants to see."""
        if self._verbose:
            self._print(f"  {one_line(line, 2000)}", sys.stderr)

    def trace_back(self, error: BaseException) -> None:
        """Show where an error came from, to someone who looks for a fault."""
        if self._verbose:
            import traceback

            self._print("".join(traceback.format_exception(error)).rstrip(), sys.stderr)

    def agrees(self, question: str) -> bool:
        """Ask a person; raise UsageError where there is no terminal to ask on."""
        if not sys.stdin or not sys.stdin.isatty():
            raise UsageError(f"{question} There is no terminal to ask on: -y says yes")
        # Not as input's own prompt: that goes to standard error where that is no terminal, and would not be seen.
        print(f"{question} [y/N] ", end="", flush=True)
        try:
            return input().strip().lower() in {"y", "yes"}
        except EOFError:
            self._print("", sys.stdout)
            return False

    @contextmanager
    def meter(self, name: str) -> Iterator[Meter]:
        """Show a progress bar for one download, on a terminal; nothing in a pipe, a file or a cron mail."""
        if self._quiet or not sys.stderr.isatty():
            yield lambda _there, _total: None
            return
        from tqdm import tqdm

        self._bars = True
        with tqdm(desc=name, unit="B", unit_scale=True, leave=False, dynamic_ncols=True) as bar:

            def show(there: int, total: int | None) -> None:
                bar.total = total
                bar.update(there - bar.n)

            yield show

    def _print(self, line: str, stream: TextIO | None) -> None:
        if stream is None:  # closed by who started us: `>&-`
            return
        # Whatever a server or a log may say, no control character reaches the terminal.
        line = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in line)
        try:
            if self._bars:
                from tqdm import tqdm

                tqdm.write(line, file=stream)
            else:
                with self._write:
                    print(line, file=stream)
        except BrokenPipeError:
            # Nobody listens any more (`… | head`). The work goes on, for jobs are at stake.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class Signals:
    """Turns Ctrl-C and SIGTERM into Interrupted: at once, or after the block that must not be cut."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._deferring = False
        self._waiting: Status | None = None
        for number in _INTERRUPTIONS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # nohup and the like have their way
                signal.signal(number, self._arrive)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let the block come to its end before a first signal has effect; a second one cuts it."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
        if self._waiting is not None:
            raise Interrupted(self._waiting)

    def _arrive(self, number: int, _frame: FrameType | None) -> None:
        status = _INTERRUPTIONS[signal.Signals(number)]
        if self._deferring and self._waiting is None:
            self._waiting = status
            self._console.warn("waiting for the answer to the job just submitted; a second signal leaves it unsure")
        else:
            raise Interrupted(status)


Story = Callable[[argparse.Namespace, Console, Signals], Status]


def run(script: str, options: argparse.Namespace, story: Story, silent_when_quiet: Callable[[PepsError], bool]) -> int:
    """Run a script's story and return its exit status; every error ends here, as one line."""
    console = Console(script, quiet=options.quiet, verbose=options.verbose)
    try:
        return int(story(options, console, Signals(console)))
    except Interrupted as interruption:
        console.warn("interrupted; the log has all that was done, the next run goes on from there")
        _leave_at_once(interruption.status)
    except PepsError as error:
        if not (options.quiet and silent_when_quiet(error)):
            console.warn(str(error))
        console.trace_back(error)
        return int(error.status)
    except ModuleNotFoundError as error:
        console.warn(f"the Python package {error.name} is missing: {sys.executable} -m pip install {error.name}")
        console.trace_back(error)
        return int(Status.UNUSABLE)
    except Exception as error:
        hint = "" if options.verbose else "; run it again with -v and report what that shows"
        console.warn(f"unforeseen {type(error).__name__}: {error}{hint}")
        console.trace_back(error)
        return int(Status.TROUBLE)


def is_another_run(error: PepsError) -> bool:
    """Tell whether an error only says that another run is at work."""
    return isinstance(error, AlreadyRunning)


def read_account(options: argparse.Namespace, console: Console) -> Credentials:
    """Return the account to use; warn of a credentials file that others can read."""
    from .credentials import USER_VARIABLE, is_open_to_others, read_credentials

    account = read_credentials(options.auth, os.environ)
    if not os.environ.get(USER_VARIABLE) and is_open_to_others(options.auth):
        console.warn(f"others can read your password: chmod 600 {options.auth}")
    return account


def tell_of_damage(jobs: Jobs, log: JobLog, tell: Callable[[str], None]) -> None:
    """Tell of all damaged lines of a log in one message, if there are any."""
    if damage := jobs.damage:
        tell(f"{log.path}: {damage}")


def point_out_unsure(jobs: Jobs, log: JobLog, console: Console, but_not: Collection[str] = ()) -> list[str]:
    """Point out, once and when quiet too, each job that is unsure for long; return the names of those jobs."""
    from .jobs import UNSURE_FOR_LONG, WAY_OUT, Event, State

    names = []
    for job in jobs.in_state(State.UNSURE):
        unsure_for = job.unsure_for()
        if job.stalled or job.name in but_not or unsure_for < UNSURE_FOR_LONG:
            continue
        hours = f"{unsure_for.total_seconds() / 3600:.0f}"
        if log.append_if_current(Event.STALLED, job, hours):
            console.warn(f"{job.name}: unsure for {hours} hours or longer whether PEPS took it: {WAY_OUT}")
            names.append(job.name)
    return names


def remind_of_unsure(
    jobs: Jobs, console: Console, but_not: Collection[str] = (), pointed_out: Collection[str] = ()
) -> Status:
    """Remind of the jobs of which nobody knows whether PEPS took them; TROUBLE if there is any."""
    from .jobs import WAY_OUT, State

    unsure = [job for job in jobs.in_state(State.UNSURE) if job.name not in but_not]
    for job in unsure:
        if job.name not in pointed_out:
            console.remind(f"{job.name}: unsure whether PEPS took it: {WAY_OUT}")
    return Status.TROUBLE if unsure else Status.OK


def read_timeout() -> float:
    """Return the seconds to wait for the next bytes of an answer: $PEPS_TIMEOUT, else 30."""
    given = os.environ.get(READ_TIMEOUT_VARIABLE, "")
    try:
        seconds = float(given or 30)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:
        raise UsageError(f"{READ_TIMEOUT_VARIABLE}={given!r} is no number of seconds")
    return seconds


def _leave_at_once(status: Status) -> NoReturn:
    """End the process now: a thread may sit in a read as long as the time-out, and holds nothing worth waiting for."""
    for stream in (sys.stdout, sys.stderr):
        if stream:
            stream.flush()
    os._exit(int(status))
