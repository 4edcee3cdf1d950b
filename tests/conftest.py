"""What pytest is to do before the tests, and the fixtures that many of them use."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from helpers import EMAIL, PASSWORD, Place
from hypothesis import HealthCheck, settings

from peps_maja.sandbox import Sandbox

settings.register_profile(
    "quick", max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("quick")


def pytest_configure() -> None:
    """Take back what a shell does to its background jobs: their children ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_xdist_auto_num_workers() -> int:
    """Run twice as many tests at once as there are processors: most of them wait for another process."""
    return 2 * (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


# Of the whole runs, which take most of the time, the fast way (`-m "not slow"`) has these.
FAST_RUNS = {
    *("test_from_search_to_zips", "test_which_products", "test_dry_run_writes_nothing_and_needs_no_account"),
    *("test_quiet_says_only_what_was_done", "test_submit_again", "test_adopt", "test_drop"),
    *("test_an_absent_result_is_told_once_and_asked_for_in_every_run", "test_results_of_one_name_get_two_files"),
    *("test_each_search_once_more", "test_each_product_becomes_a_folder_and_its_zip_goes"),
}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow all whole runs but the FAST_RUNS, each with the first of its parameters."""
    seen = set()
    for item in items:
        name = item.name.partition("[")[0]
        if item.path.parent.name in {"runs", "interop"} and (name not in FAST_RUNS or name in seen):
            item.add_marker(pytest.mark.slow)
        seen.add(name)


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


HASTY = """\
import time
real, passed = time.monotonic, [0.0]
time.monotonic = lambda: real() + sum(passed)
def sleep(seconds):
    passed.append(seconds)
    print(seconds, file=open({waits!r}, "a"))
time.sleep = sleep
"""


@pytest.fixture
def hasty(place: Place, tmp_path: Path) -> Place:
    """Make `place` a machine on which waiting takes no time, though its clock goes on; see `waits`."""
    (tmp_path / "sitecustomize.py").write_text(HASTY.format(waits=str(tmp_path / "waits")), encoding="utf-8")
    place.environment["PYTHONPATH"] = str(tmp_path)
    return place


@pytest.fixture
def nobody_there() -> Iterator[str]:
    """The address of a server that takes no connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def authority(tmp_path: Path) -> trustme.CA:
    """A certificate authority, which is trusted by whoever is told of `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return authority


@pytest.fixture
def secure(authority: trustme.CA, tmp_path: Path) -> Iterator[Sandbox]:
    """A PEPS over https, with a certificate of `authority`."""
    pair = (str(tmp_path / "secure.pem"),) * 2
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pair[0])
    with Sandbox(accounts={EMAIL: PASSWORD}, certificate=pair) as sandbox:
        yield sandbox
