"""What the page shows of each tile: a calendar with a cell for each date of the ledger, and cards with the products.

The products are those of the jobs and what else is in the folder, whoever put it there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path
from urllib.parse import quote

from peps_maja.downloads.zips import products_in
from peps_maja.joblog.events import NO_RESULTS, Source, State
from peps_maja.joblog.jobs import Job
from peps_maja.page.pictures import Picture, Pictures
from peps_maja.page.tasks import MISSING, plain
from peps_maja.products.names import L2AProduct
from peps_maja.standing.dates import FAILED, MOVED_AWAY, ON_DISK, WAITING, Entry, bytes_of
from peps_maja.text import size

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
        acquisitions = {_acquired(entry) for entry in entries}
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
                found[_stem(entry.file)] = Product(plain(entry.file), "", "", kept, _is_theias(entry.file))
            for name in self._others.get(_acquired(entry), ()):
                zipped = self._folder / f"{name}.zip"
                found[name] = self._product(zipped if zipped.is_file() else self._folder / name)
        return tuple(found[name] for name in sorted(found))

    def _product(self, path: Path, number: int | None = None) -> Product:
        number = bytes_of(path) if number is None else number
        address = quote(os.fsencode(os.path.relpath(path, self._page)))
        return Product(plain(path.name), address, size(number), self._pictures.of(path), _is_theias(path.name))


@dataclass(frozen=True)
class Cell:
    """One date of the ledger: its state, and the job that it stands for."""

    day: date
    satellite: str
    state: str
    job: str
    message: str
    file: str
    is_theias: bool

    @property
    def style(self) -> str:
        """The state as the name of a style: `too-cloudy`."""
        return self.state.replace(" ", "-")


@dataclass(frozen=True)
class Acquisition:
    """One card: the cells of one acquisition (several if it was cut in two), and its products, side by side."""

    anchor: str
    day: date
    satellite: str
    orbit: int | None
    cells: tuple[Cell, ...]
    products: tuple[Product, ...]


@dataclass(frozen=True)
class Month:
    """The acquisitions of one month."""

    first: date
    acquisitions: tuple[Acquisition, ...]

    @property
    def name(self) -> str:
        """The month as `March 2019`."""
        return f"{self.first:%B %Y}"

    @property
    def stem(self) -> str:
        """What a date of the month begins with: `2019-03-`."""
        return f"{self.first:%Y-%m-}"


@dataclass(frozen=True)
class Sheet:
    """What the page shows of one tile."""

    tile: str
    months: tuple[Month, ...]
    states: Mapping[str, int]
    on_disk: str

    @property
    def dates(self) -> int:
        """The number of dates, of which an acquisition cut in two has two."""
        return sum(self.states.values())

    @property
    def has_theias(self) -> bool:
        """Whether the calendar marks a product of Theia."""
        return any(cell.is_theias for acquisition in self.acquisitions for cell in acquisition.cells)

    @property
    def acquisitions(self) -> list[Acquisition]:
        """All acquisitions of the tile, in the order of time."""
        return [acquisition for month in self.months for acquisition in month.acquisitions]


def sheets(entries: Iterable[Entry], jobs: Mapping[str, Job], products: Products) -> list[Sheet]:
    """Return a sheet for each tile of the ledger's entries."""
    ordered = sorted(entries, key=_acquired)
    return [_sheet(tile, list(of_tile), jobs, products) for tile, of_tile in groupby(ordered, lambda entry: entry.tile)]


def _sheet(tile: str, entries: list[Entry], jobs: Mapping[str, Job], products: Products) -> Sheet:
    acquisitions = [_acquisition(list(group), jobs, products) for _, group in groupby(entries, _acquired)]
    months = groupby(acquisitions, lambda acquisition: acquisition.day.replace(day=1))
    states = Counter(cell.state for acquisition in acquisitions for cell in acquisition.cells)
    on_disk = sum({entry.file: entry.bytes or 0 for entry in entries}.values())
    return Sheet(
        tile,
        tuple(Month(first, tuple(of_month)) for first, of_month in months),
        dict(states.most_common()),
        size(on_disk) if on_disk else "",
    )


def _acquisition(entries: Sequence[Entry], jobs: Mapping[str, Job], products: Products) -> Acquisition:
    first, shown = entries[0], products.of(entries)
    return Acquisition(
        anchor=f"{first.tile}-{first.day}-{first.satellite or 'any'}",
        day=first.day,
        satellite=first.satellite,
        orbit=next((entry.orbit for entry in entries if entry.orbit), None),
        cells=tuple(_cell(entry, jobs.get(entry.job), shown) for entry in entries),
        products=shown,
    )


def _cell(entry: Entry, job: Job | None, shown: Iterable[Product]) -> Cell:
    return Cell(
        entry.day,
        entry.satellite,
        _state(entry, job),
        plain(entry.job),
        plain(entry.message),
        plain(entry.file),
        is_theias=bool(job and job.source is Source.THEIA) or any(product.is_theias for product in shown),
    )


def _state(entry: Entry, job: Job | None) -> str:
    """Return the ledger's state of a date, or the job's where the ledger says less."""
    if job is None:
        return entry.state
    if entry.state == WAITING and any(_is_of(name, entry) for name in job.missing):
        return MISSING
    if entry.state == FAILED and job.state in {State.REJECTED, State.CANCELLED}:
        return str(job.state.value)
    return entry.state


def _is_of(result: str, entry: Entry) -> bool:
    """Return True if a missing result of the entry's job is the one of its date, as far as its name tells."""
    product = L2AProduct.find(result)
    if result == NO_RESULTS or product is None:
        return True
    return entry.day in product.days and entry.satellite in {"", product.satellite}


def _acquired(entry: Entry) -> Acquired:
    return entry.tile, entry.day, entry.satellite


def _is_theias(name: str) -> bool:
    """Return True for the name of a job or of a file that Theia made: a version stands in it."""
    product = L2AProduct.find(name)
    return product is not None and "_V" in product.name


def _possible(product: L2AProduct) -> Iterable[Acquired]:
    """Yield the acquisitions that a product can be of: a date of a series may be known without its satellite."""
    for day in product.days:
        for satellite in (product.satellite, ""):
            yield product.tile.name, day, satellite


def _stem(file: str) -> str:
    return file.removesuffix(".zip")
