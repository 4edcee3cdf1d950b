"""The jobs of a log: what its events say of each, rule by rule."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from samples.logs import JOB, OTHER, SECOND_ZIP, STATUS_URL, SUBMITTED, UUID, ZIP, Row, at, lines, replayed, when

from peps_maja.joblog.events import State
from peps_maja.joblog.jobs import Job, Missing

OTHER_URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-11111111-3f20-11e9-81a5-0242ac110002.xml"
NOVALD = "NOVALD_SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"
OWN_ZIP = ZIP.replace(".zip", ".8e99b3de.zip")
AGAIN: list[Row] = [*SUBMITTED, ("failed", ""), ("submitting", "")]
PUT_OFF: list[Row] = [("submitting", ""), ("postponed", "busy")]


def job_after(*rows: Row) -> Job:
    return replayed(lines(*rows))[JOB]


STATES: dict[str, tuple[list[Row], str | None]] = {
    "nothing known after submitting": ([("submitting", "")], "unsure"),
    "submitted": (SUBMITTED, "open"),
    "rejected": ([("submitting", ""), ("rejected", "no such product")], "rejected"),
    "finished": ([*SUBMITTED, ("downloaded", ZIP), ("finished", "")], "finished"),
    "too cloudy and finished": ([*SUBMITTED, ("novald", NOVALD), ("finished", "")], "finished"),
    "failed": ([*SUBMITTED, ("failed", "no DEM")], "failed"),
    "cancelled": ([*SUBMITTED, ("cancelled", "KILLED")], "cancelled"),
    "dropped": ([*SUBMITTED, ("cancelled", "dropped by the user")], "dropped"),
    "more to come": ([*SUBMITTED, ("downloaded", ZIP), ("novald", NOVALD), ("stalled", "24")], "open"),
    "missing": ([*SUBMITTED, ("missing", f"{ZIP} absent 404")], "open"),
    "adopted": ([("submitted", STATUS_URL)], "open"),
    "adopted after all": ([("submitting", ""), ("rejected", ""), ("submitted", STATUS_URL)], "open"),
    "a URL cut short": ([("submitting", ""), ("submitted", STATUS_URL[:-1])], "unsure"),
    "no URL, adopted": ([("submitting", ""), ("submitted", ""), ("submitted", STATUS_URL)], "open"),
    "submitting again": (AGAIN, "unsure"),
    "submitted again": ([*AGAIN, ("submitted", OTHER_URL)], "open"),
    "rejected again": ([*AGAIN, ("rejected", "")], "rejected"),
    "put off at the second submission": ([*AGAIN, ("postponed", "busy")], "failed"),
    "put off": (PUT_OFF, None),
    "put off twice": ([*PUT_OFF, *PUT_OFF], None),
    "put off without submitting": ([("postponed", "busy")], None),
    "put off, then submitted": ([*PUT_OFF, *SUBMITTED], "open"),
    "put off, then unsure": ([*PUT_OFF, ("submitting", "")], "unsure"),
    "put off after an unknown event": ([("blessed", ""), *PUT_OFF], "unsure"),
    "unknown event after it was finished": ([*SUBMITTED, ("finished", ""), ("archived", "")], "finished"),
    "only unknown events": ([("blessed", "")], "unsure"),
    "unknown and then known": ([("blessed", ""), *SUBMITTED], "open"),
}


@pytest.mark.parametrize(("rows", "standing"), STATES.values(), ids=STATES)
def test_the_state_is_what_the_events_say(rows: list[Row], standing: str | None) -> None:
    jobs = replayed(lines(*rows) + lines(*SUBMITTED, job=OTHER))
    assert {name: job.standing for name, job in jobs.items() if name != OTHER} == ({JOB: standing} if standing else {})
    assert jobs[OTHER].state is State.OPEN, "jobs side by side do not touch each other"
    if standing:
        assert jobs[JOB] in jobs.in_state(jobs[JOB].state)
        assert jobs[JOB] not in jobs.in_state(*(set(State) - {jobs[JOB].state}))
        assert jobs[JOB].has_ended == (standing in {"rejected", "failed", "cancelled"})


def test_the_order_of_the_lines_counts_and_not_the_clock() -> None:
    backwards = f"{at(5)}\tsubmitting\t{JOB}\t\n{at(0)}\tsubmitted\t{JOB}\t{STATUS_URL}\n{at(-9)}\tfinished\t{JOB}\t\n"
    assert replayed(backwards)[JOB].state is State.FINISHED
    assert replayed(backwards.replace(at(-9), "yesterday"))[JOB].state is State.FINISHED
    jobs = replayed(lines(*SUBMITTED, job=OTHER) + lines(*SUBMITTED) + lines(("failed", ""), *SUBMITTED, job=OTHER))
    assert list(jobs) == [OTHER, JOB]


def test_a_new_submission_starts_without_the_results_of_before() -> None:
    before = [*SUBMITTED, ("downloaded", ZIP), ("novald", NOVALD), ("missing", f"{SECOND_ZIP} absent 404")]
    again = job_after(*before, ("stalled", "24"), ("failed", "x"), ("submitting", "12.4"), ("submitted", OTHER_URL))
    assert again == Job(
        JOB,
        State.OPEN,
        plan="12.4",
        status_url=OTHER_URL,
        begun_at=when(8),
        earlier_files={ZIP: when(2)},
        has_failed_before=True,
    )
    assert (again.clouds, again.orbit, again.wps_id[:8]) == (12.4, 51, "11111111")


@pytest.mark.parametrize("moment", ["", "yesterday", "2999-01-01T00:00:00Z", "2019-01-01T00:00:00"])
def test_a_time_that_cannot_be_right_is_none(moment: str) -> None:
    assert replayed(f"{moment}\tsubmitting\t{JOB}\t\n")[JOB].hours is None
    rows = (
        lines(*SUBMITTED) + f"{moment}\tmissing\t{JOB}\t{ZIP} absent 404\n{moment}\tdownloaded\t{JOB}\t{SECOND_ZIP}\n"
    )
    job = replayed(rows)[JOB]
    assert (job.missing[ZIP].since, job.files) == (None, {SECOND_ZIP: None})


def test_the_hours_since_a_job_was_begun() -> None:
    an_hour_ago = datetime.now(timezone.utc) - timedelta(hours=1)
    hours = replayed(f"{an_hour_ago:%Y-%m-%dT%H:%M:%SZ}\tsubmitted\t{JOB}\t{STATUS_URL}\n")[JOB].hours
    assert hours
    assert 1 <= hours < 1.1
    before = lines(*SUBMITTED).replace(at(1), at(9)) + lines(("missing", f"{ZIP} absent 404"), ("downloaded", ZIP))
    assert replayed(before)[JOB].files == {ZIP: None}, "before its submission"


@pytest.mark.parametrize("file", [ZIP, OWN_ZIP])
def test_results_are_dealt_with_when_downloaded_or_too_cloudy(file: str) -> None:
    absent = [("missing", f"{ZIP} absent 404"), ("missing", f"{SECOND_ZIP} absent 404"), ("missing", "- absent x")]
    job = job_after(*SUBMITTED, *absent, ("downloaded", file), ("novald", NOVALD))
    assert (job.files, job.novald, job.wps_id) == ({file: when(5)}, (NOVALD,), UUID)
    assert [job.has_dealt_with(name) for name in (ZIP, NOVALD, SECOND_ZIP)] == [True, True, False]
    assert job.missing.keys() == {SECOND_ZIP}
    assert job_after(*SUBMITTED, ("downloaded", file[:-1])).files == {}, "a crash has cut it"
    rows = lines(*SUBMITTED, ("downloaded", file)) + lines(*SUBMITTED, ("downloaded", SECOND_ZIP), job=OTHER)
    assert replayed(rows).owners() == {file: JOB, SECOND_ZIP: OTHER}


MISSING: dict[str, tuple[list[str], dict[str, Missing]]] = {
    "no reason": ([f"{ZIP} absent"], {ZIP: Missing(when(2), when(2), "absent", "")}),
    "no results": (["- absent no results"], {"-": Missing(when(2), when(2), "absent", "no results")}),
    "no results for another reason": (
        ["- absent no report", "- absent no results"],
        {"-": Missing(when(3), when(3), "absent", "no results")},
    ),
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
    "back": (["- absent no report", f"{ZIP} broken x", "- back"], {ZIP: Missing(when(3), when(3), "broken", "x")}),
    "neither absent nor broken": ([f"{ZIP} gone"], {}),
    "nothing": ([""], {}),
}


@pytest.mark.parametrize(("details", "missing"), MISSING.values(), ids=MISSING)
def test_a_missing_result_is_known_since_its_first_line(details: list[str], missing: dict[str, Missing]) -> None:
    job = job_after(*SUBMITTED, *(("missing", detail) for detail in details))
    assert (job.missing, job.state) == (missing, State.OPEN)


def test_a_search_is_noted_as_a_comment() -> None:
    text = f"# {at(0)} peps_maja_process.py -t 31TCJ\r\n# {at(0)} of mine\n# peps_maja_process.py -t 31TDJ\n"
    assert replayed(text).commands == ["peps_maja_process.py -t 31TCJ"]
    assert replayed(text).damage == ""
