"""The PEPS catalogue (resto 2): a search out, every page of its GeoJSON in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from peps_maja.errors import Forbidden, NotThere, ServerSilent, ServerTrouble, UsageError
from peps_maja.network.answers import BadRequest
from peps_maja.network.documents import mapping, number, text, whole
from peps_maja.network.pages import Page, read_all, read_page
from peps_maja.peps.service import Peps, explaining_closure
from peps_maja.products.names import L1CProduct
from peps_maja.products.places import Box, Days
from peps_maja.products.records import L1CRecord
from peps_maja.text import one_line

PAGE_SIZE = 500  # resto cuts a larger number silently to this


@dataclass(frozen=True)
class Search:
    """What the catalogue is asked for: `place` holds resto's own parameters, such as `tileid`."""

    place: Mapping[str, str]
    days: Days

    @classmethod
    def at(cls, place: str | Box, days: Days) -> Search:
        """Return the search at a place that the catalogue knows by its name, at a point or in a box."""
        if isinstance(place, str):
            return cls({"q": place}, days)
        if place.is_point:
            return cls({"lat": f"{place.south:.10g}", "lon": f"{place.west:.10g}"}, days)
        edges = (place.west, place.south, place.east, place.north)
        return cls({"box": ",".join(f"{edge:.10g}" for edge in edges)}, days)

    def parameters(self, page: int) -> dict[str, str]:
        """Return the query for one page, counted from 1.

        Satellite, orbit and clouds are left to our own choice: resto's filters lose the products whose record
        lacks the figure, and know only the satellites of their time.
        """
        # A bare date is 00:00:00 of that day for resto, so the last day is included by naming the next one.
        start, end = self.days.start, self.days.end
        return {
            **self.place,
            "startDate": start.isoformat(),
            "completionDate": (end + timedelta(days=1) if end < date.max else end).isoformat(),
            "productType": "S2MSI1C",
            "maxRecords": str(PAGE_SIZE),
            "page": str(page),
        }


def find_records(peps: Peps, search: Search, keep: Callable[[object], None] = lambda _: None) -> list[L1CRecord]:
    """Return what the catalogue has for a search; `keep` is given each feature as it came."""

    def read(feature: object) -> L1CRecord | None:
        keep(feature)
        return read_feature(feature)

    with explaining_closure(peps.server):
        found = read_all(lambda number: read_page_of(peps, search, number), read, "the catalogue of PEPS")
    return list({record.identifier: record for record in found if record}.values())


def read_page_of(peps: Peps, search: Search, number: int = 1) -> Page:
    """Return one page of the answer to a search, counted from 1; the catalogue needs no account and gets none."""
    address, query = peps.server.catalogue, urlencode(search.parameters(number))
    with explaining_closure(peps.server):
        try:
            if page := read_page(peps.client.search(f"{address}?{query}"), PAGE_SIZE):
                return page
            raise ServerTrouble("its answer to the search is not a page of a catalogue")
        except ServerSilent:
            raise
        except (BadRequest, Forbidden) as error:
            raise UsageError(f"{error}: is --server right, or does your network ask for a login?") from error
        except (ServerTrouble, NotThere) as error:
            base = peps.server.base
            raise ServerTrouble(f"{base} does not answer as PEPS does ({error}): is --server right?") from error


def read_feature(feature: object) -> L1CRecord | None:
    """Return the record of a feature, whatever its fields are like; None for one without a name."""
    properties = mapping(mapping(feature).get("properties"))
    identifier = properties.get("productIdentifier") or properties.get("title")
    if not isinstance(identifier, str) or not identifier.strip():
        return None
    known: dict[str, Any] = {
        "clouds": number(properties.get("cloudCover"), 0, 100),  # some catalogues write -1 for clouds not known
        "size": whole(properties.get("resourceSize")),
        "on_tape": mapping(properties.get("storage")).get("mode") in ("tape", "tier3"),
        "bounds": Box.around(mapping(feature)),
    }
    if product := L1CProduct.parse(identifier):
        return L1CRecord.of(product, **known)
    return L1CRecord(
        identifier=one_line(identifier, 120),
        product=None,
        tile=one_line(text(properties.get("mgrs")), 40),
        day=one_line(text(properties.get("startDate")), 40)[:10],
        satellite=one_line(text(properties.get("platform")), 40),
        orbit=whole(properties.get("relativeOrbitNumber")),
        **known,
    )
