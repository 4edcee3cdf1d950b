"""Locks: two runs never work at once, a killed one leaves no lock, and a file system without locks is an error."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from helpers import LOCK_HOLDER, STATUS_URL, Place, holder

from peps_maja.disk import held, lock, write_whole
from peps_maja.errors import LogError, PepsError, Status
from peps_maja.joblog.events import Event
from peps_maja.joblog.log import JobLog

JOB = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"

# Stands for a file system without locks, in a script's own process.
WITHOUT_LOCKS = """
import errno, fcntl, os
def refuse(*_):
    raise OSError(errno.{number}, os.strerror(errno.{number}))
fcntl.flock = fcntl.lockf = refuse
"""
NO_LOCKS = [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL]


def refuse_with(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fcntl, "lockf", refuse)


def assert_free(path: Path) -> None:
    with held(path):
        pass


def test_a_second_process_is_refused_at_once(tmp_path: Path) -> None:
    path = tmp_path / "my.log.process.lock"
    with holder(LOCK_HOLDER, path) as other:
        with pytest.raises(PepsError, match=r"my\.log\.process\.lock") as error, held(path):
            pass
        assert error.value.status is Status.TRY_LATER
        other.communicate("end\n", timeout=30)
        assert other.returncode == 0
        assert_free(path)
    assert path.exists(), "a lock file that is removed lets two runs lock two files"


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_leaves_no_lock(tmp_path: Path, end: signal.Signals) -> None:
    path = tmp_path / "my.log.downloader.lock"
    with holder(LOCK_HOLDER, path) as other:
        other.send_signal(end)
        other.wait(timeout=30)
        assert_free(path)


def test_a_lock_file_alone_is_not_a_lock(tmp_path: Path) -> None:
    path = tmp_path / "my.log.process.lock"
    path.write_text("12345 elsewhere\n")
    assert_free(path)


def test_a_lock_is_held_within_one_process_too(tmp_path: Path) -> None:
    path = tmp_path / "my.lock"
    with held(path), pytest.raises(PepsError), held(path):
        pass
    assert_free(path)


def test_an_error_releases_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "my.lock"
    with pytest.raises(ZeroDivisionError), held(path):
        raise ZeroDivisionError
    assert_free(path)


def test_the_scripts_have_a_lock_each_beside_the_log(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "my.log")
    with log.lock_for("process"), log.lock_for("downloader"):
        # Submitting and downloading go on beside each other, and both append meanwhile.
        log.append(Event.SUBMITTING, JOB)
        with pytest.raises(PepsError), log.lock_for("process"):
            pass
        with pytest.raises(PepsError), log.lock_for("downloader"):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "my.log",
        "my.log.downloader.lock",
        "my.log.process.lock",
    ]


@pytest.mark.slow
def test_a_second_run_leaves_with_75_whoever_holds_the_lock(place: Place) -> None:
    place.write_log(("2019-04-02T09:12:45Z", "submitted", JOB, STATUS_URL))
    before = place.log.read_bytes()
    with (
        holder(LOCK_HOLDER, place.folder / "peps_maja.log.process.lock"),
        holder(LOCK_HOLDER, place.folder / "peps_maja.log.downloader.lock"),
    ):
        for run in (place.process("--drop", JOB), place.download()):
            assert run.status == 75
            assert "another run" in run.err
            assert run.err.count("\n") == 1
        for run in (place.process("--drop", JOB, "-q"), place.download("-q")):
            assert (run.status, run.out, run.err) == (75, "", "")
    assert place.log.read_bytes() == before


def test_an_append_waits_for_another_one(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "my.log")
    log.append(Event.SUBMITTING, JOB)
    with log.path.open("rb+") as other:
        assert lock(other.fileno(), log.path)
        appender = "import sys; from pathlib import Path\n"
        appender += "from peps_maja.joblog.events import *; from peps_maja.joblog.log import *\n"
        appender += "print(flush=True); JobLog(Path(sys.argv[1])).append(Event.FAILED, sys.argv[2]); print('done')"
        process = subprocess.Popen(
            [sys.executable, "-c", appender, str(log.path), JOB], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout
        process.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        assert log.path.read_bytes().count(b"\n") == 2
    assert process.communicate(timeout=30)[0] == "done\n"
    assert log.path.read_bytes().count(b"\n") == 3


# -- file systems without locks ---------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NO_LOCKS, ids=errno.errorcode.get)
def test_without_locks_nothing_is_done_and_the_path_is_named(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = JobLog(tmp_path / "my.log")
    refuse_with(number, monkeypatch)
    with pytest.raises(LogError) as error, log.lock_for("process"):
        pytest.fail("there is no lock, and yet it is held")
    assert error.value.status is Status.UNUSABLE
    assert str(tmp_path / "my.log.process.lock") in str(error.value)
    with pytest.raises(LogError) as error:
        log.append(Event.SUBMITTING, JOB)
    assert str(log.path) in str(error.value)
    assert not log.path.exists() or log.path.read_bytes() == b""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ENOLCK", "ENOSYS"])
def test_without_locks_both_scripts_end_with_status_2(place: Place, tmp_path: Path, name: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_LOCKS.format(number=name))
    place.write_log(("2019-04-02T09:12:45Z", "submitted", JOB, STATUS_URL))
    before = place.log.read_bytes()
    for run in (
        place.process("--drop", JOB, "-q", PYTHONPATH=str(tmp_path)),
        place.download("-q", PYTHONPATH=str(tmp_path)),
    ):
        assert run.status == 2
        assert "peps_maja.log" in run.err
        assert "locks" in run.err
        assert run.err.count("\n") == 1
    assert place.log.read_bytes() == before


def test_a_lock_file_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"missing/my\.lock") as error, held(tmp_path / "missing" / "my.lock"):
        pytest.fail("there is no lock file, and yet it is held")
    assert error.value.status is Status.UNUSABLE


def test_a_stream_is_added_to_whatever_file_it_leads_to(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    path.write_text("old\n")
    with path.open("a") as stream:
        write_whole(Path(f"/dev/fd/{stream.fileno()}"), "new\n")
    assert path.read_text() == "old\nnew\n"


def test_a_file_system_without_modes_has_its_files_replaced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise PermissionError(errno.EPERM, "Operation not permitted")  # CIFS

    monkeypatch.setattr(os, "fchmod", refuse)
    for text in ("first", "second"):
        write_whole(tmp_path / "jobs.json", text)
        assert (tmp_path / "jobs.json").read_text() == text
