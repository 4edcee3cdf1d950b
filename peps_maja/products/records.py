"""A product of a catalogue: what its record says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from peps_maja.products.names import L1CProduct, L2AProduct
from peps_maja.products.places import Box
from peps_maja.products.tiles import BANDS_BEYOND_60


@dataclass(frozen=True, kw_only=True)
class Record:
    """One product of a catalogue. `clouds` in percent, `size` in bytes, `day` as an ISO date, `bounds` in degrees."""

    identifier: str
    product: L1CProduct | L2AProduct | None
    tile: str = ""
    day: str = ""
    satellite: str = ""
    orbit: int | None = None
    version: str = ""  # `V4-0`, or a baseline, `N0207`
    processed: str = ""  # when, as the catalogue writes it
    clouds: float | None = None
    size: int | None = None
    bounds: Box | None = None

    @classmethod
    def of(cls, product: L1CProduct | L2AProduct, **known: Any) -> Self:
        """Return the record of a product, of which more than its name may be `known`."""
        says = {
            "identifier": product.name,
            "tile": product.tile.name,
            "day": str(product.seen.date()),
            "satellite": product.satellite,
            "orbit": product.orbit,
            "version": product.version,
        }
        return cls(product=product, **(says | known))

    @property
    def rank(self) -> tuple[str, str]:
        """What records are sorted by: time of acquisition, name."""
        return f"{self.product.seen:%Y%m%dT%H%M%S}" if self.product else self.day.replace("-", ""), self.identifier


@dataclass(frozen=True, kw_only=True)
class L1CRecord(Record):
    """A product of the PEPS catalogue; without a `product`, it is none that MAJA takes."""

    product: L1CProduct | None
    on_tape: bool = False

    def is_beyond_60(self) -> bool:
        """Return True if the whole footprint is beyond 60° north or south, where there is no SRTM elevation model."""
        if self.bounds is None:
            return self.product is not None and self.product.tile.name[2] in BANDS_BEYOND_60
        return self.bounds.south >= 60 or self.bounds.north <= -60


@dataclass(frozen=True, kw_only=True)
class L2ARecord(Record):
    """A product that Theia has ready at this address; without one, Theia does not have it."""

    product: L2AProduct
    address: str = ""
    md5: str | None = None
    quicklook: str = ""  # the address of its picture
