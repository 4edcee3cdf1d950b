"""Searches in PEPS's catalogue, answered in the shape in which it answered."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers import Place, l1c
from samples.catalogue import VARIANTS, feature, page, varied

from peps_maja.sandbox import Canned, Endpoint, Fault, Sandbox

# How the table shows a variant (behind date and satellite), where it is not as recorded.
SHOWN = {
    "no clouds known": "R051 31TCJ ? 612 MB submit",
    "no field for clouds": "R051 31TCJ ? 612 MB submit",
    "whole number of clouds": "R051 31TCJ 0 % 612 MB submit",
    "overcast": "R051 31TCJ 100 % 612 MB submit; likely NOVALD",
    "no size known": "R051 31TCJ 12.3 % ? submit",
    "on tape": "R051 31TCJ 12.3 % 612 MB submit; on tape, takes longer",
    "Polygon beyond 60°N": "R051 35VLH 12.3 % 612 MB beyond 60°",
    "MultiPolygon beyond 60°N": "R051 35VLH 12.3 % 612 MB beyond 60°",
    "no footprint, by its tile beyond 60°N": "R051 33WWS 12.3 % 612 MB beyond 60°",
}


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
    features = [feature(l1c(day), day) for day in (9, 6, 3, 1)]  # the newest first
    serve(peps, page(features[:2], 1, 2, total), page(features[2:], 2, 2, total))
    run = place.process("-t", "31TCJ", "-d", "2019-03-01", "-f", "2019-03-31", "--json", "found.json")
    assert (run.status, run.err) == (0, "")
    assert peps.executed == [l1c(day) for day in (1, 3, 6, 9)]
    assert asked_pages(peps) == ["1", "2"]
    assert json.loads((place.folder / "found.json").read_text())["features"] == features
    assert all(request.query["maxRecords"] == "500" for request in peps.asked(Endpoint.CATALOGUE))


def test_each_variant_is_taken_for_what_it_is(place: Place, peps: Sandbox) -> None:
    serve(peps, page(varied()))
    run = place.process("--location", "anywhere", "-d", "2019-03-01", "-f", "2019-03-31", "-n", "-o", "51")
    assert (run.status, run.err) == (0, "")
    rows = {line.split()[0]: " ".join(line.split()[2:]) for line in run.out.splitlines() if line.startswith("2019")}
    found = {name: rows.get(f"2019-03-{number:02}") for number, name in enumerate(VARIANTS, 1)}
    shown = {name: SHOWN.get(name, f"R051 {tile} 12.3 % 612 MB submit") for name, (_, tile) in VARIANTS.items()}
    assert found == shown


def test_a_page_without_anything_new_is_searched_once_more(place: Place, peps: Sandbox) -> None:
    listed = [feature(l1c(day), day) for day in (9, 8, 6, 5, 3, 1)]
    # While page 1 is read, the 9th and the 8th appear: what was page 1 comes again as page 2.
    for number in (1, 2):
        stale = json.dumps(page(listed[2:4], number, 2))
        peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(200, stale), match=f"page={number}"))
    serve(peps, page(listed[:2], 1, 3), page(listed[2:4], 2, 3), page(listed[4:], 3, 3))
    run = place.process("-t", "31TCJ", "-d", "2019-03-01", "-f", "2019-03-31", "--json", "found.json")
    assert (run.status, run.err) == (0, "")
    assert peps.executed == [l1c(day) for day in (1, 3, 5, 6, 8, 9)]
    assert asked_pages(peps) == ["1", "2", "1", "2", "3"]
    found = json.loads((place.folder / "found.json").read_text())["features"]
    assert sorted(each["properties"]["title"] for each in found) == peps.executed
