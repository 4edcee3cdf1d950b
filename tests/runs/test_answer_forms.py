"""Every form in which PEPS tells where a job stands, as named samples, and what the downloader makes of each.

In the samples, `$server` stands for the server's address, `$id` for the job's WPS id, `$report` for the report's own id
and `$zip` for the result's name.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from string import Template

import pytest
from helpers import Place, Run

from peps_maja.sandbox import NOT_FOUND, Canned, Endpoint, Fault, Job, Sandbox

# -- status documents, the first layer --------------------------------------------------------------------------------

# As PyWPS 3.2 writes them: pywps/Templates/1_0_0/Execute.tmpl.
_PYWPS_3 = """<?xml version="1.0" encoding="utf-8"?>
<wps:ExecuteResponse xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"
    xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" service="WPS"
    version="1.0.0" xml:lang="en-CA" serviceInstance="http://peps-vizo.cnes.fr:8081/cgi-bin/pywps.cgi?service=WPS&amp;request=GetCapabilities&amp;version=1.0.0"
    statusLocation="$server/resto/wps/outputs/pywps-$id.xml">
    <wps:Process wps:processVersion="1.0">
        <ows:Identifier>MAJA</ows:Identifier>
        <ows:Title>MAJA</ows:Title>
    </wps:Process>
    <wps:Status creationTime="2019-04-02T11:12:45Z">
        {status}
    </wps:Status>
    {outputs}
</wps:ExecuteResponse>
"""
# As PyWPS 4 writes them: pywps/templates/1.0.0/execute/main.xml.
_PYWPS_4 = """<?xml version="1.0" encoding="UTF-8"?>
<wps:ExecuteResponse xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"
    xmlns:xlink="http://www.w3.org/1999/xlink" service="WPS" version="1.0.0" xml:lang="en-US"
    serviceInstance="$server/resto/wps?request=GetCapabilities&amp;amp;service=WPS"
    statusLocation="$server/resto/wps/outputs/$id.xml">
    <wps:Process wps:processVersion="None">
        <ows:Identifier>MAJA</ows:Identifier>
        <ows:Title>MAJA</ows:Title>
        <ows:Abstract></ows:Abstract>
    </wps:Process>
    <wps:Status creationTime="2021-04-02T11:12:45Z">
        {status}
    </wps:Status>
    {outputs}
</wps:ExecuteResponse>
"""
_OUTPUT = """<wps:ProcessOutputs>
        <wps:Output>
            <ows:Identifier>report</ows:Identifier>
            <ows:Title>report</ows:Title>
            {content}
        </wps:Output>
    </wps:ProcessOutputs>"""
_SUCCEEDED = "<wps:ProcessSucceeded>PyWPS Process MAJA successfully calculated</wps:ProcessSucceeded>"


def _pywps_3(status: str, content: str = "") -> str:
    return _PYWPS_3.format(status=status, outputs=_OUTPUT.format(content=content) if content else "")


def _pywps_4(status: str, content: str = "") -> str:
    return _PYWPS_4.format(status=status, outputs=_OUTPUT.format(content=content) if content else "")


def _failed(report: str) -> str:
    return _pywps_3(f"<wps:ProcessFailed>{report}</wps:ProcessFailed>")


_REPORT_URL = "$server/resto/wps/outputs/report-$report.json"

ACCEPTED = _pywps_3("<wps:ProcessAccepted>Process MAJA accepted</wps:ProcessAccepted>")
ACCEPTED_WITH_PERCENTAGE = _pywps_4(
    '<wps:ProcessAccepted percentCompleted="0">PyWPS Process MAJA accepted</wps:ProcessAccepted>'
)
STARTED = _pywps_3('<wps:ProcessStarted percentCompleted="10">Process MAJA started</wps:ProcessStarted>')
PAUSED = _pywps_3('<wps:ProcessPaused percentCompleted="0">Getting input product of process MAJA</wps:ProcessPaused>')
SUCCEEDED_WITHOUT_OUTPUTS = _pywps_3(_SUCCEEDED)
# Both PyWPS write `href` without a namespace, as WPS 1.0.0 has it for outputs; what OWSLib and the clients in
# olivierhagolle/maja_peps (`split('href="')`) read as well is XLink's.
REFERENCE_WITH_HREF = _pywps_3(_SUCCEEDED, f'<wps:Reference href="{_REPORT_URL}" mimeType="application/json" />')
REFERENCE_WITH_XLINK_HREF = _pywps_3(_SUCCEEDED, f'<wps:Reference xlink:href="{_REPORT_URL}"/>')
REFERENCE_OF_PYWPS_4 = _pywps_4(
    "<wps:ProcessSucceeded>PyWPS Process MAJA finished</wps:ProcessSucceeded>",
    f'<wps:Reference href="{_REPORT_URL}" mimeType="application/json" encoding="" schema=""/>',
)
# The hosts that olivierhagolle/maja_peps had to do with, full_maja_download.py.
REFERENCE_ON_INSIDE_HOST = _pywps_3(
    _SUCCEEDED, '<wps:Reference href="http://peps-vizo.cnes.fr:8081/wps/outputs/report-$report.json"/>'
)
REFERENCE_ON_PLAIN_HTTP = _pywps_3(
    _SUCCEEDED, '<wps:Reference href="http://peps.cnes.fr/resto/wps/outputs/report-$report.json"/>'
)
# PyWPS itself, as long as nobody has told it an `outputurl`.
REFERENCE_TO_SERVERS_DISK = _pywps_3(_SUCCEEDED, '<wps:Reference href="file:///data/wps/outputs/report-$id.json"/>')
# The answers of 2018, which peps_maja_download.py in olivierhagolle/maja_peps searched line by line for
# `percentCompleted`, `FINISHED` and a zip.
LITERAL_FLAT = _pywps_3(
    _SUCCEEDED,
    """<wps:Data><wps:LiteralData dataType="string">{
        "job_status": "FINISHED",
        "percentCompleted": 100,
        "results": [
            "$server/cgi-bin/mapcache_results/maja/$id/$zip"
        ]
    }</wps:LiteralData></wps:Data>""",
)
LITERAL_WRAPPED = _pywps_3(
    _SUCCEEDED,
    '<wps:Data><wps:LiteralData>{"USER_INFO": {"job_status": "FINISHED", "process": "100%",'
    ' "results": ["$server/cgi-bin/mapcache_results/maja/$id/$zip"]}}</wps:LiteralData></wps:Data>',
)
LITERAL_CUT_SHORT = _pywps_3(
    _SUCCEEDED, '<wps:Data><wps:LiteralData>{"USER_INFO": {"job_id": 12345,</wps:LiteralData></wps:Data>'
)
LITERAL_UNDER_WAY = _pywps_3(
    _SUCCEEDED,
    '<wps:Data><wps:LiteralData>{"job_status": "RUNNING", "percentCompleted": 42}</wps:LiteralData></wps:Data>',
)
# PyWPS of both versions puts `ows:Exception` into `wps:ExceptionReport`; without a text, version 3 leaves it empty.
FAILED_WPS_REPORT = _failed(
    '<wps:ExceptionReport><ows:Exception exceptionCode="NoApplicableCode" locator="None">'
    "<ows:ExceptionText>Failed to execute WPS process [MAJA]: no space left</ows:ExceptionText>"
    "</ows:Exception></wps:ExceptionReport>"
)
FAILED_WPS_REPORT_WITHOUT_TEXT = _failed(
    '<wps:ExceptionReport><ows:Exception exceptionCode="MissingParameterValue" locator="product" />'
    "</wps:ExceptionReport>"
)
FAILED_ALL_IN_WPS = _failed(
    '<wps:ExceptionReport><wps:Exception exceptionCode="NoApplicableCode">'
    "<wps:ExceptionText>launch of the job failed</wps:ExceptionText></wps:Exception></wps:ExceptionReport>"
)
# What the schema of WPS 1.0.0 asks for; 52°North and GeoServer write it so.
FAILED_OWS_REPORT = _failed(
    '<ows:ExceptionReport version="1.1.0"><ows:Exception exceptionCode="NoApplicableCode">'
    "<ows:ExceptionText>Process execution failed: out of memory</ows:ExceptionText>"
    "</ows:Exception></ows:ExceptionReport>"
)
FAILED_OWS_REPORT_WITHOUT_TEXT = _failed(
    '<ows:ExceptionReport version="1.1.0"><ows:Exception exceptionCode="NoApplicableCode"/></ows:ExceptionReport>'
)
FAILED_WITH_BARE_TEXT = _failed("cannot reach the computing centre")
FAILED_WITHOUT_A_WORD = _failed("")

EXECUTE_RESPONSES = {
    name: sample
    for name, sample in sorted(globals().items())
    if isinstance(sample, str) and "<wps:ExecuteResponse" in sample and not name.startswith("_")
}

# -- refusals, which come in the place of such documents ---------------------------------------------------------------

# PyWPS 4: pywps/exceptions.py.
REFUSED_WITH_TEXT = """<?xml version="1.0" encoding="UTF-8"?>
<!-- PyWPS 4.5.2 -->
<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
    xsi:schemaLocation="http://www.opengis.net/ows/1.1 http://schemas.opengis.net/ows/1.1.0/owsExceptionReport.xsd"
    version="1.0.0">
  <ows:Exception exceptionCode="InvalidParameterValue" locator="wps_id" >
      <ows:ExceptionText>Invalid parameter value: wps_id</ows:ExceptionText>
  </ows:Exception>
</ows:ExceptionReport>"""
# PyWPS 3: pywps/Exceptions.py. Of what it says, only NoApplicableCode has a text.
REFUSED_WITHOUT_TEXT = """<?xml version="1.0" encoding="utf-8"?>
<ExceptionReport version="1.0.0" xmlns="http://www.opengis.net/ows/1.1"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
	<Exception exceptionCode="MissingParameterValue" locator="wps_id"/>
</ExceptionReport>
"""
REFUSED_BUSY = REFUSED_WITHOUT_TEXT.replace('"MissingParameterValue" locator="wps_id"', '"ServerBusy"')
REFUSED_IN_WPS = (
    '<wps:ExceptionReport xmlns:wps="http://www.opengis.net/wps/1.0.0"><wps:Exception exceptionCode="NoApplicableCode">'
    "<wps:ExceptionText>the process ended without an answer</wps:ExceptionText></wps:Exception></wps:ExceptionReport>"
)
EXCEPTION_REPORTS = {name: sample for name, sample in sorted(globals().items()) if name.startswith("REFUSED_")}

HTML = "<!DOCTYPE html><html><head><title>PEPS</title></head><body><h1>Maintenance</h1></body></html>"

# -- reports, the second layer ---------------------------------------------------------------------------------------

_RESULT = "$server/cgi-bin/mapcache_results/maja/$id/$zip"
# With USER_INFO: full_maja_download.py in olivierhagolle/maja_peps (job_status, process, results, logs).
WRAPPED = (
    '{"USER_INFO": {"job_id": 12345, "job_status": "FINISHED", "process": "100%", "message": "",'
    f' "results": ["{_RESULT}"], "unprocessed": "0",'
    ' "logs": ["$server/cgi-bin/mapcache_results/logs/joblog-$id.log"]}}'
)
# Without: peps_maja_download.py, which read `"percentCompleted": 42,` and went from line to line.
FLAT = f"""{{
    "job_status": "FINISHED",
    "finishedTime": "2019-04-02T12:41:07Z",
    "percentCompleted": 100,
    "results": [
        "{_RESULT}"
    ]
}}"""
FLAT_AND_SHORT = f'{{"job_status": "FINISHED", "results": ["{_RESULT}"]}}'
RESULTS_AS_STRING = f'{{"USER_INFO": {{"job_status": "FINISHED", "results": "{_RESULT}"}}}}'
RESULTS_ON_PLAIN_HTTP = WRAPPED.replace("$server/cgi-bin/mapcache_results/maja", "http://peps.cnes.fr$files")
RESULTS_ON_PEPS = WRAPPED.replace("$server/cgi-bin/mapcache_results/maja", "https://peps.cnes.fr$files")
RESULTS_WITH_NULLS = WRAPPED.replace(f'["{_RESULT}"]', f'[null, "", "{_RESULT}", "{_RESULT}"]')
NULL_FIELDS = (
    '{"USER_INFO": {"job_id": null, "job_status": "FINISHED", "process": null, "message": null,'
    f' "results": ["{_RESULT}"], "unprocessed": null, "logs": null}}}}'
)
WITHOUT_RESULTS = {
    "RESULTS_MISSING": '{"USER_INFO": {"job_status": "FINISHED", "process": "100%"}}',
    "RESULTS_NULL": '{"USER_INFO": {"job_status": "FINISHED", "process": "100%", "results": null}}',
    "RESULTS_EMPTY": '{"job_status": "FINISHED", "percentCompleted": 100, "results": []}',
    "RESULTS_EMPTY_STRING": '{"job_status": "FINISHED", "results": ""}',
}
NO_REPORT_INSIDE = '{"USER_INFO": null}'
REPORTS_WITH_RESULTS = {
    "WRAPPED": WRAPPED,
    "FLAT": FLAT,
    "FLAT_AND_SHORT": FLAT_AND_SHORT,
    "RESULTS_AS_STRING": RESULTS_AS_STRING,
    "RESULTS_ON_PLAIN_HTTP": RESULTS_ON_PLAIN_HTTP,
    "RESULTS_ON_PEPS": RESULTS_ON_PEPS,
    "RESULTS_WITH_NULLS": RESULTS_WITH_NULLS,
    "NULL_FIELDS": NULL_FIELDS,
}

# What `job_status` is called while there is nothing to fetch, beside what else a report may say; and what is shown.
UNDER_WAY = {
    "PENDING": ('{"USER_INFO": {"job_status": "PENDING", "process": "0%", "results": []}}', "waiting"),
    "PENDING_FLAT": ('{"job_status": "PENDING", "percentCompleted": 0}', "waiting"),
    "RUNNING": ('{"USER_INFO": {"job_status": "RUNNING", "process": "42%"}}', "running, 42 %"),
    "RUNNING_FLAT": ('{"job_status": "RUNNING", "percentCompleted": 42}', "running, 42 %"),
    "RUNNING_AS_TEXT": ('{"job_status": "RUNNING", "percentCompleted": "42"}', "running, 42 %"),
    "RUNNING_NOBODY_KNOWS_HOW_FAR": ('{"job_status": "RUNNING"}', "running"),
    "RUNNING_NULL": (
        '{"USER_INFO": {"job_status": "RUNNING", "process": null, "message": null, "results": null}}',
        "running",
    ),
    "RUNNING_WITH_MESSAGE": (
        '{"USER_INFO": {"job_status": "RUNNING", "process": "42%", "message": "date 3\\nof 8"}}',
        "running, 42 %: date 3 of 8",
    ),
    "STALLED": ('{"USER_INFO": {"job_status": "STALLED", "process": "97%"}}', "running, 97 %"),
    "PAUSED": ('{"USER_INFO": {"job_status": "PAUSED", "process": "12%"}}', "paused"),
    "UNKNOWN": ('{"USER_INFO": {"job_status": "HIBERNATING", "process": "12%"}}', "HIBERNATING"),
}
ENDED_BADLY = {
    "FAILED": ('{"USER_INFO": {"job_status": "FAILED", "message": "MAJA: no DEM"}}', "failed", "MAJA: no DEM"),
    "IN_ERROR": ('{"job_status": "IN_ERROR", "percentCompleted": 30, "message": null}', "failed", "IN_ERROR"),
    "ERROR": (
        '{"USER_INFO": {"job_status": "ERROR", "logs": ["$server/cgi-bin/mapcache_results/logs/joblog-$id.log"]}}',
        "failed",
        "ERROR",
    ),
    "CANCELED": ('{"USER_INFO": {"job_status": "CANCELED", "process": "0%"}}', "cancelled", "CANCELED"),
    "KILLED": ('{"job_status": "KILLED", "message": "by the operator"}', "cancelled", "by the operator"),
}
FAILED_IN_FRENCH = '{"job_status": "FAILED", "message": "données absentes"}'

# -- the joblog, where nothing else is left: sentinelPot/peps.py in LLeiSong/sentinelPot reads it ---------------------

JOBLOG = f"""2019-04-02 11:12:45 INFO MAJA job $id accepted
2019-04-02 12:40:02 INFO product available: {_RESULT}
2019-04-02 12:40:02 INFO mail sent, link <a href="{_RESULT}">{_RESULT}</a>
"""
JOBLOG_UNDER_WAY = "2019-04-02 11:12:45 INFO MAJA job $id accepted\n2019-04-02 11:20:00 INFO 3 of 8 dates\n"

# -- where status documents are said to lie: PyWPS 4 has no `pywps-`, and the server named inside and plain hosts -----

STATUS_URL = "$server/resto/wps/outputs/pywps-$id.xml"
STATUS_URLS = {
    "PYWPS_4": "$server/resto/wps/outputs/$id.xml",
    "INSIDE_HOST": "http://peps-vizo.cnes.fr:8081/wps/outputs/pywps-$id.xml",
    "PLAIN_HTTP": "http://peps.cnes.fr/resto/wps/outputs/pywps-$id.xml",
    "HTTPS": "https://peps.cnes.fr/resto/wps/outputs/pywps-$id.xml",
}


@dataclass(frozen=True)
class Form:
    """What the server says of one job; None: there is no such file (404). `refresh` answers PROCESSING_STATUS."""

    status: str | None = REFERENCE_WITH_HREF
    report: str | None = WRAPPED
    joblog: str | None = None
    refresh: str = SUCCEEDED_WITHOUT_OUTPUTS
    status_url: str = STATUS_URL
    encoding: str = "utf-8"


# A job whose WPS process has not launched it yet, or that has no report yet, whatever came in its place.
NOT_YET = {
    "ACCEPTED": Form(ACCEPTED, None),
    "ACCEPTED_WITH_PERCENTAGE": Form(ACCEPTED_WITH_PERCENTAGE, None),
    "STARTED": Form(STARTED, None),
    "WPS_PAUSED": Form(PAUSED, None),
    "STATUS_EMPTY": Form("", None),
    "STATUS_NOT_THERE": Form(None, None),
    "STATUS_CUT_SHORT": Form(REFERENCE_WITH_HREF[:700], None),
    **{name: Form(sample, None) for name, sample in EXCEPTION_REPORTS.items()},
    "SUCCEEDED_WITHOUT_OUTPUTS": Form(SUCCEEDED_WITHOUT_OUTPUTS, None),
    "REPORT_NOT_THERE": Form(report=None),
    "REPORT_EMPTY": Form(report=""),
    "REPORT_WITHOUT_ANYTHING": Form(report=NO_REPORT_INSIDE),
    "JOBLOG_WITHOUT_RESULTS": Form(None, None, JOBLOG_UNDER_WAY),
}
OPEN = {
    **{name: (form, "waiting") for name, form in NOT_YET.items()},
    **{name: (Form(report=report), shown) for name, (report, shown) in UNDER_WAY.items()},
    "LITERAL_UNDER_WAY": (Form(LITERAL_UNDER_WAY, None), "running, 42 %"),
}
FINISHED = {
    "REFERENCE_WITH_XLINK_HREF": Form(REFERENCE_WITH_XLINK_HREF),
    "REFERENCE_OF_PYWPS_4": Form(REFERENCE_OF_PYWPS_4),
    "REFERENCE_ON_INSIDE_HOST": Form(REFERENCE_ON_INSIDE_HOST),
    "REFERENCE_ON_PLAIN_HTTP": Form(REFERENCE_ON_PLAIN_HTTP),
    "LITERAL_FLAT": Form(LITERAL_FLAT, None),
    "LITERAL_WRAPPED": Form(LITERAL_WRAPPED, None),
    **{name: Form(report=report) for name, report in REPORTS_WITH_RESULTS.items()},
    **{f"{name}_BUT_IN_JOBLOG": Form(report=report, joblog=JOBLOG) for name, report in WITHOUT_RESULTS.items()},
    **{f"STATUS_URL_{name}": Form(status_url=url) for name, url in STATUS_URLS.items()},
    "STATUS_GONE": Form(None),
    "STATUS_EMPTY": Form(""),
    **{f"STATUS_{name}": Form(sample) for name, sample in EXCEPTION_REPORTS.items()},
    **{f"REFRESH_{name}": Form(refresh=sample) for name, sample in EXCEPTION_REPORTS.items()},
    "REFRESH_HTML": Form(refresh=HTML),
    "SUCCEEDED_WITHOUT_OUTPUTS": Form(SUCCEEDED_WITHOUT_OUTPUTS),
    "STATUS_AND_REPORT_GONE": Form(None, None, JOBLOG),
    "REPORT_GONE": Form(report=None, joblog=JOBLOG),
}
# The status document leads nowhere from outside, and the report lies where reports lie.
LEADS_NOWHERE = {
    "REFERENCE_TO_SERVERS_DISK": Form(REFERENCE_TO_SERVERS_DISK),
    "LITERAL_CUT_SHORT": Form(LITERAL_CUT_SHORT),
}
# The layers, one behind the other.
ASKED = {
    "REFERENCE_WITH_XLINK_HREF": [Endpoint.STATUS, Endpoint.REFRESH, Endpoint.REPORT, Endpoint.RESULT],
    "STATUS_URL_INSIDE_HOST": [Endpoint.STATUS, Endpoint.REFRESH, Endpoint.REPORT, Endpoint.RESULT],
    "STATUS_GONE": [Endpoint.STATUS, Endpoint.REFRESH, Endpoint.REPORT, Endpoint.RESULT],
    "STATUS_AND_REPORT_GONE": [
        Endpoint.STATUS,
        Endpoint.REFRESH,
        Endpoint.REPORT,
        Endpoint.JOBLOG,
        Endpoint.RESULT,
    ],
}
FAILED = {
    "FAILED_WPS_REPORT": (FAILED_WPS_REPORT, "Failed to execute WPS process [MAJA]: no space left"),
    "FAILED_WPS_REPORT_WITHOUT_TEXT": (FAILED_WPS_REPORT_WITHOUT_TEXT, "MissingParameterValue: product"),
    "FAILED_ALL_IN_WPS": (FAILED_ALL_IN_WPS, "launch of the job failed"),
    "FAILED_OWS_REPORT": (FAILED_OWS_REPORT, "Process execution failed: out of memory"),
    "FAILED_OWS_REPORT_WITHOUT_TEXT": (FAILED_OWS_REPORT_WITHOUT_TEXT, "NoApplicableCode"),
    "FAILED_WITH_BARE_TEXT": (FAILED_WITH_BARE_TEXT, "cannot reach the computing centre"),
    "FAILED_WITHOUT_A_WORD": (FAILED_WITHOUT_A_WORD, "no reason given"),
}
ENDED = {
    **{name: (Form(status, None), "failed", why) for name, (status, why) in FAILED.items()},
    **{name: (Form(report=report), event, why) for name, (report, event, why) in ENDED_BADLY.items()},
    "FAILED_IN_LATIN_1": (Form(report=FAILED_IN_FRENCH, encoding="latin-1"), "failed", "donn\ufffdes absentes"),
}


def product(number: int) -> str:
    day = f"{date(2019, 3, 1) + timedelta(days=number):%Y%m%d}"
    return f"S2A_MSIL1C_{day}T105021_N0207_R051_T31TCJ_{day}T125917"


def report_id(job: Job) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, job.wps_id))


def filled(sample: str, job: Job, peps: Sandbox) -> str:
    return Template(sample).substitute(
        server=peps.url,
        id=job.wps_id,
        report=report_id(job),
        zip=job.results[0].name,
        files="/cgi-bin/mapcache_results/maja",
    )


def tell(peps: Sandbox, job: Job, form: Form) -> None:
    """Let the server say of this job what the form has: the report where the status document has it, else by WPS id."""
    report = report_id(job) if "report-$report" in (form.status or "") else job.wps_id
    for endpoint, sample, match in (
        (Endpoint.STATUS, form.status, job.wps_id),
        (Endpoint.REPORT, form.report, f"report-{report}.json"),
        (Endpoint.REPORT, None, job.wps_id),
        (Endpoint.JOBLOG, form.joblog, job.wps_id),
        (Endpoint.REFRESH, form.refresh, job.wps_id),
    ):
        answer = NOT_FOUND if sample is None else Canned(200, filled(sample, job, peps).encode(form.encoding))
        peps.faults.add(Fault(endpoint, answer, times=None, match=match))


def submitted(place: Place, peps: Sandbox, forms: dict[str, Form]) -> dict[str, Job]:
    """Write a log with one job for each form; return the jobs by the forms' names."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    jobs = {name: peps.add_job(product(number)) for number, name in enumerate(forms)}
    for name, form in forms.items():
        tell(peps, jobs[name], form)
    place.write_log(
        *((now, "submitted", job.product, filled(forms[name].status_url, job, peps)) for name, job in jobs.items())
    )
    return jobs


def told(run: Run, job: Job) -> list[str]:
    """Return what a run said of a job."""
    lines = [line for line in (run.out + run.err).splitlines() if job.product in line]
    return [line.partition(f"{job.product}: ")[2] for line in lines]


def asked_about(peps: Sandbox, job: Job) -> list[Endpoint]:
    """Return what the server was asked about a job, in order."""
    ids = (job.wps_id, report_id(job))
    texts = [(asked.endpoint, asked.path + asked.query.get("datainputs", "")) for asked in peps.requests]
    return [endpoint for endpoint, text in texts if any(one in text for one in ids)]


def news(place: Place) -> dict[str, list[tuple[str, str]]]:
    """Return the events after the submission, by job."""
    events: dict[str, list[tuple[str, str]]] = {}
    for event, job, detail in place.events():
        if event != "submitted":
            events.setdefault(job, []).append((event, detail))
    return events


@pytest.fixture(autouse=True)
def patience(place: Place) -> None:
    place.environment["PEPS_TIMEOUT"] = "20"  # nothing here is silent, but the machine may be busy


def test_a_job_that_is_not_finished_stays_open_until_it_is(place: Place, peps: Sandbox) -> None:
    jobs = submitted(place, peps, {name: form for name, (form, _) in OPEN.items()})
    run = place.download()
    assert (run.status, run.err) == (0, "")
    said = {name: told(run, job) for name, job in jobs.items()}
    # Why a job waits is told behind the word; where it runs, all that is said counts.
    assert {
        name: [line.partition(":")[0] if shown == "waiting" else line for line in said[name]]
        for name, (_, shown) in OPEN.items()
    } == {name: [shown] for name, (_, shown) in OPEN.items()}
    assert news(place) == {}
    assert {asked.query["datainputs"].removeprefix("wps_id=") for asked in peps.asked(Endpoint.REFRESH)} == {
        job.wps_id
        for name, job in jobs.items()
        if name not in {"ACCEPTED", "ACCEPTED_WITH_PERCENTAGE", "STARTED", "WPS_PAUSED"}
    }

    peps.faults.clear()
    run = place.download("-q")
    assert (run.status, run.err) == (0, "")
    assert news(place) == {
        job.product: [("downloaded", job.results[0].name), ("finished", "")] for job in jobs.values()
    }


def test_a_finished_job_is_fetched_and_not_asked_for_again(place: Place, peps: Sandbox) -> None:
    jobs = submitted(place, peps, FINISHED)
    run = place.download()
    assert (run.status, run.err) == (0, "")
    events = news(place)
    assert {name: events.get(job.product) for name, job in jobs.items()} == {
        name: [("downloaded", job.results[0].name), ("finished", "")] for name, job in jobs.items()
    }
    assert place.zips() == sorted(job.results[0].name for job in jobs.values())
    said = {name: " ".join(told(run, job)) for name, job in jobs.items()}
    assert {name for name, job in jobs.items() if job.results[0].name in said[name]} == set(FINISHED)
    assert {name: asked_about(peps, jobs[name]) for name in ASKED} == ASKED

    requests = len(peps.requests)
    run = place.download()
    assert (run.status, run.err) == (0, "")
    assert len(peps.requests) == requests
    assert news(place) == events


@pytest.mark.parametrize("form", LEADS_NOWHERE.values(), ids=LEADS_NOWHERE)
def test_a_status_document_that_leads_nowhere_does_not_hide_the_report(place: Place, peps: Sandbox, form: Form) -> None:
    [job] = submitted(place, peps, {"the job": form}).values()
    run = place.download("-q")
    assert (run.status, run.err) == (0, "")
    assert place.zips() == [job.results[0].name]


@pytest.mark.parametrize(("form", "event", "why"), ENDED.values(), ids=ENDED)
def test_a_job_that_ended_badly_is_told_once(place: Place, peps: Sandbox, form: Form, event: str, why: str) -> None:
    [job] = submitted(place, peps, {"the job": form}).values()
    run = place.download("-q")
    assert run.status == 1
    [[(logged, detail)]] = news(place).values()
    assert logged == event
    assert why in detail
    [line] = told(run, job)
    assert line.startswith(f"{event}: {detail}")
    assert f"--resubmit {event}" in line

    requests = len(peps.requests)
    assert place.download("-q") == Run(0, "", "")
    assert len(peps.requests) == requests


@pytest.mark.parametrize("joblog", [None, JOBLOG_UNDER_WAY], ids=["no joblog", "joblog without results"])
def test_finished_without_results_is_missing_until_there_are_some(
    place: Place, peps: Sandbox, joblog: str | None
) -> None:
    forms = {name: Form(report=report, joblog=joblog) for name, report in WITHOUT_RESULTS.items()}
    jobs = submitted(place, peps, forms)
    run = place.download("-q")
    assert run.status == 1
    assert news(place) == {job.product: [("missing", "- absent no results")] for job in jobs.values()}
    assert {name: len(told(run, job)) for name, job in jobs.items()} == dict.fromkeys(forms, 1)

    assert place.download("-q").out == ""
    assert len(place.events("missing")) == len(forms)

    peps.faults.clear()
    assert place.download("-q").status == 0
    assert place.zips() == sorted(job.results[0].name for job in jobs.values())


@pytest.mark.parametrize("name", EXCEPTION_REPORTS)
def test_an_order_refused_in_any_form_is_told(place: Place, peps: Sandbox, name: str) -> None:
    sample, is_busy = EXCEPTION_REPORTS[name], name == "REFUSED_BUSY"
    # A busy server has surely not taken the order; this one asks for more time than a run has.
    peps.faults.add(Fault(Endpoint.EXECUTE, Canned(400, sample, {"Retry-After": "120"})))
    run = place.process("--product", product(0))
    assert run.status == (75 if is_busy else 1)
    [_, (event, _, detail)] = place.events()
    assert event == ("postponed" if is_busy else "rejected")
    said = {
        "REFUSED_WITH_TEXT": "InvalidParameterValue: Invalid parameter value: wps_id",
        "REFUSED_WITHOUT_TEXT": "MissingParameterValue",
        "REFUSED_IN_WPS": "NoApplicableCode: the process ended without an answer",
        "REFUSED_BUSY": "ServerBusy",
    }[name]
    assert said in detail
    assert said in run.err
    assert peps.executed == []

    run = place.process("--product", product(0), "-q")
    assert run.status == 0
    assert peps.executed == ([product(0)] if is_busy else [])
