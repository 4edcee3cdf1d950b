"""The log's file: what is not a log, appending, what others wrote, crashes."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples.logs import HEADER, JOB, OFFER, OTHER, STATUS_URL, SUBMITTED, ZIP, at, lines, written

from peps_maja.disk import lock
from peps_maja.errors import LogError, PepsError, Status
from peps_maja.joblog.events import Event, State
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.log import JobLog

THEIA = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C_V2-2"
LINE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\t[a-z]+\t[^\t\n]*\t[^\t\n]*\n")
APPENDER_OUT_OF_ROOM = """
import resource, sys
from pathlib import Path
from peps_maja.disk import lock
from peps_maja.errors import LogError
from peps_maja.joblog.log import JobLog
from peps_maja.joblog.events import Event
path = Path(sys.argv[1])
most = path.stat().st_size + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    JobLog(path).append(Event.SUBMITTED, sys.argv[3], sys.argv[4])
except LogError as error:
    sys.exit(f"{int(error.status)} {error}")
"""


# -- not a log --------------------------------------------------------------------------------------------------------
NO_LOGS = {
    "something else": b"Dear diary,\n",
    "an empty line": b"\n",
    "no header": lines(*SUBMITTED).encode(),
    "a later version": b"# peps_maja job log 2\n",
    "version 10": b"# peps_maja job log 10\n",
    "the header further down": f"\n{HEADER}\n".encode(),
    "header and line in one": f"{HEADER}{lines(*SUBMITTED)}".encode(),
    "nul bytes": bytes(100),
}


@pytest.mark.parametrize("content", NO_LOGS.values(), ids=NO_LOGS)
def test_a_file_that_is_not_a_log_is_an_error(tmp_path: Path, content: bytes) -> None:
    log = JobLog(tmp_path / "my.log")
    log.path.write_bytes(content)
    with pytest.raises(LogError, match=r"my\.log is not a job log") as error:
        log.replay()
    assert error.value.status is Status.UNUSABLE
    assert log.path.read_bytes() == content


def test_a_log_that_cannot_be_read_or_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "my.log", tmp_path / "missing" / "my.log"):
        with pytest.raises(LogError, match=re.escape(str(path))) as error:
            JobLog(path).append(Event.SUBMITTING, JOB)
        assert JOB in str(error.value)
        if path.parent.name != "missing":
            with pytest.raises(LogError, match=re.escape(str(path))):
                JobLog(path).replay()


# -- appending --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [0, 7, len(HEADER), len(HEADER) + 1])
def test_a_new_log_begins_with_its_header(tmp_path: Path, end: int) -> None:
    log = JobLog(tmp_path / "my.log")
    assert dict(log.replay()) == {}
    assert not log.path.exists()
    log.path.write_bytes(f"{HEADER}\n".encode()[:end])  # nothing, or what a crash left of the header
    assert dict(log.replay()) == {}
    log.append(Event.SUBMITTING, JOB)
    header, line = log.path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert header == f"{HEADER}\n"
    assert line.endswith(f"\tsubmitting\t{JOB}\t\n")


@pytest.mark.parametrize("hostile", ["a\nb\tc\r\nd", "\x1b[31m\u202e", "# a", "\ud800", "é" * 30_000, " a "])
def test_whatever_a_server_says_takes_one_line_and_none_is_touched(tmp_path: Path, hostile: str) -> None:
    log, content = JobLog(tmp_path / "my.log"), b""
    earliest = datetime.now(timezone.utc).replace(microsecond=0)
    for event in Event:
        log.append(event, JOB, hostile)
        assert log.path.read_bytes().startswith(content)
        content = log.path.read_bytes()
    _, *added = content.decode().splitlines(keepends=True)
    assert [line.split("\t")[1] for line in added] == [event.value for event in Event]
    for line in added:
        assert LINE.fullmatch(line)
        assert earliest <= datetime.fromisoformat(line.split("\t")[0]) <= datetime.now(timezone.utc)
    job = log.replay()[JOB]
    assert job.detail.isprintable()
    assert job.state is State.CANCELLED


pieces = st.sampled_from(
    ["\t", "\n", "\r\n", "#", " ", HEADER, at(0), JOB, OTHER, STATUS_URL, ZIP, "\x00", "é", *Event]
)


@given(st.binary() | st.lists(pieces).map("".join).map(str.encode))
def test_any_bytes_are_a_log_or_an_expected_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(content)
    with suppress(PepsError):
        JobLog(path).replay()
    content = f"{HEADER}\n".encode() + content
    path.write_bytes(content)
    log = JobLog(path)
    before = {name: job.state for name, job in log.replay().items() if name != JOB}
    log.append(Event.SUBMITTED, JOB, STATUS_URL)
    assert path.read_bytes().startswith(content)
    after = log.replay()
    assert after.pop(JOB).status_url == STATUS_URL
    assert {name: job.state for name, job in after.items()} == before


# -- others -----------------------------------------------------------------------------------------------------------


def test_an_append_waits_for_another_process_so_long_and_names_what_is_not_noted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("peps_maja.joblog.log.PATIENCE", 0.0)
    log = written(tmp_path, f"{HEADER}\n")
    with log.path.open("rb") as held:
        assert lock(held.fileno(), log.path)
        with pytest.raises(LogError, match=f"locks the log .*not noted: submitted {JOB} {STATUS_URL}") as error:
            log.append(Event.SUBMITTED, JOB, STATUS_URL)
    assert error.value.status is Status.TRY_LATER


@pytest.mark.parametrize(
    ("name", "by_another", "stands"),
    [
        (JOB, [(Event.SUBMITTING, "")], False),
        (JOB, [(Event.SUBMITTED, STATUS_URL)], True),
        (JOB, [(Event.SUBMITTED, STATUS_URL.replace("8e99b3de", "11111111"))], False),
        (JOB, [(Event.CANCELLED, "dropped by the user")], False),
        (JOB, [(Event.FINISHED, "")], False),
        (JOB, [(Event.STALLED, "24"), (Event.DOWNLOADED, ZIP)], True),
        (THEIA, [(Event.AVAILABLE, OFFER.replace("8e99b3de", "11111111"))], False),
        (THEIA, [(Event.AVAILABLE, OFFER[:-1])], True),
        (THEIA, [(Event.FAILED, "absent"), (Event.AVAILABLE, OFFER)], True),
    ],
)
def test_what_another_run_wrote_of_a_job_stands(
    tmp_path: Path, name: str, by_another: list[tuple[Event, str]], *, stands: bool
) -> None:
    rows = lines(*SUBMITTED) if name == JOB else lines(("available", OFFER), job=THEIA)
    log = written(tmp_path, HEADER + "\n" + rows)
    job = log.replay()[name]
    for event, detail in by_another:
        JobLog(log.path).append(event, name, detail)
    JobLog(log.path).append(Event.FAILED, OTHER)
    before = log.path.read_bytes()
    told: list[str] = []
    for event in (Event.DOWNLOADED, Event.FINISHED):
        assert log.tell_and_append(event, job, ZIP, lambda: told.append("now")) is stands
    assert len(told) == 2 * stands
    assert (log.path.read_bytes() == before) is not stands
    assert not log.begin(Event.SUBMITTING, OTHER)
    log.replay()
    assert log.begin(Event.SUBMITTING, OTHER), "seen by the replay"
    assert log.begin(Event.SUBMITTING, OTHER), "this run's own lines do not count"


def test_a_series_begins_only_if_nothing_of_its_days_did(tmp_path: Path) -> None:
    for another, stands in {
        "31TCJ_2019-01-01_2019-06-29": False,
        "31TCJ_2019-04-01_2019-05-31": False,
        "31TCJ_2019-06-01_2019-12-31_R051": False,
        "31TCJ_2019-07-01_2019-12-31": True,
        "31TDJ_2019-03-01_2019-06-30": True,
        "S2A_MSIL1C_20190315T105021_N0207_R051_T31TCJ_20190315T125917": False,
        "S2A_MSIL1C_20190715T105021_N0207_R051_T31TCJ_20190715T125917": True,
    }.items():
        log = written(tmp_path, f"{HEADER}\n")
        log.replay()
        JobLog(log.path).append(Event.SUBMITTING, another)
        assert log.begin(Event.SUBMITTING, "31TCJ_2019-03-01_2019-06-30") is stands, another


# -- crashes ----------------------------------------------------------------------------------------------------------


def test_a_log_cut_at_any_byte_and_what_is_appended_then(tmp_path: Path) -> None:
    rows = [*SUBMITTED, ("missing", f"{ZIP} absent é€😀"), ("downloaded", ZIP), ("finished", "")]
    whole = f"{HEADER}\n{lines(*rows)}".encode()
    for end in range(len(HEADER), len(whole), 3):
        log = written(tmp_path, "")
        log.path.write_bytes(whole[:end])
        *kept, last = whole[:end].decode(errors="replace").split("\n")
        columns = last.split("\t")
        is_read = len(columns) == 4 or columns[2:] == [JOB]
        is_read &= ".zip" in columns[-1] or "\tdownloaded\t" not in last
        jobs = log.replay()
        assert jobs == Jobs.replay("\n".join([*kept, *[last] * is_read])) or "\tdownloaded\t" in last
        piece = columns[2] if len(columns) == 3 and columns[2] not in {"", JOB} else ""
        assert (jobs.pieces, jobs.nameless) == ({piece} if piece else set(), [])
        assert jobs.may_have(OTHER) == (piece != "" and OTHER.startswith(piece))

        log.append(Event.FAILED, JOB, "no DEM")
        assert log.path.read_bytes().startswith(whole[:end])
        assert log.replay()[JOB].state is State.FAILED


def test_a_full_disk_leaves_no_incomplete_line(tmp_path: Path) -> None:
    log = written(tmp_path, f"{HEADER}\n{lines(('submitting', ''))}")
    before = log.path.read_text()
    arguments = [str(log.path), "90", JOB, STATUS_URL]
    full = subprocess.run(
        [sys.executable, "-c", APPENDER_OUT_OF_ROOM, *arguments], check=False, capture_output=True, text=True
    )
    assert full.returncode == 1
    assert full.stderr.startswith(f"2 cannot write to the log {log.path}: ")
    assert STATUS_URL in full.stderr, "the user is shown what could not be logged"
    assert log.path.read_text() == before, "what was written of the line is taken back"
    log.append(Event.SUBMITTED, JOB, STATUS_URL)
    assert log.replay()[JOB].state is State.OPEN
