"""How fast and how light peps_maja is, against curl, plain requests and what the line allows.

    python tests/bench [--only NAME …] [--runs 5] [--quick]

Everything runs on loopback, against a server of its own; files are served by nginx where that is installed. The table
has medians, and ratios run by run: their minimum, median and maximum show the machine's noise. Nothing passes or fails.
Files, 9 GB at most, go to a temporary folder (TMPDIR says where) and are removed at the end.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import heavy
import light
from line import Certificate
from measuring import ACCOUNT, HEADING, Bench, Comparison, helper

COMPARISONS: Mapping[str, Comparison] = {
    "start": light.start,
    "cron": light.cron,
    "replay": light.replay,
    "poll": light.poll,
    "submit": light.submit,
    "theia": light.theia,
    "page": light.page,
    "download": heavy.download,
    "check": heavy.check,
    "zips": heavy.zips,
    "memory": heavy.memory,
}
ROOM = 10e9  # bytes that the largest comparison takes, and some


def main() -> None:
    """Run what the options name, and print each line of the table as soon as it is known."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # then, too, servers are stopped and files removed
    with tempfile.TemporaryDirectory(prefix="peps_maja_bench_") as name:
        bench = _prepared(Path(name).resolve(), options)
        print(_machine(bench), HEADING, sep="\n", flush=True)
        for comparison in options.only or COMPARISONS:
            if not options.quick and shutil.disk_usage(bench.folder).free < ROOM:
                print(f"{comparison}: left out, there is no room of {ROOM / 1e9:.0f} GB in {bench.folder.parent}")
                continue
            for row in COMPARISONS[comparison](bench):
                print(row, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python tests/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", metavar="NAME", nargs="+", choices=COMPARISONS, help=", ".join(COMPARISONS))
    parser.add_argument("--runs", metavar="N", type=int, help="how many times (default: 5; with --quick 1)")
    parser.add_argument("--quick", action="store_true", help="small amounts: to see whether all of this runs")
    options = parser.parse_args()
    options.runs = options.runs or (1 if options.quick else 5)
    if shutil.which("curl") is None:
        parser.error("curl is missing: install it first")
    return options


def _prepared(folder: Path, options: argparse.Namespace) -> Bench:
    """Return how to measure: in a folder with an account and a certificate, and an environment with nothing else."""
    account = folder / "peps.txt"
    account.write_text(" ".join(ACCOUNT) + "\n", encoding="utf-8")
    account.chmod(0o600)
    certificate = Certificate(folder / "server.pem", folder / "authorities.pem")
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "VIRTUAL_ENV", "TMPDIR"}}
    environment = kept | {
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "REQUESTS_CA_BUNDLE": str(certificate.authorities),
    }
    bench = Bench(folder, options.runs, options.quick, environment, certificate)
    bench.spend(helper("material", "certificate", folder))
    return bench


def _machine(bench: Bench) -> str:
    """Return what was measured on."""
    curl = bench.spend(["curl", "--version"]).out.split()[1]
    files = "nginx" if shutil.which("nginx") else "a server of the bench's own"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {python}, curl {curl}; files by {files}\n"
    )


if __name__ == "__main__":
    main()
