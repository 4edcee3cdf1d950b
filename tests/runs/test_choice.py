"""Whole runs of what is taken, ordered or left out, where both services, the log and the folder meet."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers import STATUS_URL, TILE, Place, l1c, on_terminal, put, tiny
from samples.geodes import RING, feature

from peps_maja.sandbox import NOT_FOUND, Canned, Endpoint, Fault, Sandbox

MARCH = ("-d", "2019-03-01", "-f", "2019-03-31")
SEARCH = ("-t", TILE, *MARCH)
FIRST, ONLY = ("--theia", "first"), ("--theia", "only")
L1C = l1c(1)
NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C"
PIECE = NAME.replace("105426", "105441")
JOB = f"{NAME}_V4-0"
WHEN = "2019-04-02T09:12:44Z"


def listed(*names: str, geometry: object = None) -> list[dict[str, Any]]:
    """Return products as PEPS lists them."""
    return [
        {"id": name, "geometry": geometry, "properties": {"productIdentifier": name, "cloudCover": 5}} for name in names
    ]


@pytest.fixture
def place(place: Place, peps: Sandbox) -> Place:
    """A user's folder with an account, and `peps` for both servers: an L1C at PEPS, an item of it at Theia."""
    peps.catalogue, peps.geodes.items = listed(L1C), [feature(NAME)]
    return Place(place.folder, place.environment | {"GEODES_SERVER": peps.url})


def rows(text: str) -> list[str]:
    """Return the last column of the table."""
    return [line[49:] for line in text.splitlines() if line[:4] == "2019"]


def taken(place: Place) -> list[str]:
    return [job for _, job, _ in place.events("available")] if place.log.exists() else []


def test_what_was_taken_from_theia_is_not_ordered_from_peps(place: Place, peps: Sandbox) -> None:
    address = "URN:FEATURE:DATA:gdh:25416e3f-1a7f-379a-9b65-a6539b1fd95b:V1"  # of both pieces
    peps.geodes.items = [feature(NAME, urn=address), feature(PIECE, urn=address)]
    assert place.process(*SEARCH, *ONLY).status == 0
    assert taken(place) == [JOB, f"{PIECE}_V4-0"]
    run = place.process(*SEARCH)
    assert (run.status, rows(run.out), peps.executed) == (0, ["in log"], [])


@pytest.mark.parametrize("orbit", ["51", 8])
def test_one_orbit_and_an_item_that_does_not_tell_its_own(place: Place, peps: Sandbox, orbit: object) -> None:
    peps.geodes.items = [feature(NAME, sat__relative_orbit=orbit)]
    assert place.process(*SEARCH, *FIRST, "-o", "51").status == 0
    assert (peps.executed, taken(place)) == (([L1C], []) if orbit == 8 else ([], [JOB]))


@pytest.mark.parametrize(
    "where",
    [("--lat", "43.6", "--lon", "1.44"), ("--lonmin", "1", "--latmin", "43", "--lonmax", "2", "--latmax", "44")],
    ids=["point", "box"],
)
def test_place_that_the_catalogue_ignores_is_checked_here(place: Place, peps: Sandbox, where: tuple[str, ...]) -> None:
    far = [[lon - 120, lat] for lon, lat in RING]
    products = [
        *listed(L1C, geometry={"type": "Polygon", "coordinates": [RING]}),
        *listed(l1c(2), geometry={"type": "Polygon", "coordinates": [far]}),
        *listed(l1c(3)),
    ]
    answer = json.dumps({"features": products, "properties": {"totalResults": 3, "exactCount": True}})
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(200, answer)))
    run = place.process(*where, *MARCH)
    assert (run.status, rows(run.out)) == (0, ["submit", "other place", "other place"])
    assert peps.executed == [L1C]


def test_only_a_whole_product_is_on_disk(place: Place, peps: Sandbox) -> None:
    entries = [f"SENTINEL2A_201903{day:02}-105426-459_L2A_T31TCJ_D" for day in range(1, 9)]
    whole = tiny(f"{entries[0]}.zip")
    peps.catalogue = listed(*map(l1c, range(1, 9)))
    (place.folder / f"{entries[0]}.zip").write_bytes(b"P")
    (place.folder / f"{entries[1]}.zip").write_bytes(whole[: len(whole) // 3])
    (place.folder / f"{entries[1]}.zip.aria2").write_bytes(b"")
    (place.folder / entries[2]).mkdir()
    put(place.folder / f"{entries[3]}_NDVI")
    put(place.folder / f".{entries[4]}.zip")
    put(place.folder / entries[5])
    put(place.folder / f"{entries[6]}.8e99b3de.zip")
    put(place.folder / f"{entries[7]}.zip")
    run = place.process(*SEARCH, "-w", ".", "-n")
    assert rows(run.out) == ["submit"] * 5 + ["on disk"] * 3


@pytest.mark.parametrize("moved", [NOT_FOUND, Canned(405), Canned(302, "", {"Location": "/login"})])
def test_search_that_moved_to_the_other_path(place: Place, peps: Sandbox, moved: Canned) -> None:
    peps.faults.add(Fault(Endpoint.GEODES_SEARCH, moved, match="/api/stac/search", times=None))
    run = place.process(*SEARCH, *ONLY)
    asked = [request.path for request in peps.requests]
    assert (run.status, taken(place), asked) == (0, [JOB], ["/api/stac/search", "/api/stac/items"])


def test_missing_account_is_told_before_the_question(place: Place, peps: Sandbox) -> None:
    (place.folder / "peps.txt").unlink()
    peps.catalogue = listed(*map(l1c, range(2, 14)))
    run = place.process(*SEARCH, *FIRST)
    assert (run.status, run.err.count("\n"), taken(place)) == (2, 1, [JOB])
    assert "peps.txt" in run.err
    assert "12 jobs" not in run.err

    large: dict[str, object] = {"description": "File size: 200000000000 bytes"}
    peps.geodes.items = [feature(PIECE.replace("20190301", "20190320"), asset=large)]
    shown = on_terminal(place, b"n\n", *SEARCH, *FIRST).out
    assert shown.index("nothing is submitted") < shown.index("Download about 200")


def test_words_at_the_end(place: Place) -> None:
    out = place.process("-t", TILE, "31TDH", *MARCH).out
    assert "31TDH: nothing was found" in out
    assert f"{TILE}: nothing" not in out
    costs = [line for line in out.splitlines() if "computed" in line]
    assert costs == ["PEPS: 1 job, 8 computed products, 1 to 2 hours"]
    assert " -w " not in out  # the command that follows names a folder only if one was given
    place.log.unlink()
    assert " -w ." in place.process(*SEARCH, "-w", ".").out


def test_dropped_job_is_submitted_again_by_its_name(place: Place, peps: Sandbox) -> None:
    place.write_log((WHEN, "submitted", L1C, STATUS_URL), (WHEN, "cancelled", L1C, "dropped by the user"))
    assert place.process("--product", L1C, "--resubmit", "dropped").status == 0
    assert peps.executed == [L1C]


def test_a_mistyped_orbit_in_the_log_orders_nothing_twice(place: Place, peps: Sandbox) -> None:
    """A job of the same pass under another orbit, noted before, keeps no run from seeing its own order."""
    place.write_log((WHEN, "submitting", l1c(1, orbit=50), ""), (WHEN, "rejected", l1c(1, orbit=50), "x"))
    for more in (("--product", L1C), SEARCH):
        assert place.process(*more).status == 0
    assert peps.executed == [L1C]
