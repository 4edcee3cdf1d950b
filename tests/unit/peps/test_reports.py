"""Reports and joblogs of PEPS, in every form that was seen."""

from __future__ import annotations

import json
import time

import pytest

from peps_maja.downloads.service import JobReport, Phase
from peps_maja.errors import ServerTrouble
from peps_maja.peps.reports import read_report, results_in_joblog

PRODUCT = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
UUID = "8e99b3de-3f20-11e9-81a5-0242ac110002"
RESULTS = f"https://peps.cnes.fr/cgi-bin/mapcache_results/maja/{UUID}"
FIRST_ZIP = f"{RESULTS}/SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"
SECOND_ZIP = f"{RESULTS}/NOVALD_SENTINEL2A_20190306-105426-459_L2A_T31TCJ_D.zip"


def report(**fields: object) -> JobReport:
    """Return what is read from both forms of a report with these fields, which must be the same."""
    plain = read_report(json.dumps(fields))
    assert read_report(json.dumps({"USER_INFO": fields}).encode()) == plain
    return plain


# -- reports ----------------------------------------------------------------------------------------------------------
PHASES = {
    "PENDING": Phase.WAITING,
    "RUNNING": Phase.RUNNING,
    "STALLED": Phase.RUNNING,
    "PAUSED": Phase.PAUSED,
    "FINISHED": Phase.FINISHED,
    "CANCELED": Phase.CANCELLED,
    "KILLED": Phase.CANCELLED,
    "FAILED": Phase.FAILED,
    "IN_ERROR": Phase.FAILED,
    "ERROR": Phase.FAILED,
    "DREAMING": Phase.UNKNOWN,
    "": Phase.UNKNOWN,
}


@pytest.mark.parametrize(("status", "phase"), PHASES.items())
def test_every_job_status_is_known_and_needs_nothing_beside_it(status: str, phase: Phase) -> None:
    assert report(job_status=status) == JobReport(phase, status)


def test_a_report_of_a_finished_job() -> None:
    finished = report(
        job_id=12345,
        job_status="FINISHED",
        process="100%",
        message="",
        results=[FIRST_ZIP, SECOND_ZIP],
        unprocessed="2",
        logs=[f"https://peps.cnes.fr/cgi-bin/mapcache_results/logs/joblog-{UUID}.log"],
    )
    assert finished == JobReport(Phase.FINISHED, "FINISHED", 100, "", (FIRST_ZIP, SECOND_ZIP), 2)


RESULTS_AS_SENT: dict[str, tuple[object, tuple[str, ...]]] = {
    "a list": ([FIRST_ZIP, SECOND_ZIP], (FIRST_ZIP, SECOND_ZIP)),
    "one string": (FIRST_ZIP, (FIRST_ZIP,)),
    "words for none": (["none", "null", "[]"], ()),
    "a word for none": ("None", ()),
    "beside a zip": ([f"{FIRST_ZIP}.md5", FIRST_ZIP.replace(".zip", ".jpg"), FIRST_ZIP], (FIRST_ZIP,)),
    "blanks": (["", "  ", None, FIRST_ZIP], (FIRST_ZIP,)),
    "one twice": ([FIRST_ZIP, SECOND_ZIP, FIRST_ZIP], (FIRST_ZIP, SECOND_ZIP)),
    "with spaces": ([f" {FIRST_ZIP}\n"], (FIRST_ZIP,)),
    "an object": ({"url": FIRST_ZIP}, ()),
}


@pytest.mark.parametrize(("sent", "results"), RESULTS_AS_SENT.values(), ids=RESULTS_AS_SENT)
def test_results_come_in_many_forms(sent: object, results: tuple[str, ...]) -> None:
    assert report(job_status="FINISHED", results=sent).results == results


@pytest.mark.parametrize(
    ("fields", "percent"),
    [
        ({"process": "42%"}, 42),
        ({"process": " 42.5 % "}, 42.5),
        ({"process": 42}, 42),
        ({"percentCompleted": 42}, 42),
        ({"percentCompleted": 0}, 0),
        ({"process": None, "percentCompleted": 42}, 42),
        ({"process": "", "percentCompleted": "42"}, 42),
        ({"process": "-", "percentCompleted": None}, None),
        ({"process": "120%"}, 100),
        ({"process": -1}, 0),
        ({"process": True}, None),
        ({"process": "NaN"}, None),
        ({"process": "infinity"}, None),
        ({"process": 10**400}, None),
        ({}, None),
    ],
    ids=str,
)
def test_percentages_come_in_many_forms(fields: dict[str, object], percent: float | None) -> None:
    assert report(job_status="RUNNING", **fields).percent == percent


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"job_status": "PENDING"}, "waiting"),
        ({"job_status": "RUNNING", "process": "42%"}, "running, 42 %"),
        ({"job_status": "STALLED", "process": "97.5%"}, "running, 97.5 %"),
        ({"job_status": "FAILED", "message": "no DEM\n for tile", "process": "100%"}, "failed: no DEM for tile"),
        ({"job_status": "CANCELED"}, "cancelled"),
        ({"job_status": "Dreaming \x1b[31m", "message": "of\tsheep"}, "Dreaming [31m: of sheep"),
    ],
    ids=str,
)
def test_a_report_as_people_read_it(fields: dict[str, object], line: str) -> None:
    assert str(report(**fields)) == line


NO_REPORTS = {
    "nothing": b"",
    "HTML": b"<html><body>404</body></html>",
    "an error": b'{"ErrorCode": 404, "ErrorMessage": "Not Found"}',
    "null": b"null",
    "null status": b'{"USER_INFO": {"job_status": null}}',
    "null inside": b'{"USER_INFO": null}',
    "a number for a status": b'{"job_status": 3}',
    "cut short": b'{"USER_INFO": {"job_status": "FINIS',
    "too deep": b"[" * 20_000,
}


@pytest.mark.parametrize("body", NO_REPORTS.values(), ids=NO_REPORTS)
def test_what_is_no_report_is_unreadable(body: bytes) -> None:
    with pytest.raises(ServerTrouble) as error:
        read_report(body)
    assert str(error.value).isprintable()


# -- joblogs ----------------------------------------------------------------------------------------------------------
JOBLOG = f"""2019-03-05 12:00:01 INFO  start of job 12345 ({UUID})
2019-03-05 12:00:02 INFO  https://peps.cnes.fr/cgi-bin/mapcache_results/logs/joblog-{UUID}.log
2019-03-05 12:00:02 INFO  input https://peps.cnes.fr/resto/collections/S2ST/{PRODUCT}/download/{PRODUCT}.zip
2019-03-05 14:10:00 INFO  result: {FIRST_ZIP}
2019-03-05 14:10:01 INFO  ["{SECOND_ZIP}", '{FIRST_ZIP}']
2019-03-05 14:10:02 INFO  of another job: {FIRST_ZIP.replace(UUID, "00000000-0000-0000-0000-000000000000")}
2019-03-05 14:10:03 INFO  <a href="http://peps-vizo.cnes.fr/mapcache_results/maja/{UUID}/third.zip">third.zip</a>,
2019-03-05 14:10:04 INFO  folder {RESULTS}/ is complete
"""


def test_a_joblog_names_the_results_of_its_job_each_once() -> None:
    third = f"http://peps-vizo.cnes.fr/mapcache_results/maja/{UUID}/third.zip"
    assert results_in_joblog([JOBLOG.encode()], UUID) == (FIRST_ZIP, SECOND_ZIP, third)
    assert results_in_joblog([JOBLOG.replace(UUID, "other").encode()], UUID) == ()
    assert results_in_joblog([], UUID) == ()
    assert results_in_joblog([JOBLOG.encode()], ".*") == (), "a job's id is no pattern"


@pytest.mark.parametrize("text", [b"http://", b"https://a/mapcache_results/maja/ID/", b"http://a/", b"x"], ids=repr)
def test_a_hostile_joblog_takes_no_longer_than_a_long_one(text: bytes) -> None:
    begun = time.monotonic()
    assert results_in_joblog([text * (1_000_000 // len(text))], "ID") == ()
    assert time.monotonic() - begun < 10


def test_an_address_in_a_joblog_may_be_cut_between_two_chunks() -> None:
    address = "https://peps.cnes.fr/cgi-bin/mapcache_results/maja/ID/a.zip"
    text = f"INFO {address}\n".encode() * 3
    assert results_in_joblog((text[place : place + 1] for place in range(len(text))), "ID") == (address,)
