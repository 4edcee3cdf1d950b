"""The details of two events: the status URL of a job, and a zip that is ready to be downloaded (an offer).

After `submitted` stands the status URL, after `available` stands `ADDRESS SIZE MD5 ORBIT CLOUDS`, with one space
between and `-` for what is not known; the last two may be absent.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from peps_maja.text import one_line

_WPS_ID = re.compile(r"(?:pywps-)?([A-Za-z0-9_.-]+)\.xml", re.IGNORECASE)
_OFFER = re.compile(
    r"([^ ]+) (?:-|([0-9]{1,18})) (?:-|([0-9a-fA-F]{32}))"
    r"(?: (?:-|([0-9]{1,3})))?(?: (?:-|([0-9]{1,3}(?:\.[0-9]{1,9})?)))?"
)
_UUID = re.compile(r"URN(?::|%3A)[^/]*?([0-9a-f]{8})-[0-9a-f]{4}-", re.IGNORECASE)


def is_status_url(address: str) -> bool:
    """Return True if this is a complete status URL: http(s), and not cut off before the end of its `….xml`."""
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises ValueError for a port that is not valid
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"}
        and bool(parts.hostname)
        and address == one_line(address, len(address))
        and " " not in address
        and _WPS_ID.fullmatch(file_name(parts.path)) is not None
    )


def wps_id(status_url: str) -> str:
    """Return the id that WPS gave the job: what stands in its status URL between `pywps-` and `.xml`."""
    match = _WPS_ID.fullmatch(file_name(urlsplit(status_url).path))
    return match[1] if match else ""


def file_name(path: str) -> str:
    """Return the last part of an address's path."""
    return unquote(path.rpartition("/")[2])


def clouds_detail(clouds: float | None) -> str:
    """Return clouds in per cent as the log has them, `12.4`; an empty text where they are not known."""
    return "" if clouds is None or not 0 <= clouds <= 100 else f"{round(clouds, 2):g}"


@dataclass(frozen=True)
class Offer:
    """A zip that is ready: its address as one word of ASCII, bytes, MD5 in lower case, orbit, clouds in per cent.

    None stands for what is not known.
    """

    address: str
    size: int | None = None
    md5: str | None = None
    orbit: int | None = None
    clouds: float | None = None

    @classmethod
    def parse(cls, detail: str) -> Offer | None:
        """Return what the detail of an `available` says; None if it is not complete (cut off, or changed by hand)."""
        match = _OFFER.fullmatch(detail)
        if match is None:
            return None
        address, size, md5, orbit, clouds = match.groups()
        return cls(
            address,
            int(size) if size else None,
            md5.lower() if md5 else None,
            int(orbit) if orbit else None,
            float(clouds) if clouds else None,
        )

    def __str__(self) -> str:
        """Return the detail of the event."""
        known = (self.address, self.size, self.md5, self.orbit, clouds_detail(self.clouds))
        return " ".join(str(value) if value not in {None, ""} else "-" for value in known)

    @property
    def mark(self) -> str:
        """Eight characters for a file name, if another product has the same: of the MD5, else of the address's URN."""
        uuid = _UUID.search(self.address)
        return (self.md5 or (uuid[1] if uuid else hashlib.sha256(self.address.encode()).hexdigest()))[:8].lower()
