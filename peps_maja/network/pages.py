"""The answer of a catalogue to a search: every page of it, for both services."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from peps_maja.errors import ServerTrouble, UsageError
from peps_maja.network.documents import array, mapping, read_json, whole

MOST_PRODUCTS = 10_000
_Read = TypeVar("_Read")


class BrokenOff(ServerTrouble):
    """The answer ended before all that it announced had come."""


@dataclass(frozen=True)
class Page:
    """One page: its features, how many the whole answer has where the server knows exactly, and if more may follow."""

    features: list[object]
    total: int | None
    has_next: bool
    is_full: bool


def read_page(body: bytes, size: int) -> Page | None:
    """Return a page, of at most `size` features, in the form of either service; None for any other JSON."""
    answer = mapping(read_json(body))
    properties, context = mapping(answer.get("properties")), mapping(answer.get("context"))
    if not isinstance(features := answer.get("features"), list):
        return None
    exact = properties.get("totalResults") if properties.get("exactCount") is True else None
    totals = map(whole, (exact, context.get("matched"), answer.get("numberMatched")))
    links = (*array(answer.get("links")), *array(properties.get("links")))
    has_next = "next" in [mapping(link).get("rel") for link in links]
    is_full = len(features) >= (whole(context.get("limit")) or size)
    return Page(features, next((total for total in totals if total is not None), None), has_next, is_full)


def read_all(ask: Callable[[int], Page], read: Callable[[object], _Read], catalogue: str) -> list[_Read]:
    """Return what `read` makes of each feature on all pages that `ask` returns; if these break off, ask again."""
    try:
        return _read_once(ask, read, catalogue)
    except BrokenOff:
        return _read_once(ask, read, catalogue)


def _read_once(ask: Callable[[int], Page], read: Callable[[object], _Read], catalogue: str) -> list[_Read]:
    found: dict[str, _Read] = {}
    total, is_announced = None, False
    for number in count(1):
        page = ask(number)
        before = len(found)
        for feature in page.features:
            item, properties = mapping(feature), mapping(mapping(feature).get("properties"))
            # Its id and name, else the name that PEPS gives it, else all of it.
            told = properties.get("productIdentifier") or feature
            told = [item["id"], properties.get("identifier")] if item.get("id") else told
            if (key := json.dumps(told)) not in found:
                found[key] = read(feature)
        has_new = len(found) > before
        total = total if page.total is None else page.total
        if max(len(found), total or 0) > MOST_PRODUCTS:
            raise UsageError(f"{catalogue} has more than {MOST_PRODUCTS} products: name fewer days or a smaller place")
        # A total that is known counts for more than links; without either, a full page speaks for another one.
        has_more = page.has_next or (is_announced and not has_new) if total is None else len(found) < total
        if not has_new and (page.features or has_more):
            of = "an unknown number of" if total is None else total
            raise BrokenOff(f"{catalogue} broke off: {len(found)} of {of} products came, twice; try again later")
        if not has_new or not (has_more or (total is None and page.is_full)):
            break
        is_announced = has_more
    return list(found.values())
