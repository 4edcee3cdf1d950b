"""Answers in time: interim ones are skipped, and what never ends is broken off."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import trustme
from relay import SLOW, Relay, host_and_port

from peps_maja.errors import ServerSilent
from peps_maja.network.client import Client
from peps_maja.peps.service import Server
from peps_maja.sandbox import Sandbox


@pytest.mark.parametrize("code", [100, 102, 103])
def test_interim_answers_are_not_the_answer(peps: Sandbox, code: int) -> None:
    with Relay([f"{code} first"], target=host_and_port(peps.url)) as relay:
        answer = Client(Server(relay.url), lambda _: None).order(Server(relay.url).catalogue, "maxRecords=1")
    assert (answer.status, answer.body[:1]) == (200, b"{")


@pytest.mark.parametrize("over_tls", [False, True], ids=["in clear", "over TLS"])
@pytest.mark.parametrize("mood", SLOW)
def test_an_answer_that_never_ends_is_broken_off(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mood: str, *, over_tls: bool
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1") if over_tls else None
    with Relay([mood, mood], target=("", 0), certificate=certificate) as relay:
        client = Client(Server(relay.url), lambda _: None, read_timeout=0.15)
        with pytest.raises(ServerSilent, match="timed out"):
            client.ask(f"{relay.url}/a", tries=1)
        with pytest.raises(ServerSilent, match="timed out"):
            client.order(f"{relay.url}/a", "service=WPS")
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer) and thread.is_alive()]
