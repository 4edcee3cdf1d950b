"""Trust: TLS that is checked, answers that are too large, and a password that appears nowhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
import trustme
from helpers import EMAIL, TILE, Place, in_one_line
from relay import Relay

from peps_maja.sandbox import Altered, Canned, Delay, Endpoint, Fault, Reply, Sandbox

pytestmark = pytest.mark.slow

OPENSSL = shutil.which("openssl") or ""
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


# Certificates of an authority that is trusted: for which host, until when, and what OpenSSL says of them.
UNFIT = {
    "of another host": ("localhost", datetime.now(timezone.utc) + timedelta(days=1), "mismatch"),
    "over": ("127.0.0.1", datetime.now(timezone.utc) - timedelta(days=1), "expired"),
}


@pytest.mark.parametrize(("host", "until", "words"), UNFIT.values(), ids=UNFIT)
def test_a_certificate_that_does_not_fit_is_refused(
    trusting: Place, authority: trustme.CA, tmp_path: Path, host: str, until: datetime, *, words: str
) -> None:
    certificate = authority.issue_cert(host, not_after=until).private_key_and_cert_chain_pem
    certificate.write_to_path(tmp_path / "unfit.pem")
    with Sandbox(certificate=(str(tmp_path / "unfit.pem"), str(tmp_path / "unfit.pem"))) as peps:
        run = trusting.process(*MARCH, PEPS_SERVER=peps.url)
        assert not peps.requests
    in_one_line(run, 2, "certificate of https://127.0.0.1", words, "--server", "clock")
    assert not trusting.log.exists()


@pytest.mark.parametrize("content", [None, "no certificate\n"], ids=["missing", "none inside"])
def test_authorities_that_cannot_be_read_are_told(
    place: Place, peps: Sandbox, tmp_path: Path, content: str | None
) -> None:
    authorities = tmp_path / "authorities.pem"
    if content is not None:
        authorities.write_text(content)
    run = place.process(*MARCH, REQUESTS_CA_BUNDLE=str(authorities))
    assert (run.status, len(run.err.splitlines())) == (2, 1)
    assert "fix the file that REQUESTS_CA_BUNDLE names" in run.err
    assert not peps.requests


@pytest.mark.skipif(not OPENSSL, reason="needs openssl, which gives the files their names")
@pytest.mark.usefixtures("peps")
def test_a_folder_of_authorities_will_do(trusting: Place, tmp_path: Path) -> None:
    folder = tmp_path / "authorities"
    folder.mkdir()
    shutil.copy(tmp_path / "ca.pem", folder)
    subprocess.run([OPENSSL, "rehash", folder], check=True)
    assert trusting.process(*MARCH, "-y", REQUESTS_CA_BUNDLE=str(folder)).status == 0


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


def test_a_proxy_that_nobody_trusts_is_refused(trusting: Place, peps: Sandbox) -> None:
    with Relay(certificate=trustme.CA().issue_cert("127.0.0.1")) as proxy:
        run = trusting.process(*MARCH, HTTPS_PROXY=proxy.url)
    assert (run.status, len(run.err.splitlines())) == (2, 1)
    assert "not trusted" in run.err
    assert not peps.requests


TOO_LARGE = {
    "an XML of many megabytes": b"<a>" + b"x" * 3_000_000,
    "a million elements": json.dumps({"features": [[]] * 1_000_000}).encode(),
    "entities that unfold": BILLION_LAUGHS.encode(),
    "arrays in arrays": b"[" * 500_000,
}


@pytest.mark.parametrize("body", TOO_LARGE.values(), ids=TOO_LARGE)
def test_answers_that_would_fill_the_memory_are_refused(trusting: Place, peps: Sandbox, body: bytes) -> None:
    job = peps.add_job("S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917", status="RUNNING")
    trusting.write_log(("2019-04-02T09:12:44Z", "submitted", job.product, job.status_url))
    for endpoint in (Endpoint.STATUS, Endpoint.REPORT, Endpoint.REFRESH, Endpoint.JOBLOG):
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
