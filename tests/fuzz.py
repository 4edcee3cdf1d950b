"""Feed the parsers for long: `python tests/fuzz.py`. It says how many cases each of them stood; 1 if one did not.

With 10 minutes for each group of parsers, as is the default, it takes some two hours; `-j` does several at once.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings

sys.path.append(str(Path(__file__).parent.parent))

from strategies import TARGETS

BATCH = 2000  # cases between two looks at the clock


def fuzz(name: str, minutes: float) -> tuple[int, str]:
    """Feed one group of parsers; return the number of cases, and the traceback of the least case that broke it."""
    cases = 0
    target = TARGETS[name]

    def case(value: Any) -> None:
        nonlocal cases
        cases += 1
        target.check(value)

    batch = settings(max_examples=BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        try:
            batch(given(target.values)(case))()
        except Exception:
            return cases, traceback.format_exc()
    return cases, ""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="PARSERS", help=f"some of: {', '.join(TARGETS)} (default: all)")
    parser.add_argument("--minutes", type=float, default=10, help="for each of them (default: %(default)s)")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="how many at once (default: %(default)s)")
    options = parser.parse_args(arguments)
    names = options.names or list(TARGETS)
    if unknown := set(names) - set(TARGETS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    status = 0
    with ProcessPoolExecutor(options.jobs) as pool:
        for name, (cases, failure) in zip(names, pool.map(partial(fuzz, minutes=options.minutes), names), strict=True):
            print(f"{name:<20} {cases:>10} cases{', and broke:' if failure else ''}", flush=True)
            if failure:
                print(failure, flush=True)
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
