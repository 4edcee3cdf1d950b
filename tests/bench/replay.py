"""Time, in a fresh process, reading a log as bytes and as text, and replaying it: prints the three in seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from measuring import ROOT

sys.path.insert(0, str(ROOT))

from peps_maja.joblog.events import State
from peps_maja.joblog.log import JobLog


def _taken(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _replay(path: Path) -> object:
    """Do what every run of the downloader does with a log: which jobs are open, and how many stand where."""
    jobs = JobLog(path).replay()
    return jobs.in_state(State.OPEN), jobs.count()


if __name__ == "__main__":
    log = Path(sys.argv[1])
    log.read_bytes()
    print(_taken(log.read_bytes), _taken(lambda: log.read_text(encoding="utf-8")), _taken(lambda: _replay(log)))
