"""The job log: what its lines mean, rule by rule; crashes, damaged lines, and many writers at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peps_maja.errors import LogError, PepsError, Status
from peps_maja.joblog.events import Event, Source, State
from peps_maja.joblog.jobs import Job, Jobs, Missing
from peps_maja.joblog.log import JobLog
from peps_maja.joblog.offers import Offer

HEADER = "# peps_maja job log 1"
JOB = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
OTHER = "S2B_MSIL1C_20190306T105029_N0207_R051_T31TCJ_20190306T134347"
UUID = "8e99b3de-3f20-11e9-81a5-0242ac110002"
STATUS_URL = f"https://peps.cnes.fr/resto/wps/outputs/pywps-{UUID}.xml"
OTHER_URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-11111111-3f20-11e9-81a5-0242ac110002.xml"
ZIP = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"
SECOND_ZIP = "SENTINEL2A_20190306-105426-459_L2A_T31TCJ_D.zip"
THEIA = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C_V2-2"
ZIP_URL = (
    "https://geodes-portal.cnes.fr/api/download/URN:FEATURE:DATA:1:8e99b3de-3f20-11e9-81a5-0242ac110002:V1/files/a"
)
MD5 = "0123456789abcdef0123456789abcdef"
OFFER = f"{ZIP_URL} 1234 {MD5}"
NOVALD = "NOVALD_SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"
LINE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\t[a-z]+\t[^\t\n]*\t[^\t\n]*\n")

Row = tuple[str, str]  # event and detail

SUBMITTED: list[Row] = [("submitting", ""), ("submitted", STATUS_URL)]

APPENDER = """
import sys
from pathlib import Path
from peps_maja.joblog.log import JobLog
from peps_maja.joblog.events import Event
log = JobLog(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    log.append(Event.SUBMITTING, f"{sys.argv[2]}-{number}", "é" * 400)
"""
APPENDER_OUT_OF_ROOM = """
import resource, sys
from pathlib import Path
from peps_maja.errors import LogError
from peps_maja.joblog.log import JobLog
from peps_maja.joblog.events import Event
path = Path(sys.argv[1])
most = path.stat().st_size + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    JobLog(path).append(Event.SUBMITTED, sys.argv[3], sys.argv[4])
except LogError as error:
    sys.exit(f"{int(error.status)} {error}")
"""

quick = settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


def at(minutes: int) -> str:
    moment = datetime(2019, 4, 2, 9, 0, tzinfo=timezone.utc) + timedelta(minutes=minutes)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def when(minutes: int) -> datetime:
    return datetime.fromisoformat(at(minutes).replace("Z", "+00:00"))


def lines(*rows: Row, job: str = JOB) -> str:
    """Return log lines of one job, a minute apart."""
    return "".join(f"{at(minute)}\t{event}\t{job}\t{detail}\n" for minute, (event, detail) in enumerate(rows))


def written(folder: Path, text: str) -> JobLog:
    log = JobLog(folder / "peps_maja.log")
    log.path.write_bytes(text.encode())
    return log


def replayed(text: str) -> Jobs:
    return Jobs.replay(f"{HEADER}\n{text}")


def job_after(*rows: Row) -> Job:
    return replayed(lines(*rows))[JOB]


def snapshot(jobs: Jobs) -> list[Job]:
    return list(jobs.values())


# -- the rules, one by one --------------------------------------------------------------------------------------

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
        JOB, State.UNSURE, begun_at=when(7), earlier_files=[ZIP], has_failed_before=True
    )
    again = job_after(*before, ("stalled", "24"), ("failed", "x"), ("submitting", ""), ("submitted", OTHER_URL))
    assert again == Job(
        JOB,
        State.OPEN,
        status_url=OTHER_URL,
        begun_at=when(8),
        submitted_at=when(8),
        earlier_files=[ZIP],
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
    assert (job.files, job.novald) == ([ZIP], [NOVALD])
    assert job.has_dealt_with(ZIP)
    assert job.has_dealt_with(NOVALD)
    assert not job.has_dealt_with(SECOND_ZIP)


def test_a_result_saved_under_a_second_name_is_dealt_with_too() -> None:
    own = ZIP.replace(".zip", ".8e99b3de.zip")
    job = job_after(*SUBMITTED, ("downloaded", own))
    assert job.own_file_name(ZIP) == own
    assert (job.file_of(ZIP), job.result_name(own), job.result_name(ZIP)) == (own, ZIP, ZIP)
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


# -- products that Theia has --------------------------------------------------------------------------------------

OFFERS: dict[str, tuple[str, Offer | None]] = {
    "all known": (OFFER, Offer(ZIP_URL, 1234, MD5)),
    "MD5 in capitals": (f"{ZIP_URL} 1234 {MD5.upper()}", Offer(ZIP_URL, 1234, MD5)),
    "no size": (f"{ZIP_URL} - {MD5}", Offer(ZIP_URL, None, MD5)),
    "nothing but the address": (f"{ZIP_URL} - -", Offer(ZIP_URL)),
    "cut in the MD5": (OFFER[:-1], None),
    "cut in the size": (f"{ZIP_URL} 12", None),
    "cut behind the size": (f"{ZIP_URL} 1234 ", None),
    "cut in the address": (ZIP_URL[:-1], None),
    "nothing": ("", None),
    "no address": (f" 1234 {MD5}", None),
    "a word too many": (f"{OFFER} x", None),
    "a size that is not a number": (f"{ZIP_URL} 12kB {MD5}", None),
    "a size in other digits": (f"{ZIP_URL} \u0661\u0662 {MD5}", None),
    "a size without end": (f"{ZIP_URL} {'9' * 5000} {MD5}", None),
}


@pytest.mark.parametrize(("detail", "offer"), OFFERS.values(), ids=OFFERS)
def test_an_available_line_has_address_size_and_md5(detail: str, offer: Offer | None) -> None:
    assert Offer.parse(detail) == offer
    jobs = replayed(lines(("available", detail), job=THEIA))
    assert [job.offer for job in jobs.values()] == ([offer] if offer else []), "a damaged one does not count"
    assert list(jobs.damaged) == []
    if offer:
        assert Offer.parse(str(offer)) == offer
        job = jobs[THEIA]
        assert (job.state, job.source, job.address, job.submitted_at) == (State.OPEN, Source.THEIA, ZIP_URL, None)
        assert (job.status_url, job.wps_id, job.open_for()) == ("", "", timedelta(0))


MARKS = {
    "of the MD5": (OFFER, "01234567"),
    "of the URN": (f"{ZIP_URL} - -", "8e99b3de"),
    "of an escaped URN": (f"{ZIP_URL.replace(':', '%3A').replace('https%3A', 'https:')} 5 -", "8e99b3de"),
}


@pytest.mark.parametrize(("detail", "mark"), MARKS.values(), ids=MARKS)
def test_the_mark_in_a_second_file_name(detail: str, mark: str) -> None:
    job = replayed(lines(("available", detail), job=THEIA))[THEIA]
    own = f"{THEIA}.{mark}.zip"
    assert (job.mark, job.own_file_name(f"{THEIA}.zip"), job.result_name(own)) == (mark, own, f"{THEIA}.zip")


def test_the_mark_without_md5_and_urn_is_of_the_address() -> None:
    first, second = (Offer(f"https://store.example.org/{name}.zip").mark for name in "ab")
    assert first != second
    assert re.fullmatch("[0-9a-f]{8}", first)


OTHER_OFFER = OFFER.replace("8e99b3de", "11111111")
AVAILABLE: dict[str, tuple[list[Row], State, str]] = {
    "finished": ([("available", OFFER), ("downloaded", ZIP), ("finished", "")], State.FINISHED, OFFER),
    "failed": ([("available", OFFER), ("missing", f"{ZIP} absent 404"), ("failed", "absent")], State.FAILED, OFFER),
    "dropped": ([("available", OFFER), ("cancelled", "dropped by the user")], State.CANCELLED, OFFER),
    "available again": ([("available", OFFER), ("failed", ""), ("available", OTHER_OFFER)], State.OPEN, OTHER_OFFER),
    "damaged the second time": ([("available", OFFER), ("failed", ""), ("available", ZIP_URL)], State.FAILED, OFFER),
    "postponed": ([("available", OFFER), ("postponed", "busy")], State.OPEN, OFFER),
    "postponed after submitting": (
        [("available", OFFER), ("failed", ""), ("submitting", ""), ("postponed", "busy")],
        State.FAILED,
        OFFER,
    ),
}


@pytest.mark.parametrize(("rows", "state", "offer"), AVAILABLE.values(), ids=AVAILABLE)
def test_the_state_of_a_product_of_theia(rows: list[Row], state: State, offer: str) -> None:
    jobs = replayed(lines(*rows, job=THEIA))
    assert {name: (job.state, str(job.offer)) for name, job in jobs.items()} == {THEIA: (state, offer)}


def test_what_is_available_again_starts_without_the_results_of_before() -> None:
    before: list[Row] = [("available", OFFER), ("downloaded", ZIP), ("missing", f"{SECOND_ZIP} absent 404")]
    job = replayed(lines(*before, ("stalled", "24"), ("failed", "absent"), ("available", OTHER_OFFER), job=THEIA))[
        THEIA
    ]
    assert job == Job(
        THEIA,
        State.OPEN,
        offer=Offer.parse(OTHER_OFFER),
        begun_at=when(5),
        earlier_files=[ZIP],
        has_failed_before=True,
    )


BY_OTHERS: dict[str, tuple[list[tuple[Event, str]], bool]] = {
    "nothing": ([], True),
    "the same offer": ([(Event.AVAILABLE, OFFER)], True),
    "another offer": ([(Event.AVAILABLE, OTHER_OFFER)], False),
    "a damaged line": ([(Event.AVAILABLE, ZIP_URL[:-1])], True),
    "dropped": ([(Event.CANCELLED, "dropped by the user")], False),
    "failed, and available again": ([(Event.FAILED, "absent"), (Event.AVAILABLE, OFFER)], True),
    "finished by another run": ([(Event.FINISHED, "")], False),
}


@pytest.mark.parametrize(("added", "is_current"), BY_OTHERS.values(), ids=BY_OTHERS)
def test_an_event_of_a_product_of_theia_that_others_wrote_about(
    tmp_path: Path, added: list[tuple[Event, str]], *, is_current: bool
) -> None:
    log = written(tmp_path, f"{HEADER}\n{lines(('available', OFFER), job=THEIA)}")
    job = log.replay()[THEIA]
    for event, detail in added:
        JobLog(log.path).append(event, THEIA, detail)
    before = log.path.read_bytes()
    assert log.append_if_current(Event.DOWNLOADED, job, ZIP) is is_current
    assert (log.path.read_bytes() == before) is not is_current


# -- lines that are odd -----------------------------------------------------------------------------------------

NOISE = {
    "comments": f"# {at(0)}\tsubmitting\t{OTHER}\t\n#{at(0)}\tsubmitting\t{OTHER}\t\n",
    "empty lines": "\n\n \n\t\n",
    "too few columns": f"{at(0)}\n{at(0)}\tsubmitting\n",
    "a job of Theia": f"{at(0)} available {ZIP[:-4]}\n{at(0)}\tblessed\t{ZIP[:-4]}\tof {OTHER}\n",
    "no job": f"{at(0)}\tsubmitting\t\t\n\t\t\t\n",
    "nul bytes": "\x00" * 512 + "\n",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_a_line_that_is_not_an_event_is_skipped(noise: str) -> None:
    whole = lines(*SUBMITTED, ("downloaded", ZIP))
    for text in (noise + whole, whole + noise, noise.join(whole.splitlines(keepends=True))):
        assert snapshot(replayed(text)) == snapshot(replayed(whole))


DAMAGES: dict[str, Callable[[str], str]] = {
    "spaces for tabs": lambda line: line.expandtabs(),
    "no-break spaces": lambda line: line.replace("\t", "\u00a0"),
    "nothing for tabs": lambda line: line.replace("\t", ""),
    "quoted cells": lambda line: "\t".join(f'"{cell}"' for cell in line.split("\t")),
    "comma-separated": lambda line: line.replace("\t", ","),
    "semicolons": lambda line: line.replace("\t", ";"),
    "a column too many": lambda line: f"{line}\t",
    "a column too few": lambda line: line.rpartition("\t")[0],
    "a list of names": lambda line: line.split("\t")[2],
    "a list of files": lambda line: f"  {line.split(chr(9))[2]}.SAFE,",
    "unknown event": lambda line: line.replace("submitt", "bless"),
    "upper case": lambda line: line.replace("submitt", "SUBMITT"),
    "no event": lambda line: line.replace("submitting", "").replace("submitted", ""),
    "indented": lambda line: f"\t{line}",
}


@pytest.mark.parametrize("name", [JOB, "31TCJ_2018-01-01_2018-12-31_R051"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_job_known_only_from_damaged_lines_is_unsure(damage: Callable[[str], str], name: str) -> None:
    damaged = "".join(f"{damage(line)}\n" for line in lines(*SUBMITTED, job=name).splitlines())
    jobs = replayed(damaged)
    assert {job.name: job.state for job in jobs.values()} == {name: State.UNSURE}
    assert list(jobs.damaged) == [2, 3]
    assert replayed(damaged[:-1]).keys() == {name}, "the last line lacks its end"
    whole = lines(*SUBMITTED, ("finished", ""), job=name)
    for text in (damaged + whole, whole + damaged):
        assert [job.state for job in replayed(text).values()] == [State.FINISHED]
    for event, detail, standing in [
        ("cancelled", "dropped by the user", "dropped"),
        ("submitted", STATUS_URL, "open"),
        ("submitting", "", "unsure"),
    ]:
        assert replayed(damaged + lines((event, detail), job=name))[name].standing == standing


def test_a_suffix_behind_the_name_of_an_event_is_taken_off() -> None:
    jobs = replayed(lines(*SUBMITTED, ("finished", "")).replace(JOB, f"{JOB}.SAFE"))
    assert {job.name: job.state for job in jobs.values()} == {JOB: State.FINISHED}
    assert list(jobs.damaged) == []


def test_a_job_of_theia_keeps_its_name_and_counts_only_with_its_offer() -> None:
    name = ZIP.removesuffix(".zip")
    events = ("downloaded", ZIP), ("finished", "")
    assert list(replayed(lines(("available", "https://geodes-portal.cnes.fr/x - -"), *events, job=name))) == [name]
    assert list(replayed(lines(("available", "https://geodes-portal.cnes.fr/x -"), *events, job=name))) == []


@pytest.mark.parametrize("name", [JOB.replace("0301T10", "1301T10"), "31TCJ_2018-13-01_2018-12-31"])
def test_what_only_looks_like_a_name_keeps_nothing(name: str) -> None:
    assert list(replayed(f"{name} {OTHER}\n")) == [OTHER]
    assert list(replayed(f"{name}\n")) == []


def test_damaged_lines_are_counted_where_they_stand() -> None:
    torn = f"{at(0)}\tsubmitting\t{OTHER[:-9]}\n# the line above was torn by a crash: passed over\n"
    text = f"{lines(*SUBMITTED)}{torn}# by hand: {OTHER}\n\n \n\x00\n{JOB}\nhello\n"
    assert list(replayed(text).damaged) == [10, 11]


def test_a_last_line_that_lacks_only_its_end_counts(tmp_path: Path) -> None:
    log = written(tmp_path, f"{HEADER}\n{lines(*SUBMITTED)[:-1]}")
    assert log.replay()[JOB].state is State.OPEN
    log.append(Event.FINISHED, JOB)
    assert [line[:1] for line in log.path.read_text().splitlines()] == ["#", "2", "2", "2"], "nothing is marked as torn"
    assert log.replay()[JOB].status_url == STATUS_URL


@pytest.mark.parametrize("begun", ["", "2019-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "yesterday"])
def test_without_a_believable_time_a_job_is_unsure_for_long(begun: str) -> None:
    for separator in ("\t", " "):
        job = replayed(f"{begun}{separator}submitting{separator}{JOB}{separator}\n")[JOB]
        assert job.unsure_for() >= timedelta(hours=1)
    assert replayed(f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {JOB}\n")[JOB].unsure_for() < timedelta(hours=1)


def test_a_log_with_windows_line_ends_says_the_same(tmp_path: Path) -> None:
    torn = f"{at(0)}\tsubmitting\t{OTHER[:-9]}"
    log = written(tmp_path, f"{HEADER}\n{lines(*SUBMITTED)}{torn}")
    log.append(Event.DOWNLOADED, JOB, ZIP)
    expected = snapshot(log.replay())
    log = written(tmp_path, log.path.read_text().replace("\n", "\r\n"))
    assert snapshot(log.replay()) == expected
    log.append(Event.FINISHED, JOB)
    assert log.replay()[JOB].state is State.FINISHED
    assert list(log.replay()) == [JOB]


# -- not a log ------------------------------------------------------------------------------------------------

NO_LOGS = {
    "something else": b"Dear diary,\n",
    "an empty line": b"\n",
    "no header": lines(*SUBMITTED).encode(),
    "a header of another kind": b"# peps_maja job log\n",
    "a later version": b"# peps_maja job log 2\n",
    "version 10": b"# peps_maja job log 10\n",
    "the header further down": f"\n{HEADER}\n".encode(),
    "a header with more": f"{HEADER} of mine\n".encode(),
    "header and line in one": f"{HEADER}{lines(*SUBMITTED)}".encode(),
    "a zip": b"PK\x03\x04\xff\xfe\x00",
    "nul bytes": bytes(100),
}


@pytest.mark.parametrize("content", NO_LOGS.values(), ids=NO_LOGS)
def test_a_file_that_is_not_a_log_is_an_error_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    log = JobLog(tmp_path / "my.log")
    log.path.write_bytes(content)
    for use in (log.replay, lambda: log.append(Event.SUBMITTING, JOB)):
        with pytest.raises(LogError, match=r"my\.log is not a job log") as error:
            use()
        assert error.value.status is Status.UNUSABLE
    assert log.path.read_bytes() == content


def test_a_log_that_cannot_be_read_or_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "file" / "my.log"):
        (tmp_path / "file").touch()
        with pytest.raises(LogError, match=re.escape(str(path))):
            JobLog(path).replay()
    for path in (tmp_path, tmp_path / "file" / "my.log", tmp_path / "missing" / "my.log"):
        with pytest.raises(LogError, match=re.escape(str(path))) as error:
            JobLog(path).append(Event.SUBMITTING, JOB)
        assert JOB in str(error.value)


def test_a_log_that_is_not_there_is_empty_and_not_made(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "my.log")
    assert snapshot(log.replay()) == []
    assert not log.path.exists()


# -- appending --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", range(len(HEADER) + 2))
def test_a_new_log_begins_with_its_header(tmp_path: Path, end: int) -> None:
    log = JobLog(tmp_path / "my.log")
    log.path.write_bytes(f"{HEADER}\n".encode()[:end])  # nothing, or what a crash left of the header
    assert snapshot(log.replay()) == []
    log.append(Event.SUBMITTING, JOB)
    header, line = log.path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert header == f"{HEADER}\n"
    assert LINE.fullmatch(line)
    assert line.endswith(f"\tsubmitting\t{JOB}\t\n")


def test_lines_are_added_and_none_is_touched(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "my.log")
    earliest = datetime.now(timezone.utc).replace(microsecond=0)
    content = b""
    for event in Event:
        log.append(event, JOB, STATUS_URL)
        assert log.path.read_bytes().startswith(content)
        content = log.path.read_bytes()
    _, *added = content.decode().splitlines(keepends=True)
    assert [line.split("\t")[1] for line in added] == [event.value for event in Event]
    for line in added:
        assert LINE.fullmatch(line)
        moment = datetime.fromisoformat(line.split("\t")[0].replace("Z", "+00:00"))
        assert earliest <= moment <= datetime.now(timezone.utc)


@pytest.mark.parametrize("hostile", ["a\nb\tc\r\nd", "\x1b[31m\u202e", "# a", "\ud800", "é" * 30_000, " a "])
def test_whatever_a_server_says_takes_one_line(tmp_path: Path, hostile: str) -> None:
    log = JobLog(tmp_path / "my.log")
    log.append(Event.SUBMITTING, JOB, hostile)
    log.append(Event.FAILED, JOB, hostile)
    log.append(Event.FAILED, f"{OTHER}{hostile}", "")
    _, *added = log.path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert [line for line in added if not LINE.fullmatch(line)] == []
    assert len(added) == 3
    assert log.replay()[JOB].detail.isprintable()
    assert [job.state for job in snapshot(log.replay())] == [State.FAILED, State.FAILED]


events = st.lists(
    st.tuples(
        st.sampled_from(Event),
        st.sampled_from([JOB, OTHER]),
        st.sampled_from([STATUS_URL, OFFER, ZIP, f"{ZIP} absent 404", "- absent no results", ""])
        | st.text(max_size=20),
    ),
    max_size=12,
)


def plainly(own: Sequence[tuple[Event, str]]) -> State | None:
    """Return the state of a job by the rules in their plainest form."""
    ends = {Event.REJECTED, Event.FINISHED, Event.FAILED, Event.CANCELLED}
    turns = {Event.SUBMITTING, Event.SUBMITTED, Event.AVAILABLE, *ends}
    kept: list[tuple[Event, str]] = []
    for event, detail in own:
        if event is Event.AVAILABLE and detail != OFFER:
            continue
        begun = max((place for place, (earlier, _) in enumerate(kept) if earlier in turns), default=0)
        if event is not Event.POSTPONED:
            kept.append((event, detail))
        elif kept and kept[begun][0] is Event.SUBMITTING:
            del kept[begun:]
    state: State | None = None
    for event, detail in kept:
        match event:
            case Event.SUBMITTING:
                state = State.UNSURE
            case Event.SUBMITTED:
                state = State.OPEN if detail == STATUS_URL else State.UNSURE
            case Event.AVAILABLE:
                state = State.OPEN
            case Event.REJECTED | Event.FINISHED | Event.FAILED | Event.CANCELLED:
                state = State(event.value)
            case _:
                state = state or State.UNSURE
    return state


@settings(quick, max_examples=20)
@given(events)
def test_what_is_appended_is_replayed(
    tmp_path_factory: pytest.TempPathFactory, given_events: list[tuple[Event, str, str]]
) -> None:
    log = JobLog(tmp_path_factory.mktemp("log") / "my.log")
    for event, job, detail in given_events:
        log.append(event, job, detail)
    jobs = log.replay()
    for name in (JOB, OTHER):
        # No such detail tells where a product of Theia is: the line does not count.
        own = [(event, detail) for event, job, detail in given_events if job == name and event is not Event.AVAILABLE]
        assert (jobs[name].state if name in jobs else None) is plainly(own)
    assert sum(jobs.count().values()) == len(jobs)
    assert sorted(job.name for job in jobs.in_state(*State)) == sorted(jobs)


pieces = st.sampled_from(
    ["\t", "\n", "\r\n", "#", " ", HEADER, at(0), JOB, OTHER, STATUS_URL, ZIP, "\x00", "é", *Event]
)


@quick
@given(st.binary() | st.lists(pieces).map("".join).map(str.encode))
def test_any_bytes_after_the_header_are_a_log(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(f"{HEADER}\n".encode() + content)
    log = JobLog(path)
    before = {job.name: job.state for job in snapshot(log.replay())}
    log.append(Event.SUBMITTED, JOB, STATUS_URL)
    assert path.read_bytes().startswith(f"{HEADER}\n".encode() + content)
    after = log.replay()
    assert after[JOB].status_url == STATUS_URL
    assert {name: job.state for name, job in after.items() if name != JOB} == {
        name: state for name, state in before.items() if name != JOB
    }


@quick
@given(st.binary())
def test_any_bytes_are_a_log_or_an_expected_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(content)
    with suppress(PepsError):
        snapshot(JobLog(path).replay())


# -- crashes ----------------------------------------------------------------------------------------------------


def test_a_log_cut_at_any_byte_is_what_its_complete_columns_say(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "my.log")
    log.append(Event.SUBMITTING, JOB)
    log.append(Event.SUBMITTED, JOB, STATUS_URL)
    log.append(Event.MISSING, JOB, f"{ZIP} absent é€😀")
    log.append(Event.DOWNLOADED, JOB, ZIP)
    log.append(Event.FINISHED, JOB)
    whole = log.path.read_bytes()
    for end in reversed(range(len(whole))):
        os.truncate(log.path, end)
        kept = whole[:end].decode(errors="replace").splitlines(keepends=True)
        is_file_cut = kept[-1:] and "\tdownloaded\t" in kept[-1] and ".zip" not in kept[-1]
        if kept and not kept[-1].endswith("\n") and (kept[-1].count("\t") < 3 or is_file_cut):
            del kept[-1]
        assert snapshot(JobLog(log.path).replay()) == snapshot(Jobs.replay("".join(kept)))


def test_append_after_an_incomplete_line_cut_at_any_byte(tmp_path: Path) -> None:
    whole = f"{HEADER}\n{lines(*SUBMITTED)}".encode()
    torn_line = lines(("submitting", "é€😀"), job=OTHER).encode()
    for end in range(len(torn_line)):
        log = written(tmp_path, "")
        log.path.write_bytes(whole + torn_line[:end])
        other = {OTHER: State.UNSURE} if torn_line[:end].count(b"\t") == 3 else {}
        assert {name: job.state for name, job in log.replay().items()} == {JOB: State.OPEN} | other
        log.append(Event.FAILED, JOB, "no DEM")
        assert log.path.read_bytes().startswith(whole + torn_line[:end])
        assert {name: job.state for name, job in log.replay().items()} == {JOB: State.FAILED} | other
        assert list(log.replay().damaged) == []
        log.append(Event.SUBMITTING, OTHER)
        assert {name: job.state for name, job in log.replay().items()} == {JOB: State.FAILED, OTHER: State.UNSURE}


def test_a_second_crash_while_an_incomplete_line_is_marked(tmp_path: Path) -> None:
    # The first crash left a piece of a line, of the next append a second one left another piece.
    whole = f"{HEADER}\n{lines(*SUBMITTED)}".encode()
    piece = f"{at(0)}\tsubmitting\t{OTHER[:-9]}".encode()
    log = JobLog(tmp_path / "my.log")
    log.path.write_bytes(whole + piece)
    log.append(Event.FAILED, JOB, "no DEM")
    added = log.path.read_bytes()[len(whole + piece) :]
    spoilt = []
    for end in range(len(added)):
        log = JobLog(log.path)
        log.path.write_bytes(whole + piece + added[:end])
        before = {name: job.state for name, job in log.replay().items()}
        log.append(Event.CANCELLED, JOB, "KILLED")
        after = {name: job.state for name, job in log.replay().items()}
        counts = added[:end].count(b"\t") == 3
        if (before, after) != ({JOB: State.FAILED if counts else State.OPEN}, {JOB: State.CANCELLED}):
            spoilt.append(end)
    assert spoilt == []


def test_a_full_disk_leaves_no_incomplete_line(tmp_path: Path) -> None:
    log = written(tmp_path, f"{HEADER}\n{lines(('submitting', ''))}")
    before = log.path.read_text()
    arguments = [str(log.path), "90", JOB, STATUS_URL]
    full = subprocess.run(
        [sys.executable, "-c", APPENDER_OUT_OF_ROOM, *arguments], check=False, capture_output=True, text=True
    )
    assert full.returncode == 1
    assert full.stderr.startswith(f"2 cannot write to the log {log.path}: ")
    assert STATUS_URL in full.stderr, "the user is shown what could not be logged"
    assert log.path.read_text() == before, "what was written of the line is taken back"
    assert log.replay()[JOB].state is State.UNSURE
    log.append(Event.SUBMITTED, JOB, STATUS_URL)
    assert log.replay()[JOB].state is State.OPEN


# -- many at once -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start", ["", HEADER[:7], f"{HEADER}\n{at(0)}\tsubmitting\t{JOB[:20]}"], ids=["new", "cut", "torn"]
)
def test_many_processes_append_at_once_and_every_line_is_whole(tmp_path: Path, start: str) -> None:
    log = written(tmp_path, start)
    if not start:
        log.path.unlink()
    writers, each = 4, 25
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(log.path), f"writer{writer}", str(each)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for writer in range(writers)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.communicate("go\n", timeout=60)
    assert [process.returncode for process in processes] == [0] * writers

    text = log.path.read_text(encoding="utf-8")
    assert text.startswith(f"{HEADER}\n")
    assert text.count(HEADER) == 1
    appended = [line for line in text.splitlines(keepends=True) if "writer" in line]
    assert [line for line in appended if not LINE.fullmatch(line)] == []
    names = [line.split("\t")[2] for line in appended]
    assert sorted(names) == sorted(f"writer{writer}-{number}" for writer in range(writers) for number in range(each))
    for writer in range(writers):
        own = [name for name in names if name.startswith(f"writer{writer}-")]
        assert own == [f"writer{writer}-{number}" for number in range(each)]
    assert list(log.replay()) == names
