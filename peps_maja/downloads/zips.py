"""What a result must be: a complete, valid zip of an L2A product of its job, under a harmless name."""

from __future__ import annotations

import errno
import hashlib
import re
import zipfile
from collections.abc import Callable, Iterable
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from peps_maja.errors import Broken
from peps_maja.products.names import L2AProduct, is_novald
from peps_maja.text import one_line

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_LONGEST_NAME = 200  # bytes; a file system takes 255, and `.12345678.zip.part.json` comes behind
_LARGEST_CONTENT = 100_000_000_000  # bytes that a zip may unpack to; an L2A product has 2 to 4 GB
_PARTS = ("_MTD_ALL.xml", ".tif")  # how the names of files end without which there is no product
_PIECE = 256 * 1024  # bytes that are unpacked at once
Belongs = Callable[[L2AProduct], bool]


def bare_name(address: str, otherwise: str) -> str:
    """Return the file name for a result: the last part of its address, harmless and ending in `.zip`.

    Nothing of it can leave the folder, hide in it or upset a file system; `otherwise` serves where none is left.
    """
    try:
        last = re.split(r"[/\\]", unquote(urlsplit(address).path))[-1]
    except ValueError:  # not an address at all
        last = ""
    name = re.sub(r'[\s<>:"|?*]+', "_", one_line(last, 1000)).strip("._")
    stem = name[:-4] if name.lower().endswith(".zip") else name
    return (stem.encode()[:_LONGEST_NAME].decode(errors="ignore").strip("._") or otherwise) + ".zip"


def check_zip(zipped: Path | BinaryIO, belongs: Belongs) -> None:
    """Read all of a zip; raise Broken unless it is complete and valid and holds a product that `belongs` to the job.

    Raises OSError if the disk cannot be read: then nothing is known about the zip.
    """
    try:
        with zipfile.ZipFile(zipped) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > _LARGEST_CONTENT:
                raise Broken("the zip would unpack to more than any product has")
            _check_product(members, belongs)
            damaged = next((member.filename for member in members if _is_damaged(archive, member)), None)
    except Exception as error:
        if isinstance(error, Broken):
            raise
        # The decompressors name no complete list of what they raise over damaged bytes; OSError without a number or
        # with EINVAL (a seek to before the beginning) is among it. Any other one is the disk's, also where zipfile
        # makes a BadZipFile of it.
        for cause in (error, error.__context__):
            if isinstance(cause, OSError) and cause.errno not in {None, errno.EINVAL}:
                raise cause from None
        raise Broken(f"the zip is damaged ({one_line(str(error), 100)})") from error
    if damaged is not None:
        raise Broken(f"the zip is damaged: {one_line(damaged, 100)} has a wrong checksum")


def md5_of(file: BufferedReader) -> str:
    """Return the MD5 of a file's content, in hex."""
    file.seek(0)
    return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _is_damaged(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(member) as content:
            while content.read(_PIECE):
                pass
    except zipfile.BadZipFile:
        return True
    return False


def _check_product(members: Iterable[zipfile.ZipInfo], belongs: Belongs) -> None:
    """Raise Broken unless every product in the zip is the job's, and one has its metadata and at least one image."""
    contents: dict[str, list[str]] = {}  # names of files that hold something, by what stands at the top of the zip
    for member in members:
        top, *_ = re.split(r"[/\\]", member.filename)
        contents.setdefault(top, []).extend([member.filename] if member.file_size else [])
    products: dict[L2AProduct, list[str]] = {}
    for top, files in contents.items():
        if is_novald(top):
            raise Broken(f"the zip holds {one_line(top, 100)}, which is too cloudy and has nothing to use in it")
        if product := L2AProduct.find(top):
            products.setdefault(product, []).extend(files)
    if not products:
        raise Broken("the zip holds no L2A product" if contents else "the zip is empty")
    for product in products:
        if not belongs(product):
            raise Broken(f"the zip belongs to another job: it holds {product.name}")
    if not any(all(any(file.endswith(end) for file in files) for end in _PARTS) for files in products.values()):
        raise Broken(f"the zip lacks the metadata (*_MTD_ALL.xml) or all images (*.tif) of {next(iter(products)).name}")
