"""What of Theia's products is taken: all filters, versions, pieces, and what the log and the folder have."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.geodes import feature

from peps_maja.products.names import L1CProduct, L2AProduct
from peps_maja.selection.wishes import Days, Wishes
from peps_maja.theia.choice import (
    FROM_THEIA,
    Choice,
    acquisition_of,
    at_theia,
    belonging,
    choose,
    choose_named,
    within_limit,
)
from peps_maja.theia.footprints import Box
from peps_maja.theia.items import Item, read_item

NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C"
OLD = "SENTINEL2A_20190301-105420-000_L2A_T31TCJ_D"  # reprocessing changed its time
PIECE = "SENTINEL2A_20190301-105441-459_L2A_T31TCJ_C"
L1C = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
MIDNIGHT = "SENTINEL2B_20190302-001000-000_L2A_T01CCV_C"
BEFORE_MIDNIGHT = "S2B_MSIL1C_20190301T235500_N0207_R051_T01CCV_20190302T025917"
AFTER_MIDNIGHT = "S2B_MSIL1C_20190302T000100_N0207_R051_T01CCV_20190302T025917"


def item(identifier: str = NAME, version: object = "4.0", **changes: Any) -> Item:
    found = read_item(feature(identifier, version, **changes))
    assert found is not None
    return found


def on_disk(*names: str) -> list[L2AProduct]:
    return [product for name in names if (product := L2AProduct.find(name))]


def l1c(name: str) -> L1CProduct:
    product = L1CProduct.parse(name)
    assert product is not None
    return product


def actions(choices: list[Choice]) -> dict[str, str]:
    return {choice.item.name: choice.action for choice in choices}


def action(one: Item, wishes: Wishes | None = None, **more: Any) -> str:
    (choice,) = choose([one], wishes or Wishes(), **more)
    return choice.action


MARCH_1 = Days(date(2019, 3, 1), date(2019, 3, 1))


@pytest.mark.parametrize(
    ("changes", "wishes", "expected"),
    [
        ({}, Wishes(frozenset({"31TCJ"}), MARCH_1, 51, "S2A", 12.5), FROM_THEIA),
        ({}, Wishes(tiles=frozenset({"31TDH"})), "other tile"),
        ({}, Wishes(days=Days(date(2019, 3, 2), date(2019, 3, 9))), "other date"),
        ({}, Wishes(orbit=8), "other orbit"),
        ({"sat__relative_orbit": None}, Wishes(orbit=51), "orbit not known"),
        ({}, Wishes(satellite="S2B"), "other satellite"),
        ({}, Wishes(max_clouds=12.4), "too cloudy"),
        ({"eo__cloud_cover": None}, Wishes(max_clouds=0), FROM_THEIA),
        ({"eo__cloud_cover": 100}, Wishes(), FROM_THEIA),
        # Seen on the day itself, or begun on it and seen within half an hour.
        ({"identifier": MIDNIGHT}, Wishes(days=MARCH_1), FROM_THEIA),
        ({"identifier": MIDNIGHT}, Wishes(days=Days(date(2019, 3, 2), date(2019, 3, 2))), FROM_THEIA),
        ({"identifier": MIDNIGHT.replace("-001000", "-003100")}, Wishes(days=MARCH_1), "other date"),
    ],
)
def test_all_filters_are_checked_on_our_side(changes: dict[str, Any], wishes: Wishes, expected: str) -> None:
    assert action(item(**changes), wishes) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, FROM_THEIA),
        ({"geometry": {"type": "Polygon"}, "bbox": [1, 43, 2, 44]}, FROM_THEIA),
        ({"geometry": {"type": "Polygon"}, "bbox": [5, 43, 6, 44]}, "other place"),
        ({"geometry": {"type": "Point", "coordinates": [5, 5]}, "bbox": [1, 43, 2, 44]}, "other place"),
        ({"geometry": {"type": "Polygon"}, "bbox": None}, "place not known"),
    ],
)
def test_place_is_checked_by_geometry_else_by_bbox(changes: dict[str, Any], expected: str) -> None:
    assert action(item(**changes), box=Box(1.44, 43.6, 1.44, 43.6)) == expected


def test_all_pieces_of_the_newest_version_are_taken() -> None:
    items = [item(), item(PIECE), item(NAME, "3.1"), item(OLD, "1.4"), item(NAME, None), item(NAME, "10.0", urn="x")]
    assert list(actions(choose(items[:5], Wishes())).values()) == ["older version"] * 3 + [FROM_THEIA] * 2
    assert [c.item.version for c in choose(items, Wishes()) if c.is_taken] == ["V10-0"]


def test_newest_version_counts_though_it_is_not_taken() -> None:
    items = [item(eo__cloud_cover=80), item(OLD, "1.4", eo__cloud_cover=5)]
    assert set(actions(choose(items, Wishes(max_clouds=50))).values()) == {"too cloudy", "older version"}


def test_of_one_name_the_product_processed_last_is_taken() -> None:
    items = [item(urn=str(day), datetime=f"2025-07-0{day}T00:00:00Z") for day in (1, 3, 2)]
    assert [c.item.urn for c in choose(items, Wishes()) if c.is_taken] == ["3"]


def test_versions_seen_before_and_after_midnight_are_of_one_acquisition() -> None:
    items = [item(MIDNIGHT.replace("20190302-001000", "20190301-235959"), "1.4"), item(MIDNIGHT)]
    assert list(actions(choose(items, Wishes())).values()) == ["older version", FROM_THEIA]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([f"{NAME}_V4-0"], "in log"),
        ([f"{NAME}_V3-1"], "in log (V3-1)"),
        ([f"{OLD}_V1-4"], "in log (V1-4)"),
        ([NAME], "in log"),
        ([L1C], "in log"),
        ([f"{PIECE}_V4-0"], FROM_THEIA),
        ([f"{PIECE}_V4-0", f"{OLD}_V1-4"], "in log (V1-4)"),
        ([L1C.replace("S2A", "S2B"), L1C.replace("31TCJ", "31TDH"), L1C.replace("0301T10", "0302T10")], FROM_THEIA),
        (["31TCJ_2019-01-01_2019-12-31"], FROM_THEIA),
    ],
)
def test_job_of_either_kind_keeps_its_acquisition_from_being_taken(held: list[str], expected: str) -> None:
    assert action(item(), held=held) == expected
    assert action(item(), Wishes(max_clouds=0), held=held) == ("too cloudy" if expected == FROM_THEIA else expected)


def test_series_keeps_its_dates_from_being_taken() -> None:
    assert action(item(), in_series=lambda product: product.name == NAME) == "in log (series)"


def test_l1c_begun_before_midnight_is_of_the_acquisition() -> None:
    assert action(item(MIDNIGHT), held=[BEFORE_MIDNIGHT]) == "in log"
    assert action(item(MIDNIGHT), held=[AFTER_MIDNIGHT]) == "in log"
    assert action(item(MIDNIGHT), held=[BEFORE_MIDNIGHT.replace("0301T", "0228T")]) == FROM_THEIA


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        ([], [NAME, PIECE]),
        ([f"{NAME}_V4-0.zip"], [PIECE]),
        ([f"{NAME}_V4-0.86f828c4.zip", f"{PIECE}_V4-0"], []),
        ([f"{OLD}_V1-4"], [PIECE]),  # one file is one piece
        ([f"{OLD}_V1-4", "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"], []),
        ([f"{PIECE}_V4-0.zip", f"{OLD}_V1-4"], []),
        (["SENTINEL2B_20190301-105426-459_L2A_T31TCJ_D.zip"], [NAME, PIECE]),
    ],
)
def test_as_many_pieces_are_on_disk_as_there_are_files(files: list[str], taken: list[str]) -> None:
    choices = choose([item(), item(PIECE)], Wishes(), on_disk=on_disk(*files))
    assert [choice.item.product.name for choice in choices if choice.is_taken] == taken
    assert {choice.action for choice in choices} <= {FROM_THEIA, "on disk"}


class TestL1CSide:
    def test_what_theia_has_is_at_theia_whatever_is_done_with_it(self) -> None:
        for wishes in (Wishes(), Wishes(max_clouds=0), Wishes(satellite="S2B")):
            assert acquisition_of(l1c(L1C)) in at_theia(choose([item()], wishes))
        assert acquisition_of(l1c(L1C)) in at_theia(choose([item()], Wishes(), held=[f"{NAME}_V4-0"]))
        assert acquisition_of(l1c(L1C.replace("S2A", "S2B"))) not in at_theia(choose([item()], Wishes()))
        both = at_theia(choose([item(MIDNIGHT)], Wishes()))
        assert {acquisition_of(l1c(BEFORE_MIDNIGHT)), acquisition_of(l1c(AFTER_MIDNIGHT))} == both

    def test_acquisition_whose_job_failed_is_left_to_peps(self) -> None:
        choices = choose([item(), item(PIECE)], Wishes(), failed=[f"{NAME}_V4-0"])
        assert set(actions(choices).values()) == {"failed"}
        assert at_theia(choices) == frozenset()
        half = choose([item(), item(PIECE)], Wishes(), failed=[f"{NAME}_V4-0"], held=[f"{PIECE}_V4-0"])
        assert actions(half) == {f"{NAME}_V4-0": "failed", f"{PIECE}_V4-0": "in log"}
        assert at_theia(half) == frozenset()

    def test_only_what_belongs_to_named_products_is_looked_at(self) -> None:
        items = [item(), item(MIDNIGHT), item(NAME.replace("20190301", "20190311"))]
        assert belonging(items, [l1c(L1C), l1c(BEFORE_MIDNIGHT)]) == items[:2]


@pytest.mark.parametrize(
    ("names", "held", "expected", "unknown"),
    [
        ([f"{NAME}_V3-1"], [f"{NAME}_V4-0", L1C], {f"{NAME}_V3-1": FROM_THEIA}, []),
        ([f"{NAME}_V3-1.zip"], [f"{NAME}_V3-1"], {f"{NAME}_V3-1": "in log"}, []),
        ([NAME, NAME], [], {f"{NAME}_V4-0": FROM_THEIA}, []),
        ([f"{NAME}_V9-9", PIECE], [], {}, [f"{NAME}_V9-9", PIECE]),
    ],
)
def test_named_products_ask_for_their_very_name(
    names: list[str], held: list[str], expected: dict[str, str], unknown: list[str]
) -> None:
    choices, missing = choose_named([item(NAME, "3.1"), item()], names, held)
    assert (actions(choices), missing) == (expected, unknown)


def test_limit_holds_over_both_kinds_oldest_first() -> None:
    def at(day: int) -> datetime:
        return datetime(2019, 3, day, tzinfo=timezone.utc)

    rows = [(at(3), "submit"), (at(1), FROM_THEIA), (at(2), "in log"), (at(2), "submit")]
    assert within_limit(rows, 2, {"submit", FROM_THEIA}) == ["beyond --limit", FROM_THEIA, "in log", "submit"]
    assert within_limit(rows, None, {"submit"}) == ["submit", FROM_THEIA, "in log", "submit"]
    assert within_limit(rows, 0, {"submit"})[0] == "beyond --limit"


identifiers = st.builds(
    "SENTINEL2{}_2019030{}-{:02d}{:02d}26-459_L2A_T{}_C".format,
    st.sampled_from("AB"),
    st.integers(1, 3),
    st.sampled_from([0, 10, 23]),
    st.integers(0, 59),
    st.sampled_from(["31TCJ", "31TDH"]),
)
items_of_theia = st.lists(
    st.builds(item, identifiers, st.sampled_from([None, "3.1", "4.0"]), eo__cloud_cover=st.sampled_from([None, 5, 95])),
    max_size=8,
    unique_by=lambda one: one.urn,
)


@given(items_of_theia, st.lists(identifiers.map("{}_V3-1".format), max_size=3), st.data())
def test_choice_hangs_on_no_order_and_repeats_nothing(items: list[Item], held: list[str], data: st.DataObject) -> None:
    choices = choose(items, Wishes(max_clouds=50), held=held)
    assert actions(choose(data.draw(st.permutations(items)), Wishes(max_clouds=50), held=held)) == actions(choices)
    assert len(choices) == len(items)
    taken = [choice.item for choice in choices if choice.is_taken]
    assert len({one.name for one in taken}) == len(taken)
    again = choose(items, Wishes(max_clouds=50), held=[*held, *(one.name for one in taken)])
    assert not any(choice.is_taken for choice in again)
    for one in taken:
        same = [
            other for other in items if (other.satellite, other.tile, other.days) == (one.satellite, one.tile, one.days)
        ]
        assert all(other.version <= one.version for other in same)
