"""Reads the catalogue's answer to a search, every page of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from .catalogue import Page, Record, Search, read_page
from .client import LONGEST_PAGE, PAGE_LIMIT, Client
from .disk import write_whole
from .documents import Unreadable
from .errors import Forbidden, NotPeps, NotThere, ServerTrouble

_MOST_IDLE_PAGES = 3  # pages in a row that bring nothing new: then the server goes round in a circle


class _BrokenOff(ServerTrouble):
    """The catalogue ended before all that it announced had come."""


def find_records(client: Client, searches: Iterable[Search], geojson: Path | None = None) -> list[Record]:
    """Return what the catalogue has for these searches, each product once; keep its answers in the file `geojson`."""
    pages = [page for search in searches for page in _complete(client, search, with_features=geojson is not None)]
    if geojson:
        _keep([feature for page in pages for feature in page.features], geojson)
    return list({record.identifier: record for page in pages for record in page.records}.values())


def _complete(client: Client, search: Search, *, with_features: bool) -> list[Page]:
    """Return all pages; of a catalogue that breaks off, those of a second search."""
    try:
        return list(_pages(client, search, with_features=with_features))
    except _BrokenOff:
        return list(_pages(client, search, with_features=with_features))


def _pages(client: Client, search: Search, *, with_features: bool) -> Iterator[Page]:
    """Yield pages until one names no next one; raise _BrokenOff if that leaves products out.

    A page may be short, the announced total is an estimate, and records that come in between push others onto a
    second page: nothing but the link to the next page tells whether there is one.
    """
    seen: set[str] = set()
    number = idle = count = 0
    while idle < _MOST_IDLE_PAGES:
        number += 1
        page = read_page_of(client, search, number)
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


def read_page_of(client: Client, search: Search, number: int = 1) -> Page:
    """Return one page of the answer to a search, counted from 1; the catalogue needs no account and gets none."""
    query = urlencode(search.parameters(number))
    try:
        answer = client.ask(client.server.catalogue, query, limit=PAGE_LIMIT, seconds=LONGEST_PAGE, anonymously=True)
        return read_page(answer.body)
    except Forbidden as error:
        raise NotPeps(f"{error}: is --server right, or does your network ask for a login?") from error
    except (Unreadable, NotPeps, NotThere) as error:
        raise NotPeps(f"{client.server.base} is no PEPS ({error}): is --server right?") from error


def _keep(features: list[object], path: Path) -> None:
    """Write the features as one GeoJSON, each once, whole or not at all."""
    once = {json.dumps(feature): None for feature in features}
    write_whole(path, '{"type": "FeatureCollection", "features": [\n' + ",\n".join(once) + "\n]}\n")
