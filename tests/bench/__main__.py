"""How fast and how light peps_maja is, against curl, plain requests and what the line allows.

    python tests/bench [--only NAME …] [--runs 5] [--quick]

Everything runs on loopback, against the sandbox in a process of its own. The table has medians, and ratios run by run:
their minimum, median and maximum show the machine's noise. Nothing passes or fails. Files, 9 GB at most, go to a
temporary folder (TMPDIR says where) and are removed at the end. A new row: a function that yields it, in COMPARISONS.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(ROOT)]

import page_picture  # noqa: E402 - of this checkout
from others import ACCOUNT, THREADS, ZIP, product  # noqa: E402

from peps_maja.sandbox import make_zip  # noqa: E402
from peps_maja.sandbox.geodes.service import KEY  # noqa: E402

Command = Sequence[str | Path]
Rows = Iterator[str]
CURL: Command = ["curl", "-s", "-f", "--cacert", "authorities.pem", "-u", ":".join(ACCOUNT)]
IMPORT: Command = [sys.executable, "-c", "import requests"]
GIGABIT = 125e6  # bytes a second on a line of 1 Gb/s
ROOM = 10e9  # bytes that the largest comparison takes, and some
GIB = 1024**3
HEADING = f"{'what':<60} {'against':<38} {'ours':>9} {'theirs':>9} {'min':>6} {'median':>6} {'max':>6}  goal"


@dataclass(frozen=True)
class Spent:
    """What a process took: seconds of wall clock, seconds of CPU, MB of memory at its peak; and what it printed."""

    wall: float
    cpu: float
    peak: float
    out: str


@dataclass(frozen=True)
class Served:
    """A running server: its address, and product, status URL and addresses of the results of each of its jobs."""

    url: str
    jobs: list[tuple[str, str, list[str]]]
    process: subprocess.Popen[str]

    def counts(self, runs: int) -> tuple[float, float]:
        """Return how many requests and connections it has seen, for each of so many runs."""
        assert self.process.stdout
        print(file=self.process.stdin, flush=True)
        requests, connections = self.process.stdout.readline().split()
        return int(requests) / runs, int(connections) / runs


@dataclass(frozen=True)
class Bench:
    """How to measure: in which folder (removed at the end), how many times, and with small amounts if `quick`."""

    folder: Path
    runs: int
    quick: bool
    environment: Mapping[str, str]

    def spend(self, command: Command) -> Spent:
        """Run a process to its end and return what it took; one that fails is an error."""
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
        # Kilobytes on Linux, bytes on macOS. On Linux it is never less than what this very process has at that time.
        peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e6 / 1024)
        return Spent(wall, usage.ru_utime + usage.ru_stime, peak, out)

    def in_turns(self, *measures: Command | Callable[[], Spent]) -> list[list[Spent]]:
        """Return what each of these takes, `runs` times, one after the other in turns: noise then meets them all."""
        rounds = [[one() if callable(one) else self.spend(one) for one in measures] for _ in range(self.runs)]
        return [list(spent) for spent in zip(*rounds, strict=True)]

    @contextmanager
    def serving(self, **options: object) -> Iterator[Served]:
        """Serve, for the length of a `with`, what the options of server.py name."""
        command: Command = [sys.executable, HERE / "server.py", json.dumps(options)]
        with subprocess.Popen(
            command, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            try:
                url, jobs = json.loads(process.stdout.readline())
                yield Served(url, jobs, process)
            finally:
                process.kill()

    def write_log(self, name: str, jobs: Sequence[Sequence[Any]]) -> Path:
        """Write a log in which jobs, of which product and status URL come first, were submitted just now."""
        now = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
        lines = [f"{now}\tsubmitting\t{job}\t\n{now}\tsubmitted\t{job}\t{url}\n" for job, url, *_ in jobs]
        (self.folder / name).write_text("".join(["# peps_maja job log 1\n", *lines]), encoding="utf-8")
        return self.folder / name

    def write_long_log(self, jobs: int) -> Path:
        """Write a log of so many finished jobs that no server knows, four lines each."""
        url = "https://peps.cnes.fr/resto/wps/outputs/pywps-{:08x}-3f20-11e9-81a5-0242ac110002.xml"
        names = [product(number, timedelta(hours=1)) for number in range(jobs)]
        log = self.write_log("long.log", [(name, url.format(number)) for number, name in enumerate(names)])
        with log.open("a", encoding="utf-8") as file:
            for number, name in enumerate(names):
                result = f"{ZIP.format(milliseconds=number % 1000)}.{number}.zip"
                file.write(
                    f"2019-04-02T11:30:01Z\tdownloaded\t{name}\t{result}\n2019-04-02T11:30:01Z\tfinished\t{name}\t\n"
                )
        return log

    def fetch(self, served: Served, *options: str) -> Spent:
        """Let the downloader poll finished jobs, and fetch, check and keep their results."""
        shutil.rmtree(self.folder / "products", ignore_errors=True)
        spent = self.spend([*downloader(served, self.write_log("finished.log", served.jobs)), *options])
        if len(list((self.folder / "products").glob("*.zip"))) != len(served.jobs):
            raise RuntimeError(f"not every result was fetched:\n{spent.out}")
        return spent

    def curl(self, served: Served, and_then: str = "true") -> Spent:
        """Let curl fetch the same, one after the other; `and_then` have a shell do something with each."""
        shutil.rmtree(self.folder / "products", ignore_errors=True)
        (self.folder / "products").mkdir()
        urls = [url for _, _, results in served.jobs for url in results]
        files = [f"products/{url.rpartition('/')[2]}" for url in urls]
        targets = [word for file, url in zip(files, urls, strict=True) for word in ("-o", file, url)]
        then = "".join(f" && {and_then} '{file}'" for file in files)
        return self.spend(["sh", "-c", f'"$0" "$@"{then}', *CURL, *targets])


def script(name: str, *arguments: str | Path) -> Command:
    """Return the command that runs `peps_maja_<name>.py` of this checkout."""
    return [sys.executable, ROOT / f"peps_maja_{name}.py", *arguments]


def downloader(served: Served, log: Path) -> Command:
    """Return the command that runs the downloader over a log."""
    return script("downloader", "-a", "peps.txt", "-l", log, "-w", "products", "--server", served.url, "-q")


def other(*arguments: str | Path) -> Command:
    """Return the command that runs one of the others."""
    return [sys.executable, HERE / "others.py", *arguments]


def walls(spent: Sequence[Spent], less: Sequence[Spent] = ()) -> list[float]:
    """Return the wall clock times, without what it takes to start: the median of `less`."""
    start = median(one.wall for one in less) if less else 0
    return [one.wall - start for one in spent]


def cpus(spent: Sequence[Spent], less: Sequence[Spent] = ()) -> list[float]:
    """Return the CPU times, without what it takes to start."""
    start = median(one.cpu for one in less) if less else 0
    return [one.cpu - start for one in spent]


def row(what: str, ours: Sequence[float], against: str = "", theirs: Sequence[float] = (), **more: str) -> str:
    """Return a line of the table: both medians, then the ratio's minimum, median and maximum over the runs.

    `unit` is that of the figures, seconds unless told; `goal` is a limit of the ratio, or of ours.
    """

    def shown(values: Sequence[float]) -> str:
        value, unit = median(values), more.get("unit", "s")
        if unit == "s" and value < 0.1:
            return f"{1000 * value:.1f} ms"
        return f"{value:.3g} {unit}" if value < 1000 else f"{value:.0f} {unit}"

    figures = f"{shown(ours):>9} {shown(theirs) if theirs else '':>9}"
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=False)]
    spread = f"{min(ratios):6.2f} {median(ratios):6.2f} {max(ratios):6.2f}" if ratios else ""
    return f"{what:<60} {against:<38} {figures} {spread:>20}  {more.get('goal', '')}"


def both(what: str, ours: list[Spent], against: str, theirs: list[Spent], *goals: str) -> Rows:
    """Yield the rows of the wall clock and of the CPU, with their goals."""
    goal, cpu = (*goals, "", "")[:2]
    yield row(what, walls(ours), against, walls(theirs), goal=goal)
    yield row(f"{what}: CPU", cpus(ours), f"{against}: CPU", cpus(theirs), goal=cpu)


def start(bench: Bench) -> Rows:
    """`--help` of both scripts, and the machine's noise: one command against itself."""
    against, scripts = "python -c 'import requests'", ("process", "downloader")
    helps = [script(name, "--help") for name in scripts]
    first, second, *ours = bench.in_turns(IMPORT, IMPORT, *helps)
    yield row("noise: one command against itself", walls(first), against, walls(second))
    for name, spent in zip(scripts, ours, strict=True):
        yield from both(f"peps_maja_{name}.py --help", spent, against, first, "0.7", "0.7")


def cron(bench: Bench) -> Rows:
    """A run over a log in which nothing is open."""
    jobs = 1_000 if bench.quick else 10_000
    log = bench.write_long_log(jobs)
    with bench.serving() as served:
        ours, theirs = bench.in_turns(downloader(served, log), IMPORT)
        requests, _ = served.counts(bench.runs)
    what = f"cron run, {jobs} finished jobs"
    yield row(f"{what}, less import requests", walls(ours, theirs), "0.3 s", [0.3] * bench.runs, goal="1")
    yield row(f"{what}: requests", [requests], unit="", goal="0")


def replay(bench: Bench) -> Rows:
    """Replaying a long log: four lines a job."""
    lines = 10_000 if bench.quick else 100_000
    log = bench.write_long_log(lines // 4)
    [spent] = bench.in_turns(other("replay", log))
    what, bound = f"replay of {lines} lines ({log.stat().st_size / 1e6:.0f} MB)", [lines * 7.5e-6] * bench.runs
    yield row(what, [float(one.out) for one in spent], "7.5 µs a line", bound, goal="1")


def poll(bench: Bench) -> Rows:
    """Polling many open jobs: every one for the first time, so with three requests."""
    jobs, latency = (100 if bench.quick else 1_000), 0.1
    with bench.serving(jobs=1) as at_once, bench.serving(jobs=jobs, latency=latency) as served:
        one_log, log = bench.write_log("one.log", at_once.jobs), bench.write_log("open.log", served.jobs)
        starts, mine = bench.in_turns(downloader(at_once, one_log), downloader(served, log))
        requests, connections = served.counts(bench.runs)
    what, bound = f"polling {jobs} jobs at 100 ms", [requests * latency / THREADS] * bench.runs
    yield row(f"{what}, less start-up", walls(mine, starts), f"requests × latency / {THREADS}", bound, goal="1.15")
    yield row(f"{what}: CPU a job", [1000 * cpu / jobs for cpu in cpus(mine, starts)], unit="ms")
    yield row(f"{what}: requests a job", [requests / jobs], unit="", goal="3")
    yield row(f"{what}: connections", [connections], unit="", goal=str(THREADS))


def submit(bench: Bench) -> Rows:
    """Submitting what a search finds, over http as well as over TLS."""
    jobs, latency = (30 if bench.quick else 300), 0.1
    dates = ("-d", "2018-01-01", "-f", "2018-12-31", "-y", "-q", "-a", "peps.txt", "-l", "new.log")

    def ours(served: Served) -> Spent:
        (bench.folder / "new.log").unlink(missing_ok=True)
        return bench.spend(script("process", "-t", "31TCJ", *dates, "--server", served.url))

    for name in ("http", "TLS"):
        line = bench.serving(products=jobs, latency=latency, tls=name == "TLS")
        with bench.serving(products=1) as at_once, line as served:
            starts, mine = bench.in_turns(lambda: ours(at_once), lambda: ours(served))
            requests, _ = served.counts(bench.runs)
        what, bound = f"submitting {jobs} products at 100 ms over {name}", [requests * latency] * bench.runs
        yield row(f"{what}, less start-up", walls(mine, starts), "requests × latency", bound, goal="1.1")
        yield row(f"{what}: CPU a job", [1000 * cpu / jobs for cpu in cpus(mine, starts)], unit="ms")


def theia(bench: Bench) -> Rows:
    """A search of one tile over a year at GEODES, shown and not taken, against plain requests for the same pages."""
    with bench.serving() as served:
        year = ("-t", "31TCJ", "-d", "2019-01-01", "-f", "2019-12-31", "--server", served.url, "--geodes", served.url)
        search = script("process", "--theia", "only", "-n", *year)
        ours, theirs = bench.in_turns(search, other("geodes", served.url))
    what = f"searching a year at GEODES ({ours[0].out.count('from Theia')} products)"
    yield from both(what, ours, "plain requests", theirs, "1.3")


def quicklooks(bench: Bench) -> Rows:
    """The quicklooks of a summer: what -n --page fetches, against what eight connections take at that latency."""
    latency = 0.1
    with bench.serving(latency=latency) as served:
        summer = ("-t", "31TCJ", "31TCH", "-d", "2019-06-01", "-f", "2019-06-30" if bench.quick else "2019-10-23")
        search = script("process", "--theia", "only", "-n", *summer, "--server", served.url, "--geodes", served.url)

        def ours() -> Spent:
            shutil.rmtree(bench.folder / "summer", ignore_errors=True)
            return bench.spend([*search, "-a", "peps.txt", "--page", "summer"])

        starts, mine = bench.in_turns(search, ours)
    pictures = len(list((bench.folder / "summer").rglob("*.jpg")))
    bound = [math.ceil(pictures / THREADS) * latency] * bench.runs
    what = f"{pictures} quicklooks at 100 ms, less the search"
    yield row(what, walls(mine, starts), f"requests × latency / {THREADS}", bound, goal="1.3")


def page(bench: Bench) -> Rows:
    """The page of 450 dates of three tiles, when its quicklooks are there."""
    folder = bench.folder / "page_of_450"
    folder.mkdir()
    dates, content = 10 if bench.quick else 150, make_zip("any.zip", 40)
    number = page_picture.fill(folder, ("31TCJ", "31TCH", "30TXN"), dates, different=["too cloudy"], content=content)
    there = ("-l", folder / "peps_maja.log", "-w", folder, "--page", folder / "page")
    write = script("downloader", "-a", "peps.txt", "--dates", "-q", *there)
    bench.spend(write)
    [spent] = bench.in_turns(write)
    yield row(f"page of {number} dates", walls(spent), "2 s", [2.0] * len(spent), goal="1")
    yield row(f"page of {number} dates: memory", [run.peak for run in spent], unit="MB", goal="60")


def download(bench: Bench) -> Rows:
    """One large zip: as fast as loopback goes, over http and over TLS, and on a line of 1 Gb/s."""
    size = GIB // 8 if bench.quick else GIB
    with bench.serving(zips=(1, "bulk", 0)) as served:
        [starts] = bench.in_turns(lambda: bench.fetch(served))
    for line, rate, goal, cpu in (
        ("over http", 0, "1.0", ""),
        ("over TLS", 0, "1.15", ""),
        ("on 1 Gb/s", GIGABIT, "1.05", "1.3"),
    ):
        with bench.serving(zips=(1, "bulk", size), rate=rate, tls="TLS" in line) as served:
            ours, curl = bench.in_turns(lambda: bench.fetch(served), lambda: bench.curl(served))
        what = f"{size / GIB:g} GiB {line}"
        yield from both(what, ours, "curl", curl, goal, cpu)
        yield row(f"{what}, less start-up", walls(ours, starts), "curl", walls(curl), goal=goal)
        yield row(f"{what}: CPU, less start-up", cpus(ours, starts), "curl: CPU", cpus(curl), goal=cpu)


def check(bench: Bench) -> Rows:
    """One large zip whose every byte is checked, against others that fetch, sync and check."""
    size, tool = GIB // 8 if bench.quick else GIB, "python3 -m zipfile -t"
    with bench.serving(zips=(1, "stored", size)) as served:
        ours, curl, same = bench.in_turns(
            lambda: bench.fetch(served), lambda: bench.curl(served), lambda: bench.curl(served, f"sync -f . && {tool}")
        )
    what = f"{size / GIB:g} GiB over http, all of it checked"
    yield row(what, walls(ours), "curl, unchecked", walls(curl))
    yield row(what, walls(ours), "curl, sync, python -m zipfile -t", walls(same))


def zips(bench: Bench) -> Rows:
    """Zips of deflated rasters, on a line of 1 Gb/s: checked by us, and not by curl."""
    with bench.serving(zips=(4, "rasters", (25 if bench.quick else 250) * 10**6), rate=GIGABIT) as served:
        two, one, four, curl = bench.in_turns(
            lambda: bench.fetch(served),
            lambda: bench.fetch(served, "-j", "1"),
            lambda: bench.fetch(served, "-j", "4"),
            lambda: bench.curl(served),
        )
        size = sum(path.stat().st_size for path in (bench.folder / "products").iterdir())
    what = f"4 zips of {size / 4e6:.0f} MB on 1 Gb/s, checked"
    yield from both(what, two, "curl, unchecked", curl, "1.25")
    yield row(what, walls(two), "bytes / line", [size / GIGABIT] * bench.runs)
    yield row(f"{what}, -j 1", walls(one), "curl, unchecked", walls(curl))
    yield row(f"{what}, -j 4", walls(four), "curl, unchecked", walls(curl))


def memory(bench: Bench) -> Rows:
    """Peak memory, with four large files at once."""
    size = GIB // 8 if bench.quick else 1500 * 10**6
    for kind, over, least in (("stored", "http", size), ("rasters", "TLS", size // 10)):
        with bench.serving(zips=(4, kind, least), tls=over == "TLS") as served:
            [spent] = bench.in_turns(lambda: bench.fetch(served, "-j", "4"))
        what = f"peak memory, -j 4, 4 zips of {least / 1e6:.0f} MB ({kind}) over {over}"
        yield row(what, [one.peak for one in spent], unit="MB", goal="60")
    yield row("peak memory: the least that can be measured here", [bench.spend(["true"]).peak], unit="MB")


COMPARISONS: dict[str, Callable[[Bench], Rows]] = {
    rows.__name__: rows
    for rows in (start, cron, replay, poll, submit, theia, quicklooks, page, download, check, zips, memory)
}


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
        environment = {key: value for key, value in os.environ.items() if key in {"PATH", "VIRTUAL_ENV", "TMPDIR"}}
        environment |= {"HOME": name, "LANG": "C.UTF-8", "REQUESTS_CA_BUNDLE": str(folder / "authorities.pem")}
        runs = options.runs or (1 if options.quick else 5)
        bench = Bench(folder, runs, options.quick, environment | {"PYTHONPATH": str(ROOT)})
        print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}\n\n{HEADING}")
        for comparison in options.only or COMPARISONS:
            if not options.quick and shutil.disk_usage(folder).free < ROOM:
                print(f"{comparison}: left out, there is no room of {ROOM / 1e9:.0f} GB in {folder.parent}")
                continue
            for line in COMPARISONS[comparison](bench):
                print(line, flush=True)


if __name__ == "__main__":
    main()
