"""What both scripts share of the command line: options, output, signals, and the one place where errors end.

Imports only what `--help` needs: the rest of a script's modules come when its run begins.
"""

from __future__ import annotations

import argparse
import os
import select
import shlex
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
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
WORKER = "peps_maja worker"  # what the names of a run's threads begin with

_STREAMS = ("stdout", "stderr")
_INTERRUPTIONS = {signal.SIGINT: Status.INTERRUPTED, signal.SIGTERM: Status.TERMINATED}


class Console:
    """The only writer to the terminal. Standard output for what happened, standard error for what went wrong."""

    def __init__(self, script: str) -> None:
        self.quiet = self.verbose = False
        self._script = script
        self._write = threading.RLock()  # a signal may speak while a line is being written
        self._bars = False
        for stream in (sys.stdout, sys.stderr):
            if reconfigure := getattr(stream, "reconfigure", None):
                reconfigure(errors="replace", line_buffering=True)  # a terminal in Latin-1 has no "…"

    def say(self, line: str = "") -> None:
        """Show what a person at the terminal wants to see, and cron does not."""
        if not self.quiet:
            self._print(line, sys.stdout)

    def tell(self, line: str) -> None:
        """Show what changed: also when quiet."""
        self._print(line, sys.stdout)

    def warn(self, line: str) -> None:
        """Show what a person has to know or to mend."""
        self._print(f"{self._script}: {one_line(line, 2000)}", sys.stderr)

    def remind(self, line: str) -> None:
        """Warn of what an earlier run has told already: not when quiet."""
        if not self.quiet:
            self.warn(line)

    def trace(self, line: str) -> None:
        """Show what only someone who looks for a fault wants to see."""
        if self.verbose:
            self._print(f"  {one_line(line, 2000)}", sys.stderr)

    def trace_back(self, error: BaseException) -> None:
        """Show where an error came from, to someone who looks for a fault."""
        if self.verbose:
            import traceback

            self._print("".join(traceback.format_exception(error)).rstrip(), sys.stderr)

    def agrees(self, question: str) -> bool:
        """Ask a person; raise UsageError where there is no terminal to ask on, or the question would not be seen."""
        is_terminal = bool(sys.stdin and sys.stdin.isatty())
        self._print(f"{question} [y/N] " if is_terminal else "", sys.stdout, end="")
        if not is_terminal or not sys.stdout:
            raise UsageError(f"{question} There is no terminal to ask on: -y says yes")
        # A signal that comes just before a read begins would have no effect until the read ends: so no read waits.
        while not select.select([sys.stdin], [], [], 0.2)[0]:
            pass
        try:
            answer = sys.stdin.buffer.readline()
        except OSError:  # the terminal is gone
            answer = b""
        if not answer.endswith(b"\n"):
            self._print("", sys.stdout)
        return answer.strip().lower() in {b"y", b"yes"}

    @contextmanager
    def meter(self, name: str) -> Iterator[Meter]:
        """Show a progress bar for one download, on a terminal; nothing in a pipe, a file or a cron mail."""
        if self.quiet or not sys.stderr or not sys.stderr.isatty():
            yield lambda _there, _total: None
            return
        from tqdm import tqdm

        self._bars = True
        # The delay keeps it from writing before `show` is there to catch what a terminal that is gone answers.
        bar = tqdm(desc=name, unit="B", unit_scale=True, leave=False, dynamic_ncols=True, delay=0.1)

        def show(there: int, total: int | None) -> None:
            bar.total = total
            with suppress(OSError):
                bar.update(there - bar.n)

        try:
            yield show
        finally:
            with suppress(OSError):
                bar.close()

    def _print(self, line: str, stream: TextIO | None, end: str = "\n") -> None:
        if stream is None:  # closed by who started us: `>&-`
            return
        # Whatever a server or a log may say, no control character reaches the terminal.
        line = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in line)
        try:
            if self._bars:
                from tqdm import tqdm

                tqdm.write(line, file=stream, end=end)
            else:
                with self._write:
                    print(line, file=stream, end=end, flush=True)
        except (OSError, ValueError):
            _give_up(stream)


class Signals:
    """Turns Ctrl-C and SIGTERM into Interrupted: at once, or after the block that must not be cut."""

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
                self._console.warn("waiting for the answer to the job just submitted; a second signal leaves it unsure")
                return
        raise Interrupted(self._first)

    def _swallowed(self, unraisable: sys.UnraisableHookArgs) -> None:
        """End the run where an interruption came while an object was cleared away: Python ignores errors there."""
        if self._first is not None and issubclass(unraisable.exc_type, Interrupted):
            _leave_interrupted(self._first, self._console)
        sys.__unraisablehook__(unraisable)


Story = Callable[[argparse.Namespace, Console, Signals], Status]


def run(
    script: str,
    read_options: Callable[[Sequence[str] | None], argparse.Namespace],
    arguments: Sequence[str] | None,
    story: Story,
    silent_when_quiet: Callable[[PepsError], bool],
) -> int:
    """Run a script from its arguments to its exit status; every error ends here, as one line."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # what libraries say of each other is not for the reader of a cron mail
    console = Console(script)
    try:
        signals = Signals(console)
        try:
            options = read_options(arguments)
            console.quiet, console.verbose = options.quiet, options.verbose
            status = story(options, console, signals)
        except SystemExit as end:  # of the options: the help, or what is wrong with them
            status = Status(int(end.code or 0))
        except PepsError as error:
            if not (console.quiet and silent_when_quiet(error)):
                console.warn(str(error))
            console.trace_back(error)
            status = error.status
        except Exception as error:
            status = _tell_unforeseen(error, console)
        _ignore_signals()
    except (Interrupted, KeyboardInterrupt) as interruption:
        _leave_interrupted(getattr(interruption, "status", Status.INTERRUPTED), console)
    if any(thread.name.startswith(WORKER) for thread in threading.enumerate()):
        _leave_at_once(status)  # the run had to end before its threads
    _flush()
    return int(status)


def _tell_unforeseen(error: Exception, console: Console) -> Status:
    """Tell of an error that nobody foresaw, or of the package whose lack is behind it; return the status."""
    from .dependencies import advice

    lacking = advice() if isinstance(error, (ImportError, AttributeError, TypeError)) else None
    hint = "" if console.verbose else "; run it again with -v and report what that shows"
    console.warn(lacking or f"unforeseen {type(error).__name__}: {error}{hint}")
    console.trace_back(error)
    return Status.UNUSABLE if lacking else Status.TROUBLE


def command_for(script: str) -> str:
    """Return how to call another script from the current folder, in the way in which this one was called."""
    called = Path(sys.argv[0])
    name = script if called.suffix == ".py" else script.removesuffix(".py")
    if shutil.which(called.name) == sys.argv[0] and shutil.which(name):
        return name
    path = os.path.join(os.path.dirname(sys.argv[0]), name)  # noqa: PTH118, PTH120 - a Path would lose the `./`
    return shlex.join([sys.orig_argv[0], path if Path(path).exists() else str(called.resolve().with_name(script))])


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


def _leave_interrupted(status: Status, console: Console) -> NoReturn:
    _ignore_signals()
    console.warn("interrupted; the log has all that was done, the next run goes on from there")
    _leave_at_once(status)


def _leave_at_once(status: Status) -> NoReturn:
    """End the process now: a thread may sit in a read as long as the time-out, and holds nothing worth waiting for."""
    _flush()
    os._exit(int(status))


def _ignore_signals() -> None:
    """Let no signal have effect any more: all is done, and the exit status stands."""
    for number in _INTERRUPTIONS:
        signal.signal(number, signal.SIG_IGN)


def _flush() -> None:
    """Write what the streams still hold, so that their end has no error of its own to show."""
    for name in _STREAMS:
        if stream := getattr(sys, name):
            try:
                stream.flush()
            except (OSError, ValueError):
                _give_up(stream)


def _give_up(stream: TextIO) -> None:
    """Count a stream that cannot be written (disk full, terminal gone, `| head`) as closed: jobs are at stake."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # for what the stream still holds
    for name in _STREAMS:
        if getattr(sys, name) is stream:
            setattr(sys, name, None)
