"""What the user wants: places, days, and which of the products there."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timezone

from peps_maja.errors import UsageError
from peps_maja.products.tiles import BEYOND_60, Tile


@dataclass(frozen=True)
class Days:
    """Days of acquisition (UTC) from `start` to `end`, both included."""

    start: date
    end: date

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end


@dataclass(frozen=True)
class Wishes:
    """What the user wants of what the catalogue has; None or empty: no such wish. Without days, products are named."""

    tiles: frozenset[str] = frozenset()
    days: Days | None = None
    orbit: int | None = None
    satellite: str | None = None
    max_clouds: float | None = None
    limit: int | None = None


def read_wishes(options: argparse.Namespace, notice: Callable[[str], None]) -> Wishes:
    """Return what the user wants; `notice` gets tiles that are left out and days to come. Raises UsageError."""
    if options.start_date and options.start_date > datetime.now(timezone.utc).date():
        notice(f"{options.start_date} to {options.end_date} is in the future: there are no products yet")
    return Wishes(
        tiles=frozenset(tile.name for tile in _tiles(options.tile or [], notice)),
        days=Days(options.start_date, options.end_date) if options.start_date else None,
        orbit=options.orbit,
        satellite=options.sat,
        max_clouds=options.max_cloud,
        limit=options.limit,
    )


def _tiles(names: list[str], notice: Callable[[str], None]) -> list[Tile]:
    """Return the tiles without those wholly beyond 60°; raise UsageError if none is left."""
    tiles = [Tile.parse(name) for name in names]
    beyond = sorted({tile for tile in tiles if tile.lies_beyond_60})
    if beyond:
        where = "MAJA has no elevation model there and PEPS cancels its jobs"
        said = f"{', '.join(map(str, beyond))}: {BEYOND_60} north or south, {where}"
        if len(beyond) == len(set(tiles)):
            raise UsageError(said)
        notice(f"{said}; left out")
    return [tile for tile in tiles if tile not in beyond]
