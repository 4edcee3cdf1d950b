"""The WPS service: key-value pairs in, documents and reports out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from urllib.parse import urlsplit

from peps_maja.sandbox.exchange import JSON, Endpoint, Reply, error_reply, xml_reply
from peps_maja.sandbox.faults import Faults
from peps_maja.sandbox.peps.centre import Job
from peps_maja.sandbox.peps.outcomes import InputError, of_product, of_series
from peps_maja.sandbox.peps.wps_xml import (
    capabilities,
    descriptions,
    exception_report,
    execute_response,
    failed,
    literal,
    read_execute,
    reference,
    state,
)
from peps_maja.sandbox.world.acquisitions import World, draw

PATH = "/resto/wps"
REFRESH = "PROCESSING_STATUS"
INSIDE = "http://peps-vizo.cnes.fr:8081/wps/outputs/"
PLAIN = "http://peps.cnes.fr"
SERIES = "FULL_MAJA"
PROCESSES = (  # identifier, title, inputs and how many of each there must be
    (REFRESH, "Status of a processing", (("wps_id", 1),)),
    ("MAJA", "MAJA on one Sentinel-2 product", (("product", 1),)),
    (
        SERIES,
        "MAJA on a time series of one tile",
        (("startDate", 1), ("completionDate", 1), ("tileid", 1), ("relativeOrbitNumber", 0)),
    ),
)


class Processes:
    """The world of a PEPS, its jobs, and the processes that start and follow them."""

    def __init__(self, pace: float, *, may_run: bool) -> None:
        self.url = ""  # of the server, without a slash at its end; known once it is up
        self.may_run = may_run
        self.faults = Faults()
        self.world = World(datetime.now(timezone.utc).date())
        self.catalogue: list[dict[str, object]] | None = None  # features of a test instead of the world: all there is
        self.jobs: list[Job] = []  # in the order in which they began
        self.executed: list[str] = []  # product, or datainputs of a series, of each Execute that started a job
        self._pace = pace

    def answer_wps(self, query: Mapping[str, str], body: bytes) -> Reply:
        """Answer GetCapabilities, DescribeProcess or Execute; the last one also if it comes as XML."""
        pairs = pairs_of(query, body)
        request = pairs.get("request", "")
        offered = PROCESSES if self.may_run else PROCESSES[:1]
        if pairs.get("service", "").upper() != "WPS":
            return _refused("MissingParameterValue", "service", "service=WPS is missing")
        if request.lower() == "getcapabilities":
            return xml_reply(capabilities((name, title) for name, title, _ in offered))
        if request.lower() not in {"execute", "describeprocess"}:
            return _refused("InvalidParameterValue", "request", f"request {request!r} is not known here")
        if pairs.get("version") != "1.0.0":
            return _refused("MissingParameterValue", "version", "version=1.0.0 is missing")
        if request.lower() == "execute":
            return self._run(pairs)
        asked = pairs.get("identifier", "").split(",")
        found = [process for process in offered if process[0] in asked or asked == ["all"]]
        unknown = f"process {','.join(asked)!r} is not known here"
        return xml_reply(descriptions(found)) if found else _refused("InvalidParameterValue", "identifier", unknown)

    def status_document(self, job: Job) -> Reply:
        """Return the document at the job's status URL: of the launch, not of the work."""
        location = self.announced(job.status_url)
        outputs = ""
        if job.wps_state == "ProcessFailed":
            words = failed(job.message or "launch of the job failed", self.faults.exception_namespace)
        elif job.wps_state or not job.launched:
            name = job.wps_state or ("ProcessStarted" if job.percent or job.status != "PENDING" else "ProcessAccepted")
            percent = 10 if name in ("ProcessStarted", "ProcessPaused") else None
            words = state(name, f"Process {job.process} {name.removeprefix('Process').lower()}", percent)
        else:
            words = state("ProcessSucceeded", f"PyWPS Process {job.process} successfully calculated")
        if job.launched and job.wps_state in (None, "ProcessSucceeded"):
            outputs = self._outputs(job)
        return xml_reply(execute_response(job.process, words, location, outputs))

    def report(self, job: Job) -> Reply:
        """Return the report."""
        return Reply(200, {"Content-Type": JSON}, self._report_text(job).encode())

    def announced(self, url: str) -> str:
        """Return an address of this server as answers give it, however the switches bend it."""
        parts = urlsplit(url)
        if not url.startswith(self.url + "/"):
            return url  # a test's own
        if (other := self.faults.addresses(url)) != url:
            return other
        if self.faults.inside_hosts and "/wps/outputs/" in parts.path:
            return INSIDE + parts.path.rpartition("/")[2]
        return PLAIN + parts.path if self.faults.plain_http else url

    def _run(self, pairs: Mapping[str, str]) -> Reply:
        """Start a job. What it is to work on is checked first: a refused product starts nothing."""
        identifier, inputs = pairs.get("identifier", ""), pairs.get("datainputs", "").strip("[]")
        if identifier == REFRESH:
            return self._refresh(inputs)
        if identifier not in {name for name, *_ in PROCESSES}:
            return _refused("InvalidParameterValue", "identifier", f"process {identifier!r} is not known here")
        if not self.may_run:
            return error_reply(403, "Forbidden")
        given = dict(pair.partition("=")[::2] for pair in inputs.split(";"))
        wanted = inputs if identifier == SERIES else given.get("product", "")
        if not wanted:
            return _refused("MissingParameterValue", "product", "")
        try:
            if identifier == SERIES:
                outcome = of_series(given, self.world)
            else:
                outcome = of_product(wanted, self.world, self.catalogue)
        except InputError as error:
            return _refused("InvalidParameterValue", error.locator, str(error))
        lasts = self._pace * (8 + 8 * draw("lasts", wanted))
        job = Job(wanted, identifier, self.url, outcome, status_names=self.faults.status_names, lasts=lasts)
        self.executed.append(wanted)
        self.jobs.append(job)
        is_stored = pairs.get("storeexecuteresponse") == pairs.get("status") == "true"
        accepted = state("ProcessAccepted", f"Process {identifier} accepted")
        return xml_reply(execute_response(identifier, accepted, self.announced(job.status_url) if is_stored else None))

    def _refresh(self, inputs: str) -> Reply:
        """Bring a job's report up to date; the answer itself says nothing about the job."""
        job = next((job for job in list(self.jobs) if job.wps_id == inputs.partition("wps_id=")[2]), None)
        if job is None:
            return _refused("InvalidParameterValue", "wps_id", f"no job for {inputs!r}")
        job.refresh()
        done = state("ProcessSucceeded", f"PyWPS Process {REFRESH} successfully calculated")
        return xml_reply(execute_response(REFRESH, done))

    def _outputs(self, job: Job) -> str:
        if self.faults.report_as == "literal":
            return literal(self._report_text(job))
        return reference(self.announced(job.report_url), plain=self.faults.report_as == "href")

    def _report_text(self, job: Job) -> str:
        """Return one key a line, in an order that clients which read it line by line can use."""
        if self.faults.report_moves:
            job.refresh()
        reported = job.reported
        wrapped = job.process == SERIES if self.faults.wrapped is None else self.faults.wrapped
        fields: dict[str, object] = {"job_id": job.job_id, "job_status": reported.status}
        fields |= {"process": f"{reported.percent}%"} if wrapped else {"percentCompleted": reported.percent}
        fields |= {
            "message": reported.message,
            "results": [self.announced(url) for url in reported.results],
            "unprocessed": str(reported.unprocessed),
            "logs": [self.announced(job.joblog_url)],
        }
        if reported.finished_at and not wrapped:
            fields["finishedTime"] = reported.finished_at
        return json.dumps({"USER_INFO": fields} if wrapped else fields, indent=4)


def pairs_of(query: Mapping[str, str], body: bytes) -> dict[str, str]:
    """Return the key-value pairs of a request: the names of parameters may be in any case."""
    return read_execute(body) if body else {name.lower(): value for name, value in query.items()}


def endpoint_of(query: Mapping[str, str], body: bytes) -> Endpoint:
    """Return which endpoint a request to the WPS path means."""
    pairs = pairs_of(query, body)
    request = pairs.get("request", "").lower()
    if request == "getcapabilities":
        return Endpoint.CAPABILITIES
    if request == "describeprocess":
        return Endpoint.DESCRIPTION
    if request == "execute":
        return Endpoint.REFRESH if pairs.get("identifier") == REFRESH else Endpoint.EXECUTE
    return Endpoint.OTHER


def _refused(code: str, locator: str, text: str) -> Reply:
    return xml_reply(exception_report(code, text, locator), 400 if code == "MissingParameterValue" else 200)
