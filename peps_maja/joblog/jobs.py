"""The jobs of a log, and where each stands by its events.

A job's state is what its lines say, from the top, in the order of the lines and never of the clock: machines differ.
The times of lines only tell for how long something lasts, and one that cannot be right is not used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import cached_property

from peps_maja.joblog.details import Offer, is_status_url, wps_id
from peps_maja.joblog.events import ABSENT, BACK, BROKEN, DOWNLOADED, DROPPED, ENDS, NO_RESULTS, Event, Source, State
from peps_maja.joblog.lines import History, histories_of
from peps_maja.products.names import L1CProduct, L2AProduct
from peps_maja.products.series import Series

_PER_CENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,9})?")
UNSURE_FOR_LONG = timedelta(hours=1)


@dataclass
class Missing:
    """A result that could not be fetched: since when and when last (None if no time can be right), and why."""

    since: datetime | None
    last: datetime | None
    kind: str
    reason: str


@dataclass
class Job:
    """One job as the log has it. `files` are the names under which its zips were saved."""

    name: str
    state: State = State.UNSURE
    detail: str = ""
    plan: str = ""
    status_url: str = ""
    offer: Offer | None = None  # of a product that Theia has
    begun_at: datetime | None = None  # the time of its `submitting`, or of what else made it unsure
    submitted_at: datetime | None = None
    stalled: bool = False
    files: list[str] = field(default_factory=list)
    novald: list[str] = field(default_factory=list)
    missing: dict[str, Missing] = field(default_factory=dict)
    earlier_files: list[str] = field(default_factory=list)  # of earlier submissions of this job
    came: dict[str, str] = field(default_factory=dict, compare=False)  # the time at which each file was downloaded
    is_damaged: bool = False  # a line of it cannot be read
    has_failed_before: bool = False  # or was cancelled by the server, in an earlier submission

    @property
    def source(self) -> Source:
        """Who makes the product."""
        return Source.THEIA if self.offer else Source.PEPS

    @property
    def address(self) -> str:
        """What differs from one submission of the job to another: its status URL, or where its zip is."""
        return self.offer.address if self.offer else self.status_url

    @property
    def wps_id(self) -> str:
        """The id that WPS gave the job, or an empty text."""
        return wps_id(self.status_url) if self.status_url else ""

    @property
    def mark(self) -> str:
        """Eight characters for a file name, if another job has the same: of its WPS id, or of Theia's zip."""
        return self.offer.mark if self.offer else self.wps_id[:8]

    @property
    def clouds(self) -> float | None:
        """The clouds of its product in per cent, as the catalogue had them when it was submitted or taken."""
        if self.offer:
            return self.offer.clouds
        return float(self.plan) if _PER_CENT.fullmatch(self.plan) else None

    @property
    def orbit(self) -> int | None:
        """The relative orbit, where its name or the log tells it."""
        named = L1CProduct.parse(self.name) or Series.parse(self.name)
        return named.orbit if named else (self.offer.orbit if self.offer else None)

    @property
    def delivered(self) -> tuple[L2AProduct, ...]:
        """The products that came of it, also of its earlier submissions, and those too cloudy to be valid."""
        names = (*self.earlier_files, *self.files, *self.novald)
        return tuple(product for name in names if (product := L2AProduct.find(name)))

    @property
    def has_ended(self) -> bool:
        """Whether the server refused it, failed over it or cancelled it (not the user)."""
        return self.state in {State.REJECTED, State.FAILED, State.CANCELLED} and not self.was_dropped

    @property
    def is_going_on(self) -> bool:
        """Whether it may still deliver anything of what it is to process."""
        return self.state in {State.OPEN, State.UNSURE}

    @property
    def was_dropped(self) -> bool:
        """Whether the user does not want this job any more."""
        return self.state is State.CANCELLED and self.detail == DROPPED

    @property
    def standing(self) -> str:
        """The state as people read it: a job that the user dropped was not cancelled by anyone else."""
        return "dropped" if self.was_dropped else self.state.value

    def own_file_name(self, name: str) -> str:
        """Return the second choice for a zip whose `name` another job's result has already."""
        return f"{name.removesuffix('.zip')}.{self.mark}.zip"

    def result_name(self, file: str) -> str:
        """Return the name of the result that a file of this job holds."""
        stem = file.removesuffix(f".{self.mark}.zip")
        return file if stem == file else f"{stem}.zip"

    def file_of(self, name: str) -> str | None:
        """Return the name of the file that holds the result `name`, or None if it was not downloaded."""
        return next((file for file in (name, self.own_file_name(name)) if file in self.files), None)

    def has_dealt_with(self, name: str) -> bool:
        """Return True if the result `name` is downloaded or known to be too cloudy."""
        return name in self.novald or self.file_of(name) is not None

    def came_at(self, file: str) -> datetime | None:
        """Return when a file was downloaded; None if the log has no time that can be right."""
        return _believed(self.came.get(file, ""), self)

    def open_for(self) -> timedelta:
        """Return how long ago the job was submitted, if it is open and the log says when."""
        if self.state is not State.OPEN or self.submitted_at is None:
            return timedelta(0)
        return datetime.now(timezone.utc) - self.submitted_at

    def unsure_for(self) -> timedelta:
        """Return for how long the job is unsure; UNSURE_FOR_LONG if the log has no time that can be right."""
        now = datetime.now(timezone.utc)
        return now - self.begun_at if self.begun_at and self.begun_at <= now else UNSURE_FOR_LONG


class Jobs(Mapping[str, Job]):
    """The jobs of a log by name. Each is replayed when it is asked for, for most jobs of a long log are never."""

    def __init__(self, histories: dict[str, History], damaged: Sequence[int] = ()) -> None:
        """Take the events of each job, and the numbers of the lines that are neither events nor comments."""
        self.damaged = damaged
        self._histories = histories
        self._jobs: dict[str, Job] = {}

    @classmethod
    def replay(cls, text: str) -> Jobs:
        """Return the jobs of a log, given its text, in the order of their first lines."""
        return cls(*histories_of(text))

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
        """What to tell the user of the damaged lines; an empty text if there are none."""
        if not self.damaged:
            return ""
        lines = f"line {self.damaged[0]}"
        if len(self.damaged) > 1:
            lines = f"{len(self.damaged)} lines, the first of them {lines},"
        return (
            f"{lines} cannot be read as events (four columns with a tab between), as an editor or a spreadsheet may"
            " leave them: the products named there are not submitted again; restore the log from a copy if you can"
        )

    def in_state(self, *states: State) -> list[Job]:
        """Return the jobs that stand in one of these states."""
        ends = {event for event, state in ENDS.items() if state not in states}
        candidates = [name for name, event in self._last_events.items() if event not in ends]
        return [job for name in candidates if (job := self[name]).state in states]

    def count(self) -> Counter[str]:
        """Return how many jobs stand in which state; dropped ones are counted as such."""
        last = Counter(self._last_events.values())
        ends = {event: state for event, state in ENDS.items() if state is not State.CANCELLED}
        counts = Counter({state.value: last[event] for event, state in ends.items() if last[event]})
        return counts + Counter(self[name].standing for name, event in self._last_events.items() if event not in ends)

    def owners(self) -> dict[str, str]:
        """Return the names of all files that were downloaded, each with the name of its job."""
        rows = (line.split("\t") for lines in self._histories.values() for line in lines)
        return {detail: name for _, event, name, detail in rows if event == DOWNLOADED}

    @cached_property
    def _last_events(self) -> dict[str, str]:
        return {name: lines[-1].split("\t", 2)[1] for name, lines in self._histories.items()}


def _job(name: str, lines: History) -> Job:
    job = Job(name)
    for line in lines:
        moment, event, _, detail = line.split("\t")
        job = _after(job, moment, event, detail)
    return job


def _after(job: Job, moment: str, event: str, detail: str) -> Job:
    """Return the job after one event; each submission, and each `available`, begins a new one."""
    if event in {Event.SUBMITTING, Event.SUBMITTED, Event.AVAILABLE}:
        return _begun(job, moment, event, detail)
    if event in ENDS:
        job.state, job.detail = ENDS[event], detail
    elif event in {Event.NOVALD, Event.DOWNLOADED}:
        (job.novald if event == Event.NOVALD else job.files).append(detail)
        job.came[detail] = moment
        still = [name for name in job.missing if name != NO_RESULTS and not job.has_dealt_with(name)]
        job.missing = {name: job.missing[name] for name in still}
    elif event == Event.MISSING:
        _add_missing(job, moment, detail)
    elif event == Event.STALLED:
        job.stalled = True
    elif not event and job == Job(job.name):
        job.begun_at, job.is_damaged = _when(moment), True
    return job


def _begun(earlier: Job, moment: str, event: str, detail: str) -> Job:
    job = Job(earlier.name, begun_at=_when(moment), earlier_files=[*earlier.earlier_files, *earlier.files])
    job.came = earlier.came
    has_failed = earlier.state in {State.FAILED, State.CANCELLED} and not earlier.was_dropped
    job.has_failed_before = earlier.has_failed_before or has_failed
    if event == Event.AVAILABLE:
        job.state, job.offer = State.OPEN, Offer.parse(detail)
    elif event == Event.SUBMITTING:
        job.plan = detail
    else:
        job.plan = earlier.plan
        if is_status_url(detail):
            job.state, job.status_url, job.submitted_at = State.OPEN, detail, job.begun_at
    return job


def _add_missing(job: Job, moment: str, detail: str) -> None:
    """Note a missing result; a detail without `absent` or `broken` in it says nothing."""
    words = detail.split(" ")
    if words == [NO_RESULTS, BACK]:
        job.missing.pop(NO_RESULTS, None)
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
    if when is None or when > now or (job.begun_at is not None and when < job.begun_at <= now):
        return None
    return when


def _when(moment: str) -> datetime | None:
    try:
        return datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
