"""The body of a search: what GEODES makes of it, and what it ignores without a word."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from peps_maja.sandbox.world.tiles import Bounds, bounds_of, overlap

MOST_ON_A_PAGE = 80
_TEXTS = frozenset({"dataset", "identifier", "version", "platform", "grid:code", "endpoint_url"})
_NUMBERS = frozenset({"sat:relative_orbit", "eo:cloud_cover"})
_MOMENTS = frozenset({"start_datetime", "end_datetime", "datetime"})
_OLD_NAMES = re.compile(r"(spaceborne|temporal|spatial):\w+")
_TILE = re.compile(r"(?<![0-9])[0-9]{2}[A-Z]{3}")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: bool(value == wanted),
    "neq": lambda value, wanted: bool(value != wanted),
    "in": lambda value, wanted: value in wanted,
    "contains": lambda value, wanted: isinstance(value, str) and wanted in value,
    "lte": lambda value, wanted: bool(value <= wanted),
    "gte": lambda value, wanted: bool(value >= wanted),
}


class BodyError(Exception):
    """A body that GEODES answers with HTTP 400."""


@dataclass(frozen=True)
class Condition:
    """One condition that the server understood; of a moment, `wanted` is one, too."""

    field: str
    operator: str
    wanted: Any

    def holds(self, properties: Mapping[str, object]) -> bool:
        """Return True if a product fulfils it; one without the field does not."""
        value = _typed(self.field, properties.get(self.field))
        return value is not None and _OPERATORS[self.operator](value, self.wanted)


@dataclass(frozen=True)
class Query:
    """A search as the server understood it."""

    conditions: Sequence[Condition]
    bounds: Bounds | None
    page: int
    limit: int
    sort: Sequence[tuple[str, bool]]
    """Fields, and whether the greatest comes first."""

    def wants(self, properties: Mapping[str, object], bounds: Bounds | None) -> bool:
        """Return True if a product fits."""
        if self.bounds and bounds and not overlap(self.bounds, bounds):
            return False
        return all(condition.holds(properties) for condition in self.conditions)

    def tiles(self) -> list[str]:
        """Return the tiles that the conditions name."""
        named = [c.wanted for c in self.conditions if c.field in {"grid:code", "identifier"} and c.operator != "neq"]
        return [tile for wanted in named for tile in _TILE.findall(json.dumps(wanted))]

    def limit_of(self, operator: str) -> datetime | None:
        """Return the first (`gte`) or last (`lte`) moment that is asked for, if any is."""
        moments = [c.wanted for c in self.conditions if c.field.endswith("t_datetime") and c.operator == operator]
        return None if not moments else max(moments) if operator == "gte" else min(moments)


def read(body: bytes) -> Query:
    """Return what the server makes of a body; raise BodyError for what it refuses."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise BodyError(f"JSON parse error: {error}") from None
    if not isinstance(asked, dict):
        raise BodyError("Expected BEGIN_OBJECT")
    named = asked.get("query", {})
    if not isinstance(named, dict):
        raise BodyError("query: expected BEGIN_OBJECT")
    conditions = []
    for field, wanted in named.items():
        if _OLD_NAMES.fullmatch(field):
            raise BodyError(f"Unknown query parameter {field}")
        if isinstance(wanted, dict):
            conditions += [c for operator, value in wanted.items() if (c := _condition(field, operator, value))]
    collections, keys = (
        value if isinstance(value, list) else [] for value in map(asked.get, ("collections", "sortBy"))
    )
    conditions += [Condition("dataset", "eq", name) for name in collections]  # of several, nothing is found
    return Query(
        conditions=conditions,
        bounds=_bounds(asked),
        page=max(_whole(asked, "page", 1), 1),
        limit=min(max(_whole(asked, "limit", 10), 1), MOST_ON_A_PAGE),
        sort=[
            (str(key.get("field")), str(key.get("direction")).lower() in {"desc", "dsc"})
            for key in keys
            if isinstance(key, dict)
        ],
    )


def order_of(field: str, properties: Mapping[str, object]) -> tuple[bool, Any]:
    """Return what products are sorted by; those without the field come first."""
    value = _typed(field, properties.get(field))
    return value is not None, value if value is not None else 0


def _condition(field: str, operator: str, wanted: object) -> Condition | None:
    values = wanted if operator == "in" else [wanted]
    if operator not in _OPERATORS or not isinstance(values, list):
        return None
    typed = [_typed(field, value) for value in values]
    return None if None in typed else Condition(field, operator, typed if operator == "in" else typed[0])


def _typed(field: str, value: object) -> Any:
    """Return a value as the field has it: None for an unknown field, and for a value of another type."""
    if field in _MOMENTS:
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            return None
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc) if moment else None
    kind: Any = str if field in _TEXTS else (int, float) if field in _NUMBERS else bool if field == "latest" else ()
    return value if isinstance(value, kind) and isinstance(value, bool) == (kind is bool) else None


def _bounds(asked: Mapping[str, object]) -> Bounds | None:
    """Return the bounds of `bbox`, or of the polygon that is to be intersected; a point is ignored."""
    box = asked.get("bbox")
    if box is not None:
        numbers = [float(n) for n in box if isinstance(n, (int, float))] if isinstance(box, list) else []
        if len(numbers) != 4 or numbers[0] > numbers[2] or numbers[1] > numbers[3]:
            raise BodyError(f"Invalid bbox {box}")
        return numbers[0], numbers[1], numbers[2], numbers[3]
    shape = asked.get("intersects")
    if not isinstance(shape, dict) or shape.get("type") != "Polygon":
        return None
    try:
        return bounds_of([(longitude, latitude) for longitude, latitude in shape["coordinates"][0]])
    except (LookupError, TypeError, ValueError):
        raise BodyError("Invalid geometry") from None


def _whole(asked: Mapping[str, object], name: str, default: int) -> int:
    """Return a number that may come as a text."""
    value = asked.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not str(value).isdecimal():
        raise BodyError(f"{name}: not a number: {value}")
    return int(str(value))
