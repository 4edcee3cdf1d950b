"""What a kill, a torn line, a full disk and company leave behind: nothing lost, nothing twice, nothing broken."""

from __future__ import annotations

import fcntl
import io
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from helpers import ROOT, TILE, Place, Run
from hypothesis import example, given, settings
from hypothesis import strategies as st

from peps_maja.joblog.events import Event
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.lines import HEADER, TORN
from peps_maja.joblog.log import JobLog
from peps_maja.sandbox import Altered, Delay, Endpoint, Fault, Reply, Sandbox, Stall

pytestmark = pytest.mark.slow

FIRST = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
SECOND = "S2B_MSIL1C_20190306T103252_N0207_R051_T31TCJ_20190306T135417"
L2A = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"
ZIP = f"{L2A}.zip"
WHEN = "2019-04-02T09:12:45Z"
URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-{:012}.xml"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\t[a-z]+\t[^\t\n]+\t[^\t\n]*")

IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 (spares the disk thousands of syncs)

needs_proc = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to see which files are open")
needs_prlimit = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="needs prlimit")


# -- killed ------------------------------------------------------------------------------------------------------


def kill_when(running: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    """Kill a script with SIGKILL as soon as something has happened."""
    with running:
        give_up = time.monotonic() + 30
        try:
            while not happened():
                assert running.poll() is None, running.communicate()
                assert time.monotonic() < give_up, "it never happened"
                time.sleep(0.001)
        finally:
            running.kill()
            running.communicate()


def has_open(running: subprocess.Popen[str], path: Path) -> bool:
    """Return True if a process has this file open."""
    try:
        return str(path) in {str(link.readlink()) for link in Path(f"/proc/{running.pid}/fd").iterdir()}
    except FileNotFoundError:  # one was closed in between
        return False


@contextmanager
def log_held_from(peps: Sandbox, endpoint: Endpoint, log: Path) -> Iterator[threading.Event]:
    """From the next answer of `endpoint` to the end of the `with`, let nobody append to the log."""
    held = threading.Event()
    files: list[IO[bytes]] = []

    def hold(reply: Reply) -> Reply:
        files.append(log.open("rb"))
        fcntl.flock(files[0], fcntl.LOCK_EX)
        held.set()
        return reply

    peps.faults.add(Fault(endpoint, Altered(hold)))
    try:
        yield held
    finally:
        for file in files:
            file.close()


def assert_only_the_second_is_submitted(place: Place, peps: Sandbox) -> None:
    """Run the same command again: the product without an answer is pointed out, and never ordered once more."""
    assert place.events() == [("submitting", FIRST, "")]
    before = peps.executed.copy()
    again = place.process("--product", FIRST, SECOND)
    assert again.status == 1
    assert f"{FIRST}: unsure" in again.err
    assert peps.executed == [*before, SECOND]
    assert [event for event, job, _ in place.events() if job == SECOND] == ["submitting", "submitted"]


@pytest.mark.parametrize("taken", [False, True], ids=["order lost", "order taken"])
def test_killed_between_request_and_answer(place: Place, peps: Sandbox, *, taken: bool) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, Stall(30, work_done=taken)))
    running = place.start("process", "--product", FIRST)
    kill_when(running, lambda: bool(peps.executed if taken else peps.asked(Endpoint.EXECUTE)))
    assert peps.executed == [FIRST] * taken
    assert_only_the_second_is_submitted(place, peps)


@needs_proc
def test_killed_between_answer_and_log_line(place: Place, peps: Sandbox) -> None:
    with log_held_from(peps, Endpoint.EXECUTE, place.log) as held:
        running = place.start("process", "--product", FIRST)
        kill_when(running, lambda: held.is_set() and has_open(running, place.log))
    assert peps.executed == [FIRST]
    assert_only_the_second_is_submitted(place, peps)


@needs_proc
def test_killed_between_rename_and_log_line(place: Place, peps: Sandbox) -> None:
    job = peps.add_job(FIRST)
    place.write_log((WHEN, "submitted", FIRST, job.status_url))
    with log_held_from(peps, Endpoint.RESULT, place.log) as held:
        running = place.start("downloader")
        kill_when(running, lambda: held.is_set() and has_open(running, place.log))
    assert place.zips() == [ZIP]
    assert [event for event, *_ in place.events()] == ["submitted"]
    assert place.download().status == 0
    assert (place.folder / ZIP).read_bytes() == job.results[0].content
    assert place.events("downloaded", "finished") == [("downloaded", FIRST, ZIP), ("finished", FIRST, "")]
    assert [asked.method for asked in peps.asked(Endpoint.RESULT)].count("GET") == 1


def large_zip() -> bytes:
    """Return a valid L2A zip of 2 MB, which comes in several pieces."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{L2A}/{L2A}_MTD_ALL.xml", "<Muscate_Metadata_Document/>")
        archive.writestr(f"{L2A}/{L2A}_FRE_B2.tif", os.urandom(2_000_000))
    return packed.getvalue()


def test_killed_in_the_middle_of_a_download(place: Place, peps: Sandbox) -> None:
    job = peps.add_job(FIRST)
    job.results[0].content = large_zip()
    place.write_log((WHEN, "submitted", FIRST, job.status_url))
    part = place.folder / f"{ZIP}.part"
    peps.faults.add(Fault(Endpoint.RESULT, Stall(30, after=1_200_000)))
    kill_when(place.start("downloader"), lambda: part.exists() and part.stat().st_size > 0)
    there = part.stat().st_size
    assert place.zips() == []
    assert place.download().status == 0
    assert peps.asked(Endpoint.RESULT)[-1].headers["range"] == f"bytes={there}-"
    assert (place.folder / ZIP).read_bytes() == job.results[0].content
    assert sorted(path.name for path in place.folder.glob(f"{L2A}*")) == [ZIP]


# -- a torn last line --------------------------------------------------------------------------------------------

SUBMITTING = f"{WHEN}\tsubmitting\t{FIRST}\t"


@pytest.mark.parametrize(
    ("text", "may_be_submitted"),
    [
        pytest.param("# peps_maja jo", True, id="in the header"),
        pytest.param(f"{HEADER}\n{SUBMITTING[:60]}", True, id="in submitting"),
        pytest.param(f"{HEADER}\n{SUBMITTING[:-1]}", True, id="before the end of submitting"),
        pytest.param(f"{HEADER}\n{SUBMITTING}", False, id="before the line end of submitting"),
        pytest.param(f"{HEADER}\n{SUBMITTING[:-1]}\n{TORN[:9]}", True, id="a second crash in the mark"),
        pytest.param(f"{HEADER}\n{SUBMITTING[:-1]}\n{TORN[:9]}\n{TORN[:1]}", True, id="a third crash in the mark"),
        pytest.param(f"{HEADER}\n{SUBMITTING[:-1]}\n{TORN[:9]}\n{TORN}\n", True, id="marked after a second crash"),
        pytest.param(f"{HEADER}\n{SUBMITTING}\n{TORN[:1]}", False, id="a comment begun by hand"),
        pytest.param(f"{HEADER}\n{SUBMITTING}\n\n{TORN}\n", False, id="a mark below an empty line"),
        pytest.param(f"{HEADER}\n" + "\0" * len(SUBMITTING), True, id="zeros for submitting"),
        pytest.param(f"{HEADER}\n{SUBMITTING}\n{WHEN}\tsubmi", False, id="in submitted"),
        pytest.param(f"{HEADER}\n{SUBMITTING}\n{WHEN}\tsubmitted\t{FIRST}\t{URL.format(1)[:50]}", False, id="in a URL"),
    ],
)
def test_a_torn_line_is_passed_over_and_swallows_nothing(
    place: Place, peps: Sandbox, *, text: str, may_be_submitted: bool
) -> None:
    place.log.write_text(text, encoding="utf-8")
    run = place.process("--product", FIRST, SECOND)
    assert run.status == (0 if may_be_submitted else 1), run.err
    assert peps.executed == [FIRST, SECOND][0 if may_be_submitted else 1 :]
    whole = [line.split("\t") for line in place.log.read_text(encoding="utf-8").split("\n") if LINE.fullmatch(line)]
    new = [(event, job) for when, event, job, _ in whole if when != WHEN]
    stalled = [] if may_be_submitted else [("stalled", FIRST)]
    assert new == stalled + [(event, job) for job in peps.executed for event in ("submitting", "submitted")]


# -- no room for the log -----------------------------------------------------------------------------------------


def padded(text: str, size: int) -> str:
    """Return the text of a log made so long by comments below its header."""
    head, _, events = text.partition("\n")
    lines, rest = divmod(size - len(text.encode()), 100)
    return f"{head}\n{'#' * (rest + 99)}\n" + f"{'#' * 99}\n" * (lines - 1) + events


@contextmanager
def full_disk(log: Path, room: int) -> Iterator[None]:
    """Put the log, for the length of a `with`, on a small disk that has room for so many more bytes of it alone."""
    page, pages = 4096, 16
    disk = log.parent.parent / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={page * pages}", "peps_maja_test", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk, and not everywhere")
    try:
        small = disk / log.name
        small.write_text(padded(log.read_text(encoding="utf-8"), 2 * page - room), encoding="utf-8")
        (disk / "filler").write_bytes(bytes((pages - 2) * page))
        assert shutil.disk_usage(disk).free == 0
        log.unlink()
        log.symlink_to(small)
        yield
        log.unlink()
        shutil.copy(small, log)
    finally:
        subprocess.run([shutil.which("umount") or "", "--lazy", str(disk)], check=True)


def run_with_room(place: Place, how: str, room: int, script: str) -> Run:
    """Run a script whose log can grow by so many bytes, and no further."""
    arguments = ["--product", FIRST] if script == "process" else []
    if how == "full disk":
        with full_disk(place.log, room):
            return place.process(*arguments) if script == "process" else place.download(*arguments)
    # Long enough that no other file comes near the limit.
    place.log.write_text(padded(place.log.read_text(encoding="utf-8"), 1_000_000), encoding="utf-8")
    with place.start(script, *arguments) as running:
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (1_000_000 + room,) * 2)
        out, err = running.communicate(timeout=60)
    return Run(running.returncode, out, err)


def length(event: str, detail: str) -> int:
    return len(f"{WHEN}\t{event}\t{FIRST}\t{detail}\n")


anyhow = pytest.mark.parametrize("how", ["full disk", pytest.param("file-size limit", marks=needs_prlimit)])
lacking = pytest.mark.parametrize("is_short", [False, True], ids=["no byte of it", "one byte short"])


@anyhow
@lacking
@pytest.mark.parametrize("unnoted", ["submitting", "submitted", "postponed"])
def test_nothing_is_ordered_that_could_not_be_noted(
    place: Place, peps: Sandbox, *, how: str, unnoted: str, is_short: bool
) -> None:
    place.write_log()
    peps.faults.busy = 1 if unnoted == "postponed" else 0
    before = len(f"# {WHEN} peps_maja_process.py --product {FIRST}\n")  # comes with the first line
    before += 0 if unnoted == "submitting" else length("submitting", "")
    url = f"{peps.url}/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"
    whole = length(unnoted, {"submitted": url, "postponed": "x" * 40}.get(unnoted, ""))

    run = run_with_room(place, how, before + (whole - 1 if is_short else 0), "process")
    assert run.status == 2
    assert run.err.count("\n") == 1
    assert f"not noted: {unnoted} {FIRST}" in run.err
    assert place.log.name in run.err
    assert peps.executed == ([FIRST] if unnoted == "submitted" else [])
    if unnoted == "submitted":
        assert peps.job(FIRST).status_url in run.err

    assert place.process("--product", FIRST).status == (0 if unnoted == "submitting" else 1)
    assert peps.executed == ([] if unnoted == "postponed" else [FIRST])


@anyhow
@lacking
@pytest.mark.parametrize("unnoted", ["downloaded", "finished"])
def test_a_zip_that_could_not_be_noted_is_found_by_the_next_run(
    place: Place, peps: Sandbox, *, how: str, unnoted: str, is_short: bool
) -> None:
    job = peps.add_job(FIRST)
    place.write_log((WHEN, "submitted", FIRST, job.status_url))
    before = 0 if unnoted == "downloaded" else length("downloaded", ZIP)
    whole = length(unnoted, ZIP if unnoted == "downloaded" else "")

    run = run_with_room(place, how, before + (whole - 1 if is_short else 0), "downloader")
    assert run.status == 2
    assert run.err.count("\n") == 1
    assert f"not noted: {unnoted} {FIRST}" in run.err

    assert place.download().status == 0
    assert told(JobLog(place.log).replay()) == {FIRST: ("finished", job.status_url, (ZIP,))}
    assert (place.folder / ZIP).read_bytes() == job.results[0].content
    assert [asked.method for asked in peps.asked(Endpoint.RESULT)].count("GET") == 1


# -- logs cut at every byte --------------------------------------------------------------------------------------

Told = dict[str, tuple[str, str, tuple[str, ...]]]  # by job: state, status URL, files
Step = tuple[str, int, str]  # a job, which of the events that can come next, and words for its detail

NEXT = {
    "new": (Event.SUBMITTING,),
    "unsure": (Event.SUBMITTED, Event.SUBMITTED, Event.REJECTED, Event.POSTPONED, Event.SUBMITTING, Event.CANCELLED),
    "open": (Event.DOWNLOADED, Event.MISSING, Event.NOVALD, Event.STALLED, Event.FINISHED, Event.FAILED),
    "rejected": (Event.SUBMITTING,),
    "failed": (Event.SUBMITTING,),
    "cancelled": (Event.SUBMITTING, Event.SUBMITTED),
    "finished": (Event.FINISHED,),
}
STEPS = st.tuples(st.sampled_from([FIRST, SECOND]), st.integers(0, 59), st.text(max_size=20))


class Life:
    """Events that can come one after the other."""

    def __init__(self) -> None:
        self.number = 0

    def next_event(self, jobs: Told, step: Step) -> tuple[Event, str, str]:
        """Return an event that can come now."""
        job, choice, words = step
        self.number += 1
        events = NEXT[jobs.get(job, ("new",))[0]]
        event = events[choice % len(events)]
        name = f"SENTINEL2A_20190301-105426-{self.number:03}_L2A_T31TCJ_D.zip"
        details = {
            Event.SUBMITTING: "",
            Event.SUBMITTED: URL.format(self.number),
            Event.DOWNLOADED: name,
            Event.NOVALD: f"NOVALD_{name}",
            Event.MISSING: f"{name} absent {words}",
            Event.STALLED: "24",
        }
        return event, job, details.get(event, words)


TURNS = {Event.SUBMITTING, Event.SUBMITTED, Event.REJECTED, Event.FINISHED, Event.FAILED, Event.CANCELLED}
Happened = tuple[Event, str, str]


def tell(events: list[Happened]) -> Told:
    """Return what a log tells of these events, by a replay of our own."""
    return {job: known for job in {name: None for _, name, _ in events} if (known := tell_of(job, events))}


def tell_of(job: str, events: list[Happened]) -> tuple[str, str, tuple[str, ...]] | None:
    own: list[tuple[Event, str]] = []
    for event, name, detail in events:
        turns = [place for place, (earlier, _) in enumerate(own) if earlier in TURNS]
        if name == job and event is not Event.POSTPONED:
            own.append((event, detail))
        elif name == job and turns and own[turns[-1]][0] is Event.SUBMITTING:
            del own[turns[-1] :]
    state, url = "unsure", ""
    files: tuple[str, ...] = ()
    for event, detail in own:
        if event in {Event.SUBMITTING, Event.SUBMITTED}:
            is_open = event is Event.SUBMITTED and detail.endswith(".xml")
            state, url, files = ("open", detail, ()) if is_open else ("unsure", "", ())
        elif event is Event.DOWNLOADED:
            files = (*files, detail)
        elif event in TURNS:
            state = event.value
    return (state, url, files) if own else None


def what_counts_of(event: Happened, line: bytes) -> Happened | None:
    """Return the event as the last line tells it, after a crash that may have cut it: None if it counts no more."""
    columns = line.decode(errors="replace").split("\t")
    is_file_cut = event[0] in {Event.DOWNLOADED, Event.NOVALD} and not columns[-1].endswith(".zip")
    return None if len(columns) < 4 or is_file_cut else (*event[:2], columns[3])


def told(jobs: Jobs) -> Told:
    return {name: (job.state.value, job.status_url, tuple(job.files)) for name, job in jobs.items()}


@settings(deadline=None, max_examples=40, database=None)
@given(st.lists(STEPS, max_size=12))
def test_a_log_cut_at_any_byte_tells_what_its_complete_lines_tell(steps: list[Step]) -> None:
    life = Life()
    events: list[Happened] = []
    ends = [0]
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        log = JobLog(Path(folder) / "peps_maja.log")
        for step in steps:
            events.append(life.next_event(tell(events), step))
            log.append(*events[-1])
            ends.append(log.path.stat().st_size)
        whole = log.path.read_bytes() if steps else b""
    for number, (event, begin, end) in enumerate(zip(events, ends, ends[1:], strict=False)):
        for cut in range(begin, end):
            counts = what_counts_of(event, whole[:cut].rpartition(b"\n")[2])
            expected = tell([*events[:number], *([counts] if counts else [])])
            assert told(Jobs.replay(whole[:cut].decode(errors="replace"))) == expected, whole[:cut]


def live_with_crashes(steps: list[tuple[Step, int]]) -> None:
    """Append one event after the other, each append losing so many of its last bytes; look at the log each time.

    A torn event counts from its fourth column on, and adds nothing before; but where the note that a line was torn is
    torn away itself, a job that it names may be unsure: that is the safe side.
    """
    life = Life()
    events: list[Happened] = []
    now: Told = {}
    lines = []
    torn: set[str] = set()
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        path = Path(folder) / "peps_maja.log"
        for step, lost in steps:
            log = JobLog(path)
            event = life.next_event(now, step)
            before = path.stat().st_size if path.exists() else 0
            log.append(*event)
            whole = path.read_bytes()
            os.truncate(path, max(before, len(whole) - lost))
            if counts := what_counts_of(event, path.read_bytes()[before:].removesuffix(b"\n").rpartition(b"\n")[2]):
                events.append(counts)
            else:
                torn.add(event[1])
            if not lost:
                lines.append(whole.split(b"\n")[-2])
            now, expected = told(JobLog(path).replay()), tell(events)
            unsure = {name: ("unsure", "", ()) for name in now if name in torn and name not in expected}
            if torn:
                assert states(now) == states(expected | unsure), path.read_bytes()
            else:
                assert now == expected, path.read_bytes()
        if steps:
            written = iter(path.read_bytes().split(b"\n")[:-1])
            assert all(line in written for line in lines), "a whole line was swallowed"


def states(jobs: Told) -> dict[str, str]:
    return {name: state for name, (state, *_) in jobs.items()}


LOST = st.one_of(st.just(0), st.integers(1, 200))


@settings(deadline=None, max_examples=60, database=None)
@given(st.lists(st.tuples(STEPS, LOST, STEPS), max_size=8))
@example(
    [((SECOND, 0, ""), 0, (FIRST, 0, "")), ((FIRST, 0, ""), 1, (FIRST, 4, "")), ((SECOND, 0, ""), 0, (FIRST, 3, ""))]
)
def test_an_append_after_a_torn_one_loses_and_merges_nothing(steps: list[tuple[Step, int, Step]]) -> None:
    live_with_crashes([each for torn, lost, whole in steps for each in ((torn, lost), (whole, 0))])


@pytest.mark.parametrize("earlier", [0, 1], ids=["submitting", "submitted"])
def test_an_append_after_a_torn_one_may_be_torn_at_any_byte(earlier: int) -> None:
    step: Step = (FIRST, 0, "")
    neighbour: Step = (SECOND, 0, "")
    for lost in (1, 2, 40):
        for lost_then in range(1, 150):
            torn = [(step, lost), (step, lost_then)]
            live_with_crashes([(step, 0)] * earlier + [(neighbour, 0), *torn, (step, 0), (neighbour, 0)])


@settings(deadline=None, max_examples=60, database=None)
@given(st.lists(st.tuples(STEPS, LOST), max_size=12))
def test_appends_torn_one_after_the_other_lose_and_merge_nothing(steps: list[tuple[Step, int]]) -> None:
    live_with_crashes(steps)


# -- in company --------------------------------------------------------------------------------------------------

APPENDER = """
import sys
from pathlib import Path
from peps_maja.joblog.log import JobLog
from peps_maja.joblog.events import Event
for number in range(200):
    JobLog(Path(sys.argv[1])).append(Event.FAILED, sys.argv[2], f"{number}:" + "x" * number)
"""


def test_four_processes_append_whole_lines_to_a_new_log(tmp_path: Path) -> None:
    log = tmp_path / "peps_maja.log"
    writers = [subprocess.Popen([sys.executable, "-c", APPENDER, log, f"job{number}"], cwd=ROOT) for number in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    header, *lines = log.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    assert header == HEADER
    assert len(lines) == 800
    assert all(LINE.fullmatch(line) for line in lines)
    for number in range(4):
        own = [line.split("\t")[3] for line in lines if line.split("\t")[2] == f"job{number}"]
        assert own == [f"{size}:" + "x" * size for size in range(200)]


def test_both_scripts_work_beside_each_other_on_one_log(place: Place, peps: Sandbox) -> None:
    place.write_log((WHEN, "submitted", SECOND, peps.add_job(SECOND).status_url))
    peps.faults.add(Fault(Endpoint.EXECUTE, Delay(0.1), times=None))
    patiently = {"PEPS_TIMEOUT": "30"}
    rounds = []
    search = ["-t", TILE, "-d", "2019-04-01", "--limit", "6", "-q"]
    with place.start("process", *search, **patiently) as submitting:
        while submitting.poll() is None:
            rounds.append(place.download("-q", **patiently))
        _, err = submitting.communicate()
    assert submitting.returncode == 0, err
    rounds.append(place.download("-q", **patiently))
    assert {run.status for run in rounds} <= {0, 1}, [run.err for run in rounds]
    assert len(peps.executed) == 6
    lines = [line for line in place.log.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert all(LINE.fullmatch(line) for line in lines)
    assert Counter(job for _, job, _ in place.events("submitting")) == Counter(peps.executed)
    assert Counter(job for _, job, _ in place.events("submitted")) == Counter([SECOND, *peps.executed])
    assert Counter(job for _, job, _ in place.events("finished", "failed")) == Counter([SECOND, *peps.executed])
    assert place.zips() == sorted(file for _, _, file in place.events("downloaded"))
