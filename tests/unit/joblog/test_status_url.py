"""Status URLs: which addresses are one, and the id in them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peps_maja.joblog.details import is_status_url, wps_id

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
