"""The sandbox in a process of its own, behind a line of some latency and rate: `python server.py JSON`.

Its first line of output tells its address and its jobs; to each line of input it answers how many requests and
connections it has seen so far.
"""

from __future__ import annotations

import json
import math
import mmap
import sys
import threading
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import certifi
import trustme

sys.path.insert(0, str(Path(__file__).parent.parent.parent))  # this checkout

from others import ZIP, product

from peps_maja.sandbox import Delay, Fault, Sandbox, make_zip, server

_BLOCK = 1024 * 1024
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


def write_zip(path: Path, kind: str, size: int) -> None:
    """Write a zip of an L2A product of about so many bytes.

    `rasters`: deflated images under noise, of which two thirds are left. `stored`: one member as it is. `bulk`: tiny
    members behind bytes that belong to none: complete, valid, and next to nothing to check.
    """
    name, block, blocks = ZIP.format(milliseconds=459), Random(1).randbytes(_BLOCK), size // _BLOCK
    content = make_zip(name, math.isqrt(size // 10) if kind == "rasters" else 8)
    with path.open("wb") as file:
        if kind == "bulk":
            file.write(b"PK\x03\x04")
            file.writelines(block for _ in range(blocks))
        file.write(content)
    if kind == "stored":
        with zipfile.ZipFile(path, "a") as archive, archive.open(f"{name}/big.tif", "w", force_zip64=True) as member:
            for _ in range(blocks):
                member.write(block)


def certificate(authorities: Path) -> tuple[str, str]:
    """Issue this server's certificate, and add its authority to those that clients trust; return it and its key."""
    authority, file = trustme.CA(), authorities.with_name("server.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(file)
    # Behind the whole bundle, for reading it is what a TLS connection costs first of all.
    authorities.write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())
    return str(file), str(file)


def main(
    *,
    jobs: int = 0,
    products: int = 0,
    zips: tuple[int, str, int] = (0, "", 0),
    latency: float = 0.0,
    rate: float = 0.0,
    tls: bool = False,
) -> None:
    """Serve so many running jobs and L1C products, and finished jobs of one zip each: so many, of a kind and a size."""
    server.Handler = _Handler  # type: ignore[misc]
    Line.rate = rate
    with Sandbox(certificate=certificate(Path("authorities.pem")) if tls else None) as sandbox:
        for number in range(jobs):
            sandbox.add_job(product(number, timedelta(hours=1)), status="RUNNING", percent=42)
        count, kind, size = zips
        if count:
            write_zip(path := Path("served.zip"), kind, size)
            with path.open("rb") as file:
                content: Any = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            path.unlink()
        for number in range(count):
            # All of one datatake, so that the one product which every zip holds can be the result of each job.
            name = f"{ZIP.format(milliseconds=459 + number)}.zip"
            [result] = sandbox.add_job(product(number, timedelta(seconds=1)), results=(name,)).results
            result.content, result.etag, result.last_modified = content, None, None
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
