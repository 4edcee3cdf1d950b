"""What a result must be: a whole, sound zip with the L2A product of its job inside, under a harmless name."""

from __future__ import annotations

import errno
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from struct import error as struct_error
from urllib.parse import unquote, urlsplit

from .errors import PepsError
from .products import L2AProduct, is_novald
from .text import one_line

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_LONGEST_NAME = 200  # bytes; a file system takes 255, and `.12345678.zip.part.json` comes behind
_LARGEST_CONTENT = 100_000_000_000  # bytes that a zip may unfold to; an L2A product has 2 to 4 GB
# What the standard library raises over a damaged zip, beside BadZipFile.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct_error,
)

Belongs = Callable[[L2AProduct], bool]


class Broken(PepsError):
    """What the server sends for a result is no sound zip of its job."""


def bare_name(address: str, otherwise: str) -> str:
    """Return the file name for a result: the last part of its address, harmless and ending in `.zip`.

    Nothing of it can leave the folder, hide in it or upset a file system; `otherwise` serves where none is left.
    """
    last = re.split(r"[/\\]", unquote(urlsplit(address).path))[-1]
    name = re.sub(r'[\s<>:"|?*]+', "_", one_line(last, 1000)).strip("._")
    stem = name[:-4] if name.lower().endswith(".zip") else name
    return (stem.encode()[:_LONGEST_NAME].decode(errors="ignore").strip("._") or otherwise) + ".zip"


def products_in(folder: Path) -> list[L2AProduct]:
    """Return the L2A products that lie in a folder, zipped or unpacked, whoever put them there."""
    try:
        entries = list(folder.iterdir())
    except FileNotFoundError:
        return []
    there = [entry.name for entry in entries if entry.is_dir() or (entry.suffix == ".zip" and entry.stat().st_size)]
    return [product for name in there if not is_novald(name) and (product := L2AProduct.find(name))]


def is_whole(path: Path, belongs: Belongs) -> bool:
    """Tell whether there is a sound zip at `path` that belongs to the job."""
    try:
        check_zip(path, path.name, belongs)
    except (Broken, FileNotFoundError):
        return False
    return True


def check_zip(path: Path, name: str, belongs: Belongs) -> None:
    """Read all of the zip at `path`, which the server calls `name`; raise Broken unless it is sound and the job's."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > _LARGEST_CONTENT:
                raise Broken("the zip would unfold to more than any product has")
            _check_product(
                [name, *dict.fromkeys(re.split(r"[/\\]", member.filename)[0] for member in members)], belongs
            )
            damaged = archive.testzip()
    except _DAMAGE as error:
        raise Broken(f"the zip is damaged ({one_line(str(error), 100)})") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # a seek to before the file's beginning
            raise
        raise Broken("the zip is damaged") from error
    if damaged is not None:
        raise Broken(f"the zip is damaged: {one_line(damaged, 100)} has a wrong checksum")


def _check_product(names: list[str], belongs: Belongs) -> None:
    products = [product for name in names if (product := L2AProduct.find(name))]
    if not products:
        raise Broken("the zip holds no L2A product")
    for product in products:
        if not belongs(product):
            raise Broken(f"the zip belongs to another job: it holds {product.name}")
