"""A soak: both scripts are killed hundreds of times, and nothing may be lost, doubled or broken.

    python tests/soak.py [--kills 200] [--jobs 2] [--seed N]

Each kill is a SIGKILL between a script's first request and its last log line. A trap decides on the moment: it waits
for something on the server, in the log or in the folder, and then for a random while. In which phase the script really
died is read afterwards, from what it left. The next run has to cope with that. The submitter is killed behind a proxy
too; the downloader also with the submitter's corrections going on beside it, and while it fetches Theia's products.
Takes some minutes on two cores.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

import trustme
from relay import Relay

from peps_maja.joblog.details import Offer
from peps_maja.joblog.events import State
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.lines import HEADER
from peps_maja.sandbox import Altered, Cut, Delay, Endpoint, Fault, Job, Recorded, Reply, Sandbox, Stall
from peps_maja.sandbox.geodes import KEY
from peps_maja.sandbox.geodes.products import md5_of, products_of
from peps_maja.theia.items import read_item

ROOT = Path(__file__).parent.parent
SEASON = 12  # kills on one log, before the next one begins
AT_ONCE = 8  # orders of one run of the submitter
DOWNLOADS = 4  # jobs of one log of the downloader
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\t[a-z]+\t[^\t]+\t[^\t]*")
SEARCH = ("-t", "31TCJ", "-d", "2018-01-01", "-f", "2018-12-31", "--limit", str(AT_ONCE), "-y", "-q")
L1C = "S2A_MSIL1C_2019{:02}{:02}T105021_N0207_R051_T31TCJ_2019{:02}{:02}T125917"


@dataclass
class Tally:
    """What a soak has seen: kills by phase, and what must never happen."""

    script: str
    phases: Counter[str] = field(default_factory=Counter)
    doubles: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    def table(self, order: Sequence[str]) -> str:
        """Return the kills by phase, as lines."""
        rows = [(phase, self.phases[phase]) for phase in order]
        body = [f"  {phase:<56} {number:>5}" for phase, number in [*rows, ("all", self.phases.total())]]
        return "\n".join([f"{self.script}, killed", *body])


@dataclass(frozen=True)
class Trap:
    """When to kill: as soon as `is_sprung`, and then up to so many seconds later."""

    is_sprung: Callable[[], bool]
    later: float = 0.0


class Season(ABC):
    """One server, one folder, one log, and a script that is killed again and again."""

    script: str
    name: str
    phases: tuple[str, ...]

    @classmethod
    def serve(cls, stack: ExitStack, folder: Path) -> tuple[Sandbox, dict[str, str]]:  # noqa: ARG003 (others need it)
        """Start a server for the length of a season; return it, and the environment in which a script reaches it."""
        peps = stack.enter_context(Sandbox())
        return peps, {}

    def __init__(
        self, peps: Sandbox, environment: dict[str, str], folder: Path, tally: Tally, chance: random.Random
    ) -> None:
        self.peps = peps
        self.environment = environment
        self.folder = folder
        self.log = folder / "peps_maja.log"
        self.tally = tally
        self.chance = chance
        self.requests_before = 0
        self.text_before = ""
        self.hooked = threading.Event()  # a hook in the server has done its work
        self.answered = threading.Event()  # and has let the answer go
        self.held_by_us = ExitStack()
        self.running: subprocess.Popen[bytes] | None = None
        self.had_the_log_open = False

    # -- what each script brings --------------------------------------------------------------------------------

    @abstractmethod
    def arguments(self) -> Sequence[str]:
        """Return the options of the run to be killed."""

    @abstractmethod
    def set_trap(self) -> Trap:
        """Prepare server and watcher for the next kill."""

    @abstractmethod
    def phase(self) -> str | None:
        """Return in which phase the script died, or None if that was too early or too late to count."""

    @abstractmethod
    def look(self) -> None:
        """Look, while the script runs and when it is dead, for what must never be seen."""

    @abstractmethod
    def is_over(self) -> bool:
        """Return True if there is nothing left to be killed at."""

    @abstractmethod
    def end(self) -> None:
        """Let the script run undisturbed, and see that all is well then."""

    # -- what both do -------------------------------------------------------------------------------------------

    def kill(self) -> bool:
        """Run the script and kill it; return True if the kill counts."""
        self.requests_before = len(self.peps.requests)
        self.text_before = self.text()
        self.hooked.clear()
        self.answered.clear()
        self.had_the_log_open = False
        trap = self.set_trap()
        self.running = self.start(*self.arguments())
        try:
            give_up = time.monotonic() + 20
            while self.running.poll() is None and not trap.is_sprung() and time.monotonic() < give_up:
                self.look()
                time.sleep(0.0002)
            wait = time.monotonic() + self.chance.uniform(0, trap.later)
            while time.monotonic() < wait:
                time.sleep(0)
            self.had_the_log_open = self.has_log_open()
        finally:
            self.running.kill()
            self.running.wait()
            self.peps.faults.clear()
            self.peps.faults.busy = 0
            self.held_by_us.close()
        self.settle()
        self.look()
        self.check_log()
        phase = self.phase() if self.running.returncode == -signal.SIGKILL and self.asked(*Endpoint) else None
        if phase:
            self.tally.phases[phase] += 1
        return phase is not None

    def settle(self) -> None:
        """Wait until the server has taken in what the dead had sent."""
        known = None
        while known != (known := (len(self.peps.requests), len(self.peps.executed))):
            time.sleep(0.02)

    def start(self, *arguments: str, script: str = "") -> subprocess.Popen[bytes]:
        with (self.folder / f"output{script}").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, ROOT / f"peps_maja_{script or self.script}.py", *arguments],
                cwd=self.folder,
                env={
                    **os.environ,
                    "PEPS_SERVER": self.peps.url,
                    "PEPS_USER": "me@example.org",
                    "PEPS_PASSWORD": "secret",
                    "GEODES_SERVER": self.peps.url,
                    "GEODES_API_KEY": KEY,
                    **self.environment,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def finish(self, statuses: set[int], *arguments: str, script: str = "") -> None:
        """Run a script to its end, which must be one of these statuses."""
        running = self.start(*arguments, script=script)
        try:
            status = running.wait(timeout=120)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            status = -1
        if status not in statuses:
            output = (self.folder / f"output{script}").read_text(encoding="utf-8", errors="replace")
            self.tally.stuck.append(f"{script or self.script} {' '.join(arguments)} ends with {status}: {output}")

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def events(self) -> list[tuple[str, str]]:
        """Return event and job of each whole line that this run has written."""
        lines = self.text()[len(self.text_before) :].split("\n")[:-1]
        return [(line.split("\t")[1], line.split("\t")[2]) for line in lines if line[:1] != "#" and "\t" in line]

    def count(self, event: str) -> int:
        return sum(happened == event for happened, _ in self.events())

    def asked(self, *endpoints: Endpoint) -> list[Recorded]:
        """Return the requests of this run."""
        return [request for request in self.peps.requests[self.requests_before :] if request.endpoint in endpoints]

    def has_log_open(self) -> bool:
        if self.running is None:
            return False
        try:
            return self.log in {link.readlink() for link in Path(f"/proc/{self.running.pid}/fd").iterdir()}
        except OSError:  # it died, closed the file in between, or there is no /proc
            return False

    def check_log(self) -> None:
        """See that the log of a killed script can be read: whole lines, and at most a torn one at its end."""
        text = self.text()
        lines = text.split("\n")[:-1]
        is_valid = not lines or (
            lines[0] == HEADER and all(line[:1] == "#" or LINE.fullmatch(line) for line in lines[1:])
        )
        try:
            Jobs.replay(text).count()
        except Exception as error:
            is_valid = False
            self.tally.unreadable.append(repr(error))
        if not is_valid:
            self.tally.unreadable.append(text)

    def hook(self, endpoint: Endpoint, number: int, *, match: str = "", hold: bool = False, wait: float = 0.0) -> None:
        """Have the server, at the `number`th such request, lock the log, wait, or just say that it has come."""
        left = iter(range(number, -1, -1))

        def change(reply: Reply) -> Reply:
            if next(left, -1) == 0:
                if hold:
                    fcntl.flock(self.held_by_us.enter_context(self.log.open("rb")), fcntl.LOCK_EX)
                self.hooked.set()
                time.sleep(wait)
                self.answered.set()
            return reply

        self.peps.faults.add(Fault(endpoint, Altered(change), times=None, match=match))


class Submitting(Season):
    """The submitter, with a year of orders to get through."""

    script = "process"
    name = "peps_maja_process.py"
    phases = (
        "while it searches",
        "while its account is checked",
        "after `submitting`, before the order has left",
        "after the order has come, before there is a job",
        "after the job has begun, before the answer",
        "after the answer, before its log line",
        "after `submitted`, before the next order",
        "while it waits for a busy server",
    )

    def arguments(self) -> Sequence[str]:
        return SEARCH

    def set_trap(self) -> Trap:
        number = self.chance.randrange(AT_ONCE)
        match self.chance.randrange(11):
            case 0:
                return Trap(lambda: bool(self.asked(Endpoint.CATALOGUE)), 0.15)
            case 1:
                return Trap(lambda: bool(self.asked(Endpoint.CAPABILITIES)), 0.004)
            case 2 | 3:
                return Trap(lambda: self.count("submitting") > number, 0.002)
            case 4:
                self.peps.faults.add(Fault(Endpoint.EXECUTE, Stall(1, work_done=False)))
                return Trap(lambda: bool(self.asked(Endpoint.EXECUTE)), 0.1)
            case 5 | 6:
                self.hook(Endpoint.EXECUTE, number, wait=0.1)
                return Trap(self.hooked.is_set, 0.08)
            case 7:
                self.hook(Endpoint.EXECUTE, number)
                return Trap(self.hooked.is_set, 0.005)
            case 8:
                self.hook(Endpoint.EXECUTE, number, hold=True)
                return Trap(lambda: self.hooked.is_set() and self.has_log_open(), 0.02)
            case 9:
                return Trap(lambda: self.count("submitted") > number, 0.003)
            case _:
                self.peps.faults.busy = 1
                return Trap(lambda: self.count("postponed") > 0, 0.3)

    def phase(self) -> str | None:
        searching, account, noted, come, begun, answered, logged, busy = self.phases
        events = self.events()
        if not events:
            return account if self.asked(Endpoint.CAPABILITIES) else searching
        match events[-1][0]:
            case "submitting" if len(self.asked(Endpoint.EXECUTE)) < self.count("submitting"):
                return noted
            case "submitting" if events[-1][1] not in self.peps.executed:
                return come
            case "submitting":
                return answered if self.answered.is_set() or self.had_the_log_open else begun
            case "submitted":
                return logged if self.count("submitted") < AT_ONCE else None
            case _:
                return busy

    def look(self) -> None:
        """See to it that no order has been carried out twice, and that the log knows each."""
        executed = self.peps.executed.copy()
        self.tally.doubles += [name for name, times in Counter(executed).items() if times > 1]
        jobs = Jobs.replay(self.text())
        self.tally.lost += [name for name in executed if not self.is_known(jobs, name)]

    def is_known(self, jobs: Jobs, name: str) -> bool:
        return name in jobs and jobs[name].state in {State.OPEN, State.UNSURE}

    def is_over(self) -> bool:
        return False

    def end(self) -> None:
        """Submit some more, then take the way out of `unsure`: each product is then executed exactly once."""
        ordered = len(self.peps.executed)
        self.finish({0, 1}, *SEARCH)
        if len(self.peps.executed) != ordered + AT_ONCE:
            self.tally.stuck.append(f"{len(self.peps.executed) - ordered} orders of the last run, not {AT_ONCE}")
        self.look()
        unsure = [job.name for job in Jobs.replay(self.text()).in_state(State.UNSURE)]
        taken = [name for name in unsure if name in self.peps.executed]
        adoptions = [word for name in taken for word in ("--adopt", name, self.peps.job(name).status_url)]
        if adoptions:
            self.finish({0}, *adoptions)
        if len(unsure) > len(taken):
            self.finish({0}, "--resubmit", "unsure", "-y", "-q")
        jobs = Jobs.replay(self.text())
        self.tally.doubles += [name for name, times in Counter(self.peps.executed).items() if times > 1]
        self.tally.lost += [name for name in jobs if jobs[name].state is not State.OPEN]
        urls = {name: job.status_url for name, job in jobs.items()}
        self.tally.lost += [job.product for job in self.peps.jobs if urls.get(job.product) != job.status_url]


class SubmittingBehindAProxy(Submitting):
    """The submitter, with a proxy between it and an https server."""

    name = "peps_maja_process.py behind a proxy"

    @classmethod
    def serve(cls, stack: ExitStack, folder: Path) -> tuple[Sandbox, dict[str, str]]:
        authority = trustme.CA()
        bundle, certificate = folder / "ca.pem", str(folder / "host.pem")
        authority.cert_pem.write_to_path(bundle)
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(certificate)
        peps = stack.enter_context(Sandbox(certificate=(certificate, certificate)))
        proxy = stack.enter_context(Relay())
        return peps, {"HTTPS_PROXY": proxy.url, "REQUESTS_CA_BUNDLE": str(bundle)}


class Downloading(Season):
    """The downloader, with some finished jobs to fetch."""

    script = "downloader"
    name = "peps_maja_downloader.py"
    result = Endpoint.RESULT
    traps = range(15)
    phases = (
        "while it asks for a status document",
        "while it has a report brought up to date",
        "while it asks for a report",
        "after it has asked for a result, before a byte is there",
        "in the middle of a download",
        "in the middle of a download that goes on",
        "when all bytes are there, before the rename",
        "after the rename, before its log line",
        "while the zip of an earlier run waits for its log line",
        "after `downloaded`, before `finished`",
    )

    def __init__(
        self, peps: Sandbox, environment: dict[str, str], folder: Path, tally: Tally, chance: random.Random
    ) -> None:
        super().__init__(peps, environment, folder, tally, chance)
        self.jobs: Sequence[Any] = ()
        lines = self.begin()
        self.log.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
        self.whole_before: set[str] = set()
        self.seen: set[Path] = set()

    def begin(self) -> list[str]:
        """Give the server what is to be brought home; return the lines of a log that knows of it."""
        days = self.chance.sample([(month, day) for month in range(1, 13) for day in range(1, 29)], DOWNLOADS)
        self.jobs = [self.peps.add_job(L1C.format(*day, *day)) for day in days]
        for job in self.jobs:
            job.results[0].content = make_large_zip(job.results[0].name, self.chance)
        return [f"2019-12-31T12:00:00Z\tsubmitted\t{job.product}\t{job.status_url}" for job in self.jobs]

    def arguments(self) -> Sequence[str]:
        return ("-q", "-j", self.chance.choice("12"))

    def open_jobs(self) -> list[Job]:
        jobs = Jobs.replay(self.text())
        return [job for job in self.jobs if jobs[job.product].state is State.OPEN]

    def final(self, job: Job) -> Path:
        return self.folder / job.results[0].name

    def length(self, job: Job, suffix: str = ".part") -> int:
        """Return how many bytes of a job's zip are there."""
        try:
            return Path(f"{self.final(job)}{suffix}").stat().st_size
        except FileNotFoundError:
            return 0

    def asked_for(self, job: Job, endpoint: Endpoint) -> list[Recorded]:
        whose = [(request, request.path + request.query.get("datainputs", "")) for request in self.asked(endpoint)]
        return [one for one, text in whose if job.wps_id in text and one.method == "GET"]

    def set_trap(self) -> Trap:
        self.whole_before = {path.name for path in self.folder.glob("*.zip")}
        left = self.open_jobs()
        job = self.chance.choice([job for job in left if not self.final(job).exists()] or left)
        total = len(job.results[0].content)
        match self.chance.choice(self.traps):
            case 0:
                return Trap(lambda: bool(self.asked_for(job, Endpoint.STATUS)), 0.002)
            case 1:
                return Trap(lambda: bool(self.asked_for(job, Endpoint.REFRESH)), 0.002)
            case 2:
                self.peps.faults.add(Fault(Endpoint.REPORT, Delay(0.03), times=None))
                job = self.chance.choice([job for job in left if self.final(job).exists()] or left)
                return Trap(lambda: bool(self.asked_for(job, Endpoint.REPORT)), 0.05)
            case 3:
                self.peps.faults.add(Fault(self.result, Delay(0.05), match=job.wps_id))
                return Trap(lambda: bool(self.asked_for(job, self.result)), 0.03)
            case 4 | 5:
                job = self.chance.choice([job for job in left if not self.length(job)] or left)
                self.stall(job, total)
                return Trap(lambda: self.length(job) > 0, 0.05)
            case 6 | 7:
                after = self.chance.randrange(total)
                self.peps.faults.add(Fault(self.result, Cut(after=after), match=job.wps_id))
                self.stall(job, total // 2)
                return Trap(lambda: len(self.asked_for(job, self.result)) > 1, 0.03)
            case 8 | 9:
                return Trap(lambda: self.length(job) == total, 0.003)
            case 10 | 11:
                return Trap(lambda: self.length(job, "") > 0)
            case 12:
                self.hook(self.result, 0, match=job.wps_id, hold=True)
                return Trap(lambda: self.length(job, "") > 0, 0.02)
            case 13:
                return Trap(lambda: self.count("downloaded") > 0)
            case _:
                return Trap(lambda: bool(self.asked(*Endpoint)), 0.2)

    def stall(self, job: Job, most: int) -> None:
        """Have the server fall silent in the middle of a job's zip."""
        after = self.chance.randrange(most // 2, most)
        self.peps.faults.add(Fault(self.result, Stall(1, after=after), match=job.wps_id))

    def phase(self) -> str | None:
        ranks = [rank for job in self.open_jobs() if (rank := self.rank(job)) is not None]
        return self.phases[max(ranks)] if ranks else None

    def rank(self, job: Job) -> int | None:
        """Return in which phase the script was with one job."""
        if ("downloaded", job.product) in self.events():
            return 9
        final = self.final(job)
        if final.exists():
            if final.name not in self.whole_before:
                return 7
            if self.asked_for(job, Endpoint.REPORT):
                return 8
        elif asked := self.asked_for(job, self.result):
            if self.length(job) == len(job.results[0].content):
                return 6
            if self.length(job):
                return 5 if "range" in asked[-1].headers else 4
            return 3
        for rank, endpoint in ((2, Endpoint.REPORT), (1, Endpoint.REFRESH), (0, Endpoint.STATUS)):
            if self.asked_for(job, endpoint):
                return rank
        return None

    def look(self) -> None:
        """See that a final name always stands for a whole zip: as soon as it is there, and when the script is dead."""
        is_dead = self.running is not None and self.running.returncode is not None
        for path in self.folder.glob("*.zip"):
            if path not in self.seen or is_dead:
                self.seen.add(path)
                contents = [job.results[0].content for job in self.made() if job.results[0].name == path.name]
                if path.read_bytes() not in contents:
                    self.tally.broken.append(path.name)
        if is_dead:
            jobs = Jobs.replay(self.text())
            self.tally.lost += [job.product for job in self.jobs if not self.is_kept(jobs, job)]

    def made(self) -> Sequence[Any]:
        """Return all jobs whose zips may be there."""
        return [*self.jobs, *self.peps.jobs]

    def is_kept(self, jobs: Jobs, job: Job) -> bool:
        """Return True if the folder has what the log says of a job."""
        known = jobs[job.product]
        if known.files or known.state is State.FINISHED:
            return known.files == (self.final(job).name,) and self.final(job).exists()
        return known.state is State.OPEN

    def is_over(self) -> bool:
        return not self.open_jobs()

    def end(self) -> None:
        """Fetch the rest: then every zip is there, each shown once, and nothing else."""
        self.finish({0}, "-q")
        self.look()
        self.tally.lost += [job.product for job in self.jobs if not self.final(job).exists()]
        self.tally.stuck += [f"{job.product} is not finished" for job in self.open_jobs()]
        strays = [path.name for path in self.folder.glob("*.part*")]
        if strays:
            self.tally.stuck.append(f"left behind: {', '.join(strays)}")


class FetchingFromTheia(Downloading):
    """The downloader, with products that Theia has."""

    name = "peps_maja_downloader.py, with products of Theia"
    result = Endpoint.GEODES_DOWNLOAD
    traps = range(3, 15)

    def begin(self) -> list[str]:
        products = products_of(
            self.peps.world, ["31TCJ"], *(datetime(2019, month, 1, tzinfo=timezone.utc) for month in (1, 12))
        )
        self.jobs, lines = [], []
        for product in islice(products, DOWNLOADS):
            content = make_large_zip(product.name, self.chance)
            self.peps.geodes.contents[product.urn] = content
            item = read_item(self.peps.geodes.feature(product, self.peps.url))
            assert item
            zip_file = SimpleNamespace(name=f"{item.identifier}.zip", content=content)
            self.jobs.append(SimpleNamespace(product=item.identifier, results=[zip_file], wps_id=md5_of(content)))
            lines.append(
                f"2019-12-31T12:00:00Z\tavailable\t{item.identifier}\t{Offer(item.address, item.size, item.md5)}"
            )
        return lines


class DownloadingBesideCorrections(Downloading):
    """The downloader, while the submitter drops, adopts and submits again jobs of the same log."""

    name = "peps_maja_downloader.py, beside --drop, --adopt and --resubmit"

    def begin(self) -> list[str]:
        """Let the first job fail; submitted again, its product is made."""
        lines = super().begin()
        self.jobs[0].status = "FAILED"
        self.peps.catalogue = [{"properties": {"productIdentifier": job.product}} for job in self.jobs]
        return lines

    def dropped(self) -> list[Job]:
        jobs = Jobs.replay(self.text())
        return [job for job in self.jobs if jobs[job.product].was_dropped]

    def kill(self) -> bool:
        """Have a correction made while the script runs."""
        if not self.open_jobs():
            self.finish({0, 1}, *self.correction("--adopt"), script="process")
        correction = self.correction(self.chance.choice(["--drop", "--adopt", "--resubmit"]))
        with self.start(*correction, script="process") as beside:
            counts = super().kill()
            if beside.wait(timeout=60) not in {0, 1, 2}:  # 2: there is nothing to be corrected any more
                self.tally.stuck.append(f"{' '.join(correction)} ends with {beside.returncode}")
        self.jobs = [self.peps.job(job.product) for job in self.jobs]
        return counts

    def correction(self, option: str) -> list[str]:
        match option:
            case "--drop":
                return ["--drop", self.chance.choice(self.jobs).product]
            case "--adopt":
                job = self.chance.choice(self.dropped() or self.jobs)
                return ["--adopt", job.product, job.status_url]
        return ["--resubmit", "failed", "-y", "-q"]

    def look(self) -> None:
        super().look()
        self.tally.doubles += [name for name, times in Counter(self.peps.executed).items() if times > 1]

    def is_kept(self, jobs: Jobs, job: Job) -> bool:
        known = jobs[job.product]
        is_waiting = known.was_dropped or known.state in {State.OPEN, State.FAILED, State.UNSURE}
        return all((self.folder / file).exists() for file in known.files) and (bool(known.files) or is_waiting)

    def is_over(self) -> bool:
        return not self.open_jobs() and not self.dropped()

    def end(self) -> None:
        """Take each correction back, and bring the rest home."""
        for job in self.dropped():
            self.finish({0, 1}, "--adopt", job.product, job.status_url, script="process")
        self.finish({0, 1}, "-q")
        self.finish({0, 1}, "--resubmit", "failed", "-y", "-q", script="process")
        self.jobs = [self.peps.job(job.product) for job in self.jobs]
        super().end()


def make_large_zip(name: str, chance: random.Random) -> bytes:
    """Return a valid L2A zip of 1 to 2 MB, which comes in several pieces."""
    stem = name.removesuffix(".zip")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{stem}/{stem}_MTD_ALL.xml", "<Muscate_Metadata_Document/>")
        archive.writestr(f"{stem}/{stem}_FRE_B2.tif", chance.randbytes(chance.randint(1_000_000, 2_000_000)))
    return packed.getvalue()


KINDS: tuple[type[Season], ...] = (
    Submitting,
    SubmittingBehindAProxy,
    Downloading,
    FetchingFromTheia,
    DownloadingBesideCorrections,
)


def soak(kind: type[Season], kills: int, seed: int) -> Tally:
    """Kill one script so many times, in seasons."""
    chance = random.Random(f"{kind.name} {seed}")
    tally = Tally(kind.name)
    while tally.phases.total() < kills:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
            season = kind(*kind.serve(stack, folder), folder, tally, chance)
            for _ in range(SEASON):
                if tally.phases.total() == kills or season.is_over():
                    break
                season.kill()
            season.end()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Kill both scripts at hundreds of moments: nothing lost, twice, broken."
    )
    parser.add_argument("--kills", type=int, default=200, help="of each script (200)")
    parser.add_argument("--jobs", type=int, default=2, help="soaks at once (2)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of the moments")
    options = parser.parse_args()
    begun = time.monotonic()
    with ProcessPoolExecutor(options.jobs) as pool:
        soaks = [pool.submit(soak, kind, options.kills, options.seed) for kind in KINDS]
        tallies = [each.result() for each in soaks]
    for kind, tally in zip(KINDS, tallies, strict=True):
        print(tally.table(kind.phases), end="\n\n")
        for name in ("doubles", "lost", "broken", "unreadable", "stuck"):
            for finding in getattr(tally, name):
                print(f"{name}: {finding}", file=sys.stderr)
    doubles, lost, broken, unreadable, stuck = (
        sum(len(set(getattr(tally, name))) for tally in tallies)
        for name in ("doubles", "lost", "broken", "unreadable", "stuck")
    )
    print(f"seed {options.seed}, {time.monotonic() - begun:.0f} s")
    print(f"{unreadable} logs that could not be read, {stuck} runs that did not fix what a kill had left")
    print(f"{doubles} double submissions, {lost} lost jobs, {broken} broken zips")
    return 1 if doubles or lost or broken or unreadable or stuck else 0


if __name__ == "__main__":
    sys.exit(main())
