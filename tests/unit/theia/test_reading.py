"""Items of GEODES: read with tolerance, and nothing invented."""

from __future__ import annotations

from typing import Any

import pytest
from samples.geodes import GEODES, IDENTIFIER, MD5, RING, URN, feature

from peps_maja.joblog.details import Offer
from peps_maja.products.names import L2AProduct
from peps_maja.products.places import Box
from peps_maja.products.records import L2ARecord
from peps_maja.theia.reading import read_item

ADDRESS = f"{GEODES}/api/download/{URN}/files/{MD5}"


def read(**changes: Any) -> L2ARecord:
    item = read_item(feature(urn=URN, **changes))
    assert item is not None
    return item


def zip_of(item: dict[str, Any]) -> dict[str, Any]:
    asset: dict[str, Any] = next(asset for asset in item["assets"].values() if asset["roles"] == ["data"])
    return asset


def test_reads_everything() -> None:
    product = L2AProduct.find(IDENTIFIER)
    assert product
    assert read() == L2ARecord.of(
        product,
        identifier=f"{IDENTIFIER}_V4-0",
        orbit=51,
        clouds=12.5,
        size=776548205,
        version="V4-0",
        processed="2025-07-02T01:02:03.000Z",
        bounds=Box(min(x for x, _ in RING), 43.15, max(x for x, _ in RING), 44.14),
        address=ADDRESS,
        md5=MD5,
        quicklook=f"{GEODES}/api/quicklook/{URN}",
    )


@pytest.mark.parametrize(
    ("assets", "address"),
    [
        ({"a": {"roles": ["thumbnail"], "href": "/small"}, "b": {"roles": ["overview"], "href": "/large"}}, "/large"),
        ({"a": {"roles": ["thumbnail"], "href": "https://x/y z"}}, "https://x/y%20z"),
        ({"a": {"roles": "overview", "href": "/x"}, "b": None, "c": {"roles": ["overview"]}}, ""),
        ({"a": {"roles": ["overview"], "href": "file:///etc/passwd"}}, ""),
    ],
)
def test_quicklook_is_the_larger_picture_with_an_address(assets: dict[str, object], address: str) -> None:
    item = feature()
    item["assets"] = {name: asset for name, asset in item["assets"].items() if name != "quicklook.jpg"} | assets
    record = read_item(item)
    assert record
    assert record.quicklook == address


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
    item = feature(version=version)
    item["assets"] = {"data.zip": zip_of(item) | {"title": None}}
    found = read_item(item)
    assert found
    assert found.identifier == IDENTIFIER + name


def test_version_in_the_identifier_is_not_written_twice() -> None:
    item = read(identifier=f"{IDENTIFIER}_V3-1")
    assert (item.identifier, item.version) == (f"{IDENTIFIER}_V3-1", "V3-1")


@pytest.mark.parametrize(
    "identifier",
    [
        "SENTINEL2X_20190315-000000-000_L3A_T31TCJ_C",
        "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917",
        "SENTINEL2A_20191301-105426-459_L2A_T31TCJ_C",
        None,
        51,
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
        ({"description": "", "href": "https://me:secret@x/a"}, Offer("https://x/a", None, None)),
    ],
)
def test_size_and_md5_come_from_wherever_they_stand(asset: dict[str, object], expected: Offer) -> None:
    item = read(asset=asset)
    assert Offer(item.address, item.size, item.md5) == expected


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("776548205", 776548205),
        ("776 548 205 bytes", 776548205),
        ("776\u00a0548\u00a0205 bytes", 776548205),
        ("776,548,205 bytes", 776548205),
        ("776 MB", None),
        ("776548 kB", None),
    ],
)
def test_size_is_exact_or_not_known(written: str, size: int | None) -> None:
    described = f"File size: {written}\n\nIs online: false"
    assert read(asset={"description": described}).size == size
    assert read(asset={"description": f"File size: {written}"}).size == size


def test_zip_s_own_name_tells_the_version_before_the_field_does() -> None:
    item = feature(version="00.00")
    zipped = zip_of(item) | {"title": f"{IDENTIFIER}_V3-1.zip"}
    for assets in (
        {f"{IDENTIFIER}_V3-1.zip": zipped},
        {"a": zipped},
        {f"{IDENTIFIER}.zip": zipped},
        {"other.zip": zipped | {"title": None}, "b": zipped},
    ):
        found = read_item(item | {"assets": assets})
        assert found
        assert (found.identifier, found.version) == (f"{IDENTIFIER}_V3-1", "V3-1")


def test_of_two_zips_the_one_with_the_product_s_name_is_it() -> None:
    item = feature()
    other = zip_of(item) | {"title": "masks.zip", "href": f"{GEODES}/masks"}
    found = read_item(item | {"assets": {"masks.zip": other, **item["assets"]}})
    assert found
    assert found.address.endswith(MD5)


@pytest.mark.parametrize("start", [None, ..., "2019-03-02T00:10:00Z", "yesterday", 2019])
def test_name_tells_when_it_was_seen(start: object) -> None:
    assert read(start_datetime=start, platform="S2B", grid__code="31TDH") == read()


@pytest.mark.parametrize("value", [None, ..., "51", True, -1, 144, 1e999, 10**400, 51.5, []])
def test_figures_of_another_type_are_unknown(value: object) -> None:
    assert read(sat__relative_orbit=value).orbit is None
    assert read(eo__cloud_cover=value).clouds in ({51.5} if value == 51.5 else {None})
