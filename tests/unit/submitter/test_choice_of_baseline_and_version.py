"""The choice: what is done with each product of the catalogues, whatever log and folder have of its acquisition."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.features import FIRST, L2A, OLD, OTHER, feature, record_of

from peps_maja.joblog.jobs import Jobs
from peps_maja.parsing import process_options
from peps_maja.products.names import L2AProduct, named_product
from peps_maja.products.records import L2ARecord, Record
from peps_maja.submitter.choice_of_baseline_and_version import source_of
from peps_maja.submitter.proposal import Proposal, propose
from peps_maja.submitter.table import summary

SECOND_PART = "S2A_MSIL1C_20190301T105021_N0206_R051_T31TCJ_20190301T131500"
NEWER = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20200101T000000"
NEWEST = "S2A_MSIL1C_20190301T105021_N0500_R051_T31TCJ_20230101T000000"
NEWEST_PART = "S2A_MSIL1C_20190301T105021_N0500_R051_T31TCJ_20230101T010000"
LATER = "S2B_MSIL1C_20190306T105029_N0207_R051_T31TCJ_20190306T134347"
LATEST = "S2A_MSIL1C_20190331T104021_N0207_R008_T31TCJ_20190331T124535"
NORTHERN = "S2A_MSIL1C_20190302T105021_N0207_R051_T33WXP_20190302T125917"
ON_THE_LINE = FIRST.replace("31TCJ", "32VNM")

ITEM = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C_V4-0"
PIECE = ITEM.replace("105426", "105441")
V3 = "SENTINEL2A_20190301-105420-000_L2A_T31TCJ_C_V3-1"  # reprocessing changed its time
V10 = ITEM.replace("V4-0", "V10-0")
SERIES = "31TCJ_2019-01-01_2019-12-31"
FILE = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"
URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de.xml"
# What the log says of a job in this state, by its name.
STATES = {
    "open": ("submitted\t{}\t" + URL,),
    "finished": ("submitted\t{}\t" + URL, "finished\t{}\t"),
    "dropped": ("submitted\t{}\t" + URL, "cancelled\t{}\tdropped by the user"),
    "unsure": ("submitting\t{}\t",),
    "failed": ("submitted\t{}\t" + URL, "failed\t{}\tx"),
    "rejected": ("submitting\t{}\t", "rejected\t{}\tx"),
    "cancelled": ("submitted\t{}\t" + URL, "cancelled\t{}\tx"),
    "postponed": ("submitting\t{}\t", "postponed\t{}\tx"),
}
LIVE, ENDED = ("open", "finished", "dropped", "unsure"), ("failed", "rejected", "cancelled")
OF_THEIA = {
    state: tuple(line.replace("submitted\t{}\t" + URL, "available\t{}\thttps://h/a.zip - -") for line in lines)
    for state, lines in STATES.items()
    if state in {"open", "finished", "dropped", "failed", "cancelled"}
}
SEARCH = ("-t", "31TCJ", "32VNM", "-d", "2015-01-01", "-f", "2026-01-01")


def records_of(*names: str) -> list[Record]:
    """Return records of products of either service, of which nothing but the names is known."""
    found: list[Record] = []
    for name in names:
        item = None if "MSI" in name else L2AProduct.find(name)
        if item:
            found.append(L2ARecord.of(item, address="https://h/a.zip", orbit=51, size=10**9))
        else:
            found.append(record_of({"properties": {"productIdentifier": name}}))
    return found


def log_of(lines: Iterable[str]) -> Jobs:
    return Jobs.replay("\n".join(["# peps_maja job log 1", *(f"2019-04-02T09:12:44Z\t{line}" for line in lines), ""]))


def in_state(name: str, state: str) -> list[str]:
    """Return the lines of a log for a job in this state."""
    return [line.format(name) for line in (STATES if source_of(name).value == "peps" else OF_THEIA)[state]]


def finished(*names: str) -> Jobs:
    return log_of(line for name in names for line in in_state(name, "finished"))


def proposal(records: Sequence[Record], jobs: Jobs | None = None, *more: str, files: Iterable[str] = ()) -> Proposal:
    on_disk = {name: found for name in files if (found := L2AProduct.find(name))}
    options = process_options(more if "--product" in more else (*SEARCH, *more))
    return propose(records, jobs or log_of(()), on_disk, options)


def actions(
    records: Sequence[Record], jobs: Jobs | None = None, *more: str, files: Iterable[str] = ()
) -> dict[str, str]:
    choices = proposal(records, jobs, *more, files=files).choices
    return {choice.record.identifier: choice.action for choice in choices}


# -- the list, with every state of a job ------------------------------------------------------------------------------
BOTH = (FIRST, SECOND_PART, ITEM, PIECE)
AT, FROM, IN = "at Theia", "from Theia", "in log"
# By the job of the log, its states and --theia: what is done with both parts of the L1C and both pieces at Theia.
TABLE: list[tuple[str, Sequence[str], str, list[str]]] = [
    (FIRST, ["postponed"], "", ["submit", "submit"]),
    (FIRST, ["postponed"], "first", [AT, AT, FROM, FROM]),
    (FIRST, ["postponed"], "only", [FROM, FROM]),
    (FIRST, LIVE, "", [IN, "submit"]),
    (FIRST, LIVE, "first", [IN, "submit", IN, IN]),
    (FIRST, LIVE, "only", [IN, IN]),
    (FIRST, ENDED, "", [IN, "submit"]),
    (FIRST, ENDED, "first", [AT, AT, FROM, FROM]),
    (FIRST, ENDED, "only", [FROM, FROM]),
    (ITEM, LIVE, "", [IN, IN]),
    (ITEM, LIVE, "first", [IN, IN, IN, FROM]),
    (ITEM, LIVE, "only", [IN, FROM]),
    (ITEM, ENDED, "", ["submit", "submit"]),
    (ITEM, ENDED, "first", [AT, AT, FROM, FROM]),
    (ITEM, ENDED, "only", [FROM, FROM]),
    (V3, LIVE, "", [IN, IN]),
    (V3, LIVE, "first", [IN, IN, "in log (V3-1)", "in log (V3-1)"]),
    (V3, LIVE, "only", ["in log (V3-1)", "in log (V3-1)"]),
    (V3, ENDED, "first", [AT, AT, FROM, FROM]),
    (NEWER, LIVE, "", ["in log (N0207)", "in log (N0207)"]),
    (NEWER, LIVE, "first", ["in log (N0207)", "in log (N0207)", IN, IN]),
    (NEWER, ENDED, "", ["submit", "submit"]),
    (SERIES, ["open", "unsure"], "", ["in log (series)", "in log (series)"]),
    (SERIES, ["open", "unsure"], "first", ["in log (series)"] * 4),
    (SERIES, ["open", "unsure"], "only", ["in log (series)"] * 2),
    (SERIES, ["finished", "dropped", *ENDED], "", ["submit", "submit"]),
    (SERIES, ["finished", "dropped", *ENDED], "only", [FROM, FROM]),
]
CASES = [
    (name, state, theia, expected)
    for name, states, theia, expected in TABLE
    for state in states
    if state in OF_THEIA or source_of(name).value == "peps"
]


@pytest.mark.parametrize(("name", "state", "theia", "expected"), CASES, ids=lambda value: str(value)[:40])
def test_every_state_of_a_job(name: str, state: str, theia: str, expected: list[str]) -> None:
    listed = {"": BOTH[:2], "first": BOTH, "only": BOTH[2:]}[theia]
    more = ("--theia", theia) if theia else ()
    done = actions(records_of(*listed), log_of(in_state(name, state)), *more)
    assert [done[each] for each in listed] == expected


def test_a_failed_item_is_left_to_peps_with_first_if_nothing_else_is_there() -> None:
    jobs = log_of([*in_state(ITEM, "failed"), *in_state(PIECE, "failed")])
    done = actions(records_of(*BOTH), jobs, "--theia", "first")
    assert [done[each] for each in BOTH] == ["submit", "submit", "failed", "failed"]
    # A newer version counts for more, and without any L1C it is tried again.
    done = actions(records_of(FIRST, ITEM, V10), jobs, "--theia", "first")
    assert [done[each] for each in (FIRST, ITEM, V10)] == [AT, "older version", FROM]
    assert actions(records_of(ITEM), jobs, "--theia", "first") == {ITEM: FROM}


@pytest.mark.parametrize(
    ("end", "delivered"), list(product(["open", "finished", "dropped", "failed"], ["downloaded", "novald"]))
)
def test_what_a_series_delivered_is_in_the_log_however_it_ended(end: str, delivered: str) -> None:
    lines = in_state(SERIES, end)
    jobs = log_of([lines[0], f"{delivered}\t{SERIES}\t{FILE}.zip", *lines[1:]])
    assert set(actions(records_of(*BOTH), jobs, "--theia", "first").values()) == {"in log (series)"}


def test_jobs_of_both_services_each_keep_their_own() -> None:
    jobs = log_of([*in_state(FIRST, "open"), *in_state(ITEM, "open")])
    assert set(actions(records_of(*BOTH), jobs, "--theia", "first").values()) == {IN}


MIXED = (FIRST, SECOND_PART, NEWER, ITEM, PIECE, V3)
FILES: list[tuple[str, ...]] = [(), (FILE,), (ITEM,), (V3, FILE)]
WAYS: list[tuple[str, ...]] = [(), ("--theia", "first"), ("--theia", "only"), ("--limit", "1"), ("-c", "50")]


@pytest.mark.parametrize("name", [FIRST, NEWER, ITEM, V3, SERIES])
@pytest.mark.parametrize("way", WAYS, ids=" ".join)
def test_nothing_is_taken_twice_nothing_left_out_and_the_numbers_add_up(name: str, way: tuple[str, ...]) -> None:
    states = STATES if source_of(name).value == "peps" else OF_THEIA
    listed = [each for each in MIXED if way[:1] == ("--theia",) or each[:3] == "S2A"]
    listed = [each for each in listed if way != ("--theia", "only") or each[:3] != "S2A"]
    for state, files in product(states, FILES):
        lines = in_state(name, state)
        first = proposal(records_of(*listed), log_of(lines), *way, files=files)
        acted = [choice.job for choice in first.choices if choice.is_submitted or choice.is_taken]
        assert [order.job for order in first.orders] + [record.identifier for record in first.taken] == acted
        live = [name] if state in LIVE and name != SERIES else []
        kept = {(source_of(job), found.version) for job in [*live, *acted] if (found := named_product(job))}
        assert len(kept) <= 1, "one acquisition, one source, one version"
        if not live and not files and not (name == SERIES and state in {"open", "unsure"}):
            assert acted or name in listed, "nobody will make it"
        line = summary(first.choices)
        numbers = [int(number) for number in re.findall(r"(\d+) (?!product)", line.partition(";")[0])]
        assert line.startswith(f"{len(listed)} products: ")
        assert sum(numbers) == len(first.choices) == len(listed)
        # What was taken is in the log of the next run, which comes to an end.
        lines += [line for job in acted for line in in_state(job, "open")]
        after = proposal(records_of(*listed), log_of(lines), *way, files=files)
        again = {order.job for order in after.orders} | {record.identifier for record in after.taken}
        assert not again & set(acted)
        assert not again or files or "--limit" in way


# -- versions ---------------------------------------------------------------------------------------------------------
DROPPED, FAILED = "cancelled\t{}\tdropped by the user", "failed\t{}\tx"
CHOICES: dict[str, tuple[list[str], dict[str, str], dict[str, str]]] = {
    # what the catalogue has, what the log has, what is done
    "the newest of three baselines": (
        [NEWER, NEWEST, FIRST],
        {},
        {FIRST: "older baseline", NEWER: "older baseline", NEWEST: "submit"},
    ),
    "both parts of the newest baseline": (
        [FIRST, SECOND_PART, NEWEST, NEWEST_PART],
        {},
        {FIRST: "older baseline", SECOND_PART: "older baseline", NEWEST: "submit", NEWEST_PART: "submit"},
    ),
    "reprocessed since": ([FIRST, NEWEST], {FIRST: ""}, {FIRST: "in log", NEWEST: "in log (N0206)"}),
    "one part of the newest in log": (
        [FIRST, NEWEST, NEWEST_PART],
        {NEWEST: ""},
        {FIRST: "in log (N0500)", NEWEST: "in log", NEWEST_PART: "submit"},
    ),
    "two in log, another one listed": ([NEWER], {FIRST: "", NEWEST: ""}, {NEWER: "in log (N0500)"}),
    "old format": ([OLD, FIRST], {}, {OLD: "old format", FIRST: "submit"}),
    "L2A of ESA": ([L2A], {}, {L2A: "not L1C"}),
    "one failed, one finished": ([NEWER], {FIRST: FAILED, NEWEST: ""}, {NEWER: "in log (N0500)"}),
    "a newer one failed, and is no longer listed": ([FIRST], {NEWER: FAILED}, {FIRST: "submit"}),
    "a newer one failed": ([FIRST, NEWER], {NEWER: FAILED}, {FIRST: "older baseline", NEWER: "in log"}),
    "something else in log": ([FIRST], {"FULL_MAJA 31TCJ": "", OLD: "", LATER: ""}, {FIRST: "submit"}),
}


@pytest.mark.parametrize(("listed", "logged", "done"), CHOICES.values(), ids=CHOICES)
def test_baselines_and_parts(listed: list[str], logged: dict[str, str], done: dict[str, str]) -> None:
    jobs = log_of((end or "finished\t{}\t").format(name) for name, end in logged.items())
    for order in list(permutations(listed))[:6]:
        assert actions(records_of(*order), jobs) == done


def test_versions_and_pieces_of_theia() -> None:
    bare = ITEM.removesuffix("_V4-0")
    older = dict.fromkeys((V3, bare), "older version")
    assert actions(records_of(ITEM, PIECE, V3, bare), None, "--theia", "only") == {ITEM: FROM, PIECE: FROM} | older
    done = actions(records_of(ITEM, PIECE, V3, V10), None, "--theia", "only")
    assert [name for name, action in done.items() if action == FROM] == [V10]


def test_of_one_name_the_item_processed_last_is_taken_and_both_are_shown() -> None:
    (item,) = records_of(ITEM)
    records = [replace(item, processed=f"2025-07-0{day}") for day in (1, 3, 2)]
    choices = proposal(records, None, "--theia", "only").choices
    assert [choice.record for choice in choices if choice.is_taken] == [records[1]]
    assert Counter(choice.action for choice in choices) == {"older version": 2, FROM: 1}


def test_midnight_and_two_orbits_of_one_day() -> None:
    late = ITEM.replace("20190301-105426", "20190302-001000")
    before, after = (FIRST.replace("20190301T105021", begun) for begun in ("20190301T235500", "20190302T000100"))
    for l1c in (before, after):
        assert actions(records_of(late), finished(l1c), "--theia", "only") == {late: "in log"}
    assert actions(records_of(late), None, "--theia", "only", "-f", "2019-03-01") == {late: FROM}
    assert actions(records_of(late), finished(after), "--theia", "only", "-f", "2019-03-01") == {late: "other date"}
    other_orbit = FIRST.replace("T105021", "T091021").replace("R051", "R008")
    assert actions(records_of(other_orbit, FIRST), finished(FIRST)) == {other_orbit: "submit", FIRST: IN}


# -- files ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "lines", "expected"),
    [
        ([], [], [FROM, FROM]),
        ([ITEM], [], ["on disk", FROM]),
        ([PIECE], [], [FROM, "on disk"]),
        ([FILE], [], ["on disk", FROM]),  # whatever its version or source, one file is one piece
        ([FILE, V3], [], ["on disk", "on disk"]),
        ([FILE.replace("2A_", "2B_", 1)], [], [FROM, FROM]),
        ([PIECE], [*in_state(PIECE, "open"), f"downloaded\t{PIECE}\t{PIECE}.zip"], [FROM, IN]),
        ([PIECE], in_state(PIECE, "open"), [FROM, IN]),  # a job that downloaded nothing accounts for one file
        ([FILE], in_state(PIECE, "open"), [FROM, IN]),
        ([FILE, V3], in_state(PIECE, "open"), ["on disk", IN]),
        ([PIECE], in_state(ITEM, "failed"), [FROM, "on disk"]),
    ],
)
def test_one_file_for_one_part(files: list[str], lines: list[str], expected: list[str]) -> None:
    done = actions(records_of(ITEM, PIECE), log_of(lines), "--theia", "only", files=files)
    assert [done[ITEM], done[PIECE]] == expected


# -- what is asked for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "options", "expected"),
    [
        ((FIRST, OTHER), ("-o", "51"), ["submit", "other orbit"]),
        ((FIRST, OTHER), ("--sat", "S2B"), ["other satellite", "submit"]),
        ((FIRST, FIRST.replace("31TCJ", "31TCH")), (), ["submit", "other tile"]),
        ((FIRST, LATER), ("-d", "2019-03-02", "-f", "2019-03-06"), ["other date", "submit"]),
        ((FIRST, LATER, LATEST), ("--limit", "2"), ["submit", "submit", "beyond --limit"]),
        ((ITEM, FIRST), ("--theia", "first", "-o", "8"), ["other orbit", "other orbit"]),
    ],
)
def test_what_was_not_asked_for_is_out(names: tuple[str, ...], options: tuple[str, ...], expected: list[str]) -> None:
    done = actions(records_of(*names), None, *options)
    assert [done[name] for name in names] == expected


def test_an_item_without_an_orbit_has_that_of_its_l1c() -> None:
    (item,) = records_of(ITEM)
    unknown = replace(item, orbit=None)
    assert actions([unknown, *records_of(FIRST)], None, "--theia", "first", "-o", "51") == {ITEM: FROM, FIRST: AT}
    assert actions([unknown], finished(FIRST.replace("0301", "0302")), "--theia", "only", "-o", "51") == {
        ITEM: "orbit not known"
    }


def test_clouds_are_those_of_the_source() -> None:
    item, l1c = replace(records_of(ITEM)[0], clouds=60.0), replace(records_of(FIRST)[0], clouds=40.0)
    assert actions([item, l1c], None, "--theia", "first", "-c", "50") == {ITEM: "too cloudy", FIRST: AT}
    assert actions([replace(item, clouds=None)], None, "--theia", "only", "-c", "0") == {ITEM: FROM}
    older = [replace(record, clouds=clouds) for record, clouds in zip(records_of(FIRST, NEWER), (1, 80), strict=True)]
    assert actions(older, None, "-c", "50") == {FIRST: "older baseline", NEWER: "too cloudy"}


@pytest.mark.parametrize("end", ["finished", "failed", "dropped"])
def test_named_products_are_asked_for_in_the_log_by_that_very_name(end: str) -> None:
    done = actions(records_of(FIRST, NEWER, NEWEST), log_of(in_state(NEWER, end)), "--product", FIRST, NEWER, NEWEST)
    assert done == {FIRST: "submit", NEWER: "in log", NEWEST: "submit"}
    names = ("--theia", "only", "--product", ITEM, PIECE)
    done = actions(records_of(ITEM, PIECE), log_of([*in_state(FIRST, "open"), *in_state(ITEM, end)]), *names)
    again = end in {"failed", "dropped"}
    assert done == {ITEM: FROM if again else IN, PIECE: FROM}


def test_submitting_again_is_no_way_round_the_rest_of_the_list() -> None:
    jobs = log_of([*in_state(FIRST, "failed"), *in_state(OTHER, "failed")])
    assert actions(records_of(FIRST, OTHER), jobs, "--resubmit", "failed", "-o", "8") == {
        FIRST: "other orbit",
        OTHER: "submit",
    }
    assert actions(records_of(FIRST, NEWER), jobs, "--resubmit", "failed") == {FIRST: "submit", NEWER: "in log (N0206)"}
    dropped = log_of(in_state(FIRST, "dropped"))
    assert actions(records_of(FIRST), dropped, "--resubmit", "cancelled") == {FIRST: IN}
    assert actions(records_of(FIRST), dropped, "--resubmit", "dropped", "--product", FIRST) == {FIRST: "submit"}


def test_what_was_not_agreed_to_is_left_out() -> None:
    earlier = proposal(records_of(FIRST, ITEM), None, "--theia", "first")
    later = proposal(records_of(LATER, ITEM, PIECE), None, "--theia", "first").agreed(earlier)
    assert [record.identifier for record in later.taken] == [ITEM]
    assert not later.orders


# -- footprints -------------------------------------------------------------------------------------------------------


def box(south: float, north: float, west: float = 10.0, east: float = 11.0) -> list[list[list[float]]]:
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


@pytest.mark.parametrize(
    ("polygon", "expected"),
    [
        (box(60.0, 61.0), "beyond 60°"),
        (box(-70.0, -69.0), "beyond 60°"),
        (box(-60.9, -59.9), "submit"),
        (box(51.0, 52.0, 179.5, -179.5), "submit"),
        (box(43.0, 44.0, 75.0, 76.0), "submit"),
        ([[[1.0, 43.0, 2000.0], [1.0, 44.0, 65.0], [2.0, 44.0, 70.0]]], "submit"),
    ],
    ids=["from the line on", "far south", "across the southern line", "across 180°", "longitudes", "with heights"],
)
def test_a_product_wholly_beyond_60_is_left_out(polygon: object, expected: str) -> None:
    footprint = {"type": "Polygon", "coordinates": polygon}
    assert list(actions([record_of(feature(footprint, productIdentifier=ON_THE_LINE))]).values()) == [expected]


def test_without_a_footprint_the_tile_decides() -> None:
    records = records_of(NORTHERN, ON_THE_LINE)
    done = actions(records, None, "--product", NORTHERN, ON_THE_LINE)
    assert done == {ON_THE_LINE: "submit", NORTHERN: "beyond 60°"}


# -- whatever comes ---------------------------------------------------------------------------------------------------
NAMES = (FIRST, SECOND_PART, NEWER, NEWEST, NEWEST_PART, OTHER, LATER, LATEST, NORTHERN, OLD, ITEM, PIECE, V3, V10)


@given(st.lists(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)), st.sampled_from(WAYS), st.data())
def test_the_choice_depends_on_no_order_and_repeats_nothing(
    listed: list[str], logged: set[str], way: tuple[str, ...], data: st.DataObject
) -> None:
    jobs = finished(*(name for name in logged if name != OLD))
    first = proposal(records_of(*listed), jobs, *way)
    mixed = proposal(records_of(*data.draw(st.permutations(listed))), jobs, *way)
    assert actions(records_of(*listed), jobs, *way) == {each.record.identifier: each.action for each in mixed.choices}
    assert Counter(choice.record.identifier for choice in first.choices) == Counter(set(listed))
    assert not logged & {choice.job for choice in first.choices if choice.is_submitted or choice.is_taken}
