"""Items of GEODES: read with tolerance, and nothing invented."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest
from samples.geodes import GEODES, IDENTIFIER, MD5, URN, feature

from peps_maja.errors import ServerTrouble
from peps_maja.joblog.details import Offer
from peps_maja.products.places import Box
from peps_maja.products.records import L2ARecord
from peps_maja.theia.footprints import as_bbox, meets, rings_of
from peps_maja.theia.items import read_item, read_page

ADDRESS = f"{GEODES}/api/download/{URN}/files/{MD5}"


def read(box: Box | None = None, **changes: Any) -> L2ARecord:
    item = read_item(feature(urn=URN, **changes), box)
    assert item is not None
    return item


def test_reads_everything() -> None:
    item = read()
    assert item == L2ARecord(
        identifier=f"{IDENTIFIER}_V4-0",
        tile="31TCJ",
        day="2019-03-01",
        satellite="S2A",
        orbit=51,
        clouds=12.5,
        size=776548205,
        product=item.product,
        time=datetime(2019, 3, 1, 10, 54, 26, 459_000, tzinfo=timezone.utc),
        version="V4-0",
        processed="2025-07-02T01:02:03.000Z",
        address=ADDRESS,
        md5=MD5,
    )
    assert item.product.name == IDENTIFIER


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("4.0", "_V4-0"),
        ("3.1", "_V3-1"),
        ("V2-2", "_V2-2"),
        (4.0, "_V4-0"),
        (4, "_V4-0"),
        ("10.2", "_V10-2"),
        *((unreadable, "") for unreadable in (None, ..., "", "new", ["4.0"], True, "4.0\n5", float("nan"))),
    ],
)
def test_job_is_named_by_identifier_and_version(version: object, name: str) -> None:
    assert read(version=version).identifier == IDENTIFIER + name


def test_version_in_the_identifier_is_not_written_twice() -> None:
    item = read(identifier=f"{IDENTIFIER}_V3-1")
    assert (item.identifier, item.version) == (f"{IDENTIFIER}_V3-1", "V3-1")


@pytest.mark.parametrize(
    "identifier",
    [
        "SENTINEL2X_20190315-000000-000_L3A_T31TCJ_C",
        "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917",
        f"../{IDENTIFIER}",
        "SENTINEL2A_20191301-105426-459_L2A_T31TCJ_C",
        None,
        51,
        [IDENTIFIER],
    ],
)
def test_what_is_not_l2a_by_its_name_is_left_out(identifier: object) -> None:
    changed = feature()
    changed["properties"]["identifier"] = identifier
    assert read_item(changed) is None
    assert read_item(feature() | {"properties": None}) is None


@pytest.mark.parametrize(
    "asset",
    [
        {"roles": ["overview"]},
        {"roles": 5},
        {"href": None},
        {"href": ""},
        {"href": "s3://muscate/x.zip"},
        {"href": "http://[::1/x"},
    ],
)
def test_item_without_a_zip_is_left_out(asset: dict[str, object]) -> None:
    assert read_item(feature(asset=asset)) is None
    assert read_item(feature() | {"assets": []}) is None


@pytest.mark.parametrize(
    ("asset", "expected"),
    [
        ({"roles": None, "type": None}, Offer(ADDRESS, 776548205, MD5)),
        ({"title": None}, Offer(ADDRESS, 776548205, MD5)),
        ({"description": None}, Offer(ADDRESS, None, MD5)),
        ({"description": "File size: many", "file:size": 12}, Offer(ADDRESS, 12, MD5)),
        ({"description": 5, "file:size": -1, "href": f"{GEODES}/x y"}, Offer(f"{GEODES}/x%20y", None, None)),
        ({"description": "", "href": "/a.zip", "file:checksum": f"D50110{MD5.upper()}"}, Offer("/a.zip", None, MD5)),
        ({"description": "", "href": "/a.zip", "file:checksum": "1220" + 32 * "ab"}, Offer("/a.zip", None, None)),
        ({"description": "File size: 0 bytes", "href": "http://x/a\tb"}, Offer("http://x/a%09b", None, None)),
    ],
)
def test_size_and_md5_come_from_wherever_they_stand(asset: dict[str, object], expected: Offer) -> None:
    item = read(asset=asset)
    assert Offer(item.address, item.size, item.md5) == expected


def test_acquisition_time_is_not_the_time_of_processing() -> None:
    days = [day for *_, day in read(start_datetime="2019-03-02T00:10:00+00:00").passages]
    assert days == [date(2019, 3, 2), date(2019, 3, 1)]
    for unreadable in (None, ..., "yesterday", 2019, "0001-01-01T00:00:00+14:00"):
        assert read(start_datetime=unreadable).day == "2019-03-01"


@pytest.mark.parametrize("value", [None, ..., "51", True, -1, 144, 1e999, 10**400, 51.5, []])
def test_figures_of_another_type_are_unknown(value: object) -> None:
    assert read(sat__relative_orbit=value).orbit is None
    assert read(eo__cloud_cover=value).clouds in ({51.5} if value == 51.5 else {None})


@pytest.mark.parametrize("body", [b"<html></html>", b"", b"[]", b"{}", b'{"features": {}}', b'{"message": "x\\u001b"}'])
def test_anything_but_a_page_is_trouble_of_the_server(body: bytes) -> None:
    with pytest.raises(ServerTrouble, match=r"^[ -~]+; try again later$"):
        read_page(body)


TRIANGLE = {"type": "MultiPolygon", "coordinates": [[[[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 0.0]]]]}
WITH_HOLE = {
    "type": "Polygon",
    "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 9], [0, 0]], [[3, 3], [6, 3], [6, 6], [3, 6], [3, 3]]],
}


class TestFootprint:
    @pytest.mark.parametrize(
        ("shape", "box", "expected"),
        [
            (TRIANGLE, Box(1, 1, 1, 1), True),
            (TRIANGLE, Box(3, 3, 3, 3), False),
            (TRIANGLE, Box(3, 3, 5, 5), False),  # its bounds overlap, it does not
            (TRIANGLE, Box(1.9, 1.9, 5, 5), True),
            (TRIANGLE, Box(-1, -1, 9, 9), True),
            (TRIANGLE, Box(-1, 1, 9, 1.1), True),
            (WITH_HOLE, Box(4, 4, 5, 5), False),
            (WITH_HOLE, Box(4, 4, 7, 5), True),
            (WITH_HOLE, Box(1, 1, 2, 2), True),
            ({"type": "GeometryCollection", "geometries": [TRIANGLE]}, Box(1, 1, 1, 1), True),
            ({"type": "Point", "coordinates": [1, 2, 300]}, Box(0, 0, 3, 3), True),
            ({"type": "Point", "coordinates": [1, 2]}, Box(2, 2, 3, 3), False),
        ],
    )
    def test_meets_a_box(self, shape: object, box: Box, expected: object) -> None:
        assert meets(box, rings_of(shape, [50, 50, 60, 60])) is expected

    @pytest.mark.parametrize("shape", [None, {}, {"coordinates": []}, {"coordinates": [[[0, 0], [1, None]]]}, "POINT"])
    def test_bbox_counts_where_the_geometry_says_nothing(self, shape: object) -> None:
        assert meets(Box(1, 1, 1, 1), rings_of(shape, [0, 0, 2, 2]))
        assert meets(Box(1, 1, 1, 1), rings_of(shape, [0, 0, -5, 2, 2, 90]))
        for unreadable in (None, [0, 0, 2], [2, 2, 0, 0], [0, 0, "2", 2], "0 0 2 2"):
            assert rings_of(shape, unreadable) == ()
        assert not meets(Box(-180, -90, 180, 90), ())

    def test_item_outside_the_box_that_was_searched_says_so(self) -> None:
        assert read(Box(1, 43.5, 1, 43.5)).elsewhere == ""
        assert read(Box(9, 9, 9, 9)).elsewhere == "other place"
        assert read(Box(9, 9, 9, 9), geometry={"type": "?"}).elsewhere == "place not known"

    def test_point_is_asked_for_as_a_small_box(self) -> None:
        assert as_bbox(Box(1.44, 43.6, 1.44, 43.6)) == pytest.approx([1.4399, 43.5999, 1.4401, 43.6001])
        assert as_bbox(Box(0, 1, 2, 3)) == [0, 1, 2, 3]
        assert as_bbox(Box(180, 90, 180, 90)) == pytest.approx([179.9999, 89.9999, 180, 90])
