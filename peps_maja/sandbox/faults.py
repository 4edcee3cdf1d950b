"""The switches: in how many ways the server can misbehave, and when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from peps_maja.sandbox.exchange import JSON, XML, Endpoint, Reply
from peps_maja.sandbox.peps.wps_xml import exception_report


@dataclass(frozen=True)
class Canned:
    """This instead of the real answer; the request has no effect."""

    status: int
    body: bytes | str = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None

    def reply(self) -> Reply:
        """Return what to send."""
        body = self.body.encode() if isinstance(self.body, str) else self.body
        return Reply(self.status, dict(self.headers), body, self.reason)


@dataclass(frozen=True)
class Cut:
    """Close the connection: before any byte (`after=None`), or after so many bytes of the real body.

    `work_done` says whether a request without an answer took effect; with `after`, it always did.
    """

    after: int | None = None
    work_done: bool = False


@dataclass(frozen=True)
class Stall:
    """As `Cut`, but stay silent with the connection open for so many seconds first."""

    seconds: float
    after: int | None = None
    work_done: bool = False


@dataclass(frozen=True)
class Altered:
    """The real answer, changed."""

    change: Callable[[Reply], Reply]


@dataclass(frozen=True)
class Delay:
    """The real answer, so many seconds later (the request takes effect at once)."""

    seconds: float


Answer = Canned | Cut | Stall | Altered | Delay


@dataclass(frozen=True)
class Fault:
    """How the next `times` requests (None: all) of an endpoint (None: any) are answered.

    Only requests count whose decoded path and query, joined with `?`, contain `match`.
    """

    endpoint: Endpoint | None
    answer: Answer
    times: int | None = 1
    match: str = ""


_HTML = "<!DOCTYPE html><html><head><title>PEPS</title></head><body><h1>{}</h1></body></html>"
_HTML_HEADERS = {"Content-Type": "text/html; charset=utf-8"}

SERVER_BUSY = Canned(
    200,
    exception_report("ServerBusy", "Maximum number of parallel running processes reached"),
    {"Content-Type": XML},
)
UNAUTHORIZED_JSON = Canned(200, '{"ErrorMessage": "Unauthorized", "ErrorCode": 401}', {"Content-Type": JSON})
HTML_PAGE = Canned(200, _HTML.format("Maintenance in progress"), _HTML_HEADERS)
INTERNAL_ERROR = Canned(500, _HTML.format("Internal Server Error"), _HTML_HEADERS)
BAD_GATEWAY = Canned(502, _HTML.format("Bad Gateway"), _HTML_HEADERS)
UNAVAILABLE = Canned(503, _HTML.format("Service Unavailable"), _HTML_HEADERS)
FORBIDDEN = Canned(403, '{"ErrorMessage": "Forbidden", "ErrorCode": 403}', {"Content-Type": JSON})
NOT_FOUND = Canned(404, _HTML.format("Not Found"), _HTML_HEADERS)


def too_many(retry_after: int | str | None = None, status: int = 429) -> Canned:
    """Return a 429 (or 503) with this Retry-After: seconds, an HTTP date, or none."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Canned(status, _HTML.format("Too Many Requests"), _HTML_HEADERS | headers)


TOO_MANY = too_many


class Faults:
    """The faults that wait for their request, and the switches that stay as a test sets them."""

    def __init__(self) -> None:
        self.inside_hosts = False
        """Status URLs and references are addresses of a machine inside CNES."""
        self.plain_http = False
        """All addresses in answers are `http://peps.cnes.fr/…`."""
        self.status_names = "pywps-{uuid}.xml"
        """How the status documents of jobs to come are named."""
        self.report_as = "reference"
        """How a status document gives the report: `reference` (xlink:href), `href` or `literal`."""
        self.wrapped = False
        """Reports have a `USER_INFO` level and `process`; else they are flat, with `percentCompleted`."""
        self.report_moves = True
        """A report is up to date whenever it is read; else only PROCESSING_STATUS brings it up to date."""
        self.exception_namespace = "ows"
        """`ows` or `wps`: the namespace of the ExceptionReport in a ProcessFailed."""
        self.ranges = True
        """Results can be fetched in parts."""
        self.validators = True
        """Results have ETag and Last-Modified."""
        self.lengths = True
        """Results have a Content-Length; else the end of the connection is their end."""
        self.busy = 0
        """So many of the next Executes are answered `ServerBusy`."""
        self.exact_count = True
        """The catalogue's total is exact; else an estimate, too high by a tenth."""
        self.links_at_top = False
        """The catalogue's links are at the top of the answer, not in its `properties`."""
        self.added_between_pages = 0
        """So many records appear before each further page is asked for: the last ones come twice."""
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, *faults: Fault) -> None:
        """Let these faults wait for their requests; of several that fit, the first added comes first."""
        with self._lock:
            self._waiting.extend(faults)

    def clear(self) -> None:
        """Forget the faults that still wait; the switches stay."""
        with self._lock:
            self._waiting.clear()

    def take(self, endpoint: Endpoint, text: str) -> Answer | None:
        """Return how to answer this request (its decoded path and query), or None for the real answer."""
        with self._lock:
            if endpoint is Endpoint.EXECUTE and self.busy > 0:
                self.busy -= 1
                return SERVER_BUSY
            for index, fault in enumerate(self._waiting):
                if fault.times == 0 or fault.endpoint not in (None, endpoint) or fault.match not in text:
                    continue
                if fault.times is not None:
                    self._waiting[index] = replace(fault, times=fault.times - 1)
                return fault.answer
        return None
