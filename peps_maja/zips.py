"""What a result must be: a whole, sound zip of an L2A product of its job, under a harmless name."""

from __future__ import annotations

import errno
import re
import zipfile
from collections.abc import Callable, Container
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import PepsError, UsageError
from .members import LARGEST_CONTENT, PIECE, Member
from .products import L2AProduct, is_novald
from .text import one_line

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_LONGEST_NAME = 200  # bytes; a file system takes 255, and `.12345678.zip.part.json` comes behind
Belongs = Callable[[L2AProduct], bool]


class Broken(PepsError):
    """What the server sends for a result is no sound zip of its job."""


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


def products_in(folder: Path | None) -> dict[str, L2AProduct]:
    """Return the L2A products in a folder, if any, whoever put them there, by the names of their zips without `.zip`.

    An unpacked product is the same as its zip.
    """
    try:
        entries = list(folder.iterdir()) if folder else []
    except OSError as error:
        raise UsageError(
            f"cannot read the folder {folder}: {error.strerror}; correct --write-dir, or make it"
        ) from None
    names = [entry.name for entry in entries if entry.is_dir() or (entry.suffix == ".zip" and _has_content(entry))]
    found = {name.removesuffix(".zip"): L2AProduct.find(name) for name in names if not is_novald(name)}
    return {name: product for name, product in found.items() if product}


def _has_content(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def is_whole(path: Path, belongs: Belongs) -> bool:
    """Tell whether there is a sound zip at `path` that belongs to the job."""
    try:
        check_zip(path, path.name, belongs)
    except (Broken, FileNotFoundError):
        return False
    except OSError as error:
        raise PepsError(f"cannot read {path}: {error.strerror}; mend that, the next run tries again") from error
    return True


def check_zip(path: Path, name: str, belongs: Belongs, sound: Container[Member] = frozenset()) -> None:
    """Read the zip at `path`, which the server calls `name`; raise Broken unless it is sound and the job's.

    Of members that are known to be `sound`, the headers alone are read again.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if sum(member.file_size for member in members) > LARGEST_CONTENT:
                raise Broken("the zip would unfold to more than any product has")
            folders = dict.fromkeys(re.split(r"[/\\]", member.filename)[0] for member in members)
            _check_product([name, *folders], belongs)
            damaged = next((member.filename for member in members if _is_damaged(archive, member, sound)), None)
    except Exception as error:
        if isinstance(error, Broken):
            raise
        # The decompressors name no complete list of what they raise over damaged bytes; OSError without a number or
        # with EINVAL (a seek to before the beginning) is among it. Any other one is the disk's.
        if isinstance(error, OSError) and error.errno not in {None, errno.EINVAL}:
            raise
        raise Broken(f"the zip is damaged ({one_line(str(error), 100)})") from error
    if damaged is not None:
        raise Broken(f"the zip is damaged: {one_line(damaged, 100)} has a wrong checksum")


def _is_damaged(archive: zipfile.ZipFile, member: zipfile.ZipInfo, sound: Container[Member]) -> bool:
    """Open a member, and read all of it unless it is known to be sound; tell whether it is not what it should be."""
    try:
        with archive.open(member) as content:
            while Member.listed(member) not in sound and content.read(PIECE):
                pass
    except zipfile.BadZipFile:
        return True
    return False


def _check_product(names: list[str], belongs: Belongs) -> None:
    if len(names) < 2:
        raise Broken("the zip is empty")
    products = [product for name in names if (product := L2AProduct.find(name))]
    if not products:
        raise Broken("the zip holds no L2A product")
    for product in products:
        if not belongs(product):
            raise Broken(f"the zip belongs to another job: it holds {product.name}")
