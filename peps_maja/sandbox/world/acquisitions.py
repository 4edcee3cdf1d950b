"""What Sentinel-2 acquired of the tiles: a made-up world in which every search gives the same answer each day.

Everything follows from hashes of tile, date and satellite; nothing is stored.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone

from peps_maja.sandbox.world.tiles import TILES, Tile

L1C, L2A = "S2MSI1C", "S2MSI2A"
UTC = timezone.utc
CYCLE_DAYS = 10
TOO_CLOUDY = 90.0  # percent: MAJA's product is not valid then
FIRST_DAY = {"S2A": date(2016, 1, 1), "S2B": date(2017, 7, 1)}
CYCLE_START = {"S2A": date(2019, 3, 1), "S2B": date(2019, 3, 6)}  # a pass of relative orbit 51
SINGLE_TILE_SINCE = date(2016, 12, 6)
L2A_SINCE = date(2018, 3, 26)
BASELINES = (
    ("N0201", date(2016, 1, 1)),
    ("N0204", date(2016, 6, 15)),
    ("N0205", date(2017, 4, 27)),
    ("N0206", date(2017, 10, 23)),
    ("N0207", date(2018, 11, 6)),
    ("N0208", date(2019, 7, 8)),
    ("N0209", date(2020, 2, 4)),
    ("N0300", date(2021, 3, 30)),
    ("N0500", date(2022, 12, 6)),
)


@dataclass(frozen=True)
class Acquired:
    """One entry of the made-up catalogue; `start` is the sensing start of its datatake (UTC)."""

    name: str
    level: str
    satellite: str
    start: datetime
    baseline: str
    orbit: int
    tile: str
    clouds: float | None
    part: int = 0  # 1 and 2: the parts of an acquisition cut in two


EXAMPLE = Acquired(  # the product that PEPS's own pages show
    "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917",
    L1C,
    "S2A",
    datetime(2019, 3, 1, 10, 50, 21, tzinfo=UTC),
    "N0207",
    51,
    "31TCJ",
    3.2071,
)
EXAMPLE_SEEN = datetime(2019, 3, 1, 10, 54, 26, 459_000, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """The acquisitions of both satellites, up to the day before `today`."""

    today: date

    def products(self, tiles: Iterable[str], first: datetime, last: datetime) -> list[Acquired]:
        """Return what was acquired of `tiles` from `first` to `last`, both included, oldest first."""
        known = [TILES[name] for name in dict.fromkeys(tiles) if name in TILES]
        found = [p for tile in known for p in self._of_tile(tile, first.date(), last.date())]
        return sorted((p for p in found if first <= p.start <= last), key=lambda p: (p.start, p.name))

    def find(self, name: str, tile: str, start: datetime) -> Acquired | None:
        """Return the product of this name, tile and sensing start."""
        return next((p for p in self.products([tile], start, start) if p.name == name), None)

    def _of_tile(self, tile: Tile, first: date, last: date) -> Iterator[Acquired]:
        for satellite, orbit in ((satellite, orbit) for satellite in FIRST_DAY for orbit in tile.orbits):
            begin = max(first - timedelta(days=1), FIRST_DAY[satellite])
            end = min(last + timedelta(days=1), self.today - timedelta(days=1))
            for day in _passes(satellite, orbit, begin, end):
                start = _sensing_start(orbit, day, tile)
                if (satellite, orbit, day, tile.name) == ("S2A", 51, EXAMPLE.start.date(), EXAMPLE.tile):
                    yield EXAMPLE
                elif start.date() < self.today:
                    yield from _listed(satellite, orbit, tile.name, start)


def clouds_of(satellite: str, tile: str, day: date) -> float | None:
    """Return percent: a third clear, a third cloudy, the rest between; now and then nothing is known."""
    if (satellite, tile, day) == (EXAMPLE.satellite, EXAMPLE.tile, EXAMPLE.start.date()):
        return EXAMPLE.clouds
    weather = draw("weather", satellite, tile, day)
    if weather < 0.03:
        return None
    if weather < 0.09:
        return 0.0
    if weather > 0.9:
        return 100.0
    return round(100 * math.pow(draw("clouds", satellite, tile, day), 1.4), 4)


def seen_at(satellite: str, start: datetime, tile: str) -> datetime:
    """Return when the tile was seen: 0 to 30 minutes after the datatake began."""
    if (satellite, start, tile) == (EXAMPLE.satellite, EXAMPLE.start, EXAMPLE.tile):
        return EXAMPLE_SEEN
    return start + timedelta(milliseconds=pick(1_800_000, "seen", satellite, start, tile))


def l2a_name(satellite: str, seen: datetime, tile: str, version: str) -> str:
    """Return the name of an L2A product."""
    moment = f"{seen:%Y%m%d-%H%M%S}-{seen.microsecond // 1000:03d}"
    return f"SENTINEL{satellite[1:]}_{moment}_L2A_T{tile}_{version}"


def orbit_number(satellite: str, start: datetime) -> int:
    """Return the absolute orbit number: 143 orbits in ten days."""
    number, then = (17960, 14) if satellite == "S2B" else (26883, 15)
    return number + round((start - datetime(2020, 8, then, tzinfo=UTC)).total_seconds() / 86400 * 14.3)


def draw(*parts: object) -> float:
    """Return a number in [0, 1) that depends on `parts` alone."""
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56


def pick(count: int, *parts: object) -> int:
    """Return one of 0 … count - 1 that depends on `parts` alone."""
    return int(draw(*parts) * count)


def _passes(satellite: str, orbit: int, begin: date, end: date) -> Iterator[date]:
    phase = CYCLE_START[satellite] + timedelta(days=round((orbit - 51) * CYCLE_DAYS / 143))
    day = begin + timedelta(days=(phase - begin).days % CYCLE_DAYS)
    while day <= end:
        yield day
        day += timedelta(days=CYCLE_DAYS)


def _sensing_start(orbit: int, day: date, tile: Tile) -> datetime:
    """Return about half past ten in local solar time, a little different on each pass."""
    seconds = (10.5 - tile.lon / 15) * 3600 + 10 * pick(60, "orbit", orbit) + pick(600, "start", day, orbit)
    return datetime.combine(day, time(), UTC) + timedelta(seconds=round(seconds))


def _listed(satellite: str, orbit: int, tile: str, start: datetime) -> Iterator[Acquired]:
    """Yield the catalogue's entries for one acquisition: now and then there are two."""
    index = max(i for i, (_, since) in enumerate(BASELINES) if i == 0 or since <= start.date())
    clouds = clouds_of(satellite, tile, start.date())
    whole = Acquired("", L1C, satellite, start, BASELINES[index][0], orbit, tile, clouds)
    kind = draw("listed", satellite, tile, start)
    if start.date() < SINGLE_TILE_SINCE and kind < 0.5:
        yield replace(whole, name=_old_name(whole))
        return
    if kind > 0.96 and index:
        yield _named(replace(whole, baseline=BASELINES[index - 1][0]), 2)
    if 0.92 < kind <= 0.96:
        yield _named(replace(whole, part=1), 3)
        yield _named(replace(whole, part=2), 4)
    else:
        yield _named(whole, 3)
    if start.date() >= L2A_SINCE:
        yield _named(replace(whole, level=L2A), 5)


def _named(product: Acquired, hours: int) -> Acquired:
    """Give the product its name; its last time is some hours after the sensing start."""
    level = "MSIL1C" if product.level == L1C else "MSIL2A"
    last = product.start + timedelta(hours=hours, seconds=pick(3000, "last", product.tile, product.start))
    first = f"{product.satellite}_{level}_{product.start:%Y%m%dT%H%M%S}"
    middle = f"{product.baseline}_R{product.orbit:03d}_T{product.tile}"
    return replace(product, name=f"{first}_{middle}_{last:%Y%m%dT%H%M%S}")


def _old_name(product: Acquired) -> str:
    made = product.start + timedelta(hours=14)
    seen = f"V{product.start:%Y%m%dT%H%M%S}_{product.start:%Y%m%dT%H%M%S}"
    return f"{product.satellite}_OPER_PRD_MSIL1C_PDMC_{made:%Y%m%dT%H%M%S}_R{product.orbit:03d}_{seen}"
