"""What comes out of a job: decided by the product's name and clouds, before the job begins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from peps_maja.sandbox.peps.centre import Outcome
from peps_maja.sandbox.peps.features import Listed, listed
from peps_maja.sandbox.world.acquisitions import L1C, TOO_CLOUDY, UTC, Acquired, World, draw, l2a_name, pick, seen_at
from peps_maja.sandbox.world.tiles import has_elevation
from peps_maja.sandbox.world.zips import NOT_VALID

FIRST_SERIES_DAY = datetime(2016, 4, 1, tzinfo=UTC)
SERIES_DAYS = (55, 366)
FAILURES_PER = 12  # one product in so many fails
FAILURE = "MAJA ended with status 1: no valid L1C date among the 8 products of the time series"
NO_ELEVATION = "job cancelled: no SRTM elevation model for tile {tile}"
_SINGLE = re.compile(r"(S2[A-D])_MSIL1C_(\d{8}T\d{6})_N\d{4}_R\d{3}_T(\d\d[A-Z]{3})_\d{8}T\d{6}")


class InputError(Exception):
    """An input of a process that the server refuses; `locator` names it."""

    def __init__(self, locator: str, message: str) -> None:
        super().__init__(message)
        self.locator = locator


def of_product(name: str, world: World, own: Iterable[dict[str, object]] | None) -> Outcome:
    """Return what MAJA makes of an L1C product; InputError if neither the world nor a test's own features have it.

    In the made-up world one product of about twelve fails; a test's own features never do.
    """
    if re.match(r"S2._OPER_", name):
        raise InputError("product", f"{name}: multi-tile products are not supported")
    named = _named(name)
    product: Acquired | Listed | None
    if own is not None:
        product = next((entry for entry in map(listed, own) if entry.name == name and entry.level in (None, L1C)), None)
    else:
        product = world.find(name, named[2], named[1]) if named else None
    if product is None:
        raise InputError("product", f"product {name} not found in collection S2ST")
    cloudy = product.clouds is not None and product.clouds > TOO_CLOUDY
    if own is None and pick(FAILURES_PER, "fails", name) == 7 and not cloudy and named and has_elevation(named[2]):
        return Outcome("FAILED", FAILURE)
    return of_name(name, cloudy=cloudy)


def of_name(name: str, *, cloudy: bool = False) -> Outcome:
    """Return the outcome of a name alone: never a failure, and one result even for an unusual name."""
    named = _named(name)
    if named is None:
        return Outcome(results=(f"{name}_L2A.zip",))
    satellite, start, tile = named
    if not has_elevation(tile):
        return Outcome("CANCELED", NO_ELEVATION.format(tile=tile))
    return Outcome(results=(_zip_name(satellite, start, tile, cloudy=cloudy),))


def of_series(inputs: dict[str, str], world: World) -> Outcome:
    """Return what FULL_MAJA makes of a tile from `startDate` to before `completionDate`: a zip for each date.

    Dates count once, with all their baselines and parts; of more than five, one is left out as `unprocessed`.
    """
    first, last = _day(inputs, "startDate"), _day(inputs, "completionDate")
    tile, orbit = _given(inputs, "tileid"), inputs.get("relativeOrbitNumber")
    if not timedelta(SERIES_DAYS[0]) <= last - first <= timedelta(SERIES_DAYS[1]):
        raise InputError("completionDate", "the time series must cover {} to {} days".format(*SERIES_DAYS))
    if first < FIRST_SERIES_DAY:
        raise InputError("startDate", f"startDate must not be before {FIRST_SERIES_DAY:%Y-%m-%d}")
    if orbit is not None and not (orbit.isdecimal() and 1 <= int(orbit) <= 143):
        raise InputError("relativeOrbitNumber", f"invalid relative orbit {orbit}")
    if not has_elevation(tile):
        return Outcome("CANCELED", NO_ELEVATION.format(tile=tile))
    products = world.products([tile], first, last - timedelta(seconds=1))
    dates = {
        p.start: p for p in products if p.level == L1C and "_OPER_" not in p.name and orbit in (None, str(p.orbit))
    }
    if not dates:
        raise InputError("tileid", f"no product of tile {tile} in this time")
    left_out = max(dates, key=lambda start: draw("unprocessed", tile, start)) if len(dates) > 5 else None
    names = tuple(
        _zip_name(p.satellite, start, tile, cloudy=p.clouds is not None and p.clouds > TOO_CLOUDY)
        for start, p in dates.items()
        if start != left_out
    )
    return Outcome(results=names, unprocessed=0 if left_out is None else 1)


def _named(name: str) -> tuple[str, datetime, str] | None:
    """Return satellite, sensing start and tile of a single-tile L1C name; None for others, and for a 13th month."""
    match = _SINGLE.fullmatch(name)
    try:
        return match and (match[1], datetime.strptime(match[2], "%Y%m%dT%H%M%S").replace(tzinfo=UTC), match[3])
    except ValueError:
        return None


def _zip_name(satellite: str, start: datetime, tile: str, *, cloudy: bool) -> str:
    version = "D" if start.year < 2021 else "C_V1-0"
    return f"{NOT_VALID if cloudy else ''}{l2a_name(satellite, seen_at(satellite, start, tile), tile, version)}.zip"


def _given(inputs: dict[str, str], name: str) -> str:
    if not inputs.get(name):
        raise InputError(name, f"missing input {name}")
    return inputs[name]


def _day(inputs: dict[str, str], name: str) -> datetime:
    try:
        return datetime.strptime(_given(inputs, name), "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise InputError(name, f"invalid date {inputs[name]}") from None
