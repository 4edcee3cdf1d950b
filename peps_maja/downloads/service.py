"""What the downloads need to know of a service, whichever it is: where its jobs stand and what their results are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from peps_maja.downloads.zips import Belongs, bare_name
from peps_maja.joblog.jobs import Job
from peps_maja.network.client import Client


class Phase(Enum):
    """Where a job stands, in the user's words."""

    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    GONE = "missing"  # the server has neither status nor report of the job
    UNREADABLE = "open"  # something came in the place of a report that nobody can read: maintenance, a login page
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class JobReport:
    """What is known of a job: its phase, `job_status` as it came, percent (0 to 100) and the addresses of results.

    `in_joblog` are those that the joblog names where no report can be read: there may be more to come.
    """

    phase: Phase
    status: str = ""
    percent: float | None = None
    message: str = ""
    results: tuple[str, ...] = ()
    unprocessed: int = 0
    in_joblog: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return the standing as people read it; a `job_status` that nobody knows is shown as it came."""
        state = self.status if self.phase is Phase.UNKNOWN else self.phase.value
        percent = "" if self.percent is None or self.phase is not Phase.RUNNING else f", {self.percent:g} %"
        return state + percent + (f": {self.message}" if self.message else "")


@dataclass(frozen=True)
class Wanted:
    """A result to fetch: where it is, what it has to be, and the `names` of which it gets the first that is free.

    A name is taken where a complete product is that is another one; the last name is the result's own. Size (bytes)
    and MD5 (hex) are None and empty where nothing tells them before.
    """

    address: str
    names: Sequence[str]
    belongs: Belongs
    size: int | None = None
    md5: str = ""


class Service(Protocol):
    """Whoever has the products of jobs. CredentialsError, ServerAway and QuotaReached end its round."""

    @property
    def name(self) -> str:
        """The service as messages name it."""

    @property
    def page(self) -> str:
        """Where a person can look at a job, in the words of a message."""

    @property
    def client(self) -> Client:
        """What fetches the results. Raises CredentialsError if the secret needed for that is not there."""

    def begin_round(self) -> None:
        """Prepare for each job to be polled once."""

    def poll(self, job: Job) -> JobReport:
        """Return where a job stands; raise CredentialsError, Forbidden, ServerTrouble, ServerBusy and the like."""

    def result_address(self, job: Job, name: str) -> str:
        """Return where a result of a job usually is."""

    def wanted(self, job: Job, name: str, address: str) -> Wanted:
        """Return what is to be fetched from an address: its names, what it must belong to, size and MD5 if known."""


def result_name(job: Job, address: str) -> str:
    """Return the name of a result: that of its job if the product was ready from the start, else of its address."""
    return bare_name(job.name, job.mark) if job.offer else bare_name(address, job.wps_id)
