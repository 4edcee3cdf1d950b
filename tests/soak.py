"""A soak: both scripts are killed hundreds of times, and nothing may be lost, doubled or broken.

    python tests/soak.py [--kills 200] [--jobs 2] [--seed N]

Each kill is a SIGKILL between a script's first request and its last log line. A trap decides on the moment: it waits
for something on the server, in the log or in the folder, and then for a random while. The next run has to cope with
what is left. The submitter is killed behind a proxy too; the downloader also while it unpacks, while it fetches Theia's
products, and with the submitter's corrections going on beside it. Takes some minutes on two cores.
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
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent))

import trustme
from helpers import Item
from relay import Relay

from peps_maja.joblog.events import State
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.lines import HEADER
from peps_maja.sandbox import Altered, Cut, Delay, Endpoint, Fault, Recorded, Reply, Sandbox, Stall
from peps_maja.sandbox.geodes import KEY
from peps_maja.sandbox.geodes.products import products_of

ROOT = Path(__file__).parent.parent
SEASON = 12  # kills on one log, before the next one begins
AT_ONCE = 8  # orders of one run of the submitter
DOWNLOADS = 4  # jobs of one log of the downloader
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\t[a-z]+\t[^\t]+\t[^\t]*")
SEARCH = ("-t", "31TCJ", "-d", "2018-01-01", "-f", "2018-12-31", "--limit", str(AT_ONCE), "-y", "-q")
L1C = "S2A_MSIL1C_2019{:02}{:02}T105021_N0207_R051_T31TCJ_2019{:02}{:02}T125917"


@dataclass
class Tally:
    """What a soak has seen: kills by trap, and what must never happen."""

    kills: Counter[str] = field(default_factory=Counter)
    findings: dict[str, set[str]] = field(
        default_factory=lambda: {kind: set() for kind in ("doubles", "lost", "broken", "unreadable", "stuck")}
    )


Trap = tuple[Callable[[], bool], float]
"""When to kill: as soon as this is true, and then up to so many seconds later."""
Traps = dict[str, Callable[[], Trap]]


class Season:
    """One server, one folder, one log, and a script that is killed again and again."""

    script = ""
    arguments: tuple[str, ...] = ()  # of the run to be killed

    def __init__(self, stack: ExitStack, tally: Tally, chance: random.Random, *, behind_proxy: bool = False) -> None:
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        self.log = self.folder / "peps_maja.log"
        self.tally, self.chance = tally, chance
        self.environment = {"PEPS_USER": "me@example.org", "PEPS_PASSWORD": "secret", "GEODES_API_KEY": KEY}
        certificate = None
        if behind_proxy:
            authority, bundle, pem = trustme.CA(), self.folder / "ca.pem", str(self.folder / "host.pem")
            authority.cert_pem.write_to_path(bundle)
            authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
            certificate = (pem, pem)
            proxy = stack.enter_context(Relay())
            self.environment |= {"HTTPS_PROXY": proxy.url, "REQUESTS_CA_BUNDLE": str(bundle)}
        self.peps = stack.enter_context(Sandbox(certificate=certificate))
        self.environment |= {"PEPS_SERVER": self.peps.url, "GEODES_SERVER": self.peps.url}
        self.held_by_us = ExitStack()

    def traps(self) -> Traps:
        """Return, by its name, what prepares server and watcher for a kill."""
        raise NotImplementedError

    def look(self, *, is_dead: bool) -> None:
        """Look for what must never be seen, while the script runs and when it is dead."""
        raise NotImplementedError

    def end(self) -> None:
        """Let the script run undisturbed, and see that all is well then."""
        raise NotImplementedError

    def is_over(self) -> bool:
        """Return True if there is nothing left to be killed at."""
        return False

    def kill(self) -> None:
        """Run the script and kill it; the kill counts if the script had begun and was not through."""
        self.requests_before, self.text_before = len(self.peps.requests), self.text()
        self.hooked = threading.Event()  # a hook in the server has done its work
        name, prepare = self.chance.choice(list(self.traps().items()))
        is_sprung, later = prepare()
        self.running = self.start(*self.arguments)
        try:
            give_up = time.monotonic() + 20
            while self.running.poll() is None and not is_sprung() and time.monotonic() < give_up:
                self.look(is_dead=False)
                time.sleep(0.0002)
            wait = time.monotonic() + self.chance.uniform(0, later)
            while time.monotonic() < wait:
                time.sleep(0)
        finally:
            self.running.kill()
            self.running.wait()
            self.peps.faults.clear()
            self.peps.faults.busy = 0
            self.held_by_us.close()
        known = None
        while known != (known := (len(self.peps.requests), len(self.peps.executed))):
            time.sleep(0.02)  # the server takes in what the dead had sent
        self.look(is_dead=True)
        self.check_log()
        if self.running.returncode == -signal.SIGKILL and self.asked(*Endpoint):
            self.tally.kills[name] += 1

    def start(self, *arguments: str, script: str = "") -> subprocess.Popen[bytes]:
        with (self.folder / f"output{script}").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, ROOT / f"peps_maja_{script or self.script}.py", *arguments],
                cwd=self.folder,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def finish(self, statuses: set[int], *arguments: str, script: str = "") -> None:
        """Run a script to its end, which must be one of these statuses."""
        running = self.start(*arguments, script=script)
        with suppress(subprocess.TimeoutExpired):
            running.wait(timeout=120)
        running.kill()
        if running.wait() not in statuses:
            output = (self.folder / f"output{script}").read_text(encoding="utf-8", errors="replace")
            self.found("stuck", f"{script} {' '.join(arguments)} ends with {running.returncode}: {output}")

    def found(self, kind: str, *what: str) -> None:
        self.tally.findings[kind].update(what)

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def jobs(self) -> Jobs:
        return Jobs.replay(self.text())

    def count(self, event: str) -> int:
        """Return how many such events this run has written."""
        return self.text()[len(self.text_before) :].count(f"\t{event}\t")

    def asked(self, *endpoints: Endpoint, match: str = "") -> list[Recorded]:
        """Return the requests of this run."""
        new = self.peps.requests[self.requests_before :]
        return [request for request in new if request.endpoint in endpoints and match in request.text]

    def has_log_open(self) -> bool:
        try:
            return self.log in {link.readlink() for link in Path(f"/proc/{self.running.pid}/fd").iterdir()}
        except OSError:  # it died, closed the file in between, or there is no /proc
            return False

    def check_log(self) -> None:
        """See that the log of a killed script can be read: whole lines, and at most an incomplete one at its end."""
        first, *lines = self.text().rpartition("\n")[0].split("\n")
        if first not in {HEADER, ""} or not all(line[:1] == "#" or LINE.fullmatch(line) for line in lines):
            self.found("unreadable", self.text())
        try:
            self.jobs()
        except Exception as error:
            self.found("unreadable", repr(error))

    def at(
        self, endpoint: Endpoint, number: int, trap: Trap, *, match: str = "", hold: bool = False, wait: float = 0.0
    ) -> Trap:
        """Have the server, at the `number`th such request, lock the log, wait, or just set `hooked`."""
        left = iter(range(number, -1, -1))

        def change(reply: Reply) -> Reply:
            if next(left, -1) == 0:
                if hold:
                    fcntl.flock(self.held_by_us.enter_context(self.log.open("rb")), fcntl.LOCK_EX)
                self.hooked.set()
                time.sleep(wait)
            return reply

        self.peps.faults.add(Fault(endpoint, Altered(change), times=None, match=match))
        return trap


class Submitting(Season):
    """The submitter, with a year of orders to get through."""

    script = "process"
    arguments = SEARCH

    def traps(self) -> Traps:
        number, execute = self.chance.randrange(AT_ONCE), Endpoint.EXECUTE

        def lose() -> Trap:
            self.peps.faults.add(Fault(execute, Stall(1, work_done=False)))
            return lambda: bool(self.asked(execute)), 0.1

        def keep_busy() -> Trap:
            self.peps.faults.busy = 1
            return lambda: self.count("postponed") > 0, 0.3

        hooked = self.hooked.is_set
        return {
            "while it searches": lambda: (lambda: bool(self.asked(Endpoint.CATALOGUE)), 0.15),
            "while its account is checked": lambda: (lambda: bool(self.asked(Endpoint.CAPABILITIES)), 0.004),
            "after `submitting`": lambda: (lambda: self.count("submitting") > number, 0.002),
            "after the order has come, without a job": lose,
            "after the job has begun": lambda: self.at(execute, number, (hooked, 0.08), wait=0.1),
            "at the answer": lambda: self.at(execute, number, (hooked, 0.005)),
            "after the answer, before its line": lambda: self.at(
                execute, number, (lambda: hooked() and self.has_log_open(), 0.02), hold=True
            ),
            "after `submitted`": lambda: (lambda: self.count("submitted") > number, 0.003),
            "while it waits for a busy server": keep_busy,
        }

    def look(self, *, is_dead: bool) -> None:  # noqa: ARG002 (it is the same)
        """See to it that no order has been carried out twice, and that the log knows each."""
        executed, jobs = self.peps.executed.copy(), self.jobs()
        self.found("doubles", *(name for name, times in Counter(executed).items() if times > 1))
        known = {job.name for job in jobs.in_state(State.OPEN, State.UNSURE)}
        self.found("lost", *(set(executed) - known))

    def end(self) -> None:
        """Submit some more, then take the way out of `unsure`: each product is then executed exactly once."""
        ordered = len(self.peps.executed)
        self.finish({0, 1}, *SEARCH)
        if len(self.peps.executed) != ordered + AT_ONCE:
            self.found("stuck", f"{len(self.peps.executed) - ordered} orders of the last run, not {AT_ONCE}")
        self.look(is_dead=True)
        unsure = [job.name for job in self.jobs().in_state(State.UNSURE)]
        taken = [name for name in unsure if name in self.peps.executed]
        if adoptions := [word for name in taken for word in ("--adopt", name, self.peps.job(name).status_url)]:
            self.finish({0}, *adoptions)
        if len(unsure) > len(taken):
            self.finish({0}, "--resubmit", "unsure", "-y", "-q")
        self.look(is_dead=True)
        urls = {job.name: job.status_url for job in self.jobs().in_state(State.OPEN)}
        self.found("lost", *(name for name in self.jobs() if name not in urls))
        self.found("lost", *(job.product for job in self.peps.jobs if urls.get(job.product) != job.status_url))


class Wanted(NamedTuple):
    """What the downloader is to bring: its job, its zip, and what the addresses of both have in them."""

    job: str
    name: str
    content: bytes
    mark: str


class Downloading(Season):
    """The downloader, with some finished jobs to fetch, of PEPS or of Theia."""

    script = "downloader"

    def __init__(
        self,
        stack: ExitStack,
        tally: Tally,
        chance: random.Random,
        *,
        options: tuple[str, ...] = (),
        theia: bool = False,
    ) -> None:
        super().__init__(stack, tally, chance)
        self.arguments = ("-q", "-j", chance.choice("12"), *options)
        self.result = Endpoint.GEODES_DOWNLOAD if theia else Endpoint.RESULT
        self.wanted: list[Wanted] = []
        lines = self.offers() if theia else self.submissions()
        self.log.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
        self.seen: set[Path] = set()

    def submissions(self) -> Iterator[str]:
        """Give the server finished jobs; yield the lines of a log that knows of them."""
        days = self.chance.sample([(month, day) for month in range(1, 13) for day in range(1, 29)], DOWNLOADS)
        for job in [self.peps.add_job(L1C.format(*day, *day)) for day in days]:
            result = job.results[0]
            result.content = make_large_zip(result.name, self.chance)
            self.wanted.append(Wanted(job.product, result.name, result.content, job.wps_id))
            yield f"2019-12-31T12:00:00Z\tsubmitted\t{job.product}\t{job.status_url}"

    def offers(self) -> Iterator[str]:
        """Give the server zips of Theia; yield the lines of a log that knows of them."""
        first, last = (datetime(2019, month, 1, tzinfo=timezone.utc) for month in (1, 12))
        for product in products_of(self.peps.world, ["31TCJ"], first, last)[:DOWNLOADS]:
            content = make_large_zip(product.name, self.chance)
            self.peps.geodes.contents[product.urn] = content
            item = Item.of(self.peps, product)
            self.wanted.append(Wanted(item.identifier, f"{item.identifier}.zip", content, item.md5))
            offer = f"{item.address} {len(content)} {item.md5}"
            yield f"2019-12-31T12:00:00Z\tavailable\t{item.identifier}\t{offer}"

    def left(self) -> list[Wanted]:
        names = {job.name for job in self.jobs().in_state(State.OPEN)}
        return [one for one in self.wanted if one.job in names]

    def length(self, one: Wanted, suffix: str = ".part") -> int:
        """Return how many bytes of a zip are there."""
        try:
            return (self.folder / f"{one.name}{suffix}").stat().st_size
        except FileNotFoundError:
            return 0

    def traps(self) -> Traps:
        left = self.left() or self.wanted
        one = self.chance.choice([one for one in left if not (self.folder / one.name).exists()] or left)
        total, asked = len(one.content), partial(self.asked, match=one.mark)

        def stall(most: int) -> Trap:
            after = self.chance.randrange(most // 2, most)
            self.peps.faults.add(Fault(self.result, Stall(1, after=after), match=one.mark))
            return lambda: self.length(one) > 0, 0.05

        def cut_and_stall() -> Trap:
            self.peps.faults.add(Fault(self.result, Cut(after=self.chance.randrange(total)), match=one.mark))
            stall(total // 2)
            return lambda: len(asked(self.result)) > 1, 0.03

        def delay(endpoint: Endpoint, seconds: float, later: float) -> Trap:
            self.peps.faults.add(Fault(endpoint, Delay(seconds), times=None, match=one.mark))
            return lambda: bool(asked(endpoint)), later

        def is_named() -> bool:
            return self.length(one, "") > 0

        traps: Traps = {
            "after it has asked for a result": lambda: delay(self.result, 0.05, 0.03),
            "in the middle of a download": lambda: stall(total),
            "in the middle of a download that goes on": cut_and_stall,
            "when all bytes are there": lambda: (lambda: self.length(one) == total, 0.003),
            "after the rename": lambda: (is_named, 0.0),
            "after the rename, before its line": lambda: self.at(
                self.result, 0, (is_named, 0.02), match=one.mark, hold=True
            ),
            "after `downloaded`": lambda: (lambda: self.count("downloaded") > 0, 0.0),
            "at any time": lambda: (lambda: bool(self.asked(*Endpoint)), 0.2),
        }
        if self.result is Endpoint.RESULT:
            traps["while it asks for a status document"] = lambda: delay(Endpoint.STATUS, 0, 0.002)
            traps["while it has a report brought up to date"] = lambda: delay(Endpoint.REFRESH, 0, 0.002)
            traps["while it asks for a report"] = lambda: delay(Endpoint.REPORT, 0.03, 0.05)
        if "--unzip" in self.arguments:
            traps["while it unpacks"] = lambda: (lambda: bool([*self.folder.glob(".*.unzipping")]), 0.05)
            traps["at a folder"] = lambda: (lambda: bool([*self.folder.glob("*_D")]), 0.002)
        return traps

    def look(self, *, is_dead: bool) -> None:
        """See that a final name always stands for something whole: once it is there, and when the script is dead."""
        contents = {one.name: [one.content] for one in self.wanted}
        for result in (result for job in self.peps.jobs for result in job.results):
            contents.setdefault(result.name, []).append(result.content)
        there = {path for path in self.folder.glob("SENTINEL2*") if path.suffix not in {".part", ".json"}}
        for path in there - (set() if is_dead else self.seen):
            self.seen.add(path)
            packed = contents.get(f"{path.name.removesuffix('.zip')}.zip", [])
            with suppress(FileNotFoundError):  # unpacked meanwhile
                is_zip = path.suffix == ".zip"
                if not (path.read_bytes() in packed if is_zip else unpacked(path) in map(members, packed)):
                    self.found("broken", path.name)
        if is_dead:
            jobs = self.jobs()
            self.found("lost", *(one.job for one in self.wanted if not self.is_kept(jobs, one)))

    def is_there(self, file: str) -> bool:
        return (self.folder / file).exists() or (self.folder / file.removesuffix(".zip")).is_dir()

    def is_kept(self, jobs: Jobs, one: Wanted) -> bool:
        """Return True if the folder has what the log says of a job."""
        known = jobs[one.job]
        if known.files or known.state is State.FINISHED:
            return list(known.files) == [one.name] and self.is_there(one.name)
        return known.state is State.OPEN

    def is_over(self) -> bool:
        return not self.left()

    def end(self) -> None:
        """Fetch the rest: then everything is there, each once, and nothing else."""
        self.finish({0}, *self.arguments)
        self.look(is_dead=True)
        self.found("lost", *(one.job for one in self.wanted if not self.is_there(one.name)))
        self.found("stuck", *(f"{one.job} is not finished" for one in self.left()))
        strays = [*self.folder.glob("*.part*"), *self.folder.glob(".*.unzipping")]
        strays += self.folder.glob("*.zip") if "--unzip" in self.arguments else []
        self.found("stuck", *(f"left behind: {path.name}" for path in strays))


class DownloadingBesideCorrections(Downloading):
    """The downloader, while the submitter drops, adopts and submits again jobs of the same log."""

    def __init__(self, stack: ExitStack, tally: Tally, chance: random.Random) -> None:
        super().__init__(stack, tally, chance)
        self.peps.jobs[0].status = "FAILED"  # submitted again, its product is made
        self.peps.catalogue = [{"properties": {"productIdentifier": one.job}} for one in self.wanted]

    def dropped(self) -> list[str]:
        return [job.name for job in self.jobs().values() if job.standing == "dropped"]

    def correction(self, option: str) -> list[str]:
        name = self.chance.choice((self.dropped() if option == "--adopt" else []) or [one.job for one in self.wanted])
        adopt = ["--adopt", name, self.peps.job(name).status_url]
        return {"--drop": ["--drop", name], "--adopt": adopt}.get(option, ["--resubmit", "failed", "-y", "-q"])

    def kill(self) -> None:
        """Have a correction made while the script runs."""
        if not self.left():
            self.finish({0, 1}, *self.correction("--adopt"), script="process")
        correction = self.correction(self.chance.choice(["--drop", "--adopt", "--resubmit"]))
        with self.start(*correction, script="process") as beside:
            super().kill()
            if beside.wait(timeout=60) not in {0, 1, 2}:  # 2: there is nothing to be corrected any more
                self.found("stuck", f"{' '.join(correction)} ends with {beside.returncode}")

    def look(self, *, is_dead: bool) -> None:
        super().look(is_dead=is_dead)
        self.found("doubles", *(name for name, times in Counter(self.peps.executed).items() if times > 1))

    def is_kept(self, jobs: Jobs, one: Wanted) -> bool:
        known = jobs[one.job]
        is_waiting = known.standing == "dropped" or known.state in {State.OPEN, State.FAILED, State.UNSURE}
        return all(map(self.is_there, known.files)) and (bool(known.files) or is_waiting)

    def is_over(self) -> bool:
        return not self.left() and not self.dropped()

    def end(self) -> None:
        """Take each correction back, and bring the rest home."""
        for name in self.dropped():
            self.finish({0, 1}, "--adopt", name, self.peps.job(name).status_url, script="process")
        self.finish({0, 1}, "-q")
        self.finish({0, 1}, "--resubmit", "failed", "-y", "-q", script="process")
        super().end()


def make_large_zip(name: str, chance: random.Random) -> bytes:
    """Return a valid L2A zip of 1 to 2 MB, which comes in several pieces."""
    stem = name.removesuffix(".zip")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{stem}/{stem}_MTD_ALL.xml", "<Muscate_Metadata_Document/>")
        archive.writestr(f"{stem}/{stem}_FRE_B2.tif", chance.randbytes(chance.randint(1_000_000, 2_000_000)))
    return packed.getvalue()


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def unpacked(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


KINDS: dict[str, Callable[[ExitStack, Tally, random.Random], Season]] = {
    "peps_maja_process.py": Submitting,
    "peps_maja_process.py behind a proxy": partial(Submitting, behind_proxy=True),
    "peps_maja_downloader.py": Downloading,
    "peps_maja_downloader.py --unzip": partial(Downloading, options=("--unzip",)),
    "peps_maja_downloader.py, with products of Theia": partial(Downloading, theia=True),
    "peps_maja_downloader.py, beside --drop, --adopt and --resubmit": DownloadingBesideCorrections,
}


def soak(kind: str, kills: int, seed: int) -> Tally:
    """Kill one script so many times, in seasons."""
    chance, tally = random.Random(f"{kind} {seed}"), Tally()
    while tally.kills.total() < kills:
        with ExitStack() as stack:
            season = KINDS[kind](stack, tally, chance)
            for _ in range(SEASON):
                if tally.kills.total() < kills and not season.is_over():
                    season.kill()
            season.end()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=200, help="of each script (200)")
    parser.add_argument("--jobs", type=int, default=2, help="soaks at once (2)")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000), help="of the moments")
    options = parser.parse_args()
    began, total = time.monotonic(), Counter[str]()
    with ProcessPoolExecutor(options.jobs) as pool:
        soaks = {kind: pool.submit(soak, kind, options.kills, options.seed) for kind in KINDS}
        for kind, each in soaks.items():
            print(f"{kind}, killed")
            for trap, number in sorted(each.result().kills.items()):
                print(f"  {trap:<56} {number:>5}")
            for what, findings in each.result().findings.items():
                total[what] += len(findings)
                for finding in findings:
                    print(f"{what}: {finding}", file=sys.stderr)
    print(f"seed {options.seed}, {time.monotonic() - began:.0f} s")
    print(f"{total['unreadable']} logs that could not be read, {total['stuck']} runs that did not fix what was left")
    print(f"{total['doubles']} double submissions, {total['lost']} lost jobs, {total['broken']} broken zips")
    return 1 if total.total() else 0


if __name__ == "__main__":
    sys.exit(main())
