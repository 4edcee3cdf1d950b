"""Searches at GEODES: what is asked, when the answer is complete, and what a bad one means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from samples.geodes import feature, page

from peps_maja.errors import Status, UsageError
from peps_maja.products.places import Box
from peps_maja.theia.search import BrokenOff, Search, find_records, searches_of_days

JUNE = Search(date(2025, 6, 1), date(2025, 6, 30), tile="31TCJ")


class Server:
    """Answers page after page; what comes behind the last one is the last one again."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.bodies: list[Mapping[str, object]] = []

    def __call__(self, body: Mapping[str, object]) -> bytes:
        self.bodies.append(body)
        return self.answers[min(len(self.bodies), len(self.answers)) - 1]


def some(first: int, last: int) -> list[dict[str, Any]]:
    """Return features numbered from `first` to before `last`."""
    return [feature(f"SENTINEL2A_20250601-105426-{number:03d}_L2A_T31TCJ_C") for number in range(first, last)]


def found(server: Server, searches: Sequence[Search] = (JUNE,)) -> list[int]:
    return [int(record.identifier[27:30]) for record in find_records(server, searches).records]


def test_body_is_as_documented() -> None:
    assert JUNE.body(1) == {
        "page": 1,
        "limit": 80,
        "query": {
            "dataset": {"eq": "THEIA_REFLECTANCE_SENTINEL2_L2A"},
            "grid:code": {"contains": "31TCJ"},
            "start_datetime": {"gte": "2025-06-01T00:00:00Z", "lte": "2025-07-01T00:29:59.999Z"},
        },
        "sortBy": [{"field": "start_datetime", "direction": "asc"}],
    }


def test_body_of_a_box_and_of_the_last_day_there_is() -> None:
    body = Search(date.max, date.max, box=Box(0, 1, 2, 3)).body(7)
    assert (body["page"], body["bbox"]) == (7, [0, 1, 2, 3])
    assert body["query"] == {
        "dataset": {"eq": "THEIA_REFLECTANCE_SENTINEL2_L2A"},
        "start_datetime": {"gte": "9999-12-31T00:00:00Z", "lte": "9999-12-31T23:59:59.999Z"},
    }


def test_one_search_for_each_tile_and_stretch_of_days() -> None:
    first, last = date(2025, 6, 1), date(2025, 6, 30)
    days = [("31TCJ", last), ("31TCJ", first), ("31TDH", last), ("31TCJ", date(2019, 3, 1))]
    assert searches_of_days(days) == [
        Search(date(2019, 3, 1), date(2019, 3, 1), tile="31TCJ"),
        Search(first, last, tile="31TCJ"),
        Search(last, last, tile="31TDH"),
    ]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([page([], matched=0)], 0),
        ([page([], has_next=None)], 0),
        ([page(some(0, 5), matched=5)], 5),
        ([page(some(0, 5), has_next=None)], 5),
        ([page(some(0, 80), matched=100, has_next=True), page(some(80, 100), matched=100)], 100),
        ([page(some(0, 80), has_next=None), page(some(80, 100), has_next=None)], 100),
        ([page(some(0, 80), has_next=None), page([], has_next=None)], 80),
        ([page(some(0, 3), has_next=None, matched=5), page(some(3, 5), has_next=None, matched=5)], 5),
        ([page(some(0, 3), matched=5), page(some(3, 5), matched=5)], 5),
        ([page(some(0, 3), has_next=None, numberMatched=5), page(some(3, 5), has_next=None, numberMatched=5)], 5),
        # An item was added between two pages, and pushed another one onto the next page.
        ([page(some(0, 80), matched=99, has_next=True), page(some(79, 99), matched=100)], 99),
        # A server that names a next page behind the last one.
        ([page(some(0, 5), matched=5, has_next=True), page([], matched=5, has_next=True)], 5),
        ([page(["?", None, 5, *some(0, 2)], matched=5)], 2),
    ],
)
def test_reads_every_page(answers: list[bytes], expected: int) -> None:
    server = Server(*answers)
    assert found(server) == list(range(expected))
    assert [body["page"] for body in server.bodies] == list(range(1, len(answers) + 1))


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        (
            [page(some(0, 70), matched=100, has_next=True), page(some(80, 100), matched=100), page([], matched=100)],
            "90 of 100",
        ),
        ([page(some(0, 80), matched=100, has_next=True), page([], matched=100, has_next=True)], "80 of 100"),
        ([page(some(0, 80), has_next=True), page([], has_next=True)], "80 of an unknown number of"),
        ([page(some(0, 3), matched=5), page([], matched=5)], "3 of 5"),
        ([page(some(0, 3), has_next=None, matched=5), page([], has_next=None, matched=5)], "3 of 5"),
        (
            [page(some(0, 80), matched=160, has_next=True), page(some(0, 80), matched=160)],
            "160 of 160",
        ),  # ignores `page`
        ([page(some(0, 80), has_next=None)] * 2, "160 of an unknown number of"),
    ],
)
def test_break_off_is_searched_once_more_and_is_then_an_error(answers: list[bytes], says: str) -> None:
    server = Server(*answers, *answers)
    with pytest.raises(BrokenOff, match=says) as error:
        found(server)
    assert error.value.status is Status.TRY_LATER
    assert len(server.bodies) == 2 * len(answers)
    again = Server(*answers, page(some(0, 7), matched=7))
    assert len(found(again)) == 7


def test_same_item_is_found_once() -> None:
    assert found(Server(page(some(0, 5), matched=5)), [JUNE, JUNE]) == list(range(5))


@pytest.mark.parametrize(
    "answers",
    [[page(some(0, 80), matched=10_001, has_next=True)], [page(some(0, 80) * 125 + some(0, 1), has_next=True)]],
)
def test_too_many_products_are_the_users_to_reduce(answers: list[bytes]) -> None:
    server = Server(*answers)
    with pytest.raises(UsageError, match="more than 10000 products"):
        found(server)
    assert len(server.bodies) == 1


def test_features_are_kept_as_they_came() -> None:
    answers = [page(some(0, 80), has_next=True), page(["?"])]
    assert find_records(Server(*answers), [JUNE], with_features=True).features == [*some(0, 80), "?"]
    assert find_records(Server(*answers), [JUNE]).features == []
