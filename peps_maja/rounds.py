"""One round over the open jobs: poll each, fetch what is finished, and write to the log what became of it."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import TypeGuard

from .cli import Console
from .download import NO_WHOLE_ZIP, Absent, fetch
from .errors import AccountRefused, AlreadyRunning, PepsError, ServerAway, Status, UntrustedServer, gravest
from .follow import POLLS_AT_ONCE, Follower
from .joblog import JobLog
from .jobs import ABSENT, BROKEN, NO_RESULTS, Event, Job, Jobs, Missing, State
from .partfile import DiskFull, make_durable
from .products import Acquisition, L1CProduct, is_novald
from .report import JobReport, Phase
from .series import Series
from .text import one_line, size
from .workers import Workers
from .zips import Belongs, Broken, bare_name, is_whole

BROKEN_AGAIN_AFTER = timedelta(hours=24)  # a gigabyte that came whole and broken is not fetched every half hour
GIVE_UP_RESULT_AFTER = timedelta(days=7)
GIVE_UP_EMPTY_AFTER = timedelta(hours=24)

_ENDS_THE_ROUND = (AccountRefused, UntrustedServer, ServerAway)


class _Stopped(PepsError):
    """The round has ended for another reason: the rest of this download is left for the next one."""


class Round:
    """One pass over a log. What happens is written to the log first, and then told."""

    def __init__(self, follower: Follower, log: JobLog, folder: Path, console: Console, downloads: int) -> None:
        """Prepare a round that fetches so many results at once into `folder`."""
        self._client = follower.client
        self._follower = follower
        self._log = log
        self._folder = folder
        self._console = console
        self._workers = Workers(poll=POLLS_AT_ONCE, fetch=downloads)
        self._statuses: list[Status] = []
        self._claims: dict[str, str] = {}  # file names, and the jobs whose results bear them
        self._second_parts: set[str] = set()
        self._under_way: dict[str, int] = {}  # finished jobs, and how many of their downloads are not through
        self._short: set[str] = set()  # jobs of which a result stays out in this round
        self._unprocessed: dict[str, str] = {}  # series jobs, and how many dates PEPS left out of them
        self._is_ended = False
        self._is_full = False

    def run(self, jobs: Jobs) -> Status:
        """Poll every open job, fetch what is finished, and return how the round went."""
        self._claims = jobs.owners()
        open_jobs = jobs.in_state(State.OPEN)
        self._second_parts = _second_parts(open_jobs)
        try:
            for job in open_jobs:
                self._workers.start("poll", partial(self._follower.poll, job), partial(self._take_poll, job))
            self._workers.finish()
        finally:
            self._is_ended = True
            self._workers.close()
        return gravest(self._statuses)

    # -- polls ----------------------------------------------------------------------------------------------------

    def _take_poll(self, job: Job, poll: Future[JobReport]) -> None:
        if error := poll.exception():
            self._take_error(job, error)
            return
        report = poll.result()
        match report.phase:
            case Phase.FAILED:
                self._close(job, Event.FAILED, report.message or report.status)
            case Phase.CANCELLED:
                self._close(job, Event.CANCELLED, report.message or report.status)
            case Phase.FINISHED:
                self._harvest(job, report)
            case _:
                self._console.say(f"{job.name}: {report}")

    def _harvest(self, job: Job, report: JobReport) -> None:
        """Deal with the results of a finished job: note what is too cloudy, begin to fetch the rest."""
        if not report.results:
            self._miss(job, NO_RESULTS, ABSENT, "no results")
        for name, address in {bare_name(address, job.wps_id): address for address in report.results}.items():
            if job.has_dealt_with(name):
                continue
            if is_novald(name):
                if self._note(Event.NOVALD, job, name):
                    self._console.tell(f"{job.name}: too cloudy, {name} holds nothing to use and is not downloaded")
            elif _is_put_off(missing := job.missing.get(name)):
                self._stays_out(job, f"{name} came broken within the last day; it is tried again later")
                self._give_up_in_time(job, name, missing)
            elif not self._is_full:
                self._begin(job, name, address)
        if report.unprocessed not in {"", "0"}:
            self._unprocessed[job.name] = report.unprocessed
        self._conclude(job)

    def _begin(self, job: Job, name: str, address: str) -> None:
        is_taken = self._claims.get(name, job.name) != job.name or job.name in self._second_parts
        file = job.own_file_name(name) if is_taken else name
        self._claims[file] = job.name
        self._under_way[job.name] = self._under_way.get(job.name, 0) + 1
        self._workers.start("fetch", partial(self._bring, job, address, file), partial(self._take_fetch, job, name))

    # -- downloads ------------------------------------------------------------------------------------------------

    def _bring(self, job: Job, address: str, file: str) -> Path:
        """Bring a result to its place, in a thread of its own; return where it is."""
        belongs = _belongs_to(job)
        final = self._folder / file
        if is_whole(final, belongs):
            make_durable(final)
            return final
        with self._console.meter(final.name) as meter:

            def watch(there: int, total: int | None) -> None:
                if self._is_ended:
                    raise _Stopped(f"{final}: stopped")
                meter(there, total)

            fetch(self._client, address, final, belongs, watch)
        return final

    def _take_fetch(self, job: Job, name: str, fetched: Future[Path]) -> None:
        match error := fetched.exception():
            case None:
                final = fetched.result()
                if self._note(Event.DOWNLOADED, job, final.name):
                    self._console.tell(f"{job.name}: downloaded {final} ({size(final.stat().st_size)})")
            case Absent():
                self._miss(job, name, ABSENT, str(error))
            case Broken():
                self._miss(job, name, BROKEN, str(error))
            case _:
                self._take_error(job, error)
        self._under_way[job.name] -= 1
        self._conclude(job)

    def _miss(self, job: Job, name: str, kind: str, reason: str) -> None:
        """Note a result that could not be had: told once, and the end of the job when it stays so for too long."""
        known = job.missing.get(name)
        is_news = known is None or (kind == BROKEN and _is_whole_zip(reason))
        if is_news and not self._note(Event.MISSING, job, f"{name} {kind} {reason}"):
            return
        if known is None:
            self._statuses.append(Status.TROUBLE)
            self._short.add(job.name)
            what = "it is finished without results" if name == NO_RESULTS else f"{name} is missing ({kind}): {reason}"
            self._console.tell(f"{job.name}: {what}; the next runs try again")
            return
        self._stays_out(job, f"{name} is still missing ({kind}): {reason}")
        self._give_up_in_time(job, name, known)

    def _give_up_in_time(self, job: Job, name: str, missing: Missing) -> None:
        """Close a job of which a result has been missing for too long."""
        patience = GIVE_UP_EMPTY_AFTER if name == NO_RESULTS else GIVE_UP_RESULT_AFTER
        if datetime.now(timezone.utc) - missing.since >= patience and job.state is State.OPEN:
            since = f"since {missing.since:%Y-%m-%d}"
            self._close(job, Event.FAILED, f"{name} {missing.kind} {since}: {missing.reason}")

    def _stays_out(self, job: Job, why: str) -> None:
        self._short.add(job.name)
        self._statuses.append(Status.TROUBLE)
        self._console.say(f"{job.name}: {why}")

    def _note(self, event: Event, job: Job, detail: str) -> bool:
        """Log an event of a job, if the log still has it as it was; otherwise leave the job to the next round."""
        is_noted = self._log.append_if_current(event, job, detail)
        if not is_noted and job.name not in self._short:
            self._short.add(job.name)
            self._console.say(f"{job.name}: changed in the log meanwhile, and left as it is there")
        return is_noted

    # -- what both come to ----------------------------------------------------------------------------------------

    def _take_error(self, job: Job, error: BaseException) -> None:
        """Tell of an error that leaves the job as it was, once if it concerns every job."""
        self._short.add(job.name)
        if isinstance(error, _Stopped) or (self._is_full and isinstance(error, DiskFull)):
            return
        if not isinstance(error, PepsError):
            self._statuses.append(Status.TROUBLE)
            self._console.warn(f"{job.name}: unforeseen {type(error).__name__}: {error}; please report it")
            return
        if isinstance(error, _ENDS_THE_ROUND):
            if self._is_ended:
                return
            self._is_ended = True
            self._workers.cancel_waiting("poll", "fetch")
        if isinstance(error, DiskFull):
            self._is_full = True
            self._workers.cancel_waiting("fetch")
        self._statuses.append(error.status)
        whose = "" if isinstance(error, (*_ENDS_THE_ROUND, DiskFull, AlreadyRunning)) else f"{job.name}: "
        tell = self._console.remind if error.status is Status.TRY_LATER else self._console.warn
        tell(f"{whose}{error}")

    def _conclude(self, job: Job) -> None:
        """Close a job whose results are all dealt with."""
        if (
            not self._under_way.get(job.name)
            and job.name not in self._short
            and job.state is State.OPEN
            and not self._is_full
        ):
            self._close(job, Event.FINISHED)

    def _close(self, job: Job, event: Event, detail: str = "") -> None:
        if not self._note(event, job, detail):
            return
        if event is Event.FINISHED:
            job.state = State.FINISHED
            self._console.say(f"{job.name}: finished")
            if left_out := self._unprocessed.get(job.name):
                self._console.tell(f"{job.name}: PEPS left out {left_out} of its dates; --dates tells which")
            return
        job.state = State(event.value)
        self._statuses.append(Status.TROUBLE)
        self._console.tell(f"{job.name}: {event.value}: {one_line(detail)}; --resubmit {event.value} submits it again")


def _belongs_to(job: Job) -> Belongs:
    job_of = L1CProduct.parse(job.name) or Series.parse(job.name)
    return job_of.became if job_of else (lambda _: True)


def _second_parts(jobs: Iterable[Job]) -> set[str]:
    """Return the names of the jobs whose acquisition an earlier job of the log is of, too: it was cut in two.

    Their results bear one name, and it goes to the job that came first, whichever is finished first.
    """
    first: set[Acquisition] = set()
    second = set()
    for job in jobs:
        if product := L1CProduct.parse(job.name):
            if product.acquisition in first:
                second.add(job.name)
            first.add(product.acquisition)
    return second


def _is_whole_zip(reason: str) -> bool:
    return not reason.startswith(NO_WHOLE_ZIP)


def _is_put_off(missing: Missing | None) -> TypeGuard[Missing]:
    """Tell whether a result came whole and broken so lately that it is not tried again yet."""
    if missing is None or missing.kind != BROKEN or not _is_whole_zip(missing.reason):
        return False
    return datetime.now(timezone.utc) - missing.last < BROKEN_AGAIN_AFTER
