"""Jobs at the computing centre: their states over time, and what comes out of them."""

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

from peps_maja.sandbox.world.zips import make_zip

OUTPUTS = "/resto/wps/outputs"
RESULTS = "/cgi-bin/mapcache_results/maja"
LOGS = "/cgi-bin/mapcache_results/logs"
WAITING = 2 / 12  # the share of its time that a job waits for the computing centre
LAUNCHED = 1 / 24  # the share after which the WPS process has launched it

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What a job ends with: `results` are names of zips; or what its report says of it, where they are addresses."""

    status: str = "FINISHED"
    message: str = ""
    results: tuple[str, ...] = ()
    unprocessed: int = 0
    percent: int = 0
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
        self.url = url  # as reports give it; a test may set another
        self.served = True  # False: 404, though the report names it
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

    def __init__(
        self, product: str, process: str, server: str, outcome: Outcome, *, status_names: str, lasts: float = 0.0
    ) -> None:
        self.product, self.process = product, process
        self.wps_id = str(uuid.uuid4())
        self.job_id = 10000 + int(self.wps_id[:4], 16)
        self.status_file = status_names.format(uuid=self.wps_id)
        self.status_url = f"{server}{OUTPUTS}/{self.status_file}"
        self.report_url = f"{server}{OUTPUTS}/report-{self.wps_id}.json"
        self.joblog_url = f"{server}{LOGS}/joblog-{self.wps_id}.log"
        folder = f"{server}{RESULTS}/{self.wps_id}"
        self.results = [Result(name, f"{folder}/{quote(name)}") for name in outcome.results]
        self.unprocessed = outcome.unprocessed
        self.wps_state: str | None = None  # `ProcessFailed`, `ProcessPaused`, … to have that in the status document
        self.reported = Outcome("PENDING")  # what the report says; `refresh` alone changes it
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
        self.reported = Outcome(self.status, self.message, self._urls(), self.unprocessed, self.percent, end)

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
