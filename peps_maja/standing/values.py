"""Where a job, or one date of it, stands: the value of which all that is shown is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from peps_maja.errors import Status
from peps_maja.joblog.events import Source

# The states of a date in --dates, and those that only the page tells apart; `stalled` is a job's trouble only.
WAITING, RUNNING, ON_DISK, MOVED_AWAY, TOO_CLOUDY = "waiting", "running", "on disk", "moved away", "too cloudy"
FAILED, DROPPED, UNSURE, NOT_DELIVERED = "failed", "dropped", "unsure", "not delivered"
REJECTED, CANCELLED, MISSING, STALLED = "rejected", "cancelled", "missing", "stalled"
LOST = (FAILED, CANCELLED, REJECTED, NOT_DELIVERED, DROPPED)
BEST_FIRST = (ON_DISK, MOVED_AWAY, TOO_CLOUDY, RUNNING, WAITING, MISSING, UNSURE, *LOST)

Task = tuple[str, str, tuple[str, ...]]
"""What a person has to look at (`unsure`, `rejected`, `failed`, `cancelled`, `missing`, `stalled`), what to do,
and the submitter's options for that, the likeliest first, with NAME for the job's name."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a job stands, or one product of one of its dates, which is in one of the states above.

    `results` have `name`, `state` (`downloaded`, `novald`, `missing`, or `ready` to be downloaded) and `file`; `status`
    is what the job adds to a run's exit status, `to_come` the bytes still to come (0: not known; None: no more).
    Of a date: `file` is the zip in `folder`, or the folder to which it was unpacked, `size` its bytes (None: it is not
    there), `came` when it was downloaded, as far as the log tells; `job` is empty if no job accounts for it.
    """

    job: str
    source: Source
    state: str
    message: str = ""
    percent: float | None = None
    clouds: float | None = None
    orbit: int | None = None
    submitted_at: str | None = None  # ISO, UTC
    status_url: str | None = None
    results: tuple[Mapping[str, str | None], ...] = ()
    task: Task | None = None
    reason: str = ""  # of the task, where the message does not say it
    status: Status = Status.OK
    to_come: int | None = None
    tile: str = ""
    day: date = date.min
    satellite: str = ""
    file: str = ""
    size: int | None = None
    folder: str = ""
    came: datetime | None = None

    @property
    def state_in_ledger(self) -> str:
        """The state in the words of --dates, which are fewer."""
        return {REJECTED: FAILED, CANCELLED: FAILED, MISSING: WAITING}.get(self.state, self.state)


@dataclass(frozen=True)
class Overview:
    """All that a page shows: jobs, dates (by tile, day, satellite), and tasks for which jobs; how commands begin."""

    jobs: tuple[Standing, ...]
    dates: tuple[Standing, ...]
    tasks: Mapping[Task, Sequence[Standing]]
    command: str = ""
