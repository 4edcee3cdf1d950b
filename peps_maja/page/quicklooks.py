"""The quicklook and the clouds of a product, a zip or an unpacked folder, as it has them."""

from __future__ import annotations

import errno
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

DAMAGED, UNREADABLE = "the quicklook is damaged", "the product cannot be read"
LARGEST_PICTURE = 20_000_000  # bytes
LARGEST_METADATA = 5_000_000  # bytes
_PIECE = 1_000_000  # bytes read at once

_QUICKLOOK = re.compile(r"_QKL_ALL\.(?:jpg|png)$", re.IGNORECASE)
_METADATA = re.compile(r"_MTD_ALL\.xml$", re.IGNORECASE)
# As MAJA writes it (MUSCATE format), among the quality indices of the whole product.
_CLOUDS = re.compile(rb"""name=["']CloudPercent["'][^>]*>\s*([0-9]{1,9}(?:\.[0-9]{1,20})?)\s*<""")

# The first and the last bytes of a picture, by the ending of its name.
_FRAMES = {
    ".jpg": (b"\xff\xd8\xff", b"\xff\xd9"),
    ".png": (b"\x89PNG\r\n\x1a\n", b"IEND\xae\x42\x60\x82"),
}
_Open = Callable[[str], IO[bytes]]


@dataclass(frozen=True)
class Quicklook:
    """A picture with the ending of its name (`.jpg`), or the reason why there is none; clouds in percent, if known."""

    picture: bytes | bytearray = b""
    ending: str = ""
    reason: str = ""
    clouds: float | None = None


def read_quicklook(product: Path) -> Quicklook:
    """Return the quicklook of a product: complete and of the kind that its name says, or none."""
    clouds = None
    try:
        with _opened(product) as (names, opens):
            clouds = _clouds(names, opens)
            name = next(filter(_QUICKLOOK.search, names), None)
            if name is None:
                return Quicklook(reason="no quicklook in the product", clouds=clouds)
            picture = _read(opens(name), LARGEST_PICTURE)
    except _TooLargeError:
        return Quicklook(reason="the quicklook is too large", clouds=clouds)
    except OSError as error:
        is_of_disk = error.errno not in {None, errno.EINVAL}  # the latter is what damaged bytes make of a seek
        return Quicklook(reason=UNREADABLE if is_of_disk else DAMAGED, clouds=clouds)
    except Exception:  # the decompressors name no complete list of what they raise over damaged bytes
        return Quicklook(reason=DAMAGED, clouds=clouds)
    ending = name[-4:].lower()
    start, end = _FRAMES[ending]
    if not (picture.startswith(start) and picture.endswith(end)):
        return Quicklook(reason=DAMAGED, clouds=clouds)
    return Quicklook(picture, ending, clouds=clouds)


class _TooLargeError(Exception):
    """A file inside a product is larger than any file of its kind."""


@contextmanager
def _opened(product: Path) -> Iterator[tuple[list[str], _Open]]:
    """Give the names of a product's files, and what opens one of them."""
    if product.is_dir():
        paths = (path for path in product.rglob("*_ALL.*") if path.is_file())
        yield sorted(str(path.relative_to(product)) for path in paths), lambda name: (product / name).open("rb")
    else:
        with zipfile.ZipFile(product) as archive:
            yield archive.namelist(), archive.open


def _read(opened: IO[bytes], limit: int) -> bytearray:
    """Return the bytes of a file, their checksum compared; raise _TooLargeError if there are more than `limit`."""
    content = bytearray()
    with opened as file:
        while piece := file.read(_PIECE):
            content += piece
            if len(content) > limit:
                raise _TooLargeError
    return content


def _clouds(names: Iterable[str], opens: _Open) -> float | None:
    name = next(filter(_METADATA.search, names), None)
    with suppress(Exception):  # damaged metadata say nothing, and the quicklook may be complete all the same
        found = _CLOUDS.search(_read(opens(name), LARGEST_METADATA)) if name else None
        return min(float(found[1]), 100.0) if found else None
    return None
