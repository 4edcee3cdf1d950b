"""Processes, measured whole: wall clock, CPU and peak memory as the kernel counts them. Rows of a table of ratios."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from line import Certificate

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
ACCOUNT = ("bench@example.org", "correct horse")

Command = Sequence[str | Path]


@dataclass(frozen=True)
class Spent:
    """What a process took: seconds of wall clock, seconds of CPU (user and system), MB of memory at its peak."""

    wall: float
    cpu: float
    peak: float
    out: str


@dataclass(frozen=True)
class Bench:
    """How to measure: in which folder (removed at the end), how many times, and with small amounts if `quick`."""

    folder: Path
    runs: int
    quick: bool
    environment: Mapping[str, str]
    certificate: Certificate

    def spend(self, command: Command, *, expected: int = 0) -> Spent:
        """Run a process to its end and return what it took; one that ends otherwise than expected is an error."""
        with tempfile.TemporaryFile() as output:
            begun = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            _, how, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begun
            process.returncode = os.waitstatus_to_exitcode(how)
            output.seek(0)
            out = output.read().decode(errors="replace")
        if process.returncode != expected:
            shown = " ".join(map(str, command))
            raise RuntimeError(f"{shown}\nended with {process.returncode}:\n{out[-2000:]}")
        # Kilobytes on Linux, bytes on macOS. On Linux it is never less than what this very process has at that time.
        peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
        return Spent(wall, usage.ru_utime + usage.ru_stime, peak, out)

    def in_turns(self, *measures: Callable[[], Spent]) -> list[list[Spent]]:
        """Return what each of these takes, `runs` times, one after the other in turns: noise then meets them all."""
        spent: list[list[Spent]] = [[] for _ in measures]
        for _ in range(self.runs):
            for measure, so_far in zip(measures, spent, strict=True):
                so_far.append(measure())
        return spent

    def curl(self, *arguments: str | Path) -> Command:
        """Return a curl command with the account and the authorities that it needs."""
        return ["curl", "-s", "-f", "--cacert", self.certificate.authorities, "-u", ":".join(ACCOUNT), *arguments]


def script(name: str, *arguments: str | Path) -> Command:
    """Return the command that runs `peps_maja_<name>.py` of this checkout."""
    return [sys.executable, ROOT / f"peps_maja_{name}.py", *arguments]


def helper(name: str, *arguments: str | Path) -> Command:
    """Return the command that runs a program of this folder."""
    return [sys.executable, HERE / f"{name}.py", *arguments]


def walls(spent: Sequence[Spent]) -> list[float]:
    """Return the wall clock times."""
    return [one.wall for one in spent]


def less(values: Sequence[float], start_up: float) -> list[float]:
    """Return the values without what it takes to start."""
    return [value - start_up for value in values]


def cpus(spent: Sequence[Spent]) -> list[float]:
    """Return the CPU times."""
    return [one.cpu for one in spent]


@dataclass(frozen=True)
class Row:
    """One line of the table: ours, against what, run by run; `goal` is a limit of the ratio, or a text."""

    what: str
    against: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    unit: str = "s"
    goal: str = ""

    def __str__(self) -> str:
        """Return the line: both medians, then the ratio's minimum, median and maximum over the runs."""
        ours = _amount(statistics.median(self.ours), self.unit)
        if not self.theirs:
            return f"{self.what:<60} {self.against:<38} {ours:>9} {'':>9} {'':>20}  {self.goal}"
        theirs = _amount(statistics.median(self.theirs), self.unit)
        ratios = [mine / other for mine, other in zip(self.ours, self.theirs, strict=True)]
        spread = f"{min(ratios):6.2f} {statistics.median(ratios):6.2f} {max(ratios):6.2f}"
        return f"{self.what:<60} {self.against:<38} {ours:>9} {theirs:>9} {spread}  {self.goal}"


HEADING = f"{'what':<60} {'against':<38} {'ours':>9} {'theirs':>9} {'min':>6} {'median':>6} {'max':>6}  goal"


def _amount(value: float, unit: str) -> str:
    if unit == "s" and value < 0.1:
        return f"{1000 * value:.1f} ms"
    return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"


Comparison = Callable[[Bench], Iterator[Row]]
