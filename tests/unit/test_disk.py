"""Locks: two runs never work at once, a killed one leaves no lock, and a file system without locks is an error."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from pathlib import Path
from typing import NoReturn

import pytest
from helpers import LOCK_HOLDER, STATUS_URL, Place, holder, in_one_line

from peps_maja.disk import held, lock, write_whole
from peps_maja.errors import LogError, PepsError, Status
from peps_maja.joblog.events import Event
from peps_maja.joblog.log import JobLog

JOB = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"


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


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "my.log.downloader.lock"
    with holder(LOCK_HOLDER, path) as other:
        other.kill()
        other.wait(timeout=30)
        assert_free(path)


def test_a_lock_is_held_within_one_process_too_and_ends_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "my.lock"
    with held(path), pytest.raises(PepsError, match="another run"), held(path):
        pass
    with pytest.raises(ZeroDivisionError), held(path):
        raise ZeroDivisionError
    assert_free(path)


@pytest.mark.slow
def test_a_second_run_leaves_with_75_whoever_holds_the_lock(place: Place) -> None:
    place.write_log(("2019-04-02T09:12:45Z", "submitted", JOB, STATUS_URL))
    before = place.log.read_bytes()
    lock_files = [place.folder / f"peps_maja.log.{script}.lock" for script in ("process", "downloader")]
    with holder(LOCK_HOLDER, lock_files[0]), holder(LOCK_HOLDER, lock_files[1]):
        for run in (place.process("--drop", JOB), place.download()):
            in_one_line(run, 75, "another run")
        for run in (place.process("--drop", JOB, "-q"), place.download("-q")):
            assert (run.status, run.out, run.err) == (75, "", "")
    assert place.log.read_bytes() == before


def test_an_append_waits_for_another_one(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "my.log")
    log.append(Event.SUBMITTING, JOB)
    appending = threading.Thread(target=log.append, args=(Event.FAILED, JOB))
    with log.path.open("rb+") as other:
        assert lock(other.fileno(), log.path)
        appending.start()
        appending.join(0.1)
        assert log.path.read_bytes().count(b"\n") == 2
    appending.join(30)
    assert log.path.read_bytes().count(b"\n") == 3


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO], ids=errno.errorcode.get)
def test_where_nothing_can_be_locked_nothing_is_done(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    log = JobLog(tmp_path / "my.log")
    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(fcntl, "lockf", refuse)
    with pytest.raises(LogError, match=rf"my\.log\.process\.lock: {os.strerror(number)}; look") as error:
        log.lock_for("process").__enter__()
    assert error.value.status is Status.UNUSABLE
    with pytest.raises(LogError, match=rf"my\.log: {os.strerror(number)}; .* it has to have locks"):
        log.append(Event.SUBMITTING, JOB)
    assert not log.path.exists() or log.path.read_bytes() == b""


def test_a_lock_file_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"missing/my\.lock") as error, held(tmp_path / "missing" / "my.lock"):
        pytest.fail("there is no lock file, and yet it is held")
    assert error.value.status is Status.UNUSABLE


def test_a_stream_is_added_to_whatever_file_it_leads_to(tmp_path: Path) -> None:
    path = tmp_path / "all.csv"
    with path.open("w") as stream:
        stream.write("before\n")
        stream.flush()
        write_whole(Path(f"/dev/fd/{stream.fileno()}"), "new\n")
        stream.write("behind\n")
    assert path.read_text() == "before\nnew\nbehind\n"


def test_a_file_system_without_modes_has_its_files_replaced_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise PermissionError(errno.EPERM, "Operation not permitted")  # CIFS

    monkeypatch.setattr(os, "fchmod", refuse)
    for text in ("first", "second"):
        write_whole(tmp_path / "jobs.json", text)
        assert (tmp_path / "jobs.json").read_text() == text
