"""The few tiles of the made-up world, each a rectangle in degrees about its middle."""

from __future__ import annotations

import math
from dataclasses import dataclass

HALF_SIDE = 0.495  # degrees of latitude
WHOLLY_BEYOND_60 = "CDWX"  # latitude bands

Bounds = tuple[float, float, float, float]  # west, south, east, north
Ring = list[tuple[float, float]]  # longitude and latitude of each corner, closed


@dataclass(frozen=True)
class Tile:
    """One tile: a town in it, its middle, and the relative orbits that see it."""

    name: str
    town: str
    lat: float
    lon: float
    orbits: tuple[int, ...]

    def ring(self, part: int = 0) -> Ring:
        """Return the outline of the tile, or of the southern (1) or northern (2) part of an acquisition cut in two."""
        across = HALF_SIDE / math.cos(math.radians(self.lat))
        west, east = round(self.lon - across, 6), round(self.lon + across, 6)
        south = self.lat if part == 2 else round(self.lat - HALF_SIDE, 6)
        north = self.lat if part == 1 else round(self.lat + HALF_SIDE, 6)
        return [(west, south), (east, south), (east, north), (west, north), (west, south)]


TILES = {
    tile.name: tile
    for tile in (
        Tile("31TCJ", "toulouse", 43.693694, 1.131023, (51, 8)),  # the tile of all examples
        Tile("31TCH", "foix", 42.792793, 1.158459, (51, 8)),
        Tile("31TDJ", "castres", 43.693694, 2.377008, (8,)),
        Tile("31UDQ", "paris", 49.099099, 2.31203, (42, 85)),
        Tile("28PBB", "dakar", 14.864865, -17.330237, (116,)),
        Tile("19HCC", "santiago", -33.783784, -70.625897, (59, 102)),
        Tile("34WDC", "tromso", 69.81982, 19.694246, (92, 135)),
    )
}


def has_elevation(tile: str) -> bool:
    """Return False for tiles wholly beyond 60° north or south, which SRTM does not cover."""
    return tile[2] not in WHOLLY_BEYOND_60


def bounds_of(points: Ring) -> Bounds | None:
    """Return the smallest box that holds these points, if there are any."""
    if not points:
        return None
    longitudes, latitudes = zip(*points, strict=True)
    return min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def overlap(box: Bounds, other: Bounds) -> bool:
    """Return True if two boxes share a point."""
    return box[0] <= other[2] and other[0] <= box[2] and box[1] <= other[3] and other[1] <= box[3]
