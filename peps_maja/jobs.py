"""The jobs of a log, replayed from its text: what was submitted, what is open, what is done. Touches nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from functools import cached_property
from itertools import groupby

from .products import L1CProduct
from .series import Series
from .wps import is_status_url, wps_id

HEADER = "# peps_maja job log 1"
TORN = "# the line above was torn by a crash: passed over"
DROPPED = "dropped by the user"
WAY_OUT = (
    'look for it on PEPS\'s page "My processing", then --adopt it if it is there, --resubmit unsure if it is not,'
    " or --drop it"
)


class Event(str, Enum):
    """What can happen to a job. The detail that goes with each stands behind it."""

    SUBMITTING = "submitting"
    SUBMITTED = "submitted"  # status URL
    REJECTED = "rejected"  # reason
    POSTPONED = "postponed"  # reason
    NOVALD = "novald"  # the result's name
    DOWNLOADED = "downloaded"  # file name
    MISSING = "missing"  # the result's name, `absent` or `broken`, reason
    STALLED = "stalled"  # hours
    FINISHED = "finished"
    FAILED = "failed"  # the server's message
    CANCELLED = "cancelled"  # likewise


class State(str, Enum):
    """Where a job stands by the log alone."""

    UNSURE = "unsure"  # a request left, and no answer is known
    OPEN = "open"
    REJECTED = "rejected"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    MENTIONED = "mentioned"  # only events that this version does not know: kept from being submitted again


# Compared once a line, and a text compares faster than an enum's member.
_POSTPONED, _DOWNLOADED = Event.POSTPONED.value, Event.DOWNLOADED.value
_EVENTS = frozenset(event.value for event in Event)
_ENDS = {
    Event.REJECTED.value: State.REJECTED,
    Event.FINISHED.value: State.FINISHED,
    Event.FAILED.value: State.FAILED,
    Event.CANCELLED.value: State.CANCELLED,
}

ABSENT, BROKEN = "absent", "broken"
NO_RESULTS = "-"  # stands for the name of a result where a finished job has none


@dataclass
class Missing:
    """A result that could not be had: since when, when last, and why."""

    since: datetime
    last: datetime
    kind: str
    reason: str


@dataclass
class Job:
    """One job as the log tells it. `files` are the names under which its zips were saved."""

    name: str
    state: State = State.MENTIONED
    detail: str = ""
    plan: str = ""
    status_url: str = ""
    submitted_at: datetime | None = None
    stalled: bool = False
    files: list[str] = field(default_factory=list)
    novald: list[str] = field(default_factory=list)
    missing: dict[str, Missing] = field(default_factory=dict)
    earlier_files: list[str] = field(default_factory=list)  # of earlier submissions of this job

    @property
    def wps_id(self) -> str:
        """The id that WPS gave the job, or an empty text."""
        return wps_id(self.status_url) if self.status_url else ""

    @property
    def was_dropped(self) -> bool:
        """Whether the user does not want this job any more."""
        return self.state is State.CANCELLED and self.detail == DROPPED

    @property
    def standing(self) -> str:
        """The state as people read it: a job that the user dropped was not cancelled by anyone else."""
        return "dropped" if self.was_dropped else self.state.value

    def own_file_name(self, name: str) -> str:
        """Return the second choice for a zip whose `name` another job's result bears already."""
        return f"{name.removesuffix('.zip')}.{self.wps_id[:8]}.zip"

    def result_name(self, file: str) -> str:
        """Return the name of the result that a file of this job holds."""
        stem = file.removesuffix(f".{self.wps_id[:8]}.zip")
        return file if stem == file else f"{stem}.zip"

    def file_of(self, name: str) -> str | None:
        """Return the name of the file that holds the result `name`, or None if it was not downloaded."""
        return next((file for file in (name, self.own_file_name(name)) if file in self.files), None)

    def has_dealt_with(self, name: str) -> bool:
        """Tell whether the result `name` is downloaded or known to be too cloudy."""
        return name in self.novald or self.file_of(name) is not None

    def open_for(self) -> timedelta:
        """Return how long ago the job was submitted, if it is open and the log tells when."""
        if self.state is not State.OPEN or self.submitted_at is None:
            return timedelta(0)
        return datetime.now(timezone.utc) - self.submitted_at


_History = list[str]  # the lines of one job, each of four columns


class Jobs(Mapping[str, Job]):
    """The jobs of a log by name. Each is put together when it is asked for: most of a long log is done with."""

    def __init__(self, histories: dict[str, _History]) -> None:
        self._histories = histories
        self._jobs: dict[str, Job] = {}

    @classmethod
    def replay(cls, text: str) -> Jobs:
        """Return the jobs that the text of a log tells of, in the order of their first lines."""
        return cls(_histories(text))

    def __getitem__(self, name: str) -> Job:
        if name not in self._jobs:
            self._jobs[name] = _job(name, self._histories[name])
        return self._jobs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._histories)

    def __len__(self) -> int:
        return len(self._histories)

    def in_state(self, *states: State) -> list[Job]:
        """Return the jobs that stand in one of these states."""
        ends = {event for event, state in _ENDS.items() if state not in states}
        candidates = [name for name, event in self._last_events.items() if event not in ends]
        return [job for name in candidates if (job := self[name]).state in states]

    def count(self) -> Counter[str]:
        """Return how many jobs stand in which state; dropped ones are counted as such."""
        last = Counter(self._last_events.values())
        surely = {event: state for event, state in _ENDS.items() if state is not State.CANCELLED}
        counts = Counter({state.value: last[event] for event, state in surely.items() if last[event]})
        return counts + Counter(self[name].standing for name, event in self._last_events.items() if event not in surely)

    def owners(self) -> dict[str, str]:
        """Return the names of all files that were downloaded, each with the name of its job."""
        rows = (line.split("\t") for lines in self._histories.values() for line in lines)
        return {detail: name for _, event, name, detail in rows if event == _DOWNLOADED}

    @cached_property
    def _last_events(self) -> dict[str, str]:
        return {name: lines[-1].split("\t", 2)[1] for name, lines in self._histories.items()}


def _histories(text: str) -> dict[str, _History]:
    """Return the events of each job; what is torn or no event is passed over."""
    histories: dict[str, _History] = {}
    for line in _whole_lines(text):
        columns = line.split("\t")
        if len(columns) != 4 or columns[1] not in _EVENTS or not columns[2]:
            columns = _what_is_named(columns)
            line = "\t".join(columns)  # noqa: PLW2901 (mended)
        name = columns[2]
        if not name or line[0] == "#":
            continue
        if columns[1] == _POSTPONED:
            histories.pop(name, None)
        elif name in histories:
            histories[name].append(line)
        else:
            histories[name] = [line]
    return histories


def _what_is_named(columns: list[str]) -> list[str]:
    """Return four columns for a line that has more or fewer, or an unknown event: a job that it names is kept."""
    name = next((column for column in columns[1:] if _names_a_job(column)), "")
    is_event = len(columns) >= 3 and columns[1] in _EVENTS and columns[2] == name
    return [columns[0], columns[1] if is_event else "", name, columns[3] if is_event and len(columns) > 3 else ""]


def _whole_lines(text: str) -> list[str]:
    """Return the lines of a log as they were meant: without what a crash has torn, and whatever ends them."""
    lines = (text.replace("\r\n", "\n") if "\r" in text else text).split("\n")  # looking for two signs takes longer
    torn = lines.pop()  # what stands behind the last line end: nothing, or a torn line
    if torn and TORN.startswith(torn):
        lines.append(TORN)  # a second crash, while the first tear was being marked
    return _without_torn(lines) if TORN in lines else lines


def _without_torn(lines: Iterable[str]) -> list[str]:
    """Leave out each line that is marked as torn, and the marks: more than one where crashes tore the mark itself."""
    whole: list[str] = []
    for is_mark, group in groupby(lines, key=lambda line: bool(line) and TORN.startswith(line)):
        run = list(group)
        if is_mark and TORN in run:
            del whole[-1:]
        else:
            whole += run
    return whole


def _names_a_job(text: str) -> bool:
    return L1CProduct.parse(text) is not None or Series.parse(text) is not None


def _job(name: str, lines: _History) -> Job:
    job = Job(name)
    for line in lines:
        moment, event, _, detail = line.split("\t")
        job = _after(job, moment, event, detail)
    return job


def _after(job: Job, moment: str, event: str, detail: str) -> Job:
    """Return the job after one event; a new submission begins it afresh."""
    if event in {Event.SUBMITTING, Event.SUBMITTED}:
        begun = Job(job.name, State.UNSURE, earlier_files=[*job.earlier_files, *job.files])
        begun.plan = detail if event == Event.SUBMITTING else job.plan
        if event == Event.SUBMITTED and is_status_url(detail):
            begun.state, begun.status_url, begun.submitted_at = State.OPEN, detail, _when(moment)
        return begun
    if event in _ENDS:
        job.state, job.detail = _ENDS[event], detail
    elif event in {Event.NOVALD, Event.DOWNLOADED}:
        (job.novald if event == Event.NOVALD else job.files).append(detail)
        job.missing = {
            name: gone for name, gone in job.missing.items() if name != NO_RESULTS and not job.has_dealt_with(name)
        }
    elif event == Event.MISSING:
        _tell_missing(job, moment, detail)
    elif event == Event.STALLED:
        job.stalled = True
    return job


def _tell_missing(job: Job, moment: str, detail: str) -> None:
    words = detail.split(" ")
    at = next((place for place, word in enumerate(words) if word in {ABSENT, BROKEN}), None)
    when = _when(moment)
    if at is None or when is None:
        return
    name, reason = " ".join(words[:at]), " ".join(words[at + 1 :])
    known = job.missing.get(name)
    job.missing[name] = Missing(known.since if known else when, when, words[at], reason)


def _when(moment: str) -> datetime | None:
    try:
        return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
