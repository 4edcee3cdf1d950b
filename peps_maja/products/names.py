"""L1C and L2A products by their names: frozen values, no side effects.

Names: single-tile L1C products as ESA has made them since December 2016 (and, reprocessed, for the years
before), https://sentiwiki.copernicus.eu/web/s2-products; L2A products as MAJA names them for Theia and PEPS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import ClassVar

from peps_maja.products.tiles import TILE_NAME, Tile

_L1C = re.compile(
    r"(?P<satellite>S2[A-D])_MSIL1C_(?P<sensing>[0-9]{8}T[0-9]{6})_(?P<baseline>N[0-9]{4})"
    r"_R(?P<orbit>[0-9]{3})_T(?P<tile>[0-9]{2}[A-Z]{3})_[0-9]{8}T[0-9]{6}"
)
OLD_FORMAT = re.compile(r"S2[A-D]_OPER_PRD_MSIL1C_\w+")  # multi-tile products, as they were before December 2016
_L2A = re.compile(
    r"SENTINEL(?P<satellite>2[A-D])_(?P<date>[0-9]{8})-(?P<time>[0-9]{6})-(?P<milliseconds>[0-9]{3})"
    r"_L2A_T(?P<tile>[0-9]{2}[A-Z]{3})_[A-Z](?:_(?P<version>V[0-9]{1,4}(?:-[0-9]{1,4})*)(?![0-9]))?"
)

# The L1C name carries the start of the whole datatake, the L2A name the time at which this tile was seen: later, but in
# names of baseline N0204 (2015 to 2017) up to some seconds before that start.
_EARLIEST_SIGHT, LATEST_SIGHT = timedelta(minutes=-1), timedelta(minutes=30)
_ONE_PASS = timedelta(minutes=45)  # the times in the names of one pass differ by 30 at most, the next comes 100 later


@dataclass(frozen=True)
class L2AProduct:
    """What the name of an L2A product of MAJA says; `seen` is the time (UTC) at which the tile was seen."""

    name: str
    satellite: str
    tile: Tile
    seen: datetime
    version: str  # at the end of the name, `V4-0`, or an empty text
    orbit: ClassVar[int | None] = None  # no L2A name tells it

    @classmethod
    def find(cls, text: str) -> L2AProduct | None:
        """Return the product that `text` (a file or folder name) contains, or None."""
        match = _L2A.search(text)
        seen = match and _utc(match["date"] + "T" + match["time"])
        if not match or not seen or not 1 < seen.year < 9999:  # `begun` needs room on both sides
            return None
        seen += timedelta(milliseconds=int(match["milliseconds"]))
        return cls(match[0], "S" + match["satellite"], Tile(match["tile"]), seen, match["version"] or "")

    @property
    def days(self) -> list[date]:
        """The one or two days on which its datatake can have begun, the likelier first."""
        return list(dict.fromkeys(time.date() for time in (self.seen, self.seen - LATEST_SIGHT)))

    @property
    def begun(self) -> tuple[datetime, datetime]:
        """The earliest and the latest time at which its datatake can have begun."""
        return self.seen - LATEST_SIGHT, self.seen - _EARLIEST_SIGHT

    def matches(self, result: L2AProduct) -> bool:
        """Return True if `result` is this product, in this version where both names tell one."""
        is_version = "" in {self.version, result.version} or self.version == result.version
        return is_version and (self.satellite, self.tile, self.seen) == (result.satellite, result.tile, result.seen)


@dataclass(frozen=True)
class L1CProduct:
    """What the name of a single-tile L1C product says; `seen` (UTC) is the start of its whole datatake."""

    name: str
    satellite: str
    seen: datetime
    version: str  # its processing baseline, `N0207`
    orbit: int  # relative, 1 to 143
    tile: Tile

    @classmethod
    def parse(cls, text: str) -> L1CProduct | None:
        """Return the product of this name (without `.SAFE` or `.zip`), or None if this is not such a name."""
        match = _L1C.fullmatch(text.strip().removesuffix(".zip").removesuffix(".SAFE"))
        seen = match and _utc(match["sensing"])
        if not match or not seen or not TILE_NAME.fullmatch(match["tile"]) or not 1 <= int(match["orbit"]) <= 143:
            return None
        return cls(match[0], match["satellite"], seen, match["baseline"], int(match["orbit"]), Tile(match["tile"]))

    @property
    def days(self) -> list[date]:
        """The day of its acquisition."""
        return [self.seen.date()]

    def matches(self, result: L2AProduct) -> bool:
        """Return True if `result` can be this product after MAJA: its satellite, its tile, a time that fits."""
        earliest, latest = result.begun
        return (self.satellite, self.tile) == (result.satellite, result.tile) and earliest <= self.seen <= latest


def named_product(name: str) -> L1CProduct | L2AProduct | None:
    """Return the product after which a job or a record is named; None for a series and all else."""
    return L1CProduct.parse(name) or L2AProduct.find(name)


def is_one_pass(product: L1CProduct | L2AProduct, other: L1CProduct | L2AProduct) -> bool:
    """Return True if one satellite saw both in one pass, at one tile: then they are of one acquisition."""
    is_near = abs(product.seen - other.seen) <= _ONE_PASS
    return is_near and (product.satellite, product.tile) == (other.satellite, other.tile)


def pasted_name(text: str) -> str:
    """Return the name that a person pasted, with a path before it, `.SAFE` or `.zip` behind it, or in lower case."""
    name = re.split(r"[/\\]", text.strip().rstrip("/\\"))[-1].upper()
    return name.removesuffix(".ZIP").removesuffix(".SAFE")


def is_novald(name: str) -> bool:
    """Return True if a result is one that MAJA found too cloudy to be valid."""
    return "NOVALD" in name.upper()


def _utc(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
