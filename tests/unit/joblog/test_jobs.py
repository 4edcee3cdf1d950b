"""The jobs of a log: what its events say of each, rule by rule."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from samples.logs import JOB, OTHER, SECOND_ZIP, STATUS_URL, SUBMITTED, UUID, ZIP, Row, at, lines, replayed, when

from peps_maja.joblog.events import State
from peps_maja.joblog.jobs import Job, Missing

OTHER_URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-11111111-3f20-11e9-81a5-0242ac110002.xml"
NOVALD = "NOVALD_SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"


def job_after(*rows: Row) -> Job:
    return replayed(lines(*rows))[JOB]


STATES: dict[str, tuple[list[Row], State]] = {
    "nothing known after submitting": ([("submitting", "")], State.UNSURE),
    "submitted": (SUBMITTED, State.OPEN),
    "rejected": ([("submitting", ""), ("rejected", "no such product")], State.REJECTED),
    "finished": ([*SUBMITTED, ("downloaded", ZIP), ("finished", "")], State.FINISHED),
    "too cloudy and finished": ([*SUBMITTED, ("novald", NOVALD), ("finished", "")], State.FINISHED),
    "failed": ([*SUBMITTED, ("failed", "no DEM")], State.FAILED),
    "cancelled": ([*SUBMITTED, ("cancelled", "KILLED")], State.CANCELLED),
    "downloaded, and more to come": ([*SUBMITTED, ("downloaded", ZIP)], State.OPEN),
    "too cloudy, and more to come": ([*SUBMITTED, ("novald", NOVALD)], State.OPEN),
    "missing": ([*SUBMITTED, ("missing", f"{ZIP} absent 404")], State.OPEN),
    "stalled": ([*SUBMITTED, ("stalled", "24")], State.OPEN),
    "adopted": ([("submitted", STATUS_URL)], State.OPEN),
    "adopted after all": ([("submitting", ""), ("rejected", ""), ("submitted", STATUS_URL)], State.OPEN),
    "adopted after it was unsure": ([("submitting", ""), ("submitted", STATUS_URL)], State.OPEN),
    "a URL cut short": ([("submitting", ""), ("submitted", STATUS_URL[:-1])], State.UNSURE),
    "no URL": ([("submitting", ""), ("submitted", "")], State.UNSURE),
    "no URL, adopted": ([("submitting", ""), ("submitted", ""), ("submitted", STATUS_URL)], State.OPEN),
    "submitting again": ([*SUBMITTED, ("failed", ""), ("submitting", "")], State.UNSURE),
    "submitted again": ([*SUBMITTED, ("failed", ""), *SUBMITTED], State.OPEN),
    "rejected again": ([*SUBMITTED, ("failed", ""), ("submitting", ""), ("rejected", "")], State.REJECTED),
    "put off, then submitted": ([("submitting", ""), ("postponed", "busy"), *SUBMITTED], State.OPEN),
    "put off, then unsure": ([("submitting", ""), ("postponed", "busy"), ("submitting", "")], State.UNSURE),
    "unknown event after it was unsure": ([("submitting", ""), ("blessed", "")], State.UNSURE),
    "unknown event after it was finished": ([*SUBMITTED, ("finished", ""), ("archived", "")], State.FINISHED),
    "only unknown events": ([("blessed", "")], State.UNSURE),
    "put off at the second submission": (
        [*SUBMITTED, ("failed", ""), ("submitting", ""), ("postponed", "busy")],
        State.FAILED,
    ),
    "put off after an unknown event": ([("blessed", ""), ("submitting", ""), ("postponed", "busy")], State.UNSURE),
    "unknown and then known": ([("blessed", ""), *SUBMITTED], State.OPEN),
}


@pytest.mark.parametrize(("rows", "state"), STATES.values(), ids=STATES)
def test_the_state_is_what_the_events_say(rows: list[Row], state: State) -> None:
    jobs = replayed(lines(*rows))
    assert list(jobs) == [JOB]
    assert jobs[JOB].state is state
    assert [job.name for job in jobs.in_state(state)] == [JOB]
    assert jobs.in_state(*(set(State) - {state})) == []
    assert dict(jobs.count()) == {state.value: 1}


def test_a_dropped_job_is_counted_as_dropped() -> None:
    jobs = replayed(lines(*SUBMITTED, ("cancelled", "dropped by the user")))
    assert jobs[JOB].state is State.CANCELLED
    assert dict(jobs.count()) == {"dropped": 1}


NOT_IN_THE_LOG: dict[str, list[Row]] = {
    "put off": [("submitting", ""), ("postponed", "busy")],
    "put off twice": [("submitting", ""), ("postponed", "busy"), ("submitting", ""), ("postponed", "busy")],
    "put off without submitting": [("postponed", "busy")],
}


@pytest.mark.parametrize("rows", NOT_IN_THE_LOG.values(), ids=NOT_IN_THE_LOG)
def test_a_postponed_job_is_not_in_the_log(rows: list[Row]) -> None:
    jobs = replayed(lines(*rows) + lines(*SUBMITTED, job=OTHER))
    assert list(jobs) == [OTHER]
    assert JOB not in jobs
    assert dict(jobs.count()) == {"open": 1}


def test_the_order_of_the_lines_counts_and_not_the_clock() -> None:
    backwards = f"{at(5)}\tsubmitting\t{JOB}\t\n{at(0)}\tsubmitted\t{JOB}\t{STATUS_URL}\n{at(-9)}\tfinished\t{JOB}\t\n"
    assert replayed(backwards)[JOB].state is State.FINISHED
    assert replayed(backwards.replace(at(-9), "yesterday"))[JOB].state is State.FINISHED


def test_jobs_come_in_the_order_of_their_first_lines() -> None:
    jobs = replayed(lines(*SUBMITTED, job=OTHER) + lines(*SUBMITTED) + lines(("failed", ""), *SUBMITTED, job=OTHER))
    assert list(jobs) == [OTHER, JOB]
    assert len(jobs) == 2


def test_jobs_side_by_side_do_not_touch_each_other() -> None:
    first, second = lines(*SUBMITTED, ("failed", "")).splitlines(True), lines(*SUBMITTED, job=OTHER).splitlines(True)
    jobs = replayed(first[0] + second[0] + second[1] + first[1] + first[2])
    assert {name: job.state for name, job in jobs.items()} == {JOB: State.FAILED, OTHER: State.OPEN}


def test_a_new_submission_starts_without_the_results_of_before() -> None:
    before = [*SUBMITTED, ("downloaded", ZIP), ("novald", NOVALD), ("missing", f"{SECOND_ZIP} absent 404")]
    assert job_after(*before, ("stalled", "24"), ("failed", "x"), ("submitting", "")) == Job(
        JOB, State.UNSURE, begun_at=when(7), earlier_files=(ZIP,), has_failed_before=True
    )
    again = job_after(*before, ("stalled", "24"), ("failed", "x"), ("submitting", ""), ("submitted", OTHER_URL))
    assert again == Job(
        JOB,
        State.OPEN,
        status_url=OTHER_URL,
        begun_at=when(8),
        submitted_at=when(8),
        earlier_files=(ZIP,),
        has_failed_before=True,
    )


def test_a_submitted_job_knows_since_when_and_where_it_is_followed() -> None:
    job = job_after(*SUBMITTED)
    assert (job.status_url, job.wps_id, job.submitted_at) == (STATUS_URL, UUID, when(1))
    assert not job.stalled
    assert job_after(*SUBMITTED, ("stalled", "24")).stalled
    assert job_after(("submitting", "")).wps_id == ""


def test_a_job_is_open_for_as_long_as_it_is_submitted() -> None:
    an_hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
    line = f"{an_hour_ago:%Y-%m-%dT%H:%M:%SZ}\tsubmitted\t{JOB}\t{STATUS_URL}\n"
    assert timedelta(hours=1) <= replayed(line)[JOB].open_for() < timedelta(hours=2)
    assert replayed(line + lines(("finished", "")))[JOB].open_for() == timedelta(0)
    assert replayed(f"yesterday{line[20:]}")[JOB].open_for() == timedelta(0)


def test_the_plan_of_a_series_is_kept() -> None:
    plan = "2017-07-01/S2A/R051 2017-07-06/S2B/R051"
    for rows in ([("submitting", plan)], [("submitting", plan), ("submitted", STATUS_URL), ("downloaded", ZIP)]):
        assert job_after(*rows).plan == plan


def test_reasons_are_kept() -> None:
    assert job_after(("submitting", ""), ("rejected", "no such product")).detail == "no such product"
    assert job_after(*SUBMITTED, ("failed", "no DEM: for tile")).detail == "no DEM: for tile"
    assert job_after(*SUBMITTED, ("cancelled", "dropped by the user")).was_dropped
    assert not job_after(*SUBMITTED, ("cancelled", "KILLED")).was_dropped
    assert not job_after(*SUBMITTED, ("failed", "dropped by the user")).was_dropped


def test_results_are_dealt_with_when_downloaded_or_too_cloudy() -> None:
    job = job_after(*SUBMITTED, ("downloaded", ZIP), ("novald", NOVALD))
    assert (job.files, job.novald) == ((ZIP,), (NOVALD,))
    assert job.has_dealt_with(ZIP)
    assert job.has_dealt_with(NOVALD)
    assert not job.has_dealt_with(SECOND_ZIP)


def test_a_result_saved_under_a_second_name_is_dealt_with_too() -> None:
    own = ZIP.replace(".zip", ".8e99b3de.zip")
    job = job_after(*SUBMITTED, ("downloaded", own))
    assert job.own_file_name(ZIP) == own
    assert (job.result_name(own), job.result_name(ZIP)) == (ZIP, ZIP)
    assert job.has_dealt_with(ZIP)


def test_files_belong_to_the_jobs_that_downloaded_them() -> None:
    rows = lines(*SUBMITTED, ("downloaded", ZIP)) + lines(*SUBMITTED, ("downloaded", SECOND_ZIP), job=OTHER)
    assert replayed(rows).owners() == {ZIP: JOB, SECOND_ZIP: OTHER}


MISSING: dict[str, tuple[list[str], dict[str, Missing]]] = {
    "absent": ([f"{ZIP} absent 404 Not Found"], {ZIP: Missing(when(2), when(2), "absent", "404 Not Found")}),
    "broken": ([f"{ZIP} broken CRC"], {ZIP: Missing(when(2), when(2), "broken", "CRC")}),
    "no reason": ([f"{ZIP} absent"], {ZIP: Missing(when(2), when(2), "absent", "")}),
    "no results": (["- absent no results"], {"-": Missing(when(2), when(2), "absent", "no results")}),
    "a reason that says both": (
        [f"{ZIP} broken absent broken"],
        {ZIP: Missing(when(2), when(2), "broken", "absent broken")},
    ),
    "told again": (
        [f"{ZIP} absent 404", f"{ZIP} broken CRC", f"{ZIP} broken cut"],
        {ZIP: Missing(when(2), when(4), "broken", "cut")},
    ),
    "two results": (
        [f"{ZIP} absent 404", f"{SECOND_ZIP} broken CRC"],
        {ZIP: Missing(when(2), when(2), "absent", "404"), SECOND_ZIP: Missing(when(3), when(3), "broken", "CRC")},
    ),
    "neither absent nor broken": ([f"{ZIP} gone"], {}),
    "nothing": ([""], {}),
}


@pytest.mark.parametrize(("details", "missing"), MISSING.values(), ids=MISSING)
def test_a_missing_result_is_known_since_its_first_line(details: list[str], missing: dict[str, Missing]) -> None:
    job = job_after(*SUBMITTED, *(("missing", detail) for detail in details))
    assert job.missing == missing
    assert job.state is State.OPEN


@pytest.mark.parametrize("event", ["downloaded", "novald"])
def test_a_result_that_comes_later_is_not_missing_any_more(event: str) -> None:
    absent = [("missing", f"{ZIP} absent 404"), ("missing", f"{SECOND_ZIP} absent 404")]
    assert job_after(*SUBMITTED, *absent, (event, ZIP)).missing.keys() == {SECOND_ZIP}


def test_a_result_that_comes_under_its_second_name_is_not_missing_any_more() -> None:
    rows = [("missing", f"{ZIP} absent 404"), ("downloaded", ZIP.replace(".zip", ".8e99b3de.zip"))]
    assert job_after(*SUBMITTED, *rows).missing == {}


@pytest.mark.parametrize("row", [("downloaded", ZIP), ("novald", NOVALD)])
def test_a_job_whose_results_came_after_all_misses_none(row: Row) -> None:
    assert job_after(*SUBMITTED, ("missing", "- absent no results"), row, ("finished", "")).missing == {}
