"""The catalogue's answers in the shape in which PEPS gave them, field for field, and what varies in them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from helpers import Place

from peps_maja.sandbox import Canned, Endpoint, Fault, Sandbox

Feature = dict[str, Any]

SEARCH_URL = "https://peps.cnes.fr/resto/api/collections/S2ST/search.json"
# Corners of 31TCJ, roughly, as the catalogue has them: longitude first, closed, in no order that one could rely on.
RING = [
    [0.49571823, 43.251490817],
    [1.84775331, 43.285733518],
    [1.82036911, 44.246355118],
    [0.44663577, 44.212014416],
    [0.49571823, 43.251490817],
]
# 60°N runs through a tile of band V; wholly north of it; and both sides of the date line, whole and cut.
ACROSS_60 = [[24.1, 59.5], [26.0, 59.5], [26.1, 60.5], [24.0, 60.5], [24.1, 59.5]]
BEYOND_60 = [[24.1, 60.2], [26.0, 60.2], [26.1, 61.2], [24.0, 61.2], [24.1, 60.2]]
DATE_LINE = [[179.1, -17.2], [-179.9, -17.2], [-179.9, -16.2], [179.1, -16.2], [179.1, -17.2]]
WEST_OF_DATE_LINE = [[179.1, -17.2], [180, -17.2], [180, -16.2], [179.1, -16.2], [179.1, -17.2]]
EAST_OF_DATE_LINE = [[-180, -17.2], [-179.9, -17.2], [-179.9, -16.2], [-180, -16.2], [-180, -17.2]]


def feature(name: str, number: int = 0, ring: list[list[float]] = RING) -> Feature:
    """Return a feature with every field that the service wrote."""
    satellite, _, sensing, baseline, orbit, tile, _ = name.split("_")
    day = f"{sensing[:4]}-{sensing[4:6]}-{sensing[6:8]}"
    moment = f"{day}T{sensing[9:11]}:{sensing[11:13]}:{sensing[13:]}.024Z"
    folder = f"{day.replace('-', '/')}/{satellite}/{name}"
    identifier = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
    resource = f"https://peps.cnes.fr/resto/collections/S2ST/{identifier}"
    geometry = {"type": "MultiPolygon", "coordinates": [[ring]]}
    size, checksum = 612345678 + number, f"{number:032X}"
    return {
        "type": "Feature",
        "id": identifier,
        "geometry": geometry,
        "_geometry": geometry,
        "properties": {
            "collection": "S2ST",
            "productIdentifier": name,
            "parentIdentifier": "urn:ogc:def:EOP:ESA::SENTINEL-2:",
            "title": name,
            "description": None,
            "organisationName": "ESA",
            "startDate": moment,
            "completionDate": moment,
            "productType": "S2MSI1C",
            "processingLevel": "LEVEL1C",
            "platform": satellite,
            "instrument": "MSI",
            "resolution": None,
            "sensorMode": "INS-NOBS",
            "orbitNumber": 19000 + number,
            "quicklook": f"https://peps.cnes.fr/quicklook/{folder}_quicklook.jpg",
            "thumbnail": None,
            "resourceSize": size,
            "resourceChecksum": checksum,
            "updated": f"{day}T19:51:42.317Z",
            "published": f"{day}T19:51:42.317Z",
            "snowCover": None,
            "cloudCover": 12.3456,
            "keywords": {
                f"{number:015x}": {"name": "Winter", "type": "season", "href": f"{SEARCH_URL}?&lang=en&q=Winter"},
                "0a1b2c3d4e5f607": {
                    "name": "INS-NOBS",
                    "type": "sensorMode",
                    "parentHash": "1b2c3d4e5f60718",
                    "href": f"{SEARCH_URL}?&lang=en&q=INS-NOBS",
                },
            },
            "visible": 1,
            "orbitDirection": "descending",
            "newVersion": None,
            "isNrt": 0,
            "realtime": "Nominal",
            "dhusIngestDate": f"{day}T19:48:30.085Z",
            "relativeOrbitNumber": int(orbit[1:]),
            "useDatalake": None,
            "s2TakeId": f"G{satellite}_{sensing}_{19000 + number:06}_{baseline[:3]}.{baseline[3:]}",
            "mgrs": tile[1:],
            "bareSoil": None,
            "highProbaClouds": None,
            "mediumProbaClouds": None,
            "lowProbaClouds": None,
            "snowIce": None,
            "vegetation": None,
            "water": None,
            "isRefined": None,
            "nrtResource": f"/data/NRT/{folder}.zip",
            "services": {
                "browse": {
                    "title": "Display full resolution product on map",
                    "layer": {
                        "type": "WMS",
                        "url": f"https://peps.cnes.fr/cgi-bin/mapserver?map=WMS_S2ST&data={folder}",
                        "layers": "",
                    },
                },
                "download": {
                    "url": f"{resource}/download",
                    "mimeType": "application/zip",
                    "size": size,
                    "checksum": checksum,
                },
            },
            "links": [
                {
                    "rel": "alternate",
                    "type": "application/json",
                    "title": f"GeoJSON link for {identifier}",
                    "href": f"{resource}.json?&lang=en",
                },
                {
                    "rel": "alternate",
                    "type": "application/atom+xml",
                    "title": f"ATOM link for {identifier}",
                    "href": f"{resource}.atom?&lang=en",
                },
            ],
            "storage": {"mode": "disk"},
        },
    }


def page(features: list[Feature], number: int = 1, pages: int = 1, total: int | None = None) -> dict[str, Any]:
    """Return page `number` of an answer, with every field that the service wrote; `total` None: an exact one."""
    links = ["self", "search", *(["previous"] if number > 1 else []), *(["next"] if number < pages else []), "last"]
    targets = {"self": number, "previous": number - 1, "next": number + 1, "last": pages}
    return {
        "type": "FeatureCollection",
        "properties": {
            "title": "",
            "id": "5b0f6c1e-7d2a-5c44-9e01-8a3b6d90f7c2",
            "totalResults": len(features) * pages if total is None else total,
            "exactCount": total is None,
            "startIndex": len(features) * (number - 1) + 1,
            "itemsPerPage": len(features),
            "totalItemsPerPage": "500",
            "query": {
                "searchFilters": {
                    "time:start": "2019-03-01",
                    "time:end": "2019-04-01",
                    "eo:mgrs": "31TCJ",
                    "eo:productType": "S2MSI1C",
                    "count": "500",
                    "startPage": str(number),
                },
                "analysis": {"query": ""},
                "processingTime": 0.0412330627441406,
            },
            "links": [
                {
                    "rel": rel,
                    "type": "application/json",
                    "title": rel,
                    "href": f"{SEARCH_URL}?&tileid=31TCJ&productType=S2MSI1C&maxRecords=500&page={targets[rel]}",
                }
                if rel in targets
                else {
                    "rel": "search",
                    "type": "application/opensearchdescription+xml",
                    "title": "OpenSearch Description Document",
                    "href": "https://peps.cnes.fr/resto/api/collections/S2ST/describe.xml",
                }
                for rel in links
            ],
        },
        "features": features,
    }


def product(day: int, tile: str = "31TCJ") -> str:
    return f"S2A_MSIL1C_201903{day:02}T105021_N0207_R051_T{tile}_201903{day:02}T125917"


def with_field(name: str, value: object) -> Callable[[Feature], None]:
    def change(feature: Feature) -> None:
        feature["properties"][name] = value

    return change


def without_field(name: str) -> Callable[[Feature], None]:
    def change(feature: Feature) -> None:
        del feature["properties"][name]

    return change


def with_geometry(geometry: object) -> Callable[[Feature], None]:
    def change(feature: Feature) -> None:
        feature["geometry"] = feature["_geometry"] = geometry

    return change


def polygon(*rings: list[list[float]]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": list(rings)}


def multipolygon(*rings: list[list[float]]) -> dict[str, object]:
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}


# How features vary, in which tile, and how the table then shows one (behind date and satellite).
VARIANTS: dict[str, tuple[Callable[[Feature], None], str, str]] = {
    "as recorded": (lambda _: None, "31TCJ", "R051 31TCJ 12.3 % 612 MB submit"),
    "no clouds known": (with_field("cloudCover", None), "31TCJ", "R051 31TCJ ? 612 MB submit"),
    "no field for clouds": (without_field("cloudCover"), "31TCJ", "R051 31TCJ ? 612 MB submit"),
    "whole number of clouds": (with_field("cloudCover", 0), "31TCJ", "R051 31TCJ 0 % 612 MB submit"),
    "overcast": (with_field("cloudCover", 100), "31TCJ", "R051 31TCJ 100 % 612 MB submit; likely NOVALD"),
    "no size known": (with_field("resourceSize", None), "31TCJ", "R051 31TCJ 12.3 % ? submit"),
    "no tile": (without_field("mgrs"), "31TCJ", "R051 31TCJ 12.3 % 612 MB submit"),
    "tile null": (with_field("mgrs", None), "31TCJ", "R051 31TCJ 12.3 % 612 MB submit"),
    "no relative orbit": (without_field("relativeOrbitNumber"), "31TCJ", "R051 31TCJ 12.3 % 612 MB submit"),
    "relative orbit null": (with_field("relativeOrbitNumber", None), "31TCJ", "R051 31TCJ 12.3 % 612 MB submit"),
    "no platform": (without_field("platform"), "31TCJ", "R051 31TCJ 12.3 % 612 MB submit"),
    "on tape": (with_field("storage", {"mode": "tape"}), "31TCJ", "R051 31TCJ 12.3 % 612 MB submit; on tape"),
    "storage null": (with_field("storage", None), "31TCJ", "R051 31TCJ 12.3 % 612 MB submit"),
    "Polygon": (with_geometry(polygon(RING)), "31TCJ", "R051 31TCJ 12.3 % 612 MB submit"),
    "Polygon across 60°N": (with_geometry(polygon(ACROSS_60)), "35VLG", "R051 35VLG 12.3 % 612 MB submit; partly"),
    "Polygon beyond 60°N": (with_geometry(polygon(BEYOND_60)), "35VLH", "R051 35VLH 12.3 % 612 MB beyond 60°"),
    "MultiPolygon beyond 60°N": (
        with_geometry(multipolygon(BEYOND_60, BEYOND_60)),
        "35VLH",
        "R051 35VLH 12.3 % 612 MB beyond 60°",
    ),
    "MultiPolygon on both sides of 60°N": (
        with_geometry(multipolygon(BEYOND_60, RING)),
        "35VLG",
        "R051 35VLG 12.3 % 612 MB submit; partly",
    ),
    "Polygon across the date line": (with_geometry(polygon(DATE_LINE)), "01KAB", "R051 01KAB 12.3 % 612 MB submit"),
    "MultiPolygon cut at the date line": (
        with_geometry(multipolygon(WEST_OF_DATE_LINE, EAST_OF_DATE_LINE)),
        "60KXG",
        "R051 60KXG 12.3 % 612 MB submit",
    ),
    "no footprint": (with_geometry(None), "31TCJ", "R051 31TCJ 12.3 % 612 MB submit"),
    "no footprint, by its tile beyond 60°N": (with_geometry(None), "33WWS", "R051 33WWS 12.3 % 612 MB beyond 60°"),
}


def varied() -> list[Feature]:
    """Return one feature for each variant, each of another day."""
    features = []
    for number, (change, tile, _) in enumerate(VARIANTS.values()):
        features.append(feature(product(number + 1, tile), number))
        change(features[-1])
    return features


def serve(peps: Sandbox, *pages: dict[str, Any]) -> None:
    """Answer searches with these pages, and take their products for processing."""
    peps.catalogue = [feature for page in pages for feature in page["features"]]
    for number, answer in enumerate(pages, 1):
        peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(200, json.dumps(answer)), times=None, match=f"page={number}"))


def asked_pages(peps: Sandbox) -> list[str]:
    return [request.query["page"] for request in peps.asked(Endpoint.CATALOGUE)]


@pytest.fixture(autouse=True)
def patience(place: Place) -> None:
    place.environment["PEPS_TIMEOUT"] = "20"  # nothing here is silent, but the machine may be busy


@pytest.mark.parametrize("total", [None, 47], ids=["exact count", "estimated count"])
def test_pages_in_the_recorded_shape_are_read_to_the_last(place: Place, peps: Sandbox, total: int | None) -> None:
    features = [feature(product(day), day) for day in (9, 6, 3, 1)]  # the newest first
    serve(peps, page(features[:2], 1, 2, total), page(features[2:], 2, 2, total))
    run = place.process("-t", "31TCJ", "-d", "2019-03-01", "-f", "2019-03-31", "--json", "found.json")
    assert (run.status, run.err) == (0, "")
    assert peps.executed == [product(day) for day in (1, 3, 6, 9)]
    assert asked_pages(peps) == ["1", "2"]
    assert json.loads((place.folder / "found.json").read_text())["features"] == features
    assert all(request.query["maxRecords"] == "500" for request in peps.asked(Endpoint.CATALOGUE))


def test_each_variant_is_taken_for_what_it_is(place: Place, peps: Sandbox) -> None:
    serve(peps, page(varied()))
    run = place.process("--location", "anywhere", "-d", "2019-03-01", "-f", "2019-03-31", "-n", "-o", "51")
    assert (run.status, run.err) == (0, "")
    rows = {line.split()[0]: " ".join(line.split()[2:]) for line in run.out.splitlines() if line.startswith("2019")}
    found = {name: rows.get(f"2019-03-{number:02}") for number, name in enumerate(VARIANTS, 1)}
    assert {name: row if row is None else row[: len(VARIANTS[name][2])] for name, row in found.items()} == {
        name: shown for name, (_, _, shown) in VARIANTS.items()
    }
    # Nothing is said of what is not the case.
    assert {name for name, row in found.items() if row and "partly beyond 60°" in row} == {
        "Polygon across 60°N",
        "MultiPolygon on both sides of 60°N",
    }
    assert [name for name, row in found.items() if row and "on tape" in row] == ["on tape"]
    assert [name for name, row in found.items() if row and "NOVALD" in row] == ["overcast"]


def test_products_that_appear_between_two_pages_are_submitted_once(place: Place, peps: Sandbox) -> None:
    listed = [feature(product(day), day) for day in (9, 8, 6, 5, 3, 1)]
    # While page 1 is read, the 9th and the 8th appear: what was the end of page 1 comes again on page 2.
    serve(
        peps,
        page(listed[2:4], 1, 3),
        page([listed[2], listed[3]], 2, 3),
        page(listed[4:], 3, 3),
    )
    search = ("-t", "31TCJ", "-d", "2019-03-01", "-f", "2019-03-31", "--json", "found.json")
    run = place.process(*search)
    assert (run.status, run.err) == (0, "")
    assert peps.executed == [product(day) for day in (1, 3, 5, 6)]
    assert asked_pages(peps) == ["1", "2", "3"]
    names = [
        found["properties"]["title"] for found in json.loads((place.folder / "found.json").read_text())["features"]
    ]
    assert sorted(names) == sorted(peps.executed)

    peps.faults.clear()
    serve(peps, page(listed))
    assert place.process(*search).status == 0
    assert peps.executed == [product(day) for day in (1, 3, 5, 6, 8, 9)]
