"""What is measured on, made for each run of the bench: logs, zips, a certificate.

    python material.py zip FILE bulk|stored|sparse|rasters BYTES
    python material.py certificate FOLDER

Zips and certificates are made by a process of their own, so that the one that measures stays small: the peak memory
that the kernel tells of a process is never less than that of the one that started it.
"""

from __future__ import annotations

import io
import os
import sys
import zipfile
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from random import Random
from typing import Any

from canned import DATATAKE, status_path, wps_id

_HEADER = "# peps_maja job log 1"
_FOLDER = DATATAKE.format(milliseconds=459)
_BLOCK = 1024 * 1024


def write_log(path: Path, names: Iterable[str], *, finished: bool) -> None:
    """Write a log of these jobs: submitted just now and open, or all `finished` with four lines each."""
    now = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    with path.open("w", encoding="utf-8", newline="\n") as log:
        log.write(_HEADER + "\n")
        for number, name in enumerate(names):
            url = f"https://peps.cnes.fr{status_path(wps_id(number))}"
            log.write(f"{now}\tsubmitting\t{name}\t\n{now}\tsubmitted\t{name}\t{url}\n")
            if finished:
                file = f"{DATATAKE.format(milliseconds=number % 1000)}.{number}.zip"
                log.write(f"{now}\tdownloaded\t{name}\t{file}\n{now}\tfinished\t{name}\t\n")


class _Sparse(io.FileIO):
    """A file that keeps no zeros, where the file system can leave them out."""

    def write(self, content: Any, /) -> int:
        if bytes(content).count(0) == len(content):
            self.seek(len(content), os.SEEK_CUR)
            return len(content)
        return super().write(content) or 0


def _write_zip(path: Path, kind: str, size: int) -> None:
    """Write a zip of an L2A product of about so many bytes.

    `stored`: one member as it is. `sparse`: the same of zeros, which take no room on the disk. `bulk`: tiny
    members, behind bytes that belong to no member: complete, valid, and next to nothing to check. `rasters`: deflated
    16-bit images with six bits of noise, of which two thirds are left, as of reflectances.
    """
    block = Random(1).randbytes(_BLOCK)
    if kind == "bulk":
        with path.open("wb") as bulk:
            bulk.write(b"PK\x03\x04")
            for _ in range(size // _BLOCK):
                bulk.write(block)
        with zipfile.ZipFile(path, "a") as archive:
            _complete(archive)
        return
    if kind == "rasters":
        _write_rasters(path, size)
        return
    content = bytes(_BLOCK) if kind == "sparse" else block
    with (
        _Sparse(path, "w") if kind == "sparse" else io.FileIO(path, "w") as file,
        zipfile.ZipFile(file, "w") as archive,
        archive.open(f"{_FOLDER}/{_FOLDER}_FRE_B2.tif", "w") as member,
    ):
        for _ in range(size // _BLOCK):
            member.write(content)
    with zipfile.ZipFile(path, "a") as archive:
        _complete(archive)


def _write_rasters(path: Path, size: int) -> None:
    random = Random(1)
    number = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        while path.stat().st_size < size:
            number += 1
            with archive.open(f"{_FOLDER}/{_FOLDER}_FRE_B{number}.tif", "w") as member:
                for _ in range(10):
                    member.write(_raster(random))
        _complete(archive)


def _complete(archive: zipfile.ZipFile) -> None:
    """Add what every product has: its metadata, and a small mask."""
    archive.writestr(f"{_FOLDER}/{_FOLDER}_MTD_ALL.xml", "<Muscate_Metadata_Document/>")
    archive.writestr(f"{_FOLDER}/MASKS/{_FOLDER}_CLM_R1.tif", bytes(100))


def _raster(random: Random) -> bytes:
    """Return a megabyte of 16-bit samples that drift slowly under six bits of noise."""
    samples = bytearray(_BLOCK)
    samples[0::2] = random.randbytes(_BLOCK // 2).translate(bytes(value & 63 for value in range(256)))
    samples[1::2] = b"".join(bytes([random.randrange(2, 8)]) * 512 for _ in range(_BLOCK // 1024))
    return bytes(samples)


def _issue_certificate(folder: Path) -> None:
    """Write a server's certificate for localhost, and its authority among all that clients trust anyway."""
    import certifi
    import trustme

    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    # The whole bundle, for reading it is what a TLS connection costs first of all.
    (folder / "authorities.pem").write_bytes(Path(certifi.where()).read_bytes() + authority.cert_pem.bytes())


def main(arguments: list[str]) -> None:
    """Make what the command line names."""
    match arguments:
        case ["zip", path, kind, size]:
            _write_zip(Path(path), kind, int(size))
        case ["certificate", folder]:
            _issue_certificate(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
