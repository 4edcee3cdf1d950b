"""What a page shows, in its order: what is wrong, what is new, and each tile with its dates. Made of standings.

Whoever makes them says what a state is (what became of a date, or what would be done with it) and where pictures are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cached_property
from itertools import groupby

from peps_maja.joblog.events import Source
from peps_maja.page.pictures import Picture
from peps_maja.products.names import L2AProduct
from peps_maja.standing.values import ON_DISK, Overview, Standing
from peps_maja.text import counted, size

NEW, AT_LEAST = timedelta(days=7), 6  # what came in so many days is new; without any, the last so many products


@dataclass(frozen=True)
class Product:
    """A product of a date: the address of its file as seen from the page (empty if it is not there), its picture."""

    standing: Standing
    address: str
    picture: Picture
    clouds: float | None

    @property
    def maker(self) -> str:
        """Who computed it: a version in the name of a file is Theia's."""
        product = L2AProduct.find(self.standing.file)
        is_theias = product.version if product else self.standing.source is Source.THEIA
        return "Theia" if is_theias else "PEPS"

    @property
    def size(self) -> str:
        """Its size as text, empty if it is not known."""
        return size(self.standing.size) if self.standing.size else ""


@dataclass(frozen=True)
class Card:
    """One date of a tile, that is what one satellite saw of it in one pass: all that is known of it, side by side."""

    tile: str
    day: date
    satellite: str
    standings: tuple[Standing, ...]
    products: tuple[Product, ...]

    @property
    def anchor(self) -> str:
        """What links name: with `-cell` behind it, the cell in the calendar."""
        return f"{self.tile}-{self.day}-{self.satellite or 'any'}"

    @property
    def orbit(self) -> int | None:
        """The relative orbit, if one of its standings knows it."""
        return next((standing.orbit for standing in self.standings if standing.orbit), None)

    @property
    def clouds(self) -> float | None:
        """The clouds in per cent: the least of its products', else what the job's catalogue said."""
        of_products = [product.clouds for product in self.products if product.clouds is not None]
        known = [standing.clouds for standing in self.standings if standing.clouds is not None]
        return min(of_products or known, default=None)

    @property
    def states(self) -> list[str]:
        """Its states, each once: parts can differ."""
        return list(dict.fromkeys(standing.state for standing in self.standings))

    @property
    def makers(self) -> list[str]:
        """Who makes its products."""
        made = [product.maker for product in self.products]
        return sorted(set(made or ("Theia" if each.source is Source.THEIA else "PEPS" for each in self.standings)))


@dataclass(frozen=True)
class Sheet:
    """One tile, or all of them together: its cards, in the order of time."""

    tile: str
    cards: tuple[Card, ...]

    @cached_property
    def states(self) -> Mapping[str, int]:
        """How many dates are in which state; one whose parts differ counts under each."""
        return Counter(state for card in self.cards for state in card.states)

    @property
    def totals(self) -> str:
        """The number of dates, and how much of them is on disk."""
        standings = [each for card in self.cards for each in card.standings if each.state == ON_DISK]
        on_disk = sum({each.file: each.size or 0 for each in standings}.values())
        return counted(len(self.cards), "date") + (f", {size(on_disk)} on disk" if on_disk else "")

    @property
    def months(self) -> list[tuple[date, list[Card]]]:
        """The cards by the first day of their month, the newest month first."""
        months = groupby(self.cards, lambda card: card.day.replace(day=1))
        return [(first, list(cards)) for first, cards in months][::-1]


@dataclass(frozen=True)
class Contents:
    """All that a page shows. `troubles` are lines: what this run could not do, and what a person must know.

    `summary` is what there is in one line, empty for the page of a log.
    """

    title: str
    summary: str
    troubles: Sequence[str]
    overview: Overview
    sheets: tuple[Sheet, ...]
    written: datetime

    @property
    def all(self) -> Sheet:
        """All tiles together."""
        return Sheet("", tuple(card for sheet in self.sheets for card in sheet.cards))

    @cached_property
    def come(self) -> list[tuple[datetime, Card, Product]]:
        """The products of which it is known when they came, the last one first."""
        every = [(card, product) for sheet in self.sheets for card in sheet.cards for product in card.products]
        known = [(product.standing.came, card, product) for card, product in every if product.standing.came]
        return sorted(known, key=lambda each: (each[0], each[1].day), reverse=True)

    @property
    def new(self) -> list[tuple[datetime, Card, Product]]:
        """What came in the last days, else the last products, the newest first."""
        return [each for each in self.come if each[0] > self.written - NEW] or self.come[:AT_LEAST]

    @property
    def last(self) -> str:
        """When the last product came."""
        if not self.come:
            return "No product has come yet."
        last = self.come[0][0]
        days = (self.written - last).days
        ago = f"{counted(days, 'day')} ago" if days else "today"
        return f"Last product on {last:%Y-%m-%d}, {ago}."

    @property
    def late(self) -> str:
        """Since when nothing came, where a person should know: something is wrong, or for long though jobs are open."""
        last = self.come[0][0] if self.come else None
        is_late = last and last < self.written - NEW and any(job.to_come is not None for job in self.overview.jobs)
        if not self.overview.jobs or not (self.troubles or is_late):
            return ""
        return f"Nothing has come since {last:%Y-%m-%d}." if last else "No product has come yet."

    @property
    def to_come(self) -> str:
        """What open jobs are still to bring: in bytes, where that is known."""
        sizes = [job.to_come for job in self.overview.jobs if job.to_come is not None]
        known, unknown = sum(sizes), sizes.count(0)
        parts = [size(known)] if known else []
        parts += [f"{counted(unknown, 'job')} of a size that is not known"] if unknown else []
        return f"Still to come: {' and '.join(parts)}." if parts else "Nothing is still to come."

    @cached_property
    def anchors(self) -> Mapping[str, str]:
        """The card of each job: the newest, if it has several."""
        return {each.job: card.anchor for sheet in self.sheets for card in sheet.cards for each in card.standings}

    @cached_property
    def tasks_of(self) -> Mapping[str, int]:
        """The number of the task that is about a job."""
        return {job.job: number for number, task in enumerate(self.overview.tasks.values(), 1) for job in task}


def contents(
    title: str,
    troubles: Sequence[str],
    overview: Overview,
    product_of: Callable[[Standing], Product | None],
    summary: str = "",
) -> Contents:
    """Return what a page shows of these standings; `product_of` finds what there is of one."""
    cards = []
    for key, group in groupby(overview.dates, lambda each: (each.tile, each.day, each.satellite)):
        standings = tuple(group)
        cards.append(Card(*key, standings, tuple(product for each in standings if (product := product_of(each)))))
    sheets = groupby(cards, lambda card: card.tile)
    by_tile = tuple(Sheet(tile, tuple(of_tile)) for tile, of_tile in sheets)
    return Contents(title, summary, troubles, overview, by_tile, datetime.now(timezone.utc))
