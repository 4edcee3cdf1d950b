"""The form of a status URL, and the id that WPS gave the job in it."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

from peps_maja.text import one_line

_WPS_ID = re.compile(r"(?:pywps-)?([A-Za-z0-9_.-]+)\.xml", re.IGNORECASE)


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
