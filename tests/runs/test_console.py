"""The frame of a run: what stands around its work, and must neither stop it nor change its exit status."""

from __future__ import annotations

import os
import pty
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from helpers import ROOT, TILE, Place, Run, in_one_line, run_through

from peps_maja.sandbox import Delay, Endpoint, Fault, Sandbox

SCRIPTS = ("process", "downloader")
SEARCH = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-11", "--sat", "S2A")
FULL, CLOSED = ">/dev/full", ">&-"

# Sends Ctrl-C to the script when it imports the module named in $AT, or when it ends; and SIGTERM as it leaves.
INTERRUPTING = """\
import atexit, os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["AT"]:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
if os.environ["AT"] == "exit":
    atexit.register(os.kill, os.getpid(), signal.SIGINT)
if os.environ["AT"] == "clearing":
    class Cleared:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGINT)
    class Imported:
        def find_spec(self, name, path=None, target=None):
            if name == "requests":
                Cleared()
    sys.meta_path.insert(0, Imported())
if os.environ["AT"] == "requests":
    leave = os._exit
    os._exit = lambda status: (os.kill(os.getpid(), signal.SIGTERM), leave(status))
"""


def run_redirected(
    place: Place, redirection: str, script: str, *arguments: str, stdin: int = subprocess.DEVNULL
) -> Run:
    """Run a script as a shell does, with a redirection."""
    return run_through(place, ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh"], script, *arguments, stdin=stdin)


# -- streams ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("redirection", [f"2{FULL}", f"{FULL} 2{FULL}", f"2{CLOSED}", f"{CLOSED} 2{CLOSED}"])
def test_streams_that_cannot_be_written_stop_no_work(place: Place, peps: Sandbox, redirection: str) -> None:
    run = run_redirected(place, redirection, "process", *SEARCH, "-v")
    assert (run.status, len(peps.executed)) == (0, 3), run.err
    assert "Traceback" not in run.out + run.err
    run = run_redirected(place, redirection, "downloader", "-v")
    assert (run.status, len(place.zips())) == (0, 3), run.err
    assert "Traceback" not in run.out + run.err


@pytest.mark.parametrize(
    ("script", "option", "status"),
    [("process", "--help", 0), ("downloader", "--version", 0), ("process", "--wrong", 2)],
)
@pytest.mark.parametrize("redirection", [f"{FULL} 2{FULL}", f"{CLOSED} 2{CLOSED}", "| head -c 0"])
def test_options_answer_with_their_status(
    nowhere: Place, script: str, option: str, status: int, redirection: str
) -> None:
    run = run_redirected(nowhere, redirection, script, option)
    assert run.status == (0 if "|" in redirection else status)
    assert "Exception" not in run.err


def test_a_terminal_that_closes_stops_no_download(place: Place, peps: Sandbox) -> None:
    assert place.process(*SEARCH).status == 0
    peps.faults.add(Fault(Endpoint.RESULT, Delay(0.3), times=None))
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, ROOT / "peps_maja_downloader.py"],
        cwd=place.folder,
        env=place.environment,
        stdin=slave,
        stdout=slave,
        stderr=slave,
    ) as process:
        os.close(slave)
        os.read(master, 1)
        os.close(master)
        assert process.wait(30) == 0
    assert len(place.zips()) == 3


@pytest.mark.parametrize("redirection", [FULL, f"2{CLOSED} {CLOSED}", "<&-"])
def test_a_question_that_nobody_can_see_or_answer_is_an_error(place: Place, peps: Sandbox, redirection: str) -> None:
    master, slave = pty.openpty()
    run = run_redirected(place, redirection, "process", "-t", TILE, "-d", "2019-01-01", "-f", "2019-03-31", stdin=slave)
    os.close(master)
    os.close(slave)
    assert (run.status, peps.executed) == (2, [])
    assert len(run.err.splitlines()) == ("2>" not in redirection)
    assert not run.err or "-y says yes" in run.err


def test_warnings_of_libraries_are_not_shown(nowhere: Place, tmp_path: Path) -> None:
    (tmp_path / "chardet.py").write_text("__version__ = '99.0.0'\n")
    run = nowhere.process("--product", "x", "-n", PYTHONPATH=str(tmp_path))
    assert (run.status, run.err.count("\n")) == (2, 1)


# -- signals ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "moment"),
    [("process", "requests"), ("downloader", "clearing"), ("process", "exit"), ("downloader", "exit")],
)
def test_ctrl_c_at_work_or_at_the_end_shows_no_traceback(
    place: Place, tmp_path: Path, script: str, moment: str
) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTING)
    place.write_log(("2019-04-02T09:12:44Z", "submitted", "job", "https://peps.cnes.fr/resto/wps/outputs/pywps-1.xml"))
    arguments = ["--status"] if script == "downloader" else [*SEARCH, "-n"]
    with place.start(script, *arguments, PYTHONPATH=str(tmp_path), AT=moment) as process:
        _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert "Exception" not in err
    assert process.returncode != 130 if moment == "exit" else process.returncode == 130


@pytest.mark.parametrize("pause", [0.0, 0.01])
def test_two_signals_are_one(place: Place, peps: Sandbox, pause: float) -> None:
    assert place.process(*SEARCH).status == 0
    peps.faults.add(Fault(Endpoint.RESULT, Delay(20), times=None))
    with place.start("downloader") as process:
        while not peps.asked(Endpoint.RESULT):
            time.sleep(0.01)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
            time.sleep(pause)
        _, err = process.communicate(timeout=10)
    assert process.returncode in {130, 143} if pause == 0 else process.returncode == 130
    assert "Traceback" not in err
    assert err.count("interrupted") == 1


# -- files that the user names ---------------------------------------------------------------------------------


def test_a_file_is_replaced_through_its_link(place: Place) -> None:
    target, link = place.folder / "kept" / "answer.json", place.folder / "link.json"
    target.parent.mkdir()
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    assert place.process(*SEARCH, "-n", "--json", link).status == 0
    assert link.is_symlink()
    assert target.read_text().startswith('{"type": "FeatureCollection"')
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert [path.name for path in target.parent.iterdir()] == ["answer.json"]


def test_a_pipe_is_written_to_and_a_device_stays_one(place: Place) -> None:
    pipe = place.folder / "pipe"
    os.mkfifo(pipe)
    came: list[str] = []
    reader = threading.Thread(target=lambda: came.append(pipe.read_text()))
    reader.start()
    assert place.process(*SEARCH, "-n", "--json", pipe).status == 0
    reader.join()
    assert came[0].startswith('{"type": "FeatureCollection"')
    assert pipe.is_fifo()

    full = place.folder / "full"
    full.symlink_to("/dev/full")
    in_one_line(place.process(*SEARCH, "-n", "--json", full), 2, "cannot write")
    assert full.is_char_device()


def test_on_a_full_disk_the_old_file_stays_whole(place: Place) -> None:
    assert place.process(*SEARCH).status == 0
    kept = place.folder / "ledger.csv"
    kept.write_text("old")
    shell = ["/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh"]  # as if no byte more had room
    in_one_line(run_through(place, shell, "downloader", "--dates", "--csv", "ledger.csv"), 2, "cannot write ledger.csv")
    assert kept.read_text() == "old"
    assert not list(place.folder.glob(".*"))


def test_log_locks_and_credentials_are_not_replaced(place: Place, peps: Sandbox) -> None:
    place.write_log()
    (place.folder / "link").symlink_to("peps_maja.log")
    (place.folder / "twin").hardlink_to(place.folder / "peps.txt")
    before = {path: path.read_bytes() for path in place.folder.iterdir()}
    for name in ("link", "twin", "peps_maja.log.process.lock"):
        in_one_line(place.process(*SEARCH, "-n", "--json", name), 2, name)
    for name in ("peps_maja.log", "peps.txt", "peps_maja.log.downloader.lock"):
        in_one_line(place.download("--dates", "--csv", name), 2, name)
    assert not peps.requests
    assert {path: path.read_bytes() for path in place.folder.iterdir()} == before


def test_a_tilde_is_the_home_folder(place: Place) -> None:
    home = Path(place.environment["HOME"])
    shutil.move(place.folder / "peps.txt", home)
    run = place.process(*SEARCH, "--auth=~/peps.txt", "--log=~/my.log", "--json=~/answer.json", "-w", "~")
    assert run.status == 0, run.err
    run = place.download("-a", "~/peps.txt", "-l", "~/my.log", "--write_dir=~/maja")
    assert run.status == 0, run.err
    run = place.download("-a", "~/peps.txt", "-l~/my.log", "-w~/maja", "--dates", "--csv=~/ledger.csv")
    assert run.status == 0, run.err
    assert not list(place.folder.iterdir())
    assert len(list(home.glob("maja/*.zip"))) == 3
    assert {"my.log", "answer.json", "ledger.csv"} < {path.name for path in home.iterdir()}


# -- how the scripts are called --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["python3 peps_maja_process.py", "./peps_maja_process.py", "peps_maja_process"])
def test_the_jobs_are_followed_as_they_were_submitted(place: Place, tmp_path: Path, how: str) -> None:
    for script in SCRIPTS:  # as installed
        shutil.copy(ROOT / f"peps_maja_{script}.py", tmp_path / f"peps_maja_{script}")
    path = {"PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}

    def shell(line: str) -> str:
        command = ["/bin/sh", "-c", line]
        return subprocess.check_output(command, cwd=ROOT, env=place.environment | path, text=True)

    files = ["-a", f"{place.folder}/peps.txt", "-l", str(place.log), "-w", str(place.folder)]
    follow = shell(shlex.join([*how.split(), *SEARCH, *files])).splitlines()[-1].partition("Follow the jobs: ")[2]
    shell(follow)
    assert len(place.zips()) == 3
    assert follow.startswith(how.replace("process", "downloader").replace("./", "python3 ./"))
