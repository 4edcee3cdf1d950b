"""The jobs of a log, replayed from its text: what was submitted, what is open, what is done. Touches nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
UNSURE_FOR_LONG = timedelta(hours=1)
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

    UNSURE = "unsure"  # a request left, and no answer is known; or only damaged lines or unknown events name the job
    OPEN = "open"
    REJECTED = "rejected"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


# Compared once a line, and a text compares faster than an enum's member.
_SUBMITTING, _POSTPONED, _DOWNLOADED = Event.SUBMITTING.value, Event.POSTPONED.value, Event.DOWNLOADED.value
_EVENTS = frozenset(event.value for event in Event)
_ENDS = {
    Event.REJECTED.value: State.REJECTED,
    Event.FINISHED.value: State.FINISHED,
    Event.FAILED.value: State.FAILED,
    Event.CANCELLED.value: State.CANCELLED,
}
_TURNS = frozenset({*_ENDS, _SUBMITTING, _POSTPONED, Event.SUBMITTED.value})

_NAMES = re.compile(
    r"S2[A-D]_MSIL1C_\d{8}T\d{6}_N\d{4}_R\d{3}_T\d\d[A-Z]{3}_\d{8}T\d{6}"
    r"|\d\d[A-Z]{3}_\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d(?:_R\d{3})?"
    r"|SENTINEL2[A-D]_[\d-]+_L2A_",
    re.ASCII,
)
# What a crash leaves of an event. With its fourth column begun it counts as it is, unless that is a file's name.
_PIECE = re.compile(r"[-0-9T:Z]{1,20}(?:(?:\t[^\t\n]*){0,2}|\t(?:downloaded|novald)\t[^\t\n]*\t[^\t\n]*(?<!\.zip))")
_LONGEST_LINES = 200_000  # characters

ABSENT, BROKEN = "absent", "broken"
NO_RESULTS = "-"  # stands for the name of a result where a job has none: for one of these two reasons
NONE_NAMED, NO_REPORT = "no results", "no report"


@dataclass
class Missing:
    """A result that could not be had: since when and when last (as far as the times can be true), and why."""

    since: datetime | None
    last: datetime | None
    kind: str
    reason: str


@dataclass
class Job:
    """One job as the log tells it. `files` are the names under which its zips were saved."""

    name: str
    state: State = State.UNSURE
    detail: str = ""
    plan: str = ""
    status_url: str = ""
    begun_at: datetime | None = None  # the time of its `submitting`, or of what else made it unsure
    submitted_at: datetime | None = None
    stalled: bool = False
    files: list[str] = field(default_factory=list)
    novald: list[str] = field(default_factory=list)
    missing: dict[str, Missing] = field(default_factory=dict)
    earlier_files: list[str] = field(default_factory=list)  # of earlier submissions of this job
    has_failed_before: bool = False  # or was cancelled by the server, in an earlier submission

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

    def unsure_for(self) -> timedelta:
        """Return for how long the job is unsure; long enough, if the log tells no time that can be right."""
        now = datetime.now(timezone.utc)
        return now - self.begun_at if self.begun_at and self.begun_at <= now else UNSURE_FOR_LONG


_History = list[str]  # the lines of one job, each of four columns


class Jobs(Mapping[str, Job]):
    """The jobs of a log by name. Each is put together when it is asked for: most of a long log is done with."""

    def __init__(self, histories: dict[str, _History], damaged: Sequence[int] = ()) -> None:
        """Take the events of each job, and the numbers of the lines that are neither events nor comments."""
        self.damaged = damaged
        self._histories = histories
        self._jobs: dict[str, Job] = {}

    @classmethod
    def replay(cls, text: str) -> Jobs:
        """Return the jobs that the text of a log tells of, in the order of their first lines."""
        return cls(*_histories(text))

    def __getitem__(self, name: str) -> Job:
        if name not in self._jobs:
            self._jobs[name] = _job(name, self._histories[name])
        return self._jobs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._histories)

    def __len__(self) -> int:
        return len(self._histories)

    @property
    def damage(self) -> str:
        """What to say of the damaged lines, or nothing."""
        if not self.damaged:
            return ""
        which = f"line {self.damaged[0]}"
        if len(self.damaged) > 1:
            which = f"{len(self.damaged)} lines, the first of them {which},"
        return (
            f"{which} cannot be read as events (four columns with a tab between), as an editor or a spreadsheet may"
            " leave them: the products named there are not submitted again; restore the log from a copy if you can"
        )

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


def submissions(text: str) -> dict[str, str | None]:
    """Return the jobs that a piece of a log is about, each with its status URL then: none yet, or None at its end."""
    rows = [line.split("\t") for line in _whole_lines(text)]
    known = [row for row in rows if len(row) == 4 and row[1] in _TURNS and row[0][:1] != "#"]
    found: dict[str, str | None] = {}
    for _, event, name, detail in known:
        is_begun = event in {Event.SUBMITTING, Event.SUBMITTED}
        found[name] = (detail if is_status_url(detail) else "") if is_begun else None
    return found


def _histories(text: str) -> tuple[dict[str, _History], list[int]]:
    """Return the events of each job, and the numbers of the damaged lines."""
    histories: dict[str, _History] = {}
    damaged: list[int] = []
    for number, line in enumerate(_whole_lines(text), 1):
        if line[:1] == "#":
            continue
        columns = line.split("\t")
        name = columns[2] if len(columns) == 4 and columns[1] in _EVENTS else ""
        if name and name not in histories and not _NAMES.fullmatch(name):
            found = _first_name(name)
            name = found if found and _is_of_peps(found) else name  # without a `.SAFE` behind it
        elif not name:
            name = _first_name(line)
            if not _is_damaged(line, name):
                continue
            damaged.append(number)
            if not name:
                continue
            columns = [line[:20].replace("\t", " "), "", name, ""]  # what it says of the job cannot be trusted
            line = "\t".join(columns)  # noqa: PLW2901
        if name not in histories:
            histories[name] = []
        if columns[1] == _POSTPONED:
            _take_back(histories, name)
        else:
            histories[name].append(line)
    return histories, damaged


def _take_back(histories: dict[str, _History], name: str) -> None:
    """Put a job back to where it stood before its `submitting`, if nothing else became of that."""
    events = [line.split("\t", 2)[1] for line in histories[name]]
    last = next((place for place in reversed(range(len(events))) if events[place] in _TURNS), None)
    if last is not None and events[last] == _SUBMITTING:
        del histories[name][last:]
    if not histories[name]:
        del histories[name]


def _first_name(text: str) -> str:
    """Return the first name of a product or series that stands in a text, or nothing."""
    names = (match[0] for match in _NAMES.finditer(text))
    return next((name for name in names if not _is_of_peps(name) or _names_a_job(name)), "")


def _is_of_peps(name: str) -> bool:
    return not name.startswith("SENTINEL2")


def _is_damaged(line: str, name: str) -> bool:
    """Return True for a line that says something, and neither as an event nor as a comment; Theia's do not count."""
    is_comment = line.lstrip(" \"'").startswith("#")
    return not is_comment and (not name or _is_of_peps(name)) and re.search(r"\w", line) is not None


def _whole_lines(text: str) -> list[str]:
    """Return the lines of a log as they were meant, each at its place: empty where a crash has torn one."""
    text = text.replace("\r\n", "\n") if "\r" in text else text  # looking for two signs takes longer
    lines = text.split("\n")
    if is_torn(text):
        lines[-1] = TORN if TORN.startswith(lines[-1]) else ""
    return _without_torn(lines) if TORN in lines else lines


def is_torn(text: str) -> bool:
    """Return True if the text of a log ends in a piece of an event, or of the mark that a piece stands above it."""
    *lines, last = text[-_LONGEST_LINES:].split("\n")
    if last and TORN.startswith(last):  # a second crash, while the first tear was being marked
        last = next((line for line in reversed(lines) if not line or not TORN.startswith(line)), "")
    return _PIECE.fullmatch(last) is not None


def _without_torn(lines: Iterable[str]) -> list[str]:
    """Empty each line that is marked as torn; there is more than one mark where crashes tore the mark itself."""
    whole: list[str] = []
    for is_mark, group in groupby(lines, key=lambda line: bool(line) and TORN.startswith(line)):
        run = list(group)
        if is_mark and TORN in run:
            whole[-1:] = [""]
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
        begun = Job(job.name, begun_at=_when(moment), earlier_files=[*job.earlier_files, *job.files])
        has_failed = job.state in {State.FAILED, State.CANCELLED} and not job.was_dropped
        begun.has_failed_before = job.has_failed_before or has_failed
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
    elif not event and job == Job(job.name):
        job.begun_at = _when(moment)
    return job


def _tell_missing(job: Job, moment: str, detail: str) -> None:
    words = detail.split(" ")
    at = next((place for place, word in enumerate(words) if word in {ABSENT, BROKEN}), None)
    if at is None:
        return
    name, reason = " ".join(words[:at]), " ".join(words[at + 1 :])
    when, known = _believed(moment, job), job.missing.get(name)
    if known is None or (name == NO_RESULTS and reason != known.reason):
        known = Missing(None, None, "", "")
    job.missing[name] = Missing(known.since or when, when or known.last, words[at], reason)


def _believed(moment: str, job: Job) -> datetime | None:
    """Return the time of a line, or None where a clock was wrong: in the future, or before the job's submission."""
    when, now = _when(moment), datetime.now(timezone.utc)
    if when is None or when > now or (job.submitted_at is not None and when < job.submitted_at <= now):
        return None
    return when


def _when(moment: str) -> datetime | None:
    try:
        return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
