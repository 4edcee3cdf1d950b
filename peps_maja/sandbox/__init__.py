"""A small PEPS and GEODES on loopback: to try both scripts without an account, and to test against.

They answer as the true ones do, with a made-up world behind them, and misbehave in
every way that a test asks for: see `Faults`. `python -m peps_maja.sandbox` shows both scripts at work.
"""

from peps_maja.sandbox.exchange import Endpoint, Recorded, Reply
from peps_maja.sandbox.faults import (
    BAD_GATEWAY,
    EARLY_HINTS,
    FORBIDDEN,
    FOUR_FLOWS,
    HTML_FORBIDDEN,
    HTML_PAGE,
    INTERNAL_ERROR,
    LOGIN,
    NOT_FOUND,
    NOT_VALIDATED,
    QUOTA_OF_WEEK,
    SERVER_BUSY,
    TOO_MANY,
    UNAUTHORIZED_JSON,
    UNAVAILABLE,
    Altered,
    Canned,
    Cut,
    Delay,
    Fault,
    Faults,
    Stall,
    page,
    resto_error,
)
from peps_maja.sandbox.peps.centre import Job, Result
from peps_maja.sandbox.server import Sandbox
from peps_maja.sandbox.world.zips import make_zip

__all__ = [
    "BAD_GATEWAY",
    "EARLY_HINTS",
    "FORBIDDEN",
    "FOUR_FLOWS",
    "HTML_FORBIDDEN",
    "HTML_PAGE",
    "INTERNAL_ERROR",
    "LOGIN",
    "NOT_FOUND",
    "NOT_VALIDATED",
    "QUOTA_OF_WEEK",
    "SERVER_BUSY",
    "TOO_MANY",
    "UNAUTHORIZED_JSON",
    "UNAVAILABLE",
    "Altered",
    "Canned",
    "Cut",
    "Delay",
    "Endpoint",
    "Fault",
    "Faults",
    "Job",
    "Recorded",
    "Reply",
    "Result",
    "Sandbox",
    "Stall",
    "make_zip",
    "page",
    "resto_error",
]
