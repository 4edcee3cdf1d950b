"""The PEPS catalogue (resto 2): a search out, every page of its GeoJSON in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from peps_maja.errors import Forbidden, NotThere, ServerSilent, ServerTrouble
from peps_maja.network.client import LONGEST_PAGE, PAGE_LIMIT, PATIENCE_OF_SEARCH
from peps_maja.network.documents import array, mapping, number, read_json, text, whole
from peps_maja.peps.service import Peps, explaining_closure
from peps_maja.products.names import L1CProduct
from peps_maja.products.places import Box, Days
from peps_maja.products.records import L1CRecord
from peps_maja.submitter.wishes import Wishes
from peps_maja.text import one_line

PAGE_SIZE = 500  # resto cuts a larger number silently to this


@dataclass(frozen=True)
class Search:
    """What the catalogue is asked for: `place` holds resto's own parameters, such as `tileid`."""

    place: Mapping[str, str]
    days: Days

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


@dataclass(frozen=True)
class Page:
    """One page of the catalogue's answer: its records, the features as they came and how many these are.

    `total` is how many the whole answer has, where the server knows exactly.
    """

    records: tuple[L1CRecord, ...]
    features: tuple[object, ...]
    has_next: bool
    count: int
    total: int | None


def read_page(body: bytes) -> Page:
    """Return what a page of the catalogue says; raise ServerTrouble for anything else."""
    answer = mapping(read_json(body))
    features = answer.get("features")
    if not isinstance(features, list):
        raise ServerTrouble("the server's answer to the search is not a page of a catalogue")
    records = tuple(record for feature in features if (record := _record(feature)))
    properties = mapping(answer.get("properties"))
    total = whole(properties.get("totalResults")) if properties.get("exactCount") is True else None
    return Page(records, tuple(features), _has_next(answer, len(features)), len(features), total)


def _has_next(answer: Mapping[str, object], count: int) -> bool:
    properties = answer.get("properties")
    links = [*array(answer.get("links")), *array(mapping(properties).get("links"))]
    # A server that sends no links at all cannot say; then a full page speaks for another one.
    return any(mapping(link).get("rel") == "next" for link in links) if links else count >= PAGE_SIZE


def _record(feature: object) -> L1CRecord | None:
    properties = mapping(mapping(feature).get("properties"))
    identifier = properties.get("productIdentifier") or properties.get("title")
    if not isinstance(identifier, str) or not identifier.strip():
        return None
    product = L1CProduct.parse(identifier)
    known = L1CRecord.named(product) if product else L1CRecord(one_line(identifier, 120), product=None)
    return L1CRecord(
        identifier=known.identifier,
        product=product,
        tile=known.tile or _line(properties.get("mgrs")),
        day=known.day or _line(properties.get("startDate"))[:10],
        satellite=known.satellite or _line(properties.get("platform")),
        orbit=known.orbit or whole(properties.get("relativeOrbitNumber")),
        clouds=number(properties.get("cloudCover")),
        size=whole(properties.get("resourceSize")),
        on_tape=mapping(properties.get("storage")).get("mode") in ("tape", "tier3"),
        latitudes=_latitudes(mapping(feature).get("geometry")),
    )


def _line(value: object) -> str:
    return one_line(text(value), 40)


def _latitudes(geometry: object) -> tuple[float, float] | None:
    found = list(_positions(mapping(geometry).get("coordinates"), depth=4))
    return (min(found), max(found)) if found else None


def _positions(coordinates: object, depth: int) -> Iterator[float]:
    """Yield the latitude of each position of a Polygon's or MultiPolygon's rings."""
    if not isinstance(coordinates, list) or not depth:
        return
    if len(coordinates) >= 2 and all(number(value) is not None for value in coordinates[:2]):
        latitude = number(coordinates[1])
        if latitude is not None and -90 <= latitude <= 90:
            yield latitude
        return
    for part in coordinates:
        yield from _positions(part, depth - 1)


def searches(wishes: Wishes) -> list[Search]:
    """Return the searches to make, none if products are named instead: one for each tile, or one in all."""
    if wishes.days is None:
        return []
    places = [_place(wishes.place)] if wishes.place else [{"tileid": tile} for tile in sorted(wishes.tiles)]
    return [Search(place, wishes.days) for place in places]


def _place(place: str | Box) -> dict[str, str]:
    if isinstance(place, str):
        return {"q": place}
    if place.is_point:
        return {"lat": f"{place.south:.10g}", "lon": f"{place.west:.10g}"}
    return {"box": ",".join(f"{edge:.10g}" for edge in (place.west, place.south, place.east, place.north))}


_MOST_IDLE_PAGES = 3  # pages in a row that bring nothing new: then the server goes round in a circle


class _BrokenOff(ServerTrouble):
    """The catalogue ended before all that it announced had come."""


@dataclass(frozen=True)
class Found:
    """What the catalogue has: each product once, and the features as they came."""

    records: list[L1CRecord]
    features: list[object]


def find_records(peps: Peps, searches: Iterable[Search], *, with_features: bool = False) -> Found:
    """Return what the catalogue has for these searches."""
    pages = [page for search in searches for page in _complete(peps, search, with_features=with_features)]
    records = {record.identifier: record for page in pages for record in page.records}
    return Found(list(records.values()), [feature for page in pages for feature in page.features])


def _complete(peps: Peps, search: Search, *, with_features: bool) -> list[Page]:
    """Return all pages; of a catalogue that breaks off, those of a second search."""
    try:
        return list(_pages(peps, search, with_features=with_features))
    except _BrokenOff:
        return list(_pages(peps, search, with_features=with_features))


def _pages(peps: Peps, search: Search, *, with_features: bool) -> Iterator[Page]:
    """Yield pages until one names no next one; raise _BrokenOff if that leaves products out.

    A page may be short, the announced total is an estimate, and records that come in between push others onto a
    second page: nothing but the link to the next page tells whether there is one.
    """
    seen: set[str] = set()
    number = idle = count = 0
    while idle < _MOST_IDLE_PAGES:
        number += 1
        page = read_page_of(peps, search, number)
        yield page if with_features else replace(page, features=())
        count += page.count
        if not page.count or not page.has_next:
            # An exact total that is reached counts for more than the name of a next page.
            if page.has_next if page.total is None else count < page.total:
                total = "an unknown number of" if page.total is None else page.total
                raise _BrokenOff(f"the catalogue broke off: {count} of {total} products came; try again later")
            return
        names = {record.identifier for record in page.records}
        idle = idle + 1 if names <= seen else 0
        seen |= names


def read_page_of(peps: Peps, search: Search, number: int = 1) -> Page:
    """Return one page of the answer to a search, counted from 1; the catalogue needs no account and gets none."""
    address, query = peps.server.catalogue, urlencode(search.parameters(number))
    with explaining_closure(peps.server):
        try:
            answer = peps.client.ask(
                address, query, limit=PAGE_LIMIT, seconds=LONGEST_PAGE, patience=PATIENCE_OF_SEARCH, anonymously=True
            )
            return read_page(answer.body)
        except ServerSilent:
            raise
        except Forbidden as error:
            raise ServerTrouble(f"{error}: is --server right, or does your network ask for a login?") from error
        except (ServerTrouble, NotThere) as error:
            raise ServerTrouble(
                f"{peps.server.base} does not answer as PEPS does ({error}): is --server right?"
            ) from error
