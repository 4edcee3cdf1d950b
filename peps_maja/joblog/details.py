"""The details of two events: the status URL of a job, and a zip that is ready to be downloaded (an offer)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_WPS_ID = re.compile(r"(?:pywps-)?([A-Za-z0-9_.-]+)\.xml", re.IGNORECASE)
_OFFER = re.compile(
    r"([^ ]+) (?:-|([0-9]{1,18})) (?:-|([0-9a-fA-F]{32}))"
    r"(?: (?:-|([0-9]{1,3})))?(?: (?:-|([0-9]{1,3}(?:\.[0-9]{1,9})?)))?"
)


def wps_id(status_url: str) -> str:
    """Return the id that WPS gave a job: what stands in its status URL between `pywps-` and `.xml`.

    An empty text for anything else, also for a status URL that was cut off before the end of its `….xml`.
    """
    try:
        parts = urlsplit(status_url)
        is_address = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return ""
    match = _WPS_ID.fullmatch(unquote(parts.path.rpartition("/")[2]))
    return match[1] if match and is_address and status_url.isprintable() and " " not in status_url else ""


def clouds_detail(clouds: float | None) -> str:
    """Return clouds in per cent as the log has them, `12.4`; an empty text where they are not known."""
    return "" if clouds is None or not 0 <= clouds <= 100 else f"{round(clouds, 2):g}"


@dataclass(frozen=True)
class Offer:
    """A zip that is ready: its address as one word of ASCII, bytes, MD5 in lower case, orbit, clouds in per cent.

    In the log they stand in this order, with `-` for what is not known (here None); the last two may be absent.
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
