"""What pytest is to do before the tests, and the fixtures that many of them use."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import EMAIL, PASSWORD, Place

from peps_maja.sandbox import Sandbox


def pytest_configure() -> None:
    """Take back what a shell does to its background jobs: their children ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def peps() -> Iterator[Sandbox]:
    """A PEPS whose jobs are finished as soon as PROCESSING_STATUS is asked for, and in no other way."""
    with Sandbox(accounts={EMAIL: PASSWORD}) as sandbox:
        sandbox.faults.report_moves, sandbox.faults.wrapped = False, True
        yield sandbox


@pytest.fixture
def nowhere(tmp_path: Path) -> Place:
    """A folder with nothing in it, and an environment with nothing of the machine's."""
    home = tmp_path / "home"
    home.mkdir()
    folder = tmp_path / "work"
    folder.mkdir()
    kept = {name: value for name, value in os.environ.items() if name.startswith(("COVERAGE", "COV_", "PATH"))}
    return Place(folder, kept | {"HOME": str(home), "LANG": "C.UTF-8", "PEPS_TIMEOUT": "2"})


@pytest.fixture
def place(nowhere: Place, peps: Sandbox) -> Place:
    """A user's folder with credentials in it, and `peps` for a server."""
    credentials = nowhere.folder / "peps.txt"
    credentials.write_text(f"{EMAIL} {PASSWORD}\n", encoding="utf-8")
    credentials.chmod(0o600)
    return Place(nowhere.folder, nowhere.environment | {"PEPS_SERVER": peps.url})
