"""Searches at GEODES: what is asked, when the answer is complete, and what a bad one means."""

from __future__ import annotations

from datetime import date

import pytest

from peps_maja.products.places import Box
from peps_maja.theia.queries import Search, searches_of_days

JUNE = Search(date(2025, 6, 1), date(2025, 6, 30), tile="31TCJ")


def test_body_is_as_documented() -> None:
    assert JUNE.body(1) == {
        "page": 1,
        "limit": 80,
        "query": {
            "dataset": {"eq": "THEIA_REFLECTANCE_SENTINEL2_L2A"},
            "grid:code": {"contains": "31TCJ"},
            "start_datetime": {"gte": "2025-06-01T00:00:00Z", "lte": "2025-07-01T00:29:59.999Z"},
        },
        "sortBy": [{"field": "start_datetime", "direction": "asc"}],
    }


def test_body_of_a_box_and_of_the_last_day_there_is() -> None:
    body = Search(date.max, date.max, box=Box(0, 1, 2, 3)).body(7)
    assert body["page"] == 7
    assert body["query"] == {
        "dataset": {"eq": "THEIA_REFLECTANCE_SENTINEL2_L2A"},
        "start_datetime": {"gte": "9999-12-31T00:00:00Z", "lte": "9999-12-31T23:59:59.999Z"},
    }


def test_one_search_for_each_tile_and_stretch_of_days() -> None:
    first, last = date(2025, 6, 1), date(2025, 6, 30)
    days = [("31TCJ", last), ("31TCJ", first), ("31TDH", last), ("31TCJ", date(2019, 3, 1))]
    assert searches_of_days(days) == [
        Search(date(2019, 3, 1), date(2019, 3, 1), tile="31TCJ"),
        Search(first, last, tile="31TCJ"),
        Search(last, last, tile="31TDH"),
    ]


@pytest.mark.parametrize(
    ("box", "bbox"),
    [
        (Box(1.44, 43.6, 1.44, 43.6), [1.4399, 43.5999, 1.4401, 43.6001]),
        (Box(0, 1, 2, 3), [0, 1, 2, 3]),
        (Box(180, 90, 180, 90), [179.9999, 89.9999, 180, 90]),
    ],
)
def test_point_is_asked_for_as_a_small_box(box: Box, bbox: list[float]) -> None:
    assert Search(date.max, date.max, box=box).body(1)["bbox"] == pytest.approx(bbox)
