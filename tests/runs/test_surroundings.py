"""Whole runs where something around them is wrong: folders, locks, signals, threads, addresses with an account."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest
from helpers import TILE, Place, in_one_line, l1c, run_through

from peps_maja.sandbox import Canned, Delay, Endpoint, Fault, Sandbox

ONE = l1c(1)
SEARCH = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-31")
PLAIN = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]  # root with no more rights than others

needs_setpriv = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")


# -- folders and files -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", ["process", "downloader"])
def test_a_working_folder_that_was_deleted(nowhere: Place, script: str) -> None:
    command = ["sh", "-c", 'mkdir gone; cd gone; rmdir ../gone; exec "$@"', "sh"]
    in_one_line(
        run_through(nowhere, command, script, "-n" if script == "process" else "-q"), 2, "working folder", "cd to"
    )


@needs_setpriv
def test_a_log_in_a_folder_that_one_may_not_enter(place: Place) -> None:
    (place.folder / "closed").mkdir(mode=0)
    for script, arguments in (("downloader", ()), ("process", SEARCH)):
        run = run_through(place, PLAIN, script, *arguments, "-l", "closed/my.log")
        in_one_line(run, 2, "closed/my.log", "Permission denied")


def test_a_log_whose_name_is_too_long(place: Place, peps: Sandbox) -> None:
    for run in (place.process(*SEARCH, "-l", "x" * 300), place.download("-l", "x" * 300)):
        in_one_line(run, 2, "x" * 300, "name too long")
    assert peps.executed == []


@needs_setpriv
def test_a_lock_file_of_another_user_names_its_owner(place: Place, peps: Sandbox) -> None:
    peps.catalogue = [{"properties": {"productIdentifier": ONE}}]
    lock = place.folder / "peps_maja.log.process.lock"
    lock.touch(0o600)
    shutil.chown(lock, "daemon")
    in_one_line(run_through(place, PLAIN, "process", *SEARCH), 2, str(lock), "it is daemon's", "have it removed")


def test_a_lock_that_fails_is_not_always_a_file_system_without_locks(place: Place, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import fcntl\ndef fail(*_): raise OSError(5, 'Input/output error')\nfcntl.flock = fcntl.lockf = fail\n"
    )
    place.write_log()
    for run in (place.process(*SEARCH, PYTHONPATH=str(tmp_path)), place.download("-q", PYTHONPATH=str(tmp_path))):
        in_one_line(run, 2, ".lock: Input/output error; look at its disk: it has to have locks")


def test_a_mode_that_cannot_be_changed_is_no_matter_for_cron(place: Place, peps: Sandbox) -> None:
    peps.catalogue = [{"properties": {"productIdentifier": ONE}}]
    (place.folder / "peps.txt").chmod(0o644)
    assert "chmod 600" in place.process(*SEARCH).err
    assert place.process(*SEARCH, "-q").err == ""
    assert place.download("-q").err == ""


# Gives the files whose names end so another inode number at each look.
UNSTABLE = """\
import itertools, os
fstat, number = os.fstat, itertools.count(10**6)
def changing(descriptor):
    status = fstat(descriptor)
    if not os.readlink(f"/proc/self/fd/{descriptor}").endswith(os.environ["UNSTABLE"]):
        return status
    return os.stat_result((status[0], next(number), *status[2:]))
os.fstat = changing
"""


def test_inode_numbers_that_are_not_stable(place: Place, peps: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(UNSTABLE)
    job = peps.add_job(ONE, status="FINISHED")
    place.write_log(("2019-04-02T09:12:44Z", "submitted", ONE, job.status_url))
    run = place.download("--stalled-after", "1000000", PYTHONPATH=str(tmp_path), UNSTABLE=".part")
    in_one_line(run, 1, "its file system changes the numbers of files")
    in_one_line(place.download("-q", PYTHONPATH=str(tmp_path), UNSTABLE=".log"), 2, "its file system changes")
    assert place.download("--stalled-after", "1000000").status == 0


def test_threads_that_cannot_be_started(place: Place, peps: Sandbox, tmp_path: Path) -> None:
    place.write_log(("2019-04-02T09:12:44Z", "submitted", ONE, peps.add_job(ONE).status_url))
    before = place.log.read_bytes()
    (tmp_path / "sitecustomize.py").write_text(
        "import threading\ndef start(*_): raise RuntimeError('can\\'t start new thread')\n"
        "threading.Thread.start = start\n"
    )
    in_one_line(place.download(PYTHONPATH=str(tmp_path)), 75, "no more threads", "ulimit -u")
    assert place.log.read_bytes() == before


@pytest.mark.parametrize(("number", "status"), [("INT", 130), ("TERM", 143), ("HUP", 129)])
def test_a_signal_waits_for_the_answer_to_an_order(place: Place, peps: Sandbox, number: str, status: int) -> None:
    peps.catalogue = [{"properties": {"productIdentifier": ONE}}]
    peps.faults.add(Fault(Endpoint.EXECUTE, Delay(0.5)))
    with place.start("process", *SEARCH) as process:
        while not peps.executed and process.poll() is None:
            pass
        process.send_signal(getattr(signal, f"SIG{number}"))
        _, err = process.communicate(timeout=30)
    assert process.returncode == status, err
    assert [event for event, _, _ in place.events()] == ["submitting", "submitted"]


def test_a_hangup_ignored_from_the_start_stays_ignored(place: Place, peps: Sandbox) -> None:
    peps.catalogue = [{"properties": {"productIdentifier": ONE}}]
    kill = "import os, signal, threading\nthreading.Timer(0.3, os.kill, [os.getpid(), signal.SIGHUP]).start()\n"
    (place.folder / "sitecustomize.py").write_text(kill)
    peps.faults.add(Fault(Endpoint.EXECUTE, Delay(0.5)))
    run = run_through(place, ["nohup"], "process", *SEARCH, PYTHONPATH=str(place.folder))
    assert (run.status, peps.executed) == (0, [ONE])


def test_a_redirect_to_no_address_is_trouble_of_the_server(place: Place, peps: Sandbox) -> None:
    job = peps.add_job(ONE, status="RUNNING")
    place.write_log(("2019-04-02T09:12:44Z", "submitted", ONE, job.status_url))
    peps.faults.add(Fault(None, Canned(302, "", {"Location": "http://[::1"}), times=None))
    for run in (place.process(*SEARCH, "-t", "31TCH"), place.download("--stalled-after", "1000000")):
        assert (run.status, "unexpected" in run.err, "circle" in run.err) == (75, False, False), run.err


@pytest.mark.parametrize(("option", "variable"), [("--server", "PEPS_SERVER"), ("--geodes", "GEODES_SERVER")])
def test_an_address_with_an_account_is_refused_and_never_shown(nowhere: Place, option: str, variable: str) -> None:
    address = "https://me:s3?zqx@example.org"
    refused = nowhere.process(*SEARCH, "-n", "-v", option, address), nowhere.download("-v", **{variable: address})
    helped = nowhere.process("--help", **{variable: address}), nowhere.download("--help", **{variable: address})
    assert [run.status for run in (*refused, *helped)] == [2, 2, 0, 0]
    for run in (*refused, *helped):
        assert "s3" not in run.out + run.err
        assert "zqx" not in run.out + run.err
