"""Where all the jobs of a log stand, for a person or for another program. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import asdict, dataclass, replace
from functools import partial

from .errors import AccountRefused, PepsError, ServerAway, Status, UntrustedServer
from .follow import POLLS_AT_ONCE, Follower
from .jobs import NO_RESULTS, Job, Jobs, State
from .products import is_novald
from .report import JobReport, Phase
from .workers import Workers
from .zips import bare_name

_CONCERNS_ALL = (AccountRefused, UntrustedServer, ServerAway)


@dataclass(frozen=True)
class ResultStanding:
    """A result: `downloaded` (then `file` is its name), `novald`, `missing`, or `ready` to be downloaded."""

    name: str
    state: str
    file: str | None = None


@dataclass(frozen=True)
class Standing:
    """A job: where it stands, percent 0 to 100 if PEPS tells, ISO time (UTC) of its submission."""

    job: str
    state: str
    percent: float | None = None
    message: str = ""
    submitted_at: str | None = None
    status_url: str | None = None
    results: tuple[ResultStanding, ...] = ()
    status: Status = Status.OK

    def __str__(self) -> str:
        """Return the standing as one line."""
        percent = "" if self.percent is None or self.state != Phase.RUNNING.value else f", {self.percent:g} %"
        message = f": {self.message}" if self.message else ""
        results = "".join(f"; {result.file or result.name} {result.state}" for result in self.results)
        return f"{self.job}: {self.state}{percent}{message}{results}"

    def as_json(self) -> dict[str, object]:
        """Return what `--json` shows."""
        return {name: value for name, value in asdict(self).items() if name != "status"}


def standings(jobs: Jobs, follower: Follower | None) -> tuple[list[Standing], PepsError | None]:
    """Return where each job stands, in the order of the log; open ones are asked for, if there is a `follower`.

    What concerns every job (AccountRefused, UntrustedServer, ServerAway) ends the asking and comes second: then the
    rest stands as the log has it.
    """
    found = {job.name: _logged(job) for job in jobs.values()}
    ends: list[PepsError] = []
    if follower is not None:
        workers = Workers(poll=POLLS_AT_ONCE)

        def take(job: Job, poll: Future[JobReport]) -> None:
            error = poll.exception()
            if isinstance(error, _CONCERNS_ALL):
                ends.append(error)
                workers.cancel_waiting("poll")
            elif isinstance(error, PepsError):
                found[job.name] = replace(found[job.name], message=str(error), status=Status.TRY_LATER)
            else:
                found[job.name] = _reported(found[job.name], job, poll.result())

        try:
            for job in jobs.in_state(State.OPEN):
                workers.start("poll", partial(follower.poll, job), partial(take, job))
            workers.finish()
        finally:
            workers.close()
    return list(found.values()), next(iter(ends), None)


def _logged(job: Job) -> Standing:
    return Standing(
        job=job.name,
        state=job.standing,
        message=job.detail,
        submitted_at=job.submitted_at.strftime("%Y-%m-%dT%H:%M:%SZ") if job.submitted_at else None,
        status_url=job.status_url or None,
        results=tuple(_logged_results(job)),
        status=Status.TROUBLE if job.state is State.UNSURE else Status.OK,
    )


def _logged_results(job: Job) -> Iterable[ResultStanding]:
    yield from (ResultStanding(job.result_name(file), "downloaded", file) for file in job.files)
    yield from (ResultStanding(name, "novald") for name in job.novald)
    yield from (ResultStanding(name, "missing") for name in job.missing if name != NO_RESULTS)


def _reported(logged: Standing, job: Job, report: JobReport) -> Standing:
    known = {result.name for result in logged.results}
    new = {bare_name(address, job.wps_id): None for address in report.results}
    more = [ResultStanding(name, "novald" if is_novald(name) else "ready") for name in new if name not in known]
    is_lost = report.phase in {Phase.FAILED, Phase.CANCELLED}
    return replace(
        logged,
        state=report.status if report.phase is Phase.UNKNOWN else report.phase.value,
        percent=report.percent,
        message=report.message,
        results=(*logged.results, *more),
        status=Status.TROUBLE if is_lost else Status.OK,
    )
