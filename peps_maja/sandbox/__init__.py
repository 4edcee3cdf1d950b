"""A small PEPS and GEODES on loopback: to try both scripts without an account, and to test against.

They answer as the true ones do, with a made-up world behind them, and misbehave in
every way that a test asks for: see `Faults`. `python -m peps_maja.sandbox` shows both scripts at work.
"""

# isort: skip_file
from peps_maja.sandbox.exchange import Endpoint as Endpoint, Recorded as Recorded, Reply as Reply
from peps_maja.sandbox.faults import (
    BAD_GATEWAY as BAD_GATEWAY,
    EARLY_HINTS as EARLY_HINTS,
    FORBIDDEN as FORBIDDEN,
    FOUR_FLOWS as FOUR_FLOWS,
    HTML_FORBIDDEN as HTML_FORBIDDEN,
    HTML_PAGE as HTML_PAGE,
    INTERNAL_ERROR as INTERNAL_ERROR,
    LOGIN as LOGIN,
    NOT_FOUND as NOT_FOUND,
    NOT_VALIDATED as NOT_VALIDATED,
    QUOTA_OF_WEEK as QUOTA_OF_WEEK,
    SERVER_BUSY as SERVER_BUSY,
    TOO_MANY as TOO_MANY,
    UNAUTHORIZED_JSON as UNAUTHORIZED_JSON,
    UNAVAILABLE as UNAVAILABLE,
    Altered as Altered,
    Canned as Canned,
    Cut as Cut,
    Delay as Delay,
    Fault as Fault,
    Faults as Faults,
    Stall as Stall,
    page as page,
    resto_error as resto_error,
)
from peps_maja.sandbox.peps.centre import Job as Job, Result as Result
from peps_maja.sandbox.server import Sandbox as Sandbox
from peps_maja.sandbox.world.zips import make_zip as make_zip
