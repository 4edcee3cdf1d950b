"""The catalogue: what it is asked, and how its pages are read."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.features import (
    FEATURE,
    FIRST,
    OLD,
    OTHER,
    PROPERTIES,
    body,
    feature,
    features,
    quick,
    record_of,
    values,
)

from peps_maja.errors import PepsError
from peps_maja.peps.catalogue import Page, Search, read_page
from peps_maja.products.places import Days
from peps_maja.submitter.choice import choose
from peps_maja.submitter.situation import Situation
from peps_maja.submitter.wishes import Wishes

NEXT = {"rel": "next", "href": "https://peps.cnes.fr/resto/api/collections/S2ST/search.json?page=2"}
ITSELF = {"rel": "self", "href": "https://peps.cnes.fr/resto/api/collections/S2ST/search.json?page=1"}
NEXT_PAGE: dict[str, dict[str, object]] = {
    "in properties": {"properties": {"links": [ITSELF, NEXT]}},
    "at the top": {"links": [ITSELF, NEXT]},
    "in one of both": {"links": [ITSELF], "properties": {"links": [NEXT]}},
    "nothing at the top": {"links": [], "properties": {"links": [ITSELF, NEXT]}},
    "total of this page": {"properties": {"links": [NEXT], "totalResults": 1, "exactCount": True}},
    "estimate of nothing": {"properties": {"links": [NEXT], "totalResults": 0, "exactCount": False}},
}
LAST_PAGE: dict[str, dict[str, object]] = {
    "in properties": {"properties": {"links": [ITSELF]}},
    "at the top": {"links": [ITSELF]},
    "estimate of more": {"links": [ITSELF], "properties": {"totalResults": 9999, "exactCount": False}},
    "null links": {"properties": {"links": None}},
    "null properties": {"properties": None},
    "no links": {},
}
NO_PAGE = {
    "nothing": b"",
    "HTML": b"<html><body>Service Unavailable</body></html>",
    "an error": b'{"ErrorCode": 500, "ErrorMessage": "Internal Error"}',
    "a list": b"[]",
    "null": b"null",
    "no features": b'{"type": "FeatureCollection"}',
    "features that are none": b'{"features": {"0": 1}}',
    "cut short": b'{"features": [{"type": "Feature", "prop',
    "too deep": b'{"features": ' + b"[" * 100_000,
}


# -- what goes out ----------------------------------------------------------------------------------------------------


def test_a_search_asks_for_l1c_of_the_place_by_pages_of_500() -> None:
    asked = Search({"tileid": "31TCJ"}, Days(date(2019, 3, 1), date(2019, 3, 31))).parameters(3)
    assert asked.items() >= {"tileid": "31TCJ", "productType": "S2MSI1C", "maxRecords": "500", "page": "3"}.items()
    # Clouds, orbit and satellite are chosen here: a filter of the server's would lose records without the figure.
    assert not {"cloudCover", "platform", "relativeOrbitNumber"} & asked.keys()


@pytest.mark.parametrize("last", [date(2018, 7, 31), date(2018, 12, 31), date(2020, 2, 28), date(2019, 2, 28)])
def test_the_last_day_is_asked_for_to_its_end(last: date) -> None:
    asked = Search({"tileid": "31TCJ"}, Days(last, last)).parameters(1)
    # A bare date means 00:00:00 of that day to the server.
    assert datetime.fromisoformat(asked["startDate"]).date() == last
    assert datetime.fromisoformat(asked["completionDate"]) > datetime(last.year, last.month, last.day, 23, 59, 59)  # noqa: DTZ001


# -- pages ------------------------------------------------------------------------------------------------------------


def test_a_record_says_what_its_feature_says() -> None:
    record = record_of(FEATURE)
    assert record.identifier == FIRST
    assert record.product
    assert record.product.name == FIRST
    assert (record.tile, record.day, record.satellite, record.orbit) == ("31TCJ", "2019-03-01", "S2A", 51)
    assert (record.clouds, record.size, record.on_tape) == (12.5, 734003200, False)
    assert record.latitudes == (43.2, 44.2)


@pytest.mark.parametrize("top", NEXT_PAGE.values(), ids=NEXT_PAGE)
def test_a_link_tells_that_there_is_a_next_page(top: dict[str, object]) -> None:
    page = read_page(body(FEATURE, **top))
    assert page.has_next
    assert [record.identifier for record in page.records] == [FIRST]


@pytest.mark.parametrize("top", LAST_PAGE.values(), ids=LAST_PAGE)
def test_without_that_link_this_is_the_last_page(top: dict[str, object]) -> None:
    page = read_page(body(FEATURE, **top))
    assert not page.has_next
    assert [record.identifier for record in page.records] == [FIRST]


def test_a_full_page_without_any_links_may_have_a_next_one() -> None:
    assert read_page(body(*[FEATURE] * 500)).has_next
    assert not read_page(body(*[FEATURE] * 500, links=[ITSELF])).has_next


def test_the_features_are_kept_as_they_came() -> None:
    assert read_page(body(FEATURE, {"odd": 1}, None)).features == (FEATURE, {"odd": 1}, None)


@pytest.mark.parametrize("clouds", [None, ..., "many", True, float("nan")])
def test_clouds_without_a_figure_are_unknown(clouds: object) -> None:
    assert record_of(feature(cloudCover=clouds)).clouds is None


@pytest.mark.parametrize("clouds", [0, 0.0, 100, 37.25])
def test_clouds_with_a_figure_are_known(clouds: float) -> None:
    assert record_of(feature(cloudCover=clouds)).clouds == clouds


def test_what_a_feature_leaves_out_is_taken_from_the_name() -> None:
    bare = record_of({"properties": {"productIdentifier": OTHER}})
    assert (bare.tile, bare.day, bare.satellite, bare.orbit) == ("31TCJ", "2019-03-03", "S2B", 8)
    assert (bare.clouds, bare.size, bare.latitudes) == (None, None, None)


def test_nulls_are_as_good_as_nothing() -> None:
    nulls = dict.fromkeys(("mgrs", "platform", "relativeOrbitNumber", "startDate", "resourceSize", "storage"))
    record = record_of({"properties": {"productIdentifier": OTHER} | nulls, "geometry": None})
    assert (record.tile, record.orbit, record.size, record.on_tape) == ("31TCJ", 8, None, False)


def test_an_old_product_is_shown_by_what_its_feature_says() -> None:
    record = record_of(feature(productIdentifier=OLD, mgrs=..., relativeOrbitNumber=..., platform="S2A"))
    assert record.is_old_format
    assert (record.identifier, record.product, record.tile, record.orbit) == (OLD, None, "", None)
    assert (record.day, record.satellite) == ("2019-03-01", "S2A")


@pytest.mark.parametrize("nameless", [None, 7, "text", [], {}, {"properties": None}, {"properties": {"title": 5}}])
def test_a_feature_without_a_name_is_passed_over(nameless: object) -> None:
    assert [record.identifier for record in read_page(body(nameless, FEATURE)).records] == [FIRST]


@pytest.mark.parametrize("mode", ["tape", "tier3"])
def test_a_product_on_tape_is_known(mode: str) -> None:
    assert record_of(feature(storage={"mode": mode})).on_tape


@pytest.mark.parametrize("mode", ["disk", "tier2", "staging", "unknown", None])
def test_a_product_at_hand_is_not_taken_for_one_on_tape(mode: str | None) -> None:
    assert not record_of(feature(storage={"mode": mode})).on_tape


def test_nothing_that_steers_a_terminal_comes_through() -> None:
    record = record_of(feature(productIdentifier="S2\x1b[2J\n\u202e", mgrs="31\x07TCJ", platform="S\x9b2\ud83dA"))
    shown = f"{record.identifier}{record.tile}{record.satellite}"
    assert shown.isprintable()


@pytest.mark.parametrize("no_page", NO_PAGE.values(), ids=NO_PAGE)
def test_what_is_no_catalogue_page_is_an_error(no_page: bytes) -> None:
    with pytest.raises(PepsError) as error:
        read_page(no_page)
    assert "\n" not in str(error.value)


def test_a_letter_in_another_encoding_hides_no_product() -> None:
    page = json.dumps({"features": [feature(title="Pyrénées")]}, ensure_ascii=False).encode("latin-1")
    assert [record.identifier for record in read_page(page).records] == [PROPERTIES["productIdentifier"]]


pages = st.fixed_dictionaries({"features": st.lists(features | values), "links": values, "properties": values})


@quick
@given(pages)
def test_any_json_in_the_form_of_a_page_is_read_and_can_be_chosen_from(answer: dict[str, object]) -> None:
    page = read_page(json.dumps(answer).encode())
    wishes = Wishes(days=Days(date(2019, 1, 1), date(2020, 1, 1)), orbit=51, max_clouds=50.0, limit=1)
    assert {choice.record for choice in choose(Situation(wishes, page.records))} <= set(page.records)
    assert [record for record in page.records if not record.identifier.isprintable()] == []


@quick
@given(st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_a_page_or_an_error_of_ours(answer: bytes) -> None:
    with suppress(PepsError):
        assert isinstance(read_page(answer), Page)
