"""The tiles of Sentinel-2's grid."""

from __future__ import annotations

import re
from dataclasses import dataclass

from peps_maja.errors import UsageError

TILE_NAME = re.compile(r"T?((?:0[1-9]|[1-5][0-9]|60)[C-HJ-NP-X][A-HJ-NP-Z]{2})")

# MGRS latitude bands wholly beyond 60°: X is 72–84°N, W 64–72°N, C 80–72°S, D 72–64°S. V (56–64°N) and E
# (64–56°S) are on both sides of 60°: there the footprint of each product decides.
BANDS_BEYOND_60 = frozenset("XWCD")
BEYOND_60 = "beyond 60°"


@dataclass(frozen=True, order=True)
class Tile:
    """A tile of the Sentinel-2 grid: MGRS zone, latitude band and 100 km square, `31TCJ`."""

    name: str

    @classmethod
    def parse(cls, text: str) -> Tile:
        """Read `31TCJ`, `T31TCJ` or `t31tcj`; raise UsageError for what cannot be a tile."""
        if match := TILE_NAME.fullmatch(text.strip().upper()):
            return cls(match[1])
        raise UsageError(
            f"{text!r} is not a valid Sentinel-2 tile: zone 01-60, a latitude band C-X and two letters, all without"
            " I and O, as in 31TCJ; a space goes between two tiles"
        )

    def __str__(self) -> str:
        return self.name
