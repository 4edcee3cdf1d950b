"""The pages of a catalogue's answer, in the form of either service: when it is complete, and when it breaks off."""

from __future__ import annotations

import json

import pytest
from samples.geodes import page as geodes_page

from peps_maja.errors import ServerTrouble, Status, UsageError
from peps_maja.network.documents import mapping
from peps_maja.network.pages import BrokenOff, Page, read_all, read_page

NEXT, ITSELF = {"rel": "next", "href": "https://h/2"}, {"rel": "self", "href": "https://h/1"}
NO_PAGE = [b'{"ErrorCode": 500, "ErrorMessage": "Internal Error"}', b"[]", b"null", b'{"features": {"0": 1}}']
NO_JSON = {
    b"": "nothing where JSON was expected",
    b"<html><body>Service Unavailable</body></html>": "an HTML page where JSON was expected",
    b'{"features": [{"type": "Feature", "prop': "JSON that is damaged or cut short",
    b'{"features": ' + b"[" * 100_000: "JSON that is damaged or cut short",
}


class Server:
    """Answers page after page; what comes behind the last one is the last one again."""

    def __init__(self, *answers: bytes) -> None:
        self.answers = answers
        self.asked: list[int] = []

    def __call__(self, number: int) -> Page:
        self.asked.append(number)
        page = read_page(self.answers[min(len(self.asked), len(self.answers)) - 1], 80)
        assert page
        return page


def page(first: int, last: int, **more: object) -> bytes:
    """Return a page with the features numbered from `first` to before `last`."""
    return geodes_page([{"id": str(number)} for number in range(first, last)], **more)  # type: ignore[arg-type]


def found(server: Server) -> list[int]:
    return read_all(server, lambda feature: int(str(mapping(feature)["id"])), "it")


@pytest.mark.parametrize(
    ("answers", "number"),
    [
        ([page(0, 0, matched=0)], 0),
        ([page(0, 5, matched=5)], 5),
        ([page(0, 80, matched=100, has_next=True), page(80, 100, matched=100)], 100),
        ([page(0, 80, has_next=None), page(80, 100, has_next=None)], 100),  # a full page speaks for another one
        ([page(0, 80, has_next=None), page(0, 0, has_next=None)], 80),
        ([page(0, 3, has_next=None, matched=5), page(3, 5, has_next=None, matched=5)], 5),
        ([page(0, 3, has_next=None, numberMatched=5), page(3, 5, has_next=None, numberMatched=5)], 5),
        ([page(0, 3, has_next=True), page(3, 5)], 5),  # a short page may have a next one
        ([page(0, 5, matched=5, has_next=True)], 5),  # a total that is reached counts for more than a link
        ([page(0, 80, has_next=True), page(79, 99)], 99),  # one came in between, and pushed another onto page 2
    ],
)
def test_reads_every_page(answers: list[bytes], number: int) -> None:
    server = Server(*answers)
    assert found(server) == list(range(number))
    assert server.asked == list(range(1, len(answers) + 1))


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ([page(0, 70, matched=100), page(80, 100, matched=100), page(0, 0, matched=100)], "90 of 100"),
        ([page(0, 80, has_next=True), page(0, 0, has_next=None)], "80 of an unknown number of"),
        ([page(0, 3, matched=5), page(0, 0, matched=5)], "3 of 5"),
        ([page(0, 80, matched=160), page(0, 80, matched=160)], "80 of 160"),  # ignores `page`
        ([page(0, 60, has_next=True)] * 2, "60 of an unknown number of"),  # the same page for ever
        # One twice and another never at a page's border, with the right total.
        ([page(0, 80, matched=90), page(79, 89, matched=90), page(0, 0, matched=90)], "89 of 90"),
    ],
)
def test_break_off_is_searched_once_more_and_is_then_an_error(answers: list[bytes], says: str) -> None:
    server = Server(*answers, *answers)
    with pytest.raises(BrokenOff, match=says) as error:
        found(server)
    assert error.value.status is Status.TRY_LATER
    assert len(server.asked) == 2 * len(answers)
    assert len(found(Server(*answers, page(0, 7, matched=7)))) == 7


@pytest.mark.parametrize("answer", [page(0, 80, matched=10_001, has_next=True), page(0, 10_001, has_next=True)])
def test_too_many_products_are_the_users_to_reduce(answer: bytes) -> None:
    server = Server(answer)
    with pytest.raises(UsageError, match="more than 10000 products"):
        found(server)
    assert len(server.asked) == 1


def test_odd_features_and_items_of_one_id_count_too() -> None:
    items = ["?", None, 5, *({"id": "a", "properties": {"identifier": name}} for name in "ab")]
    answer = json.dumps({"features": items, "numberMatched": 5}).encode()
    assert read_all(Server(answer), lambda feature: feature, "it") == items
    twice = [{"properties": {"productIdentifier": "a", "storage": mode}} for mode in ("disk", "tape")]
    without_ids = Server(json.dumps({"features": twice, "numberMatched": 2}).encode())
    with pytest.raises(BrokenOff, match="1 of 2"):
        read_all(without_ids, lambda feature: feature, "it")


@pytest.mark.parametrize(
    ("top", "total", "has_next"),
    [
        ({"properties": {"links": [ITSELF, NEXT]}}, None, True),
        ({"links": [ITSELF, NEXT]}, None, True),
        ({"properties": {"links": [ITSELF], "totalResults": 9, "exactCount": True}}, 9, False),
        ({"properties": {"links": [NEXT], "totalResults": 0, "exactCount": False}}, None, True),
        ({"properties": {"links": None}, "context": {"matched": 7}, "numberMatched": 8}, 7, False),
        ({"properties": None, "links": "next", "context": None, "numberMatched": -1}, None, False),
    ],
)
def test_form_of_either_service(top: dict[str, object], total: int | None, *, has_next: bool) -> None:
    page = read_page(json.dumps({"features": [{}], **top}).encode(), 80)
    assert page == Page([{}], total, has_next, is_full=False)


def test_other_json_is_no_page_and_anything_else_trouble_of_the_server() -> None:
    assert [read_page(body, 80) for body in NO_PAGE] == [None] * 4
    for body, words in NO_JSON.items():
        with pytest.raises(ServerTrouble, match=words):
            read_page(body, 80)
