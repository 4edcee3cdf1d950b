"""What a result must be: a complete, valid zip of an L2A product of its job."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from io import BufferedReader, BytesIO

from peps_maja.errors import Broken
from peps_maja.products.names import L2AProduct, is_novald
from peps_maja.text import one_line

MOST_MEMBERS = 100_000  # an L2A product has about a hundred
_LARGEST_CONTENT = 100_000_000_000  # bytes that a zip may unpack to; an L2A product has 2 to 4 GB
_PARTS = ("_MTD_ALL.xml", ".tif")  # how the names of files end without which there is no product
_PIECE = 256 * 1024  # bytes that are unpacked at once
_END, _LONGEST_END = struct.Struct("<4s6xHI4xH"), 22 + 65_535  # APPNOTE.TXT, 4.3.16
Belongs = Callable[[L2AProduct], bool]


class Incomplete(Broken):
    """It begins as a zip and lacks its end: the rest may still come."""


class Damaged(Broken):
    """It is no zip that anybody can unpack."""


def check_zip(file: BufferedReader | BytesIO, belongs: Belongs, size: int | None = None, md5: str = "") -> None:
    """Read all of a zip; raise Broken unless it is complete and valid and holds a product that `belongs` to the job.

    Its MD5 (hex), where known, settles whose it is; else its size (bytes), where known, has to be right. Raises
    Incomplete if it lacks its end, Damaged if it is no sound zip otherwise, and OSError if the disk cannot be read.
    """
    try:
        file.seek(0)
        is_it = bool(md5) and hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False)).hexdigest() == md5
        _refuse_many(file)
        with zipfile.ZipFile(file) as archive:
            _check_product(archive.infolist(), (lambda _: True) if is_it else belongs)
            for member in archive.infolist():
                length = 0
                with archive.open(member) as content:
                    while piece := content.read(_PIECE):
                        length += len(piece)
                if length != member.file_size:
                    raise Damaged(f"the zip is damaged: {one_line(member.filename, 100)} is not as long as it says")
        if md5 and not is_it:
            raise Broken(f"its MD5 is not {md5}, as it should be")
        if not is_it and size not in {None, length := file.seek(0, os.SEEK_END)}:
            raise Broken(f"it has {length} bytes and should have {size}")
    except Broken:
        raise
    except Exception as error:
        # The decompressors name no complete list of what they raise over damaged bytes; OSError without a number or
        # with EINVAL (a seek to before the beginning) is among it. Any other one is the disk's, also where zipfile
        # makes a BadZipFile of it.
        for cause in (error, error.__context__):
            if isinstance(cause, OSError) and cause.errno not in {None, errno.EINVAL}:
                raise cause from None
        raise Damaged(f"the zip is damaged ({one_line(str(error), 100)})") from error


def _refuse_many(file: BufferedReader | BytesIO) -> None:
    """Raise Incomplete for a zip without its end, Broken for one of too many members: a million take 400 MB to list.

    Counted are the entries of the directory before the end, whatever number that gives.
    """
    length = file.seek(0, os.SEEK_END)
    file.seek(max(0, length - _LONGEST_END - 76))
    tail = file.read()
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise Incomplete("the zip lacks its end") if tail else Damaged("the zip is empty")
    directory: int = _END.unpack_from(tail, at)[2]
    if at >= 76 and tail[at - 76 : at - 72] == b"PK\6\6":  # zip64
        directory = struct.unpack_from("<Q", tail, at - 36)[0]
    end = length - len(tail) + at
    file.seek(max(0, end - directory - 76))
    entries = 0
    while entries <= MOST_MEMBERS and (left := end - file.tell()) > 0:
        entries += file.read(min(left, _PIECE)).count(b"PK\1\2")
    if entries > MOST_MEMBERS:
        raise Broken(f"the zip has more than {MOST_MEMBERS} members, which no product has")


def _check_product(members: Sequence[zipfile.ZipInfo], belongs: Belongs) -> None:
    """Raise Broken unless every product in the zip is the job's, and one has its metadata and at least one image."""
    if sum(member.file_size for member in members) > _LARGEST_CONTENT:
        raise Broken("the zip would unpack to more than any product has")
    if any(member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for member in members):
        raise Broken("the zip is packed in a way that no product is")  # and unpacking that can take gigabytes
    files: dict[L2AProduct, list[str]] = {}  # that hold something, by the products at the top of the zip
    for member in members:
        top, *_ = re.split(r"[/\\]", member.filename)
        if is_novald(top):
            raise Broken(f"the zip holds {one_line(top, 100)}, which is too cloudy and has nothing to use in it")
        if product := L2AProduct.find(top):
            files.setdefault(product, []).extend([member.filename] if member.file_size else [])
            if not belongs(product):
                raise Broken(f"the zip belongs to another job: it holds {product.name}")
    if not files:
        raise Broken("the zip holds no L2A product" if members else "the zip is empty")
    if not any(all(any(name.endswith(end) for name in names) for end in _PARTS) for names in files.values()):
        raise Broken(f"the zip lacks the metadata (*_MTD_ALL.xml) or all images (*.tif) of {next(iter(files)).name}")
