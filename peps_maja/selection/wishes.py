"""What the user wants: places, days, and which of the products there."""

from __future__ import annotations

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
    """A box in degrees; a point is a box whose sides are equal."""

    west: float
    south: float
    east: float
    north: float

    @property
    def is_point(self) -> bool:
        """Whether this is a point."""
        return (self.west, self.south) == (self.east, self.north)


@dataclass(frozen=True)
class Wishes:
    """What the user wants of what there is; None or empty: no such wish. Without days, products are named.

    A place is a name that the catalogue of PEPS knows, or a box.
    """

    tiles: frozenset[str] = frozenset()
    days: Days | None = None
    orbit: int | None = None
    satellite: str | None = None
    max_clouds: float | None = None
    limit: int | None = None
    place: str | Box | None = None
    series: bool = False
