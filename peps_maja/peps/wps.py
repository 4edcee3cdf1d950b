"""The WPS 1.0.0 conversation with PEPS (OGC 05-007r7): query parameters out, XML in."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn
from urllib.parse import quote

from peps_maja.errors import ServerTrouble
from peps_maja.network.documents import instead_of, percentage, refuse_html
from peps_maja.text import one_line

# What XML 1.0 (section 2.2) does not allow, as it is or as a character reference.
_CONTROLS = re.compile(
    r"[\x01-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*(?:[1-8bcef]|1[0-9a-f])|0*(?:[1-8]|1[124-9]|2[0-9]|3[01]));", re.IGNORECASE
)


def capabilities_query() -> str:
    """Return the query that asks which processes this account may run."""
    return _query("GetCapabilities")


def order_query(process: str, inputs: str) -> str:
    """Return the order to run a process on these inputs."""
    return _query(
        "execute",
        identifier=process,
        datainputs=inputs,
        storeExecuteResponse="true",
        status="true",
        title="Maja-Process",
    )


def refresh_query(wps_id: str) -> str:
    """Return the query that brings the report of a job up to date. It runs no job, and can be repeated."""
    return _query(
        "execute",
        identifier="PROCESSING_STATUS",
        datainputs=f"wps_id={wps_id}",
        status="false",
        storeExecuteResponse="false",
    )


def _query(request: str, **parameters: str) -> str:
    # PEPS was only ever seen with "=" and ";" as they are inside datainputs, so they are not escaped.
    every = {"service": "WPS", "request": request, "version": "1.0.0"} | parameters
    return "&".join(f"{name}={quote(value, safe='=;')}" for name, value in every.items())


class WpsState(Enum):
    """Where the WPS process stands. It only launches the job: SUCCEEDED says nothing about MAJA."""

    ACCEPTED = "ProcessAccepted"
    STARTED = "ProcessStarted"
    PAUSED = "ProcessPaused"
    SUCCEEDED = "ProcessSucceeded"
    FAILED = "ProcessFailed"


@dataclass(frozen=True)
class Capabilities:
    """The processes that this account may run."""

    processes: frozenset[str]


@dataclass(frozen=True)
class ExceptionReport:
    """A refusal: its code (`ServerBusy`, …), its text, and the input it is about; any of them may be empty."""

    code: str
    text: str
    locator: str = ""

    def means_busy(self) -> bool:
        """Return True if the same request may be accepted later."""
        return self.code.lower() == "serverbusy"

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.code, self.text or self.locator))) or "no reason given"


@dataclass(frozen=True)
class ExecuteResponse:
    """What WPS says about a job: percentages are 0 to 100; `report` is the report itself, if it is inside."""

    state: WpsState | None
    percent: float | None
    message: str
    status_location: str
    report_url: str
    report: str
    failure: ExceptionReport | None


WpsDocument = Capabilities | ExceptionReport | ExecuteResponse


def read_document(body: bytes) -> WpsDocument:
    """Return what a WPS answer says; raise ServerTrouble for anything else."""
    root = _parse_xml(body)
    match _local(root):
        case "ExecuteResponse":
            return _execute_response(root)
        case "ExceptionReport":
            return _exception_report(root)
        case "Capabilities" | "WPS_Capabilities":
            names = [_text(_child(process, "Identifier")) for process in _all(root, "Process")]
            return Capabilities(frozenset(filter(None, names)))
        case other:
            raise ServerTrouble(f"an XML document <{one_line(other, 40)}>, which is not an answer of WPS")


def _execute_response(root: ET.Element) -> ExecuteResponse:
    state = percent = failure = None
    message = ""
    for element in _child(root, "Status"):
        if _local(element) in {known.value for known in WpsState}:
            state = WpsState(_local(element))
            percent = percentage(element.get("percentCompleted"))
            message = one_line(element.text or "")
            if state is WpsState.FAILED:
                report = next(_all(element, "ExceptionReport"), None)
                failure = ExceptionReport("", message) if report is None else _exception_report(report)
    report_url, report_text = _report_output(root)
    return ExecuteResponse(
        state, percent, message, (root.get("statusLocation") or "").strip(), report_url, report_text, failure
    )


def _report_output(root: ET.Element) -> tuple[str, str]:
    outputs = list(_all(_child(root, "ProcessOutputs"), "Output"))
    for output in outputs:
        if _text(_child(output, "Identifier")).lower() == "report":
            literal = "".join(_child(_child(output, "Data"), "LiteralData").itertext()).strip()
            if literal.startswith("{"):
                return "", literal
            if literal.startswith(("http://", "https://")):
                return literal, ""
    addresses = [
        value.strip()
        for output in outputs
        for name, value in _child(output, "Reference").items()
        if name.rpartition("}")[2] == "href" and value.strip()
    ]
    reports = [address for address in addresses if "report-" in address.rpartition("/")[2]]
    return next(iter(reports + addresses), ""), ""


def _exception_report(root: ET.Element) -> ExceptionReport:
    exception = _child(root, "Exception")
    code = one_line(exception.get("exceptionCode") or exception.get("code") or "", 80)
    texts = [_text(text) for text in _all(root, "ExceptionText")]
    return ExceptionReport(code, one_line(" ".join(filter(None, texts))), one_line(exception.get("locator") or "", 80))


class _NoDoctype(ET.TreeBuilder):
    """Refuses a document type: WPS has none, and entities that expand to gigabytes need one."""

    def doctype(self, *_: object) -> NoReturn:
        raise ServerTrouble("an XML document with a document type, which no answer of WPS has")


def _parse_xml(body: bytes) -> ET.Element:
    if not body.strip():
        raise ServerTrouble("an empty document")
    refuse_html(body, "WPS's XML")
    # A letter in another encoding, or an escape sequence in a message, is not well-formed XML, and still an answer.
    cleaned = _CONTROLS.sub(" ", body.decode(errors="replace"))
    problem = ""
    for text in (body, cleaned):
        try:
            parser = ET.XMLParser(target=_NoDoctype())  # noqa: S314 (what makes XML unsafe is refused above)
            return ET.fromstring(text, parser)  # noqa: S314
        except (ET.ParseError, ValueError, LookupError) as error:
            problem = one_line(str(error), 80)
    raise ServerTrouble(f"{instead_of('XML', body)} ({problem})")


def _local(element: ET.Element) -> str:
    # By local name, for the exceptions came in the namespace of WPS as well as in that of OWS.
    return str(element.tag).rpartition("}")[2]


def _all(element: ET.Element, name: str) -> filter[ET.Element]:
    return filter(lambda found: _local(found) == name, element.iter())


def _child(element: ET.Element, name: str) -> ET.Element:
    return next((child for child in element if _local(child) == name), ET.Element("nothing"))


def _text(element: ET.Element) -> str:
    return one_line("".join(element.itertext()))
