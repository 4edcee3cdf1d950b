"""Bounding boxes: of what, and what they meet."""

from __future__ import annotations

import pytest

from peps_maja.products.places import Box


def polygon(*corners: tuple[float, float]) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": [[list(corner) for corner in corners]]}


PARTS = [[[[179.0, 1.0], [180.0, 2.0]]], [[[-180.0, 1.0], [-179.5, 2.0]]]]
FEATURES: dict[str, tuple[dict[str, object], Box | None]] = {
    "polygon": ({"geometry": polygon((0, 1), (4, 1), (0, 5))}, Box(0, 1, 4, 5)),
    "collection": ({"geometry": {"geometries": [polygon((0, 1), (4, 5)), polygon((9, 9))]}}, Box(0, 1, 9, 9)),
    "heights": ({"geometry": {"type": "Point", "coordinates": [1, 2, 300]}}, Box(1, 2, 1, 2)),
    "bbox": ({"geometry": None, "bbox": [0, 1, 2, 3]}, Box(0, 1, 2, 3)),
    "bbox with heights": ({"bbox": [0, 1, -5, 2, 3, 90]}, Box(0, 1, 2, 3)),
    "geometry before bbox": ({"geometry": polygon((0, 1), (4, 5)), "bbox": [7, 7, 8, 8]}, Box(0, 1, 4, 5)),
    "across 180°": ({"geometry": polygon((179, 1), (-179, 2))}, Box(179, 1, 181, 2)),
    "cut at 180°": ({"geometry": {"type": "MultiPolygon", "coordinates": PARTS}}, Box(179, 1, 180.5, 2)),
    "bbox across 180°": ({"bbox": [179, 1, -179, 2]}, Box(179, 1, 181, 2)),
    "nothing": ({}, None),
    "no numbers": ({"geometry": polygon(("a", "b")), "bbox": [0, 0, "2", 2]}, None),  # type: ignore[arg-type]
    "not on the Earth": ({"geometry": polygon((0, 99), (1000, 1)), "bbox": "0 0 2 2"}, None),
}


@pytest.mark.parametrize(("feature", "box"), FEATURES.values(), ids=FEATURES)
def test_box_around_a_feature(feature: dict[str, object], box: Box | None) -> None:
    assert Box.around(feature) == box


@pytest.mark.parametrize(
    ("box", "other", "expected"),
    [
        (Box(0, 0, 2, 2), Box(1, 1, 1, 1), True),
        (Box(0, 0, 2, 2), Box(2, 2, 3, 3), True),
        (Box(0, 0, 2, 2), Box(2.1, 0, 3, 2), False),
        (Box(0, 0, 2, 2), Box(0, 2.1, 2, 3), False),
        (Box(-180, -90, 180, 90), Box(179, 1, 181, 2), True),
        (Box(-180, 0, -179.5, 2), Box(179, 1, 181, 2), True),
        (Box(179.5, 0, 180, 2), Box(179, 1, 181, 2), True),
        (Box(-178, 0, -170, 2), Box(179, 1, 181, 2), False),
    ],
)
def test_meets(box: Box, other: Box, *, expected: bool) -> None:
    assert box.meets(other) is other.meets(box) is expected
