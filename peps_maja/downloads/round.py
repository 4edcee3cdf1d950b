"""A round over the open jobs: ask all where they stand, fetch what is wanted of what they listed, conclude each."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf
from pathlib import Path
from threading import Semaphore

from peps_maja.console import Meter
from peps_maja.downloads.asking import ENDS_ROUND, Silence, ask_all, at_once, error_of
from peps_maja.downloads.end_of_job import Notes, OpenJob
from peps_maja.downloads.fetching import NO_WHOLE_ZIP, Fetched, NoZip, Wanted, fetch
from peps_maja.downloads.service import Connect, Service
from peps_maja.errors import Broken, Forbidden, NotThere, PepsError, QuotaReached, Status
from peps_maja.joblog.events import ABSENT, BROKEN, Source, State
from peps_maja.joblog.jobs import Job, Jobs


@dataclass
class Rounds:
    """Goes over the open jobs of a log, once for each `run`, with so many downloads of a service at once."""

    connect: Connect
    notes: Notes  # with which each round begins
    folder: Path
    downloads: int
    leave_at: float = inf  # a monotonic time
    _resting: dict[Source, tuple[float, PepsError]] = field(default_factory=dict)  # not asked before that time

    def run(self, jobs: Jobs) -> Notes:
        """Ask every open job where it stands, fetch what is finished, and return how that went. Raises LogError."""
        notes = replace(self.notes, owners=jobs.owners())
        of_source: dict[Source, list[Job]] = {}
        for job in jobs.in_state(State.OPEN):
            of_source.setdefault(job.source, []).append(job)
        try:
            for _, served in at_once(len(Source), partial(self._serve, notes), of_source.items()):
                served.result()
        finally:
            notes.is_over = True
        return notes

    def _serve(self, notes: Notes, turn: tuple[Source, Sequence[Job]]) -> None:
        """Go over the jobs of one service, unless it is not to be asked yet; tell what ended that early."""
        source, jobs = turn
        until, end = self._resting.get(source, (0.0, None))
        if time.monotonic() >= until:
            try:
                service = self.connect(source)
            except PepsError as error:
                end = error
            else:
                end = self._go_over(service, jobs, notes)
                if isinstance(end, QuotaReached):
                    self._resting[source] = time.monotonic() + service.quota_lasts, end
        if end:
            notes.trouble(end)
            if end.status is Status.UNUSABLE:  # nothing works until a person fixes it
                self._resting[source] = inf, end
                notes.stuck |= {job.name for job in jobs}

    def _go_over(self, service: Service, jobs: Sequence[Job], notes: Notes) -> PepsError | None:
        """Do the three phases; return what ended them early."""
        answers = ask_all(service, jobs, self.leave_at)
        notes.reports |= answers.reports
        notes.troubles |= {line: line for line in answers.unread(service.name)}
        open_jobs = []
        for job in jobs:
            if problem := answers.problems.get(job.name):
                notes.trouble(problem, job)
            elif report := answers.reports.get(job.name):
                open_jobs.append(OpenJob(job, report, service.name, notes))
        for each in open_jobs:
            each.begin()
        ends = answers.ends or self._fetch_all(service, open_jobs, notes)
        for each in open_jobs:
            each.conclude()
        return ends[0] if ends else None

    def _fetch_all(self, service: Service, open_jobs: Sequence[OpenJob], notes: Notes) -> Sequence[PepsError]:
        """Fetch what is wanted, so many transfers at once, and note each as it comes; return what ended that early."""
        line, silence, ends = Semaphore(self.downloads), Silence(), list[PepsError]()
        no_zips: list[tuple[OpenJob, str, PepsError]] = []
        is_well = False

        @contextmanager
        def transfer(final: Path) -> Iterator[Meter]:
            with line, notes.console.meter(final.name) as meter:
                if ends:
                    raise ends[0]
                try:
                    yield meter
                except ENDS_ROUND as error:
                    ends.append(error)  # before the next transfer has the line
                    raise

        def work(item: tuple[OpenJob, str, Wanted]) -> Fetched:
            return fetch(service.client, item[2], self.folder, transfer)

        wanted = (
            (each, name, result)
            for each in open_jobs
            for name in each.results
            if each.job.name not in silence.jobs and (result := each.wanted(name))
        )
        # Twice as many threads as transfers: each zip is checked while the next one comes.
        done = at_once(2 * self.downloads, work, wanted, ends, leave_at=self.leave_at, grace=inf)
        for (each, name, _), fetched in done:
            error = error_of(fetched)
            if silence.ends(each.job, error) and error:
                ends.append(error)
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
                case _:
                    notes.trouble(error, each.job)
        # What comes in the place of every zip is the service's trouble, in the place of one among others that one's.
        for each, name, error in no_zips:
            if is_well:
                each.note_missing(name, BROKEN, f"{NO_WHOLE_ZIP} {error}")
            else:
                notes.trouble(error, each.job)
        return ends
