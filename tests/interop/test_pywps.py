"""Both scripts against PyWPS, the WPS server behind PEPS: from the search to the zips, refusals and a full queue."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import ROOT, Place, Run, until

from peps_maja.sandbox import make_zip

FIRST = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
SECOND = "S2B_MSIL1C_20190303T103454_N0207_R008_T31TCJ_20190303T134351"
THIRD = "S2B_MSIL1C_20190306T103452_N0207_R051_T31TCJ_20190306T135417"
ZIPS = {
    FIRST: "SENTINEL2A_20190301-105021-000_L2A_T31TCJ_D.zip",
    SECOND: "SENTINEL2B_20190303-103454-000_L2A_T31TCJ_D.zip",
    THIRD: "SENTINEL2B_20190306-103452-000_L2A_T31TCJ_D.zip",
}
SEARCH = ("-t", "31TCJ", "-d", "2019-03-01", "-f", "2019-03-31", "-y")
UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

Start = Callable[..., Path]


@pytest.fixture
def start(place: Place, tmp_path: Path) -> Iterator[Start]:
    """Start a server with these options, in a process group of its own, and let the scripts talk to it."""
    folder, servers = tmp_path / "server", []

    def start(*options: str) -> Path:
        folder.mkdir()
        command: list[str | Path] = [sys.executable, ROOT / "tests/interop/pywps_peps.py", folder, *options]
        environment = place.environment | {"PYTHONPATH": str(ROOT)}
        with (folder / "stderr").open("w") as errors:
            server = subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
            )
        servers.append(server)
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address, (folder / "stderr").read_text()
        place.environment.update(PEPS_SERVER=address, PEPS_TIMEOUT="20")
        return folder

    yield start
    for server in servers:
        with server:
            os.killpg(server.pid, signal.SIGKILL)


def states(server: Path) -> list[str]:
    """Return the states in the status documents, sorted."""
    text = "".join(path.read_text() for path in (server / "outputs").glob("*.xml"))
    return sorted(re.findall("<wps:(Process(?:Accepted|Started|Succeeded|Failed))", text))


def lines_about(job: str, run: Run) -> str:
    return "\n".join(line for line in (run.out + run.err).splitlines() if job in line)


def test_from_the_search_to_the_zips(place: Place, start: Start) -> None:
    server = start("--listed", FIRST, SECOND, THIRD, "--failing", SECOND, "--status-names", "pywps-{uuid}.xml")
    run = place.process(*SEARCH)
    assert (run.status, run.err) == (0, "")
    assert "3 submitted" in run.out
    urls = {job: url for _, job, url in place.events("submitted")}
    outputs = re.escape(f"{place.environment['PEPS_SERVER']}/resto/wps/outputs/")
    assert all(re.fullmatch(f"{outputs}pywps-{UUID}.xml", url) for url in urls.values())
    assert list(urls) == [FIRST, SECOND, THIRD]

    until(lambda: states(server) == ["ProcessStarted"] * 3)
    run = place.download("--status")
    assert (run.status, run.err) == (0, "")
    assert [line for line in run.out.splitlines() if "waiting" in line] == run.out.splitlines()

    (server / "go").touch()
    until(lambda: states(server) == ["ProcessFailed", "ProcessSucceeded", "ProcessSucceeded"])
    run = place.download()
    assert run.status == 1
    assert "no auxiliary data for this product" in lines_about(SECOND, run)
    [(_, _, why)] = place.events("failed")
    assert "no auxiliary data for this product" in why
    assert sorted(place.events("downloaded", "finished")) == sorted(
        event for job in (FIRST, THIRD) for event in (("downloaded", job, ZIPS[job]), ("finished", job, ""))
    )
    for name in (ZIPS[FIRST], ZIPS[THIRD]):
        assert (place.folder / name).read_bytes() == make_zip(name)

    log = place.log.read_bytes()
    assert place.process(*SEARCH).status == place.download("-q").status == 0
    assert place.log.read_bytes() == log


def test_a_refusal_is_told_in_the_servers_words(place: Place, start: Start) -> None:
    start("--also-needs", "baseline")
    run = place.process("--product", FIRST)
    assert run.status == 1
    assert "rejected: MissingParameterValue: baseline" in lines_about(FIRST, run)
    [_, (event, job, detail)] = place.events()
    assert (event, job) == ("rejected", FIRST)
    assert detail.startswith("MissingParameterValue: baseline")


def test_a_full_queue_postpones_until_there_is_room(place: Place, start: Start) -> None:
    server = start("--listed", FIRST, SECOND, THIRD, "--at-once", "1", "--queue", "1")
    with place.start("process", *SEARCH) as script:
        until(lambda: place.log.exists() and bool(place.events("postponed")))
        assert [job for _, job, _ in place.events("submitted")] == [FIRST, SECOND]
        (server / "go").touch()
        out, err = script.communicate(timeout=60)
    assert script.returncode == 0, err
    assert "3 submitted" in out
    assert "busy" in err
    of_third = [event for event, job, _ in place.events() if job == THIRD]
    assert of_third[:2] == ["submitting", "postponed"]
    assert of_third[-2:] == ["submitting", "submitted"]
    assert "Maximum number of processes in queue reached" in place.events("postponed")[0][2]

    until(lambda: states(server) == ["ProcessSucceeded"] * 3)
    assert place.download("-q").status == 0
    assert place.zips() == sorted(ZIPS.values())
