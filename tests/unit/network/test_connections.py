"""Connections: messages that name the option of the service that was asked."""

from __future__ import annotations

import re
import socket
from typing import ClassVar

import pytest

from peps_maja.errors import ServerAway, ServerTrouble
from peps_maja.network.client import Client
from peps_maja.network.trust import Site


class Service(Site):
    """Any service but PEPS."""

    option: ClassVar[str] = "--service"
    example: ClassVar[str] = "https://service.example.org"
    own_hosts: ClassVar[re.Pattern[str]] = re.compile("service.example.org")
    what_it_asks: ClassVar[str] = "a key"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_server_out_of_reach_names_the_services_own_option() -> None:
    client = Client(Service.parse(f"http://127.0.0.1:{free_port()}"), lambda _: None)
    with pytest.raises(ServerAway, match="check the network and --service"):
        client.ask(f"{client._site.base}/search")


def test_another_host_out_of_reach_does_not_concern_the_whole_run() -> None:
    client = Client(Service.parse("http://127.0.0.1:1"), lambda _: None)
    with pytest.raises(ServerTrouble, match=r"no connection to http://127\.0\.0\.1"):
        client.ask(f"http://127.0.0.1:{free_port()}/a.zip", tries=1)
