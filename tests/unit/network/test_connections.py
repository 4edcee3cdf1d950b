"""Answers in time: interim ones are skipped, and what never ends is broken off."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import trustme
from relay import SLOW, Relay, host_and_port

from peps_maja.errors import ServerSilent, ServerTrouble
from peps_maja.network.client import Client
from peps_maja.peps.service import Server
from peps_maja.sandbox import Sandbox


@pytest.mark.parametrize("code", [100, 102, 103])
def test_interim_answers_are_not_the_answer(peps: Sandbox, code: int) -> None:
    with Relay([f"{code} first"], target=host_and_port(peps.url)) as relay:
        answer = Client(Server(relay.url), lambda _: None).order(Server(relay.url).report("none"), "service=WPS")
    assert answer.status == 401  # of the sandbox, which wants an account


def test_without_threads_what_went_out_may_have_arrived(peps: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: object) -> None:
        starts.append(1)
        if len(starts) > 1:  # the first is for the connection
            raise RuntimeError("can't start new thread")

    starts: list[int] = []
    client = Client(Server(peps.url), lambda _: None)
    monkeypatch.setattr("threading.Timer.start", start)
    with pytest.raises(ServerTrouble, match="ulimit"):
        client.order(Server(peps.url).report("none"), "service=WPS")


@pytest.mark.parametrize("over_tls", [False, True], ids=["in clear", "over TLS"])
def test_an_answer_that_never_ends_is_broken_off(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, over_tls: bool
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1") if over_tls else None

    def ask(mood: str) -> list[str]:
        errors = []
        with Relay([mood, mood], target=("", 0), certificate=certificate) as relay:
            client = Client(Server(relay.url), lambda _: None, read_timeout=0.5)
            for asking in (partial(client.ask, tries=1), partial(client.order, query="service=WPS")):
                with pytest.raises(ServerSilent) as error:
                    asking(f"{relay.url}/a")
                errors.append(str(error.value).removeprefix(relay.url))
        return errors

    with ThreadPoolExecutor(len(SLOW)) as threads:
        assert list(threads.map(ask, SLOW)) == [["/a timed out"] * 2] * len(SLOW)


def test_the_body_of_a_redirect_is_never_read(peps: Sandbox) -> None:
    with Relay(["slow redirect"], target=host_and_port(peps.url)) as relay:
        assert Client(Server(relay.url), lambda _: None, read_timeout=2).ask(f"{relay.url}/a", tries=1).status == 200
