"""Why no answer came: what was surely not sent, what may have arrived, and what a person can do about it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import ClassVar

import pytest
import trustme
from relay import Relay, host_and_port

from peps_maja.errors import PepsError, ServerAway, ServerSilent, ServerTrouble, Status
from peps_maja.network.client import Client
from peps_maja.network.connections import proxy_for
from peps_maja.network.trust import Site
from peps_maja.sandbox import Sandbox

TODAY = datetime.now(timezone.utc)
CUT = ["cut", "reset", "silence"]


class Service(Site):
    """Any service but PEPS."""

    option: ClassVar[str] = "--service"
    example: ClassVar[str] = "https://service.example.org"
    own_hosts: ClassVar[re.Pattern[str]] = re.compile("service.example.org")
    what_it_asks: ClassVar[str] = "a key"


@pytest.fixture(autouse=True)
def trusting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))


def failed_order(base: str, mood: str = "") -> PepsError:
    """Return the error in which an order ends, soon where it waits in vain."""
    with pytest.raises(PepsError) as error:
        Client(
            Service.parse(base), lambda _: None, read_timeout=0.3 if mood.endswith(("silence", "header")) else 3
        ).order(f"{base}/resto/wps", "service=WPS")
    assert "s3same" not in str(error.value)
    return error.value


REFUSED = {
    "407 Proxy Authentication Required": (Status.UNUSABLE, "answers 407 Proxy .*account of the proxy into HTTPS_PROXY"),
    "403 Forbidden": (Status.UNUSABLE, "answers 403 Forbidden .*check HTTPS_PROXY"),
    "502 Bad Gateway": (Status.TRY_LATER, "answers 502 Bad Gateway"),
    "503 Service Unavailable": (Status.TRY_LATER, "answers 503 Service Unavailable"),
    "429 Too Many": (Status.TRY_LATER, "answers 429 Too Many"),
}
BROKEN = [*(f"CONNECT {how}" for how in CUT), "CONNECT slow header", *CUT]


@pytest.mark.parametrize("mood", [*REFUSED, *BROKEN])
def test_what_does_not_get_through_the_proxy_is_surely_not_sent(
    secure: Sandbox, monkeypatch: pytest.MonkeyPatch, mood: str
) -> None:
    status, words = REFUSED.get(mood, (Status.TRY_LATER, "no connection to .* through the proxy .*check the network"))
    with Relay([mood]) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("//", "//me:s3same@"))
        error = failed_order(secure.url, mood)
    assert (type(error), error.status) == (ServerAway, status)
    assert re.search(words, str(error))
    assert proxy.address in str(error)
    assert not secure.requests


@pytest.mark.parametrize("how", CUT)
def test_a_broken_handshake_sends_nothing(secure: Sandbox, how: str) -> None:
    with Relay([how], target=host_and_port(secure.url)) as relay:
        error = failed_order(relay.url.replace("http:", "https:"), how)
    assert (type(error), error.status) == (ServerAway, Status.TRY_LATER)


@pytest.mark.parametrize("how", CUT)
def test_what_breaks_after_the_connection_was_made_may_have_arrived(peps: Sandbox, how: str) -> None:
    with Relay([how], target=host_and_port(peps.url)) as relay:
        error = failed_order(relay.url, how)
    assert type(error) is ServerSilent
    assert ("timed out" in str(error)) == (how == "silence")


# Certificates of an authority that is trusted: for which host, until when, and what OpenSSL says of them.
UNFIT = {
    "of another host": ("localhost", TODAY + timedelta(days=1), "mismatch"),
    "over": ("127.0.0.1", TODAY - timedelta(days=1), "expired"),
}


@pytest.mark.parametrize(("host", "until", "words"), UNFIT.values(), ids=UNFIT)
def test_a_certificate_that_does_not_fit_is_for_a_person(
    authority: trustme.CA, tmp_path: Path, host: str, until: datetime, words: str
) -> None:
    certificate = authority.issue_cert(host, not_after=until).private_key_and_cert_chain_pem
    certificate.write_to_path(tmp_path / "unfit.pem")
    with Sandbox(certificate=(str(tmp_path / "unfit.pem"), str(tmp_path / "unfit.pem"))) as peps:
        error = failed_order(peps.url)
        assert not peps.requests
    assert (type(error), error.status) == (ServerAway, Status.UNUSABLE)
    assert re.search(rf"certificate of https://127\.0\.0\.1.*{words}.*--service.*clock.*REQUESTS_CA_BUNDLE", str(error))


def test_a_proxy_with_a_certificate_that_nobody_trusts(secure: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with Relay(certificate=trustme.CA().issue_cert("127.0.0.1")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        error = failed_order(secure.url)
    assert (type(error), error.status, "not trusted" in str(error)) == (ServerAway, Status.UNUSABLE, True)


@pytest.mark.parametrize("content", [None, "no certificate\n"], ids=["missing", "none inside"])
def test_authorities_that_cannot_be_read(
    secure: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "authorities.pem").write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authorities.pem"))
    error = failed_order(secure.url)
    assert (type(error), error.status) == (ServerAway, Status.UNUSABLE)
    assert "fix the file that REQUESTS_CA_BUNDLE names" in str(error)


def test_nobody_there_concerns_the_round_only_where_it_is_the_service_itself(nobody_there: str) -> None:
    error = failed_order(nobody_there)
    assert (type(error), "check the network and --service" in str(error)) == (ServerAway, True)
    with pytest.raises(ServerTrouble, match=r"no connection to http://127\.0\.0\.1"):
        Client(Service.parse("http://127.0.0.1:1"), lambda _: None).ask(f"{nobody_there}/a.zip", tries=1)


UNUSABLE = {
    "no such port": "http://me:s3same@127.0.0.1:99999",
    "port that is none": "http://me:s3same@127.0.0.1:port",
    "no host": "http://me:s3same@",
    "half a host": "http://me:s3same@[::1",
    "unknown scheme": "htp://me:s3same@127.0.0.1:1",
    "# in the password": "http://me:s3#same@127.0.0.1:1",
    "? in the password": "http://me:s3?same@127.0.0.1:1",
    "/ in the password": "http://me:s3/same@127.0.0.1:1",
}


@pytest.mark.parametrize("proxy", UNUSABLE.values(), ids=UNUSABLE)
def test_a_proxy_that_cannot_be_used_is_told_without_its_account(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ServerAway, match="HTTPS_PROXY") as error:
        proxy_for("https://peps.cnes.fr/")
    assert error.value.status is Status.UNUSABLE
    assert not any(secret in str(error.value) for secret in ("s3", "same", "me:"))


@pytest.mark.parametrize(("given", "shown"), [("http://me:s3same@h:1", "h:1"), ("me:s3same@h:1", "h:1"), ("h", "h")])
def test_a_proxy_is_shown_without_its_account(given: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", given)
    assert proxy_for("https://peps.cnes.fr/") == shown
    assert proxy_for("http://127.0.0.1/") == ""
