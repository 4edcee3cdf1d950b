"""What the user wants: places, days, and which of the products there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from peps_maja.products.places import Box, Days
from peps_maja.products.records import Record


@dataclass(frozen=True)
class Wishes:
    """What the user wants of what there is; None or empty: no such wish. Without days, products are named.

    A place is a name that the catalogue of PEPS knows, or a box. Jobs of the log in one of the states `resubmit` are
    submitted once more. `theia` is `first` or `only`.
    """

    tiles: frozenset[str] = frozenset()
    days: Days | None = None
    orbit: int | None = None
    satellite: str | None = None
    max_clouds: float | None = None
    limit: int | None = None
    place: str | Box | None = None
    names: Sequence[str] = ()
    resubmit: Sequence[str] = ()
    series: bool = False
    theia: str | None = None

    @property
    def is_theia_only(self) -> bool:
        """Whether nothing is to be submitted to PEPS."""
        return self.theia == "only"

    def refuse(self, record: Record, days: Iterable[date]) -> str:
        """Return why a record, of one of these days, is not among what the user wants, or nothing."""
        if self.tiles and record.tile not in self.tiles:
            return "other tile"
        if self.days and not any(day in self.days for day in days):
            return "other date"
        if self.orbit is not None and record.orbit != self.orbit:
            return "other orbit" if record.orbit else "orbit not known"
        if self.satellite is not None and record.satellite != self.satellite:
            return "other satellite"
        return ""

    def too_cloudy(self, clouds: float | None) -> str:
        """Return `too cloudy` for more clouds than wanted, else nothing: one without a figure is not left out."""
        is_too_cloudy = self.max_clouds is not None and clouds is not None and clouds > self.max_clouds
        return "too cloudy" if is_too_cloudy else ""
