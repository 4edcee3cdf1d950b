"""What has to be light: starting, looking at a log, asking about many jobs, submitting many."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from canned import Peps, product, refresh_path, report_path, status_path, wps_id
from line import Line, Served, serving
from material import write_log
from measuring import ROOT, Bench, Row, Spent, cpus, helper, less, script, walls

sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT))

import page_picture

from peps_maja.sandbox import Sandbox, make_zip

AT_ONCE = 8  # connections over which jobs are polled
_OLD_WAY = 20  # jobs that are asked about by curl; more would only take longer

IMPORT = [sys.executable, "-c", "import requests"]
_IMPORT_NAME = "python -c 'import requests'"


def start(bench: Bench) -> Iterator[Row]:
    """`--help` of both scripts, and the machine's noise: one command against itself."""
    empty, first, second, process, downloader = bench.in_turns(
        lambda: bench.spend([sys.executable, "-c", "pass"]),
        lambda: bench.spend(IMPORT),
        lambda: bench.spend(IMPORT),
        lambda: bench.spend(script("process", "--help")),
        lambda: bench.spend(script("downloader", "--help")),
    )
    yield Row("noise: one command against itself", _IMPORT_NAME, walls(first), walls(second))
    yield Row("bare Python: -c pass", _IMPORT_NAME, walls(empty), walls(first))
    for name, spent in (("process", process), ("downloader", downloader)):
        yield Row(f"peps_maja_{name}.py --help", _IMPORT_NAME, walls(spent), walls(first), goal="0.7")
        yield Row(f"peps_maja_{name}.py --help: CPU", f"{_IMPORT_NAME}: CPU", cpus(spent), cpus(first), goal="0.7")


def cron(bench: Bench) -> Iterator[Row]:
    """A run over a log in which nothing is open."""
    jobs = 1_000 if bench.quick else 10_000
    write_log(bench.folder / "done.log", (product(n, timedelta(hours=1)) for n in range(jobs)), finished=True)
    with serving(Peps()) as served:
        run = _downloader(served.url, "done.log")
        bench.spend(run)
        ours, theirs = bench.in_turns(lambda: bench.spend(run), lambda: bench.spend(IMPORT))
        requests, _ = served.counts
    yield Row(f"cron run, {jobs} finished jobs", _IMPORT_NAME, walls(ours), walls(theirs), goal="1.3")
    yield Row(f"cron run, {jobs} finished jobs: CPU", f"{_IMPORT_NAME}: CPU", cpus(ours), cpus(theirs), goal="1.3")
    yield Row(f"cron run, {jobs} finished jobs: requests", "", [requests], unit="", goal="0")


def replay(bench: Bench) -> Iterator[Row]:
    """Replaying a long log: four lines a job."""
    lines = 10_000 if bench.quick else 100_000
    log = bench.folder / "long.log"
    write_log(log, (product(n, timedelta(hours=1)) for n in range(lines // 4)), finished=True)
    [spent] = bench.in_turns(lambda: bench.spend(helper("replay", log)))
    as_bytes, as_text, replayed = zip(*(map(float, one.out.split()) for one in spent), strict=True)
    what = f"replay of {lines} lines ({log.stat().st_size / 1e6:.0f} MB)"
    yield Row(what, "reading the file: bytes", replayed, as_bytes, goal="15")
    yield Row(what, "reading the file: text", replayed, as_text, goal="15")


def poll(bench: Bench) -> Iterator[Row]:
    """Polling many open jobs: every one for the first time, so with three requests."""
    for latency in (0.05, 0.2):
        yield from _poll(bench, 100 if bench.quick else 1_000, latency)


def _poll(bench: Bench, jobs: int, latency: float) -> Iterator[Row]:
    write_log(bench.folder / "open.log", (product(n, timedelta(hours=1)) for n in range(jobs)), finished=False)
    write_log(bench.folder / "one.log", [product(0)], finished=False)
    few = min(jobs, _OLD_WAY)
    with serving(Peps()) as at_once, serving(Peps(), Line(latency)) as served:
        counts: list[tuple[int, int]] = []

        def ours() -> Spent:
            requests, connections = served.counts
            spent = bench.spend(_downloader(served.url, "open.log"))
            counts.append((served.counts[0] - requests, served.counts[1] - connections))
            return spent

        starts, mine, plain, old = bench.in_turns(
            lambda: bench.spend(_downloader(at_once.url, "one.log")),
            ours,
            lambda: bench.spend(helper("plain", "poll", served.url, str(jobs))),
            lambda: _with_curl(bench, served.url, few),
        )
    what, threads = f"polling {jobs} jobs at {1000 * latency:.0f} ms", f"requests in {AT_ONCE} threads"
    begun, begun_cpu = statistics.median(walls(starts)), statistics.median(cpus(starts))
    bound = [requests * latency / AT_ONCE for requests, _ in counts]
    a_request = [1000 * cpu / requests for cpu, (requests, _) in zip(less(cpus(mine), begun_cpu), counts, strict=True)]
    yield Row(f"{what}: start-up", "", walls(starts))
    yield Row(f"{what}, less start-up", f"requests × latency / {AT_ONCE}", less(walls(mine), begun), bound, goal="1.15")
    yield Row(what, threads, walls(mine), walls(plain))
    yield Row(
        what, f"3 curls a job ({few} jobs, scaled)", walls(mine), [jobs / few * w for w in walls(old)], goal="0.125"
    )
    yield Row(f"{what}: CPU", f"{threads}: CPU", cpus(mine), cpus(plain))
    yield Row(f"{what}: CPU a request", "", a_request, unit="ms")
    yield Row(f"{what}: requests a job", "", [requests / jobs for requests, _ in counts], unit="", goal="3")
    yield Row(f"{what}: connections", "", [connections for _, connections in counts], unit="", goal=str(AT_ONCE))


def submit(bench: Bench) -> Iterator[Row]:
    """Submitting what a search finds, over http as well as over TLS."""
    jobs, latency = 30 if bench.quick else 300, 0.1
    for name, certificate in (("http", None), ("TLS", bench.certificate)):
        yield from _submit(bench, jobs, Line(latency, certificate=certificate), name)


def _submit(bench: Bench, jobs: int, line: Line, name: str) -> Iterator[Row]:
    with serving(Peps(products=1)) as at_once, serving(Peps(products=jobs), line) as served:
        requests = []

        def ours(server: Served) -> Spent:
            (bench.folder / "new.log").unlink(missing_ok=True)
            count = server.counts[0]
            dates = ("-d", "2018-01-01", "-f", "2018-12-31")
            options = ("-a", "peps.txt", "-l", "new.log", "--server", server.url, "-y", "-q")
            spent = bench.spend(script("process", "-t", "31TCJ", *dates, *options))
            requests.append(float(server.counts[0] - count))
            return spent

        starts = [ours(at_once) for _ in range(bench.runs)]
        requests.clear()
        mine, plain = bench.in_turns(
            lambda: ours(served), lambda: bench.spend(helper("plain", "submit", served.url, str(jobs)))
        )
    what = f"submitting {jobs} products at {1000 * line.latency:.0f} ms over {name}"
    bound = [count * line.latency for count in requests]
    begun = statistics.median(walls(starts))
    yield Row(f"{what}, less start-up", "requests × latency", less(walls(mine), begun), bound, goal="1.1")
    yield Row(what, "a loop of requests", walls(mine), walls(plain))
    yield Row(f"{what}: CPU", "a loop of requests: CPU", cpus(mine), cpus(plain))
    yield Row(f"{what}: start-up", "", walls(starts))


def theia(bench: Bench) -> Iterator[Row]:
    """A search of one tile over a year at GEODES, shown and not taken, against plain requests for the same pages."""
    with Sandbox() as sandbox:
        year = ("-t", "31TCJ", "-d", "2019-01-01", "-f", "2019-12-31")
        servers = ("--server", sandbox.url, "--geodes", sandbox.url)
        search = script("process", "--theia", "only", "-n", *year, *servers)
        found = bench.spend(search).out.count("from Theia")
        requests = len(sandbox.requests)
        ours, theirs = bench.in_turns(
            lambda: bench.spend(search), lambda: bench.spend(helper("plain", "geodes", sandbox.url))
        )
    what = f"searching a year at GEODES ({found} products)"
    yield Row(what, "plain requests", walls(ours), walls(theirs), goal="1.3")
    yield Row(f"{what}: CPU", "plain requests: CPU", cpus(ours), cpus(theirs))
    yield Row(f"{what}: requests", "", [requests], unit="")


def page(bench: Bench) -> Iterator[Row]:
    """The page of 450 dates of three tiles, when its quicklooks are there."""
    folder = bench.folder / "page_of_450"
    folder.mkdir()
    dates, content = 10 if bench.quick else 150, make_zip("any.zip", 40)
    number = page_picture.fill(folder, ("31TCJ", "31TCH", "30TXN"), dates, different=["too cloudy"], content=content)
    log, products, target = folder / "peps_maja.log", folder, folder / "page"
    write = script("downloader", "-a", "peps.txt", "-l", log, "-w", products, "--dates", "--page", target, "-q")
    bench.spend(write)
    [spent] = bench.in_turns(lambda: bench.spend(write))
    yield Row(f"page of {number} dates", "2 s", walls(spent), [2.0] * len(spent), goal="1")
    yield Row(f"page of {number} dates: memory", "", [run.peak for run in spent], unit="MB", goal="60")


def _downloader(server: str, log: str) -> list[str | Path]:
    return [*script("downloader", "-a", "peps.txt", "-l", log, "-w", "products", "--server", server, "-q")]


def _with_curl(bench: Bench, server: str, jobs: int) -> Spent:
    """Ask about jobs as scripts with curl do: a process for each request, one after the other."""
    spent = [
        bench.spend(bench.curl("-o", "answer", server + path))
        for identifier in map(wps_id, range(jobs))
        for path in (status_path(identifier), refresh_path(identifier), report_path(identifier))
    ]
    return Spent(sum(walls(spent)), sum(cpus(spent)), 0, "")
