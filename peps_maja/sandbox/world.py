"""What Sentinel-2 would have acquired: a made-up world in which every search gives the same answer each day.

Everything follows from hashes of tile, date and satellite; nothing is stored.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone

from peps_maja.sandbox.tiles import Position, beyond_60, centre, tile_at

L1C = "S2MSI1C"
L2A = "S2MSI2A"
UTC = timezone.utc
CYCLE_DAYS = 10
FAILURES_PER = 12  # one product in so many fails
FIRST_DAY = {"S2A": date(2016, 1, 1), "S2B": date(2017, 7, 1)}
CYCLE_START = {"S2A": date(2019, 3, 1), "S2B": date(2019, 3, 6)}  # a pass of relative orbit 51
SINGLE_TILE_SINCE = date(2016, 12, 6)
L2A_SINCE = date(2018, 3, 26)
ORBITS = {"31TCJ": (51, 8)}  # the tile of all examples; other orbits come from a hash
BASELINES = (
    ("N0201", date(2016, 1, 1)),
    ("N0204", date(2016, 6, 15)),
    ("N0205", date(2017, 4, 27)),
    ("N0206", date(2017, 10, 23)),
    ("N0207", date(2018, 11, 6)),
    ("N0208", date(2019, 7, 8)),
    ("N0209", date(2020, 2, 4)),
    ("N0300", date(2021, 3, 30)),
    ("N0301", date(2021, 7, 1)),
    ("N0400", date(2022, 1, 25)),
    ("N0500", date(2022, 12, 6)),
    ("N0510", date(2023, 12, 13)),
    ("N0511", date(2024, 7, 23)),
)
TOWNS = {
    "toulouse": Position(43.60, 1.44),
    "paris": Position(48.86, 2.35),
    "lyon": Position(45.76, 4.84),
    "marseille": Position(43.30, 5.37),
    "brest": Position(48.39, -4.49),
    "madrid": Position(40.42, -3.70),
    "dakar": Position(14.69, -17.45),
    "tunis": Position(36.81, 10.18),
    "hanoi": Position(21.03, 105.85),
    "santiago": Position(-33.45, -70.67),
    "tromso": Position(69.65, 18.96),
}
FAILURES = (
    "MAJA ended with status 1: no valid L1C date among the 8 products of the time series",
    "Error: {name} could not be fetched from tape",
    "MAJA ended with status 134: Bad allocation in the AOT inversion",
)
_SINGLE = re.compile(r"S2[ABC]_MSIL[12][AC]_(\d{8}T\d{6})_N\d{4}_R\d{3}_T(\w{5})_\d{8}T\d{6}")


@dataclass(frozen=True)
class Product:
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


@dataclass(frozen=True)
class World:
    """The acquisitions of both satellites, up to the day before `today`."""

    today: date

    def products(self, tiles: Iterable[str], first: datetime, last: datetime) -> list[Product]:
        """Return what was acquired of `tiles` from `first` to `last`, both included, oldest first."""
        found = [p for tile in dict.fromkeys(tiles) for p in self._of_tile(tile, first.date(), last.date())]
        return sorted((p for p in found if first <= p.start <= last), key=lambda p: (p.start, p.name))

    def find(self, name: str) -> Product | None:
        """Return the product of this name; None for unknown ones, and for the old multi-tile format."""
        match = _SINGLE.fullmatch(name)
        if match is None:
            return None
        try:
            start = datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        except ValueError:  # a name with a 13th month
            return None
        return next((p for p in self.products([match[2]], start, start) if p.name == name), None)

    def _of_tile(self, tile: str, first: date, last: date) -> Iterator[Product]:
        place = centre(tile)
        if place is None:
            return
        for satellite, orbit in ((s, o) for s in FIRST_DAY for o in _orbits(tile)):
            begin = max(first - timedelta(days=1), FIRST_DAY[satellite])
            end = min(last + timedelta(days=1), self.today - timedelta(days=1))
            for day in _passes(satellite, orbit, begin, end):
                start = _sensing_start(satellite, orbit, day, place)
                if start.date() < self.today:
                    yield from _listed(satellite, orbit, tile, start)


def fails(name: str) -> str | None:
    """Return the message with which MAJA fails on this product in the made-up world, or None."""
    if pick(FAILURES_PER, "fails", name) != 7:
        return None
    return FAILURES[pick(len(FAILURES), "message", name)].format(name=name)


def has_elevation(tile: str) -> bool:
    """Return whether SRTM covers the tile; beyond 60° jobs are cancelled."""
    return not beyond_60(tile)


def l2a_name(satellite: str, start: datetime, tile: str) -> str:
    """Return the name of the L2A product, without `.zip`: seen 0 to 30 minutes after the datatake began."""
    seen = start + timedelta(milliseconds=pick(1_800_000, "seen", satellite, start, tile))
    if (satellite, start, tile) == EXAMPLE:
        seen = EXAMPLE_SEEN
    version = "D" if start.year < 2021 else "C_V1-0"
    moment = f"{seen:%Y%m%d-%H%M%S}-{seen.microsecond // 1000:03d}"
    return f"SENTINEL2{satellite[2]}_{moment}_L2A_T{tile}_{version}"


def orbit_number(satellite: str, start: datetime) -> int:
    """Return the absolute orbit number: 143 orbits in ten days."""
    known = {
        "S2A": (26883, datetime(2020, 8, 15, tzinfo=UTC)),
        "S2B": (17960, datetime(2020, 8, 14, tzinfo=UTC)),
    }
    number, then = known.get(satellite, known["S2A"])
    return number + round((start - then).total_seconds() / 86400 * 14.3)


def draw(*parts: object) -> float:
    """Return a number in [0, 1) that depends on `parts` alone."""
    digest = hashlib.blake2b("|".join(map(str, parts)).encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56


def pick(count: int, *parts: object) -> int:
    """Return one of 0 … count - 1 that depends on `parts` alone."""
    return int(draw(*parts) * count)


def tiles_of_town(words: str) -> tuple[str, ...]:
    """Return the tiles of the first town of the gazetteer that is named in free text."""
    place = next((TOWNS[word] for word in re.split(r"[\s,]+", words.lower()) if word in TOWNS), None)
    tile = tile_at(place) if place else None
    return (tile,) if tile else ()


def all_town_tiles() -> tuple[str, ...]:
    """Return the tiles of all towns: what a search without a place goes through."""
    return tuple(tile for tile in map(tile_at, TOWNS.values()) if tile)


EXAMPLE = ("S2A", datetime(2019, 3, 1, 10, 50, 21, tzinfo=UTC), "31TCJ")  # the names that PEPS' pages show
EXAMPLE_SEEN = datetime(2019, 3, 1, 10, 54, 26, 459_000, tzinfo=UTC)
EXAMPLE_LAST = "20190301T125917"


def _orbits(tile: str) -> tuple[int, ...]:
    if tile in ORBITS:
        return ORBITS[tile]
    first = 1 + pick(143, "orbit", tile)
    second = 1 + (first + 42) % 143  # the neighbouring swath passes three days later
    return (first, second) if draw("swaths", tile) < 0.5 else (first,)


def _passes(satellite: str, orbit: int, begin: date, end: date) -> Iterator[date]:
    phase = CYCLE_START[satellite] + timedelta(days=round((orbit - 51) * CYCLE_DAYS / 143))
    day = begin + timedelta(days=(phase - begin).days % CYCLE_DAYS)
    while day <= end:
        yield day
        day += timedelta(days=CYCLE_DAYS)


def _sensing_start(satellite: str, orbit: int, day: date, place: Position) -> datetime:
    """Return about half past ten in local solar time, a little different on each pass."""
    if (satellite, day, orbit, tile_at(place)) == (EXAMPLE[0], EXAMPLE[1].date(), 51, EXAMPLE[2]):
        return EXAMPLE[1]
    seconds = (10.5 - place.lon / 15) * 3600 + 10 * pick(60, "orbit", orbit) + pick(600, "start", day, orbit)
    return datetime.combine(day, time(), UTC) + timedelta(seconds=round(seconds))


def _listed(satellite: str, orbit: int, tile: str, start: datetime) -> Iterator[Product]:
    """Yield the catalogue's entries for one acquisition: now and then there are two."""
    index = max(i for i, (_, since) in enumerate(BASELINES) if i == 0 or since <= start.date())
    baseline = BASELINES[index][0]
    whole = Product("", L1C, satellite, start, baseline, orbit, tile, _clouds(satellite, tile, start))
    kind = draw("listed", satellite, tile, start)
    example = (satellite, start, tile) == EXAMPLE
    if start.date() < SINGLE_TILE_SINCE and kind < 0.5:
        yield replace(whole, name=_old_name(whole))
        return
    if kind > 0.96 and index and not example:
        yield _named(replace(whole, baseline=BASELINES[index - 1][0]), 2)
    if 0.92 < kind <= 0.96 and not example:
        yield _named(replace(whole, part=1), 3)
        yield _named(replace(whole, part=2), 4)
    else:
        yield _named(whole, 3)
    if start.date() >= L2A_SINCE:
        yield _named(replace(whole, level=L2A), 5)


def _named(product: Product, hours: int) -> Product:
    """Give the product its name; its last time lies some hours after the sensing start."""
    level = "MSIL1C" if product.level == L1C else "MSIL2A"
    delay = timedelta(hours=hours, seconds=pick(3000, "last", product.tile, product.start))
    last = f"{product.start + delay:%Y%m%dT%H%M%S}"
    if (product.satellite, product.start, product.tile) == EXAMPLE and product.level == L1C:
        last = EXAMPLE_LAST
    first = f"{product.satellite}_{level}_{product.start:%Y%m%dT%H%M%S}"
    return replace(product, name=f"{first}_{product.baseline}_R{product.orbit:03d}_T{product.tile}_{last}")


def _old_name(product: Product) -> str:
    made = product.start + timedelta(hours=14)
    seen = f"V{product.start:%Y%m%dT%H%M%S}_{product.start:%Y%m%dT%H%M%S}"
    return f"{product.satellite}_OPER_PRD_MSIL1C_PDMC_{made:%Y%m%dT%H%M%S}_R{product.orbit:03d}_{seen}"


def _clouds(satellite: str, tile: str, start: datetime) -> float | None:
    """Return percent: a third clear, a third cloudy, the rest between; now and then nothing is known."""
    if (satellite, start, tile) == EXAMPLE:
        return 3.2071
    weather = draw("weather", satellite, tile, start.date())
    if weather < 0.03:
        return None
    if weather < 0.09:
        return 0.0
    if weather > 0.9:
        return 100.0
    return round(100 * math.pow(draw("clouds", satellite, tile, start.date()), 1.4), 4)
