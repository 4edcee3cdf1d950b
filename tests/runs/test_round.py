"""A round of the downloader: what it fetches, what it leaves, what it says, whatever servers answer."""

from __future__ import annotations

import fcntl
import io
import zipfile
from collections.abc import Callable
from datetime import datetime, timezone

import pytest
from helpers import (
    Item,
    Place,
    Run,
    add,
    ago,
    altered_report,
    begun,
    l2a,
    lines_of,
    opened,
    outcomes,
    tiny,
    waits,
)

from peps_maja.sandbox import FORBIDDEN, HTML_PAGE, NOT_FOUND, Altered, Canned, Endpoint, Fault, Sandbox
from peps_maja.sandbox.exchange import Reply
from peps_maja.sandbox.faults import HTML_FORBIDDEN, LOGIN, Answer, page, resto_error
from peps_maja.sandbox.geodes import KEY
from peps_maja.sandbox.geodes.products import products_of

SPRING = datetime(2019, 3, 1, tzinfo=timezone.utc), datetime(2019, 5, 31, tzinfo=timezone.utc)
SERIES = "31TCJ_2019-03-01_2019-04-30"
DONE = ["downloaded", "finished"]
ZIP = {"Content-Type": "application/zip"}


def spoil(peps: Sandbox, endpoint: Endpoint, answer: Answer, match: str = "", times: int | None = None) -> None:
    peps.faults.add(Fault(endpoint, answer, times=times, match=match))


def take_from_theia(place: Place, peps: Sandbox, count: int = 1) -> list[Item]:
    """Write a log of so many products of Theia; there is a key."""
    place.environment["GEODES_SERVER"] = peps.url
    (place.folder / "peps.txt").write_text(f"geodes {KEY}\n")
    items = [Item.of(peps, product) for product in products_of(peps.world, ["31TCJ"], *SPRING)[:count]]
    place.write_log(
        *((ago(), "available", item.identifier, f"{item.address} {item.size} {item.md5}") for item in items)
    )
    return items


# -- which results there are ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "end"),
    [("FAILED", "failed"), ("IN_ERROR", "failed"), ("CANCELED", "cancelled"), ("FINISHED", "finished")],
)
def test_what_a_report_lists_is_fetched_however_it_ends(place: Place, peps: Sandbox, status: str, end: str) -> None:
    job = peps.add_job(SERIES, results=(l2a(1), l2a(11)))
    spoil(peps, Endpoint.REPORT, altered_report({"job_status": status, "results": [each.url for each in job.results]}))
    place.write_log(*opened(job))
    assert place.download("-q").status == (0 if end == "finished" else 1)
    assert outcomes(place) == {SERIES: ["downloaded", "downloaded", end]}


@pytest.mark.parametrize("dead_first", [True, False])
def test_copies_are_tried_in_turn(place: Place, peps: Sandbox, *, dead_first: bool) -> None:
    job = add(peps)
    copies = [f"{peps.url}/cgi-bin/mapcache_results/maja/gone/{l2a(1)}", job.results[0].url]
    spoil(peps, Endpoint.REPORT, altered_report({"results": copies if dead_first else copies[::-1]}))
    place.write_log(*opened(job))
    assert place.download("-q").status == 0
    assert outcomes(place) == {job.product: DONE}


@pytest.mark.parametrize("beside", [".jpg", ".md5", ".zip.md5"])
def test_only_zips_are_results(place: Place, peps: Sandbox, beside: str) -> None:
    job = add(peps)
    url = job.results[0].url
    spoil(peps, Endpoint.REPORT, altered_report({"results": [url, url.replace(".zip", beside)]}))
    place.write_log(*opened(job))
    assert place.download("-q").status == 0
    assert outcomes(place) == {job.product: DONE}


@pytest.mark.parametrize("nothing", ["none", ["None"], "[]", "null", [None]], ids=str)
def test_what_is_no_address_is_no_result(place: Place, peps: Sandbox, nothing: object) -> None:
    job = add(peps)
    spoil(peps, Endpoint.REPORT, altered_report({"results": nothing}))
    place.write_log(*opened(job))
    assert place.download("-q").status == 1
    assert place.written() == {job.product: [("missing", "- absent no results")]}


@pytest.mark.parametrize(("status", "events"), [("RUNNING", []), ("FINISHED", DONE)])
def test_the_report_decides_where_the_launch_has_failed(
    place: Place, peps: Sandbox, status: str, events: list[str]
) -> None:
    job = add(peps, status=status)
    job.wps_state, job.message = "ProcessFailed", "lost"
    place.write_log(*opened(job))
    assert place.download("-q").status == 0
    assert outcomes(place) == {job.product: events}


def test_two_lapses_far_apart_end_no_job(place: Place, peps: Sandbox) -> None:
    job = add(peps, status="RUNNING")
    place.write_log(*opened(job, hours=24 * 10), (ago(24 * 9), "missing", job.product, "- absent no report"))
    assert place.download("--stalled-after", "1000").status == 0
    assert place.events()[-1][::2] == ("missing", "- back")
    for endpoint in (Endpoint.STATUS, Endpoint.REPORT):
        spoil(peps, endpoint, NOT_FOUND)
    assert place.download("-q", "--stalled-after", "1000").status == 1
    assert outcomes(place)[job.product] == ["missing", "missing", "missing"]


def test_a_result_that_gets_another_name_fails_nothing(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    lost = (ago(24 * 9), "missing", job.product, f"{l2a(2)} absent 404")
    place.write_log(*opened(job, hours=24 * 10), lost)
    run = place.download("-q")
    assert (run.status, run.err) == (0, "")
    assert f"{l2a(2)} was missing, and is not listed any more" in run.out
    assert outcomes(place)[job.product][1:] == DONE


# -- what is there, and what has come --------------------------------------------------------------------------------


@pytest.mark.parametrize("of_head", [NOT_FOUND, page(403, "no"), Canned(200, "", {"Content-Length": "0"}), HTML_PAGE])
@pytest.mark.parametrize("lengths", [True, False])
def test_another_product_of_one_name_is_not_this_one(
    place: Place, peps: Sandbox, of_head: Answer, *, lengths: bool
) -> None:
    first, second = add(peps, 1), add(peps, 2, results=(l2a(1),))
    second.results[0].content = tiny(l2a(2))
    peps.faults.lengths = lengths
    peps.faults.add(Fault(Endpoint.RESULT, of_head, times=None, match=lambda asked: asked.method == "HEAD"))
    place.write_log(*opened(first))
    assert place.download("-q").status == 0
    place.add_to_log(*begun(second), *begun(first))  # as if the first had been killed before its line
    assert place.download("-q").status == 0
    assert place.zips() == sorted([l2a(1), f"{l2a(1)[:-4]}.{second.wps_id[:8]}.zip"])


def test_a_cut_connection_without_a_length_is_continued(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    content = job.results[0].content
    peps.faults.lengths = peps.faults.ranges = False
    spoil(peps, Endpoint.RESULT, Canned(200, content[:-1000], ZIP | {"Connection": "close"}), times=3)
    place.write_log(*opened(job))
    place.download("-q")
    assert outcomes(place)[job.product] in ([], ["missing"])
    assert place.download("-q").status == 0
    assert outcomes(place)[job.product][-2:] == DONE
    assert (place.folder / l2a(1)).read_bytes() == content


def test_a_zip_that_is_being_written_is_tried_again_without_a_word(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    spoil(peps, Endpoint.REPORT, NOT_FOUND)
    content, job.results[0].content = job.results[0].content, job.results[0].content[:-1000]
    place.write_log(*opened(job))
    run = place.download("-q")
    assert (run.out, run.err, outcomes(place)) == ("", "", {job.product: []})
    job.results[0].content = content
    assert place.download("-q").status == 0
    assert outcomes(place) == {job.product: DONE}


@pytest.mark.parametrize("suffix", ["", ".part", ".part.json"])
def test_nothing_is_written_through_a_link(place: Place, peps: Sandbox, suffix: str) -> None:
    job = add(peps)
    place.write_log(*opened(job))
    victim = place.folder / "thesis"
    victim.write_text("mine")
    (place.folder / f"{l2a(1)}{suffix}").symlink_to(victim)
    place.download("-q")
    assert victim.read_text() == "mine"


def packed(compression: int) -> bytes:
    stem = l2a(1).removesuffix(".zip")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(f"{stem}/{stem}_MTD_ALL.xml", "<a/>")
        archive.writestr(f"{stem}/{stem}_FRE_B2.tif", bytes(100_000))
    return file.getvalue()


def many_members() -> bytes:
    stem = l2a(1).removesuffix(".zip")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(100_001):
            archive.writestr(f"{stem}/{number}_MTD_ALL.xml", "")
    return file.getvalue()


@pytest.mark.parametrize("content", [lambda: packed(zipfile.ZIP_BZIP2), many_members], ids=["bzip2", "many members"])
def test_a_zip_that_would_take_too_much_is_broken(place: Place, peps: Sandbox, content: Callable[[], bytes]) -> None:
    job = add(peps)
    job.results[0].content = content()
    place.write_log(*opened(job))
    assert place.download("-q").status == 1
    assert outcomes(place) == {job.product: ["missing"]}


# -- who holds up whom -----------------------------------------------------------------------------------------------

IN_PLACE_OF_A_ZIP = {
    "HTML": HTML_PAGE,
    "a login": LOGIN,
    "text": Canned(200, "maintenance"),
    "nothing": Canned(200),
    "unknown JSON": Canned(200, "{}"),
    "403 with HTML": HTML_FORBIDDEN,
}


@pytest.mark.parametrize("name", IN_PLACE_OF_A_ZIP)
def test_a_page_for_every_zip_says_nothing(place: Place, peps: Sandbox, name: str) -> None:
    items = take_from_theia(place, peps, 2)
    spoil(peps, Endpoint.GEODES_DOWNLOAD, IN_PLACE_OF_A_ZIP[name])
    assert place.download("-q") == Run(75, "", "")
    peps.faults.clear()
    spoil(peps, Endpoint.GEODES_DOWNLOAD, IN_PLACE_OF_A_ZIP[name], times=1)
    assert place.download("-q").status in ({75} if "403" in name else {1})  # the other one came well
    assert place.download("-q").status == 0
    assert all(events[-1] == "finished" for events in outcomes(place).values())
    assert len(items) == 2


def test_a_quota_of_geodes_ends_no_wait(hasty: Place, peps: Sandbox) -> None:
    take_from_theia(hasty, peps)
    spoil(peps, Endpoint.GEODES_DOWNLOAD, Canned(429), times=1)
    run = hasty.download("--wait", "-q", "--timeout", "3")
    assert run.status == 0
    assert 3600 <= sum(waits(hasty)) < 2 * 3600
    assert list(outcomes(hasty).values()) == [["available", *DONE]]


def test_a_busy_server_is_not_waited_for(hasty: Place, peps: Sandbox) -> None:
    jobs = [add(peps, day) for day in range(1, 11)]
    for job, endpoint in zip(jobs, [Endpoint.STATUS, Endpoint.REPORT, Endpoint.RESULT] * 3, strict=False):
        spoil(peps, endpoint, Canned(503, "", {"Retry-After": "60"}), match=job.wps_id)
    hasty.write_log(*opened(*jobs))
    assert hasty.download("-q").status == 75
    assert not (hasty.folder.parent / "waits").exists()
    assert outcomes(hasty)[jobs[-1].product] == DONE


def test_a_403_for_one_job_is_told_once_while_a_run_waits(hasty: Place, peps: Sandbox) -> None:
    refused, running = add(peps, 1), add(peps, 2, "RUNNING")
    for endpoint in (Endpoint.STATUS, Endpoint.REPORT):
        spoil(peps, endpoint, FORBIDDEN, refused.wps_id)
    hasty.write_log(*opened(refused, running))
    run = hasty.download("--wait", "-q", "--timeout", "1")
    assert len(lines_of(run.err, refused)) == 1


def test_a_redirect_to_what_is_no_address_is_the_servers_trouble(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    spoil(peps, Endpoint.RESULT, Canned(302, headers={"Location": "https://[::1"}))
    place.write_log(*opened(job))
    run = place.download()
    assert run.status == 75
    assert "report it" not in run.err


def test_a_quota_in_the_place_of_a_zip_is_a_quota(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    spoil(peps, Endpoint.RESULT, resto_error(420, "week|10000000", 200))
    place.write_log(*opened(job))
    assert place.download("-q") == Run(75, "", "")
    assert outcomes(place) == {job.product: []}


# -- told, then noted ------------------------------------------------------------------------------------------------


def test_what_cannot_be_noted_was_told(hasty: Place, peps: Sandbox) -> None:
    job = add(peps, status="FAILED")
    hasty.write_log(*opened(job))
    with hasty.log.open("rb") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        run = hasty.download("-q")
    assert run.status == 75
    assert len(lines_of(run.out, job)) == 1
    assert outcomes(hasty) == {job.product: []}
    assert len(lines_of(hasty.download("-q").out, job)) == 1


def test_what_another_run_noted_meanwhile_stands(place: Place, peps: Sandbox) -> None:
    job = add(peps)

    def drop(reply: Reply) -> Reply:
        place.add_to_log((ago(), "cancelled", job.product, "dropped by the user"))
        return reply

    spoil(peps, Endpoint.RESULT, Altered(drop))
    place.write_log(*opened(job))
    assert place.download("-q").out.count(job.product) == 0
    assert outcomes(place) == {job.product: ["cancelled"]}
