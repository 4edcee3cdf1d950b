"""Where an item is, in degrees: its geometry or its bbox, and whether that meets a box. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from peps_maja.network.documents import number
from peps_maja.products.places import Box

Point = tuple[float, float]  # longitude, latitude
Ring = tuple[Point, ...]

_DEEPEST = 6  # a GeometryCollection of MultiPolygons has positions five lists down
_POINT_MARGIN = 0.0001  # degrees, 11 m: some servers take a box without an area for an error


def as_bbox(box: Box) -> list[float]:
    """Return the box as a search names it, with a small area around a point."""
    grow_x = 0.0 if box.east > box.west else _POINT_MARGIN
    grow_y = 0.0 if box.north > box.south else _POINT_MARGIN
    return [
        max(box.west - grow_x, -180.0),
        max(box.south - grow_y, -90.0),
        min(box.east + grow_x, 180.0),
        min(box.north + grow_y, 90.0),
    ]


def meets(box: Box, rings: tuple[Ring, ...]) -> bool:
    """Return True if the box and the polygons of these rings have a point in common."""
    edges = [edge for ring in rings for edge in pairwise((*ring, ring[0]))]
    return any(_meets_edge(box, *edge) for edge in edges) or _is_inside((box.west, box.south), edges)


def _meets_edge(box: Box, start: Point, end: Point) -> bool:
    """Return True if a part of the edge is in the box: what is left of it after each side has cut it."""
    first, last = 0.0, 1.0
    for axis, (low, high) in enumerate(((box.west, box.east), (box.south, box.north))):
        length = end[axis] - start[axis]
        if length == 0:
            if not low <= start[axis] <= high:
                return False
            continue
        enters, leaves = sorted(((low - start[axis]) / length, (high - start[axis]) / length))
        first, last = max(first, enters), min(last, leaves)
    return first <= last


def rings_of(geometry: object, bbox: object) -> tuple[Ring, ...]:
    """Return the rings of a geometry or, if it has none that can be read, of a bbox; none if both say nothing."""
    coordinates = geometry.get("coordinates", geometry.get("geometries")) if isinstance(geometry, dict) else None
    return tuple(_rings(coordinates, _DEEPEST)) or _ring_of_bbox(bbox)


def _rings(coordinates: object, depth: int) -> Iterator[Ring]:
    if isinstance(coordinates, dict):
        coordinates = coordinates.get("coordinates")
    if not isinstance(coordinates, list) or not coordinates or not depth:
        return
    points = [_point(part) for part in coordinates]
    if any(points):
        if None not in points:
            yield tuple(point for point in points if point)
    elif point := _point(coordinates):
        yield (point,)
    else:
        for part in coordinates:
            yield from _rings(part, depth - 1)


def _ring_of_bbox(bbox: object) -> tuple[Ring, ...]:
    if not isinstance(bbox, list) or len(bbox) not in {4, 6}:
        return ()
    low, high = _point(bbox[:2]), _point(bbox[len(bbox) // 2 :])
    if low is None or high is None or low[0] > high[0] or low[1] > high[1]:
        return ()
    return ((low, (high[0], low[1]), high, (low[0], high[1])),)


def _point(value: object) -> Point | None:
    if not isinstance(value, list) or len(value) < 2:
        return None
    longitude, latitude = (number(part) for part in value[:2])
    if longitude is None or latitude is None or abs(longitude) > 360 or abs(latitude) > 90:
        return None
    return longitude, latitude


def _is_inside(point: Point, edges: list[tuple[Point, Point]]) -> bool:
    """Return True if a line to the east of the point crosses an odd number of edges (holes are edges, too)."""
    x, y = point
    crossings = 0
    for (x1, y1), (x2, y2) in edges:
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
            crossings += 1
    return crossings % 2 == 1
