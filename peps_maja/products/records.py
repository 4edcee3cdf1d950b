"""A product of a catalogue: what its record says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from peps_maja.products.names import L1CProduct, L2AProduct, Passage, is_old_format, passages_at


@dataclass(frozen=True)
class Record:
    """One product of a catalogue. `clouds` in percent, `size` in bytes, `day` as an ISO date."""

    identifier: str
    tile: str = ""
    day: str = ""
    satellite: str = ""
    orbit: int | None = None
    clouds: float | None = None
    size: int | None = None

    @property
    def rank(self) -> tuple[str, str]:
        """What records are sorted by: time of acquisition, name."""
        return self.day.replace("-", ""), self.identifier


@dataclass(frozen=True, kw_only=True)
class L1CRecord(Record):
    """A product of the PEPS catalogue; without a `product`, it is none that MAJA takes. Latitudes in degrees."""

    product: L1CProduct | None
    on_tape: bool = False
    latitudes: tuple[float, float] | None = None

    @classmethod
    def named(cls, product: L1CProduct) -> L1CRecord:
        """Return the record of a product of which nothing but its name is known."""
        return cls(
            identifier=product.name,
            product=product,
            tile=product.tile.name,
            day=product.sensing.date().isoformat(),
            satellite=product.satellite,
            orbit=product.orbit,
        )

    @property
    def rank(self) -> tuple[str, str]:
        """What records are sorted by: time of acquisition, name."""
        return (f"{self.product.sensing:%Y%m%dT%H%M%S}", self.identifier) if self.product else super().rank

    @property
    def is_old_format(self) -> bool:
        """Whether this is a multi-tile product, which MAJA on PEPS does not take."""
        return is_old_format(self.identifier)

    def is_beyond_60(self) -> bool:
        """Return True if the whole footprint is beyond 60° north or south, where there is no SRTM elevation model."""
        if self.latitudes is None:
            return self.product is not None and self.product.tile.lies_beyond_60
        south, north = self.latitudes
        return south >= 60 or north <= -60

    def reaches_beyond_60(self) -> bool:
        """Return True if a part of the footprint is beyond 60°."""
        return self.latitudes is not None and (self.latitudes[1] > 60 or self.latitudes[0] < -60)


@dataclass(frozen=True, kw_only=True)
class L2ARecord(Record):
    """A product that Theia has ready; `time` is when its tile was seen (UTC), `version` is `V4-0`, or empty.

    `elsewhere` is the reason why it is not in the place that was searched, or empty.
    """

    product: L2AProduct
    time: datetime
    version: str = ""
    processed: str = ""
    address: str = ""
    md5: str | None = None
    elsewhere: str = ""

    @property
    def rank(self) -> tuple[str, str]:
        """What records are sorted by: time of acquisition, name."""
        return f"{self.time:%Y%m%dT%H%M%S}", self.identifier

    @property
    def passages(self) -> tuple[Passage, ...]:
        """The passages of which it can be: two for one seen just after midnight."""
        return passages_at(self.satellite, self.tile, self.time)

    @property
    def age(self) -> tuple[tuple[int, ...], str]:
        """What tells which of two is newer: version, time of processing."""
        numbers = self.version.removeprefix("V").split("-")
        return tuple(int(number) for number in numbers if number), self.processed

    @classmethod
    def missing(cls, product: L2AProduct, reason: str) -> L2ARecord:
        """Return the record of a product that was asked for by its name, and is not available."""
        return cls(
            identifier=product.name,
            tile=product.tile.name,
            day=product.sight.date().isoformat(),
            satellite=product.satellite,
            product=product,
            time=product.sight,
            version=product.version,
            elsewhere=reason,
        )
