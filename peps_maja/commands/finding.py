"""What the user wants, and what the catalogues have of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

from peps_maja.commands.options import ProcessOptions
from peps_maja.errors import UsageError
from peps_maja.products.tiles import BEYOND_60, Tile
from peps_maja.selection.wishes import Wishes


def read_wishes(options: ProcessOptions, notice: Callable[[str], None]) -> Wishes:
    """Return what the user wants; `notice` gets tiles that are left out and days to come. Raises UsageError."""
    if options.start_date and options.start_date > datetime.now(timezone.utc).date():
        notice(f"{options.start_date} to {options.end_date} is in the future: there are no products yet")
    tiles = [Tile.parse(name) for name in options.tile]
    return Wishes(
        tiles=frozenset(tile.name for tile in (tiles if options.is_theia_only else _without_beyond_60(tiles, notice))),
        days=options.days,
        orbit=options.orbit,
        satellite=options.sat,
        max_clouds=options.max_cloud,
        limit=options.limit,
        place=options.location or options.box,
        series=options.series,
    )


def _without_beyond_60(tiles: list[Tile], notice: Callable[[str], None]) -> list[Tile]:
    """Return the tiles without those wholly beyond 60°; raise UsageError if none is left."""
    beyond = sorted({tile for tile in tiles if tile.lies_beyond_60})
    if beyond:
        where = "MAJA has no elevation model there and PEPS cancels its jobs"
        said = f"{', '.join(map(str, beyond))}: {BEYOND_60} north or south, {where}"
        if len(beyond) == len(set(tiles)):
            raise UsageError(said)
        notice(f"{said}; left out")
    return [tile for tile in tiles if tile not in beyond]
