"""Where and when products are searched: boxes and days, as frozen values."""

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
