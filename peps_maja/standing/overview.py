"""Everything at once: where the jobs and dates of a log stand, and what a person has to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from peps_maja.downloads.naming import result_name
from peps_maja.downloads.service import JobReport, Phase
from peps_maja.errors import PepsError, Status
from peps_maja.joblog.events import NO_RESULTS, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.options import DownloaderOptions
from peps_maja.peps.service import Server
from peps_maja.products.names import is_novald, named_product
from peps_maja.standing import values
from peps_maja.standing.advice import advice_on, short_commands
from peps_maja.standing.dates import dates_of
from peps_maja.standing.reminders import hours_open
from peps_maja.standing.values import Advice, Overview, Result, Standing, Task

_STATUSES = dict.fromkeys((Phase.FAILED, Phase.CANCELLED, Phase.GONE), Status.TROUBLE) | {
    Phase.UNREADABLE: Status.TRY_LATER
}
_URGENT_FIRST = ("unsure", "failed", "rejected", "cancelled", "missing", "stalled")


def overview(jobs: Jobs, reports: Mapping[str, JobReport | PepsError], options: DownloaderOptions) -> Overview:
    """Return where all stands, by the log and by what the services said of open jobs in this run, or why they did not.

    A failed job for one product needs nobody if the date has another one.
    """
    server = Server.parse(options.server)
    stands = {job.name: standing_of(job, reports.get(job.name), server) for job in jobs.values()}
    dates = dates_of(jobs, stands, options.write_dir)
    shown = {dated.job for dated in dates}
    groups: dict[tuple[str, Advice], list[Standing]] = {}
    for standing in stands.values():
        is_replaced = jobs[standing.job].has_ended and standing.job not in shown and named_product(standing.job)
        if standing.advice and not is_replaced:
            groups.setdefault((standing.trouble, standing.advice), []).append(standing)
    tasks = []
    for (trouble, advice), group in sorted(groups.items(), key=lambda item: _URGENT_FIRST.index(item[0][0])):
        commands = short_commands(advice, options, group[0].job if len(group) == 1 else "NAME")
        tasks.append(Task(trouble, advice.text, commands, tuple(group)))
    return Overview(tuple(stands.values()), tuple(dates), tuple(tasks))


def standing_of(job: Job, report: JobReport | PepsError | None, server: Server) -> Standing:
    """Return where a job stands: what its service said of it in this run, if it is open, goes before the log."""
    is_open = job.state is State.OPEN
    trouble, reason = _trouble(job)
    if job.wps_id and trouble in {values.FAILED, values.CANCELLED}:
        reason = f"{reason}; its log: {server.joblog(job.wps_id)}".removeprefix("; ")
    standing = Standing(
        job=job.name,
        source=job.source,
        state=values.WAITING if is_open and job.offer else job.standing,
        message=job.detail,
        clouds=job.clouds,
        orbit=job.orbit,
        submitted_at=f"{job.begun_at:%Y-%m-%dT%H:%M:%SZ}" if job.status_url and job.begun_at else None,
        status_url=job.status_url or None,
        results=_results(job, report if is_open and isinstance(report, JobReport) else None),
        trouble=trouble,
        reason=reason,
        advice=advice_on(job, trouble) if trouble else None,
        status=Status.TROUBLE if job.state is State.UNSURE else Status.OK,
        to_come=((job.offer.size if job.offer else None) or 0) if is_open else None,
    )
    if report is None or not is_open:
        return standing
    if isinstance(report, PepsError):
        return replace(standing, message=str(report), status=report.status)
    state = report.status if report.phase is Phase.UNKNOWN else report.phase.value
    status = _STATUSES.get(report.phase, Status.OK)
    return replace(standing, state=state, percent=report.percent, message=report.message, status=status)


def _trouble(job: Job) -> tuple[str, str]:
    """Return what a person has to look at, if anything, and what more there is to say of it."""
    if job.has_ended:
        return job.state.value, job.detail
    if job.state is State.OPEN and job.missing:
        (name, missing), *more = job.missing.items()
        what = "the report" if name == NO_RESULTS else name
        since = f" since {missing.since:%Y-%m-%d}" if missing.since else ""
        others = f", and {len(more)} more" if more else ""
        return values.MISSING, f"{what} {missing.kind}{since}: {missing.reason}{others}"
    if job.state is State.OPEN and job.stalled:
        return values.STALLED, f"open for {hours_open(job):.0f} hours"
    return (values.UNSURE, "") if job.state is State.UNSURE else ("", "")


def _results(job: Job, report: JobReport | None) -> tuple[Result, ...]:
    """Return the results that the log has, then those that are ready to be downloaded."""
    known = {job.result_name(file): Result(job.result_name(file), "downloaded", file) for file in job.files}
    known |= {name: Result(name, "novald") for name in job.novald}
    known |= {name: Result(name, "missing") for name in job.missing if name != NO_RESULTS}
    addresses = (*report.results, *report.in_joblog) if report else ()
    if job.offer and job.state is State.OPEN:
        addresses = (job.address,)
    ready = [result_name(job, address) for address in addresses]
    known |= {name: Result(name, "novald" if is_novald(name) else "ready") for name in ready if name not in known}
    return tuple(known.values())
