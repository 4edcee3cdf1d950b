"""`python -m peps_maja.sandbox`: both scripts at work on a small PEPS and GEODES, or the servers kept up."""

from __future__ import annotations

import argparse
import errno
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from peps_maja.sandbox.demonstration import (
    FOLLOW,
    SEARCH,
    DemonstrationError,
    called,
    credentials,
    demonstrate,
    fresh_folder,
    say,
    settings,
)
from peps_maja.sandbox.server import Sandbox

FOLDER = "peps_maja_sandbox"
BY_HAND = "by_hand"  # what --serve proposes: the credentials of the sandbox must not replace real ones
DEMONSTRATION_PACE, SERVER_PACE = 1.0, 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration or the servers; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m peps_maja.sandbox",
        description="Run both scripts against a small PEPS and GEODES on this machine; no account is needed.",
    )
    add = parser.add_argument
    add("-w", "--write-dir", type=Path, default=Path(FOLDER), metavar="DIR", help=f"default: {FOLDER}")
    add("--serve", action="store_true", help="keep the servers up until Ctrl-C, and run nothing")
    add("--port", type=int, default=0, metavar="N", help="default: a free one")
    add("--pace", type=float, metavar="S", help="a job takes about 12 times S seconds")
    options = parser.parse_args(arguments)
    usual_pace = SERVER_PACE if options.serve else DEMONSTRATION_PACE
    try:
        with Sandbox(port=options.port, pace=usual_pace if options.pace is None else options.pace) as sandbox:
            if options.serve:
                serve(sandbox, options.write_dir.absolute() / BY_HAND)
            demonstrate(sandbox, fresh_folder(options.write_dir.absolute()))
    except KeyboardInterrupt:
        return 0 if options.serve else 130
    except (DemonstrationError, OSError, OverflowError) as error:
        is_taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        words = f"port {options.port} is in use: name another with --port, or none for a free one"
        print(f"peps_maja.sandbox: {words if is_taken else error}", file=sys.stderr)
        return 2
    return 0


def serve(sandbox: Sandbox, folder: Path) -> NoReturn:
    """Keep the servers up until Ctrl-C, and say what to try in a folder."""
    lines, where = shlex.join(credentials()), shlex.quote(str(folder))
    account, key = credentials()
    say(
        f"A small PEPS and GEODES are up at {sandbox.url} (account: {account}; key: {key.removeprefix('geodes ')}).",
        "Their world is made up, and a job takes a minute or so; the page at that address shows all jobs.",
        "In another terminal, try:",
        "",
        f"  mkdir -p {where} && cd {where}",
        f"  printf '%s\\n' {lines} > peps.txt; chmod 600 peps.txt",
        f"  {settings(sandbox)}",
        f"  {called(*SEARCH)} -n",
        f"  {called(*SEARCH)}",
        f"  {called(*FOLLOW)} --status",
        f"  {called(*FOLLOW)} --wait --every 0.2 --page page",
        "",
        "Ctrl-C ends it.",
    )
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    sys.exit(main())
