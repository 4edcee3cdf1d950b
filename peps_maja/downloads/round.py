"""A round over the open jobs of a log: ask all, fetch what is wanted of what they listed, conclude each.

Each service has a thread, which goes through these three phases alone: no service waits for the other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from threading import Event as Flag
from threading import Semaphore

from peps_maja.console import Console, Meter
from peps_maja.downloads import WORKER
from peps_maja.downloads.asking import ENDS_ROUND, Silence, ask_all, at_once
from peps_maja.downloads.fetching import NO_WHOLE_ZIP, Fetched, NoZip, fetch
from peps_maja.downloads.open_job import OpenJob, Outcome
from peps_maja.downloads.service import Connect, Service
from peps_maja.errors import Broken, Forbidden, NotThere, PepsError, QuotaReached, Status
from peps_maja.joblog.events import ABSENT, BROKEN, Event, Source, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.joblog.log import JobLog


@dataclass
class Rounds:
    """The rounds of one run, which end at a monotonic time.

    So many `downloads` of a service go into `folder` at once. `advise` says what to do about a job that has come to
    such an end; `noted` is given each zip that the log has, and returns at once.
    """

    connect: Connect
    log: JobLog
    folder: Path
    console: Console
    advise: Callable[[Job, Event], str]
    downloads: int
    leave_at: float
    noted: Callable[[Path], None]
    _rests: dict[Source, tuple[float, Status]] = field(default_factory=dict)  # until when a service is not asked
    _told: set[str] = field(default_factory=set)
    _stuck: set[str] = field(default_factory=set)  # jobs that wait for a person

    def run(self, jobs: Jobs) -> Outcome:
        """Go over all open jobs once."""
        outcome = Outcome(self.log, self.console, self.advise, jobs.owners(), self._told)
        by_source: dict[Source, list[Job]] = {}
        for job in jobs.in_state(State.OPEN):
            by_source.setdefault(job.source, []).append(job)
        threads = ThreadPoolExecutor(len(Source), WORKER)
        services = {threads.submit(self._serve, *each, outcome) for each in by_source.items()}
        under_way = services
        try:
            done, under_way = wait(services, return_when=FIRST_EXCEPTION)
            for service in done:
                service.result()
        finally:
            threads.shutdown(wait=not under_way)
        self._stuck = outcome.stuck
        if time.monotonic() >= self.leave_at:
            outcome.statuses.append(Status.TRY_LATER)
        return outcome

    def can_go_on(self, job: Job) -> bool:
        """Return True if a later round may bring an open job further without a person."""
        return self._rests.get(job.source, (0, None))[0] < inf and job.name not in self._stuck

    def _serve(self, source: Source, jobs: list[Job], outcome: Outcome) -> None:
        """Take the jobs of one service through the phases."""
        until, status = self._rests.get(source, (0.0, Status.OK))
        if time.monotonic() < until:
            outcome.statuses.append(status)
            return
        quota_lasts = 0.0
        try:
            service = self.connect(source)
        except PepsError as error:
            end: PepsError | None = error
        else:
            quota_lasts = service.quota_lasts
            answers = ask_all(service, jobs, self.leave_at)
            outcome.reports |= answers.reports
            answered = [
                OpenJob(job, answers.reports[job.name], service.name, outcome)
                for job in jobs
                if job.name in answers.reports
            ]
            end = answers.end or self._fetch_all(service, answered, outcome)
            for open_job in answered:
                open_job.conclude()
            for job in jobs:
                if problem := answers.problems.get(job.name):
                    outcome.leave(job, problem)
        if end:
            outcome.tell(end, str(end))
            if end.status is Status.UNUSABLE or isinstance(end, QuotaReached):
                lasts = inf if end.status is Status.UNUSABLE else quota_lasts
                self._rests[source] = time.monotonic() + lasts, end.status

    def _fetch_all(self, service: Service, jobs: list[OpenJob], outcome: Outcome) -> PepsError | None:
        """Fetch what is wanted, and note each as it comes; return what ended that before its end."""
        silence, no_more, line = Silence(), Flag(), Semaphore(self.downloads)
        no_zips: list[tuple[OpenJob, str, NoZip]] = []
        end, has_come = None, False

        @contextmanager
        def transfer(final: Path) -> Iterator[Meter]:
            """Hold the line for one file."""
            with line, self.console.meter(final.name) as show:

                def meter(length: int, total: int | None) -> None:
                    silence.hear()
                    show(length, total)

                if no_more.is_set() or time.monotonic() >= self.leave_at:
                    raise _Stopped
                try:
                    yield meter
                except ENDS_ROUND:
                    no_more.set()  # before the next file gets the line
                    raise

        def bring(item: tuple[OpenJob, str]) -> Fetched:
            job, name = item
            return fetch(service.client, job.wanted(name), self.folder, transfer)

        wanted = ((job, name) for job in jobs for name in job.results if job.job not in silence and job.wants(name))
        # Twice as many threads as downloads: each file is checked while the next one comes.
        fetching = at_once(2 * self.downloads, bring, wanted, no_more=no_more, leave_at=self.leave_at, grace=inf)
        for (job, name), coming in fetching:
            match error := coming.exception():
                case None:
                    fetched = coming.result()
                    has_come |= fetched.is_new
                    if job.note_file(name, fetched):
                        self.noted(fetched.path)
                case NotThere() | Forbidden():
                    job.note_missing(name, ABSENT, str(error))
                case Broken():
                    job.note_missing(name, BROKEN, str(error))
                case NoZip():
                    no_zips.append((job, name, error))
                case PepsError() if silence.ends(job.job, error):
                    end = end or error
                    no_more.set()
                case _Stopped():
                    pass
                case _:
                    outcome.leave(job.job, error)
        for job, name, error in no_zips:
            if has_come:
                job.note_missing(name, BROKEN, f"{NO_WHOLE_ZIP} {error}")
            else:  # the service sends that for everything
                outcome.leave(job.job, error)
        return end


class _Stopped(Exception):
    """A file is left for a later round."""
