"""Theia's products in the made-up world: not of every date, in several versions, and now and then in two pieces."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from peps_maja.sandbox.world.acquisitions import (
    L1C,
    TOO_CLOUDY,
    Acquired,
    World,
    draw,
    l2a_name,
    orbit_number,
    pick,
    seen_at,
)
from peps_maja.sandbox.world.tiles import TILES, Ring, bounds_of
from peps_maja.sandbox.world.zips import make_zip, quicklook_of

DATASET = "THEIA_REFLECTANCE_SENTINEL2_L2A"
STAC_VERSION = "1.1.0"
SHARE = 0.6  # of the dates that are clear enough
SIDE = 32  # pixels of its rasters
# Version and format letter of what there is of an acquisition; of reprocessed ones, the time has changed.
_VERSIONS = (
    *[(("4.0", "C"),)] * 5,
    *[(("1.4", "D"), ("4.0", "C"))] * 2,
    *[(("3.1", "C"),)] * 2,
    (("2.2", "C"), ("3.0", "C")),
)


@dataclass(frozen=True)
class TheiaProduct:
    """One product of Theia; `time` is when its tile was seen (UTC)."""

    identifier: str
    version: str | None
    satellite: str
    tile: str
    time: datetime
    orbit: int | None
    clouds: float | None
    ring: Ring = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of its zip, without `.zip`, and of its folder."""
        return f"{self.identifier}_V{self.version.replace('.', '-')}" if self.version else self.identifier

    @property
    def urn(self) -> str:
        """The identifier of its item."""
        return f"URN:FEATURE:DATA:gdh:{uuid.uuid5(uuid.NAMESPACE_URL, self.name)}:V1"

    @property
    def size_on_tape(self) -> int:
        """How many bytes the true zip would have: V4-0 has more in it."""
        least, most = (0.3e9, 1.2e9) if self.is_old else (0.9e9, 2.3e9)
        return int(least + (most - least) * draw("size", self.name))

    @property
    def is_old(self) -> bool:
        """Whether it was made before all of Europe was made anew."""
        return self.version is None or self.version < "4"

    def properties(self) -> dict[str, object]:
        """Return what a search can filter by, and what goes with it."""
        moment = f"{self.time:%Y-%m-%dT%H:%M:%S}.{self.time.microsecond // 1000:03d}Z"
        processed = self.time + timedelta(days=2 if self.is_old else 302)
        told = "00.00" if self.version == "3.1" and draw("told", self.name) < 0.4 else self.version
        return {
            "dataset": DATASET,
            "identifier": self.identifier,
            "version": told,
            "start_datetime": moment,
            "end_datetime": moment,
            "datetime": f"{processed:%Y-%m-%dT%H:%M:%S}.000Z",
            "platform": self.satellite,
            "grid:code": f"T{self.tile}" if draw("grid", self.name) < 0.5 else self.tile,
            "sat:relative_orbit": self.orbit,
            "sat:absolute_orbit": orbit_number(self.satellite, self.time),
            "eo:cloud_cover": -1 if self.clouds is None else self.clouds,
            "latest": not self.is_old,
            "endpoint_url": f"https://s3.datalake.cnes.fr/muscate/{self.name}.zip",
        }


def products_of(world: World, tiles: Iterable[str], first: datetime, last: datetime) -> list[TheiaProduct]:
    """Return what Theia has of these tiles from `first` to `last`, oldest first."""
    day = timedelta(days=1)
    listed = [p for p in world.products(tiles, first - day, last + day) if p.level == L1C and "_OPER_" not in p.name]
    acquisitions = {(p.satellite, p.start, p.tile, p.part): p for p in listed}
    found = [product for l1c in acquisitions.values() for product in _made_of(l1c)]
    return sorted((p for p in found if first <= p.time <= last), key=lambda p: (p.time, p.name))


def feature_of(product: TheiaProduct, server: str, size: int, md5: str, *, newer: bool = False) -> dict[str, object]:
    """Return the item as GEODES writes it; newer servers also tell size and checksum in fields of their own."""
    title, picture, content = f"{product.name}.zip", f"{product.name}_QKL_ALL.jpg", quicklook_of(product.name)
    archive = _asset(f"{server}/api/download/{product.urn}/files/{md5}", title, "RAWDATA", size, md5)
    archive |= {"type": "application/zip", "roles": ["data"]}
    if newer:
        archive |= {"file:size": size, "file:checksum": f"d50110{md5}"}
    address = f"{server}/api/quicklook/{product.urn}/files/{md5_of(content)}?scope=gdh"
    overview = _asset(address, picture, "QUICKLOOK_SD", len(content), md5_of(content))
    collection = f"{server}/api/stac/collections/{DATASET}"
    return {
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "type": "Feature",
        "id": product.urn,
        "collection": DATASET,
        "bbox": bounds_of(product.ring),
        "geometry": {"type": "Polygon", "coordinates": [product.ring]},
        "properties": product.properties(),
        "links": [
            link("root", f"{server}/api/stac"),
            link("collection", collection),
            link("self", f"{collection}/items/{product.urn}"),
        ],
        "assets": {picture: overview | {"type": "image/jpeg", "roles": ["overview"]}, title: archive},
    }


@lru_cache(maxsize=4096)
def zip_of(name: str) -> bytes:
    """Return the zip of a product: genuine in shape, and small, for the answer to a search names the MD5 of each."""
    return make_zip(name, SIDE)


def md5_of(content: bytes) -> str:
    """Return the MD5 as the catalogue gives it."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _made_of(l1c: Acquired) -> Iterator[TheiaProduct]:
    """Yield what Theia has of an acquisition, or of one part of it."""
    key = (l1c.satellite, l1c.start, l1c.tile)
    if draw("Theia has", *key) > SHARE or (l1c.clouds or 0.0) > TOO_CLOUDY:
        return
    seen = seen_at(*key) + timedelta(seconds=9 * max(l1c.part - 1, 0))
    for again, (version, letter) in enumerate(_VERSIONS[pick(len(_VERSIONS), "version", *key)]):
        time = seen + again * timedelta(seconds=6, milliseconds=80)
        identifier = l2a_name(l1c.satellite, time, l1c.tile, letter)
        ring = TILES[l1c.tile].ring(l1c.part)
        yield TheiaProduct(identifier, version, l1c.satellite, l1c.tile, time, l1c.orbit, l1c.clouds, ring)


def link(rel: str, href: str, **more: object) -> dict[str, object]:
    """Return a link of STAC."""
    return {"href": href, "rel": rel, "type": "application/json", "title": rel, **more}


def _asset(address: str, title: str, kind: str, size: int, md5: str) -> dict[str, object]:
    parts = (f"File size: {size} bytes", "Is reference: false", "Is online: false", f"Datatype: {kind}")
    return {"href": address, "title": title, "description": "\n\n".join((*parts, f"Checksum MD5: {md5}"))}
