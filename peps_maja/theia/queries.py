"""A search at GEODES: what is asked for, and every page of the answer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import date, datetime, time, timedelta

from peps_maja.products.names import LATEST_SIGHT
from peps_maja.products.places import Box

DATASET = "THEIA_REFLECTANCE_SENTINEL2_L2A"
PAGE_SIZE = 80  # the most that GEODES documents
LONGEST_GAP = timedelta(days=60)  # days of a tile that are further apart are asked for one by one
_POINT_MARGIN = 0.0001  # degrees, 11 m: some servers take a box without an area for an error


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
        end = datetime.combine(self.last, time(23, 59, 59, 999_000))
        end += LATEST_SIGHT if self.last < date.max else timedelta()  # an L1C of the last day is seen until then
        times = {"gte": f"{self.first}T00:00:00Z", "lte": f"{end.isoformat(timespec='milliseconds')}Z"}
        query: dict[str, object] = {"dataset": {"eq": DATASET}, "start_datetime": times}
        if self.tile:
            query["grid:code"] = {"contains": self.tile}  # `T31TCJ` in older products, `31TCJ` in newer ones
        sort = [{"field": "start_datetime", "direction": "asc"}]
        body: dict[str, object] = {"page": page, "limit": PAGE_SIZE, "query": query, "sortBy": sort}
        if self.box:
            west, south, east, north = astuple(self.box)
            x = 0 if east > west else _POINT_MARGIN
            y = 0 if north > south else _POINT_MARGIN
            body["bbox"] = [max(west - x, -180.0), max(south - y, -90.0), min(east + x, 180.0), min(north + y, 90.0)]
        return body


def searches_of_days(wanted: Iterable[tuple[str, date]]) -> list[Search]:
    """Return the searches for tiles on single days: one for each tile and stretch of days that are near each other."""
    searches: list[Search] = []
    for tile, day in sorted(set(wanted)):
        if searches and searches[-1].tile == tile and day - searches[-1].last <= LONGEST_GAP:
            searches[-1] = Search(searches[-1].first, day, tile=tile)
        else:
            searches.append(Search(day, day, tile=tile))
    return searches
