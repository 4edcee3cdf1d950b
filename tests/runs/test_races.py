"""What others write to the log meanwhile: a second run, another machine, a user; and a log that cannot be locked."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import STATUS_URL, TILE, Place, ago, is_one_line, l1c, needs_strace, under_strace

from peps_maja.sandbox import Altered, Endpoint, Fault, Reply, Sandbox

ONE, TWO, THREE = l1c(1), l1c(11), l1c(21)
SEARCH = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-31")
SERIES = f"{TILE}_2019-02-01_2019-04-01"
L2A = f"SENTINEL2A_20190311-105426-459_L2A_T{TILE}_C_V4-0"


@pytest.fixture(autouse=True)
def products(peps: Sandbox) -> None:
    """Three products in the catalogue."""
    peps.catalogue = [{"properties": {"productIdentifier": name}} for name in (ONE, TWO, THREE)]


@contextmanager
def under_another_name(log: Path) -> Iterator[Path]:
    """Have the log as a file in another folder, too, as containers do."""
    other = log.parent.parent / "elsewhere" / log.name
    other.parent.mkdir()
    other.touch()
    mount = ["mount", "--bind", str(log), str(other)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a file, and not everywhere")
    try:
        yield other
    finally:
        subprocess.run([shutil.which("umount") or "", "--lazy", str(other)], check=True)


@pytest.mark.parametrize("how", ["lock file removed", "bind mount"])
def test_two_runs_without_one_lock_order_nothing_twice(place: Place, peps: Sandbox, how: str) -> None:
    arrived, go_on = threading.Event(), threading.Event()

    def hold(reply: Reply) -> Reply:
        arrived.set()
        go_on.wait(30)
        return reply

    peps.faults.add(Fault(Endpoint.EXECUTE, Altered(hold), match=ONE))
    with place.start("process", *SEARCH, PEPS_TIMEOUT="30") as first:
        assert arrived.wait(30)
        if how == "bind mount":
            with under_another_name(place.log) as other:
                second = place.process(*SEARCH, "-l", other)
        else:
            Path(f"{place.log}.process.lock").unlink()
            second = place.process(*SEARCH)
        go_on.set()
        out, _ = first.communicate(timeout=30)
    assert peps.executed == [ONE, TWO, THREE]
    assert second.status == 1, "the first order is still out"
    assert first.returncode == 0
    assert [f"{name}: in log" in out for name in (ONE, TWO, THREE)] == [False, True, True]


MEANWHILE: dict[str, tuple[tuple[str, ...], list[str]]] = {
    "ordered": ((ago(), "submitting", TWO, ""), [ONE, THREE]),
    "ordered of another baseline": ((ago(), "submitting", TWO.replace("N0207", "N0500"), ""), [ONE, THREE]),
    "taken from Theia": ((ago(), "available", L2A, "https://geodes-portal.cnes.fr/x 1 -"), [ONE, THREE]),
    "dropped": ((ago(), "cancelled", TWO, "dropped by the user"), [ONE, THREE]),
    "a series of all": ((ago(), "submitting", SERIES, ""), []),
    "a damaged line": ((f"{ago()} submitting {TWO}",), [ONE, THREE]),
    "a damaged line without a name": (("noise",), []),
    "pointed out": ((ago(), "stalled", TWO, "24"), [ONE, TWO, THREE]),
    "another acquisition": ((ago(), "submitting", l1c(6), ""), [ONE, TWO, THREE]),
}


@pytest.mark.parametrize(("line", "ordered"), MEANWHILE.values(), ids=MEANWHILE)
def test_what_another_machine_writes_meanwhile_stands(
    place: Place, peps: Sandbox, line: tuple[str, ...], ordered: list[str]
) -> None:
    def write(reply: Reply) -> Reply:
        with place.log.open("a", encoding="utf-8") as log:
            log.write("\t".join(line) + "\n")
        return reply

    place.write_log((ago(1), "submitted", TWO, STATUS_URL), (ago(1), "failed", TWO, "why"))
    peps.faults.add(Fault(Endpoint.CAPABILITIES, Altered(write)))
    run = place.process(*SEARCH, "--resubmit", "failed")
    assert run.status == 0
    assert peps.executed == ordered
    assert [name for name in (ONE, TWO, THREE) if f"{name}: in log: another run" in run.out] == [
        name for name in (ONE, TWO, THREE) if name not in ordered
    ]


@needs_strace
@pytest.mark.parametrize(
    ("error", "number", "event"), [("ENOLCK", 2, ""), ("EIO", 3, "submitting"), ("ESTALE", 4, "submitted")]
)
def test_a_log_that_cannot_be_locked_any_more(place: Place, peps: Sandbox, error: str, number: int, event: str) -> None:
    inject = ["-e", "trace=flock", "-e", f"inject=flock:error={error}:when={number}+"]
    run = under_strace(place, inject, "process", *SEARCH)
    assert run.status == 2
    what = f"{event} {ONE}" if event else "peps_maja_process.py -t"
    assert is_one_line(run, "peps_maja.log", f"not noted: {what}")
    assert len(peps.executed) == (event == "submitted")
    if event == "submitted":
        assert peps.job(ONE).status_url in run.err
        assert "--adopt" in run.err
