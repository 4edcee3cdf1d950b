"""The protocol WPS: queries out, XML in, in every form that PEPS was seen to use."""

from __future__ import annotations

from functools import partial
from urllib.parse import parse_qs

import pytest

from peps_maja.downloads.service import JobReport, Phase
from peps_maja.errors import ServerTrouble
from peps_maja.peps.reports import read_report
from peps_maja.peps.wps import ExceptionReport, ExecuteResponse, order_query, read_document, refresh_query

PRODUCT = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
UUID = "8e99b3de-3f20-11e9-81a5-0242ac110002"
OUTPUTS = "https://peps.cnes.fr/resto/wps/outputs"
STATUS_URL = f"{OUTPUTS}/pywps-{UUID}.xml"
REPORT_URL = f"{OUTPUTS}/report-{UUID}.json"
NAMESPACES = (
    'xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"'
    ' xmlns:xlink="http://www.w3.org/1999/xlink"'
)
CAPABILITIES = f"""<?xml version="1.0" encoding="utf-8"?>
<wps:Capabilities {NAMESPACES} service="WPS" version="1.0.0" xml:lang="en-US">
  <ows:ServiceIdentification><ows:Title>PEPS</ows:Title></ows:ServiceIdentification>
  <wps:ProcessOfferings>
    <wps:Process wps:processVersion="1.0"><ows:Identifier>MAJA</ows:Identifier><ows:Title>Maja</ows:Title></wps:Process>
    <wps:Process wps:processVersion="1.0">
      <ows:Identifier> FULL_MAJA
      </ows:Identifier>
    </wps:Process>
    <wps:Process><ows:Title>nameless</ows:Title></wps:Process>
  </wps:ProcessOfferings>
</wps:Capabilities>"""


def response(status: str, outputs: str = "", location: str = STATUS_URL) -> bytes:
    located = f'statusLocation="{location}"' if location else ""
    return f"""<?xml version="1.0" encoding="utf-8"?>
<wps:ExecuteResponse {NAMESPACES} service="WPS" version="1.0.0" xml:lang="en-US" {located}>
  <wps:Process wps:processVersion="1.0"><ows:Identifier>MAJA</ows:Identifier></wps:Process>
  <wps:Status creationTime="2019-04-02T09:12:45Z">{status}</wps:Status>
  {outputs and f"<wps:ProcessOutputs>{outputs}</wps:ProcessOutputs>"}
</wps:ExecuteResponse>""".encode()


def output(inside: str, identifier: str = "report") -> str:
    return (
        f"<wps:Output><ows:Identifier>{identifier}</ows:Identifier><ows:Title>Report</ows:Title>{inside}</wps:Output>"
    )


def failed(report: str) -> bytes:
    return response(f"<wps:ProcessFailed>{report}</wps:ProcessFailed>")


def exceptions(inside: str, prefix: str = "ows") -> bytes:
    return f'<{prefix}:ExceptionReport {NAMESPACES} version="1.0.0">{inside}</{prefix}:ExceptionReport>'.encode()


def execute_response(body: bytes) -> ExecuteResponse:
    document = read_document(body)
    assert isinstance(document, ExecuteResponse)
    return document


# -- queries ----------------------------------------------------------------------------------------------------------


def test_queries_are_those_that_peps_knows() -> None:
    assert order_query("MAJA", f"product={PRODUCT}") == (
        f"service=WPS&request=execute&version=1.0.0&identifier=MAJA&datainputs=product={PRODUCT}"
        "&storeExecuteResponse=true&status=true&title=Maja-Process"
    )
    assert refresh_query(UUID) == (
        f"service=WPS&request=execute&version=1.0.0&identifier=PROCESSING_STATUS&datainputs=wps_id={UUID}"
        "&status=false&storeExecuteResponse=false"
    )
    inputs = "startDate=2017-07-01;completionDate=2018-01-01;tileid=31TCJ"
    assert f"&identifier=FULL_MAJA&datainputs={inputs}&storeExecuteResponse=true" in order_query("FULL_MAJA", inputs)


@pytest.mark.parametrize("strange", ["a&identifier=EVIL", "a b", "a#b", "é", "a\r\nX: y"])
def test_no_value_becomes_a_parameter_of_its_own(strange: str) -> None:
    for query in (partial(order_query, "MAJA"), refresh_query):
        assert parse_qs(query(strange)).keys() == parse_qs(query("a")).keys()
        assert query(strange).isascii()
        assert not set(query(strange)) & set(" #\r\n")


# -- XML --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["Accepted", "Started", "Paused", "Succeeded", "Dreaming"])
def test_a_response_names_its_status_url_and_state(state: str) -> None:
    accepted = execute_response(response(f"<wps:Process{state} percentCompleted='7'>MAJA</wps:Process{state}>"))
    assert accepted == ExecuteResponse(f"Process{state}", STATUS_URL, "", "", None)
    assert execute_response(response("", location="")) == ExecuteResponse("", "", "", "", None)


@pytest.mark.parametrize("href", ["href", "xlink:href"])
@pytest.mark.parametrize("first", ["", output('<wps:Reference href="https://peps.cnes.fr/other.json"/>', "other")])
def test_a_launched_job_names_its_report(href: str, first: str) -> None:
    reference = output(f'<wps:Reference {href}="{REPORT_URL}" mimeType="application/json"/>')
    launched = execute_response(response("<wps:ProcessSucceeded/>", first + reference))
    assert (launched.report_url, launched.report) == (REPORT_URL, "")


def test_the_report_may_lie_inside() -> None:
    inside = '{"USER_INFO": {"job_status": "RUNNING", "process": "30%"}}'
    literal = output(f"<wps:Data><wps:LiteralData dataType='string'>\n{inside}\n</wps:LiteralData></wps:Data>")
    launched = execute_response(response("<wps:ProcessSucceeded/>", literal))
    assert launched.report_url == ""
    assert read_report(launched.report) == JobReport(Phase.RUNNING, "RUNNING", 30)


@pytest.mark.parametrize("prefix", ["ows", "wps"])
def test_a_failed_process_says_why(prefix: str) -> None:
    exception = (
        f"<{prefix}:ExceptionReport><{prefix}:Exception exceptionCode='NoApplicableCode'>"
        f"<{prefix}:ExceptionText>Product\n not \x41vailable</{prefix}:ExceptionText>"
        f"</{prefix}:Exception></{prefix}:ExceptionReport>"
    )
    process = execute_response(failed(exception))
    assert process.state == "ProcessFailed"
    assert str(process.failure) == "NoApplicableCode: Product not Available"


def test_a_failed_process_may_say_less() -> None:
    exception = "<ows:Exception exceptionCode='MissingParameterValue' locator='product'/>"
    for inside, said in {
        "out of memory": "out of memory",
        "": "no reason given",
        "<ows:ExceptionReport/>": "no reason given",
        f"<ows:ExceptionReport>{exception}</ows:ExceptionReport>": "MissingParameterValue: product",
    }.items():
        assert str(execute_response(failed(inside)).failure) == said


REFUSALS = {
    "InvalidParameterValue": ("<ows:ExceptionText>product: unknown</ows:ExceptionText>", "product: unknown"),
    "MissingParameterValue": ("<ows:ExceptionText/>", ""),
    "NoApplicableCode": ("", ""),
    "ServerBusy": ("<ows:ExceptionText>a</ows:ExceptionText><ows:ExceptionText>b</ows:ExceptionText>", "a b"),
}


@pytest.mark.parametrize(("code", "text"), REFUSALS.items(), ids=REFUSALS)
@pytest.mark.parametrize("prefix", ["ows", "wps"])
def test_an_exception_report_has_a_code_and_maybe_a_text(code: str, text: tuple[str, str], prefix: str) -> None:
    inside, message = (part.replace("ows:", f"{prefix}:") for part in text)
    body = exceptions(f'<{prefix}:Exception exceptionCode="{code}">{inside}</{prefix}:Exception>', prefix)
    document = read_document(body)
    assert document == ExceptionReport(code, message)
    assert isinstance(document, ExceptionReport)
    assert document.means_busy() == (code == "ServerBusy")
    assert code in str(document)


def test_capabilities_list_what_the_account_may_run() -> None:
    assert read_document(CAPABILITIES.encode()) == frozenset({"MAJA", "FULL_MAJA"})
    assert read_document(f"<wps:Capabilities {NAMESPACES}/>".encode()) == frozenset()


def test_namespaces_and_encodings_are_the_servers_choice() -> None:
    bare = f'<ExecuteResponse statusLocation="{STATUS_URL}"><Status><ProcessAccepted>à</ProcessAccepted></Status>'
    for body in (
        f"{bare}</ExecuteResponse>".encode(),
        f'<?xml version="1.0" encoding="iso-8859-1"?>{bare}</ExecuteResponse>'.encode("latin-1"),
        f'<?xml version="1.0" encoding="utf-16"?>{bare}</ExecuteResponse>'.encode("utf-16"),
        b"\xef\xbb\xbf" + f"{bare}</ExecuteResponse>".encode(),
    ):
        assert execute_response(body) == ExecuteResponse("ProcessAccepted", STATUS_URL, "", "", None)


NO_WPS = {
    "nothing": b"",
    "white space": b" \n",
    "HTML": b"<!DOCTYPE html>\n<html><body><p>502 Bad Gateway<br></body></html>",
    "XHTML": b'<html xmlns="http://www.w3.org/1999/xhtml"><body/></html>',
    "JSON": b'{"ErrorCode": 500}',
    "text": b"Internal Server Error",
    "cut short": response("<wps:ProcessAccepted/>")[:-20],
    "two documents": CAPABILITIES.encode() + b"<a/>",
    "other XML": b"<rss/>",
    "no such encoding": b'<?xml version="1.0" encoding="klingon"?><wps/>',
    "noise": bytes(range(256)),
    "too deep": b"<a>" * 20_000,
    "entities": b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><ExecuteResponse>&c;</ExecuteResponse>',
    "a file of ours": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><ExecuteResponse>&b;</ExecuteResponse>',
}


@pytest.mark.parametrize("body", NO_WPS.values(), ids=NO_WPS)
def test_what_is_no_answer_of_wps_is_unreadable(body: bytes) -> None:
    with pytest.raises(ServerTrouble) as error:
        read_document(body)
    assert str(error.value).isprintable()


def test_nothing_that_steers_a_terminal_comes_through() -> None:
    document = read_document(
        exceptions('<ows:Exception exceptionCode="a&#x9;b&#x202e;">c&#x85;d&#x200b;</ows:Exception>')
    )
    assert str(document).isprintable()
    assert str(execute_response(failed("a&#x9b;b\tc\nd")).failure).isprintable()
