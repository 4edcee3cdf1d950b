"""A search at GEODES: what is asked for, and every page of the answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from peps_maja.errors import ServerTrouble, UsageError
from peps_maja.products.names import LATEST_SIGHT
from peps_maja.products.places import Box
from peps_maja.products.records import L2ARecord
from peps_maja.theia.footprints import as_bbox
from peps_maja.theia.items import Page, read_page

DATASET = "THEIA_REFLECTANCE_SENTINEL2_L2A"
PAGE_SIZE = 80  # the most that GEODES documents
MOST_ITEMS = 10_000
LONGEST_GAP = timedelta(days=60)  # days of a tile that are further apart are asked for one by one

Ask = Callable[[Mapping[str, object]], bytes]
"""Sends the body of a search and returns the answer; raises ServerAway, ServerTrouble, UsageError and the like."""


@dataclass(frozen=True)
class Search:
    """What GEODES is asked for: a tile or a box, and days of acquisition, both included."""

    first: date
    last: date
    tile: str = ""
    box: Box | None = None

    def body(self, page: int) -> dict[str, object]:
        """Return the request for one page, counted from 1.

        Orbit, satellite and clouds are left to our own choice: a filter that the server does not know is ignored,
        and one that it knows loses the products whose record lacks the figure.
        """
        query: dict[str, object] = {"dataset": {"eq": DATASET}}
        if self.tile:
            query["grid:code"] = {"contains": self.tile}  # `T31TCJ` in older products, `31TCJ` in newer ones
        query["start_datetime"] = {"gte": f"{self.first}T00:00:00Z", "lte": _end_of(self.last)}
        return {
            "page": page,
            "limit": PAGE_SIZE,
            "query": query,
            **({"bbox": as_bbox(self.box)} if self.box else {}),
            "sortBy": [{"field": "start_datetime", "direction": "asc"}],
        }


@dataclass(frozen=True)
class Found:
    """What GEODES has: each product once, and the features as they came."""

    records: list[L2ARecord]
    features: list[object]


class BrokenOff(ServerTrouble):
    """The answer to a search ended before its end."""


def searches_of_days(wanted: Iterable[tuple[str, date]]) -> list[Search]:
    """Return the searches for tiles on single days: one for each tile and stretch of days that are near each other."""
    searches: list[Search] = []
    for tile, day in sorted(set(wanted)):
        if searches and searches[-1].tile == tile and day - searches[-1].last <= LONGEST_GAP:
            searches[-1] = Search(searches[-1].first, day, tile=tile)
        else:
            searches.append(Search(day, day, tile=tile))
    return searches


def find_records(ask: Ask, searches: Iterable[Search], *, with_features: bool = False) -> Found:
    """Return what GEODES has for these searches.

    A search that breaks off is made once more. Raises UsageError if GEODES has too much for it, and ServerTrouble (or
    what `ask` raises) if there is no complete answer: then nothing is known, not even a part.
    """
    pages = [page for search in searches for page in _complete(ask, search, with_features=with_features)]
    records = {record.address: record for page in pages for record in page.records}
    return Found(
        records=sorted(records.values(), key=lambda record: (record.time, record.identifier)),
        features=[feature for page in pages for feature in page.features],
    )


def _pages(ask: Ask, search: Search, *, with_features: bool) -> Iterator[Page]:
    """Yield the pages of the answer to a search; raise BrokenOff if there should be more than came."""
    count, previous = 0, None
    for number in range(1, MOST_ITEMS + 1):
        page = read_page(ask(search.body(number)), search.box)
        count += len(page.features)
        if max(count, page.matched or 0) > MOST_ITEMS:
            raise UsageError(
                f"GEODES has more than {MOST_ITEMS} products for this search: name fewer days or a smaller place"
            )
        yield page if with_features else replace(page, features=())
        is_short = page.matched is not None and count < page.matched
        goes_on = _goes_on(page, is_short=is_short)
        # A total that is reached counts for more than the name of a next page; the same page again is never the next.
        is_repeated = bool(page.features) and page.features == previous
        is_last = not (goes_on and page.features)
        if is_repeated or (is_last and (is_short or (goes_on and page.matched is None))):
            total = "an unknown number of" if page.matched is None else page.matched
            raise BrokenOff(
                f"GEODES's answer to the search broke off: {count} of {total} products came, twice; try again later"
            )
        if is_last:
            return
        previous = page.features


def _goes_on(page: Page, *, is_short: bool) -> bool:
    """Return True if a next page is to be asked for: by total or links, else because this one is full."""
    if is_short or page.has_links:
        return is_short or page.has_next
    return page.matched is None and len(page.features) >= (page.limit or PAGE_SIZE)


def _complete(ask: Ask, search: Search, *, with_features: bool) -> list[Page]:
    try:
        return list(_pages(ask, search, with_features=with_features))
    except BrokenOff:
        return list(_pages(ask, search, with_features=with_features))


def _end_of(day: date) -> str:
    """Return the end of a day and the half hour in which the last L1C of the day can have been seen."""
    end = datetime.combine(day, time(23, 59, 59, 999_000))
    end = end + LATEST_SIGHT if day < date.max else end
    return f"{end.isoformat(timespec='milliseconds')}Z"
