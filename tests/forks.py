"""Runs the scripts in processes that are forked from one which has imported everything: several times as fast as
starting Python each time. What an interpreter reads when it starts (but a `sitecustomize.py`) needs one of its own.
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

_is_free = threading.Lock()


def run_forked(
    script: Path, arguments: list[str], folder: Path, environment: dict[str, str]
) -> tuple[int, str, str] | None:
    """Run a script to its end; return its exit status (below 0: the signal that ended it) and what it printed.

    Return None, and run nothing, where another run is not at its end yet or the run needs an interpreter of its own.
    """
    customized = Path(environment.get("PYTHONPATH", ""), "sitecustomize.py").is_file()
    is_for_its_start = any(name.startswith(("COV", "LC_", "PYTHON")) for name in environment if name != "PYTHONPATH")
    if is_for_its_start or customized != ("PYTHONPATH" in environment) or not _is_free.acquire(blocking=False):
        return None
    umask = os.umask(0)
    os.umask(umask)
    try:
        with tempfile.TemporaryDirectory() as outputs:
            out, err = Path(outputs, "out"), Path(outputs, "err")
            return (
                _asked([str(script), arguments, str(folder), environment, umask, str(out), str(err)]),
                out.read_text(encoding="utf-8"),
                err.read_text(encoding="utf-8"),
            )
    finally:
        _is_free.release()


def _asked(question: list[object]) -> int:
    server = _server()
    assert server.stdin
    assert server.stdout
    print(json.dumps(question), file=server.stdin, flush=True)
    if not select.select([server.stdout], [], [], 60)[0]:
        os.killpg(server.pid, signal.SIGKILL)
        _server.cache_clear()
        raise subprocess.TimeoutExpired(str(question), 60)
    return int(server.stdout.readline())


@cache
def _server() -> subprocess.Popen[str]:
    """Start the process to fork from; it ends when its input does."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, __file__], stdin=pipe, stdout=pipe, text=True, start_new_session=True)


def _serve() -> None:
    for module in pkgutil.walk_packages(peps_maja.__path__, "peps_maja."):
        if ".sandbox" not in module.name:
            importlib.import_module(module.name)
    gc.freeze()
    for line in sys.stdin:
        script, arguments, folder, environment, umask, *outputs = json.loads(line)
        if child := os.fork():
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            continue
        for descriptor, path in enumerate([os.devnull, *outputs]):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT), descriptor)
        os.umask(umask)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        time.tzset()
        sys.argv, sys.orig_argv = [script, *arguments], [sys.executable, script, *arguments]
        sys.path[0] = str(Path(script).parent)
        if path := environment.get("PYTHONPATH"):
            sys.path.insert(0, path)
            sys.modules.pop("sitecustomize", None)
            importlib.import_module("sitecustomize")
        runpy.run_path(script, run_name="__main__")
        return


if __name__ == "__main__":
    _serve()
