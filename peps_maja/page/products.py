"""The products in the folder as the page shows them: by acquisition, whoever put them there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote

from peps_maja.commands.downloader.dates import MOVED_AWAY, ON_DISK, Entry, bytes_of
from peps_maja.downloads.zips import products_in
from peps_maja.page.pictures import Picture, Pictures
from peps_maja.products.names import L2AProduct
from peps_maja.text import one_line, size

Acquired = tuple[str, date, str]  # tile, day and satellite


@dataclass(frozen=True)
class Product:
    """A product: the address of its file as seen from the page (none if it was moved away), its size as text."""

    name: str
    address: str
    size: str
    picture: Picture
    is_theias: bool


class Products:
    """Finds the products of an acquisition: those of its jobs, and what else is in the folder of it."""

    def __init__(self, entries: Sequence[Entry], folder: Path, page: Path, pictures: Pictures) -> None:
        self._folder = folder
        self._page = page
        self._pictures = pictures
        of_jobs = {_stem(entry.file) for entry in entries}
        acquisitions = {acquired(entry) for entry in entries}
        self._others: dict[Acquired, list[str]] = {}
        for name, product in products_in(folder if folder.is_dir() else None).items():
            key = next((key for key in _possible(product) if key in acquisitions), None)
            if key and name not in of_jobs:
                self._others.setdefault(key, []).append(name)

    def of(self, entries: Iterable[Entry]) -> tuple[Product, ...]:
        """Return the products of the acquisition that these entries of the ledger are about, in the order of names."""
        found = {}
        for entry in entries:
            if entry.state == ON_DISK:
                found[_stem(entry.file)] = self._product(self._folder / entry.file, entry.bytes)
            elif entry.state == MOVED_AWAY and (kept := self._pictures.kept(_stem(entry.file))).file:
                found[_stem(entry.file)] = Product(plain(entry.file), "", "", kept, is_theias(entry.file))
            for name in self._others.get(acquired(entry), ()):
                zipped = self._folder / f"{name}.zip"
                found[name] = self._product(zipped if zipped.is_file() else self._folder / name)
        return tuple(found[name] for name in sorted(found))

    def _product(self, path: Path, number: int | None = None) -> Product:
        number = bytes_of(path) if number is None else number
        address = quote(os.fsencode(os.path.relpath(path, self._page)))
        return Product(plain(path.name), address, size(number), self._pictures.of(path), is_theias(path.name))


def acquired(entry: Entry) -> Acquired:
    """Return what the entries of one acquisition have in common."""
    return entry.tile, entry.day, entry.satellite


def is_theias(name: str) -> bool:
    """Return True for the name of a job or of a file that Theia made: a version stands in it."""
    product = L2AProduct.find(name)
    return product is not None and "_V" in product.name


def plain(text: str) -> str:
    """Return a text of a server or a file system as one line that any page can hold."""
    return one_line(text).encode(errors="replace").decode()


def _possible(product: L2AProduct) -> Iterable[Acquired]:
    """Yield the acquisitions that a product can be of: a date of a series may be known without its satellite."""
    for day in product.days:
        for satellite in (product.satellite, ""):
            yield product.tile.name, day, satellite


def _stem(file: str) -> str:
    return file.removesuffix(".zip")
