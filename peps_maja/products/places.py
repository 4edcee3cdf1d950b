"""Where and when products are searched: boxes and days, as frozen values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class Days:
    """Days of acquisition (UTC) from `start` to `end`, both included."""

    start: date
    end: date

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end


@dataclass(frozen=True)
class Box:
    """A box in degrees; a point is a box whose sides are equal. The east of one across 180° is more than 180."""

    west: float
    south: float
    east: float
    north: float

    @classmethod
    def around(cls, feature: Mapping[str, object]) -> Box | None:
        """Return the bounding box of a feature of GeoJSON, of its geometry or else its bbox; None if it has neither."""
        bbox = feature.get("bbox")
        corners = [bbox[:2], bbox[len(bbox) // 2 :]] if isinstance(bbox, list) and len(bbox) in {4, 6} else None
        found = list(_positions(feature.get("geometry"))) or list(_positions(corners))
        if not found:
            return None
        longitudes, latitudes = zip(*found, strict=True)
        if max(longitudes) - min(longitudes) > 180:  # no tile is that wide: it is across 180°
            longitudes = tuple(longitude % 360 for longitude in longitudes)
        return cls(min(longitudes), min(latitudes), max(longitudes), max(latitudes))

    @property
    def is_point(self) -> bool:
        """Whether this is a point."""
        return (self.west, self.south) == (self.east, self.north)

    def meets(self, other: Box) -> bool:
        """Return True if the boxes have a point in common, on whichever side of 180° its longitude is counted."""
        is_level = self.south <= other.north and other.south <= self.north
        turns = (-360, 0, 360)
        return is_level and any(self.west <= other.east + turn and other.west + turn <= self.east for turn in turns)


def _positions(geometry: object) -> Iterator[tuple[float, float]]:
    """Yield longitude and latitude of all positions of a geometry, however deep these are in it."""
    left = [geometry]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            left += [part.get("coordinates"), part.get("geometries")]
        elif isinstance(part, list) and len(part) >= 2 and all(type(value) in {int, float} for value in part[:2]):
            if abs(part[0]) <= 360 and abs(part[1]) <= 90:
                yield part[0], part[1]
        elif isinstance(part, list):
            left += part
