"""A tile over a span of days in one job: the process FULL_MAJA, its limits, its names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from itertools import pairwise

from peps_maja.errors import UsageError
from peps_maja.products.names import L1CProduct, L2AProduct
from peps_maja.products.tiles import Tile

EARLIEST = date(2016, 4, 1)
LATEST = date(9999, 12, 1)  # leaves room to add days
SHORTEST, LONGEST = 55, 366  # days, both ends included: PEPS asks for 50 to 55 at least, and takes 366 at most
_DAY = timedelta(days=1)
_NAME = re.compile(
    r"(?P<tile>[0-9]{2}[A-Z]{3})_(?P<start>[0-9]{4}-[0-9]{2}-[0-9]{2})_(?P<end>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:_R(?P<orbit>[0-9]{3}))?"
)
_PLANNED = re.compile(r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})(?:/(?P<satellite>\w+)/R(?P<orbit>[0-9]{3}))?")


@dataclass(frozen=True)
class PlannedDate:
    """An acquisition that a series job is to cover; satellite and relative orbit where they are known."""

    day: date
    satellite: str = ""
    orbit: int | None = None

    def __str__(self) -> str:
        """Return the date as the log has it: `2018-01-03/S2A/R051`."""
        return f"{self.day}/{self.satellite}/R{self.orbit:03d}" if self.satellite and self.orbit else str(self.day)


@dataclass(frozen=True)
class Series:
    """One FULL_MAJA job: a tile, the first and last day (both included), and one relative orbit or all."""

    tile: Tile
    start: date
    end: date
    orbit: int | None = None

    @classmethod
    def parse(cls, name: str) -> Series | None:
        """Return the series with this name, `31TCJ_2018-01-01_2018-12-31_R051`, or None if this is not such a name."""
        match = _NAME.fullmatch(name)
        try:
            if match is None:
                return None
            start, end = date.fromisoformat(match["start"]), date.fromisoformat(match["end"])
            orbit = int(match["orbit"]) if match["orbit"] else None
            is_possible = start <= end <= LATEST and (orbit is None or 1 <= orbit <= 143)
            return cls(Tile.parse(match["tile"]), start, end, orbit) if is_possible else None
        except (ValueError, UsageError):
            return None

    @property
    def days(self) -> int:
        """How many days the span has."""
        return (self.end - self.start).days + 1

    @property
    def name(self) -> str:
        """The job's name in the log."""
        return f"{self.tile}_{self.start}_{self.end}" + (f"_R{self.orbit:03d}" if self.orbit else "")

    @property
    def inputs(self) -> str:
        """The inputs of the WPS process."""
        # As in the catalogue, a bare date is 00:00:00 of its day: the last day is included by naming the next one.
        inputs = f"startDate={self.start};completionDate={self.end + _DAY};tileid={self.tile}"
        return inputs + (f";relativeOrbitNumber={self.orbit}" if self.orbit else "")

    def covers_days(self, tile: Tile, days: Iterable[date], orbit: int | None) -> bool:
        """Return True if an acquisition of one of these days, from this orbit (None: not known), is in the series."""
        is_on_orbit = None in {self.orbit, orbit} or self.orbit == orbit
        return is_on_orbit and tile == self.tile and any(self.start <= day <= self.end for day in days)

    def overlaps(self, other: Series) -> bool:
        """Return True if both series cover the same acquisitions on some day."""
        begins_in_other = other.covers_days(self.tile, [self.start], self.orbit)
        return begins_in_other or self.covers_days(other.tile, [other.start], other.orbit)

    def matches(self, result: L2AProduct) -> bool:
        """Return True if `result` can be one of this job: its tile, and of a datatake that began within the span.

        A server that includes completionDate delivers one day more.
        """
        begin, end = (datetime.combine(day, time(), timezone.utc) for day in (self.start, self.end + 2 * _DAY))
        earliest, latest = result.begun
        return result.tile == self.tile and begin <= latest and earliest < end


def series_of(tile: Tile, start: date, end: date, orbit: int | None = None) -> list[Series]:
    """Cut a span (both days included) into jobs of about equal length; raise UsageError if PEPS does not accept it."""
    end = min(end, LATEST)
    days = (end - start).days + 1
    if start < EARLIEST:
        raise UsageError(f"--series begins at {EARLIEST} at the earliest: start there, or submit without --series")
    if days < SHORTEST:
        raise UsageError(
            f"--series needs {SHORTEST} days or more and {start} to {end} has {days}: widen the span, or submit"
            " without --series"
        )
    number = -(-days // LONGEST)
    borders = [start + timedelta(days=days * part // number) for part in range(number + 1)]
    return [Series(tile, begin, after - _DAY, orbit) for begin, after in pairwise(borders)]


def hours_of_series(number_of_dates: int) -> float:
    """Return the hours that PEPS takes for a series: one for the first date, 25 minutes for each further one."""
    return 1 + (number_of_dates - 1) * 25 / 60


def read_plan(text: str) -> list[PlannedDate]:
    """Return the dates that the `submitting` line of a series job lists."""
    planned = []
    for match in _PLANNED.finditer(text):
        try:
            day = date.fromisoformat(match["day"])
        except ValueError:
            continue
        planned.append(PlannedDate(day, match["satellite"] or "", int(match["orbit"]) if match["orbit"] else None))
    return planned


def write_plan(products: Iterable[L1CProduct]) -> str:
    """Return the acquisitions of these products for the `submitting` line, each once, in the order of time."""
    ordered = sorted(products, key=lambda product: (product.seen, product.satellite, product.orbit))
    planned = [PlannedDate(product.seen.date(), product.satellite, product.orbit) for product in ordered]
    return " ".join(dict.fromkeys(map(str, planned)))
