"""GEODES as its clients see it: search, availability and downloads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any
from urllib.parse import quote

from peps_maja.sandbox.exchange import Endpoint, Recorded, Reply, json_reply, zip_reply
from peps_maja.sandbox.faults import Canned, Faults
from peps_maja.sandbox.geodes.products import (
    DATASET,
    STAC_VERSION,
    TheiaProduct,
    feature_of,
    link,
    md5_of,
    products_of,
    zip_of,
)
from peps_maja.sandbox.geodes.query import BodyError, Query, order_of, read
from peps_maja.sandbox.geodes.refusals import ON_TAPE, QUOTA, WRONG_KEY, refusal
from peps_maja.sandbox.world.acquisitions import World
from peps_maja.sandbox.world.pictures import quicklook
from peps_maja.sandbox.world.tiles import TILES, Bounds, bounds_of
from peps_maja.sandbox.world.zips import quicklook_of

KEY = "geodes-sandbox-key"
STAC = "/api/stac"
COLLECTION = f"{STAC}/collections/{DATASET}"
SEARCHES = (f"{STAC}/search", f"{STAC}/items", f"{COLLECTION}/items")
AVAILABILITY = "/fastavailability"
DOWNLOADS, QUICKLOOKS = "/api/download/", "/api/quicklook/"
_CONFORMANCE = [
    f"https://api.stacspec.org/v1.0.0/{part}" for part in ("core", "collections", "item-search", "item-search#query")
]
_START = datetime(2015, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class _Listed:
    """What a search filters by, and how the whole feature is made."""

    properties: Mapping[str, object]
    bounds: Bounds | None
    feature: Callable[[], dict[str, Any]]


class FakeGeodes:
    """Theia's products of the made-up world. The attributes are for tests to set."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.served: dict[str, TheiaProduct] = {}  # by their URN: what a search has shown
        self.keys = {KEY}
        self.items: list[dict[str, Any]] | None = None  # features of a test instead of the world's
        self.contents: dict[str, bytes] = {}  # zips of a test, by their URN or the product's name
        self.on_tape: set[str] = set()  # URNs or names; their items tell sizes as of true ones, 0.3 to 2.3 GB
        self.is_newer = False  # with `numberMatched` and `numberReturned`, `file:size` and `file:checksum`
        self.quota: int | None = None  # so many downloads are left in this hour
        self.out_of_quota: Canned = QUOTA

    @staticmethod
    def endpoint_of(path: str) -> Endpoint | None:
        """Return which endpoint of GEODES a request is for, or None if it is for PEPS."""
        if path in SEARCHES:
            return Endpoint.GEODES_SEARCH
        beginnings = {
            STAC: Endpoint.GEODES_CATALOGUE,
            AVAILABILITY: Endpoint.GEODES_AVAILABILITY,
            DOWNLOADS: Endpoint.GEODES_DOWNLOAD,
            QUICKLOOKS: Endpoint.GEODES_QUICKLOOK,
        }
        return next((endpoint for begin, endpoint in beginnings.items() if path.startswith(begin)), None)

    def answer(self, recorded: Recorded, server: str, faults: Faults) -> Reply:
        """Return the true answer to a request; what can be fetched wants the key."""
        method, path, is_read = recorded.method, recorded.path, recorded.method in {"GET", "HEAD"}
        match recorded.endpoint:
            case Endpoint.GEODES_SEARCH if method == "POST" and path != SEARCHES[2]:
                return self._search(recorded.body, server)
            case Endpoint.GEODES_SEARCH if is_read and path == SEARCHES[2]:
                numbers = {name: recorded.query[name] for name in ("page", "limit") if name in recorded.query}
                return self._search(json.dumps(numbers).encode(), server, SEARCHES[2])
            case Endpoint.GEODES_CATALOGUE if is_read or path == f"{STAC}/collections":
                return self._catalogue(path.rstrip("/"), server)
            case Endpoint.GEODES_AVAILABILITY if method == "POST":
                return self._availability(recorded.body)
            case Endpoint.GEODES_DOWNLOAD | Endpoint.GEODES_QUICKLOOK if is_read:
                if recorded.headers.get("x-api-key") not in self.keys:
                    return WRONG_KEY.reply()
                if recorded.endpoint is Endpoint.GEODES_DOWNLOAD:
                    return self._download(recorded, faults)
                urn = path.removeprefix(QUICKLOOKS).partition("/")[0]
                product = self.served.get(urn)
                return Reply(
                    200, {"Content-Type": "image/jpeg"}, quicklook_of(product.name) if product else quicklook(urn)
                )
        return refusal(405, "METHOD_NOT_ALLOWED", f"{method} is not supported").reply()

    def feature(self, product: TheiaProduct, server: str) -> dict[str, Any]:
        """Return the item of a product, which can be downloaded from then on, unless it is on tape."""
        self.served[product.urn] = product
        content = self._content(product)
        size = product.size_on_tape if self._is_on_tape(product.urn) else len(content)
        return feature_of(product, server, size, md5_of(content), newer=self.is_newer)

    def _catalogue(self, path: str, server: str) -> Reply:
        """Return the landing page, what it leads to, or one item."""
        root, data, own = (server + there for there in (STAC, f"{STAC}/collections", COLLECTION))
        about = {"stac_version": STAC_VERSION, "id": "geodes", "description": "Data of CNES"}
        collection = about | {
            "type": "Collection",
            "id": DATASET,
            "license": "Apache-2.0",
            "extent": {
                "spatial": {"bbox": [[-180, -90, 180, 90]]},
                "temporal": {"interval": [[_START.isoformat(), None]]},
            },
            "links": [link("root", root), link("self", own), link("items", f"{own}/items")],
        }
        landing = about | {
            "type": "Catalog",
            "conformsTo": _CONFORMANCE,
            "links": [
                *(link("root", root), link("self", root), link("data", data), link("child", own)),
                *(link("conformance", f"{root}/conformance"), link("search", server + SEARCHES[0], method="POST")),
            ],
        }
        answers = {
            STAC: landing,
            f"{STAC}/conformance": {"conformsTo": _CONFORMANCE},
            f"{STAC}/collections": {"collections": [collection], "links": [link("root", root), link("self", data)]},
            COLLECTION: collection,
        }
        product = self.served.get(path.removeprefix(f"{SEARCHES[2]}/"))
        answer = self.feature(product, server) if product else answers.get(path)
        return refusal(404, "NOT_FOUND", f"No {path}").reply() if answer is None else json_reply(answer)

    def _search(self, body: bytes, server: str, path: str = SEARCHES[0]) -> Reply:
        try:
            query = read(body)
        except BodyError as error:
            return refusal(400, "ITEMSEARCHBODY_PARSING", str(error)).reply()
        listed = self._of_test() if self.items is not None else self._of_world(query, server)
        found = [entry for entry in listed if query.wants(entry.properties, entry.bounds)]
        for field, falls in reversed(query.sort or [("start_datetime", True)]):
            found.sort(key=lambda entry, by=field: order_of(by, entry.properties), reverse=falls)  # type: ignore[misc]
        limit, matched = query.limit, len(found)
        features = [entry.feature() for entry in found[(query.page - 1) * limit : query.page * limit]]

        def link_to(rel: str, page: int) -> dict[str, object]:
            # STAC's way to say how a page is asked for by POST; its address alone would forget the conditions.
            by_post = {"method": "POST", "body": json.loads(body) | {"page": page}} if path == SEARCHES[0] else {}
            return link(rel, f"{server}{path}?limit={limit}&page={page}", **by_post)

        links = [link_to("self", query.page)]
        links += [link_to("next", query.page + 1)] if query.page * limit < matched else []
        context = {"returned": len(features), "limit": limit, "matched": matched}
        newer = {"numberMatched": matched, "numberReturned": len(features)} if self.is_newer else {}
        answer = {"type": "FeatureCollection", "features": features, "links": links, "context": context}
        return json_reply(answer | newer)

    def _of_test(self) -> Iterator[_Listed]:
        for feature in self.items or []:
            properties, box = feature.get("properties"), feature.get("bbox")
            bounds: Any = tuple(box) if isinstance(box, list) and len(box) == 4 else None
            yield _Listed(properties if isinstance(properties, dict) else {}, bounds, partial(dict, feature))

    def _of_world(self, query: Query, server: str) -> Iterator[_Listed]:
        tiles = query.tiles() or TILES
        first = max(query.limit_of("gte") or _START, _START)
        end = datetime.combine(self._world.today, datetime.min.time(), timezone.utc) + timedelta(days=1)
        last = min(query.limit_of("lte") or end, end)
        for product in products_of(self._world, tiles, first, last) if first <= last else ():
            yield _Listed(product.properties(), bounds_of(product.ring), partial(self.feature, product, server))

    def _availability(self, body: bytes) -> Reply:
        try:
            hrefs = [str(asset["href"]) for asset in json.loads(body)["availability"]]
        except (ValueError, LookupError, TypeError):
            return refusal(400, "PARSING", "Invalid body").reply()
        asked = [href.partition(DOWNLOADS)[2].partition("/files/")[::2] for href in hrefs]
        products = [
            {"id": urn, "files": [{"checksum": checksum, "available": not self._is_on_tape(urn)}]}
            for urn, checksum in asked
            if self._known(urn) is not None
        ]
        return json_reply({"products": products})

    def _download(self, recorded: Recorded, faults: Faults) -> Reply:
        urn, _, checksum = recorded.path.removeprefix(DOWNLOADS).partition("/files/")
        content = self._known(urn)
        if content is None or not checksum:
            return refusal(404, "NOT_FOUND", "No such file").reply()
        if self.quota is not None:
            if self.quota <= 0:
                return self.out_of_quota.reply()
            self.quota -= 1
        if self._is_on_tape(urn):
            return ON_TAPE.reply()
        product = self.served.get(urn)
        name = quote(f"{product.name if product else urn}.zip")
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "ETag": f'"{md5_of(content)}"' if faults.validators else None,
        }
        return zip_reply(content, headers, recorded.headers, ranges=faults.ranges)

    def _known(self, urn: str) -> bytes | None:
        product = self.served.get(urn)
        return self.contents.get(urn) if product is None else self._content(product)

    def _content(self, product: TheiaProduct) -> bytes:
        own = self.contents.get(product.urn, self.contents.get(product.name))
        return zip_of(product.name) if own is None else own

    def _is_on_tape(self, urn: str) -> bool:
        product = self.served.get(urn)
        return urn in self.on_tape or (product is not None and product.name in self.on_tape)
