"""PEPS as a service: where things are on its server, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from peps_maja.errors import PepsError, ServerAway, ServerTrouble, Status
from peps_maja.network.answers import MOST_ERROR, Answer, refusal
from peps_maja.network.client import Client
from peps_maja.network.credentials import Credentials
from peps_maja.network.documents import read_object
from peps_maja.network.trust import Site
from peps_maja.text import one_line

CLOSED = (
    "PEPS has closed (March 2026): --theia only takes what Theia has already, --server names another server like PEPS"
)
_OUTPUTS = "/wps/outputs/"


@dataclass(frozen=True)
class Server(Site):
    """A PEPS server by its base address, `https://peps.cnes.fr`."""

    option: ClassVar[str] = "--server"
    example: ClassVar[str] = "https://peps.cnes.fr"
    # For a while the server gave out addresses of machines inside CNES, such as http://peps-vizo.cnes.fr:8081.
    own_hosts: ClassVar[re.Pattern[str]] = re.compile(r"peps[^.]*\.cnes\.fr", re.IGNORECASE)
    what_it_asks: ClassVar[str] = "a password"

    @property
    def catalogue(self) -> str:
        """Where single-tile Sentinel-2 products are searched."""
        return f"{self.base}/resto/api/collections/S2ST/search.json"

    @property
    def wps(self) -> str:
        """Where jobs are submitted and brought up to date."""
        return f"{self.base}/resto/wps"

    def report(self, wps_id: str) -> str:
        """Where the report of a job is."""
        return f"{self.base}/resto{_OUTPUTS}report-{wps_id}.json"

    def joblog(self, wps_id: str) -> str:
        """Where the computing centre's own log of a job is, once there is one."""
        return f"{self.base}/cgi-bin/mapcache_results/logs/joblog-{wps_id}.log"

    def public_path(self, path: str) -> str:
        """Return the path from outside: status documents and reports are under /resto/wps/outputs/ there."""
        return f"/resto{_OUTPUTS}" + path.rpartition("/")[2] if _OUTPUTS in path else path


@contextmanager
def explaining_closure(server: Server) -> Iterator[None]:
    """Add to the message of peps.cnes.fr that cannot be reached that it has closed, and what else there is."""
    try:
        yield
    except (ServerAway, ServerTrouble) as error:
        if error.status is not Status.UNUSABLE and server.base == Server.example and CLOSED not in str(error):
            error.args = (f"{error}; {CLOSED}",)
        raise


class Peps:
    """A PEPS server, and a client that asks it."""

    def __init__(self, server: Server, account: Credentials | None = None, **settings: Any) -> None:
        """Take an account (None: without one) and the settings of `Client`."""
        self.server = server
        self.client = Client(server, refused, account, **settings)


def refused(answer: Answer) -> PepsError | None:
    """Return what is wrong with an answer, or None if nothing is: by its HTTP status, or by PEPS's own error JSON.

    That JSON, `{"ErrorCode": 500, "ErrorMessage": "…"}`, comes with any status, 200 included.
    """
    code, reason = answer.status, ""
    may_be_error = len(answer.body) <= MOST_ERROR and answer.body.lstrip().startswith(b"{")
    error = read_object(answer.body) if may_be_error else {}
    if {"ErrorMessage", "ErrorCode"} & error.keys():
        reason = one_line(str(error.get("ErrorMessage") or ""), 200)
        number = str(error.get("ErrorCode"))
        if code < 400 or number == "420":
            code = int(number) if re.fullmatch("[45][0-9]{2}", number) else 500
        code = {"unauthorized": 401, "forbidden": 403}.get(reason.lower(), code)
    return refusal(answer, code, reason)
