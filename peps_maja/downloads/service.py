"""What a round needs to know of a service, whichever it is: where its jobs stand and who fetches their results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from peps_maja.joblog.events import Source
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

    @property
    def has_ended(self) -> bool:
        """Whether no more results can come."""
        return self in {Phase.FINISHED, Phase.FAILED, Phase.CANCELLED}


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


class Service(Protocol):
    """Whoever has the products of jobs."""

    name: str  # as messages name it
    client: Client  # fetches the results
    quota_lasts: float  # seconds after which a quota that is used up may be there again

    def poll(self, job: Job) -> JobReport:
        """Return where a job stands; raise what ends the round, or what keeps this one job."""


Connect = Callable[[Source], Service]
"""Returns the service of a source. Raises PepsError where it cannot be used, for want of an account for example."""
