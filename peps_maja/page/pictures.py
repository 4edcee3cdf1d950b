"""The folder of pictures beside a page: each quicklook extracted once, and removed when it is not shown any more.

A list in that folder says which pictures the page has put there, and from which state of which product. So an unchanged
product is not opened again, and nothing that somebody else put there is ever replaced or removed.
"""

from __future__ import annotations

import errno
import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from peps_maja.disk import replacing
from peps_maja.page.quicklooks import UNREADABLE, read_quicklook

LIST = "made_by_peps_maja.jsonl"
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")  # in the name of a picture


@dataclass(frozen=True)
class Picture:
    """The file that shows a product, or (where that is empty) the reason why there is none; clouds in percent."""

    file: str = ""
    reason: str = ""
    clouds: float | None = None


@dataclass(frozen=True)
class _Made:
    """A picture, and size and time of the product and of the picture's file when it was made.

    Without the latter, a run was ended before it knew them: the name is taken, and the picture is made again.
    """

    source: list[int]
    stamp: list[int] | None
    picture: Picture


class Pictures:
    """The pictures in a folder, by the names of their products without `.zip`. Raises OSError if it cannot write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._list = folder / LIST
        self._listed = self._read_list()
        self._known = dict(self._listed)
        self._shown: dict[str, _Made] = {}
        self._is_list_current = True

    def of(self, product: Path) -> Picture:
        """Return the picture of a product; extract it unless that was done before."""
        name = product.name.removesuffix(".zip")
        try:
            source = _stamp(product)
        except OSError:
            return self.kept(name)
        made = self._known.get(name)
        if made is None or made.source != source or not self._is_there(made):
            made = self._make(product, name, source)
        self._shown[name] = made
        return made.picture

    def kept(self, name: str) -> Picture:
        """Return the picture of a product that is not in its folder any more, if it was made while it was there."""
        made = self._known.get(name)
        if made is None or not (made.picture.file and self._is_there(made)):
            return Picture(reason="the product is not in the folder any more")
        self._shown[name] = made
        return made.picture

    def finish(self) -> None:
        """Remove the pictures that the page does not show any more, and list those that it shows."""
        shown = {made.picture.file for made in self._shown.values()}
        for _, made in self._listed:
            file = made.picture.file
            if file and file not in shown and (made.stamp is None or self._is_there(made)):
                (self._folder / file).unlink(missing_ok=True)
        if self._shown != self._known or not self._is_list_current:
            self._folder.mkdir(parents=True, exist_ok=True)
            with replacing(self._list) as listed:
                listed.writelines(_line(name, made) for name, made in self._shown.items())

    def _make(self, product: Path, name: str, source: list[int]) -> _Made:
        self._is_list_current = False
        found = read_quicklook(product)
        if not found.picture:
            is_final = found.reason != UNREADABLE
            return _Made(source if is_final else [], None, Picture("", found.reason, found.clouds))
        path = self._path_for(name, found.ending)
        made = _Made(source, None, Picture(path.name, "", found.clouds))
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._list.open("ab") as file:  # first of all: a run may be ended at any moment
            file.write(_line(name, made))
        with replacing(path) as file:
            file.write(found.picture)
        return _Made(source, _stamp(path), made.picture)

    def _path_for(self, product: str, ending: str) -> Path:
        """Return where a picture goes: never over another picture, or over a file that somebody else has put there."""
        stem = _UNSAFE.sub("_", product)[:150].lstrip(".") or "picture"
        path, number = self._folder / f"{stem}{ending}", 1
        while not self._is_free(path, product):
            number += 1
            path = self._folder / f"{stem}_{number}{ending}"
        return path

    def _is_free(self, path: Path, product: str) -> bool:
        owners = [name for name, made in (self._known | self._shown).items() if made.picture.file == path.name]
        if not owners and os.path.lexists(path):  # perhaps another run has made it meanwhile
            owners = [name for name, made in self._read_list() if made.picture.file == path.name]
            return product in owners
        return owners in ([], [product])

    def _is_there(self, made: _Made) -> bool:
        """Return True if the picture is there as it was put there (or if there is none to be there)."""
        if not made.picture.file:
            return True
        try:
            return _stamp(self._folder / made.picture.file) == made.stamp
        except OSError:
            return False

    def _read_list(self) -> list[tuple[str, _Made]]:
        """Return what earlier runs have listed; lines that cannot be read count for nothing."""
        if self._list.exists() and not self._list.is_file():  # to open a pipe could take for ever
            raise FileExistsError(errno.EEXIST, f"{self._list} is not a regular file")
        try:
            lines = self._list.read_bytes().splitlines()
        except OSError:
            return []
        return [row for row in map(_read_line, lines) if row]


def _line(name: str, made: _Made) -> bytes:
    """Return a line of the list. The line end before it keeps it apart from one that was cut short."""
    return b"\n" + json.dumps([name, asdict(made)]).encode() + b"\n"


def _read_line(line: bytes) -> tuple[str, _Made] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match row:
        case [
            str() as name,
            {
                "source": source,
                "stamp": stamp,
                "picture": {
                    "file": str() as file,
                    "reason": str() as reason,
                    "clouds": int() | float() | None as clouds,
                },
            },
        ] if not (_UNSAFE.search(file) or file.startswith(".")):
            return name, _Made(source, stamp, Picture(file, reason, clouds))
    return None


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]
