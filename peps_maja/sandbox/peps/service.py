"""The fake PEPS behind its addresses: who may ask, and what answers."""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping
from html import escape
from types import MappingProxyType
from urllib.parse import unquote, urlsplit

from peps_maja.sandbox.exchange import Endpoint, Recorded, Reply, error_reply, json_reply, zip_reply
from peps_maja.sandbox.faults import page
from peps_maja.sandbox.peps import processes, resto
from peps_maja.sandbox.peps.centre import LOGS, OUTPUTS, RESULTS, Job, Outcome
from peps_maja.sandbox.peps.outcomes import InputError, of_name, of_product, of_series
from peps_maja.sandbox.world.pictures import quicklook

ACCOUNT = MappingProxyType({"me@example.org": "secret"})
REALM = {"WWW-Authenticate": 'Basic realm="PEPS"'}
OPEN = (Endpoint.CATALOGUE, Endpoint.OTHER)  # what needs no account, but for the list of jobs
_USER_JOBS = re.compile(r"/resto/wps/users/[^/]+/jobs")


class FakePeps(processes.Processes):
    """A small PEPS. `accounts` maps e-mail to password; `may_run`: whether they may run MAJA."""

    def __init__(self, accounts: Mapping[str, str], pace: float, *, may_run: bool) -> None:
        super().__init__(pace, may_run=may_run)
        self.accounts = accounts
        self.pages = 500  # the most records on a page of the catalogue

    def job(self, name: str) -> Job:
        """Return the latest job for this product (or these datainputs); LookupError if there is none."""
        for job in reversed(self.jobs):
            if job.product == name:
                return job
        raise LookupError(f"no job for {name}")

    def add_job(
        self,
        name: str,
        *,
        status: str = "FINISHED",
        percent: int | None = None,
        message: str = "",
        results: tuple[str, ...] | None = None,
        launched: bool = True,
    ) -> Job:
        """Add a job that no Execute started; `results` are file names (None: what its product gives)."""
        usual = self._usual_outcome(name)
        names = usual.results if results is None else results
        outcome = Outcome(status, message, names, usual.unprocessed)
        job = Job(name, "MAJA", self.url, outcome, status_names=self.faults.status_names)
        job.status, job.message, job.launched = status, message, launched
        if percent is not None:
            job.percent = percent
        self.jobs.append(job)
        return job

    def endpoint_of(self, path: str, query: Mapping[str, str], body: bytes = b"") -> Endpoint:
        """Return which endpoint a request is for."""
        if path == resto.PATH:
            return Endpoint.CATALOGUE
        if path.rstrip("/") == processes.PATH:
            return processes.endpoint_of(query, body)
        if path.startswith(OUTPUTS + "/"):
            return Endpoint.REPORT if path.endswith(".json") else Endpoint.STATUS
        if path.startswith(LOGS + "/"):
            return Endpoint.JOBLOG
        return Endpoint.RESULT if path.startswith(RESULTS + "/") else Endpoint.OTHER

    def answer(self, recorded: Recorded) -> Reply:
        """Return the true answer to a request; an Execute starts its job."""
        endpoint, path = recorded.endpoint, recorded.path
        if recorded.method == "POST" and endpoint not in (Endpoint.EXECUTE, Endpoint.REFRESH):
            return error_reply(405, "Method Not Allowed")
        own_list = _USER_JOBS.fullmatch(path)
        private = endpoint not in OPEN or own_list or path.startswith(processes.PATH)
        if private and not _has_account(recorded.headers, self.accounts):
            return error_reply(401, "Unauthorized", REALM)
        if own_list:
            known = ("wps_id", "product", "status_url", "status")
            return json_reply({"jobs": [{name: getattr(job, name) for name in known} for job in list(self.jobs)]})
        if endpoint is Endpoint.CATALOGUE:
            return resto.search(recorded.query, self, self.pages)
        if path.rstrip("/") == processes.PATH:
            return self.answer_wps(recorded.query, recorded.body)
        if path.startswith("/quicklook/"):
            return Reply(200, {"Content-Type": "image/jpeg"}, quicklook(path))
        if path == "/":
            return self._my_processing()
        if path == "/login":
            return page(200, "Log in to PEPS").reply()
        return self._file(recorded) or error_reply(404, f"Not Found: {path}")

    def _my_processing(self) -> Reply:
        """Return the page where a person sees what became of all jobs: the account's, as the sandbox has but one."""
        rows = [("Product", "Process", "State", "Message", "Status URL", "Results")]
        for job in reversed(list(self.jobs)):
            names = " ".join(result.name for result in job.results if job.delivers)
            state = f"{job.status}, {job.percent} %"
            rows.append((job.product, job.process, state, job.message, job.status_url, names))
        lines = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
        table = "\n".join(f"<tr>{line}</tr>" for line in lines)
        html = (
            '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>My processing</title></head>\n'
            f'<body><h1>My processing</h1>\n<table border="1">\n{table}\n</table></body></html>\n'
        )
        return Reply(200, {"Content-Type": "text/html; charset=utf-8"}, html.encode())

    def _file(self, recorded: Recorded) -> Reply | None:
        """Return what a job has at this path: its documents, log or results."""
        path, address = recorded.path, self.url + recorded.path
        for job in list(self.jobs):
            if path == f"{OUTPUTS}/{job.status_file}":
                return self.status_document(job)
            if address == job.report_url:
                return self.report(job)
            if address == job.joblog_url:
                return Reply(200, {"Content-Type": "text/plain; charset=utf-8"}, job.log().encode())
            for result in job.results if path.endswith(".zip") and job.delivers else ():
                if result.served and path in (
                    f"{RESULTS}/{job.wps_id}/{result.name}",
                    unquote(urlsplit(result.url).path),
                ):
                    known = {"ETag": result.etag, "Last-Modified": result.last_modified}
                    headers = known if self.faults.validators else {}
                    return zip_reply(result.content, headers, recorded.headers, ranges=self.faults.ranges)
        return None

    def _usual_outcome(self, name: str) -> Outcome:
        try:
            if "tileid=" in name:
                return of_series(dict(pair.partition("=")[::2] for pair in name.split(";")), self.world)
            outcome = of_product(name, self.world, self.catalogue)
        except InputError:
            return of_name(name)
        return outcome if outcome.results else of_name(name)


def _has_account(headers: Mapping[str, str], accounts: Mapping[str, str]) -> bool:
    """Return True if a request has the Basic credentials of an account, compared as UTF-8 bytes."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    known = [base64.b64encode(f"{user}:{password}".encode()) for user, password in accounts.items()]
    return scheme.lower() == "basic" and any(hmac.compare_digest(token.strip().encode(), each) for each in known)
