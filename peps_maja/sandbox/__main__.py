"""`python -m peps_maja.sandbox`: both scripts at work on a small PEPS, as a user would run them."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from peps_maja.network.credentials import example_file
from peps_maja.sandbox.peps.service import ACCOUNT
from peps_maja.sandbox.server import Sandbox

SCRIPTS = Path(__file__).resolve().parents[2]  # a checkout or an installation: they lie beside the package
FOLDER = "peps_maja_sandbox"
TILE, FIRST, LAST = "31TCJ", "2019-03-01", "2019-03-11"  # three zips, one NOVALD, one failure
SERIES = ["-d", "2020-07-29", "-f", "2020-09-21", "-o", "51", "--series"]  # eleven dates, of which one is left out
LOG, ZIPS = f"{TILE}.log", "zips"
DEMONSTRATION_PACE, SERVER_PACE = 1.0, 5.0
FAILED_JOB = 1  # the downloader's exit status when a job failed


class DemonstrationError(Exception):
    """The demonstration cannot go on; the message is one line for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration or the server; return the exit status."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    try:
        return serve(options) if options.serve else demonstrate(options)
    except KeyboardInterrupt:
        return 0 if options.serve else 130
    except (DemonstrationError, OSError, OverflowError) as error:
        print(f"peps_maja.sandbox: {error}", file=sys.stderr)
        return 2


def serve(options: argparse.Namespace) -> int:
    """Keep a server up until Ctrl-C."""
    with Sandbox(port=options.port, pace=SERVER_PACE if options.pace is None else options.pace) as sandbox:
        account = next(iter(ACCOUNT))
        _say(
            f"A small PEPS is up at {sandbox.url} for the account {account}, password {ACCOUNT[account]}.",
            "Its world is made up; its jobs take a minute or so. In another terminal, try:",
            "",
            f"  echo '{account} {ACCOUNT[account]}' > peps.txt; chmod 600 peps.txt",
            f"  export PEPS_SERVER={sandbox.url}",
            f"  {_called('peps_maja_process.py')} -t {TILE} -d {FIRST} -f {LAST}",
            f"  {_called('peps_maja_downloader.py')} --status",
            f"  {_called('peps_maja_downloader.py')} --wait --every 0.2",
            "",
            "Ctrl-C ends it.",
        )
        while True:
            time.sleep(3600)


def demonstrate(options: argparse.Namespace) -> int:
    """Search, submit, wait and download in a folder that is kept; return 0 if all came as it should."""
    with Sandbox(port=options.port, pace=DEMONSTRATION_PACE if options.pace is None else options.pace) as sandbox:
        folder = fresh_folder(options.write_dir)
        _write_account(folder / "peps.txt")
        _say(
            f"A small PEPS is up at {sandbox.url}; all files go to {folder}",
            f"$ cd {shlex.quote(str(folder))}",
            "",
            "1. What would be submitted?",
        )
        search = ["--server", sandbox.url, "-t", TILE, "-d", FIRST, "-f", LAST]
        logged = ["-a", "peps.txt", "-l", LOG]
        _run(folder, "peps_maja_process.py", [*search, "-n"])
        _say("", "2. Submit it (-y: without a question).")
        _run(folder, "peps_maja_process.py", [*search, *logged, "-y"])
        _say("", "3. Eight weeks of one orbit, as a series: one job.")
        _run(folder, "peps_maja_process.py", ["--server", sandbox.url, "-t", TILE, *SERIES, *logged])
        _say("", "4. Wait for the jobs and download what they make. Cron would run this without --wait.")
        follow = ["--server", sandbox.url, *logged, "-w", ZIPS, "--wait", "--every", "0.17"]
        _run(folder, "peps_maja_downloader.py", follow, expected=FAILED_JOB)
        _say("", "5. What became of each date?")
        _run(folder, "peps_maja_downloader.py", ["--server", sandbox.url, *logged, "-w", ZIPS, "--dates"])
        return _sum_up(sandbox, folder)


def fresh_folder(folder: Path) -> Path:
    """Make the folder, or, if it holds something already, the first free `run-2`, `run-3`, … in it."""
    folder.mkdir(parents=True, exist_ok=True)
    run = 1
    while any(folder.iterdir()):
        run += 1
        folder = (folder if run == 2 else folder.parent) / f"run-{run}"
        folder.mkdir(exist_ok=True)
    return folder


def _write_account(path: Path) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(f"{user} {password}\n" for user, password in ACCOUNT.items())


def _run(folder: Path, script: str, arguments: Sequence[str], expected: int = 0) -> None:
    """Run a script in the folder, with its output let through; any other exit status ends the demonstration."""
    _say(f"$ {_called(script)} {shlex.join(arguments)}")
    path = SCRIPTS / script
    if not path.is_file():
        raise DemonstrationError(f"{script} is not beside the package, in {SCRIPTS}")
    command = [sys.executable, str(path), *arguments]
    status = subprocess.run(  # noqa: S603 - our own scripts
        command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, check=False
    ).returncode
    if status != expected:
        raise DemonstrationError(f"{script} ended with status {status}; {expected} was expected here")


def _called(script: str) -> str:
    """Return how to call a script from any folder."""
    installed = Path(sys.executable).with_name(script)
    is_found = installed.is_file() and shutil.which(script) == str(installed)
    return script if is_found else shlex.join([sys.executable, str(SCRIPTS / script)])


def _environment() -> dict[str, str]:
    """Return the environment without the user's own account, and without a proxy before loopback."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PEPS_")}
    return kept | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}


def _sum_up(sandbox: Sandbox, folder: Path) -> int:
    """Say what came of the jobs, as the server knows it, and what is in the folder."""
    zips = sorted((folder / ZIPS).glob("*.zip"))
    cloudy = [job for job in sandbox.jobs if any("NOVALD" in result.name for result in job.results)]
    failed = [job for job in sandbox.jobs if job.status == "FAILED"]
    python = shlex.quote(sys.orig_argv[0])
    _say("", f"{len(zips)} zips in {folder / ZIPS}:")
    _say(*(f"  {path.name}  {path.stat().st_size / 1000:.0f} kB" for path in zips))
    _say(*(f"1 too cloudy, nothing to download: {job.product}" for job in cloudy))
    _say(*(f"1 failed: {job.product} ({job.message})" for job in failed))
    _say(
        "Since a job failed, the downloader ended with status 1: here, that is as it should be.",
        "",
        "To go on:",
        f"  {python} -m peps_maja.sandbox --serve      keeps such a server up, to play with",
        f"  cp {shlex.quote(str(example_file()))} peps.txt      for your own account; then, on PEPS itself:",
        f"  {_called('peps_maja_process.py')} -t {TILE} -d {FIRST} -f {LAST} -l {LOG} -n",
    )
    whole = sum("NOVALD" not in result.name for job in sandbox.jobs for result in job.results)
    if len(zips) != whole:
        raise DemonstrationError(f"{len(zips)} zips are here, {whole} were to come")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m peps_maja.sandbox",
        description="Run both scripts against a small PEPS on this machine; no account is needed.",
    )
    add = parser.add_argument
    add("-w", "--write-dir", type=Path, default=Path(FOLDER), metavar="DIR", help=f"default: {FOLDER}")
    add("--serve", action="store_true", help="keep the server up until Ctrl-C, and run nothing")
    add("--port", type=int, default=0, metavar="N", help="default: a free one")
    add("--pace", type=float, metavar="S", help="a job takes about 12 times S seconds")
    return parser.parse_args(arguments)


def _say(*lines: str) -> None:
    """Print lines at once: what the scripts print comes in between."""
    for line in lines:
        print(line, flush=True)


def _terminated(signum: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - as signal wants it
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
