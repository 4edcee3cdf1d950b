"""What our scripts are measured against, and with: each command in a process of its own.

python others.py poll SERVER JOBS     the three requests of each job, in eight threads with a session each
python others.py submit SERVER JOBS   catalogue, capabilities, and one request a job
python others.py download URL FILE    in the 8 KiB chunks of many an example
python others.py geodes SERVER        all pages of a search of one tile over a year
python others.py replay LOG           seconds of reading it as bytes, as text, and of replaying it
python others.py zip FILE KIND BYTES  a zip of an L2A product: bulk, stored, sparse or rasters
python others.py certificate FOLDER   a server's certificate, and the authorities that make it trusted
"""

from __future__ import annotations

import io
import os
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import requests
from server import product

ACCOUNT = ("me@example.org", "secret")
THREADS = 8
ZIP = "SENTINEL2A_20180101-105426-{milliseconds:03}_L2A_T31TCJ_D"
_WPS = "/resto/wps?service=WPS&version=1.0.0&request="
_BLOCK = 1024 * 1024


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


def download(url: str, path: str) -> None:
    """Bring one file."""
    with requests.get(url, stream=True, auth=ACCOUNT, timeout=30) as answer, Path(path).open("wb") as file:
        for chunk in answer.iter_content(8192):
            file.write(chunk)


def geodes(server: str) -> None:
    """Ask GEODES for all pages of a search."""
    query = {
        "dataset": {"eq": "THEIA_REFLECTANCE_SENTINEL2_L2A"},
        "grid:code": {"contains": "31TCJ"},
        "start_datetime": {"gte": "2019-01-01T00:00:00Z", "lte": "2019-12-31T23:59:59.999Z"},
    }
    body: dict[str, Any] = {"limit": 80, "query": query, "sortBy": [{"field": "start_datetime", "direction": "asc"}]}
    with requests.Session() as session:
        page, has_next = 1, True
        while has_next:
            answer = session.post(f"{server}/api/stac/search", json=body | {"page": page}, timeout=30).json()
            page, has_next = page + 1, any(link["rel"] == "next" for link in answer["links"])


def replay(path: str) -> None:
    """Time what every run of the downloader does with a log."""
    from peps_maja.joblog.log import JobLog

    def taken(work: Callable[[], object]) -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    log = Path(path)
    log.read_bytes()
    print(taken(log.read_bytes), taken(lambda: log.read_text(encoding="utf-8")), taken(lambda: JobLog(log).replay()))


class _Sparse(io.FileIO):
    """A file that keeps no zeros, where the file system can leave them out."""

    def write(self, content: Any, /) -> int:
        if bytes(content).count(0) == len(content):
            self.seek(len(content), os.SEEK_CUR)
            return len(content)
        return super().write(content) or 0


def write_zip(path: str, kind: str, size: str) -> None:
    """Write a zip of an L2A product of about so many bytes.

    `stored`: one member as it is. `sparse`: the same of zeros, which take no room on the disk. `bulk`: tiny members
    behind bytes that belong to none: complete, valid, and next to nothing to check. `rasters`: deflated 16-bit images
    with six bits of noise, of which two thirds are left, as of reflectances.
    """
    name, random, blocks = ZIP.format(milliseconds=459), Random(1), int(size) // _BLOCK
    file: Any = _Sparse(path, "w") if kind == "sparse" else io.FileIO(path, "w")
    content = bytes(_BLOCK) if kind == "sparse" else random.randbytes(_BLOCK)
    if kind == "bulk":
        file.write(b"PK\x03\x04")
        for _ in range(blocks):
            file.write(content)
    else:
        method = zipfile.ZIP_DEFLATED if kind == "rasters" else zipfile.ZIP_STORED
        with zipfile.ZipFile(file, "w", method) as archive:
            for number in range(max(blocks * 3 // 20, 1) if kind == "rasters" else 1):
                with archive.open(f"{name}/{name}_FRE_B{number}.tif", "w", force_zip64=True) as member:
                    for _ in range(10 if kind == "rasters" else blocks):
                        member.write(_raster(random) if kind == "rasters" else content)
    file.close()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{name}/{name}_MTD_ALL.xml", "<Muscate_Metadata_Document/>")
        archive.writestr(f"{name}/MASKS/{name}_CLM_R1.tif", bytes(100))


def _raster(random: Random) -> bytes:
    """Return a megabyte of 16-bit samples that drift slowly under six bits of noise."""
    samples = bytearray(_BLOCK)
    samples[0::2] = random.randbytes(_BLOCK // 2).translate(bytes(value & 63 for value in range(256)))
    samples[1::2] = b"".join(bytes([random.randrange(2, 8)]) * 512 for _ in range(_BLOCK // 1024))
    return bytes(samples)


def certificate(folder: str) -> None:
    """Issue a server's certificate, and write its authority among all that clients trust anyway."""
    import certifi
    import trustme

    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(Path(folder, "server.pem"))
    # The whole bundle, for reading it is what a TLS connection costs first of all.
    Path(folder, "authorities.pem").write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())


if __name__ == "__main__":
    commands: dict[str, Callable[..., None]] = {
        work.__name__: work for work in (poll, submit, download, geodes, replay, certificate)
    } | {"zip": write_zip}
    commands[sys.argv[1]](*sys.argv[2:])
