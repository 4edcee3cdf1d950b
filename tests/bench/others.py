"""What our scripts are measured against, and with: `python others.py NAME …`, each in a process of its own."""

from __future__ import annotations

import math
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

import requests

ACCOUNT = ("me@example.org", "secret")
THREADS = 8
ZIP = "SENTINEL2A_20180101-105426-{milliseconds:03}_L2A_T31TCJ_D"
_WPS = "/resto/wps?service=WPS&version=1.0.0&request="
_BLOCK = 1024 * 1024
_FIRST = datetime(2018, 1, 1, 10, 50, 21)  # noqa: DTZ001 - only ever written into names


def product(number: int, apart: timedelta = timedelta(days=1)) -> str:
    """Return the name of an L1C product; its sensing starts so many times `apart` after the first one's."""
    sensing = _FIRST + number * apart
    return f"S2A_MSIL1C_{sensing:%Y%m%dT%H%M%S}_N0206_R051_T31TCJ_{sensing + timedelta(hours=2):%Y%m%dT%H%M%S}"


def poll(server: str, listing: str) -> None:
    """Ask for status document, refresh and report of each job; the file holds their status URLs."""
    jobs = Path(listing).read_text(encoding="utf-8").split()

    def ask(urls: list[str]) -> None:
        with requests.Session() as session:
            session.auth = ACCOUNT
            for url in urls:
                wps_id = url.rpartition("/pywps-")[2].removesuffix(".xml")
                refresh = f"{server}{_WPS}execute&identifier=PROCESSING_STATUS&datainputs=wps_id={wps_id}"
                for address in (url, refresh, url.replace("pywps-", "report-").replace(".xml", ".json")):
                    session.get(address, timeout=30).raise_for_status()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(ask, [jobs[first::THREADS] for first in range(THREADS)]))


def submit(server: str, jobs: str) -> None:
    """Ask for catalogue and capabilities, then submit the products one after the other."""
    with requests.Session() as session:
        session.auth = ACCOUNT
        session.get(f"{server}/resto/api/collections/S2ST/search.json?maxRecords=500", timeout=30).json()
        session.get(f"{server}{_WPS}GetCapabilities", timeout=30).raise_for_status()
        for number in range(int(jobs)):
            inputs = f"identifier=MAJA&datainputs=product={product(number)}&storeExecuteResponse=true&status=true"
            session.get(f"{server}{_WPS}execute&{inputs}", timeout=30).raise_for_status()


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
    """Print the seconds that reading a log as bytes, as text, and replaying it takes."""
    from peps_maja.joblog.log import JobLog

    log = Path(path)
    log.read_bytes()
    for work in (log.read_bytes, lambda: log.read_text(encoding="utf-8"), lambda: JobLog(log).replay()):
        begun = time.perf_counter()
        work()
        print(time.perf_counter() - begun)


def write_zip(path: str, kind: str, size: str) -> None:
    """Write a zip of an L2A product of about so many bytes.

    `rasters`: deflated images under noise, of which two thirds are left. `stored`: one member as it is. `bulk`: tiny
    members behind bytes that belong to none: complete, valid, and next to nothing to check.
    """
    from peps_maja.sandbox import make_zip

    name, block, blocks = ZIP.format(milliseconds=459), Random(1).randbytes(_BLOCK), int(size) // _BLOCK
    content = make_zip(name, math.isqrt(int(size) // 10) if kind == "rasters" else 8)
    with Path(path).open("wb") as file:
        if kind == "bulk":
            file.write(b"PK\x03\x04")
            file.writelines(block for _ in range(blocks))
        file.write(content)
    if kind == "stored":
        with zipfile.ZipFile(path, "a") as archive, archive.open(f"{name}/big.tif", "w", force_zip64=True) as member:
            for _ in range(blocks):
                member.write(block)


def certificate(folder: str) -> None:
    """Issue a server's certificate, and write its authority among all that clients trust anyway."""
    import certifi
    import trustme

    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(Path(folder, "server.pem"))
    # The whole bundle, for reading it is what a TLS connection costs first of all.
    Path(folder, "authorities.pem").write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())


if __name__ == "__main__":
    works: tuple[Callable[..., None], ...] = (poll, submit, geodes, replay, write_zip, certificate)
    commands = {work.__name__.removeprefix("write_"): work for work in works}
    commands[sys.argv[1]](*sys.argv[2:])
