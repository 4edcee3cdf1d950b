"""A product of the PEPS catalogue: what its record says."""

from __future__ import annotations

from dataclasses import dataclass

from peps_maja.products.names import L1CProduct, is_old_format


@dataclass(frozen=True)
class Record:
    """One product of the catalogue. `clouds` in percent, `size` in bytes, latitudes of the footprint in degrees."""

    identifier: str
    product: L1CProduct | None
    tile: str = ""
    day: str = ""
    satellite: str = ""
    orbit: int | None = None
    clouds: float | None = None
    size: int | None = None
    on_tape: bool = False
    latitudes: tuple[float, float] | None = None

    @classmethod
    def named(cls, product: L1CProduct) -> Record:
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
    def is_old_format(self) -> bool:
        """Whether this is a multi-tile product, which MAJA on PEPS does not take."""
        return is_old_format(self.identifier)

    def lies_beyond_60(self) -> bool:
        """Tell whether the whole footprint lies beyond 60° north or south, where there is no SRTM elevation model."""
        if self.latitudes is None:
            return self.product is not None and self.product.tile.lies_beyond_60
        south, north = self.latitudes
        return south >= 60 or north <= -60

    def reaches_beyond_60(self) -> bool:
        """Tell whether a part of the footprint lies beyond 60°."""
        return self.latitudes is not None and (self.latitudes[1] > 60 or self.latitudes[0] < -60)
