"""The switches: in how many ways the server can misbehave, and when."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from peps_maja.sandbox.exchange import JSON, XML, Endpoint, Recorded, Reply
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
    """The real answer, changed in whatever way: every field of `Reply` can be another."""

    change: Callable[[Reply], Reply]


@dataclass(frozen=True)
class Delay:
    """The real answer, so many seconds later (the request takes effect at once)."""

    seconds: float


Answer = Canned | Cut | Stall | Altered | Delay


@dataclass(frozen=True)
class Fault:
    """How the next `times` requests (None: all) of an endpoint (None: any) are answered.

    Only requests count in whose text (see `Recorded`) `match` is, or of which it is true: by method, header, …
    """

    endpoint: Endpoint | None
    answer: Answer
    times: int | None = 1
    match: str | Callable[[Recorded], bool] = ""

    def fits(self, recorded: Recorded) -> bool:
        """Return True if this request is to be answered so."""
        if self.times == 0 or self.endpoint not in (None, recorded.endpoint):
            return False
        return self.match in recorded.text if isinstance(self.match, str) else self.match(recorded)


def page(status: int, words: str, headers: Mapping[str, str] | None = None) -> Canned:
    """Return a page of HTML, as servers and proxies send them in the place of answers."""
    html = f"<!DOCTYPE html><html><head><title>PEPS</title></head><body><h1>{words}</h1></body></html>"
    return Canned(status, html, {"Content-Type": "text/html; charset=utf-8", **(headers or {})})


def resto_error(code: int, message: str, status: int | None = None) -> Canned:
    """Return an error in resto's words: with its code as HTTP status, or inside a 200."""
    body = json.dumps({"ErrorMessage": message, "ErrorCode": code})
    return Canned(code if status is None else status, body, {"Content-Type": JSON})


def too_many(retry_after: int | str | None = None, status: int = 429) -> Canned:
    """Return a 429 (or 503) with this Retry-After: seconds, an HTTP date, or none."""
    return page(status, "Too Many Requests", {} if retry_after is None else {"Retry-After": str(retry_after)})


SERVER_BUSY = Canned(
    200, exception_report("ServerBusy", "Maximum number of parallel running processes reached"), {"Content-Type": XML}
)
UNAUTHORIZED_JSON = resto_error(401, "Unauthorized", 200)
QUOTA_OF_WEEK = resto_error(420, "week|10000000", 200)
NOT_VALIDATED = resto_error(403, "User profile has not been validated")
FOUR_FLOWS = resto_error(403, "Maximum number of 4 concurrent flows")
FORBIDDEN = resto_error(403, "Forbidden")
HTML_PAGE = page(200, "Maintenance in progress")
LOGIN = Canned(302, headers={"Location": "/login"})  # a page of HTML is there
HTML_FORBIDDEN = page(403, "Forbidden")
INTERNAL_ERROR = page(500, "Internal Server Error")
BAD_GATEWAY = page(502, "Bad Gateway")
UNAVAILABLE = page(503, "Service Unavailable")
NOT_FOUND = page(404, "Not Found")
TOO_MANY = too_many
EARLY_HINTS = Altered(lambda reply: replace(reply, before=b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"))


class Faults:
    """The faults that wait for their request, and the switches that stay as a test sets them."""

    def __init__(self) -> None:
        # Addresses in answers: of a machine inside CNES, all as `http://peps.cnes.fr/…`, or whatever a test makes of
        # them (a relative one, `file:`, …).
        self.inside_hosts = self.plain_http = False
        self.addresses: Callable[[str], str] = str
        self.status_names = "pywps-{uuid}.xml"  # how the status documents of jobs to come are named
        self.report_as = "reference"  # how a status document gives the report: `reference` (xlink), `href`, `literal`
        # Reports have a `USER_INFO` level and `process`, or are flat, with `percentCompleted`; None: as the only
        # clients that are known read them, those of FULL_MAJA with the level and those of MAJA flat.
        self.wrapped: bool | None = None
        self.report_moves = True  # whenever it is read; else only PROCESSING_STATUS brings it up to date
        self.exception_namespace = "ows"  # or `wps`: of the ExceptionReport in a ProcessFailed
        # Results can be fetched in parts, have ETag and Last-Modified, and a Content-Length.
        self.ranges = self.validators = self.lengths = True
        self.busy = 0  # so many of the next Executes are answered `ServerBusy`
        self.exact_count = True  # of the catalogue; else an estimate, too high by a tenth
        self.links_at_top = False  # of the catalogue's answer, not in its `properties`
        self.added_between_pages = 0  # so many records appear before each further page: the last ones come twice
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

    def take(self, recorded: Recorded) -> Answer | None:
        """Return how to answer this request, or None for the real answer."""
        with self._lock:
            if recorded.endpoint is Endpoint.EXECUTE and self.busy > 0:
                self.busy -= 1
                return SERVER_BUSY
            for index, fault in enumerate(self._waiting):
                if fault.fits(recorded):
                    if fault.times is not None:
                        self._waiting[index] = replace(fault, times=fault.times - 1)
                    return fault.answer
        return None
