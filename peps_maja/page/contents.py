"""What a page shows, in its order: what is wrong, what is new, and each tile with its dates. Made of standings.

Whoever makes them says what a state is (what became of a date, or what would be done with it) and where pictures are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
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


@dataclass(frozen=True)
class Card:
    """One date of a tile, that is what one satellite saw of it in one pass: all that is known of it, side by side."""

    tile: str
    day: date
    satellite: str
    standings: Sequence[Standing]
    products: Sequence[Product]
    anchor: str  # what links name: with `-cell` behind it, the cell in the calendar
    orbit: int | None  # relative, if one of its standings knows it
    clouds: float | None  # per cent: the least of its products', else what the job's catalogue said
    states: Sequence[str]  # each once: parts can differ
    makers: Sequence[str]  # of its products


@dataclass(frozen=True)
class Sheet:
    """One tile, or all of them together: its cards, in the order of time, and what they have in sum."""

    tile: str
    cards: Sequence[Card]
    totals: str  # the number of dates, and how much of them is on disk
    states: Mapping[str, int]  # how many dates are in which state; one whose parts differ counts under each
    months: Sequence[tuple[date, Sequence[Card]]]  # the cards by the first day of their month, the newest month first


@dataclass(frozen=True)
class Contents:
    """All that a page shows. `troubles` are lines: what this run could not do, and what a person must know.

    `summary` is what there is in one line, empty for the page of a log.
    """

    title: str
    summary: str
    troubles: Sequence[str]
    overview: Overview
    sheets: Sequence[Sheet]
    all: Sheet
    new: Sequence[tuple[datetime, Card, Product]]  # of the last days, else the last ones; the newest first
    news: str
    late: str  # since when nothing came, where something is wrong, or for long though jobs are open
    anchors: Mapping[str, str]  # the card of each job: the newest, if it has several
    tasks_of: Mapping[str, int]  # the number of the task that is about a job
    written: datetime


def contents(
    title: str, troubles: Sequence[str], overview: Overview, products: Sequence[Product | None], summary: str = ""
) -> Contents:
    """Return what a page shows of these standings; `products` are what there is of each of the overview's dates."""
    written = datetime.now(timezone.utc)
    pairs = zip(overview.dates, products, strict=True)
    by_date = groupby(pairs, lambda pair: (pair[0].tile, pair[0].day, pair[0].satellite))
    cards = [_card(*key, *zip(*group, strict=True)) for key, group in by_date]
    known = [
        (product.standing.came, card, product) for card in cards for product in card.products if product.standing.came
    ]
    come = sorted(known, key=lambda each: (each[0], each[1].day), reverse=True)
    last = come[0][0] if come else None
    to_come = [job.to_come for job in overview.jobs if job.to_come is not None]
    is_late = bool(troubles or (last and last < written - NEW and to_come))
    late = f"Nothing has come since {last:%Y-%m-%d}." if last else "No product has come yet."
    return Contents(
        title=title,
        summary=summary,
        troubles=troubles,
        overview=overview,
        sheets=[_sheet(tile, list(of_tile)) for tile, of_tile in groupby(cards, lambda card: card.tile)],
        all=_sheet("", cards),
        new=[each for each in come if each[0] > written - NEW] or come[:AT_LEAST],
        news=_news(last, written, to_come),
        late=late if overview.jobs and is_late else "",
        anchors={standing.job: card.anchor for card in cards for standing in card.standings},
        tasks_of={job.job: number for number, task in enumerate(overview.tasks.values(), 1) for job in task},
        written=written,
    )


def _card(tile: str, day: date, satellite: str, standings: Sequence[Standing], found: Sequence[Product | None]) -> Card:
    products = [product for product in found if product]
    of_products = [product.clouds for product in products if product.clouds is not None]
    known = [standing.clouds for standing in standings if standing.clouds is not None]
    made = [product.maker for product in products]
    return Card(
        tile,
        day,
        satellite,
        standings,
        products,
        anchor=f"{tile}-{day}-{satellite or 'any'}",
        orbit=next((standing.orbit for standing in standings if standing.orbit), None),
        clouds=min(of_products or known, default=None),
        states=list(dict.fromkeys(standing.state for standing in standings)),
        makers=sorted(set(made or ("Theia" if each.source is Source.THEIA else "PEPS" for each in standings))),
    )


def _sheet(tile: str, cards: Sequence[Card]) -> Sheet:
    sizes = {each.file: each.size or 0 for card in cards for each in card.standings if each.state == ON_DISK}
    on_disk = sum(sizes.values())
    months = groupby(cards, lambda card: card.day.replace(day=1))
    return Sheet(
        tile,
        cards,
        totals=counted(len(cards), "date") + (f", {size(on_disk)} on disk" if on_disk else ""),
        states=Counter(state for card in cards for state in card.states),
        months=[(first, list(of_month)) for first, of_month in months][::-1],
    )


def _news(last: datetime | None, written: datetime, to_come: Sequence[int]) -> str:
    """Return when the last product came, and what open jobs are still to bring: in bytes, where that is known."""
    news = "No product has come yet."
    if last:
        days = (written - last).days
        ago = f"{counted(days, 'day')} ago" if days else "today"
        news = f"Last product on {last:%Y-%m-%d}, {ago}."
    known, unknown = sum(to_come), to_come.count(0)
    parts = [size(known)] if known else []
    parts += [f"{counted(unknown, 'job')} of a size that is not known"] if unknown else []
    return f"{news} " + (f"Still to come: {' and '.join(parts)}." if parts else "Nothing is still to come.")
