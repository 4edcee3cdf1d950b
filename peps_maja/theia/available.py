"""A product of Theia as the log knows it: the detail of its event `available`, and the name of its file."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

from peps_maja.products.names import L2AProduct
from peps_maja.theia.items import Zip, version_of

_UNKNOWN = "-"
_MD5 = re.compile(r"[0-9a-fA-F]{32}")
_UUID = re.compile(r"URN(?::|%3A)[^/]*?([0-9a-f]{8})-[0-9a-f]{4}-", re.IGNORECASE)


def detail_of(archive: Zip) -> str:
    """Return the detail of the event `available`: `ADDRESS SIZE MD5`, with `-` for what is not known."""
    size = _UNKNOWN if archive.size is None else str(archive.size)
    return f"{archive.address} {size} {archive.md5 or _UNKNOWN}"


def read_detail(detail: str) -> Zip | None:
    """Return what the detail of an `available` says; None if it was cut short or changed by hand."""
    words = detail.split()
    if len(words) != 3:
        return None
    address, size, md5 = words
    if not (size == _UNKNOWN or (size.isascii() and size.isdecimal())) or not (md5 == _UNKNOWN or _MD5.fullmatch(md5)):
        return None
    return Zip(address, None if size == _UNKNOWN else int(size), None if md5 == _UNKNOWN else md5.lower())


def file_names(job: str, archive: Zip) -> tuple[str, str]:
    """Return the usual name of a job's zip, and its own name for where another product has the usual one.

    Its own name has the first 8 characters of the MD5, else of the UUID in the address.
    """
    uuid = _UUID.search(archive.address)
    mark = archive.md5 or (uuid[1] if uuid else hashlib.sha256(archive.address.encode()).hexdigest())
    return f"{job}.zip", f"{job}.{mark[:8].lower()}.zip"


def belongs_to(job: str) -> Callable[[L2AProduct], bool]:
    """Return what tells whether a product found in a zip is the one that the job is for, in the same version."""
    wanted = L2AProduct.find(job)

    def belongs(product: L2AProduct) -> bool:
        return (
            wanted is not None
            and (product.satellite, product.tile, product.sight) == (wanted.satellite, wanted.tile, wanted.sight)
            and version_of(job) in {"", version_of(product.name)}
        )

    return belongs
