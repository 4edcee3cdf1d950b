"""What goes over the wire, as values: endpoints, recorded requests and replies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

XML = "text/xml; charset=utf-8"
JSON = "application/json"


class Endpoint(Enum):
    """The kinds of request that PEPS and GEODES answer, as tests and faults name them."""

    CATALOGUE = "catalogue"
    CAPABILITIES = "capabilities"
    DESCRIPTION = "description"
    EXECUTE = "execute"
    REFRESH = "refresh"  # Execute of PROCESSING_STATUS: it runs no job
    STATUS = "status"
    REPORT = "report"
    JOBLOG = "joblog"
    RESULT = "result"
    GEODES_CATALOGUE = "geodes catalogue"  # landing page, conformance, collections
    GEODES_SEARCH = "geodes search"
    GEODES_QUICKLOOK = "geodes quicklook"
    GEODES_DOWNLOAD = "geodes download"
    GEODES_AVAILABILITY = "geodes availability"
    OTHER = "other"


@dataclass(frozen=True)
class Recorded:
    """One request as it arrived.

    `query` is percent-decoded, `headers` has lower-case keys, `at` is `time.monotonic()` in seconds.
    """

    endpoint: Endpoint
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float
    body: bytes = b""

    @property
    def text(self) -> str:
        """Decoded path and query, joined with `?`, then the body: what faults look for their words in."""
        query = "&".join(f"{name}={value}" for name, value in self.query.items())
        return f"{self.path}?{query}{self.body.decode(errors='replace')}"


@dataclass(frozen=True)
class Reply:
    """An answer before it is sent: with Content-Length, unless `headers` has one already or `has_length` is False.

    `before` goes out ahead of it as it is: `HTTP/1.1 103 Early Hints`, or what is no HTTP at all. After the first
    `most` bytes of the body (None: all) the connection is closed, or each further byte comes after a `pause`.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reason: str | None = None
    before: bytes = b""
    most: int | None = None
    pause: float = 0.0
    has_length: bool = True

    def text(self) -> str:
        """Return the body as text."""
        return self.body.decode()

    def with_body(self, body: bytes | str) -> Reply:
        """Return the same reply with another body."""
        return replace(self, body=body.encode() if isinstance(body, str) else body)


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """Return `value` as a JSON reply."""
    return Reply(status, {"Content-Type": JSON, **(headers or {})}, json.dumps(value).encode())


def error_reply(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    """Return an error as resto words it: `ErrorCode` and `ErrorMessage`."""
    return json_reply({"ErrorCode": status, "ErrorMessage": message}, status, headers)


def xml_reply(text: str, status: int = 200) -> Reply:
    """Return an XML document as a reply."""
    return Reply(status, {"Content-Type": XML}, text.encode())


def zip_reply(content: bytes, headers: Mapping[str, str | None], asked: Mapping[str, str], *, ranges: bool) -> Reply:
    """Return a zip, or with `ranges` the part of it that Range asks for: 206, 416, or all if If-Range does not fit."""
    given = {name: value for name, value in headers.items() if value is not None} | {"Content-Type": "application/zip"}
    if not ranges:
        return Reply(200, given, content)
    given["Accept-Ranges"] = "bytes"
    unit, _, span = asked.get("range", "").partition("=")
    first, dash, last = span.strip().partition("-")
    is_other = asked.get("if-range", given.get("ETag")) not in (given.get("ETag"), given.get("Last-Modified"))
    if is_other or unit.strip() != "bytes" or not dash or "," in span or not (first + last).isdecimal():
        return Reply(200, given, content)
    total = len(content)
    begin = int(first) if first else max(total - int(last), 0)
    end = min(int(last) + 1, total) if first and last else total
    if begin >= end:
        return Reply(416, given | {"Content-Range": f"bytes */{total}"})
    return Reply(206, given | {"Content-Range": f"bytes {begin}-{end - 1}/{total}"}, content[begin:end])
