"""The catalogue: what it is asked, and how its pages are read."""

from __future__ import annotations

import json
import time
from datetime import date, datetime

import pytest
from helpers import TILE
from relay import Relay, host_and_port
from samples.features import FEATURE, FIRST, OLD, OTHER, feature, record_of

from peps_maja.errors import ServerSilent
from peps_maja.network import client
from peps_maja.network.pages import read_page
from peps_maja.peps import catalogue
from peps_maja.peps.catalogue import Search, read_feature
from peps_maja.peps.service import Peps, Server
from peps_maja.products.places import Box, Days
from peps_maja.sandbox import Sandbox

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
    assert record.bounds == Box(0.5, 43.2, 1.8, 44.2)


@pytest.mark.parametrize(
    ("sent", "clouds"), [(None, None), (..., None), ("many", None), (True, None), (0, 0), (100, 100), (37.25, 37.25)]
)
def test_clouds_without_a_figure_are_unknown(sent: object, clouds: float | None) -> None:
    assert record_of(feature(cloudCover=sent)).clouds == clouds


def test_what_a_feature_leaves_out_is_taken_from_the_name() -> None:
    nulls = dict.fromkeys(("mgrs", "platform", "relativeOrbitNumber", "startDate", "resourceSize", "storage"))
    for properties in ({"productIdentifier": OTHER}, {"productIdentifier": OTHER} | nulls):
        bare = record_of({"properties": properties, "geometry": None})
        assert (bare.tile, bare.day, bare.satellite, bare.orbit) == ("31TCJ", "2019-03-03", "S2B", 8)
        assert (bare.clouds, bare.size, bare.bounds, bare.on_tape) == (None, None, None, False)


def test_an_old_product_is_shown_by_what_its_feature_says() -> None:
    record = record_of(feature(productIdentifier=OLD, mgrs=..., relativeOrbitNumber=..., platform="S2A"))
    assert (record.identifier, record.product, record.tile, record.orbit) == (OLD, None, "", None)
    assert (record.day, record.satellite) == ("2019-03-01", "S2A")


@pytest.mark.parametrize("nameless", [None, 7, "text", [], {}, {"properties": None}, {"properties": {"title": 5}}])
def test_a_feature_without_a_name_is_left_out(nameless: object) -> None:
    assert read_feature(nameless) is None


def test_a_product_on_tape_is_known() -> None:
    modes = {"tape": True, "tier3": True} | dict.fromkeys(("disk", "tier2", "staging", "unknown", None), False)
    assert {mode: record_of(feature(storage={"mode": mode})).on_tape for mode in modes} == modes


def test_nothing_that_steers_a_terminal_comes_through() -> None:
    record = record_of(feature(productIdentifier="S2\x1b[2J\n\u202e", mgrs="31\x07TCJ", platform="S\x9b2\ud83dA"))
    shown = f"{record.identifier}{record.tile}{record.satellite}"
    assert shown.isprintable()


@pytest.mark.parametrize(
    "geometry", ["0", [], {"coordinates": None}, {"coordinates": [["a"]]}, {"coordinates": [1, 2e9]}]
)
def test_a_footprint_that_is_none_is_as_good_as_none(geometry: object) -> None:
    assert record_of({**FEATURE, "geometry": geometry}).bounds is None


def test_a_letter_in_another_encoding_hides_no_product() -> None:
    body = json.dumps({"features": [feature(title="Pyrénées")]}, ensure_ascii=False).encode("latin-1")
    page = read_page(body, 500)
    assert page
    assert [record.identifier for record in map(read_feature, page.features) if record] == [FIRST]


def test_a_page_of_the_catalogue_has_a_time_of_its_own(monkeypatch: pytest.MonkeyPatch, peps: Sandbox) -> None:
    assert client.LONGEST_PAGE == 300
    monkeypatch.setattr(client, "LONGEST_PAGE", 0.5)
    march = Search({"tileid": TILE}, Days(date(2019, 3, 1), date(2019, 3, 31)))
    with Relay(["slow body"] * 3, target=host_and_port(peps.url)) as relay:
        begun = time.monotonic()
        with pytest.raises(ServerSilent):
            catalogue.find_records(Peps(Server(relay.url), read_timeout=30), march)
    assert time.monotonic() - begun < 10
