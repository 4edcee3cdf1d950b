"""From the options of a run to what the catalogue is asked, and what of its answer is wanted."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime, timezone

from .catalogue import Days, Search, Wishes
from .errors import UsageError
from .products import BEYOND_60, Tile


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


def searches(options: argparse.Namespace, wishes: Wishes) -> list[Search]:
    """Return the searches to make, none if the options name products instead: one for each tile, or one in all."""
    if wishes.days is None:
        return []
    if options.location is not None:
        places = [{"q": options.location}]
    elif options.lat is not None:
        places = [{"lat": f"{options.lat:.10g}", "lon": f"{options.lon:.10g}"}]
    elif options.lonmin is not None:
        edges = (options.lonmin, options.latmin, options.lonmax, options.latmax)
        places = [{"box": ",".join(f"{edge:.10g}" for edge in edges)}]
    else:
        places = [{"tileid": tile} for tile in sorted(wishes.tiles)]
    return [Search(place, wishes.days) for place in places]


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
