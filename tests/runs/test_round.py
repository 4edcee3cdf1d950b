"""A round, as a user sees it: what the report decides, what is no answer, who holds up whom, what is never replaced."""

from __future__ import annotations

import pytest
from helpers import (
    Place,
    Run,
    add,
    add_small,
    ago,
    altered_report,
    l1c,
    l2a,
    lines_of,
    needs_strace,
    offers,
    opened,
    outcomes,
    under_strace,
    waits,
)

from peps_maja.sandbox import FORBIDDEN, HTML_PAGE, NOT_FOUND, Altered, Canned, Endpoint, Fault, Sandbox, Stall
from peps_maja.sandbox.faults import INTERNAL_ERROR, UNAVAILABLE, Answer
from peps_maja.sandbox.geodes import KEY, QUOTA

SERIES = "31TCJ_2019-03-01_2019-04-30"
DONE = ["downloaded", "finished"]


def spoil(peps: Sandbox, answer: Answer, *endpoints: Endpoint, match: str = "", times: int | None = None) -> None:
    peps.faults.add(*(Fault(endpoint, answer, times=times, match=match) for endpoint in endpoints))


def own(name: str, mark: str) -> str:
    return name.replace(".zip", f".{mark[:8]}.zip")


@pytest.fixture
def theia(place: Place, peps: Sandbox) -> Place:
    """Three jobs of Theia, with a key."""
    place.write_log(*offers(peps, 3, hours=80))
    return Place(place.folder, place.environment | {"GEODES_SERVER": peps.url, "GEODES_API_KEY": KEY})


# -- the report decides ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "end"), [("FAILED", "failed"), ("IN_ERROR", "failed"), ("CANCELED", "cancelled")])
def test_what_a_report_lists_is_fetched_however_the_job_ends(
    place: Place, peps: Sandbox, status: str, end: str
) -> None:
    job = add_small(peps, SERIES, l2a(1), l2a(11))
    spoil(peps, altered_report({"job_status": status}), Endpoint.REPORT)
    place.write_log(*opened(job))
    assert place.download("-q").status == 1
    assert outcomes(place) == {SERIES: ["downloaded", "downloaded", end]}


def test_a_report_outweighs_the_status_document_also_one_that_cannot_be_read(place: Place, peps: Sandbox) -> None:
    running, done, unread = add(peps, 1, "RUNNING"), add(peps, 2), add(peps, 3)
    for job in peps.jobs:
        job.wps_state = "ProcessFailed"
    spoil(peps, HTML_PAGE, Endpoint.REPORT, Endpoint.JOBLOG, match=unread.wps_id)
    place.write_log(*opened(*peps.jobs))
    assert place.download("-q").status == 75
    assert outcomes(place) == {running.product: [], done.product: DONE, unread.product: []}


@pytest.mark.parametrize("dead_first", [True, False])
def test_addresses_with_one_name_are_copies_tried_in_turn(place: Place, peps: Sandbox, *, dead_first: bool) -> None:
    job = add(peps)
    copies = [f"{peps.url}/cgi-bin/mapcache_results/maja/gone/{l2a(1)}", job.results[0].url]
    spoil(peps, altered_report({"results": copies if dead_first else copies[::-1]}), Endpoint.REPORT)
    place.write_log(*opened(job))
    assert place.download("-q").status == 0
    assert outcomes(place) == {job.product: DONE}


def test_a_bad_copy_keeps_no_good_one_away(place: Place, peps: Sandbox) -> None:
    jobs = [add(peps, day) for day in range(1, 6)]
    for day, job in enumerate(jobs, 1):
        good, content = job.results[0].url, job.results[0].content
        bad = {
            1: Canned(200, content[:600] + bytes([content[600] ^ 255]) + content[601:]),
            2: Canned(200, add(peps, 20).results[0].content),
            3: Canned(200, content[:-500] + bytes(500)),  # without its end, and as long as the good one
            4: INTERNAL_ERROR,
            5: UNAVAILABLE,
        }[day]
        spoil(
            peps,
            altered_report({"results": [good.replace(job.wps_id, f"bad-{day}"), good]}),
            Endpoint.REPORT,
            match=job.wps_id,
        )
        spoil(peps, bad, Endpoint.RESULT, match=f"bad-{day}")
        if day > 3:  # it is there, and the good copy tells how long it is
            (place.folder / l2a(day)).write_bytes(content)
            (place.folder / f"{l2a(day)}.part").write_bytes(content[:900])
    place.write_log(*opened(*jobs))
    assert place.download("-q").status == 0
    assert outcomes(place) == {job.product: DONE for job in jobs}
    assert place.zips() == [job.results[0].name for job in jobs]
    assert list(place.folder.glob("*.part*")) == []


@pytest.mark.parametrize("answer", [FORBIDDEN, UNAVAILABLE])
def test_a_report_is_looked_for_at_its_usual_address_too(place: Place, peps: Sandbox, answer: Canned) -> None:
    job, none = add(peps, 1), add(peps, 2)
    spoil(
        peps, Altered(lambda reply: reply.with_body(reply.text().replace("outputs/report-", "there/"))), Endpoint.STATUS
    )
    spoil(peps, answer, Endpoint.OTHER)
    spoil(peps, NOT_FOUND, Endpoint.REPORT, match=none.wps_id)
    place.write_log(*opened(job, none))
    assert place.download("-q").status == (1 if answer is FORBIDDEN else 75)
    assert outcomes(place) == {job.product: DONE, none.product: []}


def test_only_zips_are_results(place: Place, peps: Sandbox) -> None:
    good = add(peps, 9)
    with_sidecar = [good.results[0].url, f"{good.results[0].url}.md5"]
    spoil(peps, altered_report({"results": with_sidecar}), Endpoint.REPORT, match=good.wps_id)
    for day, results in enumerate(("none", ["None"], "[]", ["https://peps.cnes.fr/a.jpg", "a.zip.md5"]), 1):
        spoil(peps, altered_report({"results": results}), Endpoint.REPORT, match=add(peps, day).wps_id)
    place.write_log(*opened(*peps.jobs))
    assert place.download("-q").status == 1
    assert {detail for *_, detail in place.events("missing")} == {"- absent no results"}
    assert outcomes(place) == {job.product: ["missing"] for job in peps.jobs} | {good.product: DONE}


def test_lapses_of_a_server_close_no_job(place: Place, peps: Sandbox) -> None:
    job = add(peps, 1, "RUNNING")
    place.write_log(*opened(job, hours=400), (ago(9 * 24), "missing", job.product, "- absent no report"))
    assert place.download("-q", "--stalled-after", "1000").status == 0
    assert place.events("missing")[1:] == [("missing", job.product, "- back")]
    spoil(peps, NOT_FOUND, Endpoint.STATUS, Endpoint.REPORT)
    assert place.download("-q", "--stalled-after", "1000").status == 1
    assert outcomes(place) == {job.product: ["missing", "missing", "missing"]}


def test_a_job_of_the_future_without_a_report_is_missing(place: Place, peps: Sandbox) -> None:
    job = add(peps, 1, "RUNNING")
    place.write_log(("2099-01-01T00:00:00Z", "submitted", job.product, job.status_url))
    spoil(peps, NOT_FOUND, Endpoint.STATUS, Endpoint.REPORT)
    assert (place.download("-q").status, outcomes(place)) == (1, {job.product: ["missing"]})


def test_back_is_a_report_that_can_be_read_and_a_job_that_delivered_is_finished(place: Place, peps: Sandbox) -> None:
    there, empty, refused, delivered = add(peps, 1), add(peps, 2, results=()), add(peps, 3), add(peps, 4, results=())
    refused.wps_state = "ProcessFailed"
    spoil(peps, NOT_FOUND, Endpoint.REPORT, match=refused.wps_id)
    whys = ((there, "404"), (empty, "404"), (refused, "no report"))
    known = [(job, "missing", f"- absent {why}") for job, why in whys]
    known += [(delivered, "downloaded", l2a(4)), (delivered, "missing", "- absent no results")]
    lines = [(ago(30), event, job.product, detail) for job, event, detail in known]
    place.write_log(*opened(*peps.jobs, hours=70), *lines)
    assert place.download("-q", "--stalled-after", "1000").status == 1
    assert place.written()[there.product][1:] == [("missing", "- back"), ("downloaded", l2a(1)), ("finished", "")]
    assert outcomes(place)[empty.product] == ["missing", "missing", "missing"]  # back, and from now on without results
    assert outcomes(place)[refused.product] == ["missing", "failed"]
    assert outcomes(place)[delivered.product] == ["downloaded", "missing", "finished"]


def test_a_result_with_a_new_name_finishes_its_job(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    old = l2a(1).replace("_D.zip", "_C.zip")
    place.write_log(*opened(job, hours=300), (ago(8 * 24), "missing", job.product, f"{old} absent 404"))
    run = place.download("-q", "--stalled-after", "1000")
    assert (run.status, outcomes(place)[job.product][1:]) == (0, DONE)
    assert f"{old} was missing, and is not listed any more" in run.out


# -- what is never replaced ------------------------------------------------------------------------------------------


def test_what_is_not_known_to_be_the_result_is_not_it(place: Place, peps: Sandbox) -> None:
    for day, first in enumerate((NOT_FOUND, FORBIDDEN, HTML_PAGE, Canned(200)), 1):
        job = add(peps, day)
        spoil(peps, first, Endpoint.RESULT, match=job.wps_id, times=1)  # that is the question for its length
        (place.folder / l2a(day)).write_bytes(job.results[0].content + bytes(9))
    place.write_log(*opened(*peps.jobs))
    assert place.download("-q").status == 0
    for job in peps.jobs:
        result = job.results[0]
        assert place.written()[job.product][0] == ("downloaded", own(result.name, job.wps_id))
        assert (place.folder / result.name).read_bytes() == result.content + bytes(9)
        asked = [asked for asked in peps.asked(Endpoint.RESULT) if job.wps_id in asked.path]
        assert [(each.method, each.headers.get("range")) for each in asked] == [("GET", "bytes=0-0"), ("GET", None)]


def test_a_folder_under_the_name_stays(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    (place.folder / l2a(1)).mkdir()
    place.write_log(*opened(job))
    assert place.download("-q").status == 0
    assert place.zips() == [own(l2a(1), job.wps_id), l2a(1)]


def test_nothing_is_written_through_a_link(place: Place, peps: Sandbox) -> None:
    treasure = place.folder / "thesis.tex"
    treasure.write_text("mine")
    blocked, good = [add(peps, 1), add(peps, 2)], add(peps, 3)
    for job, suffix in zip(blocked, (".part", ".part.json"), strict=True):
        (place.folder / f"{job.results[0].name}{suffix}").symlink_to(treasure)
    place.write_log(*opened(*peps.jobs))
    run = place.download("-q")
    assert (run.status, [len(lines_of(run.err, job)) for job in blocked]) == (1, [1, 1])
    assert treasure.read_text() == "mine"
    assert outcomes(place) == {job.product: [] for job in blocked} | {good.product: DONE}


# -- what lacks its end, and what takes too much -----------------------------------------------------------------------


def test_what_is_cut_without_a_length_is_kept_and_continued(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    content = job.results[0].content
    spoil(peps, Canned(200, content[:-1000], {"Content-Type": "application/zip"}), Endpoint.RESULT, times=1)
    peps.faults.lengths = False
    place.write_log(*opened(job))
    for _ in range(2):
        place.download("-q")
    assert (place.folder / l2a(1)).read_bytes() == content
    assert outcomes(place) == {job.product: DONE}


def test_a_zip_of_the_joblog_that_is_still_being_written_is_no_word(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    content = job.results[0].content
    job.results[0].content = content[:-1000]
    spoil(peps, NOT_FOUND, Endpoint.STATUS, Endpoint.REPORT)
    place.write_log(*opened(job))
    run = place.download("-q")
    assert (run.out, run.err, outcomes(place)) == ("", "", {job.product: []})
    job.results[0].content = content
    assert (place.download("-q").status, outcomes(place)) == (0, {job.product: DONE})


# -- what is no answer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        Canned(200, "<h1>login</h1>"),
        Canned(302, "", {"Location": "/login"}),
        Canned(403, "<html>firewall</html>", {"Content-Type": "text/html"}),
    ],
    ids=["page", "redirect to one", "403 of a firewall"],
)
def test_what_is_no_answer_of_geodes_touches_no_job(theia: Place, peps: Sandbox, answer: Answer) -> None:
    spoil(peps, answer, Endpoint.GEODES_DOWNLOAD)
    spoil(peps, HTML_PAGE, Endpoint.OTHER)
    assert theia.download("-q", "--stalled-after", "999") == Run(75, "", "")
    assert theia.events("missing", "failed") == []


# -- nobody holds anybody up -------------------------------------------------------------------------------------------


def test_a_zip_that_was_there_does_not_speak_for_the_service(theia: Place, peps: Sandbox) -> None:
    available = theia.log.read_text()
    assert theia.download("-q").status == 0
    theia.log.write_text(available)  # as if the run had been killed before it could note what came
    (theia.folder / theia.zips()[-1]).unlink()
    spoil(peps, HTML_PAGE, Endpoint.GEODES_DOWNLOAD)
    assert theia.download("-q").status == 75
    assert theia.events("missing") == []


def test_a_busy_server_is_not_waited_for(place: Place, peps: Sandbox) -> None:
    jobs = [add_small(peps, l1c(day), l2a(day)) for day in range(1, 20)]
    for number, job in enumerate(jobs[:-1]):
        endpoint = (Endpoint.STATUS, Endpoint.REPORT, Endpoint.RESULT)[number % 3]
        spoil(peps, Canned(503, "", {"Retry-After": "60"}), endpoint, match=job.wps_id)
    place.write_log(*opened(*jobs))
    run = place.download("-q")  # within the minute that one wait would take
    assert (run.status, run.err) == (75, "")
    assert outcomes(place) == {job.product: [] for job in jobs} | {jobs[-1].product: DONE}


def test_a_series_to_which_a_server_says_nothing_holds_up_no_round(hasty: Place, peps: Sandbox) -> None:
    hasty.write_log(*opened(add_small(peps, SERIES, *(l2a(day) for day in range(1, 32)))))
    spoil(peps, Stall(60), Endpoint.RESULT)
    assert hasty.download("-q", "-j", "1", PEPS_TIMEOUT="0.3") == Run(75, "", "")
    assert len({asked.path for asked in peps.asked(Endpoint.RESULT)}) <= 3


def test_a_joblog_that_never_comes_ends_the_round(hasty: Place, peps: Sandbox) -> None:
    hasty.write_log(*opened(*(add(peps, day, "RUNNING") for day in range(1, 25))))
    spoil(peps, HTML_PAGE, Endpoint.STATUS, Endpoint.REPORT)
    spoil(peps, Stall(60), Endpoint.JOBLOG)
    assert hasty.download("-q", PEPS_TIMEOUT="0.3") == Run(75, "", "")
    assert len({asked.path for asked in peps.asked(Endpoint.JOBLOG)}) < 20


def test_waiting_goes_on_after_an_hourly_quota_and_theias_jobs_stall(hasty: Place, theia: Place, peps: Sandbox) -> None:
    peps.geodes.quota, peps.geodes.out_of_quota = 1, QUOTA
    run = theia.download("-q", "--wait", "--timeout", "0.9", "-j", "1", "--every", "10", **hasty.environment)
    assert (run.status, len(theia.events("downloaded")), run.err) == (75, 1, "")
    assert len(peps.asked(Endpoint.GEODES_DOWNLOAD)) == 2
    assert len(theia.events("stalled")) == 2
    theia.download("-q", "--wait", "--timeout", "1.1", "-j", "1", "--every", "10", **hasty.environment)
    assert len(peps.asked(Endpoint.GEODES_DOWNLOAD)) == 4  # after an hour


def test_a_refusal_of_one_job_is_told_once_in_a_run(hasty: Place, peps: Sandbox) -> None:
    refused, running = add(peps, 1), add(peps, 2, "RUNNING")
    spoil(peps, FORBIDDEN, Endpoint.STATUS, Endpoint.REPORT, match=refused.wps_id)
    hasty.write_log(*opened(refused, running, hours=2))
    run = hasty.download("-q", "--wait", "--timeout", "1")
    assert (run.status, len(lines_of(run.err, refused)), len(waits(hasty)) > 2) == (1, 1, True)
    assert "ask PEPS why, or --drop the job" in run.err


def test_a_redirect_to_no_address_is_trouble_of_that_job(place: Place, peps: Sandbox) -> None:
    bad, good = add(peps, 1), add(peps, 2)
    spoil(peps, Canned(302, "", {"Location": "https://[::1"}), Endpoint.STATUS, Endpoint.REPORT, match=bad.wps_id)
    spoil(peps, NOT_FOUND, Endpoint.JOBLOG)
    place.write_log(*opened(bad, good))
    run = place.download()
    assert (run.status, "report it" in run.err) == (75, False)
    assert outcomes(place) == {bad.product: [], good.product: DONE}


# -- told, then noted --------------------------------------------------------------------------------------------------


@needs_strace
def test_a_run_that_is_killed_before_it_could_note_leaves_the_news_to_the_next(place: Place, peps: Sandbox) -> None:
    job = add(peps, 1, "FAILED")
    place.write_log(*opened(job))
    kill = ["-P", str(place.log), "-e", "trace=write", "-e", "inject=write:signal=KILL:when=1"]
    assert under_strace(place, kill, "downloader", "-q", "-l", str(place.log)).out.startswith(f"{job.product}: failed")
    assert outcomes(place) == {job.product: []}
    assert len(lines_of(place.download("-q").out, job)) == 1
