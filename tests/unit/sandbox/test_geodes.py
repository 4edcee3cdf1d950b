"""The sandbox plays GEODES: search, quota, key and downloads, over real HTTP."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import datetime, timezone
from typing import Any

import pytest
import requests

from peps_maja.products.names import L2AProduct
from peps_maja.sandbox import Sandbox
from peps_maja.sandbox.geodes import KEY
from peps_maja.theia.reading import read_item

DATASET = {"dataset": {"eq": "THEIA_REFLECTANCE_SENTINEL2_L2A"}}
MARCH = {"start_datetime": {"gte": "2019-03-01T00:00:00Z", "lte": "2019-03-31T23:59:59.999Z"}}
TILE = {"grid:code": {"contains": "31TCJ"}}


def search(peps: Sandbox, path: str = "/api/stac/search", **body: Any) -> requests.Response:
    asked = {"page": 1, "limit": 80, "query": DATASET | TILE | MARCH} | body
    return requests.post(peps.url + path, json=asked, timeout=10)


def found(peps: Sandbox, **body: Any) -> list[dict[str, Any]]:
    answer = search(peps, **body)
    assert answer.status_code == 200, answer.text
    return [item["properties"] for item in answer.json()["features"]]


def fetch(address: str, key: str | None = KEY, **headers: str) -> requests.Response:
    return requests.get(address, headers=headers | ({"X-API-Key": key} if key else {}), timeout=10)


@pytest.fixture
def address(peps: Sandbox) -> str:
    record = read_item(search(peps).json()["features"][0])
    assert record
    return record.address


def test_world_of_theia_is_a_part_of_peps_with_versions_and_pieces(peps: Sandbox) -> None:
    properties = found(peps, query=DATASET | TILE | {"start_datetime": {"gte": "2019-03-01T00:00:00Z"}})
    assert {p["grid:code"] for p in properties} == {"31TCJ", "T31TCJ"}
    assert {p["version"] for p in properties} == {"1.4", "2.2", "3.0", "3.1", "4.0", "00.00"}
    days = {p["start_datetime"][:10] for p in found(peps)}
    first = datetime(2019, 3, 1, tzinfo=timezone.utc)
    l1c = {p.start.date().isoformat() for p in peps.world.products(["31TCJ"], first, first.replace(month=4))}
    assert 0 < len(days) < len(l1c)
    assert days < l1c
    assert {"2019-03-08", "2019-03-13"} <= days  # of the demonstration: some
    assert not {"2019-03-01", "2019-03-03", "2019-03-06", "2019-03-11"} & days
    pieces = [p["identifier"] for p in found(peps) if p["start_datetime"].startswith("2019-03-13")]
    assert len({L2AProduct.find(name) for name in pieces}) >= 2


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ({"sat:relative_orbit": {"eq": 51}}, lambda p: p["sat:relative_orbit"] == 51),
        ({"sat:relative_orbit": {"neq": 51}}, lambda p: p["sat:relative_orbit"] == 8),
        ({"sat:relative_orbit": {"in": [51, 52]}}, lambda p: p["sat:relative_orbit"] == 51),
        ({"platform": {"eq": "S2A"}}, lambda p: p["platform"] == "S2A"),
        ({"eo:cloud_cover": {"lte": 3}}, lambda p: p["eo:cloud_cover"] is not None and p["eo:cloud_cover"] <= 3),
        ({"grid:code": {"eq": "T31TCJ"}}, lambda p: p["grid:code"] == "T31TCJ"),
        ({"grid:code": {"contains": "31TCK"}, "identifier": {"contains": "31TCJ"}}, lambda _: False),
        ({"end_datetime": {"gte": "2019-03-20T00:00:00Z"}}, lambda p: p["start_datetime"] > "2019-03-20"),
        # What the server does not know, or is of another type, is ignored without a word.
        ({"sat:relative_orbit": {"eq": "51"}}, lambda _: True),
        ({"sat:relative_orbit": {"in": 51}}, lambda _: True),
        ({"eo:cloud_cover": {"lt": 3}}, lambda _: True),
        ({"relativeOrbit": {"eq": 51}}, lambda _: True),
        ({"platform": "S2A"}, lambda _: True),
        ({"end_datetime": {"gte": "soon"}}, lambda _: True),
    ],
)
def test_filters(peps: Sandbox, query: dict[str, object], left: Any) -> None:
    every = found(peps)
    expected = [p for p in every if left(p)]
    assert found(peps, query=DATASET | TILE | MARCH | query) == expected
    assert expected == every or len(expected) < len(every)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"query": DATASET | {"spaceborne:tile": {"eq": "31TCJ"}}}, 400),
        ({"query": []}, 400),
        ({"page": "one"}, 400),
        ({"bbox": [1, 2, 3]}, 400),
        ({"sortBy": 5, "limit": None, "page": None}, 200),
    ],
)
def test_refuses_with_an_error_of_its_own(peps: Sandbox, body: dict[str, Any], status: int) -> None:
    answer = search(peps, **body)
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["type"] == "ITEMSEARCHBODY_PARSING"
        assert re.search(r"\w", answer.json()["message"])


def test_pages_are_cut_and_linked(peps: Sandbox) -> None:
    year = {"start_datetime": {"gte": "2019-01-01T00:00:00Z", "lte": "2019-12-31T23:59:59Z"}}
    pages = [search(peps, query=DATASET | TILE | year, page=page, limit=500).json() for page in (1, "2")]
    first, second = ([item["id"] for item in page["features"]] for page in pages)
    assert len(first) == 80
    assert not set(first) & set(second)
    assert pages[0]["context"] == {"returned": 80, "limit": 80, "matched": len(first) + len(second)}
    assert [["next" in {link["rel"] for link in page["links"]}] for page in pages] == [[True], [False]]


def test_sorts_and_places(peps: Sandbox) -> None:
    def starts(direction: str) -> list[str]:
        return [p["start_datetime"] for p in found(peps, sortBy=[{"field": "start_datetime", "direction": direction}])]

    assert starts("asc") == sorted(starts("asc")) == starts("dsc")[::-1] == starts("desc")[::-1]
    place = {"query": DATASET | MARCH}
    inside, outside = [0.9, 43.3, 1.1, 43.5], [20.0, 43.0, 20.1, 43.1]
    of_tile = {p["identifier"] for p in found(peps)}
    missed = of_tile - {p["identifier"] for p in found(peps, **place, bbox=inside)}
    assert {name[11:19] for name in missed} == {"20190313"}  # one of two pieces
    assert not of_tile & {p["identifier"] for p in found(peps, **place, bbox=outside)}
    ring = [[0.9, 43.3], [1.1, 43.3], [1.1, 43.5], [0.9, 43.3]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    assert found(peps, **place, intersects=shape) == found(peps, **place, bbox=inside)
    assert found(peps, intersects={"type": "Point", "coordinates": [20, 43]}) == found(peps)


def test_several_collections_at_once_find_nothing(peps: Sandbox) -> None:
    name = DATASET["dataset"]["eq"]
    assert found(peps, query=TILE | MARCH, collections=[name]) == found(peps) == found(peps, path="/api/stac/items")
    assert found(peps, query=TILE | MARCH, collections=[name, "PEPS_S2_L1C"]) == []


def test_download_is_the_announced_zip(peps: Sandbox) -> None:
    peps.geodes.is_newer = True
    for item in search(peps, limit=3).json()["features"]:
        (archive,) = [asset for asset in item["assets"].values() if asset["roles"] == ["data"]]
        content = fetch(archive["href"]).content
        checksum = hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert f"File size: {len(content)} bytes\n\n" in archive["description"]
        assert archive["description"].endswith(f"Checksum MD5: {checksum}")
        assert (archive["file:size"], archive["file:checksum"]) == (len(content), f"d50110{checksum}")
        assert archive["href"].endswith(f"/api/download/{item['id']}/files/{checksum}")
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
        assert {name.partition("/")[0] for name in names} == {archive["title"].removesuffix(".zip")}


def test_key_and_range_and_quota(peps: Sandbox, address: str) -> None:
    assert [fetch(address, key).status_code for key in (KEY, None, "", f"{KEY}x")] == [200, 401, 401, 401]
    assert fetch(address.replace("URN", "URM")).status_code == 404
    part = fetch(address, Range="bytes=100-")
    assert (part.status_code, part.content) == (206, fetch(address).content[100:])
    peps.geodes.quota = 1
    assert [fetch(address).status_code for _ in range(3)] == [200, 403, 403]
    assert "exceeds quota limit" in fetch(address).text


def test_availability(peps: Sandbox, address: str) -> None:
    urn, _, checksum = address.partition("/api/download/")[2].partition("/files/")
    asked = {"availability": [{"href": address, "endpointURL": "s3"}, {"href": "https://x/", "endpointURL": "s3"}]}

    def available() -> Any:
        return requests.post(f"{peps.url}/fastavailability", json=asked, timeout=10).json()

    assert available() == {"products": [{"id": urn, "files": [{"checksum": checksum, "available": True}]}]}
    peps.geodes.on_tape.add(urn)
    assert available()["products"][0]["files"] == [{"checksum": checksum, "available": False}]
    assert fetch(address).status_code == 410
    assert requests.post(f"{peps.url}/fastavailability", data=b"[]", timeout=10).status_code == 400
