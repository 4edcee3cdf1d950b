"""PEPS as a service: where things are on its server, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from peps_maja.errors import PepsError, ServerAway, ServerTrouble, Status, UsageError
from peps_maja.network.answers import MOST_ERROR, Answer, refusal
from peps_maja.network.client import Client
from peps_maja.network.credentials import Credentials
from peps_maja.network.documents import read_object
from peps_maja.network.trust import Site
from peps_maja.text import one_line

CLOSED = (
    "PEPS has closed (March 2026): --theia only takes what Theia has already, --server names another server like PEPS"
)
_OUTPUTS, _SEARCH = "/wps/outputs/", "/resto/api/collections/S2ST/search.json"


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
        return self.base + _SEARCH

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
    code, reason = _error_json(answer) or (answer.status, "")
    if code == 400 and urlsplit(answer.address).path.endswith(_SEARCH):
        return UsageError(f"PEPS does not accept the search (400{reason and f': {reason}'}): is --server right?")
    return refusal(answer, code, reason)


def _error_json(answer: Answer) -> tuple[int, str] | None:
    """Return code and message of PEPS's error JSON, or None if the answer is something else."""
    if len(answer.body) > MOST_ERROR or not answer.body.lstrip().startswith(b"{"):
        return None
    error = read_object(answer.body)
    if not {"ErrorMessage", "ErrorCode"} & error.keys():
        return None
    message = one_line(str(error.get("ErrorMessage") or ""), 200)
    if code := {"unauthorized": 401, "forbidden": 403}.get(message.lower()):
        return code, message
    number = str(error.get("ErrorCode"))
    if answer.status >= 400 and number != "420":
        number = str(answer.status)
    return int(number) if re.fullmatch("[45][0-9]{2}", number) else 500, message
