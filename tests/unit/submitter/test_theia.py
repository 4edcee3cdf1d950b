"""What of Theia's products is taken: versions, pieces, midnight, and what the log and the folder have."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peps_maja.joblog.jobs import Jobs
from peps_maja.products.names import L1CProduct, L2AProduct
from peps_maja.products.places import Days
from peps_maja.products.records import L1CRecord, L2ARecord
from peps_maja.submitter.choice import FROM_THEIA
from peps_maja.submitter.orders import Proposal, propose
from peps_maja.submitter.situation import Situation
from peps_maja.submitter.theia import at_theia, choose_ready
from peps_maja.submitter.wishes import Wishes

NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C"
OLD = "SENTINEL2A_20190301-105420-000_L2A_T31TCJ_D"  # reprocessing changed its time
PIECE = "SENTINEL2A_20190301-105441-459_L2A_T31TCJ_C"
L1C = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
MIDNIGHT = "SENTINEL2B_20190302-001000-000_L2A_T01CCV_C"
BEFORE_MIDNIGHT = "S2B_MSIL1C_20190301T235500_N0207_R051_T01CCV_20190302T025917"
AFTER_MIDNIGHT = "S2B_MSIL1C_20190302T000100_N0207_R051_T01CCV_20190302T025917"
DAYS = Days(date(2019, 3, 1), date(2019, 3, 2))
FIRST, ONLY = Wishes(days=DAYS, theia="first"), Wishes(days=DAYS, theia="only")
OFFER = "available\t{}\thttps://h/a.zip - -"


def ready(
    identifier: str = NAME, version: str = "V4-0", *, clouds: float | None = 12.5, processed: str = ""
) -> L2ARecord:
    product = L2AProduct.find(identifier)
    assert product
    return L2ARecord(
        identifier=f"{identifier}_{version}" if version else identifier,
        tile=product.tile.name,
        day=str(product.sight.date()),
        satellite=product.satellite,
        orbit=51,
        clouds=clouds,
        product=product,
        time=product.sight,
        version=version,
        processed=processed,
    )


def log(*events: str) -> Jobs:
    """Return the jobs of a log with these lines, each without its time."""
    return Jobs.replay("\n".join(["# peps_maja job log 1", *(f"2019-04-02T09:12:44Z\t{line}" for line in events), ""]))


def of(*names: str) -> Jobs:
    """Return a log in which these jobs are finished."""
    return log(*(f"finished\t{name}\t" if "MSIL1C" in name else OFFER.format(name) for name in names))


def actions(records: list[L2ARecord], jobs: Jobs | None = None, wishes: Wishes = ONLY, *files: str) -> list[str]:
    on_disk = {name.removesuffix(".zip"): product for name in files if (product := L2AProduct.find(name))}
    situation = Situation(wishes, ready=records, jobs=jobs or log(), on_disk=on_disk)
    return [choice.action for choice in choose_ready(situation)]


def l1c(name: str) -> L1CRecord:
    product = L1CProduct.parse(name)
    assert product
    return L1CRecord.named(product)


def test_all_pieces_of_the_newest_version_are_taken() -> None:
    records = [ready(), ready(PIECE), ready(NAME, "V3-1"), ready(OLD, "V1-4"), ready(NAME, "")]
    assert sorted(actions(records)) == [FROM_THEIA] * 2 + ["older version"] * 3
    assert sorted(actions([*records, ready(NAME, "V10-0")])) == [FROM_THEIA] + ["older version"] * 5
    assert set(actions([ready(clouds=80), ready(OLD, "V1-4", clouds=5)], None, replace(ONLY, max_clouds=50))) == {
        "too cloudy",
        "older version",
    }


def test_of_one_name_the_product_processed_last_is_taken() -> None:
    choices = choose_ready(Situation(ONLY, ready=[ready(processed=f"2025-07-0{day}") for day in (1, 3, 2)]))
    assert [choice.record for choice in choices if choice.is_taken] == [ready(processed="2025-07-03")]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([f"{NAME}_V4-0"], "in log"),
        ([f"{NAME}_V3-1"], "in log (V3-1)"),
        ([f"{OLD}_V1-4"], "in log (V1-4)"),
        ([NAME], "in log"),
        ([L1C], "in log"),
        ([f"{PIECE}_V4-0"], FROM_THEIA),
        ([f"{PIECE}_V4-0", f"{OLD}_V1-4"], "in log (V1-4)"),
        ([L1C.replace("S2A", "S2B"), L1C.replace("31TCJ", "31TDH"), L1C.replace("0301T10", "0302T10")], FROM_THEIA),
    ],
)
def test_job_of_either_kind_keeps_its_acquisition_away(held: list[str], expected: str) -> None:
    assert actions([ready()], of(*held)) == [expected]
    cloudy = "too cloudy" if expected == FROM_THEIA else expected
    assert actions([ready()], of(*held), replace(ONLY, max_clouds=0)) == [cloudy]


def test_series_keeps_what_it_covers_and_has_not_left_out() -> None:
    series = "submitted\t31TCJ_2019-01-01_2019-12-31{}\thttps://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de.xml"
    assert actions([ready()], log(series.format(""))) == ["in log (series)"]
    assert actions([ready()], log(series.format("_R008"))) == [FROM_THEIA]
    end = "finished\t31TCJ_2019-01-01_2019-12-31\t"
    assert actions([ready()], log(series.format(""), end)) == [FROM_THEIA]
    result = f"downloaded\t31TCJ_2019-01-01_2019-12-31\t{NAME}.zip"
    assert actions([ready()], log(series.format(""), result, end)) == ["in log (series)"]


def test_midnight_belongs_to_both_days() -> None:
    record = ready(MIDNIGHT)
    assert actions([record], of(BEFORE_MIDNIGHT)) == actions([record], of(AFTER_MIDNIGHT)) == ["in log"]
    assert actions([record], of(BEFORE_MIDNIGHT.replace("0301T", "0228T"))) == [FROM_THEIA]
    has = at_theia(Situation(FIRST, ready=[record]))
    assert {l1c(name).product.passage for name in (BEFORE_MIDNIGHT, AFTER_MIDNIGHT)} == has  # type: ignore[union-attr]
    earlier = MIDNIGHT.replace("20190302-001000", "20190301-235959")
    assert actions([ready(earlier, "V1-4"), record]) == ["older version", FROM_THEIA]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], [FROM_THEIA, FROM_THEIA]),
        ([f"{NAME}_V4-0.zip"], ["on disk", FROM_THEIA]),
        ([f"{NAME}_V4-0.86f828c4.zip", f"{PIECE}_V4-0"], ["on disk", "on disk"]),
        ([f"{OLD}_V1-4"], ["on disk", FROM_THEIA]),  # one file is one piece
        ([f"{OLD}_V1-4", "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"], ["on disk", "on disk"]),
        ([f"{PIECE}_V4-0.zip", f"{OLD}_V1-4"], ["on disk", "on disk"]),
        (["SENTINEL2B_20190301-105426-459_L2A_T31TCJ_D.zip"], [FROM_THEIA, FROM_THEIA]),
    ],
)
def test_as_many_pieces_are_on_disk_as_there_are_files(files: list[str], expected: list[str]) -> None:
    assert actions([ready(), ready(PIECE)], None, ONLY, *files) == expected


def test_file_of_a_piece_in_the_log_is_no_other_piece() -> None:
    jobs = log(OFFER.format(f"{PIECE}_V4-0"), f"downloaded\t{PIECE}_V4-0\t{PIECE}_V4-0.zip")
    assert actions([ready(), ready(PIECE)], jobs, ONLY, f"{PIECE}_V4-0.zip") == [FROM_THEIA, "in log"]


class TestFailed:
    LINES = (OFFER.format(f"{NAME}_V4-0"), f"failed\t{NAME}_V4-0\tno")

    def test_acquisition_is_left_to_peps_with_first(self) -> None:
        situation = Situation(FIRST, [l1c(L1C)], [ready(), ready(PIECE)], log(*self.LINES))
        assert [choice.action for choice in propose(situation).choices] == ["submit", "failed", "failed"]
        half = replace(situation, jobs=log(*self.LINES, OFFER.format(f"{PIECE}_V4-0")))
        assert [choice.action for choice in propose(half).choices] == ["submit", "failed", "in log"]
        assert actions([ready()], log(*self.LINES)) == [FROM_THEIA]

    def test_newer_version_that_is_there_counts_for_more(self) -> None:
        jobs = log(*self.LINES, OFFER.format(f"{NAME}_V5-0"))
        situation = Situation(FIRST, [l1c(L1C)], [ready(NAME, "V5-0")], jobs)
        assert [choice.action for choice in propose(situation).choices] == ["at Theia", "in log"]

    def test_job_that_geodes_lists_no_more_is_still_at_theia(self) -> None:
        situation = Situation(FIRST, [l1c(L1C)], jobs=of(f"{NAME}_V4-0"))
        assert propose(situation).orders == []
        assert len(propose(replace(situation, wishes=Wishes(days=DAYS))).orders) == 1


def test_what_was_not_agreed_to_is_left_out() -> None:
    earlier = propose(Situation(FIRST, [l1c(L1C)], [ready()]))
    later = propose(Situation(FIRST, [l1c(AFTER_MIDNIGHT)], [ready(), ready(PIECE)])).agreed(earlier)
    assert [record.identifier for record in later.taken] == [f"{NAME}_V4-0"]
    assert not later.orders
    assert Proposal([], []).is_empty


identifiers = st.builds(
    "SENTINEL2{}_2019030{}-{:02d}{:02d}26-459_L2A_T{}_C".format,
    st.sampled_from("AB"),
    st.integers(1, 3),
    st.sampled_from([0, 10, 23]),
    st.integers(0, 59),
    st.sampled_from(["31TCJ", "31TDH"]),
)
records_of_theia = st.lists(
    st.builds(ready, identifiers, st.sampled_from(["", "V3-1", "V4-0"]), clouds=st.sampled_from([None, 5, 95])),
    max_size=8,
    unique_by=lambda record: record.identifier,
)


@given(records_of_theia, st.lists(identifiers.map("{}_V3-1".format), max_size=3), st.data())
def test_choice_depends_on_no_order_and_repeats_nothing(
    records: list[L2ARecord], held: list[str], data: st.DataObject
) -> None:
    wishes = Wishes(max_clouds=50, theia="only", days=Days(date(2019, 1, 1), date(2020, 1, 1)))
    situation = Situation(wishes, ready=records, jobs=of(*held))
    choices = choose_ready(situation)
    mixed = choose_ready(replace(situation, ready=data.draw(st.permutations(records))))
    assert mixed == choices
    assert len(choices) == len(records)
    taken = [choice.job for choice in choices if choice.is_taken]
    again = choose_ready(replace(situation, jobs=of(*held, *taken)))
    assert not any(choice.is_taken for choice in again)


def test_time_of_the_year_1_has_a_day() -> None:
    record = replace(ready(), time=datetime(1, 1, 1, tzinfo=timezone.utc))
    assert record.passages == (("S2A", "31TCJ", date(1, 1, 1)),)
