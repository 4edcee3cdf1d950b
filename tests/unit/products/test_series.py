"""Series: their names and plans, and how spans are cut."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from helpers import TILE, l1c
from hypothesis import given
from hypothesis import strategies as st

from peps_maja.products.names import L1CProduct
from peps_maja.products.series import EARLIEST, PlannedDate, Series, read_plan, series_of, write_plan
from peps_maja.products.tiles import Tile

DAY = timedelta(days=1)
days = st.dates(EARLIEST, date(2040, 1, 1))
spans = st.builds(lambda start, length: (start, start + length * DAY), days, st.integers(54, 6000))


@given(spans, st.none() | st.integers(1, 143))
def test_every_day_is_in_exactly_one_job(ends: tuple[date, date], orbit: int | None) -> None:
    series = series_of(Tile(TILE), *ends, orbit)
    lengths = [(one.end - one.start).days + 1 for one in series]
    assert (series[0].start, series[-1].end) == ends
    assert all(after.start - before.end == DAY for before, after in pairwise(series))
    assert all(55 <= length <= 366 for length in lengths)
    assert max(lengths) - min(lengths) <= 1
    assert len(series) == -(-sum(lengths) // 366)
    assert {(one.tile, one.orbit) for one in series} == {(Tile(TILE), orbit)}


@pytest.mark.parametrize(
    ("start", "end", "jobs"),
    [
        ("2018-01-01", "2018-02-24", ["2018-01-01_2018-02-24"]),  # 55 days
        ("2016-04-01", "2017-04-01", ["2016-04-01_2017-04-01"]),  # 366
        ("2016-04-01", "2017-04-02", ["2016-04-01_2016-09-30", "2016-10-01_2017-04-02"]),
        ("2018-01-01", "2019-12-31", ["2018-01-01_2018-12-31", "2019-01-01_2019-12-31"]),
    ],
)
def test_spans_are_cut_where_they_must_be(start: str, end: str, jobs: list[str]) -> None:
    series = series_of(Tile(TILE), date.fromisoformat(start), date.fromisoformat(end))
    assert [one.name for one in series] == [f"{TILE}_{job}" for job in jobs]


@given(spans.filter(lambda ends: ends[1] - ends[0] < 366 * DAY), st.none() | st.integers(1, 143))
def test_a_name_tells_its_series(ends: tuple[date, date], orbit: int | None) -> None:
    series = Series(Tile(TILE), *ends, orbit)
    assert series.name == f"{TILE}_{ends[0]}_{ends[1]}" + ("" if orbit is None else f"_R{orbit:03d}")
    assert Series.parse(series.name) == series


@pytest.mark.parametrize(
    "name",
    [
        "",
        "31TCJ",
        "31TCJ_2018-01-01",
        "31TCJ_2018-02-30_2018-12-31",
        "31TCJ_2018-12-31_2018-01-01",
        "31TCJ_2018-01-01_2018-12-31_R000",
        "31TCJ_2018-01-01_2018-12-31_R144",
        "31TCJ_2018-01-01_2018-12-31_51",
        "31TIJ_2018-01-01_2018-12-31",
        " 31TCJ_2018-01-01_2018-12-31\n",
        l1c("2018-01-05"),
    ],
)
def test_what_is_no_series(name: str) -> None:
    assert Series.parse(name) is None


def test_a_plan_lists_each_acquisition_once() -> None:
    names = [
        l1c("2018-01-05", baseline="N0206"),
        l1c("2018-01-03", "S2B", orbit=8),
        l1c("2018-01-05"),
        l1c("2018-01-05", last="140000"),
        l1c("2018-01-05", "S2B"),
    ]
    plan = write_plan(product for name in names if (product := L1CProduct.parse(name)))
    assert plan == "2018-01-03/S2B/R008 2018-01-05/S2A/R051 2018-01-05/S2B/R051"
    assert read_plan(plan) == [
        PlannedDate(date(2018, 1, 3), "S2B", 8),
        PlannedDate(date(2018, 1, 5), "S2A", 51),
        PlannedDate(date(2018, 1, 5), "S2B", 51),
    ]
    assert read_plan("2018-01-03, 2018-13-03 2018-01-05/S2A") == [
        PlannedDate(date(2018, 1, 3)),
        PlannedDate(date(2018, 1, 5)),
    ]
