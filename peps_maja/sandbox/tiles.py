"""Where the tiles of Sentinel-2 lie: MGRS letters to degrees and back, on a sphere.

The real grid is in UTM on an ellipsoid; on a sphere a tile comes out within some ten kilometres of its place.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # MGRS has no I and no O
BANDS = LETTERS[2:22]  # C to X
ROWS = LETTERS[:20]  # A to V
KM_PER_DEGREE = 111.0
SQUARE = 100.0  # km between two tiles
SIDE = 109.8  # km, the side of a tile: neighbours overlap
CYCLE = 2000.0  # km after which the row letters come again
EVEN_ZONE_OFFSET = 5  # rows by which the letters of even zones are shifted
MOST_TILES = 60  # as many as a box is cut into

_NAME = re.compile(r"(0[1-9]|[1-5]\d|60)([C-HJ-NP-X])([A-HJ-NP-Z])([A-HJ-NP-V])")


@dataclass(frozen=True)
class Position:
    """A place in degrees."""

    lat: float
    lon: float


def corners(tile: str) -> tuple[Position, Position, Position, Position] | None:
    """Return the south-west, south-east, north-east and north-west corners; None where no such tile is."""
    square = _square(tile)
    if square is None:
        return None
    zone, easting, northing = square
    south, north = northing + SQUARE - SIDE, northing + SQUARE
    west, east = easting, easting + SIDE
    return (
        _degrees(zone, west, south),
        _degrees(zone, east, south),
        _degrees(zone, east, north),
        _degrees(zone, west, north),
    )


def centre(tile: str) -> Position | None:
    """Return the middle of a tile (`31TCJ`), or None where no such tile is."""
    square = _square(tile)
    if square is None:
        return None
    zone, easting, northing = square
    return _degrees(zone, easting + SQUARE / 2, northing + SQUARE / 2)


def tile_at(place: Position) -> str | None:
    """Return the tile that holds a place; None near the poles, where there are no tiles."""
    if not (-80 <= place.lat < 84 and -180 <= place.lon <= 180):
        return None
    zone = min(int((place.lon + 180) // 6) + 1, 60)
    band = BANDS[min(int((place.lat + 80) // 8), 19)]
    width = KM_PER_DEGREE * math.cos(math.radians(place.lat))
    easting = 500 + (place.lon - _central_meridian(zone)) * width
    column = _columns(zone)[min(max(int(easting // SQUARE) - 1, 0), 7)]
    northing = place.lat * KM_PER_DEGREE
    row = ROWS[(int(northing // SQUARE) + _row_offset(zone)) % len(ROWS)]
    return f"{zone:02d}{band}{column}{row}"


def tiles_in(west: float, south: float, east: float, north: float) -> tuple[str, ...]:
    """Return the tiles in a box of degrees, found on a grid of points in it: at most some dozens."""
    found = {tile_at(Position(lat, lon)): None for lat in _steps(south, north, 0.4) for lon in _steps(west, east, 0.5)}
    return tuple(tile for tile in found if tile)[:MOST_TILES]


def beyond_60(tile: str) -> bool:
    """Return whether the tile lies wholly beyond 60° north or south, where there is no SRTM."""
    places = corners(tile)
    return places is not None and (all(p.lat > 60 for p in places) or all(p.lat < -60 for p in places))


def _square(tile: str) -> tuple[int, float, float] | None:
    """Return the zone and the lower left corner in km: easting, and northing counted from the equator."""
    match = _NAME.fullmatch(tile)
    if match is None:
        return None
    zone = int(match[1])
    columns = _columns(zone)
    if match[3] not in columns:
        return None
    easting = (columns.index(match[3]) + 1) * SQUARE
    low = -80 + 8 * BANDS.index(match[2])
    middle = low + (6 if match[2] == "X" else 4)
    cyclic = ((ROWS.index(match[4]) - _row_offset(zone)) % len(ROWS)) * SQUARE
    turns = round((middle * KM_PER_DEGREE - SQUARE / 2 - cyclic) / CYCLE)
    northing = cyclic + turns * CYCLE
    off_middle = abs((northing + SQUARE / 2) / KM_PER_DEGREE - middle)
    return (zone, easting, northing) if off_middle <= (middle - low) + 1 else None


def _columns(zone: int) -> str:
    """Return the eight column letters of a zone: A–H, J–R or S–Z."""
    first = 8 * ((zone - 1) % 3)
    return LETTERS[first : first + 8]


def _row_offset(zone: int) -> int:
    return 0 if zone % 2 else EVEN_ZONE_OFFSET


def _central_meridian(zone: int) -> int:
    return 6 * zone - 183


def _degrees(zone: int, easting: float, northing: float) -> Position:
    lat = northing / KM_PER_DEGREE
    width = KM_PER_DEGREE * math.cos(math.radians(lat))
    return Position(round(lat, 6), round(_central_meridian(zone) + (easting - 500) / width, 6))


def _steps(first: float, last: float, step: float) -> list[float]:
    count = min(max(math.ceil((last - first) / step), 1), 24)
    return [first + (last - first) * i / count for i in range(count + 1)]
