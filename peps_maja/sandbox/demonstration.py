"""Both scripts at work on the sandbox, as a user would run them: one short story, from a search to the page."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from peps_maja.sandbox.exchange import Endpoint
from peps_maja.sandbox.geodes.service import KEY
from peps_maja.sandbox.peps.service import ACCOUNT
from peps_maja.sandbox.server import Sandbox

SCRIPTS = Path(__file__).resolve().parents[2]  # a checkout or an installation: they are beside the package
TILE, FIRST, LAST = "31TCJ", "2019-03-01", "2019-03-13"  # Theia has two dates; of PEPS's, one is NOVALD, one fails
SEARCH = ("peps_maja_process.py", "-t", TILE, "-d", FIRST, "-f", LAST, "--theia", "first")
FOLLOW = ("peps_maja_downloader.py", "-w", "zips")
LOOK = ("peps_maja_process.py", "-t", TILE, "-d", "2025-06-01", "-f", "2025-06-30", "--theia", "only", "-n")
PAGE = "page"
FAILED_JOB = 1  # the downloader's exit status when a job failed


class DemonstrationError(Exception):
    """The demonstration cannot go on; the message is one line for the user."""


def demonstrate(sandbox: Sandbox, folder: Path) -> None:
    """Run the story in an empty folder, which is kept; raise DemonstrationError if it ends in another way."""
    (folder / "peps.txt").touch(0o600, exist_ok=False)
    (folder / "peps.txt").write_text("\n".join([*credentials(), ""]), encoding="utf-8")
    say(
        f"A small PEPS and GEODES are up at {sandbox.url}: made up, and on this machine only.",
        f"$ cd {shlex.quote(str(folder))}",
        f"$ {settings(sandbox)}",
        "",
        "1. What Theia has computed already is taken from there; PEPS is to compute the rest.",
    )
    _run(sandbox, folder, SEARCH)
    say("", "2. Wait for PEPS's jobs, and download from both. Cron would run this without --wait.")
    _run(sandbox, folder, [*FOLLOW, "--wait", "--every", "0.17"], expected=FAILED_JOB)
    say("", "3. What became of each date? As a table, and as a page to look at.")
    _run(sandbox, folder, [*FOLLOW, "--dates", "--page", PAGE])
    _sum_up(sandbox, folder)


def fresh_folder(folder: Path) -> Path:
    """Make the folder, or, if it holds something already, the first free `run-2`, `run-3`, … in it."""
    folder.mkdir(parents=True, exist_ok=True)
    run = 1
    while any(folder.iterdir()):
        run += 1
        folder = (folder if run == 2 else folder.parent) / f"run-{run}"
        folder.mkdir(exist_ok=True)
    return folder


def credentials() -> list[str]:
    """Return the lines of a credentials file for the sandbox."""
    return [*(f"{user} {password}" for user, password in ACCOUNT.items()), f"geodes {KEY}"]


def settings(sandbox: Sandbox) -> str:
    """Return the command that makes both scripts use the sandbox."""
    return f"export PEPS_SERVER={sandbox.url} GEODES_SERVER={sandbox.url}"


def called(script: str, *arguments: str) -> str:
    """Return how to call a script from any folder."""
    installed = Path(sys.executable).with_name(script)
    is_found = installed.is_file() and shutil.which(script) == str(installed)
    return shlex.join([*([script] if is_found else [sys.executable, str(SCRIPTS / script)]), *arguments])


def say(*lines: str) -> None:
    """Print lines at once: what the scripts print comes in between."""
    print(*lines, sep="\n", flush=True)


def _run(sandbox: Sandbox, folder: Path, command: Sequence[str], expected: int = 0) -> None:
    """Run a script in the folder, with its output let through; any other exit status ends the demonstration."""
    script, *arguments = command
    say(f"$ {called(script, *arguments)}")
    path = SCRIPTS / script
    if not path.is_file():
        raise DemonstrationError(f"{script} is not beside the package, in {SCRIPTS}")
    # Without the user's own accounts, and without a proxy before loopback.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PEPS_", "GEODES_"))}
    environment |= {"PEPS_SERVER": sandbox.url, "GEODES_SERVER": sandbox.url}
    environment |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    status = subprocess.run(  # noqa: S603 - our own scripts
        [sys.executable, str(path), *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode
    if status != expected:
        raise DemonstrationError(f"{script} ended with status {status}; {expected} was expected here")


def _sum_up(sandbox: Sandbox, folder: Path) -> None:
    """Tell what came of the jobs, as the servers know it, and what is in the folder."""
    zips = len(list((folder / "zips").glob("*.zip")))
    from_theia = len({recorded.path for recorded in sandbox.asked(Endpoint.GEODES_DOWNLOAD)})
    too_cloudy = [job.product for job in sandbox.jobs if any("NOVALD" in result.name for result in job.results)]
    from_peps = sum(len(job.results) for job in sandbox.jobs if job.product not in too_cloudy)
    say("", f"{zips} zips in {folder / 'zips'}: {from_theia} from Theia, {from_peps} computed by PEPS.")
    failed = [job.product for job in sandbox.jobs if job.status == "FAILED"]
    say(
        f"1 job failed, so step 2 ended with status {FAILED_JOB}: {', '.join(failed)}",
        f"1 product was too cloudy, nothing to download: {', '.join(too_cloudy)}",
        f"The page: {(folder / PAGE / 'index.html').as_uri()}",
        "",
        "To go on:",
        f"  {shlex.quote(sys.orig_argv[0])} -m peps_maja.sandbox --serve",
        "      keeps such servers up, to play with",
        f"  {called(*LOOK)}",
        "      asks the real GEODES what Theia has; this needs no account",
    )
    if not from_theia or zips != from_theia + from_peps:
        raise DemonstrationError(f"{zips} zips are here, of {from_theia} from Theia and {from_peps} from PEPS")
