"""Where all the jobs of a log stand, for a person or for another program. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

from peps_maja.downloads.polls import Connect, poll_cycle
from peps_maja.downloads.service import JobReport, Phase, result_name
from peps_maja.errors import PepsError, Status
from peps_maja.joblog.events import NO_RESULTS, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.products.names import is_novald

_STATUSES = {
    Phase.FAILED: Status.TROUBLE,
    Phase.CANCELLED: Status.TROUBLE,
    Phase.GONE: Status.TROUBLE,
    Phase.UNREADABLE: Status.TRY_LATER,
}


@dataclass(frozen=True)
class ResultStanding:
    """A result: `downloaded` (then `file` is its name), `novald`, `missing`, or `ready` to be downloaded."""

    name: str
    state: str
    file: str | None = None


@dataclass(frozen=True)
class Standing:
    """A job: where it stands, percent 0 to 100 if the service tells, ISO time (UTC) of its submission."""

    job: str
    source: str
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


def standings(jobs: Jobs, connect: Connect) -> tuple[list[Standing], list[PepsError]]:
    """Return where each job stands, in the order of the log; open ones are asked for, unless their zip is ready.

    What ends the asking of a service comes second: then the rest of its jobs stands as the log has it.
    """
    reports: dict[str, JobReport] = {}
    left: dict[str, PepsError] = {}
    ends: list[PepsError] = []

    def leave(job: Job, error: BaseException) -> None:
        if not isinstance(error, PepsError):
            raise error
        left[job.name] = error

    poll_cycle(
        [job for job in jobs.in_state(State.OPEN) if not job.offer],
        connect,
        lambda _, job, report: reports.update({job.name: report}),
        leave,
        lambda _, error: ends.append(error),
    )
    stands = {standing.job: standing for standing in standings_after(jobs, reports)}
    stands |= {job: replace(stands[job], message=str(error), status=error.status) for job, error in left.items()}
    return list(stands.values()), ends


def standings_after(jobs: Jobs, reports: Mapping[str, JobReport]) -> list[Standing]:
    """Return where each job stands after a cycle: open ones as their service said in it, if it did."""
    stands = {job.name: _logged(job) for job in jobs.values()}
    known = (job for job in jobs.in_state(State.OPEN) if job.name in reports)
    return list((stands | {job.name: _reported(stands[job.name], job, reports[job.name]) for job in known}).values())


def _logged(job: Job) -> Standing:
    return Standing(
        job=job.name,
        source=job.source.value,
        state=Phase.WAITING.value if job.offer and job.state is State.OPEN else job.standing,
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
    if job.offer and job.state is State.OPEN:
        name = result_name(job, job.address)
        if not job.has_dealt_with(name) and name not in job.missing:
            yield ResultStanding(name, "ready")


def _reported(logged: Standing, job: Job, report: JobReport) -> Standing:
    known = {result.name for result in logged.results}
    new = {result_name(job, address): None for address in (*report.results, *report.in_joblog)}
    more = [ResultStanding(name, "novald" if is_novald(name) else "ready") for name in new if name not in known]
    return replace(
        logged,
        state=report.status if report.phase is Phase.UNKNOWN else report.phase.value,
        percent=report.percent,
        message=report.message,
        results=(*logged.results, *more),
        status=_STATUSES.get(report.phase, Status.OK),
    )
