"""Where a job stands: the three layers in which PEPS tells it, and the joblog behind them.

The WPS process only launches a job; its ProcessSucceeded comes while MAJA has hardly begun. What counts is the
JSON report, and that is a file which changes only when PROCESSING_STATUS is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import chain

from peps_maja.downloads.polls import SILENT_JOBS
from peps_maja.downloads.service import JobReport, Phase, Wanted
from peps_maja.errors import (
    CredentialsError,
    Forbidden,
    NotThere,
    PepsError,
    QuotaReached,
    ServerAway,
    ServerSilent,
    ServerTrouble,
)
from peps_maja.joblog.events import NO_REPORT
from peps_maja.joblog.jobs import Job
from peps_maja.network.documents import refuse_html
from peps_maja.peps.reports import read_report, results_in_joblog
from peps_maja.peps.service import Peps, explaining_closure
from peps_maja.peps.wps import ExecuteResponse, WpsState, read_document, refresh_query
from peps_maja.products.names import L1CProduct
from peps_maja.products.series import Series

REFRESH_INTERVAL = 10.0  # seconds between two PROCESSING_STATUS for one job, at the least
REPORT_DUE_AFTER = timedelta(hours=1)  # a job may not have a report before
_UNAVAILABLE = (NotThere, Forbidden, ServerTrouble)


class Follower:
    """Polls jobs, and remembers between the polls of one run where their reports are and what these have listed."""

    name = "PEPS"
    page = 'PEPS\'s page "My processing"'

    def __init__(self, peps: Peps) -> None:
        self._peps = peps
        self.client = peps.client
        self.silent_refreshes = 0  # in a row, lately
        self._reports: dict[str, str] = {}
        self._listed: dict[str, tuple[str, ...]] = {}
        self._refreshed: dict[str, float] = {}

    def begin_round(self) -> None:
        """Forget that the server did not answer: it may answer again."""
        self.silent_refreshes = 0

    def poll(self, job: Job) -> JobReport:
        """Return where `job` stands.

        Raises CredentialsError, ServerAway or QuotaReached; Forbidden, ServerTrouble or ServerBusy for this one job.
        """
        obstacles: list[PepsError] = []
        with explaining_closure(self._peps.server):
            report = self._report(job, obstacles)
        if report is None:
            return self._without_report(job, obstacles)
        # What an earlier report of this run has listed is not forgotten.
        results = tuple(dict.fromkeys((*self._listed.get(job.status_url, ()), *report.results)))
        if report.phase is Phase.FINISHED and not results:
            results = self._results_in_joblog(job)
        self._listed[job.status_url] = results
        return replace(report, results=results)

    def result_address(self, job: Job, name: str) -> str:
        """Return where a result of a job usually is."""
        return self._peps.server.result(job.wps_id, name)

    def wanted(self, job: Job, name: str, address: str) -> Wanted:
        """Return what is to be fetched from an address; size and MD5 are known to nobody before."""
        job_of = L1CProduct.parse(job.name) or Series.parse(job.name)
        return Wanted(address, (name, job.own_file_name(name)), job_of.matches if job_of else lambda _: True)

    def _report(self, job: Job, obstacles: list[PepsError]) -> JobReport | None:
        """Return what the layers say; None if no layer gives a report, and why."""
        address = self._reports.get(job.status_url)
        if address is None:
            address = self._peps.server.report(job.wps_id)
            try:
                status_url = self._peps.server.reach(job.status_url)
                document = self._status(status_url)
            except ServerSilent:
                raise
            except _UNAVAILABLE as error:
                obstacles.append(error)
            else:
                if document.state is WpsState.FAILED:
                    why = str(document.failure or document.message)
                    return JobReport(Phase.FAILED, document.state.value, message=why)
                if document.report:
                    with suppress(*_UNAVAILABLE):
                        return self._literal_report(job, status_url, document)
                elif document.report_url:
                    with suppress(ServerTrouble):
                        address = self._peps.server.reach(document.report_url, status_url)
                    self._reports[job.status_url] = address
                elif document.state is not WpsState.SUCCEEDED:
                    return JobReport(Phase.WAITING, message="being launched")
        self._refresh(job)
        try:
            return read_report(self.client.ask(address).body)
        except ServerSilent:
            raise
        except _UNAVAILABLE as error:
            self._reports.pop(job.status_url, None)
            obstacles.append(error)
            return None

    def _without_report(self, job: Job, obstacles: Sequence[PepsError]) -> JobReport:
        """Return what there is to say of a job whose report is not available: nothing of its end."""
        for error in obstacles:
            if isinstance(error, Forbidden):
                raise error
        in_joblog = self._results_in_joblog(job)
        for error in obstacles:
            if isinstance(error, ServerTrouble):
                return JobReport(Phase.UNREADABLE, message=str(error), in_joblog=in_joblog)
        is_due = job.submitted_at is None or job.open_for() >= REPORT_DUE_AFTER
        if is_due and len(obstacles) == 2 and all(isinstance(error, NotThere) for error in obstacles):
            return JobReport(Phase.GONE, message=NO_REPORT, in_joblog=in_joblog)
        return JobReport(Phase.WAITING, message="no report yet", in_joblog=in_joblog)

    def _status(self, status_url: str) -> ExecuteResponse:
        document = read_document(self.client.ask(status_url).body)
        if not isinstance(document, ExecuteResponse):
            raise ServerTrouble(f"{document} in the place of a status document")
        return document

    def _literal_report(self, job: Job, status_url: str, document: ExecuteResponse) -> JobReport:
        """Return the report inside the status document, as in the service's early days."""
        report = read_report(document.report)
        if report.phase in {Phase.FINISHED, Phase.FAILED, Phase.CANCELLED}:
            return report
        self._refresh(job)
        return read_report(self._status(status_url).report or document.report)

    def _refresh(self, job: Job) -> None:
        """Have the report brought up to date: once, for a second try would come too soon."""
        last = self._refreshed.get(job.wps_id)
        if last is not None and time.monotonic() - last < REFRESH_INTERVAL:
            return
        if self.silent_refreshes >= SILENT_JOBS:
            return  # the report as it was tells less, and still something
        self._refreshed[job.wps_id] = time.monotonic()
        try:
            self.client.ask(self._peps.server.wps, refresh_query(job.wps_id), tries=1)
        except (CredentialsError, QuotaReached, ServerAway):
            raise
        except PepsError as error:
            self.silent_refreshes += isinstance(error, ServerSilent)
        else:
            self.silent_refreshes = 0

    def _results_in_joblog(self, job: Job) -> tuple[str, ...]:
        def reading(chunks: Iterator[bytes]) -> tuple[str, ...]:
            start = next(chunks, b"")
            refuse_html(start, "a joblog")
            return results_in_joblog(chain([start], chunks), job.wps_id)

        with suppress(NotThere, ServerTrouble, Forbidden):
            return self.client.read(self._peps.server.joblog(job.wps_id), reading)
        return ()
