"""Where a job stands: the three layers in which PEPS tells it, and the joblog behind them.

The WPS process only launches a job; its ProcessSucceeded comes while MAJA has hardly begun. What counts is the
JSON report, and that is a file which changes only when PROCESSING_STATUS is asked for.
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import partial

from peps_maja.downloads.asking import ENDS_ROUND
from peps_maja.downloads.service import JobReport, Phase
from peps_maja.errors import Forbidden, NotThere, PepsError, ServerBusy, ServerSilent, ServerTrouble
from peps_maja.joblog.events import NO_REPORT
from peps_maja.joblog.jobs import Job
from peps_maja.peps.reports import read_report, results_in_joblog
from peps_maja.peps.service import Peps, explaining_closure
from peps_maja.peps.wps import ExecuteResponse, read_document, refresh_query

REPORT_DUE_AFTER = 1.0  # hours: a job may not have a report before
_REST = 300.0  # seconds after a refresh that the server let time out: the reports as they are still tell something


class Follower:
    """Polls jobs. Threads may share it."""

    name = "PEPS"
    quota_lasts = 0.0  # up to a week: nobody tells, so every round asks

    def __init__(self, peps: Peps) -> None:
        self._server = peps.server
        self.client = peps.client
        self._refresh_from = 0.0  # a monotonic time

    def poll(self, job: Job) -> JobReport:
        """Return where `job` stands, by its report, wherever that is; without one, by its status document.

        Raises CredentialsError, ServerAway or QuotaReached; Forbidden, ServerSilent or ServerBusy for this one job.
        """
        with explaining_closure(self._server):
            document, trouble = self._status(job)
            self._refresh(job)
            addresses = [self._server.report(job.wps_id)]
            with suppress(ServerTrouble):
                if document and document.report:  # inside, as in the service's early days: it may be newer now
                    newer, _ = self._status(job)
                    return read_report((newer and newer.report) or document.report)
                if document and document.report_url:
                    addresses.insert(0, self._server.reach(document.report_url, self._server.reach(job.status_url)))
            for address in dict.fromkeys(addresses):
                try:
                    return read_report(self.client.ask(address).body)
                except ServerSilent:
                    raise
                except NotThere as error:
                    trouble = trouble or error
                except (ServerTrouble, ServerBusy, Forbidden) as error:
                    trouble = error
            return self._without_report(job, document, trouble)

    def _status(self, job: Job) -> tuple[ExecuteResponse | None, PepsError | None]:
        """Return the status document, or why there is none that says anything."""
        try:
            document = read_document(self.client.ask(self._server.reach(job.status_url)).body)
        except ServerSilent:
            raise
        except (NotThere, ServerTrouble, Forbidden) as error:
            return None, error
        if isinstance(document, ExecuteResponse):
            return document, None
        return None, ServerTrouble(f"{document} in the place of a status document")

    def _refresh(self, job: Job) -> None:
        """Have the report brought up to date: once, for a second try would come too soon."""
        if time.monotonic() < self._refresh_from:
            return
        try:
            self.client.ask(self._server.wps, refresh_query(job.wps_id), tries=1)
        except ENDS_ROUND:
            raise
        except ServerSilent:
            self._refresh_from = time.monotonic() + _REST
        except PepsError:
            return  # it fails for this job, and the report may be there

    def _without_report(self, job: Job, document: ExecuteResponse | None, trouble: PepsError | None) -> JobReport:
        """Return what there is to say of a job whose report is not there, or cannot be read."""
        if isinstance(trouble, (Forbidden, ServerBusy)):
            raise trouble
        is_absent = not isinstance(trouble, ServerTrouble)
        if document and document.failure and is_absent:
            return JobReport(Phase.FAILED, message=str(document.failure))
        try:
            read = partial(results_in_joblog, wps_id=job.wps_id)
            in_joblog = self.client.read(self._server.joblog(job.wps_id), read)
        except ServerSilent:
            raise
        except (NotThere, ServerTrouble, Forbidden):
            in_joblog = ()
        if not is_absent:
            return JobReport(Phase.UNREADABLE, message=str(trouble), in_joblog=in_joblog)
        if document is None and (job.hours is None or job.hours >= REPORT_DUE_AFTER):
            return JobReport(Phase.GONE, message=NO_REPORT, in_joblog=in_joblog)
        return JobReport(Phase.WAITING, message="no report yet", in_joblog=in_joblog)
