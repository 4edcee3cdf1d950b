"""Features of the catalogue: made from the acquisitions of the world, and read, a test's own too."""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from peps_maja.sandbox.world.acquisitions import L1C, L2A, Acquired, draw, orbit_number, pick
from peps_maja.sandbox.world.tiles import TILES, Bounds, bounds_of

STORAGE = ("disk", "disk", "disk", "tier2", "tape", "tape", "tier3", "staging", "unknown")


@dataclass(frozen=True)
class Listed:
    """A feature, and what the catalogue filters by; None where the feature does not say."""

    name: str
    start: str  # ISO 8601, as text sorts and compares it
    level: str | None
    platform: str | None
    orbit: int | None
    clouds: float | None
    tile: str | None
    bounds: Bounds | None
    feature: dict[str, object]


def listed(feature: dict[str, object]) -> Listed:
    """Return the entry of a feature, however little it says."""
    found = feature.get("properties")
    properties: Mapping[str, object] = found if isinstance(found, Mapping) else {}
    name = str(properties.get("productIdentifier") or properties.get("title") or feature.get("id") or "")
    tile = properties.get("mgrs") or _part(r"_T(\d\d[A-Z]{3})_", name)
    level = properties.get("productType") or (L1C if "MSIL1C" in name else L2A if "MSIL2A" in name else None)
    moment = re.search(r"_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)_", name)
    from_name = "{}-{}-{}T{}:{}:{}Z".format(*moment.groups()) if moment else ""
    orbit, clouds = properties.get("relativeOrbitNumber"), properties.get("cloudCover")
    return Listed(
        name=name,
        start=str(properties.get("startDate") or from_name),
        level=str(level) if level else None,
        platform=str(properties.get("platform") or name[:3]) or None,
        orbit=orbit if isinstance(orbit, int) else int(_part(r"_R(\d{3})_", name) or 0) or None,
        clouds=float(clouds) if isinstance(clouds, (int, float)) else None,
        tile=str(tile) if tile else None,
        bounds=bounds_of(list(_points(feature.get("geometry")))),
        feature=feature,
    )


def feature_of(product: Acquired, server: str) -> dict[str, object]:
    """Return the feature as PEPS writes it, without some of its decoration."""
    name = product.name
    size = int(450e6 + 400e6 * draw("size", name)) // (2 if product.part else 1) * (8 if "_OPER_" in name else 1)
    number = orbit_number(product.satellite, product.start)
    baseline = f"{product.baseline[:3]}.{product.baseline[3:]}"
    properties: dict[str, object] = {
        "productIdentifier": name,
        "title": name,
        "startDate": f"{product.start:%Y-%m-%dT%H:%M:%S}.000Z",
        "productType": product.level,
        "platform": product.satellite,
        "orbitNumber": number,
        "relativeOrbitNumber": product.orbit,
        "quicklook": f"{server}/quicklook/{name}_quicklook.jpg",
        "resourceSize": size,
        "resourceChecksum": hashlib.sha256(name.encode()).hexdigest()[:32].upper(),  # as long as an MD5
        "cloudCover": product.clouds,
        "s2TakeId": f"G{product.satellite}_{product.start:%Y%m%dT%H%M%S}_{number:06d}_{baseline}",
        "mgrs": product.tile,
        "storage": {"mode": STORAGE[pick(len(STORAGE), "storage", name)]},
    }
    ring = [list(point) for point in TILES[product.tile].ring(product.part)]
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "geometry": {"type": "MultiPolygon", "coordinates": [[ring]]},
        "properties": properties,
    }


def _part(pattern: str, name: str) -> str | None:
    match = re.search(pattern, name)
    return match[1] if match else None


def _points(geometry: object) -> Iterable[tuple[float, float]]:
    """Yield all points of a GeoJSON geometry, however deep its lists are."""
    if isinstance(geometry, Mapping):
        yield from _points(geometry.get("coordinates"))
    elif isinstance(geometry, list) and len(geometry) >= 2 and all(isinstance(n, (int, float)) for n in geometry):
        yield float(geometry[0]), float(geometry[1])
    elif isinstance(geometry, list):
        for part in geometry:
            yield from _points(part)
