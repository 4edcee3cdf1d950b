"""The catalogue: what it is asked, how its pages are read, and which of its products are submitted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import date, datetime
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peps_maja.errors import PepsError
from peps_maja.joblog.jobs import Jobs
from peps_maja.peps.catalogue import Page, Search, read_page
from peps_maja.products.records import L1CRecord
from peps_maja.selection.choice import choose
from peps_maja.selection.orders import propose
from peps_maja.selection.situation import Situation
from peps_maja.selection.wishes import Days, Wishes

# One acquisition: as first processed, reprocessed twice, and its second part where the receiving station changed.
FIRST = "S2A_MSIL1C_20190301T105021_N0206_R051_T31TCJ_20190301T125917"
SECOND_PART = "S2A_MSIL1C_20190301T105021_N0206_R051_T31TCJ_20190301T131500"
NEWER = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20200101T000000"
NEWEST = "S2A_MSIL1C_20190301T105021_N0500_R051_T31TCJ_20230101T000000"
NEWEST_PART = "S2A_MSIL1C_20190301T105021_N0500_R051_T31TCJ_20230101T010000"
# Others: another orbit and satellite, and later ones.
OTHER = "S2B_MSIL1C_20190303T104019_N0207_R008_T31TCJ_20190303T124637"
LATER = "S2B_MSIL1C_20190306T105029_N0207_R051_T31TCJ_20190306T134347"
LATEST = "S2A_MSIL1C_20190331T104021_N0207_R008_T31TCJ_20190331T124535"
NORTHERN = "S2A_MSIL1C_20190302T105021_N0207_R051_T33WXP_20190302T125917"
ON_THE_LINE = (FIRST.replace("31TCJ", "32VNM"), SECOND_PART.replace("31TCJ", "32VNM"))
OLD = "S2A_OPER_PRD_MSIL1C_PDMC_20160525T004131_R108_V20150730T103016_20150730T103016"
L2A = "S2A_MSIL2A_20190301T105021_N0211_R051_T31TCJ_20190301T142040"

NEXT = {"rel": "next", "href": "https://peps.cnes.fr/resto/api/collections/S2ST/search.json?page=2"}
ITSELF = {"rel": "self", "href": "https://peps.cnes.fr/resto/api/collections/S2ST/search.json?page=1"}
PROPERTIES: dict[str, object] = {
    "collection": "S2ST",
    "productIdentifier": FIRST,
    "title": FIRST,
    "startDate": "2019-03-01T10:50:21.024Z",
    "platform": "S2A",
    "orbitNumber": 19272,
    "relativeOrbitNumber": 51,
    "mgrs": "31TCJ",
    "cloudCover": 12.5,
    "resourceSize": 734003200,
    "storage": {"mode": "disk"},
}
FOOTPRINT = {"type": "Polygon", "coordinates": [[[0.5, 43.2], [1.8, 43.2], [1.8, 44.2], [0.5, 44.2], [0.5, 43.2]]]}
FEATURE = {"type": "Feature", "id": "8f8f1ae4", "geometry": FOOTPRINT, "properties": PROPERTIES}

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

EVER = Days(date(2015, 1, 1), date(2030, 1, 1))

quick = settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def feature(geometry: object = FOOTPRINT, **properties: object) -> dict[str, object]:
    """Return a feature like FEATURE, with these properties instead of its own (None: null, ...: left out)."""
    changed = {name: value for name, value in {**PROPERTIES, **properties}.items() if value is not ...}
    return {**FEATURE, "properties": changed, "geometry": geometry}


def body(*features: object, **top: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", **top, "features": features}).encode()


def record_of(one: object) -> L1CRecord:
    (record,) = read_page(body(one)).records
    return record


def named(*names: str) -> list[L1CRecord]:
    """Return records of which nothing but the name is known."""
    return [record_of({"properties": {"productIdentifier": name}}) for name in names]


def box(south: float, north: float, west: float = 10.0, east: float = 11.0) -> list[list[list[float]]]:
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def actions(
    records: Iterable[L1CRecord],
    logged: Iterable[str] | Mapping[str, str] = (),
    again: Iterable[str] = (),
    **wishes: object,
) -> dict[str, str]:
    """Return what is done with each product, oldest first. Jobs of the log are finished unless `logged` says more."""
    ends = logged if isinstance(logged, Mapping) else dict.fromkeys(logged, "finished\t{}\t")
    jobs = Jobs.replay(
        "\n".join(["# peps_maja job log 1", *(f"\t{end.format(name)}" for name, end in ends.items()), ""])
    )
    wanted = Wishes(**{"days": EVER} | wishes)  # type: ignore[arg-type]
    proposal = propose(Situation(wanted, list(records), jobs=jobs, again=list(again)))
    return {choice.record.identifier: choice.action for choice in proposal.choices}


# -- what goes out ----------------------------------------------------------------------------------------------


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


# -- pages ------------------------------------------------------------------------------------------------------


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


values: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.sampled_from([FIRST, OLD, L2A]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
features: st.SearchStrategy[object] = st.fixed_dictionaries(
    {"properties": st.dictionaries(st.sampled_from(list(PROPERTIES)), values), "geometry": values}
)
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


# -- footprints -------------------------------------------------------------------------------------------------

BEYOND = {
    "far north": [box(63.0, 64.0)],
    "from the line on": [box(60.0, 61.0)],
    "far south": [box(-70.0, -69.0)],
    "two parts": [box(60.5, 60.7), box(61.0, 61.5)],
    "at the date line": [box(65.0, 66.0, 179.0, 180.0), box(65.0, 66.0, -180.0, -179.5)],
}
NOT_BEYOND = {
    "across the line": [box(59.9, 60.9)],
    "across the southern line": [box(-60.9, -59.9)],
    "one part of two": [box(59.0, 59.5), box(60.5, 61.0)],
    "at the date line": [box(-17.0, -16.0, 179.0, 180.0), box(-17.0, -16.0, -180.0, -179.5)],
    "across the date line": [box(51.0, 52.0, 179.5, -179.5)],
    "past the date line": [box(51.0, 52.0, 179.5, 180.5)],
    "with heights": [[[[1.0, 43.0, 2000.0], [1.0, 44.0, 65.0], [2.0, 44.0, 70.0]]]],
    "longitudes beyond 60": [box(43.0, 44.0, 75.0, 76.0)],
}


def on_the_line(polygons: list[object]) -> list[L1CRecord]:
    """Return a product with this footprint, as MultiPolygon and, where it is one, as Polygon.

    Its tile lies in a band on the line, so that only the footprint can tell.
    """
    forms = [("MultiPolygon", polygons), *(("Polygon", polygon) for polygon in polygons if len(polygons) == 1)]
    return [
        record_of(feature({"type": kind, "coordinates": coordinates}, productIdentifier=name))
        for name, (kind, coordinates) in zip(ON_THE_LINE, forms, strict=False)
    ]


@pytest.mark.parametrize("polygons", BEYOND.values(), ids=BEYOND)
def test_a_product_wholly_beyond_60_is_left_out(polygons: list[object]) -> None:
    assert set(actions(on_the_line(polygons)).values()) == {"beyond 60°"}


@pytest.mark.parametrize("polygons", NOT_BEYOND.values(), ids=NOT_BEYOND)
def test_a_product_partly_within_60_is_submitted(polygons: list[object]) -> None:
    assert set(actions(on_the_line(polygons)).values()) == {"submit"}


def test_without_a_footprint_the_tile_decides() -> None:
    assert actions(named(NORTHERN, ON_THE_LINE[0])) == {ON_THE_LINE[0]: "submit", NORTHERN: "beyond 60°"}


@pytest.mark.parametrize(
    "geometry", ["0", [], {"coordinates": None}, {"coordinates": [["a"]]}, {"coordinates": [1, 2e9]}]
)
def test_a_footprint_that_is_none_is_as_good_as_none(geometry: object) -> None:
    assert record_of({**FEATURE, "geometry": geometry}).latitudes is None


# -- the choice -------------------------------------------------------------------------------------------------

DROPPED = "cancelled\t{}\tdropped by the user"
CHOICES: dict[str, tuple[list[str], list[str] | dict[str, str], dict[str, str]]] = {
    # what the catalogue has, what the log has, what is done
    "one product": ([FIRST], [], {FIRST: "submit"}),
    "the newest of two baselines": ([FIRST, NEWER], [], {FIRST: "older baseline", NEWER: "submit"}),
    "the newest of three baselines": (
        [NEWER, NEWEST, FIRST],
        [],
        {FIRST: "older baseline", NEWER: "older baseline", NEWEST: "submit"},
    ),
    "both parts of a cut acquisition": ([FIRST, SECOND_PART], [], {FIRST: "submit", SECOND_PART: "submit"}),
    "both parts of the newest baseline": (
        [FIRST, SECOND_PART, NEWEST, NEWEST_PART],
        [],
        {FIRST: "older baseline", SECOND_PART: "older baseline", NEWEST: "submit", NEWEST_PART: "submit"},
    ),
    "in log": ([FIRST, OTHER], [FIRST], {FIRST: "in log", OTHER: "submit"}),
    "one part in log": ([FIRST, SECOND_PART], [FIRST], {FIRST: "in log", SECOND_PART: "submit"}),
    "reprocessed since": ([NEWEST], [FIRST], {NEWEST: "in log (N0206)"}),
    "reprocessed since, both listed": ([FIRST, NEWEST], [FIRST], {FIRST: "in log", NEWEST: "in log (N0206)"}),
    "both parts reprocessed since": (
        [NEWEST, NEWEST_PART],
        [FIRST, SECOND_PART],
        {NEWEST: "in log (N0206)", NEWEST_PART: "in log (N0206)"},
    ),
    "newer one in log": ([FIRST], [NEWEST], {FIRST: "in log (N0500)"}),
    "newer one in log, both listed": ([FIRST, NEWEST], [NEWEST], {FIRST: "older baseline", NEWEST: "in log"}),
    "one part of the newest in log": (
        [FIRST, SECOND_PART, NEWEST, NEWEST_PART],
        [NEWEST],
        {FIRST: "older baseline", SECOND_PART: "older baseline", NEWEST: "in log", NEWEST_PART: "submit"},
    ),
    "two baselines in log, another one listed": ([NEWER], [FIRST, NEWEST], {NEWER: "in log (N0500)"}),
    "old format": ([OLD, FIRST], [], {OLD: "old format", FIRST: "submit"}),
    "L2A": ([L2A], [], {L2A: "not L1C"}),
    "an older one dropped": ([NEWER], {FIRST: DROPPED}, {NEWER: "in log (N0206)"}),
    "an older one unsure": ([NEWER], {FIRST: "submitting\t{}\t"}, {NEWER: "in log (N0206)"}),
    **{
        f"an older one {end}": ([FIRST, NEWER], {FIRST: f"{end}\t{{}}\tx"}, {FIRST: "in log", NEWER: "submit"})
        for end in ("rejected", "failed", "cancelled")
    },
    "an older one failed, a newer one finished": (
        [NEWER],
        {FIRST: "failed\t{}\tx", NEWEST: "finished\t{}\t"},
        {NEWER: "in log (N0500)"},
    ),
    "a newer one failed, and no longer listed": ([FIRST], {NEWER: "failed\t{}\tx"}, {FIRST: "submit"}),
    "a newer one failed": ([FIRST, NEWER], {NEWER: "failed\t{}\tx"}, {FIRST: "older baseline", NEWER: "in log"}),
    "something else in log": ([FIRST], ["FULL_MAJA 31TCJ", "", OLD, LATER], {FIRST: "submit"}),
}


@pytest.mark.parametrize(("listed", "logged", "done"), CHOICES.values(), ids=CHOICES)
def test_the_choice(listed: list[str], logged: list[str] | dict[str, str], done: dict[str, str]) -> None:
    for order in list(permutations(listed))[:6]:
        assert actions(named(*order), logged) == done


def test_the_oldest_acquisition_comes_first_whatever_the_baseline() -> None:
    mixed = named(LATEST, NEWEST, OLD, LATER, OTHER, FIRST)
    submitted = [name for name, action in actions(mixed).items() if action == "submit"]
    assert submitted == [NEWEST, OTHER, LATER, LATEST]


def test_a_product_that_comes_twice_is_submitted_once() -> None:
    choices = choose(Situation(Wishes(), named(FIRST, OTHER, FIRST)))
    assert [choice.record.identifier for choice in choices] == [FIRST, OTHER]


def test_one_orbit_only() -> None:
    assert actions(named(FIRST, OTHER, LATER), orbit=51) == {FIRST: "submit", OTHER: "other orbit", LATER: "submit"}


def test_one_satellite_only() -> None:
    done = actions(named(FIRST, OTHER, LATER), satellite="S2B")
    assert done == {FIRST: "other satellite", OTHER: "submit", LATER: "submit"}


def test_some_tiles_only() -> None:
    neighbour = FIRST.replace("31TCJ", "31TCH")
    done = actions(named(FIRST, neighbour, OTHER), tiles=frozenset({"31TCJ"}))
    assert done == {FIRST: "submit", neighbour: "other tile", OTHER: "submit"}


def test_first_and_last_day_are_both_included() -> None:
    def at(moment: str) -> str:
        return FIRST.replace("20190301T105021", moment)

    inside = [at("20190301T000000"), at("20190331T235959")]
    outside = [at("20190228T235959"), at("20190401T000000")]
    done = actions(named(*inside, *outside), days=Days(date(2019, 3, 1), date(2019, 3, 31)))
    assert done == dict.fromkeys(outside, "other date") | dict.fromkeys(inside, "submit")


def test_more_clouds_than_wished_leave_a_product_out_and_no_figure_does_not() -> None:
    clouds = {FIRST: 30, OTHER: 30.1, LATER: None, LATEST: 0}
    records = [record_of(feature(productIdentifier=name, cloudCover=cover)) for name, cover in clouds.items()]
    done = actions(records, max_clouds=30.0)
    assert done == {FIRST: "submit", OTHER: "too cloudy", LATER: "submit", LATEST: "submit"}
    assert set(actions(records).values()) == {"submit"}
    assert actions(records, max_clouds=0.0)[LATEST] == "submit"
    assert actions(records, max_clouds=0.0)[FIRST] == "too cloudy"


def test_an_older_baseline_does_not_step_in_for_a_newer_one_that_is_too_cloudy() -> None:
    records = [
        record_of(feature(productIdentifier=name, cloudCover=cover)) for name, cover in ((FIRST, 1), (NEWER, 80))
    ]
    assert actions(records, max_clouds=50.0) == {FIRST: "older baseline", NEWER: "too cloudy"}


@pytest.mark.parametrize(("limit", "submitted"), [(1, [OTHER]), (2, [OTHER, LATER]), (3, [OTHER, LATER, LATEST])])
def test_a_limit_counts_what_is_submitted_only(limit: int, submitted: list[str]) -> None:
    done = actions(named(LATEST, LATER, OTHER, FIRST, OLD), [FIRST], limit=limit)
    assert [name for name, action in done.items() if action == "submit"] == submitted
    assert len(done) == 5


def test_what_the_user_wants_again_is_submitted_again_and_nothing_else_of_the_log() -> None:
    done = actions(named(FIRST, OTHER, LATER), logged=[FIRST, OTHER], again=[FIRST])
    assert done == {FIRST: "submit", OTHER: "in log", LATER: "submit"}


def test_a_lost_job_that_is_submitted_again_keeps_a_newer_baseline_away() -> None:
    lost = {FIRST: "failed\t{}\tx"}
    assert actions(named(FIRST, NEWER), lost, again=[FIRST]) == {FIRST: "submit", NEWER: "in log (N0206)"}
    assert actions(named(NEWER), lost, again=[FIRST]) == {NEWER: "submit"}


@pytest.mark.parametrize("end", ["finished\t{}\t", "failed\t{}\tx", DROPPED])
def test_named_products_are_asked_for_in_the_log_by_that_very_name(end: str) -> None:
    done = actions(named(FIRST, NEWER, NEWEST), {NEWER: end}, days=None)
    assert done == {FIRST: "submit", NEWER: "in log", NEWEST: "submit"}


def test_wanted_again_is_no_way_round_the_other_wishes() -> None:
    both = [FIRST, OTHER]
    assert actions(named(*both), logged=both, again=both, orbit=8) == {FIRST: "other orbit", OTHER: "submit"}
    assert sorted(actions(named(*both), logged=both, again=both, limit=1).values()) == ["beyond --limit", "submit"]


NAMES = (FIRST, SECOND_PART, NEWER, NEWEST, NEWEST_PART, OTHER, LATER, LATEST, NORTHERN, OLD)


@settings(quick, max_examples=80)
@given(
    st.lists(st.sampled_from(NAMES)),
    st.sets(st.sampled_from(NAMES)),
    st.none() | st.integers(1, 4),
)
def test_nothing_is_submitted_twice(listed: list[str], logged: set[str], limit: int | None) -> None:
    done = actions(named(*listed), logged, limit=limit)
    submitted = [name for name, action in done.items() if action == "submit"]
    acquisitions = {(name[:27], name[38:44], name[27:32]) for name in submitted}
    assert done.keys() == set(listed)
    assert not logged & set(submitted)
    assert len({acquisition[:2] for acquisition in acquisitions}) == len(acquisitions), (
        "two baselines of one acquisition"
    )
    assert limit is None or len(submitted) <= limit
    # What was submitted is in the log of the next run, which goes on from there and comes to an end.
    after = actions(named(*listed), logged | set(submitted))
    assert all(after[name] == "in log" for name in submitted)
