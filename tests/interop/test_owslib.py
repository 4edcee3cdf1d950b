"""OWSLib as the referee: it and our own reader make the same of every WPS document in the tests and in the sandbox."""

from __future__ import annotations

import pytest
from owslib.etree import etree  # type: ignore[import-untyped]
from owslib.util import Authentication  # type: ignore[import-untyped]
from owslib.wps import WebProcessingService, WPSExecution  # type: ignore[import-untyped]
from samples import REFUSALS as REFUSED
from samples import SERVER, STATUS, WITHOUT_RESULTS, WPS_ID, filled

from peps_maja.peps.wps import ExceptionReport, ExecuteResponse, read_document
from peps_maja.sandbox import Endpoint, Sandbox
from peps_maja.sandbox.peps import wps_xml
from peps_maja.text import one_line

REPORT_URL = f"{SERVER}/resto/wps/outputs/report-{WPS_ID}.json"
STATUS_URL = f"{SERVER}/resto/wps/outputs/pywps-{WPS_ID}.xml"
SUCCEEDED = wps_xml.state("ProcessSucceeded", "PyWPS Process MAJA successfully calculated")


def of_sandbox(status: str, outputs: str = "") -> str:
    return wps_xml.execute_response("MAJA", status, STATUS_URL, outputs)


RESPONSES = {
    **{name: filled(sample) for name, sample in STATUS.items()},
    "sandbox: accepted": of_sandbox(wps_xml.state("ProcessAccepted", "Process MAJA accepted")),
    "sandbox: started": of_sandbox(wps_xml.state("ProcessStarted", "Process MAJA started", 10)),
    "sandbox: paused": of_sandbox(wps_xml.state("ProcessPaused", "Process MAJA paused", 10)),
    "sandbox: href": of_sandbox(SUCCEEDED, wps_xml.reference(REPORT_URL, plain=True)),
    "sandbox: xlink:href": of_sandbox(SUCCEEDED, wps_xml.reference(REPORT_URL, plain=False)),
    "sandbox: literal": of_sandbox(SUCCEEDED, wps_xml.literal(WITHOUT_RESULTS["null"])),
    "sandbox: failed, ows": of_sandbox(wps_xml.failed("no space left", "ows")),
    "sandbox: failed, wps": of_sandbox(wps_xml.failed("no space left", "wps")),
    "sandbox: no status URL": wps_xml.execute_response("PROCESSING_STATUS", SUCCEEDED),
}
REFUSALS = {
    **{name: filled(sample) for name, sample in REFUSED.items()},
    "sandbox: with text": wps_xml.exception_report("InvalidParameterValue", "product x not found", "product"),
    "sandbox: without text": wps_xml.exception_report("MissingParameterValue", locator="product"),
    "sandbox: busy": wps_xml.exception_report("ServerBusy", "Maximum number of processes reached"),
    "sandbox: all in wps": wps_xml.exception_report("NoApplicableCode", "no space left", prefix="wps"),
}
# OWSLib looks for exceptions in the namespace of OWS alone, and sees none in these.
BEYOND_OWSLIB = {"failed_all_in_wps", "in_wps", "sandbox: failed, wps", "sandbox: all in wps"}


def read_by_owslib(document: str) -> WPSExecution:
    execution = WPSExecution()
    execution.parseResponse(etree.fromstring(document.encode()))
    return execution


def exceptions(execution: WPSExecution) -> list[ExceptionReport]:
    return [
        ExceptionReport(error.code or "", one_line(error.text or ""), error.locator or "") for error in execution.errors
    ]


def as_list(text: str) -> list[str]:
    return [text] if text else []


@pytest.mark.parametrize("name", RESPONSES)
def test_both_make_the_same_of_a_response(name: str) -> None:
    ours, theirs = read_document(RESPONSES[name].encode()), read_by_owslib(RESPONSES[name])
    assert isinstance(ours, ExecuteResponse)
    # An ExceptionReport inside makes OWSLib forget that it came in a ProcessFailed.
    assert theirs.status in ({"ProcessFailed", "Exception"} if ours.failure else {ours.state})
    assert ours.status_location == (theirs.statusLocation or "")
    assert [output.reference for output in theirs.processOutputs if output.reference] == as_list(ours.report_url)
    assert [data for output in theirs.processOutputs for data in output.data] == as_list(ours.report)
    assert (ours.failure is not None) == (ours.state == "ProcessFailed")
    if ours.failure and name not in BEYOND_OWSLIB:  # where there is no ExceptionReport at all, the status tells why
        by_status = [ExceptionReport("", one_line(theirs.statusMessage or ""))]
        assert [ours.failure] == (exceptions(theirs) or by_status)


@pytest.mark.parametrize("name", REFUSALS)
def test_both_make_the_same_of_a_refusal(name: str) -> None:
    ours, theirs = read_document(REFUSALS[name].encode()), read_by_owslib(REFUSALS[name])
    assert isinstance(ours, ExceptionReport)
    assert theirs.status == "Exception"
    assert exceptions(theirs) == ([] if name in BEYOND_OWSLIB else [ours])


@pytest.mark.parametrize("name", sorted(BEYOND_OWSLIB))
def test_what_owslib_cannot_read_is_read_all_the_same(name: str) -> None:
    document = {**RESPONSES, **REFUSALS}[name]
    assert read_by_owslib(document).errors == []
    ours = read_document(document.encode())
    refused = ours.failure if isinstance(ours, ExecuteResponse) else ours
    assert isinstance(refused, ExceptionReport)
    assert (refused.code, bool(refused.text)) == ("NoApplicableCode", True)


@pytest.mark.parametrize("process", ["MAJA", "FULL_MAJA"])
def test_owslib_runs_a_whole_job_in_the_sandbox(peps: Sandbox, process: str) -> None:
    inputs = {
        "MAJA": [("product", "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917")],
        "FULL_MAJA": [("startDate", "2017-07-01"), ("completionDate", "2018-01-01"), ("tileid", "31TCJ")],
    }[process]
    [(user, password)] = peps.accounts.items()
    service = WebProcessingService(f"{peps.url}/resto/wps", auth=Authentication(user, password))
    assert process in {offered.identifier for offered in service.processes}
    described = service.describeprocess(process)
    assert {name for name, _ in inputs} <= {given.identifier for given in described.dataInputs}
    execution = service.execute(process, inputs, output=[("report", True)])
    assert [asked.method for asked in peps.asked(Endpoint.EXECUTE)] == ["POST"]
    assert (execution.status, len(peps.executed)) == ("ProcessAccepted", 1)
    execution.checkStatus(sleepSecs=0)
    assert execution.isSucceded()
    assert [output.reference for output in execution.processOutputs] == [peps.jobs[0].report_url]
