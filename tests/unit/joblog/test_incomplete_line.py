"""Logs cut at every byte, as by a machine that lost power: what is left, and what is appended after it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from peps_maja.joblog.events import Event
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.log import JobLog

FIRST = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
SECOND = "S2B_MSIL1C_20190306T103252_N0207_R051_T31TCJ_20190306T135417"
URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-{:012}.xml"
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 (spares the disk thousands of syncs)
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
@pytest.mark.slow
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
def test_an_append_after_an_incomplete_line_loses_and_merges_nothing(steps: list[tuple[Step, int, Step]]) -> None:
    live_with_crashes([each for torn, lost, whole in steps for each in ((torn, lost), (whole, 0))])


@pytest.mark.parametrize("earlier", [0, 1], ids=["submitting", "submitted"])
def test_an_append_after_an_incomplete_line_cut_at_any_byte(earlier: int) -> None:
    step: Step = (FIRST, 0, "")
    neighbour: Step = (SECOND, 0, "")
    for lost in (1, 2, 40):
        for lost_then in range(1, 150):
            torn = [(step, lost), (step, lost_then)]
            live_with_crashes([(step, 0)] * earlier + [(neighbour, 0), *torn, (step, 0), (neighbour, 0)])


@settings(deadline=None, max_examples=60, database=None)
@given(st.lists(st.tuples(STEPS, LOST), max_size=12))
def test_incomplete_lines_one_after_the_other_lose_and_merge_nothing(steps: list[tuple[Step, int]]) -> None:
    live_with_crashes(steps)
