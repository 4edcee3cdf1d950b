"""The jobs of a log, and where each stands by its events, in the order of the lines and never of the clock."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone

from peps_maja.joblog.details import Offer, wps_id
from peps_maja.joblog.events import BACK, BEGINNINGS, DROPPED, ENDS, NO_RESULTS, TURNS, Event, Source, State
from peps_maja.joblog.lines import Damaged, Line, read_line
from peps_maja.products.names import L1CProduct, L2AProduct
from peps_maja.products.series import Series

_COMMAND = re.compile(r"# [-0-9]{10}T[0-9:]{8}Z (peps_maja_process\.py .*)")
_PER_CENT = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,9})?")
_MISSING = re.compile(r"(?:(.*?) )?(absent|broken|back)(?: (.*))?")


@dataclass(frozen=True, slots=True)
class Missing:
    """A result that could not be fetched: since when and when last (None if no time can be right), and why."""

    since: datetime | None
    last: datetime | None
    kind: str
    reason: str


@dataclass(slots=True)
class Job:
    """One job as the log has it. `files` are the names under which its zips were saved, and when each came."""

    name: str
    state: State = State.UNSURE
    detail: str = ""  # of the event that ended it
    plan: str = ""  # the detail of its `submitting`
    status_url: str = ""
    offer: Offer | None = None  # of a product that Theia has
    begun_at: datetime | None = None  # the time of its last `submitting`, `submitted` or `available`
    stalled: bool = False
    is_damaged: bool = False  # a damaged line names it
    files: dict[str, datetime | None] = field(default_factory=dict)
    novald: tuple[str, ...] = ()
    missing: dict[str, Missing] = field(default_factory=dict)
    earlier_files: dict[str, datetime | None] = field(default_factory=dict)  # of earlier submissions of this job
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
        return wps_id(self.status_url)

    @property
    def clouds(self) -> float | None:
        """The clouds of its product in per cent, as the catalogue had them when it was submitted or taken."""
        if self.offer:
            return self.offer.clouds
        return float(self.plan) if _PER_CENT.fullmatch(self.plan) else None

    @property
    def orbit(self) -> int | None:
        """The relative orbit, where its name or the log tells it."""
        named = L1CProduct.parse(self.name) or Series.parse(self.name) or self.offer
        return named.orbit if named else None

    @property
    def hours(self) -> float | None:
        """The hours since it was begun; None if the log has no time that can be right."""
        return (datetime.now(timezone.utc) - self.begun_at).total_seconds() / 3600 if self.begun_at else None

    @property
    def standing(self) -> str:
        """The state as people read it: a job that the user dropped was not cancelled by anyone else."""
        return "dropped" if self.state is State.CANCELLED and self.detail == DROPPED else self.state.value

    @property
    def has_ended(self) -> bool:
        """Whether the server refused it, failed over it or cancelled it (not the user)."""
        return self.standing in {"rejected", "failed", "cancelled"}

    @property
    def is_going_on(self) -> bool:
        """Whether it may deliver more than the log says: it is not at its end, or what it delivered cannot be read."""
        return self.state in {State.OPEN, State.UNSURE} or (self.state is State.FINISHED and self.is_damaged)

    @property
    def delivered(self) -> tuple[L2AProduct, ...]:
        """The products that came of it, also of its earlier submissions, and those too cloudy to be valid."""
        names = (*self.earlier_files, *self.files, *self.novald)
        return tuple(product for name in names if (product := L2AProduct.find(name)))

    @property
    def mark(self) -> str:
        """Eight characters for a file name that another job has, too: of its WPS id, or of the MD5 of Theia's zip."""
        of_zip = self.offer and (self.offer.md5 or hashlib.sha256(self.offer.address.encode()).hexdigest())
        return (of_zip or self.wps_id)[:8]

    def own_file_name(self, name: str) -> str:
        """Return the second choice for a zip whose `name` another job's result has already."""
        return f"{name.removesuffix('.zip')}.{self.mark}.zip"

    def result_name(self, file: str) -> str:
        """Return the name of the result that a file of this job holds."""
        stem = file.removesuffix(f".{self.mark}.zip")
        return file if stem == file else f"{stem}.zip"

    def has_dealt_with(self, name: str) -> bool:
        """Return True if the result `name` is downloaded or known to be too cloudy."""
        return name in self.novald or name in self.files or self.own_file_name(name) in self.files


class Jobs(dict[str, Job]):
    """The jobs of a log by name, in the order of their first lines; and what of the log cannot be read."""

    def __init__(self, *jobs: Mapping[str, Job]) -> None:
        super().__init__(*jobs)
        self.damaged: list[int] = []  # numbers of the lines that are neither events nor comments
        self.nameless: list[int] = []  # of these, those of which nobody knows what they are about
        self.pieces: set[str] = set()  # beginnings of names in the damaged lines
        self.commands: list[str] = []  # of searches, as the comments have them

    @classmethod
    def replay(cls, log: str | Iterable[str]) -> Jobs:
        """Return the jobs of a log, given its text or its lines."""
        jobs, before = cls(), dict[str, Job | None]()  # where each stood before a `submitting` that has no answer yet
        for number, line in enumerate(log.split("\n") if isinstance(log, str) else log, 1):
            match read_line(line, jobs):
                case Damaged(names, pieces, is_unclear):
                    jobs.damaged.append(number)
                    jobs.pieces |= pieces
                    jobs.nameless += [] if names or pieces else [number]
                    for name in sorted(names):
                        damaged = jobs.setdefault(name, Job(name))
                        damaged.is_damaged = True
                        damaged.state = State.UNSURE if is_unclear else damaged.state
                        before.pop(name, None)
                case Line(event=Event.POSTPONED, job=name):
                    if earlier := before.get(name):
                        jobs[name] = earlier
                    elif name in before:
                        del jobs[name]
                    before.pop(name, None)
                case Line(event=event, job=name) as read:
                    job = jobs.get(name)
                    if event in BEGINNINGS:
                        jobs[name] = _begun(job or Job(name), read)
                    elif job or not name.startswith("SENTINEL2"):  # of Theia's: where the zip is cannot be read
                        _add_event(job or jobs.setdefault(name, Job(name)), read)
                    if event in TURNS:
                        before.pop(name, None)
                    if event is Event.SUBMITTING:
                        before[name] = job
                case None if command := _COMMAND.match(line):
                    jobs.commands.append(command[1].rstrip())
        return jobs

    @property
    def damage(self) -> str:
        """What to tell the user of the damaged lines; an empty text if there are none."""
        if not self.damaged:
            return ""
        which = f"line {self.damaged[0]}" + (f" and {len(self.damaged) - 1} more" if len(self.damaged) > 1 else "")
        then = "what is named there is not submitted again"
        if self.nameless:
            then = f"line {self.nameless[0]} names no product, so nothing is submitted or taken until it is fixed"
        what = "cannot be read as events (four columns with a tab between)"
        return f"{which} {what}: {then}; restore the log from a copy, or remove what is about no product"

    def may_have(self, name: str) -> bool:
        """Return True if a damaged line has the beginning of this name, and so may be about it."""
        return name.startswith(tuple(self.pieces))

    def in_state(self, *states: State) -> list[Job]:
        """Return the jobs that stand in one of these states."""
        return [job for job in self.values() if job.state in states]

    def owners(self) -> dict[str, str]:
        """Return the names of all files that were downloaded, each with the name of its job."""
        return {file: job.name for job in self.values() for file in (*job.earlier_files, *job.files)}


def _begun(earlier: Job, line: Line) -> Job:
    """Return the job that a submission, or an offer of Theia's, begins."""
    offer = Offer.parse(line.detail) if line.event is Event.AVAILABLE else None
    status_url = line.detail if line.event is Event.SUBMITTED and wps_id(line.detail) else ""
    return Job(
        earlier.name,
        State.OPEN if offer or status_url else State.UNSURE,
        plan=line.detail if line.event is Event.SUBMITTING else earlier.plan,
        status_url=status_url,
        offer=offer,
        begun_at=_time(line.time),
        is_damaged=earlier.is_damaged and line.event is Event.SUBMITTED,
        earlier_files=earlier.earlier_files | earlier.files,
        has_failed_before=earlier.has_failed_before or earlier.standing in {"failed", "cancelled"},
    )


def _add_event(job: Job, line: Line) -> None:
    """Note in a job what happened to it. An event of another name, or one that was cut, changes nothing."""
    event, detail, when = line.event, line.detail, _time(line.time, job.begun_at)
    if event and event in ENDS:
        job.state, job.detail = State(event.value), detail
    elif event is Event.STALLED:
        job.stalled = True
    elif event in {Event.NOVALD, Event.DOWNLOADED} and detail.lower().endswith(".zip"):
        if event is Event.NOVALD:
            job.novald += (detail,)
        else:
            job.files[detail] = when
        still = [name for name in job.missing if name != NO_RESULTS and not job.has_dealt_with(name)]
        job.missing = {name: job.missing[name] for name in still}
    elif event is Event.MISSING and (match := _MISSING.fullmatch(detail)):
        name, word, reason = (part or "" for part in match.groups())
        known = job.missing.pop(name, None) if word == BACK else job.missing.get(name)
        if known is None or (name == NO_RESULTS and reason != known.reason):
            known = Missing(None, None, "", "")
        if word != BACK:
            job.missing[name] = Missing(known.since or when, when or known.last, word, reason)


def _time(moment: str, begun_at: datetime | None = None) -> datetime | None:
    """Return the time of a line, or None where a clock was wrong: in the future, or before the job's submission."""
    try:
        when = datetime.fromisoformat(moment)
        return when if (begun_at or when) <= when <= datetime.now(timezone.utc) else None
    except (ValueError, TypeError):  # no time at all, or one without a zone
        return None
