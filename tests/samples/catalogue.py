"""Answers of PEPS's catalogue in the shape in which it gave them, field for field, and what varies in them."""

from __future__ import annotations

import json
import uuid
from string import Template
from typing import Any

import samples

Feature = dict[str, Any]

_FEATURE, _PAGE = (Template(samples.read(f"search/{name}.json")) for name in ("feature", "page"))
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


def feature(name: str, number: int = 0) -> Feature:
    """Return a feature with every field that the service wrote."""
    satellite, _, sensing, baseline, orbit, tile, _ = name.split("_")
    day = f"{sensing[:4]}-{sensing[4:6]}-{sensing[6:8]}"
    known: Feature = json.loads(
        _FEATURE.substitute(
            name=name,
            id=uuid.uuid5(uuid.NAMESPACE_URL, name),
            geometry=json.dumps(multipolygon(RING)),
            day=day,
            moment=f"{day}T{sensing[9:11]}:{sensing[11:13]}:{sensing[13:]}.024Z",
            sensing=sensing,
            satellite=satellite,
            tile=tile[1:],
            orbit=int(orbit[1:]),
            absolute_orbit=19000 + number,
            version=f"{baseline[:3]}.{baseline[3:]}",
            path=f"{day.replace('-', '/')}/{satellite}/{name}",
            size=612345678 + number,
            checksum=f"{number:032X}",
            keyword=f"{number:015x}",
        )
    )
    return known


def page(features: list[Feature], number: int = 1, pages: int = 1, total: int | None = None) -> dict[str, Any]:
    """Return page `number` of an answer, with every field that the service wrote; `total` None: an exact one."""
    answer: dict[str, Any] = json.loads(
        _PAGE.substitute(
            total=len(features) * pages if total is None else total,
            exact=json.dumps(total is None),
            start=len(features) * (number - 1) + 1,
            count=len(features),
            number=number,
        )
    )
    targets = {"self": number, "previous": number - 1, "next": number + 1, "last": pages}
    answer["properties"]["links"] += [
        {
            "rel": rel,
            "type": "application/json",
            "title": rel,
            "href": f"{SEARCH_URL}?&tileid=31TCJ&productType=S2MSI1C&maxRecords=500&page={target}",
        }
        for rel, target in targets.items()
        if 1 <= target <= pages
    ]
    return answer | {"features": features}


def polygon(*rings: list[list[float]]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": list(rings)}


def multipolygon(*rings: list[list[float]]) -> dict[str, object]:
    return {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}


# How features vary (`...`: the property is left out), and in which tile.
VARIANTS: dict[str, tuple[dict[str, object], str]] = {
    "as recorded": ({}, "31TCJ"),
    "no clouds known": ({"cloudCover": None}, "31TCJ"),
    "no field for clouds": ({"cloudCover": ...}, "31TCJ"),
    "whole number of clouds": ({"cloudCover": 0}, "31TCJ"),
    "overcast": ({"cloudCover": 100}, "31TCJ"),
    "no size known": ({"resourceSize": None}, "31TCJ"),
    "no tile": ({"mgrs": ...}, "31TCJ"),
    "tile null": ({"mgrs": None}, "31TCJ"),
    "no relative orbit": ({"relativeOrbitNumber": ...}, "31TCJ"),
    "relative orbit null": ({"relativeOrbitNumber": None}, "31TCJ"),
    "no platform": ({"platform": ...}, "31TCJ"),
    "on tape": ({"storage": {"mode": "tape"}}, "31TCJ"),
    "storage null": ({"storage": None}, "31TCJ"),
    "Polygon": ({"geometry": polygon(RING)}, "31TCJ"),
    "Polygon across 60°N": ({"geometry": polygon(ACROSS_60)}, "35VLG"),
    "Polygon beyond 60°N": ({"geometry": polygon(BEYOND_60)}, "35VLH"),
    "MultiPolygon beyond 60°N": ({"geometry": multipolygon(BEYOND_60, BEYOND_60)}, "35VLH"),
    "MultiPolygon on both sides of 60°N": ({"geometry": multipolygon(BEYOND_60, RING)}, "35VLG"),
    "Polygon across the date line": ({"geometry": polygon(DATE_LINE)}, "01KAB"),
    "MultiPolygon cut at the date line": ({"geometry": multipolygon(WEST_OF_DATE_LINE, EAST_OF_DATE_LINE)}, "60KXG"),
    "no footprint": ({"geometry": None}, "31TCJ"),
    "no footprint, by its tile beyond 60°N": ({"geometry": None}, "33WWS"),
}


def varied() -> list[Feature]:
    """Return one feature for each variant, each of another day."""
    features = []
    for number, (changes, tile) in enumerate(VARIANTS.values()):
        day = f"201903{number + 1:02}"
        one = feature(f"S2A_MSIL1C_{day}T105021_N0207_R051_T{tile}_{day}T125917", number)
        if "geometry" in changes:
            one["geometry"] = one["_geometry"] = changes["geometry"]
        else:
            told = {name: value for name, value in (one["properties"] | changes).items() if value is not ...}
            one["properties"] = told
        features.append(one)
    return features
