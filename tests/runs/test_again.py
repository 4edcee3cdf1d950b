"""Whole runs of --again: which searches the log notes, and what is repeated of them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from helpers import EMAIL, PASSWORD, TILE, Place
from samples.geodes import feature

from peps_maja.sandbox import Canned, Endpoint, Fault, Sandbox

pytestmark = pytest.mark.slow

MARCH = ("-d", "2019-03-01", "-f", "2019-03-31")
SEARCH = ("-t", TILE, *MARCH)
L1C = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C"
OTHER = "31TDH"
OF_OTHER = L1C.replace(TILE, OTHER)


def listed(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "properties": {"productIdentifier": name, "cloudCover": 5}} for name in names]


@pytest.fixture
def place(nowhere: Place, peps: Sandbox) -> Place:
    """A user's folder with an account, and `peps` for both servers, which have nothing yet."""
    (nowhere.folder / "peps.txt").write_text(f"{EMAIL} {PASSWORD}\n", encoding="utf-8")
    (nowhere.folder / "peps.txt").chmod(0o600)
    peps.catalogue, peps.geodes.items = [], []
    return Place(nowhere.folder, nowhere.environment | {"PEPS_SERVER": peps.url, "GEODES_SERVER": peps.url})


def noted(place: Place) -> list[str]:
    text = place.log.read_text(encoding="utf-8") if place.log.exists() else ""
    return re.findall(r"^# 20\S+Z peps_maja_process\.py (.*)$", text, flags=re.MULTILINE)


def test_each_search_is_noted_once_it_is_known_what_there_is(place: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(200, "<html>"), times=2))
    assert place.process(*SEARCH).status == 75
    place.process(*SEARCH, "-n")
    place.process("--product", L1C, "-n")
    assert noted(place) == []
    searches = [SEARCH, SEARCH, (*SEARCH, "-o", "51"), SEARCH, (*SEARCH, "--resubmit", "failed")]
    assert [place.process(*search).status for search in searches] == [0] * 5
    place.process("--again")
    assert noted(place) == [" ".join(search) for search in searches[1:]]


def test_what_is_taken_is_repeated_and_nothing_else(place: Place, peps: Sandbox) -> None:
    (place.folder / "gone").mkdir()
    assert place.process(*SEARCH, "-w", "gone", "-y", "--json", "kept.json", "-c", "4").status == 0
    (place.folder / "gone").rmdir()
    (place.folder / "kept.json").unlink()
    peps.catalogue = listed(L1C)
    assert "1 too cloudy" in place.process("--again").out
    assert not (place.folder / "kept.json").exists()


def test_of_the_same_places_the_last_one_counts_and_trouble_of_one_stops_none(place: Place, peps: Sandbox) -> None:
    days = ("-d", "2019-01-01", "-f", "2019-01-31")
    for search in [("-t", TILE, OTHER, *days), ("-t", TILE, *days), ("-t", f"T{OTHER}", TILE, *MARCH), SEARCH]:
        assert place.process(*search).status == 0
    peps.catalogue = listed(L1C, OF_OTHER)
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(404), match=f"tileid={OTHER}", times=None))
    run = place.process("--again", "-q")
    assert (run.status, run.err, peps.executed) == (75, "", [L1C])
    assert not [request for request in peps.asked(Endpoint.CATALOGUE)[6:] if "2019-01-01" in str(request.query)]


def test_theia_is_asked_as_noted_and_without_an_end_until_today(place: Place, peps: Sandbox) -> None:
    assert place.process("-t", TILE, "-d", "2019-03-01", "--theia", "only").status == 0
    peps.geodes.items = [feature(NAME)]
    run = place.process("--again")
    assert (run.status, peps.executed) == (0, [])
    assert [job for _, job, _ in place.events("available")] == [f"{NAME}_V4-0"]


@pytest.mark.parametrize(
    "more", [SEARCH, ("--limit", "3"), ("--theia", "first"), ("--product", L1C), ("--page", "p"), ("--drop", L1C)]
)
def test_what_does_not_go_with_again(place: Place, peps: Sandbox, more: tuple[str, ...]) -> None:
    assert place.process("--again", *more).status == 2
    assert peps.requests == []


def test_none_to_repeat_and_one_that_cannot_be_read(place: Place, peps: Sandbox) -> None:
    place.write_log(("# 2026-01-01T00:00:00Z peps_maja_process.py -t 'cut -d 2019-03-01",))
    run = place.process("--again")
    assert (run.status, peps.requests) == (2, [])
    assert "cannot be read" in run.err
    assert "no search to repeat" in run.err
    place.process("-t", TILE, "-d", "2019-03-01", "-f", "2019-05-01", "--series")
    assert place.process("--again").status == 2, "a series is never repeated"
    place.process(*SEARCH)
    peps.catalogue = listed(L1C)
    run = place.process("--again")
    assert (run.status, peps.executed, run.err.count("cannot be read")) == (0, [L1C], 1)


def test_search_that_is_refused_is_2_and_no_account_is_needed_where_nothing_is_ordered(
    place: Place, peps: Sandbox
) -> None:
    (place.folder / "peps.txt").unlink()
    assert place.process(*SEARCH).status == 0
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(400), times=None))
    assert place.process(*SEARCH).status == 2
