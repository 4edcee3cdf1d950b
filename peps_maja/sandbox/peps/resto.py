"""The catalogue as resto 2 answers it: query parameters in, one page of GeoJSON out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from urllib.parse import urlencode

from peps_maja.sandbox.exchange import Reply, error_reply, json_reply
from peps_maja.sandbox.peps.features import Listed, feature_of, listed
from peps_maja.sandbox.peps.processes import Processes
from peps_maja.sandbox.world.tiles import TILES, overlap

PATH = "/resto/api/collections/S2ST/search.json"
DEFAULT_RECORDS = 50
_DATE = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:?\d\d)?)?")


class QueryError(Exception):
    """A parameter that the server chokes on; `status` is the HTTP status it answers with."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def search(query: Mapping[str, str], peps: Processes, most: int) -> Reply:
    """Answer a search in the world, or in a test's own features, newest acquisition first, `most` to a page."""
    server, world, own, faults = peps.url, peps.world, peps.catalogue, peps.faults
    try:
        first, last = _moment(query.get("startDate")), _moment(query.get("completionDate"))
        count, page = min(_number(query, "maxRecords", DEFAULT_RECORDS), most), _number(query, "page", 1)
        is_there = _place(query)
        if own is None:
            end = datetime.combine(world.today, datetime.min.time(), timezone.utc)
            begin = first or datetime(2015, 1, 1, tzinfo=timezone.utc)
            tiles = [query["tileid"]] if "tileid" in query else list(TILES)
            own = [feature_of(product, server) for product in world.products(tiles, begin, min(last or end, end))]
        entries = [entry for entry in map(listed, own) if is_there(entry) and _wanted(entry, query, first, last)]
    except QueryError as error:
        return error_reply(error.status, str(error))
    entries.sort(key=lambda entry: (entry.start, entry.name), reverse=True)
    begins_at = max((page - 1) * count - faults.added_between_pages * (page - 1), 0)
    features = [entry.feature for entry in entries[begins_at : begins_at + count]]
    pages = {"self": page} | ({"next": page + 1} if begins_at + count < len(entries) else {})
    links = [
        {"rel": rel, "type": "application/json", "href": f"{server}{PATH}?&{urlencode({**query, 'page': str(number)})}"}
        for rel, number in pages.items()
    ]
    properties: dict[str, object] = {
        "totalResults": len(entries) if faults.exact_count else math.ceil(1.1 * len(entries)),
        "exactCount": faults.exact_count,
        "startIndex": begins_at + 1,
        "itemsPerPage": len(features),
    }
    answer: dict[str, object] = {"type": "FeatureCollection", "properties": properties, "features": features}
    (answer if faults.links_at_top else properties)["links"] = links
    return json_reply(answer)


def _place(query: Mapping[str, str]) -> Callable[[Listed], bool]:
    """Return the check for where a query looks; a feature without a footprint is in every box."""
    if "tileid" in query:
        return lambda entry: entry.tile == query["tileid"]
    if query.get("q"):
        words = re.split(r"[\s,]+", query["q"].lower())
        tiles = {tile.name for tile in TILES.values() if tile.town in words}
        return lambda entry: entry.tile in tiles
    if "lat" in query and "lon" in query:
        numbers = [_decimal(query["lon"]), _decimal(query["lat"])] * 2
    elif "box" in query:
        numbers = [_decimal(part) for part in query["box"].split(",")]
    else:
        return lambda _: True
    if len(numbers) != 4 or numbers[0] > numbers[2] or numbers[1] > numbers[3]:
        raise QueryError(400, f"Invalid box {numbers}")
    box = (numbers[0], numbers[1], numbers[2], numbers[3])
    return lambda entry: entry.bounds is None or overlap(entry.bounds, box)


def _wanted(entry: Listed, query: Mapping[str, str], first: datetime | None, last: datetime | None) -> bool:
    """Return True if an entry fits; what it does not say, fits, but for unknown clouds."""
    try:
        start = _moment(entry.start)
    except QueryError:
        start = None
    low, _, high = query.get("cloudCover", "").strip("[] ").partition(",")
    asked = {name: query.get(name, "").lstrip("0") for name in ("productType", "platform", "relativeOrbitNumber")}
    given = {"productType": entry.level, "platform": entry.platform, "relativeOrbitNumber": entry.orbit}
    return (
        (start is None or ((not first or start >= first) and (not last or start <= last)))
        and all(given[name] is None or str(given[name]) == value for name, value in asked.items() if value)
        and (not low or (entry.clouds is not None and _decimal(low) <= entry.clouds <= _decimal(high)))
    )


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


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise QueryError(400, f"Invalid {name} {text}")
    return int(text)


def _decimal(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise QueryError(400, f"Invalid number {text}") from None
