"""The catalogue as resto 2 answers it: query parameters in, one page of GeoJSON out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from urllib.parse import urlencode

from peps_maja.sandbox.exchange import Reply, error_reply, json_reply
from peps_maja.sandbox.faults import Faults
from peps_maja.sandbox.peps.features import Listed, feature_of, listed
from peps_maja.sandbox.world.acquisitions import World
from peps_maja.sandbox.world.tiles import TILES, Bounds, overlap

PATH = "/resto/api/collections/S2ST/search.json"
DEFAULT_RECORDS = 50
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?)?")


class QueryError(Exception):
    """A parameter that the server chokes on; `status` is the HTTP status it answers with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class FakeCatalogue:
    """The catalogue of the world, or of a test's own features; `cap` is the most records on a page."""

    server: str
    world: World
    own: Sequence[dict[str, object]] | None
    cap: int
    faults: Faults

    def search(self, query: Mapping[str, str]) -> Reply:
        """Answer a search: newest acquisition first."""
        try:
            first, last = _moment(query.get("startDate")), _moment(query.get("completionDate"))
            count = min(_number(query, "maxRecords", DEFAULT_RECORDS), self.cap)
            page = _number(query, "page", 1)
            is_there = _place(query)
            features = self._of_world(query, first, last) if self.own is None else self.own
            entries = [entry for entry in map(listed, features) if is_there(entry)]
            found = [entry for entry in entries if _wanted(entry, query, first, last)]
        except QueryError as error:
            return error_reply(error.status, str(error))
        found.sort(key=lambda entry: (entry.start, entry.name), reverse=True)
        return json_reply(self._page(found, query, count, page))

    def _of_world(
        self, query: Mapping[str, str], first: datetime | None, last: datetime | None
    ) -> list[dict[str, object]]:
        end = datetime.combine(self.world.today, datetime.min.time(), timezone.utc)
        begin = first or datetime(2015, 1, 1, tzinfo=timezone.utc)
        tiles = [query["tileid"]] if "tileid" in query else list(TILES)
        return [
            feature_of(product, self.server) for product in self.world.products(tiles, begin, min(last or end, end))
        ]

    def _page(self, found: list[Listed], query: Mapping[str, str], count: int, page: int) -> dict[str, object]:
        begin = max((page - 1) * count - self.faults.added_between_pages * (page - 1), 0)
        features = [entry.feature for entry in found[begin : begin + count]]
        pages = {"self": page} | ({"next": page + 1} if begin + count < len(found) else {})
        address = f"{self.server}{PATH}?&"
        links = [
            {"rel": rel, "type": "application/json", "href": address + urlencode({**query, "page": str(number)})}
            for rel, number in pages.items()
        ]
        properties: dict[str, object] = {
            "totalResults": len(found) if self.faults.exact_count else math.ceil(1.1 * len(found)),
            "exactCount": self.faults.exact_count,
            "startIndex": begin + 1,
            "itemsPerPage": len(features),
        }
        answer: dict[str, object] = {"type": "FeatureCollection", "properties": properties, "features": features}
        (answer if self.faults.links_at_top else properties)["links"] = links
        return answer


def _place(query: Mapping[str, str]) -> Callable[[Listed], bool]:
    """Return the check for where a query looks; a feature without a footprint is in every box."""
    if "tileid" in query:
        return lambda entry: entry.tile == query["tileid"]
    if query.get("q"):
        words = re.split(r"[\s,]+", query["q"].lower())
        tiles = {tile.name for tile in TILES.values() if tile.town in words}
        return lambda entry: entry.tile in tiles
    if "lat" in query and "lon" in query:
        lat, lon = _decimal(query["lat"]), _decimal(query["lon"])
        box = (lon, lat, lon, lat)
    elif "box" in query:
        box = _box(query["box"])
    else:
        return lambda _: True
    return lambda entry: entry.bounds is None or overlap(entry.bounds, box)


def _wanted(entry: Listed, query: Mapping[str, str], first: datetime | None, last: datetime | None) -> bool:
    """Return True if an entry fits; what it does not say, fits, but for unknown clouds."""
    start = _start_of(entry.start)
    in_time = start is None or ((not first or start >= first) and (not last or start <= last))
    orbit = query.get("relativeOrbitNumber")
    return (
        in_time
        and _same(query.get("productType"), entry.level)
        and _same(query.get("platform"), entry.platform)
        and _same(orbit.lstrip("0") if orbit else None, None if entry.orbit is None else str(entry.orbit))
        and ("cloudCover" not in query or _within(entry.clouds, query["cloudCover"]))
    )


def _same(asked: str | None, given: str | None) -> bool:
    return not asked or given is None or asked == given


def _within(value: float | None, interval: str) -> bool:
    """Return True if a value is in `[0,30]`, limits included."""
    low, _, high = interval.strip("[] ").partition(",")
    return value is not None and _decimal(low) <= value <= _decimal(high)


def _moment(text: str | None) -> datetime | None:
    """Return the moment of an ISO date (its 00:00:00) or timestamp; an impossible one is HTTP 500."""
    if not text:
        return None
    if not _DATE.fullmatch(text):
        raise QueryError(400, f"Invalid date {text}")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(500, f"Database Connection Error: date out of range: {text}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _start_of(text: str) -> datetime | None:
    """Return the moment that a feature gives, or None if it gives none that can be read."""
    try:
        return _moment(text)
    except QueryError:
        return None


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name)
    if not text:
        return default
    if not text.isdecimal() or int(text) < 1:
        raise QueryError(400, f"Invalid {name} {text}")
    return int(text)


def _decimal(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise QueryError(400, f"Invalid number {text}") from None


def _box(text: str) -> Bounds:
    numbers = [_decimal(part) for part in text.split(",")]
    if len(numbers) != 4 or numbers[0] > numbers[2] or numbers[1] > numbers[3]:
        raise QueryError(400, f"Invalid box {text}")
    return numbers[0], numbers[1], numbers[2], numbers[3]
