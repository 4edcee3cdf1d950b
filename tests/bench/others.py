"""What our scripts are measured against, and with: `python others.py NAME …`, each in a process of its own."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import requests

ACCOUNT = ("me@example.org", "secret")
THREADS = 8
ZIP = "SENTINEL2A_20180101-105426-{milliseconds:03}_L2A_T31TCJ_D"
_BLOCK = 1024 * 1024
_FIRST = datetime(2018, 1, 1, 10, 50, 21)  # noqa: DTZ001 - only ever written into names


def product(number: int, apart: timedelta = timedelta(days=1)) -> str:
    """Return the name of an L1C product; its sensing starts so many times `apart` after the first one's."""
    sensing = _FIRST + number * apart
    return f"S2A_MSIL1C_{sensing:%Y%m%dT%H%M%S}_N0206_R051_T31TCJ_{sensing + timedelta(hours=2):%Y%m%dT%H%M%S}"


def geodes(server: str) -> None:
    """Ask GEODES for all pages of a search of one tile over a year."""
    query = {
        "dataset": {"eq": "THEIA_REFLECTANCE_SENTINEL2_L2A"},
        "grid:code": {"contains": "31TCJ"},
        "start_datetime": {"gte": "2019-01-01T00:00:00Z", "lte": "2019-12-31T23:59:59.999Z"},
    }
    order = [{"field": "start_datetime", "direction": "asc"}]
    with requests.Session() as session:
        page, has_next = 1, True
        while has_next:
            body = {"page": page, "limit": 80, "query": query, "sortBy": order}
            answer = session.post(f"{server}/api/stac/search", json=body, timeout=30).json()
            page, has_next = page + 1, any(link["rel"] == "next" for link in answer["links"])


def replay(path: str) -> None:
    """Print the seconds that replaying a log takes."""
    from peps_maja.joblog.log import JobLog

    begun = time.perf_counter()
    JobLog(Path(path)).replay()
    print(time.perf_counter() - begun)


if __name__ == "__main__":
    {"geodes": geodes, "replay": replay}[sys.argv[1]](sys.argv[2])
