"""Addresses: which are a server, which are brought back to it, and which get to see the password."""

from __future__ import annotations

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from urllib3.util import parse_url

from peps_maja.errors import PepsError, ServerTrouble, Status, UsageError
from peps_maja.peps.service import Server

PEPS = Server("https://peps.cnes.fr")
LOOPBACK = Server("http://127.0.0.1:8080")
OUTPUTS = "/resto/wps/outputs"
ZIP = "/cgi-bin/mapcache_results/maja/8e99b3de/SENTINEL2A.zip"

SERVERS = {
    "https://peps.cnes.fr": "https://peps.cnes.fr",
    " https://peps.cnes.fr/ ": "https://peps.cnes.fr",
    "HTTPS://peps.cnes.fr": "https://peps.cnes.fr",
    "https://example.org:8443/peps/": "https://example.org:8443/peps",
    "http://127.0.0.1:8080": "http://127.0.0.1:8080",
    "http://127.1.2.3/": "http://127.1.2.3",
    "http://LOCALHOST:8080/": "http://LOCALHOST:8080",
    "http://[::1]:8080": "http://[::1]:8080",
}
NOT_A_SERVER = [
    *("", "peps.cnes.fr", "https://", "https://:443", "ftp://peps.cnes.fr", "file:///etc/passwd"),
    *("http://peps.cnes.fr", "HTTP://PEPS.CNES.FR", "http://192.168.1.10:8080", "http://0.0.0.0:8080"),
    *("http://127.0.0.1.example.org", "http://localhost.example.org"),
    *("https://peps.cnes.fr/?a=b", "https://peps.cnes.fr/#there"),
    *("https://peps.cnes.fr:99999", "https://peps.cnes.fr:resto", "https://[::1"),
    # With an account, which is not shown:
    *("https://me:s3same@peps.cnes.fr", "https://s3same@peps.cnes.fr", "http://me:s3same@127.0.0.1"),
    *("https://me:s3/same@peps.cnes.fr", "https://me:s3?same@peps.cnes.fr", "https://me:s3#same@peps.cnes.fr"),
    *("https://me:s3same@peps.cnes.fr:99999", "ftp://me:s3same@peps.cnes.fr"),
]
BROUGHT_BACK = {
    "http://peps.cnes.fr/resto/wps/outputs/pywps-1.xml": f"{OUTPUTS}/pywps-1.xml",
    "http://peps-vizo.cnes.fr:8081/wps/outputs/pywps-1.xml": f"{OUTPUTS}/pywps-1.xml",
    "https://PEPS-VIZO.cnes.fr:8081/wps/outputs/report-1.json": f"{OUTPUTS}/report-1.json",
    "http://10.1.2.3/some/where/wps/outputs/1.xml": f"{OUTPUTS}/1.xml",
    "file:///var/wps/outputs/1.xml": f"{OUTPUTS}/1.xml",
    "http://elsewhere.example.org" + ZIP: ZIP,
    "https://peps2.cnes.fr" + ZIP: ZIP,
    "http://me:s3same@peps-vizo.cnes.fr" + ZIP: ZIP,
    "  http://peps.cnes.fr/a?b=c%20d#e\n": "/a?b=c%20d",
    "//peps-vizo.cnes.fr" + ZIP: ZIP,
}
ELSEWHERE = [
    *("https://store.example.org" + ZIP, "https://peps.cnes.fr.example.org" + ZIP, "https://cnes.fr/a"),
    *("https://other.cnes.fr/a", "https://notpeps.cnes.fr/a", "https://store.example.org/wps/outputs/1.xml"),
]
NOT_AN_ADDRESS = [
    *("ftp://peps.cnes.fr/a", "file:///etc/passwd", "javascript:alert(1)", "data:text/plain,a", "http:///a"),
    *("https://[::1/a", "https://peps.cnes.fr:99999/a", "http://peps.cnes.fr:port/a"),
]
SAME = ["https://peps.cnes.fr/a", "https://peps.cnes.fr:443/a", "https://PEPS.CNES.FR/", "HTTPS://peps.cnes.fr?a"]
OTHERS = [
    *("http://peps.cnes.fr/a", "https://peps.cnes.fr:8443/a", "https://peps-vizo.cnes.fr/a", "peps.cnes.fr", ""),
    *("https://peps.cnes.fr.example.org/a", "https://example.org/peps.cnes.fr", "https://example.org#@peps.cnes.fr/"),
    *("https://peps.cnes.fr@example.org/a", "https://example.org?@peps.cnes.fr/", "https://xn--peps-.cnes.fr/a"),
]

hosts = ["peps.cnes.fr", "peps-x.cnes.fr", "example.org", "127.0.0.1", "[::1]", "ｐｅｐｓ.cnes.fr", "cnes。fr", "me"]
signs = ["http:", "https:", "//", "/", "\\", "@", ":", "#", "?", ".", "443", "8080", "%40", "%2f", " ", "\t", "\n"]
pieces = st.sampled_from([*hosts, *signs, "wps/outputs/", "a.zip"])
addresses = st.lists(pieces, max_size=9).map("".join) | st.text()


def test_a_valid_server_address() -> None:
    assert {address: Server.parse(address).base for address in SERVERS} == SERVERS


@pytest.mark.parametrize("address", NOT_A_SERVER)
def test_an_invalid_server_address_is_a_usage_error(address: str) -> None:
    with pytest.raises(UsageError, match="--server") as error:
        Server.parse(address)
    assert error.value.status is Status.UNUSABLE
    assert not any(word in str(error.value) for word in ("\n", "s3", "same"))


@pytest.mark.parametrize("server", [PEPS, LOOPBACK, Server("https://mirror.example.org/peps")], ids=str)
@pytest.mark.parametrize(("address", "path"), BROUGHT_BACK.items(), ids=BROUGHT_BACK)
def test_trust_inside_cnes_and_on_plain_http_are_brought_back(server: Server, address: str, path: str) -> None:
    reached = server.reach(address)
    assert reached == server.base + path
    assert server.may_see_secret(reached)


def test_another_https_host_is_asked_without_the_password() -> None:
    assert [PEPS.reach(address) for address in ELSEWHERE] == ELSEWHERE
    assert not any(map(PEPS.may_see_secret, ELSEWHERE))


def test_an_address_on_the_server_stays_as_it_is_but_for_an_account() -> None:
    address = "peps.cnes.fr/elsewhere/wps/outputs/1.xml?a=b"
    assert PEPS.reach(f"https://{address}") == PEPS.reach(f"https://me:s3same@{address}") == f"https://{address}"
    assert PEPS.reach("https://me:s3same@store.example.org/a") == "https://store.example.org/a"
    assert LOOPBACK.reach("http://127.0.0.1:8080/a") == "http://127.0.0.1:8080/a"


def test_a_relative_address() -> None:
    assert PEPS.reach(ZIP) == "https://peps.cnes.fr" + ZIP
    seen_at = "https://peps.cnes.fr/resto/wps/outputs/pywps-1.xml"
    assert PEPS.reach("report-1.json", seen_at) == "https://peps.cnes.fr/resto/wps/outputs/report-1.json"
    assert PEPS.reach("/a.zip", seen_at) == "https://peps.cnes.fr/a.zip"
    assert PEPS.reach("/a.zip", "https://store.example.org/b") == "https://store.example.org/a.zip"


@pytest.mark.parametrize("address", NOT_AN_ADDRESS)
def test_an_address_that_is_not_of_http_is_an_error(address: str) -> None:
    with pytest.raises(ServerTrouble) as error:
        PEPS.reach(address)
    assert str(error.value).isprintable()


def test_only_the_very_same_scheme_host_and_port_see_the_password() -> None:
    assert [address for address in SAME if not PEPS.may_see_secret(address)] == []
    assert [address for address in OTHERS if PEPS.may_see_secret(address)] == []
    assert LOOPBACK.may_see_secret("http://127.0.0.1:8080/a")
    others = ("http://127.0.0.1/a", "https://127.0.0.1:8080/a", "http://localhost:8080/a", "http://127.0.0.1:8081/a")
    assert [address for address in others if LOOPBACK.may_see_secret(address)] == []


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from([PEPS, LOOPBACK]), addresses)
def test_no_address_in_an_answer_sends_the_password_elsewhere(server: Server, address: str) -> None:
    try:
        reached = server.reach(address)
    except PepsError:
        return
    if not server.may_see_secret(reached):
        assert reached.startswith("https://"), "another host over plain http"
        return
    try:
        asked = parse_url(requests.Request("GET", reached).prepare().url or "")
    except requests.RequestException:
        return  # then nothing is sent at all
    own = parse_url(server.base)
    assert (asked.scheme, asked.host, asked.port or 443) == (own.scheme, own.host, own.port or 443)
