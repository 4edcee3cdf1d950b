"""What cannot be read, is refused, missing or silent: what each means for one job, and for the run."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from helpers import BROKEN, NO_REPORT, Place, Run, add, ago, l2a, lines_of, opened, outcomes

from peps_maja.sandbox import (
    FORBIDDEN,
    HTML_PAGE,
    NOT_FOUND,
    Altered,
    Canned,
    Endpoint,
    Fault,
    Job,
    Reply,
    Sandbox,
    Stall,
)
from peps_maja.sandbox.faults import Answer

SERIES = "31TCJ_2019-03-01_2019-04-30"
LAYERS = (Endpoint.STATUS, Endpoint.REPORT)
EVERYWHERE = (*LAYERS, Endpoint.REFRESH, Endpoint.JOBLOG)
WEEK = 7 * 24 + 0.5
DONE = ["downloaded", "finished"]


def spoil(peps: Sandbox, answer: Answer, *endpoints: Endpoint, match: str = "") -> None:
    peps.faults.add(*(Fault(endpoint, answer, times=None, match=match) for endpoint in endpoints))


def error(code: int, message: str, status: int = 200) -> Canned:
    return Canned(status, json.dumps({"ErrorCode": code, "ErrorMessage": message}))


def series(peps: Sandbox, *days: int) -> Job:
    return peps.add_job(SERIES, results=tuple(l2a(day) for day in days))


def joblog(job: Job, results: int) -> Canned:
    """Return a joblog that names so many of the job's results."""
    return Canned(200, "\n".join(f"INFO available: {result.url}" for result in job.results[:results]))


# -- what a report that cannot be read means -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["gone", "HTML"])
def test_a_series_whose_report_is_unreadable_once_stays_open(place: Place, peps: Sandbox, name: str) -> None:
    job = series(peps, 1, 11, 21)
    place.write_log(*opened(job))
    peps.faults.add(Fault(Endpoint.REPORT, NO_REPORT[name]), Fault(Endpoint.JOBLOG, joblog(job, 2)))

    assert place.download().status == (0 if name == "gone" else 75)
    assert outcomes(place) == {SERIES: ["downloaded", "downloaded"]}

    assert place.download().status == 0
    assert outcomes(place) == {SERIES: ["downloaded", "downloaded", "downloaded", "finished"]}


def test_a_joblog_of_many_megabytes_is_read(place: Place, peps: Sandbox) -> None:
    job = add(peps, 1)
    place.write_log(*opened(job))
    spoil(peps, Canned(200, b"x" * 99 + b"\n" + b"INFO 3 of 8 dates\n" * 700_000 + job.log().encode()), Endpoint.JOBLOG)
    spoil(peps, NOT_FOUND, Endpoint.REPORT)
    assert place.download().status == 0
    assert outcomes(place) == {job.product: DONE}


def test_a_report_inside_a_status_document_counts_till_there_is_a_newer_one(place: Place, peps: Sandbox) -> None:
    def empty_later(reply: Reply) -> Reply:
        replies.append(reply)
        return reply if len(replies) == 1 else reply.with_body(reply.body.replace(b"LiteralData", b"Nothing"))

    replies: list[Reply] = []
    job = add(peps)
    peps.faults.report_as = "literal"
    spoil(peps, Altered(empty_later), Endpoint.STATUS)
    spoil(peps, NOT_FOUND, Endpoint.REPORT)
    place.write_log(*opened(job))
    assert f"{job.product}: waiting\n" in place.download().out
    assert len(replies) == 2


# -- answers that concern all jobs, or one -------------------------------------------------------------------------

PAGES: dict[str, Answer] = {
    "maintenance": HTML_PAGE,
    "a page in XHTML": Canned(200, '<?xml version="1.0"?>\n<!-- PEPS --><html xmlns="http://www.w3.org/1999/xhtml"/>'),
    "a redirect to a login": Canned(302, "", {"Location": "/login"}),
    "400": Canned(400, "bad request"),
    **{page: Canned(200, page) for page in ("<h1>Maintenance</h1>", "<br />", "<center>503", "down", "", "{}")},
}
LATER: dict[str, tuple[Answer, Endpoint]] = {
    "quota of the week": (error(420, "week|10000000"), Endpoint.STATUS),
    "420": (error(420, "week|10000000", 420), Endpoint.REPORT),
    "429": (Canned(429, "", {"Retry-After": "3600"}), Endpoint.STATUS),
    "429 for a zip": (Canned(429, "", {"Retry-After": "3600"}), Endpoint.RESULT),
    "flows": (error(403, "Maximum number of 4 concurrent flows", 403), Endpoint.REPORT),
    "202": (Canned(202), Endpoint.RESULT),
}


def test_a_page_in_every_layer_is_for_the_next_run(place: Place, peps: Sandbox) -> None:
    for day, page in enumerate(PAGES.values(), 1):
        spoil(peps, page, *EVERYWHERE, match=add(peps, day).wps_id)
    spoil(peps, HTML_PAGE, Endpoint.OTHER)
    place.write_log(*opened(*peps.jobs, hours=2))
    before = place.log.read_bytes()

    run, shown, quiet = place.download(), place.download("--status"), place.download("-q")

    assert (run.status, shown.status, quiet) == (75, 75, Run(75, "", ""))
    assert "waiting" not in run.out + run.err + shown.out + shown.err
    assert {name: len(lines_of(run.err, job)) for name, job in zip(PAGES, peps.jobs, strict=True)} == dict.fromkeys(
        PAGES, 1
    )
    assert place.log.read_bytes() == before


@pytest.mark.parametrize(("answer", "endpoint"), LATER.values(), ids=LATER)
def test_a_quota_is_never_missing(hasty: Place, peps: Sandbox, answer: Answer, endpoint: Endpoint) -> None:
    held, good = add(peps, 1), add(peps, 2)
    hasty.write_log(*opened(held, good))
    spoil(peps, answer, endpoint, match=held.wps_id)

    run = hasty.download("-q")

    assert (run.status, run.err) == (75, "")
    assert outcomes(hasty)[held.product] == []
    peps.faults.clear()  # as soon as it is there again, all comes
    assert hasty.download("-q").status == 0
    assert outcomes(hasty) == {job.product: DONE for job in (held, good)}


def test_a_403_for_one_job_leaves_that_job(place: Place, peps: Sandbox) -> None:
    refused, good = {endpoint: add(peps, day) for day, endpoint in enumerate(EVERYWHERE, 1)}, add(peps, 9)
    place.write_log(*opened(*peps.jobs, hours=2))
    for endpoint, job in refused.items():
        spoil(peps, FORBIDDEN, endpoint, match=job.wps_id)
    spoil(peps, NOT_FOUND, Endpoint.REPORT, match=refused[Endpoint.STATUS].wps_id)  # else that would do

    run = place.download("-q")

    assert run.status == 1
    told = {endpoint for endpoint, job in refused.items() if lines_of(run.err, job)}
    assert (told, len(run.err.splitlines())) == (set(LAYERS), 2)
    # Without PROCESSING_STATUS, the report stays as it was.
    left: dict[str, list[str]] = {
        job.product: [] for endpoint, job in refused.items() if endpoint is not Endpoint.JOBLOG
    }
    assert outcomes(place) == left | {job.product: DONE for job in (refused[Endpoint.JOBLOG], good)}


INVALID = "User profile has not been validated since 2019"


@pytest.mark.parametrize(
    ("answer", "endpoint"),
    [
        (FORBIDDEN, Endpoint.STATUS),
        (FORBIDDEN, Endpoint.REPORT),
        (error(403, INVALID), Endpoint.REPORT),
        (error(403, INVALID, 403), Endpoint.STATUS),
    ],
)
def test_a_403_for_every_job_or_about_the_user_ends_the_run(
    place: Place, peps: Sandbox, answer: Canned, endpoint: Endpoint
) -> None:
    place.write_log(*opened(add(peps, 1), add(peps, 2), add(peps, 3)))
    spoil(peps, answer, *LAYERS[LAYERS.index(endpoint) :])
    before = place.log.read_bytes()

    run = place.download("-q", "--wait", "--every", "0.001")

    assert (run.status, run.out) == (2, "")
    [line] = run.err.splitlines()
    assert "403" in line
    assert place.log.read_bytes() == before
    assert place.download("--status").status == 2


# -- jobs that the server does not have any more -------------------------------------------------------------------


def test_a_job_that_the_server_does_not_have_is_missing_after_an_hour(place: Place, peps: Sandbox) -> None:
    young, old = add(peps, 1, "RUNNING"), add(peps, 2, "RUNNING")
    place.write_log(*opened(young, hours=0.9), *opened(old, hours=1.1))
    spoil(peps, NOT_FOUND, *EVERYWHERE)

    run = place.download()
    assert run.status == 1
    assert "waiting" in lines_of(run.out, young)[0]
    assert "waiting" not in lines_of(run.out, old)[0]
    assert place.events()[4:] == [("missing", old.product, "- absent no report")]

    again = place.download("-q")
    assert (again.status, again.out, again.err, len(place.events())) == (1, "", "", 5)
    peps.faults.clear()
    assert place.download("-q").status == 0


def test_a_job_that_stays_away_for_a_week_has_ended(place: Place, peps: Sandbox) -> None:
    early, lost, delivered = add(peps, 1), add(peps, 2), series(peps, 11)
    ages = ((early, WEEK - 2), (lost, WEEK), (delivered, WEEK))
    place.write_log(
        *opened(early, lost, delivered, hours=200),
        (ago(190), "downloaded", SERIES, delivered.results[0].name),
        *((ago(hours), "missing", job.product, "- absent no report") for job, hours in ages),
    )
    spoil(peps, NOT_FOUND, *EVERYWHERE)

    run = place.download("-q", "--stalled-after", "1000")

    assert (run.status, run.err) == (1, "")
    ends = {(event, job) for event, job, _ in place.events("failed", "finished")}
    assert ends == {("failed", lost.product), ("finished", SERIES)}


def test_two_reasons_for_no_results_do_not_share_their_time(place: Place, peps: Sandbox) -> None:
    job = add(peps, 1, results=())
    place.write_log(*opened(job, hours=100), (ago(90), "missing", job.product, "- absent no report"))
    assert place.download("-q", "--stalled-after", "1000").status == 1
    assert [detail for _, _, detail in place.events()[3:]] == ["- back", "- absent no results"]


# -- times that cannot be true, and results that are listed no more ------------------------------------------------

TIMES: dict[str, tuple[list[float], bool, list[str]]] = {
    "in the future": ([-48], True, ["missing"]),
    "before the submission": ([300], True, ["missing"]),
    "first in the future": ([-48, 1], False, []),
    "first before the submission, and 6 days ago": ([300, 144], True, ["missing"]),
    "first before the submission, and 8 days ago": ([300, 192], True, ["missing", "failed"]),
    "8 days ago, and in the future": ([192, -48], True, ["missing", "failed"]),
}


def test_a_time_that_cannot_be_true_delays_no_try(place: Place, peps: Sandbox) -> None:
    jobs = {name: add(peps, day) for day, name in enumerate(TIMES, 1)}
    missing = []
    for name, job in jobs.items():
        [result] = job.results
        result.content = result.content[:100] + bytes(100) + result.content[200:]
        missing += [(ago(age), "missing", job.product, f"{result.name} {BROKEN}") for age in TIMES[name][0]]
    place.write_log(*opened(*peps.jobs, hours=200), *missing)

    run = place.download("-q", "--stalled-after", "1000")

    assert run.status == 1
    asked = {asked.path.rpartition("/")[2] for asked in peps.asked(Endpoint.RESULT)}
    for name, (ages, is_asked, events) in TIMES.items():
        job = jobs[name]
        assert ((job.results[0].name in asked), outcomes(place)[job.product][len(ages) :]) == (is_asked, events), name
        assert bool(lines_of(run.out, job)) == ("failed" in events)  # an earlier run has told the rest


# -- servers that say nothing ---------------------------------------------------------------------------------------


def test_three_jobs_to_which_the_server_says_nothing_end_the_run(hasty: Place, peps: Sandbox) -> None:
    hasty.write_log(*opened(*(add(peps, day) for day in range(1, 31))))
    spoil(peps, Stall(60), *LAYERS)
    assert hasty.download("-q", PEPS_TIMEOUT="0.5") == Run(75, "", "")
    assert len({asked.path for asked in peps.asked(Endpoint.STATUS)}) < 20


def test_one_silent_job_ends_nothing(hasty: Place, peps: Sandbox) -> None:
    silent, good = [add(peps, 1), add(peps, 2)], add(peps, 3)
    hasty.write_log(*opened(*silent, good))
    for job in silent:
        spoil(peps, Stall(60), Endpoint.STATUS, match=job.wps_id)
    assert hasty.download("-q", PEPS_TIMEOUT="0.5").status == 75
    assert outcomes(hasty)[good.product] == DONE


@contextmanager
def held_up(place: Place, peps: Sandbox, endpoint: Endpoint) -> Iterator[None]:
    place.write_log(*opened(*(add(peps, day) for day in range(1, 4))))
    spoil(peps, Stall(60, after=1000 if endpoint is Endpoint.RESULT else None), endpoint)
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < 15


def test_a_timeout_ends_what_a_silent_server_holds_up(place: Place, peps: Sandbox) -> None:
    with held_up(place, peps, Endpoint.RESULT):
        spoil(peps, Stall(60), Endpoint.STATUS, match=peps.jobs[0].wps_id)
        run = place.download("--wait", "--timeout", "0.0003", PEPS_TIMEOUT="60")
    assert run.status == 75
    assert "--timeout is over" in run.err
    assert place.zips() == []


def test_ctrl_c_ends_what_a_silent_server_holds_up(place: Place, peps: Sandbox) -> None:
    with held_up(place, peps, Endpoint.STATUS), place.start("downloader", PEPS_TIMEOUT="60") as process:
        try:
            while not peps.asked(Endpoint.STATUS) and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, len(err.splitlines())) == (130, 1)


def test_a_service_that_brings_no_report_up_to_date_holds_up_nothing(place: Place, peps: Sandbox) -> None:
    for day in range(1, 29):
        add(peps, day).refresh()
    place.write_log(*opened(*peps.jobs))
    spoil(peps, Stall(60), Endpoint.REFRESH)
    assert place.download("-q", PEPS_TIMEOUT="1").status == 0
    assert len(peps.asked(Endpoint.REFRESH)) < 20
    assert len(place.events("finished")) == 28


# -- what is said ---------------------------------------------------------------------------------------------------


def test_a_failure_tells_where_the_log_is_and_whether_to_try_again(place: Place, peps: Sandbox) -> None:
    first, second = add(peps, 1, "FAILED"), add(peps, 2, "FAILED")
    place.write_log(*opened(first), *opened(second), (ago(), "failed", second.product, "no DEM"), *opened(second))

    place.folder.joinpath("peps.txt").rename(place.folder / "my peps.txt")
    run = place.download("-q", "-a", "my peps.txt")

    [line], [again] = lines_of(run.out, first), lines_of(run.out, second)
    command = f"peps_maja_process.py -a 'my peps.txt' -l {place.log.name} --server {peps.url}"
    assert f"{command} --resubmit failed --product {first.product}" in line
    assert "--resubmit" not in again
    assert "will not help" in again
    assert first.joblog_url in line
    assert second.joblog_url in again


def test_the_end_of_all_jobs_is_told_once(place: Place, peps: Sandbox) -> None:
    good, failed, late = add(peps, 1), add(peps, 2, "FAILED"), add(peps, 3, "RUNNING")
    place.write_log(*opened(good, failed, late))
    assert "all jobs are done" not in place.download("-q").out

    late.status = "FINISHED"
    [line] = [line for line in place.download("-q").out.splitlines() if "all jobs are done" in line]
    assert "3 in the log" in line
    assert "2 finished, 1 failed" in line or "1 failed, 2 finished" in line
    assert place.download("-q").out == ""
