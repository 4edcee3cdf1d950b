"""Where a job, or one date of it, stands: the values of which all that is shown is made."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Result:
    """A result of a job: `downloaded` (then `file` is its name), `novald`, `missing`, or `ready` to be downloaded."""

    name: str
    state: str
    file: str | None = None


@dataclass(frozen=True)
class Advice:
    """What to do, and the submitter's options for it, the likeliest first, with `{name}` for the job's name."""

    text: str
    options: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a job stands: `state` as its service says, else as the log does; `message` is the last word of either.

    `trouble` is what a person has to look at (`unsure`, `rejected`, `failed`, `cancelled`, `missing`, `stalled`), if
    anything; `reason` says more of it. `status` is what the job adds to a run's exit status, `submitted_at` an ISO time
    (UTC), `to_come` the bytes that it is still to bring (0: not known; None: it brings nothing more).
    """

    job: str
    source: Source
    state: str
    message: str = ""
    percent: float | None = None
    clouds: float | None = None
    orbit: int | None = None
    submitted_at: str | None = None
    status_url: str | None = None
    results: tuple[Result, ...] = ()
    trouble: str = ""
    reason: str = ""
    advice: Advice | None = None
    status: Status = Status.OK
    to_come: int | None = None

    def __str__(self) -> str:
        """Return the standing as one line."""
        percent = "" if self.percent is None or self.state != RUNNING else f", {self.percent:g} %"
        message = f": {self.message}" if self.message else ""
        results = "".join(f"; {result.file or result.name} {result.state}" for result in self.results)
        return f"{self.job}: {self.state}{percent}{message}{results}"


@dataclass(frozen=True, kw_only=True)
class DateStanding(Standing):
    """The same of one product of one date: `state` is one of those above.

    `file` is the zip in `folder`, or the folder to which it was unpacked; `size` its bytes (None: it is not there);
    `came` when it was downloaded, as far as the log tells. `job` is empty for a file that no job accounts for.
    """

    tile: str
    day: date
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
class Task:
    """What a person has to do about the jobs that are in one trouble; commands have NAME where these are several."""

    trouble: str
    advice: str
    commands: tuple[str, ...]
    jobs: tuple[Standing, ...]


@dataclass(frozen=True)
class Overview:
    """All that a page shows: each job, each date (by tile, day and satellite), and what a person has to do."""

    jobs: tuple[Standing, ...]
    dates: tuple[DateStanding, ...]
    tasks: tuple[Task, ...]
