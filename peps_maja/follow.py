"""Where a job stands: the three layers in which PEPS tells it, and the joblog behind them.

The WPS process only launches a job; its ProcessSucceeded comes while MAJA has hardly begun. What counts is the
JSON report, and that is a file which changes only when PROCESSING_STATUS is asked for.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace

from .client import Client
from .documents import Unreadable
from .errors import (
    AccountRefused,
    Forbidden,
    NotPeps,
    NotThere,
    PepsError,
    ServerAway,
    UntrustedServer,
)
from .jobs import Job
from .report import JobReport, Phase, read_report, results_in_joblog
from .wps import ExecuteResponse, WpsState, read_document, refresh_query

POLLS_AT_ONCE = 8  # connections: polite to a public service, and enough for a thousand jobs
REFRESH_INTERVAL = 10.0  # seconds between two PROCESSING_STATUS for one job, at the least
_NOT_TO_BE_HAD = (NotThere, NotPeps, Unreadable, Forbidden)


class Follower:
    """Polls jobs, and remembers between the polls of one run where their reports lie."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._reports: dict[str, str] = {}
        self._refreshed: dict[str, float] = {}

    def poll(self, job: Job) -> JobReport:
        """Return where `job` stands.

        Raises ServerAway, AccountRefused (401) and UntrustedServer, which concern every job, and ServerTrouble or
        ServerBusy if this one cannot be followed now.
        """
        report = self._report(job)
        if report.phase is Phase.FINISHED and not report.results:
            return replace(report, results=self._results_in_joblog(job))
        return report

    def _report(self, job: Job) -> JobReport:
        if known := self._reports.get(job.status_url):
            return self._refreshed_report(job, known)
        status_url = self.client.server.reach(job.status_url)
        try:
            document = self._status(status_url)
        except _NOT_TO_BE_HAD:
            return self._refreshed_report(job, self.client.server.report(job.wps_id))
        if document.state is WpsState.FAILED:
            return JobReport(Phase.FAILED, document.state.value, message=str(document.failure or document.message))
        with suppress(Unreadable):
            if document.report:
                return self._literal_report(job, status_url, document)
        if document.report_url:
            self._reports[job.status_url] = self._report_address(job, document.report_url, status_url)
            return self._refreshed_report(job, self._reports[job.status_url])
        if document.report or document.state is WpsState.SUCCEEDED:
            return self._refreshed_report(job, self.client.server.report(job.wps_id))
        return JobReport(Phase.WAITING, message="being launched")

    def _report_address(self, job: Job, reference: str, status_url: str) -> str:
        """Return where the report lies: where the status document says, or where reports use to lie."""
        try:
            return self.client.server.reach(reference, status_url)
        except NotPeps:
            return self.client.server.report(job.wps_id)

    def _status(self, status_url: str) -> ExecuteResponse:
        document = read_document(self.client.ask(status_url).body)
        if not isinstance(document, ExecuteResponse):
            raise Unreadable(f"{document} in the place of a status document")
        return document

    def _literal_report(self, job: Job, status_url: str, document: ExecuteResponse) -> JobReport:
        """Return the report that lies inside the status document, as in the service's early days."""
        report = read_report(document.report)
        if report.phase in {Phase.FINISHED, Phase.FAILED, Phase.CANCELLED}:
            return report
        self._refresh(job)
        return read_report(self._status(status_url).report or document.report)

    def _refreshed_report(self, job: Job, address: str) -> JobReport:
        self._refresh(job)
        try:
            return read_report(self.client.ask(address).body)
        except _NOT_TO_BE_HAD:
            results = self._results_in_joblog(job)
        return JobReport(Phase.FINISHED if results else Phase.WAITING, message="no report yet", results=results)

    def _refresh(self, job: Job) -> None:
        """Have the report brought up to date: once, for a second try would come too soon."""
        last = self._refreshed.get(job.wps_id)
        if last is not None and time.monotonic() - last < REFRESH_INTERVAL:
            return
        self._refreshed[job.wps_id] = time.monotonic()
        try:
            self.client.ask(self.client.server.wps, refresh_query(job.wps_id), tries=1)
        except Forbidden:
            return
        except (ServerAway, AccountRefused, UntrustedServer):
            raise
        except PepsError:
            return  # the report as it was tells less, and still something

    def _results_in_joblog(self, job: Job) -> tuple[str, ...]:
        try:
            joblog = self.client.ask(self.client.server.joblog(job.wps_id))
        except _NOT_TO_BE_HAD:
            return ()
        return results_in_joblog(joblog.body.decode(errors="replace"), job.wps_id)
