"""Runs the scripts in processes that are forked from one which has imported everything: several times as fast as
starting Python each time. What an interpreter reads when it starts (PYTHONPATH, the locale) needs a process of its own.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import cache
from pathlib import Path

import peps_maja

_one_at_a_time = threading.Lock()


def can_fork(environment: dict[str, str]) -> bool:
    """Return True if nothing in the environment is for the start of the interpreter."""
    return hasattr(os, "fork") and not any(name.startswith(("COV", "LC_", "PYTHON")) for name in environment)


def run_forked(script: Path, arguments: list[str], folder: Path, environment: dict[str, str]) -> tuple[int, str, str]:
    """Run a script to its end; return its exit status (below 0: the signal that ended it) and what it printed."""
    with tempfile.TemporaryDirectory() as outputs, _one_at_a_time:
        out, err = (str(Path(outputs, name)) for name in ("out", "err"))
        server = _server()
        assert server.stdin
        assert server.stdout
        print(json.dumps([str(script), arguments, str(folder), environment, out, err]), file=server.stdin, flush=True)
        if not select.select([server.stdout], [], [], 60)[0]:
            os.killpg(server.pid, signal.SIGKILL)
            _server.cache_clear()
            raise subprocess.TimeoutExpired(arguments, 60, Path(out).read_text(), Path(err).read_text())
        status = int(server.stdout.readline())
        return status, Path(out).read_text(encoding="utf-8"), Path(err).read_text(encoding="utf-8")


@cache
def _server() -> subprocess.Popen[str]:
    command = [sys.executable, __file__]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )  # ends with the tests, for then its input ends


def _serve() -> None:
    for module in pkgutil.walk_packages(peps_maja.__path__, "peps_maja."):
        if ".sandbox" not in module.name:
            importlib.import_module(module.name)
    gc.freeze()
    for line in sys.stdin:
        script, arguments, folder, environment, *outputs = json.loads(line)
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        for descriptor, path in enumerate([os.devnull, *outputs]):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        sys.argv, sys.orig_argv = [script, *arguments], [sys.executable, script, *arguments]
        sys.path[0] = str(Path(script).parent)
        runpy.run_path(script, run_name="__main__")
        return


if __name__ == "__main__":
    _serve()
