"""What tests share: names of products, logs, jobs of the sandbox, and both scripts as processes in their own folder."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import termios
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

import pytest
from forks import run_forked

from peps_maja.sandbox import HTML_PAGE, NOT_FOUND, Altered, Canned, Job, Reply, Sandbox
from peps_maja.sandbox.geodes import zip_of
from peps_maja.sandbox.geodes.products import TheiaProduct, products_of

ROOT = Path(__file__).parent.parent
EMAIL, PASSWORD = "me@example.org", "secret"
TILE = "31TCJ"
STATUS_URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"

Lines = list[tuple[str, ...]]

# -- names and times -------------------------------------------------------------------------------------------------


def ago(hours: float = 0) -> str:
    """Return the time so many hours ago, as the log writes it."""
    return f"{datetime.now(timezone.utc) - timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}"


def _digits(day: int | str | date) -> str:
    return f"201903{day:02}" if isinstance(day, int) else str(day).replace("-", "")


def l1c(
    day: int | str | date,
    sat: str = "S2A",
    *,
    tile: str = TILE,
    orbit: int = 51,
    baseline: str = "N0207",
    time: str = "105021",
    last: str = "125917",
) -> str:
    """Return the name of an L1C product, by default of some day in March 2019."""
    return f"{sat}_MSIL1C_{_digits(day)}T{time}_{baseline}_R{orbit:03}_T{tile}_{_digits(day)}T{last}"


def l2a(day: int | str | date, sat: str = "S2A", *, tile: str = TILE, time: str = "105426-459") -> str:
    """Return the name of the zip that is made of an L1C product."""
    return f"SENTINEL{sat[1:]}_{_digits(day)}-{time}_L2A_T{tile}_D.zip"


def novald(day: int | str | date, sat: str = "S2A") -> str:
    """Return the name of the result that is made of an L1C product with too many clouds."""
    return f"NOVALD_{l2a(day, sat)}"


# -- the scripts and their folder ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What a run of a script left: its exit status and what it printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """A user's folder: runs the scripts in it, and reads what they leave there."""

    folder: Path
    environment: dict[str, str]

    @property
    def log(self) -> Path:
        return self.folder / "peps_maja.log"

    def start(self, script: str, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, ROOT / f"peps_maja_{script}.py", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def _run(self, script: str, *arguments: str | Path, **environment: str) -> Run:
        """Run a script to its end, forked where that makes no difference: see `forks`."""
        environment = self.environment | environment
        path, texts = ROOT / f"peps_maja_{script}.py", [str(argument) for argument in arguments]
        if ended := run_forked(path, texts, self.folder, environment):
            return Run(*ended)
        with self.start(script, *arguments, **environment) as process:
            try:
                out, err = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Run(process.returncode, out, err)

    def process(self, *arguments: str | Path, **environment: str) -> Run:
        """Run peps_maja_process.py to its end."""
        return self._run("process", *arguments, **environment)

    def download(self, *arguments: str | Path, **environment: str) -> Run:
        """Run peps_maja_downloader.py to its end."""
        return self._run("downloader", *arguments, **environment)

    def events(self, *kinds: str) -> list[tuple[str, str, str]]:
        """Return event, job and detail of each line of the log (of these kinds only, if any are named)."""
        lines = [line.split("\t") for line in self.log.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
        return [(event, job, detail) for _, event, job, detail in lines if not kinds or event in kinds]

    def write_log(self, *events: tuple[str, ...]) -> None:
        """Write a log by hand: tuples of time, event, job and detail."""
        lines = ["# peps_maja job log 1", *("\t".join(event) for event in events)]
        self.log.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def add_to_log(self, *events: tuple[str, ...]) -> None:
        """Add lines to the log, as another run does."""
        with self.log.open("a", encoding="utf-8") as log:
            log.writelines("\t".join(event) + "\n" for event in events)

    def zips(self) -> list[str]:
        """Return the names of the zips in the folder."""
        return sorted(path.name for path in self.folder.glob("*.zip"))

    def written(self) -> dict[str, list[tuple[str, str]]]:
        """Return what the downloader wrote to the log: for each job, events and details."""
        found: dict[str, list[tuple[str, str]]] = {}
        for event, job, detail in self.events():
            found.setdefault(job, []).extend([(event, detail)] if event not in {"submitting", "submitted"} else [])
        return found


def outcomes(place: Place) -> dict[str, list[str]]:
    """Return for each job of the log the events that the downloader wrote."""
    return {job: [event for event, _ in events] for job, events in place.written().items()}


def lines_of(text: str, job: Job) -> list[str]:
    return [line for line in text.splitlines() if job.product in line]


def lines_of_dates(out: str) -> list[str]:
    """Return the lines of the output of --dates without what stands below them."""
    return [line for line in out.splitlines() if re.match(r"[0-9]{2}[A-Z]{3} [0-9-]{10} ", line)]


def is_one_line(run: Run, *words: str) -> bool:
    """Return True if a run printed one line on standard error, with these words in it."""
    return run.err.count("\n") == 1 and "Traceback" not in run.err and all(word in run.err for word in words)


def in_one_line(run: Run, status: int, *words: str) -> None:
    """Assert that a run ended with this status and one line on standard error, with these words in it."""
    assert (run.status, run.err.count("\n")) == (status, 1), run
    assert run.err.startswith("peps_maja_")
    assert [word for word in words if word not in run.err] == []


def contents(folder: Path) -> dict[str, bytes]:
    """Return all files in a folder and below, with what is in them."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def waits(place: Place) -> list[float]:
    """Return the seconds of each wait on a `hasty` machine."""
    return [float(line) for line in (place.folder.parent / "waits").read_text(encoding="utf-8").split()]


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something has happened in another process."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it never happened"
        time.sleep(0.01)


# -- jobs of the sandbox ---------------------------------------------------------------------------------------------


def add(peps: Sandbox, day: int = 1, status: str = "FINISHED", *, results: tuple[str, ...] | None = None) -> Job:
    """Add a job for the product of this day in March; it has one zip unless `results` says otherwise."""
    return peps.add_job(l1c(day), status=status, results=(l2a(day),) if results is None else results)


def tiny(name: str) -> bytes:
    """Return a zip as small as a product can be."""
    packed = io.BytesIO()
    stem = name.removesuffix(".zip")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{stem}/{stem}_MTD_ALL.xml", "<Muscate_Metadata_Document/>")
        archive.writestr(f"{stem}/{stem}_FRE_B2.tif", stem)
    return packed.getvalue()


def put(entry: Path) -> None:
    """Put a product there, as small as it can be: zipped, or unpacked where the name does not end in `.zip`."""
    if entry.name.endswith(".zip"):
        entry.write_bytes(tiny(entry.name))
    else:
        entry.mkdir(parents=True)
        (entry / f"{entry.name}_MTD_ALL.xml").write_text("<Muscate_Metadata_Document/>")


def add_small(peps: Sandbox, name: str, *results: str, status: str = "FINISHED") -> Job:
    """Add a job with these results, as small as they can be."""
    job = peps.add_job(name, status=status, results=results)
    for result in job.results:
        result.content = tiny(result.name)
    return job


@dataclass(frozen=True)
class Item:
    """What GEODES tells of a product that can be downloaded."""

    identifier: str
    address: str
    size: int
    md5: str

    @classmethod
    def of(cls, peps: Sandbox, product: TheiaProduct) -> Item:
        assets = peps.geodes.feature(product, peps.url)["assets"].values()
        address = next(asset["href"] for asset in assets if asset["roles"] == ["data"])
        return cls(product.name, address, len(zip_of(product.name)), address.rpartition("/")[2])


def offers(peps: Sandbox, count: int = 2, hours: float = 0) -> Lines:
    """Return the lines of a log about so many products that Theia has had for so many hours."""
    spring = datetime(2019, 3, 1, tzinfo=timezone.utc), datetime(2019, 5, 31, tzinfo=timezone.utc)
    items = [Item.of(peps, product) for product in islice(products_of(peps.world, [TILE], *spring), count)]
    return [(ago(hours), "available", one.identifier, f"{one.address} {one.size} {one.md5}") for one in items]


def begun(job: Job, *dates: str, hours: float = 0) -> Lines:
    """Return the lines of a log in which a job was submitted so many hours ago; a series, to cover these dates."""
    return [
        (ago(hours), "submitting", job.product, " ".join(dates)),
        (ago(hours), "submitted", job.product, job.status_url),
    ]


def opened(*jobs: Job, hours: float = 0) -> Lines:
    """Return the lines of a log in which these jobs were submitted so many hours ago."""
    return [line for job in jobs for line in begun(job, hours=hours)]


# Reports that cannot be read, and what the log says of a broken zip.
NO_REPORT = {
    "gone": NOT_FOUND,
    "empty": Canned(200),
    "HTML": HTML_PAGE,
    "cut JSON": Canned(200, '{"USER_INFO": {"job_status": "FINI'),
    "no job_status": Canned(200, '{"USER_INFO": {"process": "100%"}}'),
    "a list": Canned(200, "[]"),
    "a text": Canned(200, '{"USER_INFO": "gone"}'),
    "a number": Canned(200, '{"job_status": 5}'),
}
BROKEN = "broken the zip is damaged: a member has a wrong checksum"


def altered_report(fields: dict[str, object], *, without: str = "") -> Altered:
    """Return the real report with these fields instead of its own, and one left out."""

    def change(reply: Reply) -> Reply:
        report = json.loads(reply.body)["USER_INFO"] | fields
        report.pop(without, None)
        return reply.with_body(json.dumps({"USER_INFO": report}))

    return Altered(change)


# -- other processes and tools ---------------------------------------------------------------------------------------


LOCK_HOLDER = """\
import sys
from pathlib import Path
from peps_maja.disk import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextmanager
def holder(code: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """Run Python code in a process that holds `path`: it prints `held` and waits for a line."""
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


STRACE = shutil.which("strace") or ""
_TRIAL = [STRACE, "-qq", "-o", os.devnull, sys.executable, "-c", ""]
needs_strace = pytest.mark.skipif(
    not STRACE or subprocess.run(_TRIAL, check=False).returncode != 0,
    reason="needs strace, and the right to trace processes",
)


def run_through(
    place: Place, command: list[str], script: str, *arguments: str, stdin: int = subprocess.DEVNULL, **environment: str
) -> Run:
    """Run a script in the user's folder by way of another command, which is given Python and the script."""
    ended = subprocess.run(
        [*command, sys.executable, ROOT / f"peps_maja_{script}.py", *arguments],
        cwd=place.folder,
        env=place.environment | environment,
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return Run(ended.returncode, ended.stdout, ended.stderr)


def under_strace(place: Place, options: list[str], script: str, *arguments: str, trace: str = os.devnull) -> Run:
    """Run a script in the user's folder under strace, with these options of it."""
    return run_through(place, [STRACE, "-f", "-qq", *options, "-o", trace], script, *arguments)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Make a folder a disk of its own for so many bytes, for the length of a `with`; skip the test where none may."""
    mount, umount = shutil.which("mount") or "", shutil.which("umount") or ""
    folder.mkdir()
    command = [mount, "-t", "tmpfs", "-o", f"size={size}", "peps_maja_test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk, and not everywhere")
    try:
        yield folder
    finally:
        subprocess.run([umount, "--lazy", str(folder)], check=True)


# Gives a child its own terminal.
ON_TERMINAL = """\
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def on_terminal(place: Place, reply: bytes, *arguments: str, meanwhile: Callable[[], object] = bool) -> Run:
    """Run the script on a terminal and type `reply` at its question."""

    def read_until(end: str) -> str:
        shown = b""
        while end.encode() not in shown if end else True:
            assert select.select([master], [], [], 30)[0], shown
            try:
                shown += os.read(master, 4096)
            except OSError:  # the other end is closed
                break
        return shown.decode().replace("\r\n", "\n")

    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (50, 120))
    with subprocess.Popen(
        [sys.executable, "-c", ON_TERMINAL, ROOT / "peps_maja_process.py", *arguments],
        cwd=place.folder,
        env=place.environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    ) as process:
        os.close(slave)
        try:
            shown = read_until("[y/N] ")
            meanwhile()
            os.write(master, reply)
            shown += read_until("")
        except BaseException:
            process.kill()
            raise
    os.close(master)
    return Run(process.returncode, shown, "")
