"""Trust: TLS that is checked, answers that are too large, and a password that appears nowhere."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from helpers import EMAIL, TILE, Place
from relay import Relay

from peps_maja.sandbox import Altered, Canned, Delay, Endpoint, Fault, Reply, Sandbox

pytestmark = pytest.mark.slow

PASSWORD = "pass € wörd"
MARCH = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-01")
BILLION_LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    '<wps:ExecuteResponse xmlns:wps="http://www.opengis.net/wps/1.0.0"><wps:Status>&c;</wps:Status></wps:ExecuteResponse>'
)


@pytest.fixture
def peps(authority: trustme.CA, tmp_path: Path) -> Iterator[Sandbox]:
    """A PEPS over https, with a certificate of an authority that nobody trusts by itself."""
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(tmp_path / "cert.pem", append=True)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with Sandbox(
        accounts={EMAIL: PASSWORD}, certificate=(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    ) as sandbox:
        yield sandbox


@pytest.fixture
def trusting(place: Place, tmp_path: Path) -> Place:
    (place.folder / "peps.txt").write_text(f"{EMAIL} {PASSWORD}\n", encoding="utf-8")
    return Place(place.folder, place.environment | {"REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem")})


def test_an_untrusted_certificate_is_refused(place: Place, peps: Sandbox) -> None:
    run = place.process(*MARCH)
    assert (run.status, len(run.err.splitlines())) == (2, 1)
    assert "REQUESTS_CA_BUNDLE" in run.err
    assert not peps.requests
    assert not place.log.exists()


def test_an_authority_of_ones_own_is_accepted_and_the_password_appears_nowhere(trusting: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, Delay(0.5)))
    process = trusting.start("process", *MARCH, "-v")
    seen: list[bytes] = []

    def look() -> None:
        while process.poll() is None:
            with suppress(OSError):  # it has just ended, or this system has no such files
                seen.append(Path(f"/proc/{process.pid}/cmdline").read_bytes())

    watcher = threading.Thread(target=look)
    watcher.start()
    out, err = process.communicate(timeout=60)
    watcher.join()
    assert process.returncode == 0, err
    downloaded = trusting.download("-v")
    assert downloaded.status == 0, downloaded.err
    assert len(trusting.zips()) == 1
    everything = [out, err, downloaded.out, downloaded.err, trusting.log.read_text(encoding="utf-8")]
    shown = "".join([*everything, *(chunk.decode(errors="replace") for chunk in seen)])
    for secret in (PASSWORD, "wörd", "Basic "):
        assert secret not in shown
    assert "GET https://127.0.0.1" in err


@pytest.mark.parametrize("over_tls", [False, True], ids=["in clear", "over TLS"])
@pytest.mark.usefixtures("peps")
def test_a_proxy_passes_on_what_it_cannot_read(trusting: Place, authority: trustme.CA, *, over_tls: bool) -> None:
    with Relay(certificate=authority.issue_cert("127.0.0.1") if over_tls else None) as proxy:
        run = trusting.process(*MARCH, HTTPS_PROXY=proxy.url)
        downloaded = trusting.download(HTTPS_PROXY=proxy.url)
    assert (run.status, downloaded.status) == (0, 0), run.err + downloaded.err
    assert len(trusting.zips()) == 1
    assert {head.split()[0] for head in proxy.heads} == {b"CONNECT"}
    assert b"authorization" not in b"".join(proxy.heads).lower()


TOO_LARGE = [
    b"<a>" + b"x" * 3_000_000,
    json.dumps({"features": [[]] * 1_000_000}).encode(),
    BILLION_LAUGHS.encode(),
    b"[" * 500_000,
]


def test_answers_that_would_fill_the_memory_are_refused(trusting: Place, peps: Sandbox) -> None:
    job = peps.add_job("S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917", status="RUNNING")
    trusting.write_log(("2019-04-02T09:12:44Z", "submitted", job.product, job.status_url))
    for bodies in (TOO_LARGE, TOO_LARGE[::-1]):
        peps.faults.clear()
        endpoints = (Endpoint.STATUS, Endpoint.REPORT, Endpoint.REFRESH, Endpoint.JOBLOG)
        for endpoint, body in zip(endpoints, bodies, strict=True):
            peps.faults.add(Fault(endpoint, Canned(200, body), times=None))
        assert trusting.download("--stalled-after", "1000000").status == 75
        assert trusting.events() == [("submitted", job.product, job.status_url)]


def test_a_catalogue_without_end_is_refused(trusting: Place, peps: Sandbox) -> None:
    def swell(reply: Reply) -> Reply:
        return reply.with_body(reply.body + b" " * 33_000_000)

    peps.faults.add(Fault(Endpoint.CATALOGUE, Altered(swell), times=None))
    run = trusting.process(*MARCH)
    assert (run.status, len(run.err.splitlines())) == (75, 1)
    assert "more than 32 MB" in run.err
