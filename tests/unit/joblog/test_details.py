"""The details of two events: products that Theia has, and status URLs."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples.logs import HEADER, MD5, OFFER, SECOND_ZIP, ZIP, ZIP_URL, Row, lines, replayed, when, written

from peps_maja.joblog.details import Offer, is_status_url, wps_id
from peps_maja.joblog.events import Event, Source, State
from peps_maja.joblog.jobs import Job
from peps_maja.joblog.log import JobLog

THEIA = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C_V2-2"
OFFERS: dict[str, tuple[str, Offer | None]] = {
    "all known": (OFFER, Offer(ZIP_URL, 1234, MD5)),
    "MD5 in capitals": (f"{ZIP_URL} 1234 {MD5.upper()}", Offer(ZIP_URL, 1234, MD5)),
    "no size": (f"{ZIP_URL} - {MD5}", Offer(ZIP_URL, None, MD5)),
    "nothing but the address": (f"{ZIP_URL} - -", Offer(ZIP_URL)),
    "orbit and clouds": (f"{OFFER} 51 12.4", Offer(ZIP_URL, 1234, MD5, 51, 12.4)),
    "clouds alone": (f"{OFFER} - 100", Offer(ZIP_URL, 1234, MD5, None, 100.0)),
    "orbit alone": (f"{OFFER} 8", Offer(ZIP_URL, 1234, MD5, 8)),
    "neither": (f"{OFFER} - -", Offer(ZIP_URL, 1234, MD5)),
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
    assert {name: (job.state, job.offer) for name, job in jobs.items()} == {THEIA: (state, Offer.parse(offer))}


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
        earlier_files=(ZIP,),
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


# -- status URLs -----------------------------------------------------------------------------------------------------

UUID = "8e99b3de-3f20-11e9-81a5-0242ac110002"
OUTPUTS = "https://peps.cnes.fr/resto/wps/outputs"
STATUS_URL = f"{OUTPUTS}/pywps-{UUID}.xml"
quick = settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
STATUS_URLS = {
    STATUS_URL: UUID,
    f"{OUTPUTS}/{UUID}.xml": UUID,
    f"http://peps-vizo.cnes.fr:8081/wps/outputs/pywps-{UUID}.xml": UUID,
    f"http://peps.cnes.fr/resto/wps/outputs/pywps-{UUID}.xml": UUID,
    f"{OUTPUTS}/PYWPS-{UUID}.XML": UUID,
    "https://peps.cnes.fr/a/12345.xml": "12345",
}
NO_STATUS_URLS = [
    "",
    "https://",
    "pywps-1.xml",
    f"ftp://peps.cnes.fr/pywps-{UUID}.xml",
    f"https:///pywps-{UUID}.xml",
    f"{OUTPUTS}/",
    f"{OUTPUTS}/.xml",
    f"{OUTPUTS}/report-{UUID}.json",
    f"https://peps.cnes.fr/?a=pywps-{UUID}.xml",
    f"https://peps.cnes.fr/#pywps-{UUID}.xml",
    f"{OUTPUTS}/pywps-{UUID}.xml and more",
    f"{OUTPUTS}/pywps {UUID}.xml",
    f"{OUTPUTS}/pywps-\x1b[31m.xml",
    f"https://[peps/pywps-{UUID}.xml",
    # What would become control characters or another folder in the job's id.
    f"{OUTPUTS}/pywps-%0A{UUID}.xml",
    f"{OUTPUTS}/pywps-%00{UUID}.xml",
    f"{OUTPUTS}/pywps-%C2%9B{UUID}.xml",
    f"{OUTPUTS}/pywps-%E2%80%AE{UUID}.xml",
    f"{OUTPUTS}/..%2F{UUID}.xml",
]


@pytest.mark.parametrize(("address", "uuid"), STATUS_URLS.items())
def test_a_status_url_names_the_job(address: str, uuid: str) -> None:
    assert is_status_url(address)
    assert wps_id(address) == uuid


@pytest.mark.parametrize("address", NO_STATUS_URLS)
def test_anything_else_is_no_status_url(address: str) -> None:
    assert not is_status_url(address)


@pytest.mark.parametrize("address", STATUS_URLS)
def test_a_status_url_cut_anywhere_is_none(address: str) -> None:
    assert [end for end in range(len(address)) if is_status_url(address[:end])] == []


@quick
@given(st.text() | st.text().map(lambda name: f"{OUTPUTS}/{name}.xml"))
def test_whatever_is_a_status_url_has_a_harmless_id(address: str) -> None:
    if is_status_url(address):
        assert wps_id(address)
        assert wps_id(address).isprintable()
        assert "/" not in wps_id(address)
