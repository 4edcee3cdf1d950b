"""The sandbox in a process of its own, behind a line of some latency and rate: `python server.py JSON`.

Its first line of output tells its address and its jobs; to each line of input it answers how many requests and
connections it has seen so far.
"""

from __future__ import annotations

import json
import mmap
import sys
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent.parent))  # this checkout

from others import product

from peps_maja.sandbox import Delay, Fault, Sandbox, server

_PIECE = 64 * 1024  # bytes that go out at once on a line that is held to a rate, as a network card would bundle them
_BURST = 0.005  # seconds of the line's rate that may be made good after a pause


class Line:
    """Sends at so many bytes a second (0: as fast as can be), whichever connection they are for."""

    rate = 0.0
    connections = 0
    _free_at = 0.0
    _lock = threading.Lock()

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def write(self, content: Any) -> None:
        """Send bytes, each piece of them when its turn comes."""
        for begin in range(0, len(content), _PIECE):
            piece = content[begin : begin + _PIECE]
            with Line._lock:
                now = time.monotonic()
                Line._free_at = max(Line._free_at, now - _BURST) + len(piece) / Line.rate
                wait = Line._free_at - now
            time.sleep(max(wait, 0))
            self._raw.write(piece)


class _Handler(server.Handler):
    def setup(self) -> None:
        super().setup()
        Line.connections += 1
        if Line.rate:
            self.wfile = Line(self.wfile)  # type: ignore[assignment]


def main(
    *,
    jobs: int = 0,
    products: int = 0,
    files: Sequence[str] = (),
    latency: float = 0.0,
    rate: float = 0.0,
    certificate: str = "",
) -> None:
    """Serve so many running jobs and L1C products, and each of these files as the result of a finished job."""
    server.Handler = _Handler  # type: ignore[misc]
    Line.rate = rate
    with Sandbox(certificate=(certificate, certificate) if certificate else None) as sandbox:
        for number in range(jobs):
            sandbox.add_job(product(number, timedelta(hours=1)), status="RUNNING", percent=42)
        for number, path in enumerate(map(Path, files)):
            # All of one datatake, so that the one product which every zip holds can be the result of each job.
            [result] = sandbox.add_job(product(number, timedelta(seconds=1)), results=(path.name,)).results
            with path.open("rb") as file:
                result.content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))  # type: ignore[assignment]
            result.etag = result.last_modified = None
        sandbox.catalogue = [
            {"type": "Feature", "properties": {"productIdentifier": product(number), "cloudCover": 12.5}}
            for number in range(products)
        ]
        if latency:
            sandbox.faults.add(Fault(None, Delay(latency), times=None))
        listed = [(job.product, job.status_url, [result.url for result in job.results]) for job in sandbox.jobs]
        print(json.dumps([sandbox.url, listed]), flush=True)
        for _ in sys.stdin:
            print(len(sandbox.requests), Line.connections, flush=True)


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
