"""Whole runs of what is taken, ordered or left out, where both services, the log and the folder meet."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers import EMAIL, PASSWORD, TILE, Place, l1c, on_terminal, put, tiny
from samples.geodes import MD5, feature, page

from peps_maja.sandbox import NOT_FOUND, Canned, Endpoint, Fault, Sandbox

pytestmark = pytest.mark.slow

MARCH = ("-d", "2019-03-01", "-f", "2019-03-31")
SEARCH = ("-t", TILE, *MARCH)
FIRST, ONLY = ("--theia", "first"), ("--theia", "only")
L1C = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
PART = L1C.replace("125917", "131500")
NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C"
PIECE = NAME.replace("105426", "105441")
JOB, OTHER_JOB = f"{NAME}_V4-0", f"{PIECE}_V4-0"
FILE = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"
WHEN = "2019-04-02T09:12:44Z"
URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"
SUBMITTED = (WHEN, "submitted", L1C, URL)
RING = [[0.5, 43.2], [1.8, 43.2], [1.8, 44.2], [0.5, 44.2], [0.5, 43.2]]


def available(job: str, *end: str) -> list[tuple[str, ...]]:
    ends = [(WHEN, event, job, "x") for event in end]
    return [(WHEN, "available", job, f"https://h/{job}.zip 5 {MD5}"), *ends]


def listed(*names: str, geometry: object = None) -> list[dict[str, Any]]:
    """Return products as PEPS lists them."""
    return [
        {"id": name, "geometry": geometry, "properties": {"productIdentifier": name, "cloudCover": 5}} for name in names
    ]


@pytest.fixture
def place(nowhere: Place, peps: Sandbox) -> Place:
    """A user's folder with an account, and `peps` for both servers: an L1C at PEPS, an item of it at Theia."""
    (nowhere.folder / "peps.txt").write_text(f"{EMAIL} {PASSWORD}\n", encoding="utf-8")
    (nowhere.folder / "peps.txt").chmod(0o600)
    peps.catalogue, peps.geodes.items = listed(L1C), [feature(NAME)]
    return Place(nowhere.folder, nowhere.environment | {"PEPS_SERVER": peps.url, "GEODES_SERVER": peps.url})


def rows(text: str) -> list[str]:
    """Return the last column of the table."""
    return [line[49:] for line in text.splitlines() if line[:4] == "2019"]


def taken(place: Place) -> list[str]:
    return [job for _, job, _ in place.events("available")] if place.log.exists() else []


def test_what_was_taken_from_theia_is_not_ordered_from_peps(place: Place, peps: Sandbox) -> None:
    assert place.process(*SEARCH, *ONLY).status == 0
    run = place.process(*SEARCH)
    assert (run.status, rows(run.out), peps.executed) == (0, ["in log"], [])


def test_other_part_of_what_peps_computes_is_ordered_there(place: Place, peps: Sandbox) -> None:
    place.write_log(SUBMITTED)
    peps.catalogue, peps.geodes.items = listed(L1C, PART), [feature(NAME), feature(PIECE)]
    run = place.process(*SEARCH, *FIRST)
    assert (run.status, rows(run.out)) == (0, ["in log", "submit", "in log", "in log"])
    assert (peps.executed, taken(place)) == ([PART], [])


@pytest.mark.parametrize("orbit", [None, ..., "51", 51.5, 8])
def test_one_orbit_and_an_item_that_does_not_tell_its_own(place: Place, peps: Sandbox, orbit: object) -> None:
    peps.geodes.items = [feature(NAME, sat__relative_orbit=orbit)]
    run = place.process(*SEARCH, *FIRST, "-o", "51")
    assert run.status == 0
    assert (peps.executed, taken(place)) == (([L1C], []) if orbit == 8 else ([], [JOB]))


def test_file_of_one_piece_is_not_the_other(place: Place, peps: Sandbox) -> None:
    zipped = (WHEN, "downloaded", OTHER_JOB, f"{OTHER_JOB}.zip")
    place.write_log(*available(JOB, "failed"), *available(OTHER_JOB), zipped, (WHEN, "finished", OTHER_JOB, ""))
    put(place.folder / f"{OTHER_JOB}.zip")
    peps.geodes.items = [feature(NAME), feature(PIECE)]
    run = place.process(*SEARCH, *FIRST, "-w", ".", "-v")
    assert [row.split("  ")[0] for row in rows(run.out)] == ["in log", "from Theia", "in log"]
    assert taken(place)[-1] == JOB


def test_newer_version_of_what_failed_is_taken(place: Place, peps: Sandbox) -> None:
    place.write_log(*available(f"{NAME}_V3-1", "failed"))
    peps.geodes.items = [feature(NAME, "3.1"), feature(NAME)]
    run = place.process(*SEARCH, *FIRST)
    assert sorted(rows(run.out)) == ["from Theia", "older version"]
    assert (peps.executed, taken(place)[-1]) == ([], JOB)


class TestItems:
    def test_day_of_another_than_the_name_says_is_taken_once(self, place: Place, peps: Sandbox) -> None:
        item = feature(NAME, start_datetime="2019-03-02T10:54:26Z")
        peps.geodes.items = [item]
        for _ in range(2):
            assert place.process(*SEARCH, *ONLY).status == 0
        assert taken(place) == [JOB]

    def test_name_with_thousands_of_digits_is_left_out(self, place: Place, peps: Sandbox) -> None:
        answer = page([feature(NAME), feature(f"{NAME}_V{'9' * 5000}")], matched=2)
        peps.faults.add(Fault(Endpoint.GEODES_SEARCH, Canned(200, answer.decode()), times=None))
        run = place.process(*SEARCH, *ONLY)
        assert (run.status, run.err, taken(place)) == (0, "", [JOB])

    def test_name_of_the_zip_tells_the_version(self, place: Place, peps: Sandbox) -> None:
        item = feature(NAME, "00.00")
        (key,) = [key for key in item["assets"] if key.endswith(".zip")]
        item["assets"] = {f"{NAME}_V3-1.zip": item["assets"][key] | {"title": f"{NAME}_V3-1.zip"}}
        peps.geodes.items = [item]
        assert place.process(*SEARCH, *ONLY).status == 0
        assert taken(place) == [f"{NAME}_V3-1"]


@pytest.mark.parametrize(
    "where",
    [("--lat", "43.6", "--lon", "1.44"), ("--lonmin", "1", "--latmin", "43", "--lonmax", "2", "--latmax", "44")],
    ids=["point", "box"],
)
def test_place_that_the_catalogue_ignores_is_checked_here(place: Place, peps: Sandbox, where: tuple[str, ...]) -> None:
    far = [[lon - 120, lat] for lon, lat in RING]
    products = [
        *listed(L1C, geometry={"type": "Polygon", "coordinates": [RING]}),
        *listed(L1C.replace("20190301T1", "20190302T1"), geometry={"type": "Polygon", "coordinates": [far]}),
        *listed(L1C.replace("20190301T1", "20190303T1")),
    ]
    answer = json.dumps({"features": products, "properties": {"totalResults": 3, "exactCount": True}})
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(200, answer), times=None))
    run = place.process(*where, *MARCH)
    assert (run.status, rows(run.out)) == (0, ["submit", "other place", "other place"])
    assert peps.executed == [L1C]


def test_only_a_whole_product_is_on_disk(place: Place, peps: Sandbox) -> None:
    whole = tiny(f"{FILE}.zip")
    days = [f"201903{day:02}" for day in range(1, 9)]
    entries = [FILE.replace("20190301", day) for day in days]
    peps.catalogue = listed(*(L1C.replace("20190301T1", f"{day}T1") for day in days))
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


class TestCatalogues:
    def test_one_twice_and_another_never_is_searched_once_more(self, place: Place, peps: Sandbox) -> None:
        old, new = feature(NAME, "3.1"), feature(NAME)
        fill = [feature(NAME.replace("20190301-105426", f"20190301-1055{second:02}")) for second in range(59)]
        border = [page([*fill[:58], old], matched=61), page([old, fill[58]], matched=61), page([], matched=61)]

        def answer(*pages: bytes) -> None:
            for each in pages:
                peps.faults.add(Fault(Endpoint.GEODES_SEARCH, Canned(200, each.decode())))

        answer(*border, *border)
        run = place.process(*SEARCH, *ONLY)
        assert (run.status, place.log.exists()) == (75, False)
        assert "60 of 61 products" in run.err
        answer(*border, page([*fill, old, new], matched=61))
        run = place.process(*SEARCH, *ONLY, "-v")
        assert run.status == 0
        assert JOB in taken(place)
        assert f"older version  {NAME}_V3-1" in run.out

    def test_no_links_and_no_total_and_a_full_page(self, place: Place, peps: Sandbox) -> None:
        names = [NAME.replace("105426-459", f"105426-{number:03}") for number in range(85)]
        for items in (names[:80], names[80:]):
            answer = page([feature(name) for name in items], has_next=None)
            peps.faults.add(Fault(Endpoint.GEODES_SEARCH, Canned(200, answer.decode())))
        assert "85 products: 85 from Theia" in place.process(*SEARCH, *ONLY, "-n").out

    @pytest.mark.parametrize("moved", [NOT_FOUND, Canned(405), Canned(302, "", {"Location": "/login"})])
    def test_search_that_moved_to_the_other_path(self, place: Place, peps: Sandbox, moved: Canned) -> None:
        peps.faults.add(Fault(Endpoint.GEODES_SEARCH, moved, match="/api/stac/search", times=None))
        peps.faults.add(
            Fault(Endpoint.GEODES_SEARCH, Canned(200, page([feature(NAME)], matched=1).decode()), times=None)
        )
        run = place.process(*SEARCH, *ONLY)
        asked = [request.path for request in peps.requests]
        assert (run.status, taken(place)) == (0, [JOB]), (run, asked)
        assert asked == ["/api/stac/search", "/api/stac/items"]

    def test_endless_next_with_the_same_items(self, place: Place, peps: Sandbox) -> None:
        items = [feature(NAME.replace("105426-459", f"105426-{number:03}")) for number in range(60)]
        answer = Canned(200, page(items, has_next=True).decode())
        peps.faults.add(Fault(Endpoint.GEODES_SEARCH, answer, times=None))
        run = place.process(*SEARCH, *ONLY)
        assert (run.status, len(peps.requests)) == (75, 4)
        assert "60 of an unknown number of products" in run.err

    def test_two_items_with_one_address(self, place: Place, peps: Sandbox) -> None:
        urn = "URN:FEATURE:DATA:gdh:25416e3f-1a7f-379a-9b65-a6539b1fd95b:V1"
        peps.geodes.items = [feature(NAME, urn=urn), feature(PIECE, urn=urn)]
        assert place.process(*SEARCH, *ONLY).status == 0
        assert taken(place) == [JOB, OTHER_JOB]


class TestWords:
    @pytest.mark.parametrize("gone", [NOT_FOUND, Canned(200, "<html>closed</html>"), Canned(502)])
    def test_first_without_peps_hints_at_only(self, place: Place, peps: Sandbox, gone: Canned) -> None:
        peps.faults.add(Fault(Endpoint.CATALOGUE, gone, times=None))
        run = place.process(*SEARCH, *FIRST, PEPS_TIMEOUT="1")
        assert (run.status, run.err.count("--theia only"), place.log.exists()) == (75, 1, False)

    def test_tile_without_anything_is_said_so(self, place: Place) -> None:
        run = place.process("-t", TILE, "31TDH", *MARCH, "-n")
        assert "31TDH: nothing was found" in run.out
        assert f"{TILE}: nothing" not in run.out

    def test_missing_account_is_told_before_the_question(self, place: Place, peps: Sandbox) -> None:
        (place.folder / "peps.txt").unlink()
        peps.catalogue = listed(*(L1C.replace("20190301T1", f"201903{day:02}T1") for day in range(2, 14)))
        run = place.process(*SEARCH, *FIRST)
        assert (run.status, run.err.count("\n"), taken(place)) == (2, 1, [JOB])
        assert "peps.txt" in run.err
        assert "12 jobs" not in run.err

        large: dict[str, object] = {"description": "File size: 200000000000 bytes"}
        peps.geodes.items = [feature(PIECE.replace("20190301", "20190320"), asset=large)]
        shown = on_terminal(place, b"n\n", *SEARCH, *FIRST).out
        assert shown.index("nothing is submitted") < shown.index("Download about 200")

    def test_command_that_follows_names_a_folder_only_if_one_was_given(self, place: Place) -> None:
        assert " -w " not in place.process(*SEARCH).out
        place.log.unlink()
        assert " -w ." in place.process(*SEARCH, "-w", ".").out

    def test_cost_is_one_line(self, place: Place) -> None:
        out = place.process(*SEARCH, "-n").out
        assert [line for line in out.splitlines() if "computed" in line] == [
            "PEPS: 1 job, 8 computed products, 1 to 2 hours"
        ]


def test_dropped_job_is_submitted_again_by_its_name(place: Place, peps: Sandbox) -> None:
    place.write_log(SUBMITTED, (WHEN, "cancelled", L1C, "dropped by the user"))
    assert place.process(*SEARCH, "--resubmit", "dropped").status == 2
    assert rows(place.process(*SEARCH, "--resubmit", "cancelled").out) == ["in log"]
    assert place.process("--product", L1C, "--resubmit", "dropped").status == 0
    assert peps.executed == [L1C]


def test_a_mistyped_orbit_in_the_log_orders_nothing_twice(place: Place, peps: Sandbox) -> None:
    """A job of the same pass under another orbit, noted before, keeps no run from seeing its own order."""
    right, mistyped = l1c(1), l1c(1, orbit=50)
    place.write_log(
        ("2019-04-02T09:12:44Z", "submitting", mistyped, ""), ("2019-04-02T09:12:45Z", "rejected", mistyped, "x")
    )
    peps.catalogue = listed(right)
    account = {"PEPS_USER": EMAIL, "PEPS_PASSWORD": PASSWORD}
    for more in (("--product", right), ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-01")) * 2:
        assert place.process(*more, **account).status == 0
    assert peps.executed == [right]
