"""Whatever the parsers are fed, they give a value or one of our errors: tests/fuzz.py does the same for longer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from samples import L1C, L2A
from strategies import TARGETS

from peps_maja.joblog.lines import HEADER

# The least cases that once broke a parser: which, and what it was fed.
ONCE_BROKE: dict[str, tuple[str, Any]] = {
    "a list for a storage mode": (
        "catalogue",
        b'{"features": [{"properties": {"productIdentifier": "x", "storage": {"mode": []}}}]}',
    ),
    "a day beyond all numbers in Retry-After": (
        "answers",
        (429, {"Retry-After": "Wed, 99999999999999999999 Oct 2015 07:28:00 GMT"}, b""),
    ),
    "a status URL with a port that there is not": ("addresses", "https://peps.cnes.fr:99999/resto/wps/outputs/x.xml"),
    "an address that is none without its account": ("addresses", "https://[2001:db8::1]@[:8443/a.zip"),
    "an address that is none": ("file names", "http://["),
    "a NUL in the name of a file": (
        "log",
        f"{HEADER}\n2019-04-03T11:30:01Z\tdownloaded\t{L1C}\t\0{L2A}.zip\n".encode(),
    ),
    "a series to the end of time": ("names", "31TCJ_2018-01-01_9999-12-31"),
}

quick = settings(
    max_examples=150, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_value_or_one_of_our_errors(name: str) -> None:
    quick(given(TARGETS[name].values)(TARGETS[name].check))()


@pytest.mark.parametrize(("name", "value"), ONCE_BROKE.values(), ids=ONCE_BROKE)
def test_what_once_broke_a_parser_does_so_no_more(name: str, value: Any) -> None:
    TARGETS[name].check(value)
