"""The pictures beside a page: the quicklook out of each product, under the product's name.

A picture is made if it is missing or older than its product: so no list of them is needed, and an unchanged product is
not opened again.
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from peps_maja.disk import replacing

PICTURES = "quicklooks"  # the folder beside the page
LARGEST_PICTURE, LARGEST_METADATA = 20_000_000, 5_000_000  # bytes

_BEGIN, _END = b"\xff\xd8\xff", b"\xff\xd9"  # of a JPEG; more bytes may follow
# As MAJA writes it (MUSCATE format), among the quality indices of the whole product.
_CLOUDS = re.compile(rb"""name=["']CloudPercent["'][^>]*>\s*([0-9]{1,9}(?:\.[0-9]{1,20})?)\s*<""")


@dataclass(frozen=True)
class Picture:
    """The file that shows a product, or (where that is empty) the reason why there is none."""

    file: str = ""
    reason: str = ""

    @property
    def address(self) -> str:
        """Where it is, seen from the page."""
        return quote(os.fsencode(f"{PICTURES}/{self.file}"))


class _UnusableError(Exception):
    """A product does not have what is looked for; the message is the reason."""


def picture_of(product: Path, folder: Path) -> Picture:
    """Return the picture of a zip or an unpacked product; OSError where a new one cannot be written.

    Of a product that is not there any more, the picture from when it was.
    """
    path = folder / f"{product.name.removesuffix('.zip')}.jpg"
    made = path.stat() if path.is_file() else None
    if not product.exists():
        return Picture(path.name) if made else Picture(reason="the product is not in the folder any more")
    if made is None or made.st_size == 0 or made.st_mtime_ns < product.stat().st_mtime_ns:
        try:
            content = _read(product, "_QKL_ALL.jpg", LARGEST_PICTURE)
        except _UnusableError as error:
            return Picture(reason=f"the quicklook {error}")
        if not is_picture(content):
            return Picture(reason="the quicklook is damaged")
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content)
    return Picture(path.name)


def is_picture(content: bytes) -> bool:
    """Return whether this is a complete picture, as far as its marks tell."""
    return content.startswith(_BEGIN) and _END in content


def clouds_of(product: Path) -> float | None:
    """Return the clouds that a product's metadata tell, in per cent; None if they do not."""
    try:
        found = _CLOUDS.search(_read(product, "_MTD_ALL.xml", LARGEST_METADATA))
    except _UnusableError:
        return None
    return min(float(found[1]), 100.0) if found else None


def _read(product: Path, ending: str, limit: int) -> bytes:
    """Return the first file of a product whose name ends so, its checksum compared; raise _UnusableError."""
    streams: Iterator[IO[bytes]]
    try:
        with ExitStack() as stack:
            if product.is_dir():
                streams = (path.open("rb") for path in sorted(product.rglob(f"*{ending}")) if path.is_file())
            else:
                archive = stack.enter_context(zipfile.ZipFile(product))
                streams = (archive.open(name) for name in archive.namelist() if name.endswith(ending))
            stream = next(streams, None)
            content = stack.enter_context(stream).read(limit + 1) if stream else None
    except OSError as error:
        raise _UnusableError(f"cannot be read: {error.strerror or error}") from error
    except Exception as error:  # the decompressors have no complete list of what they raise over damaged bytes
        raise _UnusableError("is damaged") from error
    if content is None:
        raise _UnusableError("is not in the product")
    if len(content) > limit:
        raise _UnusableError("is too large")
    return content
