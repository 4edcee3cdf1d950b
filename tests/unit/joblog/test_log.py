"""The log's file: what is not a log, appending, crashes, and many writers at once."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples.logs import HEADER, JOB, OTHER, STATUS_URL, SUBMITTED, ZIP, at, events, lines, snapshot, written

from peps_maja.disk import lock
from peps_maja.errors import LogError, PepsError, Status
from peps_maja.joblog.events import Event, State
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.log import JobLog

LINE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\t[a-z]+\t[^\t\n]*\t[^\t\n]*\n")
APPENDER = """
import sys
from pathlib import Path
from peps_maja.joblog.log import JobLog
from peps_maja.joblog.events import Event
log = JobLog(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    log.append(Event.SUBMITTING, f"{sys.argv[2]}{number:03}", "é" * 400)
"""
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
quick = settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


# -- not a log --------------------------------------------------------------------------------------------------------
NO_LOGS = {
    "something else": b"Dear diary,\n",
    "an empty line": b"\n",
    "no header": lines(*SUBMITTED).encode(),
    "a header of another kind": b"# peps_maja job log\n",
    "a later version": b"# peps_maja job log 2\n",
    "version 10": b"# peps_maja job log 10\n",
    "the header further down": f"\n{HEADER}\n".encode(),
    "a header with more": f"{HEADER} of mine\n".encode(),
    "header and line in one": f"{HEADER}{lines(*SUBMITTED)}".encode(),
    "a zip": b"PK\x03\x04\xff\xfe\x00",
    "nul bytes": bytes(100),
}


@pytest.mark.parametrize("content", NO_LOGS.values(), ids=NO_LOGS)
def test_a_file_that_is_not_a_log_is_an_error_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    log = JobLog(tmp_path / "my.log")
    log.path.write_bytes(content)
    for use in (log.replay, lambda: log.append(Event.SUBMITTING, JOB)):
        with pytest.raises(LogError, match=r"my\.log is not a job log") as error:
            use()
        assert error.value.status is Status.UNUSABLE
    assert log.path.read_bytes() == content


def test_a_log_that_cannot_be_read_or_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "file" / "my.log"):
        (tmp_path / "file").touch()
        with pytest.raises(LogError, match=re.escape(str(path))):
            JobLog(path).replay()
    for path in (tmp_path, tmp_path / "file" / "my.log", tmp_path / "missing" / "my.log"):
        with pytest.raises(LogError, match=re.escape(str(path))) as error:
            JobLog(path).append(Event.SUBMITTING, JOB)
        assert JOB in str(error.value)


def test_a_log_that_is_not_there_is_empty_and_not_made(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "my.log")
    assert snapshot(log.replay()) == []
    assert not log.path.exists()


# -- appending --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", range(len(HEADER) + 2))
def test_a_new_log_begins_with_its_header(tmp_path: Path, end: int) -> None:
    log = JobLog(tmp_path / "my.log")
    log.path.write_bytes(f"{HEADER}\n".encode()[:end])  # nothing, or what a crash left of the header
    assert snapshot(log.replay()) == []
    log.append(Event.SUBMITTING, JOB)
    header, line = log.path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert header == f"{HEADER}\n"
    assert LINE.fullmatch(line)
    assert line.endswith(f"\tsubmitting\t{JOB}\t\n")


def test_lines_are_added_and_none_is_touched(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "my.log")
    earliest = datetime.now(timezone.utc).replace(microsecond=0)
    content = b""
    for event in Event:
        log.append(event, JOB, STATUS_URL)
        assert log.path.read_bytes().startswith(content)
        content = log.path.read_bytes()
    _, *added = content.decode().splitlines(keepends=True)
    assert [line.split("\t")[1] for line in added] == [event.value for event in Event]
    for line in added:
        assert LINE.fullmatch(line)
        moment = datetime.fromisoformat(line.split("\t")[0].replace("Z", "+00:00"))
        assert earliest <= moment <= datetime.now(timezone.utc)


@pytest.mark.parametrize("hostile", ["a\nb\tc\r\nd", "\x1b[31m\u202e", "# a", "\ud800", "é" * 30_000, " a "])
def test_whatever_a_server_says_takes_one_line(tmp_path: Path, hostile: str) -> None:
    log = JobLog(tmp_path / "my.log")
    log.append(Event.SUBMITTING, JOB, hostile)
    log.append(Event.FAILED, JOB, hostile)
    log.append(Event.STALLED, JOB, hostile)
    _, *added = log.path.read_text(encoding="utf-8").splitlines(keepends=True)
    assert [line for line in added if not LINE.fullmatch(line)] == []
    assert len(added) == 3
    assert log.replay()[JOB].detail.isprintable()
    assert [job.state for job in snapshot(log.replay())] == [State.FAILED]


def plainly(own: Sequence[tuple[Event, str]]) -> State | None:
    """Return the state of a job by the rules in their plainest form."""
    ends = {Event.REJECTED, Event.FINISHED, Event.FAILED, Event.CANCELLED}
    turns = {Event.SUBMITTING, Event.SUBMITTED, *ends}
    kept: list[tuple[Event, str]] = []
    for event, detail in own:
        begun = max((place for place, (earlier, _) in enumerate(kept) if earlier in turns), default=0)
        if event is not Event.POSTPONED:
            kept.append((event, detail))
        elif kept and kept[begun][0] is Event.SUBMITTING:
            del kept[begun:]
    state: State | None = None
    for event, detail in kept:
        match event:
            case Event.SUBMITTING:
                state = State.UNSURE
            case Event.SUBMITTED:
                state = State.OPEN if detail == STATUS_URL else State.UNSURE
            case Event.REJECTED | Event.FINISHED | Event.FAILED | Event.CANCELLED:
                state = State(event.value)
            case _:
                state = state or State.UNSURE
    return state


@settings(quick, max_examples=20)
@given(events)
def test_what_is_appended_is_replayed(
    tmp_path_factory: pytest.TempPathFactory, given_events: list[tuple[Event, str, str]]
) -> None:
    log = JobLog(tmp_path_factory.mktemp("log") / "my.log")
    for event, job, detail in given_events:
        log.append(event, job, detail)
    jobs = log.replay()
    for name in (JOB, OTHER):
        own = [(event, detail) for event, job, detail in given_events if job == name]
        assert (jobs[name].state if name in jobs else None) is plainly(own)
    assert sum(jobs.count().values()) == len(jobs)
    assert sorted(job.name for job in jobs.in_state(*State)) == sorted(jobs)


pieces = st.sampled_from(
    ["\t", "\n", "\r\n", "#", " ", HEADER, at(0), JOB, OTHER, STATUS_URL, ZIP, "\x00", "é", *Event]
)


@quick
@given(st.binary() | st.lists(pieces).map("".join).map(str.encode))
def test_any_bytes_after_the_header_are_a_log(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(f"{HEADER}\n".encode() + content)
    log = JobLog(path)
    before = {job.name: job.state for job in snapshot(log.replay())}
    log.append(Event.SUBMITTED, JOB, STATUS_URL)
    assert path.read_bytes().startswith(f"{HEADER}\n".encode() + content)
    after = log.replay()
    assert after[JOB].status_url == STATUS_URL
    assert {name: job.state for name, job in after.items() if name != JOB} == {
        name: state for name, state in before.items() if name != JOB
    }


@quick
@given(st.binary())
def test_any_bytes_are_a_log_or_an_expected_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(content)
    with suppress(PepsError):
        snapshot(JobLog(path).replay())


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
    ("by_another", "detail", "stands"),
    [
        (Event.SUBMITTING, "", False),
        (Event.SUBMITTED, STATUS_URL, True),
        (Event.SUBMITTED, STATUS_URL.replace("8e99b3de", "11111111"), False),
        (Event.CANCELLED, "dropped by the user", False),
        (Event.FINISHED, "", False),
        (Event.STALLED, "24", True),
        (Event.DOWNLOADED, ZIP, True),
    ],
)
def test_what_another_run_wrote_of_a_job_stands(
    tmp_path: Path, by_another: Event, detail: str, *, stands: bool
) -> None:
    log = written(tmp_path, f"{HEADER}\n{lines(*SUBMITTED)}")
    jobs = log.replay()
    JobLog(log.path).append(by_another, JOB, detail)
    JobLog(log.path).append(Event.FAILED, OTHER)
    assert log.append_if_current(Event.DOWNLOADED, jobs[JOB], ZIP) is stands
    assert log.append_if_current(Event.FINISHED, jobs[JOB]) is stands
    assert not log.begin(Event.SUBMITTING, OTHER)
    log.replay()
    assert log.begin(Event.SUBMITTING, OTHER), "seen by the replay"
    assert log.begin(Event.SUBMITTING, OTHER), "this run's own lines do not count"


@pytest.mark.parametrize(
    ("another", "stands"),
    [
        ("31TCJ_2019-01-01_2019-06-29", False),
        ("31TCJ_2019-04-01_2019-05-31", False),
        ("31TCJ_2019-06-01_2019-12-31_R051", False),
        ("31TCJ_2019-07-01_2019-12-31", True),
        ("31TDJ_2019-03-01_2019-06-30", True),
    ],
)
def test_a_series_begins_only_if_none_that_overlaps_did(tmp_path: Path, another: str, *, stands: bool) -> None:
    log = written(tmp_path, f"{HEADER}\n")
    log.replay()
    JobLog(log.path).append(Event.SUBMITTING, another)
    assert log.begin(Event.SUBMITTING, "31TCJ_2019-03-01_2019-06-30") is stands


# -- crashes ----------------------------------------------------------------------------------------------------------


def test_a_log_cut_at_any_byte_and_what_is_appended_then(tmp_path: Path) -> None:
    rows = [*SUBMITTED, ("missing", f"{ZIP} absent é€😀"), ("downloaded", ZIP), ("finished", "")]
    whole = f"{HEADER}\n{lines(*rows)}".encode()
    for end in range(len(HEADER), len(whole)):
        log = written(tmp_path, "")
        log.path.write_bytes(whole[:end])
        *kept, last = whole[:end].decode(errors="replace").split("\n")
        columns = last.split("\t")
        is_read = len(columns) == 4 or columns[2:] == [JOB]
        is_read &= ".zip" in columns[-1] or "\tdownloaded\t" not in last
        expected = Jobs.replay("\n".join([*kept, *[last] * is_read]))
        jobs = log.replay()
        assert snapshot(jobs) == snapshot(expected) or "\tdownloaded\t" in last
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
    assert log.replay()[JOB].state is State.UNSURE
    log.append(Event.SUBMITTED, JOB, STATUS_URL)
    assert log.replay()[JOB].state is State.OPEN


# -- many at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "start", ["", HEADER[:7], f"{HEADER}\n{at(0)}\tsubmitting\t{JOB[:20]}"], ids=["new", "cut", "torn"]
)
def test_many_processes_append_at_once_and_every_line_is_whole(tmp_path: Path, start: str) -> None:
    log = written(tmp_path, start)
    if not start:
        log.path.unlink()
    writers, each = 4, 25
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(log.path), f"{JOB[:-6]}{writer:03}", str(each)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for writer in range(writers)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.communicate("go\n", timeout=60)
    assert [process.returncode for process in processes] == [0] * writers

    text = log.path.read_text(encoding="utf-8")
    assert text.startswith(f"{HEADER}\n")
    assert text.count(HEADER) == 1
    appended = [line for line in text.splitlines(keepends=True) if "é" in line]
    assert [line for line in appended if not LINE.fullmatch(line)] == []
    names = [line.split("\t")[2] for line in appended]
    assert sorted(names) == sorted(
        f"{JOB[:-6]}{writer:03}{number:03}" for writer in range(writers) for number in range(each)
    )
    for writer in range(writers):
        own = [name for name in names if name.startswith(f"{JOB[:-6]}{writer:03}")]
        assert own == [f"{JOB[:-6]}{writer:03}{number:03}" for number in range(each)]
    assert list(log.replay()) == names
