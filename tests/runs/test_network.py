"""Whole runs over a network that breaks: proxies, TLS, answers that do not come in time or are too large."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import trustme
from helpers import EMAIL, TILE, Place, in_one_line
from relay import Relay, host_and_port

from peps_maja.sandbox import TOO_MANY, Altered, Canned, Cut, Delay, Endpoint, Fault, Reply, Sandbox

NAMES = [f"S2A_MSIL1C_201903{day}T105021_N0207_R051_T31TCJ_201903{day}T125917" for day in ("01", "11")]
ONE, TWO = NAMES
SEARCH = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-31")
TIME = "2019-04-02T09:12:44Z"


@pytest.fixture
def trusting(place: Place, secure: Sandbox, tmp_path: Path) -> Place:
    """A user's folder that knows the authority of `secure`, which has a single product."""
    secure.catalogue = [{"properties": {"productIdentifier": ONE}}]
    more = {"PEPS_SERVER": secure.url, "REQUESTS_CA_BUNDLE": str(tmp_path / "ca.pem"), "PEPS_TIMEOUT": "0.7"}
    return Place(place.folder, place.environment | more)


def kinds(place: Place) -> list[str]:
    return [event for event, _, _ in place.events()]


# -- orders ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mood", "status", "words"),
    [
        ("407 Proxy Authentication Required", 2, ["407 Proxy Authentication Required", "account of the proxy"]),
        ("503 Service Unavailable", 75, ["503 Service Unavailable"]),
        ("reset", 75, ["no connection to"]),
    ],
)
def test_an_order_that_did_not_get_through_the_proxy_is_postponed(
    trusting: Place, secure: Sandbox, mood: str, status: int, words: list[str]
) -> None:
    with Relay(["pass on", "pass on", mood]) as proxy:  # the first connections are for search and account
        account = proxy.url.replace("//", "//me:s3same@")
        run = trusting.process(*SEARCH, "-v", HTTPS_PROXY=account)
        assert run.status == status
        assert all(word in run.err for word in [f"proxy {proxy.address}", *words])
        assert kinds(trusting) == ["submitting", "postponed"]
        assert trusting.process(*SEARCH, HTTPS_PROXY=account).status == 0
    assert "s3same" not in run.err + run.out + trusting.log.read_text(encoding="utf-8")
    assert kinds(trusting)[2:] == ["submitting", "submitted"]
    assert secure.executed == [ONE]


def test_an_order_whose_answer_never_ends_is_unsure_and_one_behind_a_103_submitted(place: Place, peps: Sandbox) -> None:
    peps.catalogue = [{"properties": {"productIdentifier": name}} for name in NAMES]
    with Relay(["pass on", "pass on", "slow header", "103 first"], target=host_and_port(peps.url)) as relay:
        run = place.process(*SEARCH, PEPS_SERVER=relay.url, PEPS_TIMEOUT="0.5")
    in_one_line(run, 1, ONE, "timed out")
    assert [event[:2] for event in place.events()] == [("submitting", ONE), ("submitting", TWO), ("submitted", TWO)]


# -- polls ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def running(trusting: Place, hasty: Place, secure: Sandbox) -> Place:
    jobs = [secure.add_job(name, status="RUNNING") for name in NAMES]
    trusting.write_log(*((TIME, "submitted", job.product, job.status_url) for job in jobs))
    return Place(trusting.folder, hasty.environment | trusting.environment)


def test_one_cut_connection_is_no_server_out_of_reach(running: Place, secure: Sandbox) -> None:
    # The server cuts, and so only this job's connection: the proxy passes the end on.
    secure.faults.add(Fault(Endpoint.STATUS, Cut(), times=3, match=secure.job(ONE).status_file))
    with Relay() as proxy:
        run = running.download("--stalled-after", "1000000", HTTPS_PROXY=proxy.url)
    assert run.out.startswith(f"{TWO}: running")
    in_one_line(run, 75, f"{ONE}: ")


def test_a_connection_that_breaks_while_it_is_made_is_made_again(running: Place) -> None:
    with Relay(["CONNECT cut", "reset"]) as proxy:
        run = running.download("--stalled-after", "1000000", HTTPS_PROXY=proxy.url)
    assert (run.status, run.err, run.out.count(": running")) == (0, "", 2)


@pytest.mark.parametrize(("mood", "status"), [("407 Who are you", 2), ("503 Busy", 75)])
def test_a_proxy_that_refuses_is_told_where_a_person_can_help(running: Place, mood: str, status: int) -> None:
    with Relay([mood] * 20) as proxy:
        run = running.download("-q", HTTPS_PROXY=proxy.url)
    told = [] if status == 75 else [line for line in run.err.splitlines() if proxy.address in line and mood in line]
    assert (run.status, run.err.splitlines()) == (status, told)
    assert len(told) == (status == 2)


@pytest.mark.parametrize(
    ("proxy", "status", "words"),
    [
        ("socks5://me:s3same@127.0.0.1:1", 2, "the proxy 127.0.0.1:1 cannot be used: pip install PySocks"),
        ("http://me:s3/same@127.0.0.1:1", 2, "HTTPS_PROXY"),
        ("http://me:s3\\same@127.0.0.1:1", 2, "HTTPS_PROXY"),
        ("http://me:s3same@127.0.0.1:1", 75, "through the proxy 127.0.0.1:1"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_told_without_its_account(
    trusting: Place, tmp_path: Path, proxy: str, status: int, words: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['socks'] = None\n")  # PySocks is not there
    own = {"PYTHONPATH": str(tmp_path), "PYTHONNOUSERSITE": "1"}  # read by an interpreter that has imported nothing yet
    run = trusting.process(*SEARCH, "-v", HTTPS_PROXY=proxy, **own)
    assert (run.status, words in run.err) == (status, True)
    assert not any(secret in run.err for secret in ("s3", "same", "me:"))
    assert not trusting.log.exists()


def test_plain_http_to_loopback_goes_through_no_proxy(place: Place, peps: Sandbox) -> None:
    peps.catalogue = [{"properties": {"productIdentifier": ONE}}]
    nobody = dict.fromkeys(["http_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"], "http://127.0.0.1:1")
    assert place.process(*SEARCH, **nobody).status == 0
    assert place.download(**nobody).status == 0
    assert len(place.zips()) == 1


def test_another_hosts_refusal_is_no_reason_to_end_the_run(trusting: Place, peps: Sandbox, secure: Sandbox) -> None:
    there, here = (peps.add_job(name, status="FINISHED") for name in NAMES)
    there.results[0].url = f"{secure.url}/pool/{there.results[0].name}"
    secure.faults.add(Fault(None, Canned(200, '{"ErrorCode": 403, "ErrorMessage": "User"}'), times=None))
    trusting.write_log(*((TIME, "submitted", job.product, job.status_url) for job in (there, here)))
    run = trusting.download(PEPS_SERVER=peps.url)
    assert (run.status, run.err) == (1, "")
    assert sorted(trusting.events("missing", "finished"))[0][:2] == ("finished", TWO)
    assert [job for _, job, _ in trusting.events("missing")] == [ONE]


def test_a_long_retry_after_is_left_to_the_next_run(place: Place, peps: Sandbox) -> None:
    job = peps.add_job(ONE, status="RUNNING")
    place.write_log((TIME, "submitted", ONE, job.status_url))
    peps.faults.add(Fault(None, TOO_MANY(3600), times=None))
    assert place.download().status == 75
    assert place.download("-q").status == 75
    assert [asked.endpoint for asked in peps.requests].count(Endpoint.STATUS) == 2, "not asked again at once"


def test_a_poll_whose_answer_never_ends_holds_nobody_up(hasty: Place, peps: Sandbox) -> None:
    job = peps.add_job(ONE, status="RUNNING")
    hasty.write_log((TIME, "submitted", ONE, job.status_url))
    with Relay(["interim answers", "slow header", "slow body"], target=host_and_port(peps.url)) as relay:
        in_one_line(hasty.download(PEPS_SERVER=relay.url, PEPS_TIMEOUT="0.2"), 75, "timed out")


# -- a catalogue ----------------------------------------------------------------------------------------------------


def test_a_catalogue_that_breaks_off_is_searched_once_more(place: Place, peps: Sandbox) -> None:
    def announce(reply: Reply) -> Reply:
        page = json.loads(reply.body)
        page["properties"]["totalResults"] = 7
        return reply.with_body(json.dumps(page))

    peps.catalogue = [{"properties": {"productIdentifier": name}} for name in NAMES]
    peps.faults.add(Fault(Endpoint.CATALOGUE, Altered(announce), times=4))
    in_one_line(place.process(*SEARCH, "--json", "all.json"), 75, "2 of 7")
    assert len(peps.asked(Endpoint.CATALOGUE)) == 4
    assert (place.log.exists(), (place.folder / "all.json").exists()) == (False, False)
    peps.faults.add(Fault(Endpoint.CATALOGUE, Altered(announce)))
    assert place.process(*SEARCH).status == 0
    assert peps.executed == NAMES


@pytest.mark.parametrize("code", [400, 401, 403])
def test_a_catalogue_that_refuses_the_search_ends_the_run_and_is_no_matter_of_the_account(
    place: Place, peps: Sandbox, code: int
) -> None:
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(code), times=None))
    run = place.process(*SEARCH, "-q")
    in_one_line(run, 2, f"answers {code}", "--server")
    assert not {"peps.txt", "password"} & set(run.err.split())


def test_a_catalogue_that_is_busy_first_and_broken_then_holds_nobody_up(hasty: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(Endpoint.CATALOGUE, Canned(503), times=3), Fault(Endpoint.CATALOGUE, Canned(500), times=None))
    assert (hasty.process(*SEARCH, "-q").status, len(peps.asked(Endpoint.CATALOGUE))) == (75, 6)


def test_a_catalogue_without_end_is_refused(place: Place, peps: Sandbox) -> None:
    def swell(reply: Reply) -> Reply:
        return reply.with_body(reply.body + b" " * 33_000_000)

    peps.faults.add(Fault(Endpoint.CATALOGUE, Altered(swell), times=None))
    in_one_line(place.process(*SEARCH), 75, "more than 32 MB")


BILLION_LAUGHS = (
    '<!DOCTYPE lolz [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>'
    '<wps:ExecuteResponse xmlns:wps="http://www.opengis.net/wps/1.0.0"><wps:Status>&c;</wps:Status></wps:ExecuteResponse>'
)
TOO_LARGE = ["<a>" + "x" * 3_000_000, '{"features": [' + "[], " * 1_000_000 + "[]]}", BILLION_LAUGHS, "[" * 500_000]


def test_answers_that_would_fill_the_memory_are_refused(place: Place, peps: Sandbox) -> None:
    job = peps.add_job(ONE, status="RUNNING")
    place.write_log((TIME, "submitted", ONE, job.status_url))
    for bodies in (TOO_LARGE, TOO_LARGE[::-1]):
        peps.faults.clear()
        endpoints = (Endpoint.STATUS, Endpoint.REPORT, Endpoint.REFRESH, Endpoint.JOBLOG)
        for endpoint, body in zip(endpoints, bodies, strict=True):
            peps.faults.add(Fault(endpoint, Canned(200, body), times=None))
        assert place.download("--stalled-after", "1000000").status == 75
        assert place.events() == [("submitted", ONE, job.status_url)]


# -- TLS ------------------------------------------------------------------------------------------------------------


def test_an_untrusted_certificate_is_refused(place: Place, secure: Sandbox) -> None:
    in_one_line(place.process(*SEARCH, PEPS_SERVER=secure.url), 2, "REQUESTS_CA_BUNDLE")
    assert not secure.requests
    assert not place.log.exists()


def test_an_authority_of_ones_own_is_accepted_and_the_password_appears_nowhere(
    trusting: Place, secure: Sandbox
) -> None:
    secure.accounts = {EMAIL: "pass € wörd"}
    (trusting.folder / "peps.txt").write_text(f"{EMAIL} pass € wörd\n", encoding="utf-8")
    secure.faults.add(Fault(Endpoint.EXECUTE, Delay(0.5)))
    process = trusting.start("process", *SEARCH, "-v")
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
    assert (downloaded.status, len(trusting.zips())) == (0, 1), downloaded.err
    everything = [out, err, downloaded.out, downloaded.err, trusting.log.read_text(encoding="utf-8")]
    shown = "".join([*everything, *(chunk.decode(errors="replace") for chunk in seen)])
    assert [secret for secret in ("pass €", "wörd", "Basic ") if secret in shown] == []
    assert "GET https://127.0.0.1" in err


@pytest.mark.parametrize("over_tls", [False, True], ids=["in clear", "over TLS"])
def test_a_proxy_passes_on_what_it_cannot_read(trusting: Place, authority: trustme.CA, *, over_tls: bool) -> None:
    with Relay(certificate=authority.issue_cert("127.0.0.1") if over_tls else None) as proxy:
        run = trusting.process(*SEARCH, HTTPS_PROXY=proxy.url)
        downloaded = trusting.download(HTTPS_PROXY=proxy.url)
    assert (run.status, downloaded.status, len(trusting.zips())) == (0, 0, 1), run.err + downloaded.err
    assert {head.split()[0] for head in proxy.heads} == {b"CONNECT"}
    assert b"authorization" not in b"".join(proxy.heads).lower()
