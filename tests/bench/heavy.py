"""What has to be as fast as the line: downloads, and what checking them costs."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from canned import DATATAKE, RESULTS, Peps, product, wps_id
from line import GIGABIT, Line, serving, serving_files
from material import write_log
from measuring import Bench, Command, Row, Spent, cpus, helper, less, script, walls

_MIB, _GIB = 1024**2, 1024**3


@dataclass(frozen=True)
class _Task:
    """Some finished jobs, whose results wait on a server to be fetched."""

    bench: Bench
    server: str
    peps: Peps

    def ours(self, *options: str) -> Spent:
        """Let the downloader poll the jobs, and fetch, check and keep their results."""
        folder = self._emptied()
        log = self.bench.folder / "finished.log"
        # All of one datatake, so that the one product which every zip holds can be the result of each job.
        names = (product(number, timedelta(seconds=1)) for number in range(len(self.peps.results)))
        write_log(log, names, finished=False)
        run = script("downloader", "-a", "peps.txt", "-l", log, "-w", folder, "--server", self.server, "-q")
        spent = self.bench.spend([*run, *options])
        if len(list(folder.glob("*.zip"))) != len(self.peps.results):
            raise RuntimeError(f"not every result was fetched:\n{spent.out}")
        shutil.rmtree(folder)
        return spent

    def curl(self, and_then: str = "") -> Spent:
        """Let curl fetch the same, one after the other; `and_then` have a shell do something with each."""
        folder = self._emptied()
        files = [folder / name for name in self.peps.results.values()]
        targets = [word for file, url in zip(files, self._urls(), strict=True) for word in ("-o", file, url)]
        command: Command = self.bench.curl(*targets)
        if and_then:
            command = ["sh", "-c", '"$0" "$@"' + "".join(f" && {and_then} '{file}'" for file in files), *command]
        spent = self.bench.spend(command)
        shutil.rmtree(folder)
        return spent

    def plain(self) -> Spent:
        """Let a loop of requests fetch the first."""
        spent = self.bench.spend(helper("plain", "download", self._urls()[0], self._emptied() / "plain.zip"))
        shutil.rmtree(self.bench.folder / "products")
        return spent

    def _urls(self) -> list[str]:
        return [f"{self.server}{RESULTS}{identifier}/{name}" for identifier, name in self.peps.results.items()]

    def _emptied(self) -> Path:
        folder = self.bench.folder / "products"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder


def download(bench: Bench) -> Iterator[Row]:
    """One large zip: as fast as loopback goes, over http and over TLS, and on a line of 1 Gb/s."""
    size = _GIB // 8 if bench.quick else _GIB
    with _results(bench, "bulk", size) as peps:
        for over, certificate, goal in (("http", None, "1.0"), ("TLS", bench.certificate, "1.15")):
            with serving_files(peps, bench.folder, certificate) as url:
                yield from _download(_Task(bench, url, peps), f"{size / _GIB:g} GiB over {over}", goal, "")
        with serving(peps, Line(rate=GIGABIT)) as served:
            yield from _download(_Task(bench, served.url, peps), f"{size / _GIB:g} GiB on 1 Gb/s", "1.05", "1.3")


def _download(task: _Task, what: str, goal: str, goal_cpu: str) -> Iterator[Row]:
    begun = start_up(task.bench)
    ours, curl, synced, plain = task.bench.in_turns(task.ours, task.curl, lambda: task.curl("sync"), task.plain)
    yield Row(what, "curl", walls(ours), walls(curl), goal=goal)
    yield Row(f"{what}, less start-up", "curl", less(walls(ours), begun.wall), walls(curl), goal=goal)
    yield Row(f"{what}, less start-up", "curl, then sync", less(walls(ours), begun.wall), walls(synced), goal=goal)
    yield Row(f"{what}: CPU", "curl: CPU", cpus(ours), cpus(curl), goal=goal_cpu)
    yield Row(f"{what}: CPU, less start-up", "curl: CPU", less(cpus(ours), begun.cpu), cpus(curl), goal=goal_cpu)
    yield Row(f"{what}: requests in 8 KiB", "curl", walls(plain), walls(curl))


def check(bench: Bench) -> Iterator[Row]:
    """One large zip whose every byte is checked, against others that fetch, sync and check."""
    size = _GIB // 8 if bench.quick else _GIB
    what = f"{size / _GIB:g} GiB over http, all of it checked"
    with _results(bench, "stored", size) as peps, serving_files(peps, bench.folder) as url:
        task = _Task(bench, url, peps)
        ours, curl, same = bench.in_turns(task.ours, task.curl, lambda: task.curl("sync -f . && python3 -m zipfile -t"))
    yield Row(what, "curl, unchecked", walls(ours), walls(curl))
    yield Row(what, "curl, sync, python -m zipfile -t", walls(ours), walls(same))


def zips(bench: Bench) -> Iterator[Row]:
    """Zips of deflated rasters, on a line of 1 Gb/s: checked by us, and not by curl."""
    size = 25 * 10**6 if bench.quick else 250 * 10**6
    with _results(bench, "rasters", size, 4) as peps, serving(peps, Line(rate=GIGABIT)) as served:
        task = _Task(bench, served.url, peps)
        two, one, four, curl = bench.in_turns(
            task.ours, lambda: task.ours("-j", "1"), lambda: task.ours("-j", "4"), task.curl
        )
        size = sum((peps.folder / name).stat().st_size for name in peps.results.values())
    what = f"4 zips of {size / 4e6:.0f} MB on 1 Gb/s, checked"
    bound = [size / GIGABIT] * bench.runs
    yield Row(what, "curl, unchecked", walls(two), walls(curl), goal="1.25")
    yield Row(what, "bytes / line", walls(two), bound)
    yield Row(f"{what}, -j 1", "curl, unchecked", walls(one), walls(curl))
    yield Row(f"{what}, -j 4", "curl, unchecked", walls(four), walls(curl))
    yield Row(f"{what}: CPU", "curl, unchecked: CPU", cpus(two), cpus(curl))


def memory(bench: Bench) -> Iterator[Row]:
    """Peak memory, with four large files at once."""
    size = _GIB // 8 if bench.quick else 1500 * 10**6
    floor = bench.spend(["true"]).peak
    for kind, certificate in (("sparse", None), ("rasters", bench.certificate)):
        with (
            _results(bench, kind, size if kind == "sparse" else size // 10, 4) as peps,
            serving_files(peps, bench.folder, certificate) as url,
        ):
            task = _Task(bench, url, peps)
            [spent] = bench.in_turns(lambda task=task: task.ours("-j", "4"))  # type: ignore[misc]
            shown = f"4 zips of {(peps.folder / next(iter(peps.results.values()))).stat().st_size / 1e6:.0f} MB"
        over = "TLS" if certificate else "http"
        yield Row(
            f"peak memory, -j 4, {shown} ({kind}) over {over}", "", [one.peak for one in spent], unit="MB", goal="60"
        )
    yield Row("peak memory: the least that can be measured here", "", [floor], unit="MB")


def start_up(bench: Bench) -> Spent:
    """Return what a run over one finished job with next to nothing to fetch takes: the medians."""
    with _results(bench, "bulk", 0, folder="tiny") as peps, serving(peps) as served:
        task = _Task(bench, served.url, peps)
        [spent] = bench.in_turns(task.ours)
    return Spent(statistics.median(walls(spent)), statistics.median(cpus(spent)), 0, "")


@contextmanager
def _results(bench: Bench, kind: str, size: int, number: int = 1, folder: str = "served") -> Iterator[Peps]:
    """Make a zip of this kind, and a PEPS that serves it as the results of so many jobs; remove it at the end."""
    there = bench.folder / folder
    there.mkdir()
    try:
        names = [f"{DATATAKE.format(milliseconds=459 + one)}.zip" for one in range(number)]
        bench.spend(helper("material", "zip", there / names[0], kind, str(size)))
        for name in names[1:]:
            (there / name).hardlink_to(there / names[0])
        yield Peps(results={wps_id(one): name for one, name in enumerate(names)}, folder=there)
    finally:
        shutil.rmtree(there)
