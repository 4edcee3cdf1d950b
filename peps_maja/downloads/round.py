"""A round over the open jobs: ask all where they stand, fetch what is wanted of what they listed, conclude each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from threading import Event as Flag
from threading import Semaphore

from peps_maja.console import Console, Meter
from peps_maja.downloads import WORKER
from peps_maja.downloads.asking import ENDS_ROUND, Silence, as_they_end, ask_all, at_once, error_of
from peps_maja.downloads.concluding import OpenJob
from peps_maja.downloads.fetching import NO_WHOLE_ZIP, Fetched, NoZip, Wanted, fetch
from peps_maja.downloads.notes import Notes
from peps_maja.downloads.service import Connect, JobReport, Service
from peps_maja.errors import Broken, Forbidden, NotThere, PepsError, QuotaReached, Status, worst
from peps_maja.joblog.events import ABSENT, BROKEN, Event, Source, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.joblog.log import JobLog


@dataclass(frozen=True)
class Outcome:
    """How a round went; `troubles` are what it could not do and a person must know, each in a line."""

    status: Status
    reports: Mapping[str, JobReport]  # by the names of the jobs
    troubles: Sequence[str]
    stuck: frozenset[str]  # the jobs that cannot go on without a person
    has_closed_jobs: bool


class _Stopped(PepsError):
    """The service is asked no more: this download was not begun."""


@dataclass
class Rounds:
    """Goes over the open jobs of a log, once for each `run`, until a monotonic time.

    Downloads so many zips of a service at once into `folder`.
    """

    connect: Connect
    log: JobLog
    folder: Path
    console: Console
    advise: Callable[[Job, Event], str]  # what to do about a job that has come to this
    downloads: int
    leave_at: float = inf
    noted: Callable[[Path], None] = lambda _: None  # is given each zip once it is noted as `downloaded`
    _told: set[str] = field(default_factory=set)
    _resting: dict[Source, tuple[float, PepsError]] = field(default_factory=dict)  # not asked before that time

    def run(self, jobs: Jobs) -> Outcome:
        """Ask every open job where it stands, fetch what is finished, and return how that went. Raises LogError."""
        notes = Notes(self.log, self.console, self.advise, self.noted, jobs.owners(), self._told)
        of_source: dict[Source, list[Job]] = {}
        for job in jobs.in_state(State.OPEN):
            of_source.setdefault(job.source, []).append(job)
        threads = ThreadPoolExecutor(len(Source), WORKER)  # none holds up another
        turns = {threads.submit(self._serve, source, of_source[source], notes) for source in of_source}
        reports: dict[str, JobReport] = {}
        try:
            for turn in as_they_end(turns):
                reports |= turn.result()
        finally:
            notes.is_over = True
            threads.shutdown(wait=all(turn.done() for turn in turns))
        if time.monotonic() >= self.leave_at:
            notes.statuses.append(Status.TRY_LATER)
        return Outcome(worst(notes.statuses), reports, notes.troubles, frozenset(notes.stuck), notes.has_closed_jobs)

    def _serve(self, source: Source, jobs: Sequence[Job], notes: Notes) -> dict[str, JobReport]:
        """Do the three phases for the jobs of one service, and return their reports."""
        until, error = self._resting.get(source, (0.0, None))
        if error and time.monotonic() < until:
            notes.statuses.append(error.status)
            notes.troubles.append(str(error))
            notes.stuck |= {job.name for job in jobs if until == inf}
            return {}
        try:
            service = self.connect(source)
        except PepsError as error:
            self._end(source, jobs, error, 0, notes)
            return {}
        answers = ask_all(service, jobs, self.leave_at)
        for job in jobs:
            if problem := answers.problems.get(job.name):
                notes.trouble(problem, job)
        reports = answers.reports
        open_jobs = [OpenJob(job, reports[job.name], service.name, notes) for job in jobs if job.name in reports]
        for each in open_jobs:
            each.begin()
        end = answers.end or self._fetch_all(service, open_jobs, notes)
        for each in open_jobs:
            each.conclude()
        if end:
            self._end(source, jobs, end, service.quota_lasts, notes)
        return reports

    def _fetch_all(self, service: Service, open_jobs: Sequence[OpenJob], notes: Notes) -> PepsError | None:
        """Fetch what is wanted, so many transfers at once, and note each as it comes; return what ended that early."""
        line, no_more, silence = Semaphore(self.downloads), Flag(), Silence()
        end: PepsError | None = None
        no_zips: list[tuple[OpenJob, str, PepsError]] = []
        is_well = False

        @contextmanager
        def transfer(final: Path) -> Iterator[Meter]:
            with line, self.console.meter(final.name) as meter:
                if no_more.is_set():
                    raise _Stopped(f"{final}: not begun")
                try:
                    yield meter
                except ENDS_ROUND:
                    no_more.set()  # before the next transfer has the line
                    raise

        def work(item: tuple[OpenJob, str, Wanted]) -> Fetched:
            return fetch(service.client, item[2], self.folder, transfer)

        wanted = (
            (each, name, each.wanted(name))
            for each in open_jobs
            for name in each.results
            if each.job not in silence and each.wants(name)
        )
        # Twice as many threads as transfers: each zip is checked while the next one comes.
        done = at_once(2 * self.downloads, work, wanted, no_more, leave_at=self.leave_at, grace=inf)
        for (each, name, _), fetched in done:
            error = error_of(fetched)
            if not isinstance(error, _Stopped) and silence.ends(each.job, error):
                end = end or error
                no_more.set()
                continue
            match error:
                case None:
                    is_well |= fetched.result().is_new
                    each.note_file(name, fetched.result())
                case NotThere() | Forbidden():
                    each.note_missing(name, ABSENT, str(error))
                case Broken():
                    each.note_missing(name, BROKEN, str(error))
                case NoZip():
                    no_zips.append((each, name, error))
                case _Stopped():
                    pass
                case _:
                    notes.trouble(error, each.job)
        # What comes in the place of every zip is the service's trouble, in the place of one among others that one's.
        for each, name, error in no_zips:
            if is_well:
                each.note_missing(name, BROKEN, f"{NO_WHOLE_ZIP} {error}")
            else:
                notes.trouble(error, each.job)
        return end

    def _end(self, source: Source, jobs: Sequence[Job], error: PepsError, quota_lasts: float, notes: Notes) -> None:
        """Tell why a service was asked no more in this round, and keep in mind for how long it need not be asked."""
        notes.trouble(error)
        if error.status is Status.UNUSABLE:
            self._resting[source] = inf, error
            notes.stuck |= {job.name for job in jobs}
        elif isinstance(error, QuotaReached):
            self._resting[source] = time.monotonic() + quota_lasts, error
