"""The details of two events: products that Theia has, and status URLs."""

from __future__ import annotations

import re

import pytest
from samples.logs import HEADER, JOB, MD5, OFFER, STATUS_URL, UUID, ZIP, ZIP_URL, Row, lines, replayed

from peps_maja.joblog.details import Offer, wps_id
from peps_maja.joblog.events import Source, State
from peps_maja.joblog.jobs import Job

THEIA = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C_V2-2"
OTHER_OFFER = OFFER.replace("8e99b3de", "11111111")
OFFERS: dict[str, tuple[str, Offer | None]] = {
    "all known": (OFFER, Offer(ZIP_URL, 1234, MD5)),
    "MD5 in capitals": (f"{ZIP_URL} 1234 {MD5.upper()}", Offer(ZIP_URL, 1234, MD5)),
    "nothing but the address": (f"{ZIP_URL} - -", Offer(ZIP_URL)),
    "orbit and clouds": (f"{OFFER} 51 12.4", Offer(ZIP_URL, 1234, MD5, 51, 12.4)),
    "clouds alone": (f"{OFFER} - 100", Offer(ZIP_URL, 1234, MD5, None, 100.0)),
    "orbit alone": (f"{OFFER} 8", Offer(ZIP_URL, 1234, MD5, 8)),
    "cut in the MD5": (OFFER[:-1], None),
    "cut behind the size": (f"{ZIP_URL} 1234 ", None),
    "cut in the address": (ZIP_URL[:-1], None),
    "nothing": ("", None),
    "a word too many": (f"{OFFER} x", None),
    "a size that is not a number": (f"{ZIP_URL} 12kB {MD5}", None),
    "a size in other digits": (f"{ZIP_URL} \u0661\u0662 {MD5}", None),
}


@pytest.mark.parametrize(("detail", "offer"), OFFERS.values(), ids=OFFERS)
def test_an_available_line_has_address_size_and_md5(detail: str, offer: Offer | None) -> None:
    assert Offer.parse(detail) == offer
    jobs = replayed(lines(("available", detail), ("stalled", "72"), job=THEIA))
    assert [job.offer for job in jobs.values()] == ([offer] if offer else []), "a damaged one does not count"
    assert jobs.damaged == []
    if offer:
        job = jobs[THEIA]
        assert Offer.parse(str(offer)) == offer
        assert (job.state, job.source, job.address) == (State.OPEN, Source.THEIA, ZIP_URL)
        assert (job.status_url, job.wps_id) == ("", "")


STATES: dict[str, tuple[list[Row], State, str]] = {
    "finished": ([("available", OFFER), ("downloaded", ZIP), ("finished", "")], State.FINISHED, OFFER),
    "failed": ([("available", OFFER), ("missing", f"{ZIP} absent 404"), ("failed", "absent")], State.FAILED, OFFER),
    "dropped": ([("available", OFFER), ("cancelled", "dropped by the user")], State.CANCELLED, OFFER),
    "available again": ([("available", OFFER), ("failed", ""), ("available", OTHER_OFFER)], State.OPEN, OTHER_OFFER),
    "damaged the second time": ([("available", OFFER), ("failed", ""), ("available", ZIP_URL)], State.FAILED, OFFER),
}


@pytest.mark.parametrize(("rows", "state", "offer"), STATES.values(), ids=STATES)
def test_the_state_of_a_product_of_theia(rows: list[Row], state: State, offer: str) -> None:
    jobs = replayed(lines(*rows, job=THEIA))
    assert {name: (job.state, job.offer) for name, job in jobs.items()} == {THEIA: (state, Offer.parse(offer))}


def test_the_mark_in_a_second_file_name() -> None:
    jobs = replayed(lines(("available", OFFER), job=THEIA) + lines(("submitted", STATUS_URL)))
    for name, mark in ((THEIA, MD5[:8]), (JOB, UUID[:8])):
        own = f"{THEIA}.{mark}.zip"
        assert jobs[name].own_file_name(f"{THEIA}.zip") == own
        assert [jobs[name].result_name(file) for file in (own, f"{THEIA}.zip")] == [f"{THEIA}.zip"] * 2
    first, second = (Job(THEIA, offer=Offer(f"https://store.example.org/{name}.zip")).mark for name in "ab")
    assert first != second
    assert re.fullmatch("[0-9a-f]{8}", first), "without an MD5, of the address"


# -- status URLs -----------------------------------------------------------------------------------------------------

OUTPUTS = "https://peps.cnes.fr/resto/wps/outputs"
STATUS_URLS = {
    STATUS_URL: UUID,
    f"{OUTPUTS}/{UUID}.xml": UUID,
    f"http://peps-vizo.cnes.fr:8081/wps/outputs/pywps-{UUID}.xml": UUID,
    f"{OUTPUTS}/PYWPS-{UUID}.XML": UUID,
    "https://peps.cnes.fr/a/12345.xml": "12345",
}
NO_STATUS_URLS = [
    "",
    "https://",
    "pywps-1.xml",
    f"ftp://peps.cnes.fr/pywps-{UUID}.xml",
    f"https:///pywps-{UUID}.xml",
    f"{OUTPUTS}/.xml",
    f"{OUTPUTS}/report-{UUID}.json",
    f"https://peps.cnes.fr/?a=pywps-{UUID}.xml",
    f"https://peps.cnes.fr/#pywps-{UUID}.xml",
    f"{OUTPUTS}/pywps-{UUID}.xml and more",
    f"{OUTPUTS}/pywps-\x1b[31m.xml",
    f"https://[peps/pywps-{UUID}.xml",
    f"https://peps.cnes.fr:99999/pywps-{UUID}.xml",
    # What would become control characters or another folder in the job's id.
    f"{OUTPUTS}/pywps-%0A{UUID}.xml",
    f"{OUTPUTS}/pywps-%E2%80%AE{UUID}.xml",
    f"{OUTPUTS}/..%2F{UUID}.xml",
]


def test_a_whole_status_url_names_the_job() -> None:
    for address, uuid in STATUS_URLS.items():
        assert wps_id(address) == uuid
        assert [end for end in range(len(address)) if wps_id(address[:end])] == [], "cut anywhere"
    assert [address for address in NO_STATUS_URLS if wps_id(address)] == []
    assert replayed(f"{HEADER}\n{lines(('submitted', STATUS_URL[:-1]))}")[JOB].state is State.UNSURE
