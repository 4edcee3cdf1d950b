"""A round, as a user sees it: what the report decides, what is no answer, who holds up whom, what is never replaced."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime, timezone
from itertools import islice

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
    opened,
    outcomes,
    under_strace,
)

from peps_maja.joblog.details import Offer
from peps_maja.sandbox import FORBIDDEN, HTML_PAGE, NOT_FOUND, Canned, Endpoint, Fault, Sandbox, Stall
from peps_maja.sandbox.faults import Answer
from peps_maja.sandbox.geodes import KEY, QUOTA
from peps_maja.sandbox.geodes.products import products_of
from peps_maja.theia.items import read_item

SPRING = datetime(2019, 3, 1, tzinfo=timezone.utc), datetime(2019, 5, 31, tzinfo=timezone.utc)
SERIES = "31TCJ_2019-03-01_2019-04-30"
DONE = ["downloaded", "finished"]
PAGES = ["<h1>Maintenance</h1>", "<br />", "<center>503</center>", "down for maintenance", "", "{}"]


def spoil(peps: Sandbox, answer: Answer, *endpoints: Endpoint, match: str = "", times: int | None = None) -> None:
    peps.faults.add(*(Fault(endpoint, answer, times=times, match=match) for endpoint in endpoints))


def own(name: str, mark: str) -> str:
    return name.replace(".zip", f".{mark[:8]}.zip")


@pytest.fixture
def theia(place: Place, peps: Sandbox) -> Place:
    """Three jobs of Theia, with a key."""
    products = islice(products_of(peps.world, ["31TCJ"], *SPRING), 3)
    items = [item for product in products if (item := read_item(peps.geodes.feature(product, peps.url)))]
    place.write_log(
        *((ago(80), "available", item.identifier, str(Offer(item.address, item.size, item.md5))) for item in items)
    )
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


@pytest.mark.parametrize(("status", "events"), [("RUNNING", []), ("FINISHED", DONE)])
def test_a_report_outweighs_the_status_document(place: Place, peps: Sandbox, status: str, events: list[str]) -> None:
    job = add(peps, 1, status)
    job.wps_state = "ProcessFailed"
    place.write_log(*opened(job))
    assert place.download("-q").status == 0
    assert outcomes(place) == {job.product: events}


@pytest.mark.parametrize("dead_first", [True, False])
def test_trust_with_one_name_are_copies_tried_in_turn(place: Place, peps: Sandbox, *, dead_first: bool) -> None:
    job = add(peps)
    copies = [f"{peps.url}/cgi-bin/mapcache_results/maja/gone/{l2a(1)}", job.results[0].url]
    spoil(peps, altered_report({"results": copies if dead_first else copies[::-1]}), Endpoint.REPORT)
    place.write_log(*opened(job))
    assert place.download("-q").status == 0
    assert outcomes(place) == {job.product: DONE}


@pytest.mark.parametrize("results", ["none", ["None"], "[]", "null", ["https://peps.cnes.fr/a.jpg", "a.zip.md5"]])
def test_only_zips_are_results(place: Place, peps: Sandbox, results: object) -> None:
    job = add(peps)
    spoil(peps, altered_report({"results": results}), Endpoint.REPORT)
    place.write_log(*opened(job))
    assert place.download("-q").status == 1
    assert place.events("missing") == [("missing", job.product, "- absent no results")]


def test_sidecars_keep_no_job_open(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    spoil(peps, altered_report({"results": [job.results[0].url, f"{job.results[0].url}.md5"]}), Endpoint.REPORT)
    place.write_log(*opened(job))
    assert (place.download("-q").status, outcomes(place)) == (0, {job.product: DONE})


def test_lapses_of_a_server_close_no_job(place: Place, peps: Sandbox) -> None:
    job = add(peps, 1, "RUNNING")
    place.write_log(*opened(job, hours=400), (ago(9 * 24), "missing", job.product, "- absent no report"))
    assert place.download("-q", "--stalled-after", "1000").status == 0
    assert place.events("missing")[1:] == [("missing", job.product, "- back")]
    spoil(peps, NOT_FOUND, Endpoint.STATUS, Endpoint.REPORT)
    assert place.download("-q", "--stalled-after", "1000").status == 1
    assert outcomes(place) == {job.product: ["missing", "missing", "missing"]}


def test_a_result_with_a_new_name_finishes_its_job(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    old = l2a(1).replace("_D.zip", "_C.zip")
    place.write_log(*opened(job, hours=300), (ago(8 * 24), "missing", job.product, f"{old} absent 404"))
    run = place.download("-q", "--stalled-after", "1000")
    assert (run.status, outcomes(place)[job.product][1:]) == (0, DONE)
    assert f"{old} was missing, and is not listed any more" in run.out


# -- what is never replaced ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [NOT_FOUND, FORBIDDEN, HTML_PAGE, Canned(200)], ids=["404", "403", "HTML", "nothing"])
def test_what_is_not_known_to_be_the_result_is_not_it(place: Place, peps: Sandbox, first: Canned) -> None:
    job = add(peps)
    other = job.results[0].content + bytes(9)
    (place.folder / l2a(1)).write_bytes(other)
    spoil(peps, first, Endpoint.RESULT, times=1)  # that is the question for its length
    place.write_log(*opened(job))
    assert place.download("-q").status == 0
    assert place.events("downloaded") == [("downloaded", job.product, own(l2a(1), job.wps_id))]
    assert (place.folder / l2a(1)).read_bytes() == other
    assert {asked.method for asked in peps.asked(Endpoint.RESULT)} == {"GET"}
    assert peps.asked(Endpoint.RESULT)[0].headers["range"] == "bytes=0-0"


def test_a_folder_under_the_name_stays(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    (place.folder / l2a(1)).mkdir()
    place.write_log(*opened(job))
    assert place.download("-q").status == 0
    assert place.zips() == [own(l2a(1), job.wps_id), l2a(1)]


@pytest.mark.parametrize("suffix", [".part", ".part.json"])
def test_nothing_is_written_through_a_link(place: Place, peps: Sandbox, suffix: str) -> None:
    blocked, good = add(peps, 1), add(peps, 2)
    treasure = place.folder / "thesis.tex"
    treasure.write_text("mine")
    (place.folder / f"{l2a(1)}{suffix}").symlink_to(treasure)
    place.write_log(*opened(blocked, good))
    run = place.download("-q")
    assert (run.status, len(lines_of(run.err, blocked))) == (1, 1)
    assert treasure.read_text() == "mine"
    assert outcomes(place) == {blocked.product: [], good.product: DONE}


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


def packed(compression: int, members: int) -> bytes:
    file, stem = io.BytesIO(), l2a(1).removesuffix(".zip")
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name in (f"{stem}/{stem}_MTD_ALL.xml", *(f"{stem}/{number}.tif" for number in range(members))):
            archive.writestr(name, "x")
    return file.getvalue()


@pytest.mark.parametrize(
    ("compression", "members", "why"),
    [(zipfile.ZIP_BZIP2, 1, "packed in a way"), (zipfile.ZIP_STORED, 100_100, "more than 100000 members")],
)
def test_what_would_take_too_much_memory_is_broken(
    place: Place, peps: Sandbox, compression: int, members: int, why: str
) -> None:
    job = add(peps)
    job.results[0].content = packed(compression, members)
    place.write_log(*opened(job))
    assert place.download("-q").status == 1
    [(_, _, detail)] = place.events("missing")
    assert why in detail


# -- what is no answer -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
def test_what_is_no_answer_of_peps_says_nothing(place: Place, peps: Sandbox, page: str) -> None:
    spoil(peps, Canned(200, page), Endpoint.STATUS, Endpoint.REPORT, Endpoint.JOBLOG)
    place.write_log(*opened(*(add(peps, day) for day in (1, 2)), hours=2))
    before = place.log.read_bytes()
    assert place.download("-q") == Run(75, "", "")
    assert "waiting" not in place.download().out
    assert place.log.read_bytes() == before


FIREWALL = Canned(403, "<html>firewall</html>", {"Content-Type": "text/html"})


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


def test_a_page_in_place_of_one_zip_among_others_is_missing(place: Place, peps: Sandbox) -> None:
    page, good = add(peps, 1), add(peps, 2)
    spoil(peps, HTML_PAGE, Endpoint.RESULT, match=page.wps_id)
    place.write_log(*opened(page, good))
    assert place.download("-q").status == 1
    assert outcomes(place) == {page.product: ["missing"], good.product: DONE}


# -- nobody holds anybody up -------------------------------------------------------------------------------------------


def test_a_zip_that_was_there_does_not_speak_for_the_service(theia: Place, peps: Sandbox) -> None:
    available = theia.log.read_text()
    assert theia.download("-q").status == 0
    theia.log.write_text(available)  # as if the run had been killed before it could note what came
    (theia.folder / theia.zips()[-1]).unlink()
    spoil(peps, HTML_PAGE, Endpoint.GEODES_DOWNLOAD)
    assert theia.download("-q").status == 75
    assert theia.events("missing") == []


@pytest.mark.parametrize("endpoint", [Endpoint.STATUS, Endpoint.REPORT, Endpoint.RESULT])
def test_a_busy_server_is_not_waited_for(place: Place, peps: Sandbox, endpoint: Endpoint) -> None:
    jobs = [add_small(peps, l1c(day), l2a(day)) for day in range(1, 20)]
    for job in jobs[:-1]:
        spoil(peps, Canned(503, "", {"Retry-After": "60"}), endpoint, match=job.wps_id)
    place.write_log(*opened(*jobs))
    run = place.download("-q")  # within the minute that one wait would take
    assert (run.status, run.err) == (75, "")
    assert outcomes(place)[jobs[-1].product] == DONE


def test_a_series_to_which_a_server_says_nothing_holds_up_no_round(place: Place, peps: Sandbox) -> None:
    place.write_log(*opened(add_small(peps, SERIES, *(l2a(day) for day in range(1, 32)))))
    spoil(peps, Stall(60), Endpoint.RESULT)
    assert place.download("-q", "-j", "1", PEPS_TIMEOUT="0.3") == Run(75, "", "")
    assert len({asked.path for asked in peps.asked(Endpoint.RESULT)}) <= 3


def test_waiting_goes_on_after_an_hourly_quota_and_theias_jobs_stall(theia: Place, peps: Sandbox) -> None:
    peps.geodes.quota, peps.geodes.out_of_quota = 1, QUOTA
    run = theia.download("-q", "--wait", "--timeout", "0.01", "-j", "1", "--every", "0")
    assert (run.status, len(theia.events("downloaded")), run.err) == (75, 1, "")
    assert len(peps.asked(Endpoint.GEODES_DOWNLOAD)) == 2
    assert len(theia.events("stalled")) == 2


def test_a_refusal_of_one_job_is_told_once_in_a_run(place: Place, peps: Sandbox) -> None:
    refused, running = add(peps, 1), add(peps, 2, "RUNNING")
    spoil(peps, FORBIDDEN, Endpoint.STATUS, Endpoint.REPORT, match=refused.wps_id)
    place.write_log(*opened(refused, running, hours=2))
    run = place.download("-q", "--wait", "--every", "0", "--timeout", "0.004")
    assert (run.status, len(lines_of(run.err, refused))) == (1, 1)


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
