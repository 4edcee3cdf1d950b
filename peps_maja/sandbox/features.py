"""Features of the catalogue: made from the products of the world, or read from those that a test sets."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from peps_maja.sandbox.tiles import Position, corners
from peps_maja.sandbox.world import L1C, L2A, Product, draw, orbit_number, pick

STORAGE = ("disk", "disk", "disk", "tier2", "tape", "tape", "tier3", "staging", "unknown")


@dataclass(frozen=True)
class Listed:
    """What the catalogue filters by; None where a feature does not say. `feature` makes it whole."""

    name: str
    start: str  # ISO 8601, as text sorts and compares it
    level: str | None
    platform: str | None
    orbit: int | None
    clouds: float | None
    tile: str | None
    bounds: tuple[float, float, float, float] | None  # west, south, east, north
    feature: Callable[[], dict[str, object]]


def of_product(product: Product, server: str) -> Listed:
    """Return the entry of a product of the world."""
    ring = footprint(product)
    return Listed(
        name=product.name,
        start=_iso(product.start),
        level=product.level,
        platform=product.satellite,
        orbit=product.orbit,
        clouds=product.clouds,
        tile=product.tile,
        bounds=_bounds(ring),
        feature=lambda: _feature(product, ring, server),
    )


def of_feature(feature: dict[str, object]) -> Listed:
    """Return the entry of a feature that a test wrote, however little it says."""
    found = feature.get("properties")
    properties: Mapping[str, object] = found if isinstance(found, Mapping) else {}
    name = str(properties.get("productIdentifier") or properties.get("title") or feature.get("id") or "")
    tile = properties.get("mgrs") or _part(r"_T(\d\d[A-Z]{3})_", name)
    level = properties.get("productType") or (L1C if "MSIL1C" in name else L2A if "MSIL2A" in name else None)
    from_name = re.sub(r".*?_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)_.*|.*", _spelt, name, count=1)
    orbit, clouds = properties.get("relativeOrbitNumber"), properties.get("cloudCover")
    return Listed(
        name=name,
        start=str(properties.get("startDate") or from_name),
        level=str(level) if level else None,
        platform=str(properties.get("platform") or name[:3]) or None,
        orbit=orbit if isinstance(orbit, int) else int(_part(r"_R(\d{3})_", name) or 0) or None,
        clouds=float(clouds) if isinstance(clouds, (int, float)) else None,
        tile=str(tile) if tile else None,
        bounds=_bounds(list(_points(feature.get("geometry")))),
        feature=lambda: feature,
    )


def footprint(product: Product) -> list[Position]:
    """Return the closed ring of what was seen: the tile, or the southern or northern part of a cut one."""
    south_west, south_east, north_east, north_west = corners(product.tile) or (Position(0, 0),) * 4
    middle_west = Position((south_west.lat + north_west.lat) / 2, (south_west.lon + north_west.lon) / 2)
    middle_east = Position((south_east.lat + north_east.lat) / 2, (south_east.lon + north_east.lon) / 2)
    if product.part == 1:
        south_west, south_east = middle_west, middle_east
    elif product.part == 2:
        north_west, north_east = middle_west, middle_east
    return [south_west, south_east, north_east, north_west, south_west]


def _feature(product: Product, ring: list[Position], server: str) -> dict[str, object]:
    """Return the feature as PEPS writes it, without some of its decoration."""
    name = product.name
    identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    geometry = {"type": "MultiPolygon", "coordinates": [[[[p.lon, p.lat] for p in ring]]]}
    checksum = hashlib.sha256(name.encode()).hexdigest()[:32].upper()  # as long as an MD5; there is no file
    size = int(450e6 + 400e6 * draw("size", name)) // (2 if product.part else 1)
    number = orbit_number(product.satellite, product.start)
    published = _iso(product.start + timedelta(hours=8, seconds=pick(9000, "published", name)))
    folder = f"{product.start:%Y/%m/%d}/{product.satellite}"
    old = name.split("_")[1] == "OPER"
    take = f"G{product.satellite}_{product.start:%Y%m%dT%H%M%S}_{number:06d}_N{_dotted(product.baseline)}"
    properties: dict[str, object] = {
        "collection": "S2ST",
        "productIdentifier": name,
        "parentIdentifier": "urn:ogc:def:EOP:ESA::SENTINEL-2:",
        "title": name,
        "description": None,
        "organisationName": "ESA",
        "startDate": _iso(product.start),
        "completionDate": _iso(product.start),
        "productType": product.level,
        "processingLevel": "LEVEL1C" if product.level == L1C else "LEVEL2A",
        "platform": product.satellite,
        "instrument": "MSI",
        "resolution": None,
        "sensorMode": "INS-NOBS",
        "orbitNumber": number,
        "quicklook": f"{server}/quicklook/{folder}/{name}_quicklook.jpg",
        "thumbnail": None,
        "resourceSize": size * (8 if old else 1),
        "resourceChecksum": checksum,
        "updated": published,
        "published": published,
        "snowCover": None,
        "cloudCover": product.clouds,
        "keywords": {},
        "visible": 1,
        "orbitDirection": "descending",
        "newVersion": None,
        "isNrt": 0,
        "realtime": "Nominal",
        "relativeOrbitNumber": product.orbit,
        "s2TakeId": take,
        "mgrs": product.tile,
        "services": {"download": {"mimeType": "application/zip", "size": size, "checksum": checksum}},
        "links": [],
        "storage": {"mode": STORAGE[pick(len(STORAGE), "storage", name)]},
    }
    return {
        "type": "Feature",
        "id": identifier,
        "geometry": geometry,
        "_geometry": geometry,
        "properties": properties,
    }


def _iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _spelt(match: re.Match[str]) -> str:
    return "{}-{}-{}T{}:{}:{}Z".format(*match.groups()) if match[1] else ""


def _dotted(baseline: str) -> str:
    return f"{baseline[1:3]}.{baseline[3:]}"


def _part(pattern: str, name: str) -> str | None:
    match = re.search(pattern, name)
    return match[1] if match else None


def _points(geometry: object) -> Iterable[Position]:
    """Yield all points of a GeoJSON geometry, however deep its lists are."""
    if isinstance(geometry, Mapping):
        yield from _points(geometry.get("coordinates"))
    elif isinstance(geometry, list) and len(geometry) >= 2 and all(isinstance(n, (int, float)) for n in geometry):
        yield Position(lat=float(geometry[1]), lon=float(geometry[0]))
    elif isinstance(geometry, list):
        for part in geometry:
            yield from _points(part)


def _bounds(ring: list[Position]) -> tuple[float, float, float, float] | None:
    if not ring:
        return None
    lons, lats = [p.lon for p in ring], [p.lat for p in ring]
    return min(lons), min(lats), max(lons), max(lats)
