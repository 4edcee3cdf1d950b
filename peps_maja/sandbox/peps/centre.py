"""The computing centre: jobs, their states over time, and what comes out of them."""

from __future__ import annotations

import hashlib
import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from peps_maja.sandbox.world.acquisitions import draw
from peps_maja.sandbox.world.zips import make_zip

OUTPUTS = "/resto/wps/outputs"
RESULTS = "/cgi-bin/mapcache_results/maja"
LOGS = "/cgi-bin/mapcache_results/logs"
WAITING = 2 / 12  # the share of its time that a job waits for the computing centre
LAUNCHED = 1 / 24  # the share after which the WPS process has launched it

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What a job ends with: a `job_status`, the server's message, names of zips, dates left out."""

    status: str = "FINISHED"
    message: str = ""
    results: tuple[str, ...] = ()
    unprocessed: int = 0


@dataclass(frozen=True)
class Snapshot:
    """What a report says: the state of its job when it was last brought up to date."""

    status: str = "PENDING"
    percent: int = 0
    message: str = ""
    urls: tuple[str, ...] = ()
    unprocessed: int = 0
    finished_at: str | None = None


class until_set(Generic[T]):  # noqa: N801 - used like `property`
    """A value that is computed each time, until a test sets another."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute

    def __get__(self, instance: object, owner: type) -> T:
        return self._compute(instance)


class Result:
    """One zip. Content, ETag and Last-Modified can be set; a new content gets new ones by itself."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        """The address that reports give; a test may set another."""
        self.served = True
        """False: 404, though the report names it."""
        self._content: bytes | None = None
        self._changed = time.time() // 1 - 3600

    @property
    def content(self) -> bytes:
        """The bytes of the zip, made when they are first asked for."""
        if self._content is None:
            self._content = make_zip(self.name)
        return self._content

    @content.setter
    def content(self, content: bytes) -> None:
        self._content = content
        self._changed = max(time.time() // 1, self._changed + 1)

    @until_set
    def etag(self) -> str | None:
        """Return the ETag with its quotes; None: none is sent."""
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'

    @until_set
    def last_modified(self) -> str | None:
        """Return the HTTP date of Last-Modified; None: none is sent."""
        return formatdate(self._changed, usegmt=True)


class Job:
    """One job; `status`, `percent`, `message`, `launched` follow the clock until a test sets them."""

    def __init__(self, product: str, server: str, outcome: Outcome, lasts: float, file_pattern: str) -> None:
        self.product = product
        self.process = "MAJA"
        self.wps_id = str(uuid.uuid4())
        self.job_id = 10000 + int(self.wps_id[:4], 16)
        self.status_file = file_pattern.format(uuid=self.wps_id)
        self.status_url = f"{server}{OUTPUTS}/{self.status_file}"
        self.report_url = f"{server}{OUTPUTS}/report-{self.wps_id}.json"
        self.joblog_url = f"{server}{LOGS}/joblog-{self.wps_id}.log"
        folder = f"{server}{RESULTS}/{self.wps_id}"
        self.results = [Result(name, f"{folder}/{quote(name)}") for name in outcome.results]
        self.unprocessed = outcome.unprocessed
        self.wps_state: str | None = None
        """Set to `ProcessFailed`, `ProcessPaused`, … to have that in the status document."""
        self.reported = Snapshot()
        """What the report says; `refresh` alone changes it."""
        self._outcome = outcome
        self._lasts = lasts
        self._began = time.monotonic()

    @until_set
    def status(self) -> str:
        """Return the true `job_status` now."""
        if self._share() >= 1:
            return self._outcome.status
        return "PENDING" if self._share() < WAITING else "RUNNING"

    @until_set
    def percent(self) -> int:
        """Return how much is done, 0–100: fast at the start, then hardly more."""
        if self.status in ("FINISHED", "PENDING"):
            return 100 if self.status == "FINISHED" else 0
        running = max((self._share() - WAITING) / (1 - WAITING), 0.0)
        return min(int(95 * (1 - math.exp(-6 * running))), 94)

    @until_set
    def message(self) -> str:
        """Return the server's message."""
        return self._outcome.message if self.status == self._outcome.status else ""

    @until_set
    def launched(self) -> bool:
        """Return True once the WPS process has launched the job: its document then refers to the report."""
        return self._share() >= LAUNCHED

    @until_set
    def delivers(self) -> bool:
        """Return True if the results are listed and can be fetched; a test may have a job that failed do so."""
        return self.status == "FINISHED"

    def refresh(self) -> None:
        """Bring the report up to date."""
        end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()) if self.status == "FINISHED" else None
        urls = self._urls()
        self.reported = Snapshot(self.status, self.percent, self.message, urls, self.unprocessed, end)

    def log(self) -> str:
        """Return the joblog, which fills while the job runs, and names the results' addresses once they exist."""
        lines = [f"job {self.job_id} {self.process} {self.product}", f"state: {self.status} {self.percent}%"]
        lines += [f"INFO step {step} of 100 is done" for step in range(1, self.percent + 1)]
        lines += [self.message] if self.message else []
        return "\n".join([*lines, *(f"INFO result available: {url}" for url in self._urls()), ""])

    def _urls(self) -> tuple[str, ...]:
        return tuple(result.url for result in self.results) if self.delivers else ()

    def _share(self) -> float:
        return (time.monotonic() - self._began) / self._lasts if self._lasts > 0 else 1.0


class Centre:
    """All jobs of the server, and the order in which Executes started them."""

    def __init__(self, pace: float) -> None:
        self.pace = pace
        self.jobs: list[Job] = []
        self.executed: list[str] = []

    def start(self, product: str, server: str, outcome: Outcome, file_pattern: str, process: str) -> Job:
        """Start a job that an Execute asked for."""
        lasts = self.pace * (8 + 8 * draw("lasts", product))
        job = Job(product, server, outcome, lasts, file_pattern)
        job.process = process
        self.executed.append(product)
        self.jobs.append(job)
        return job

    def find(self, wps_id: str) -> Job | None:
        """Return the job of this WPS id."""
        return next((job for job in list(self.jobs) if job.wps_id == wps_id), None)
