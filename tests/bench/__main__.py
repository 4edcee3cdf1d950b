"""How fast and how light peps_maja is, against curl, plain requests and what the line allows.

    python tests/bench [--only NAME …] [--runs 5] [--quick]

Everything runs on loopback, against the sandbox in a process of its own. The table has medians, and ratios run by run:
their minimum, median and maximum show the machine's noise. Nothing passes or fails. Files, 9 GB at most, go to a
temporary folder (TMPDIR says where) and are removed at the end. A new row: a function that yields it, under
`@comparison`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT)]

import page_picture  # noqa: E402 - of this checkout
from others import ACCOUNT, THREADS, ZIP  # noqa: E402
from server import product  # noqa: E402

from peps_maja.sandbox import make_zip  # noqa: E402
from peps_maja.sandbox.geodes.service import KEY  # noqa: E402

Command = Sequence[str | Path]
SCRIPTS = ("process", "downloader")
IMPORT = "python -c 'import requests'"
GIGABIT = 125e6  # bytes a second on a line of 1 Gb/s
ROOM = 10e9  # bytes that the largest comparison takes, and some
GIB = 1024**3
HEADING = f"{'what':<60} {'against':<38} {'ours':>9} {'theirs':>9} {'min':>6} {'median':>6} {'max':>6}  goal"


@dataclass(frozen=True)
class Spent:
    """What a process took: seconds of wall clock, seconds of CPU, MB of memory at its peak, requests, connections."""

    wall: float
    cpu: float
    peak: float
    out: str
    requests: int = 0
    connections: int = 0


@dataclass(frozen=True)
class Row:
    """One line of the table: ours, against what, run by run; `goal` is a limit of the ratio, or a text."""

    what: str
    against: str
    ours: Sequence[float]
    theirs: Sequence[float] = ()
    unit: str = "s"
    goal: str = ""

    def __str__(self) -> str:
        """Return the line: both medians, then the ratio's minimum, median and maximum over the runs."""

        def median(values: Sequence[float]) -> str:
            value = statistics.median(values) if values else 0
            if not values or (self.unit == "s" and value < 0.1):
                return f"{1000 * value:.1f} ms" if values else ""
            return f"{value:.3g} {self.unit}" if value < 1000 else f"{value:.0f} {self.unit}"

        ratios = [mine / other for mine, other in zip(self.ours, self.theirs, strict=False)]
        spread = f"{min(ratios):6.2f} {statistics.median(ratios):6.2f} {max(ratios):6.2f}" if ratios else ""
        figures = f"{median(self.ours):>9} {median(self.theirs):>9} {spread:>20}"
        return f"{self.what:<60} {self.against:<38} {figures}  {self.goal}"


@dataclass(frozen=True)
class Served:
    """A running server: its address, and product, status URL and addresses of the results of each of its jobs."""

    url: str
    jobs: list[tuple[str, str, list[str]]]
    process: subprocess.Popen[str]

    def counts(self) -> tuple[int, int]:
        """Return how many requests and connections it has seen."""
        assert self.process.stdin
        assert self.process.stdout
        print(file=self.process.stdin, flush=True)
        requests, connections = self.process.stdout.readline().split()
        return int(requests), int(connections)

    def results(self) -> list[str]:
        """Return the addresses of all results."""
        return [url for _, _, urls in self.jobs for url in urls]


@dataclass(frozen=True)
class Bench:
    """How to measure: in which folder (removed at the end), how many times, and with small amounts if `quick`."""

    folder: Path
    runs: int
    quick: bool
    environment: Mapping[str, str]

    def spend(self, command: Command, served: Served | None = None) -> Spent:
        """Run a process to its end and return what it took; one that fails is an error."""
        before = served.counts() if served else (0, 0)
        with tempfile.TemporaryFile() as output:
            begun = time.perf_counter()
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            _, how, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - begun
            process.returncode = os.waitstatus_to_exitcode(how)
            output.seek(0)
            out = output.read().decode(errors="replace")
        if process.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}\nended with {process.returncode}:\n{out[-2000:]}")
        after = served.counts() if served else (0, 0)
        # Kilobytes on Linux, bytes on macOS. On Linux it is never less than what this very process has at that time.
        peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
        cpu = usage.ru_utime + usage.ru_stime
        return Spent(wall, cpu, peak, out, after[0] - before[0], after[1] - before[1])

    def in_turns(self, *measures: Callable[[], Spent]) -> list[list[Spent]]:
        """Return what each of these takes, `runs` times, one after the other in turns: noise then meets them all."""
        rounds = [[measure() for measure in measures] for _ in range(self.runs)]
        return [list(spent) for spent in zip(*rounds, strict=True)]

    @contextmanager
    def serving(self, **options: object) -> Iterator[Served]:
        """Serve, for the length of a `with`, what the options of server.py name."""
        command: Command = [sys.executable, HERE / "server.py", json.dumps(options)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout
            try:
                url, jobs = json.loads(process.stdout.readline())
                yield Served(url, jobs, process)
            finally:
                process.kill()

    @contextmanager
    def files(self, kind: str, size: int, number: int = 1, **options: object) -> Iterator[Served]:
        """Serve so many zips of one kind as results, each of a job of its own."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            paths = [Path(name, f"{ZIP.format(milliseconds=459 + one)}.zip") for one in range(number)]
            self.spend(other("zip", paths[0], kind, str(size)))
            for path in paths[1:]:
                path.hardlink_to(paths[0])
            with self.serving(files=[str(path) for path in paths], **options) as served:
                yield served

    def write_log(self, name: str, jobs: Sequence[tuple[str, str]], *, finished: bool = False) -> Path:
        """Write a log of these jobs and status URLs: submitted just now and open, or `finished`, four lines each."""
        now = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        lines = ["# peps_maja job log 1"]
        for number, (job, url) in enumerate(jobs):
            lines += [f"{now}\tsubmitting\t{job}\t", f"{now}\tsubmitted\t{job}\t{url}"]
            file = f"{ZIP.format(milliseconds=number % 1000)}.{number}.zip"
            lines += [f"{now}\tdownloaded\t{job}\t{file}", f"{now}\tfinished\t{job}\t"] if finished else []
        (self.folder / name).write_text("\n".join([*lines, ""]), encoding="utf-8")
        return self.folder / name

    def many(self, jobs: int) -> list[tuple[str, str]]:
        """Return jobs that no server knows."""
        url = "https://peps.cnes.fr/resto/wps/outputs/pywps-{:08x}-3f20-11e9-81a5-0242ac110002.xml"
        return [(product(number, timedelta(hours=1)), url.format(number)) for number in range(jobs)]

    def downloader(self, served: Served, log: Path, *options: str | Path) -> Spent:
        """Run the downloader over a log."""
        command = script("downloader", "-a", "peps.txt", "-l", log, "-w", "products", "--server", served.url, "-q")
        return self.spend([*command, *options], served)

    def fetch(self, served: Served, *options: str) -> Spent:
        """Let the downloader poll finished jobs, and fetch, check and keep their results."""
        shutil.rmtree(self.folder / "products", ignore_errors=True)
        log = self.write_log("finished.log", [(job, url) for job, url, _ in served.jobs])
        spent = self.downloader(served, log, *options)
        if len(list((self.folder / "products").glob("*.zip"))) != len(served.jobs):
            raise RuntimeError(f"not every result was fetched:\n{spent.out}")
        return spent

    def curl(self, served: Served, and_then: str = "true") -> Spent:
        """Let curl fetch the same, one after the other; `and_then` have a shell do something with each."""
        shutil.rmtree(self.folder / "products", ignore_errors=True)
        (self.folder / "products").mkdir()
        files = [Path("products", url.rpartition("/")[2]) for url in served.results()]
        targets = [word for file, url in zip(files, served.results(), strict=True) for word in ("-o", file, url)]
        then = "".join(f" && {and_then} '{file}'" for file in files)
        return self.spend(["sh", "-c", f'"$0" "$@"{then}', *CURL, *targets])


CURL: Command = ["curl", "-s", "-f", "--cacert", "authorities.pem", "-u", ":".join(ACCOUNT)]
Comparison = Callable[[Bench], Iterator[Row]]
COMPARISONS: dict[str, Comparison] = {}


def comparison(rows: Comparison) -> Comparison:
    """Have the bench run a comparison, under its own name."""
    COMPARISONS[rows.__name__] = rows
    return rows


def script(name: str, *arguments: str | Path) -> Command:
    """Return the command that runs `peps_maja_<name>.py` of this checkout."""
    return [sys.executable, ROOT / f"peps_maja_{name}.py", *arguments]


def other(*arguments: str | Path) -> Command:
    """Return the command that runs one of the others."""
    return [sys.executable, HERE / "others.py", *arguments]


def walls(spent: Sequence[Spent], less: float = 0) -> list[float]:
    """Return the wall clock times, without what it takes to start."""
    return [one.wall - less for one in spent]


def cpus(spent: Sequence[Spent], less: float = 0) -> list[float]:
    """Return the CPU times, without what it takes to start."""
    return [one.cpu - less for one in spent]


@comparison
def start(bench: Bench) -> Iterator[Row]:
    """`--help` of both scripts, and the machine's noise: one command against itself."""
    imported: Command = [sys.executable, "-c", "import requests"]
    commands = [[sys.executable, "-c", "pass"], imported, imported, *(script(name, "--help") for name in SCRIPTS)]
    empty, first, second, *ours = bench.in_turns(*(lambda command=one: bench.spend(command) for one in commands))
    yield Row("noise: one command against itself", IMPORT, walls(first), walls(second))
    yield Row("bare Python: -c pass", IMPORT, walls(empty), walls(first))
    for name, spent in zip(SCRIPTS, ours, strict=True):
        yield Row(f"peps_maja_{name}.py --help", IMPORT, walls(spent), walls(first), goal="0.7")
        yield Row(f"peps_maja_{name}.py --help: CPU", f"{IMPORT}: CPU", cpus(spent), cpus(first), goal="0.7")


@comparison
def cron(bench: Bench) -> Iterator[Row]:
    """A run over a log in which nothing is open."""
    jobs = 1_000 if bench.quick else 10_000
    log = bench.write_log("done.log", bench.many(jobs), finished=True)
    with bench.serving() as served:
        bench.downloader(served, log)
        imported: Command = [sys.executable, "-c", "import requests"]
        ours, theirs = bench.in_turns(lambda: bench.downloader(served, log), lambda: bench.spend(imported))
    what = f"cron run, {jobs} finished jobs"
    yield Row(what, IMPORT, walls(ours), walls(theirs), goal="1.3")
    yield Row(f"{what}: CPU", f"{IMPORT}: CPU", cpus(ours), cpus(theirs), goal="1.3")
    yield Row(f"{what}: requests", "", [one.requests for one in ours], unit="", goal="0")


@comparison
def replay(bench: Bench) -> Iterator[Row]:
    """Replaying a long log: four lines a job."""
    lines = 10_000 if bench.quick else 100_000
    log = bench.write_log("long.log", bench.many(lines // 4), finished=True)
    [spent] = bench.in_turns(lambda: bench.spend(other("replay", log)))
    as_bytes, as_text, replayed = zip(*(map(float, one.out.split()) for one in spent), strict=True)
    what = f"replay of {lines} lines ({log.stat().st_size / 1e6:.0f} MB)"
    yield Row(what, "reading the file: bytes", replayed, as_bytes, goal="15")
    yield Row(what, "reading the file: text", replayed, as_text, goal="15")


@comparison
def poll(bench: Bench) -> Iterator[Row]:
    """Polling many open jobs: every one for the first time, so with three requests."""
    jobs, few = (100, 20) if bench.quick else (1_000, 20)
    for latency in (0.05, 0.2):
        with bench.serving(jobs=1) as at_once, bench.serving(jobs=jobs, latency=latency) as served:
            one, every = ([job[:2] for job in there.jobs] for there in (at_once, served))
            one_log, log = bench.write_log("one.log", one), bench.write_log("open.log", every)
            (bench.folder / "urls").write_text("\n".join(url for _, url in every), encoding="utf-8")
            urls = [url.replace("pywps-", "report-").replace(".xml", ".json") for _, url in every[:few]]
            curls = " && ".join(f"curl -s -f -u {':'.join(ACCOUNT)} -o answer {url}" for url in urls for _ in range(3))
            starts, mine, plain, old = bench.in_turns(
                lambda: bench.downloader(at_once, one_log),  # noqa: B023 - called in this very turn
                lambda: bench.downloader(served, log),  # noqa: B023
                lambda: bench.spend(other("poll", served.url, "urls")),
                lambda: bench.spend(["sh", "-c", curls]),  # noqa: B023
            )
        what, threads = f"polling {jobs} jobs at {1000 * latency:.0f} ms", f"requests in {THREADS} threads"
        begun, begun_cpu = statistics.median(walls(starts)), statistics.median(cpus(starts))
        bound = [one.requests * latency / THREADS for one in mine]
        a_request = [1000 * cpu / one.requests for cpu, one in zip(cpus(mine, begun_cpu), mine, strict=True)]
        scaled = [jobs / few * wall for wall in walls(old)]
        yield Row(f"{what}: start-up", "", walls(starts))
        yield Row(f"{what}, less start-up", f"requests × latency / {THREADS}", walls(mine, begun), bound, goal="1.15")
        yield Row(what, threads, walls(mine), walls(plain))
        yield Row(what, f"3 curls a job ({few} jobs, scaled)", walls(mine), scaled, goal="0.125")
        yield Row(f"{what}: CPU", f"{threads}: CPU", cpus(mine), cpus(plain))
        yield Row(f"{what}: CPU a request", "", a_request, unit="ms")
        yield Row(f"{what}: requests a job", "", [one.requests / jobs for one in mine], unit="", goal="3")
        yield Row(f"{what}: connections", "", [one.connections for one in mine], unit="", goal=str(THREADS))


@comparison
def submit(bench: Bench) -> Iterator[Row]:
    """Submitting what a search finds, over http as well as over TLS."""
    jobs, latency = (30 if bench.quick else 300), 0.1
    dates = ("-d", "2018-01-01", "-f", "2018-12-31", "-y", "-q", "-a", "peps.txt", "-l", "new.log")

    def ours(served: Served) -> Spent:
        (bench.folder / "new.log").unlink(missing_ok=True)
        return bench.spend(script("process", "-t", "31TCJ", *dates, "--server", served.url), served)

    for name, certificate in (("http", ""), ("TLS", str(bench.folder / "server.pem"))):
        line: dict[str, Any] = {"products": jobs, "latency": latency, "certificate": certificate}
        with bench.serving(products=1) as at_once, bench.serving(**line) as served:
            starts, mine, plain = bench.in_turns(
                lambda: ours(at_once), lambda: ours(served), lambda: bench.spend(other("submit", served.url, str(jobs)))
            )
        what, begun = f"submitting {jobs} products at 100 ms over {name}", statistics.median(walls(starts))
        bound = [one.requests * latency for one in mine]
        yield Row(f"{what}, less start-up", "requests × latency", walls(mine, begun), bound, goal="1.1")
        yield Row(what, "a loop of requests", walls(mine), walls(plain))
        yield Row(f"{what}: CPU", "a loop of requests: CPU", cpus(mine), cpus(plain))
        yield Row(f"{what}: start-up", "", walls(starts))


@comparison
def theia(bench: Bench) -> Iterator[Row]:
    """A search of one tile over a year at GEODES, shown and not taken, against plain requests for the same pages."""
    with bench.serving() as served:
        year = ("-t", "31TCJ", "-d", "2019-01-01", "-f", "2019-12-31", "--server", served.url, "--geodes", served.url)
        search = script("process", "--theia", "only", "-n", *year)
        found = bench.spend(search).out.count("from Theia")
        ours, theirs = bench.in_turns(
            lambda: bench.spend(search, served), lambda: bench.spend(other("geodes", served.url))
        )
    what = f"searching a year at GEODES ({found} products)"
    yield Row(what, "plain requests", walls(ours), walls(theirs), goal="1.3")
    yield Row(f"{what}: CPU", "plain requests: CPU", cpus(ours), cpus(theirs))
    yield Row(f"{what}: requests", "", [one.requests for one in ours], unit="")


@comparison
def quicklooks(bench: Bench) -> Iterator[Row]:
    """The quicklooks of a summer: what -n --page fetches, against what eight connections take at that latency."""
    latency = 0.1
    with bench.serving(latency=latency) as served:
        summer = ("-t", "31TCJ", "31TCH", "-d", "2019-06-01", "-f", "2019-06-30" if bench.quick else "2019-10-23")
        search = script("process", "--theia", "only", "-n", *summer, "--server", served.url, "--geodes", served.url)

        def ours() -> Spent:
            shutil.rmtree(bench.folder / "summer", ignore_errors=True)
            return bench.spend([*search, "-a", "peps.txt", "--page", "summer"], served)

        starts, mine = bench.in_turns(lambda: bench.spend(search, served), ours)
    pictures = [one.requests - start.requests for one, start in zip(mine, starts, strict=True)]
    bound = [math.ceil(number / THREADS) * latency for number in pictures]
    what, begun = f"{pictures[0]} quicklooks at 100 ms, less the search", statistics.median(walls(starts))
    yield Row(what, f"requests × latency / {THREADS}", walls(mine, begun), bound, goal="1.3")


@comparison
def page(bench: Bench) -> Iterator[Row]:
    """The page of 450 dates of three tiles, when its quicklooks are there."""
    folder = bench.folder / "page_of_450"
    folder.mkdir()
    dates, content = 10 if bench.quick else 150, make_zip("any.zip", 40)
    number = page_picture.fill(folder, ("31TCJ", "31TCH", "30TXN"), dates, different=["too cloudy"], content=content)
    there = ("-l", folder / "peps_maja.log", "-w", folder, "--page", folder / "page")
    write = script("downloader", "-a", "peps.txt", "--dates", "-q", *there)
    bench.spend(write)
    [spent] = bench.in_turns(lambda: bench.spend(write))
    yield Row(f"page of {number} dates", "2 s", walls(spent), [2.0] * len(spent), goal="1")
    yield Row(f"page of {number} dates: memory", "", [run.peak for run in spent], unit="MB", goal="60")


@comparison
def download(bench: Bench) -> Iterator[Row]:
    """One large zip: as fast as loopback goes, over http and over TLS, and on a line of 1 Gb/s."""
    size = GIB // 8 if bench.quick else GIB
    with bench.files("bulk", 0) as served:
        [starts] = bench.in_turns(lambda: bench.fetch(served))
    begun, begun_cpu = statistics.median(walls(starts)), statistics.median(cpus(starts))
    secure = {"certificate": str(bench.folder / "server.pem")}
    lines: Sequence[tuple[str, dict[str, Any], str, str]] = (
        ("over http", {}, "1.0", ""),
        ("over TLS", secure, "1.15", ""),
        ("on 1 Gb/s", {"rate": GIGABIT}, "1.05", "1.3"),
    )
    for line, options, goal, goal_cpu in lines:
        with bench.files("bulk", size, **options) as served:
            [url] = served.results()
            ours, curl, synced, plain = bench.in_turns(
                lambda: bench.fetch(served),
                lambda: bench.curl(served),
                lambda: bench.curl(served, "sync"),
                lambda: bench.spend(other("download", url, "products/plain.zip")),  # noqa: B023
            )
        what, without = f"{size / GIB:g} GiB {line}", f"{size / GIB:g} GiB {line}, less start-up"
        cpu, cpu_without = cpus(ours), cpus(ours, begun_cpu)
        yield Row(what, "curl", walls(ours), walls(curl), goal=goal)
        yield Row(without, "curl", walls(ours, begun), walls(curl), goal=goal)
        yield Row(without, "curl, then sync", walls(ours, begun), walls(synced), goal=goal)
        yield Row(f"{what}: CPU", "curl: CPU", cpu, cpus(curl), goal=goal_cpu)
        yield Row(f"{what}: CPU, less start-up", "curl: CPU", cpu_without, cpus(curl), goal=goal_cpu)
        yield Row(f"{what}: requests in 8 KiB", "curl", walls(plain), walls(curl))


@comparison
def check(bench: Bench) -> Iterator[Row]:
    """One large zip whose every byte is checked, against others that fetch, sync and check."""
    size, tool = GIB // 8 if bench.quick else GIB, "python3 -m zipfile -t"
    with bench.files("stored", size) as served:
        ours, curl, same = bench.in_turns(
            lambda: bench.fetch(served), lambda: bench.curl(served), lambda: bench.curl(served, f"sync -f . && {tool}")
        )
    what = f"{size / GIB:g} GiB over http, all of it checked"
    yield Row(what, "curl, unchecked", walls(ours), walls(curl))
    yield Row(what, "curl, sync, python -m zipfile -t", walls(ours), walls(same))


@comparison
def zips(bench: Bench) -> Iterator[Row]:
    """Zips of deflated rasters, on a line of 1 Gb/s: checked by us, and not by curl."""
    with bench.files("rasters", 25 * 10**6 if bench.quick else 250 * 10**6, 4, rate=GIGABIT) as served:
        two, one, four, curl = bench.in_turns(
            lambda: bench.fetch(served),
            lambda: bench.fetch(served, "-j", "1"),
            lambda: bench.fetch(served, "-j", "4"),
            lambda: bench.curl(served),
        )
        size = sum(path.stat().st_size for path in (bench.folder / "products").iterdir())
    what, bound = f"4 zips of {size / 4e6:.0f} MB on 1 Gb/s, checked", [size / GIGABIT] * bench.runs
    yield Row(what, "curl, unchecked", walls(two), walls(curl), goal="1.25")
    yield Row(what, "bytes / line", walls(two), bound)
    yield Row(f"{what}, -j 1", "curl, unchecked", walls(one), walls(curl))
    yield Row(f"{what}, -j 4", "curl, unchecked", walls(four), walls(curl))
    yield Row(f"{what}: CPU", "curl, unchecked: CPU", cpus(two), cpus(curl))


@comparison
def memory(bench: Bench) -> Iterator[Row]:
    """Peak memory, with four large files at once."""
    size = GIB // 8 if bench.quick else 1500 * 10**6
    for kind, over, least in (("sparse", "http", size), ("rasters", "TLS", size // 10)):
        certificate = str(bench.folder / "server.pem") if over == "TLS" else ""
        with bench.files(kind, least, 4, certificate=certificate) as served:
            [spent] = bench.in_turns(lambda: bench.fetch(served, "-j", "4"))
        peaks = [one.peak for one in spent]
        yield Row(
            f"peak memory, -j 4, 4 zips of {least / 1e6:.0f} MB ({kind}) over {over}", "", peaks, unit="MB", goal="60"
        )
    floor = bench.spend(["true"]).peak
    yield Row("peak memory: the least that can be measured here", "", [floor], unit="MB")


def main() -> None:
    """Run what the options name, and print each line of the table as soon as it is known."""
    parser = argparse.ArgumentParser(
        prog="python tests/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", metavar="NAME", nargs="+", choices=COMPARISONS, help=", ".join(COMPARISONS))
    parser.add_argument("--runs", metavar="N", type=int, help="how many times (default: 5; with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="small amounts: to see whether all of this runs")
    options = parser.parse_args()
    if shutil.which("curl") is None:
        parser.error("curl is missing: install it first")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # then, too, servers are stopped and files removed
    with tempfile.TemporaryDirectory(prefix="peps_maja_bench_") as name:
        folder = Path(name).resolve()
        (folder / "peps.txt").write_text(f"{' '.join(ACCOUNT)}\ngeodes {KEY}\n", encoding="utf-8")
        (folder / "peps.txt").chmod(0o600)
        kept = {key: value for key, value in os.environ.items() if key in {"PATH", "VIRTUAL_ENV", "TMPDIR"}}
        kept |= {"HOME": name, "LANG": "C.UTF-8", "REQUESTS_CA_BUNDLE": str(folder / "authorities.pem")}
        runs = options.runs or (1 if options.quick else 5)
        bench = Bench(folder, runs, options.quick, kept | {"PYTHONPATH": str(ROOT)})
        bench.spend(other("certificate", folder))
        python = f"{platform.python_implementation()} {platform.python_version()}"
        curl = bench.spend(["curl", "--version"]).out.split()[1]
        print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {python}, curl {curl}\n\n{HEADING}")
        for comparison in options.only or COMPARISONS:
            if not options.quick and shutil.disk_usage(folder).free < ROOM:
                print(f"{comparison}: left out, there is no room of {ROOM / 1e9:.0f} GB in {folder.parent}")
                continue
            for row in COMPARISONS[comparison](bench):
                print(row, flush=True)


if __name__ == "__main__":
    main()
