"""Reads the catalogue's answer to a search, every page of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlencode

from .catalogue import Page, Record, Search, read_page
from .client import LONGEST_PAGE, PAGE_LIMIT, Client
from .documents import Unreadable
from .errors import NotPeps, NotThere, UsageError

_MOST_IDLE_PAGES = 3  # pages in a row that bring nothing new: then the server goes round in a circle


def find_records(client: Client, searches: Iterable[Search], geojson: Path | None = None) -> list[Record]:
    """Return what the catalogue has for these searches, each product once; keep its answers in the file `geojson`."""
    pages = [page for search in searches for page in _pages(client, search, with_features=geojson is not None)]
    if geojson:
        _keep([feature for page in pages for feature in page.features], geojson)
    return list({record.identifier: record for page in pages for record in page.records}.values())


def _pages(client: Client, search: Search, *, with_features: bool) -> Iterator[Page]:
    """Yield pages until one names no next one.

    A page may be short, the announced total is an estimate, and records that come in between push others onto a
    second page: nothing but the link to the next page tells whether there is one.
    """
    seen: set[str] = set()
    number = idle = 0
    while idle < _MOST_IDLE_PAGES:
        number += 1
        page = read_page_of(client, search, number)
        yield page if with_features else replace(page, features=())
        if not page.has_next or not page.features:
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
    except (Unreadable, NotPeps, NotThere) as error:
        raise NotPeps(f"{client.server.base} is no PEPS ({error}): is --server right?") from error


def _keep(features: list[object], path: Path) -> None:
    """Write the features as one GeoJSON, each once, whole or not at all."""
    once = {json.dumps(feature): None for feature in features}
    collection = '{"type": "FeatureCollection", "features": [\n' + ",\n".join(once) + "\n]}\n"
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        part.write_text(collection, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UsageError(f"cannot write {path}: {error.strerror}") from None
