"""The choice: which of the catalogue's products are submitted, and why not the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples.features import (
    FEATURE,
    FIRST,
    L2A,
    OLD,
    OTHER,
    feature,
    quick,
    record_of,
)

from peps_maja.joblog.jobs import Jobs
from peps_maja.products.places import Days
from peps_maja.products.records import L1CRecord
from peps_maja.submitter.choice import choose
from peps_maja.submitter.orders import propose
from peps_maja.submitter.situation import Situation
from peps_maja.submitter.wishes import Wishes

SECOND_PART = "S2A_MSIL1C_20190301T105021_N0206_R051_T31TCJ_20190301T131500"
NEWER = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20200101T000000"
NEWEST = "S2A_MSIL1C_20190301T105021_N0500_R051_T31TCJ_20230101T000000"
NEWEST_PART = "S2A_MSIL1C_20190301T105021_N0500_R051_T31TCJ_20230101T010000"
LATER = "S2B_MSIL1C_20190306T105029_N0207_R051_T31TCJ_20190306T134347"
LATEST = "S2A_MSIL1C_20190331T104021_N0207_R008_T31TCJ_20190331T124535"
NORTHERN = "S2A_MSIL1C_20190302T105021_N0207_R051_T33WXP_20190302T125917"
ON_THE_LINE = (FIRST.replace("31TCJ", "32VNM"), SECOND_PART.replace("31TCJ", "32VNM"))
EVER = Days(date(2015, 1, 1), date(2030, 1, 1))


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


# -- footprints -------------------------------------------------------------------------------------------------------
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


# -- the choice -------------------------------------------------------------------------------------------------------
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
