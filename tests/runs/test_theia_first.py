"""Whole runs of peps_maja_process.py with --theia: what is taken from Theia, what is left for PEPS, and what fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
from helpers import EMAIL, PASSWORD, TILE, Place, in_one_line, on_terminal
from samples.geodes import MD5, RING, feature

from peps_maja.sandbox import HTML_FORBIDDEN, HTML_PAGE, Canned, Cut, Endpoint, Fault, Sandbox
from peps_maja.sandbox.faults import Answer

SEARCH = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-31")
DAY = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-01")
ONLY, FIRST = ("--theia", "only"), ("--theia", "first")
NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C"
PIECE = "SENTINEL2A_20190301-105441-459_L2A_T31TCJ_C"
OLD = "SENTINEL2A_20190301-105420-000_L2A_T31TCJ_D"
JOB = f"{NAME}_V4-0"
L1C = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
OTHER = "S2B_MSIL1C_20190306T105029_N0207_R051_T31TCJ_20190306T134347"
OTHER_AT_THEIA = "SENTINEL2B_20190306-105426-459_L2A_T31TCJ_C"
STATUS_URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"
OF_PEPS = (Endpoint.CATALOGUE, Endpoint.CAPABILITIES, Endpoint.EXECUTE)


@pytest.fixture
def place(nowhere: Place, peps: Sandbox) -> Place:
    """A user's folder without credentials, and `peps` for both servers: one item at Theia, and two L1C at PEPS."""
    peps.catalogue = [{"properties": {"productIdentifier": name, "cloudCover": 5}} for name in (L1C, OTHER)]
    peps.geodes.items = [feature(NAME)]
    return Place(nowhere.folder, nowhere.environment | {"PEPS_SERVER": peps.url, "GEODES_SERVER": peps.url})


def with_account(place: Place, password: str = PASSWORD) -> None:
    (place.folder / "peps.txt").write_text(f"{EMAIL} {password}\n", encoding="utf-8")
    (place.folder / "peps.txt").chmod(0o600)


def detail(item: dict[str, Any]) -> str:
    asset = next(asset for asset in item["assets"].values() if asset["roles"] == ["data"])
    return f"{asset['href']} 776548205 {MD5} 51 12.5"


def taken(place: Place) -> list[str]:
    return [job for _, job, _ in place.events("available")] if place.log.exists() else []


def rows(text: str) -> list[str]:
    """Return the last column of the table."""
    return [line[49:] for line in text.splitlines() if line[:4] in {"2019", "2025"}]


def test_only_takes_what_theia_has_and_asks_peps_nothing(place: Place, peps: Sandbox) -> None:
    run = place.process(*DAY, *ONLY)
    assert (run.status, run.err) == (0, "")
    assert place.events() == [("available", JOB, detail(feature(NAME)))]
    assert "peps_maja_process.py -t 31TCJ -d 2019-03-01 -f 2019-03-01 --theia only" in place.log.read_text()
    assert "1 product: 1 from Theia; 777 MB to download from Theia" in run.out
    assert f"{JOB}: from Theia" in run.out
    assert "peps_maja_downloader.py -a peps.txt -l peps_maja.log " in run.out
    assert "to submit" not in run.out
    assert peps.asked(*OF_PEPS) == []
    assert len(peps.requests) == 1
    again = place.process(*DAY, *ONLY)
    assert rows(again.out) == ["in log"]
    assert taken(place) == [JOB]


def test_first_takes_what_theia_has_and_submits_the_rest(place: Place, peps: Sandbox) -> None:
    with_account(place)
    run = place.process(*SEARCH, *FIRST)
    assert run.status == 0
    events = [(event, job) for event, job, _ in place.events()]
    assert events == [("available", JOB), ("submitting", OTHER), ("submitted", OTHER)]
    assert peps.executed == [OTHER]
    assert "3 products: 1 to submit, 1 at Theia, 1 from Theia; 777 MB to download from Theia" in run.out
    assert rows(run.out) == ["from Theia", "submit"]
    assert rows(place.process(*SEARCH, *FIRST, "-n", "-v").out) == [
        f"in log  {L1C}",
        f"in log  {JOB}",
        f"in log  {OTHER}",
    ]


@pytest.mark.parametrize("password", [None, "wrong"])
def test_theia_is_logged_before_peps_is_asked_with_an_account(place: Place, peps: Sandbox, password: str) -> None:
    if password:
        with_account(place, password)
    run = place.process(*SEARCH, *FIRST)
    assert run.status == 2
    assert "peps.txt" in run.err
    assert [event for event, _, _ in place.events()] == ["available"]
    assert peps.executed == []
    assert run.out.splitlines()[-1].startswith("Follow the jobs:")


def test_no_account_is_needed_for_a_look_or_where_theia_has_all(place: Place, peps: Sandbox) -> None:
    for way in (ONLY, FIRST):
        assert place.process(*SEARCH, *way, "-n").status == 0
    assert list(place.folder.iterdir()) == []
    assert place.process(*DAY, *FIRST).status == 0
    assert (taken(place), peps.asked(Endpoint.CAPABILITIES)) == ([JOB], [])


@pytest.mark.parametrize(
    ("way", "endpoint", "answer", "status", "says"),
    [
        (ONLY, Endpoint.GEODES_SEARCH, HTML_PAGE, 75, "try again later"),
        (FIRST, Endpoint.GEODES_SEARCH, Cut(30), 75, ""),
        (FIRST, Endpoint.GEODES_SEARCH, Canned(200, '{"features": [], "context": {"matched": 7}}'), 75, "0 of 7"),
        (FIRST, Endpoint.GEODES_SEARCH, Canned(200, '{"features": [], "context": {"matched": 10001}}'), 2, "10000"),
        (
            ONLY,
            Endpoint.GEODES_SEARCH,
            Canned(400, '{"message": "Unknown field"}'),
            2,
            "(400: Unknown field): is --geodes",
        ),
        (ONLY, Endpoint.GEODES_SEARCH, HTML_FORBIDDEN, 75, "try again later"),
        (ONLY, Endpoint.GEODES_SEARCH, Canned(413), 75, "413"),
        (FIRST, Endpoint.CATALOGUE, HTML_PAGE, 75, ""),
    ],
    ids=["HTML", "cut", "broken off", "more than 10,000", "400", "403 in HTML", "413", "maintenance at PEPS"],
)
def test_search_that_fails_logs_and_submits_nothing(
    place: Place, peps: Sandbox, way: tuple[str, str], endpoint: Endpoint, answer: Answer, *, status: int, says: str
) -> None:
    with_account(place)
    peps.faults.add(Fault(endpoint, answer, times=None))
    in_one_line(place.process(*SEARCH, *way), status, says)
    assert (place.log.exists(), peps.executed) == (False, [])


def test_servers_out_of_reach(place: Place, peps: Sandbox) -> None:
    in_one_line(place.process(*SEARCH, *FIRST, "--geodes", "http://127.0.0.1:9"), 75)
    closed = place.process(*SEARCH, "-n", PEPS_SERVER="", HTTPS_PROXY="http://127.0.0.1:9")
    in_one_line(closed, 75, "PEPS has closed (March 2026): --theia only")
    assert (place.log.exists(), peps.executed) == (False, [])


def test_items_of_any_form_are_checked_on_our_side(place: Place, peps: Sandbox) -> None:
    strange = [
        feature(NAME.replace("31TCJ", "31TDH")),
        feature(NAME.replace("20190301", "20190228")),
        feature("SENTINEL2X_20190301-000000-000_L3A_T31TCJ_C", grid__code=TILE),
        feature(OTHER_AT_THEIA, sat__relative_orbit=None),
        *({}, None, 7, {"properties": None}, {"properties": {"identifier": 3}, "assets": []}),
    ]
    answer = {"type": "FeatureCollection", "features": [feature(NAME), *strange]}
    peps.faults.add(Fault(Endpoint.GEODES_SEARCH, Canned(200, json.dumps(answer)), times=None))
    run = place.process(*SEARCH, *ONLY, "-o", "51", "-n")
    assert sorted(rows(run.out)) == ["from Theia", "orbit not known", "other date", "other tile"]


def test_limit_holds_over_both_kinds_oldest_first(place: Place, peps: Sandbox) -> None:
    with_account(place)
    peps.geodes.items = [feature(OTHER_AT_THEIA)]
    assert place.process(*SEARCH, *FIRST, "--limit", "1").status == 0
    assert (peps.executed, taken(place)) == ([L1C], [])
    assert place.process(*SEARCH, *FIRST, "--limit", "1").status == 0
    assert (peps.executed, taken(place)) == ([L1C], [f"{OTHER_AT_THEIA}_V4-0"])


WHEN = "2019-04-02T09:12:44Z"
AVAILABLE = (WHEN, "available", JOB, f"https://geodes-portal.cnes.fr/a.zip 5 {MD5}")


def test_failed_theia_job_is_taken_again_with_only(place: Place) -> None:
    place.write_log(AVAILABLE, (WHEN, "failed", JOB, "no"))
    assert place.process(*DAY, *ONLY).status == 0
    assert taken(place) == [JOB, JOB]


def test_resubmit_alone_leaves_theias_jobs_out_and_says_so(place: Place, peps: Sandbox) -> None:
    with_account(place)
    place.write_log(
        AVAILABLE, (WHEN, "failed", JOB, "no"), (WHEN, "submitted", L1C, STATUS_URL), (WHEN, "failed", L1C, "no")
    )
    run = place.process("--resubmit", "failed")
    assert run.status == 0
    assert "1 job of Theia left out" in run.err
    assert peps.executed == [L1C]


class TestQuestion:
    @pytest.mark.parametrize(("number", "size", "asks"), [(99, None, False), (2, 50_000_000_000, True)])
    def test_only_asks_from_100_gb_on(
        self, place: Place, peps: Sandbox, number: int, size: int | None, *, asks: bool
    ) -> None:
        described = "File size: unknown" if size is None else f"File size: {size} bytes"
        names = [f"SENTINEL2A_20190301-1054{second:02}-{ms}_L2A_T31TCJ_C" for second in range(60) for ms in (100, 200)]
        peps.geodes.items = [feature(name, asset={"description": described}, urn=name) for name in names[:number]]
        run = place.process(*DAY, *ONLY)
        assert (run.status, "Download about" in run.err, len(taken(place))) == (2 * asks, asks, number * (not asks))
        assert place.process(*DAY, *ONLY, "-y").status == 0
        assert len(taken(place)) == number

    def test_first_asks_from_10_orders_on_or_100_gb(self, place: Place, peps: Sandbox) -> None:
        with_account(place)
        names = [L1C.replace("20190301T1", f"201903{day:02}T1") for day in range(2, 12)]
        peps.catalogue = [{"properties": {"productIdentifier": name}} for name in names]
        run = place.process(*SEARCH, *FIRST)
        assert run.status == 2
        assert "Submit 10 jobs and download about 777 MB from Theia?" in run.err
        assert (taken(place), peps.executed) == ([], [])


class TestNamedProducts:
    def test_their_very_name_counts(self, place: Place, peps: Sandbox) -> None:
        peps.geodes.items = [feature(NAME, "3.1"), feature(NAME), feature(PIECE)]
        place.write_log((WHEN, "submitted", L1C, STATUS_URL), AVAILABLE)
        run = place.process("--product", f"{NAME}_V3-1.zip", JOB, *ONLY)
        assert (run.status, rows(run.out)) == (0, ["from Theia", "in log"])
        assert taken(place) == [JOB, f"{NAME}_V3-1"]

    def test_one_that_theia_does_not_have(self, place: Place) -> None:
        run = place.process("--product", f"{NAME}_V9-9", NAME, *ONLY)
        assert run.status == 1
        assert f"{NAME}_V9-9: Theia has no product of this name" in run.err
        assert taken(place) == [JOB]

    def test_first_looks_for_the_l1c_that_are_named(self, place: Place, peps: Sandbox) -> None:
        with_account(place)
        peps.geodes.items = [feature(NAME), feature(OTHER_AT_THEIA)]
        assert place.process("--product", L1C, *FIRST).status == 0
        assert (taken(place), peps.executed) == ([JOB], [])


class TestPlaces:
    @pytest.mark.parametrize(("lon", "expected"), [("1.44", ["from Theia"]), ("5", [])], ids=str)
    def test_point_is_checked_against_the_geometry(
        self, place: Place, peps: Sandbox, lon: str, expected: list[str]
    ) -> None:
        west, east = min(x for x, _ in RING), max(x for x, _ in RING)
        peps.geodes.items = [feature(NAME, bbox=[west, 43.15, east, 44.14])]
        run = place.process("--lat", "44.1", "--lon", lon, *SEARCH[2:], *ONLY)
        assert (run.status, rows(run.out)) == (0, expected)
        assert "bbox" in json.loads(peps.requests[0].body)

    def test_with_first_theia_is_asked_for_what_the_catalogue_gave(self, place: Place, peps: Sandbox) -> None:
        with_account(place)
        peps.geodes.items = [feature(NAME), feature(NAME.replace("20190301", "20190303"))]
        assert place.process("--location", "Toulouse", *SEARCH[2:], *FIRST).status == 0
        assert (taken(place), peps.executed) == ([JOB], [OTHER])
        (search,) = peps.asked(Endpoint.GEODES_SEARCH)
        assert json.loads(search.body)["query"]["grid:code"] == {"contains": TILE}

    def test_tile_beyond_60_is_no_error_with_only(self, place: Place) -> None:
        search = ("-t", "33XWG", "-d", "2019-03-01", "-f", "2019-03-01")
        assert place.process(*search, *ONLY).status == 0
        assert place.process(*search, *FIRST).status == 2


def test_what_the_log_cannot_hold_is_not_taken_at_every_run(place: Place, peps: Sandbox) -> None:
    peps.geodes.items = [
        feature(NAME, asset={"description": None, "file:size": 1e300}),
        feature(PIECE, asset={"href": "https://x/" + "y" * 30_000}),
    ]
    for _ in range(2):
        assert place.process(*DAY, *ONLY).status == 0
        assert taken(place) == [JOB]


def test_json_keeps_the_answer_of_peps_or_with_only_that_of_geodes(place: Place, peps: Sandbox) -> None:
    for way, identifiers in ((FIRST, [L1C, OTHER]), (ONLY, [NAME])):
        assert place.process(*SEARCH, *way, "-n", "--json", "answer.json").status == 0
        features = json.loads((place.folder / "answer.json").read_text())["features"]
        names = [one["properties"].get("productIdentifier") or one["properties"]["identifier"] for one in features]
        assert sorted(names) == identifiers
    assert peps.executed == []


def test_what_the_log_gained_during_the_question_is_not_taken_again(place: Place, peps: Sandbox) -> None:
    peps.geodes.items = [feature(NAME, asset={"description": "File size: 200000000000 bytes"})]

    def add() -> None:
        with place.log.open("a") as log:
            log.write("\t".join(AVAILABLE) + "\n")

    run = on_terminal(place, b"y\n", *DAY, *ONLY, meanwhile=add)
    assert run.status == 0
    assert taken(place) == [JOB]
