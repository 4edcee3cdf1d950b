"""The WPS 1.0.0 conversation with PEPS (OGC 05-007r7): query parameters out, XML in."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import quote

from peps_maja.errors import ServerTrouble
from peps_maja.network.documents import HTML, instead_of, kind_of
from peps_maja.text import one_line

CAPABILITIES = "service=WPS&request=GetCapabilities&version=1.0.0"  # asks which processes this account may run
_EXECUTE = "service=WPS&request=execute&version=1.0.0"
# What XML 1.0 (section 2.2) does not allow, as it is or as a character reference.
_CONTROLS = re.compile(
    r"[\x01-\x08\x0b\x0c\x0e-\x1f]|&#(?:x0*(?:[1-8bcef]|1[0-9a-f])|0*(?:[1-8]|1[124-9]|2[0-9]|3[01]));", re.IGNORECASE
)


def order_query(process: str, inputs: str) -> str:
    """Return the order to run a process on these inputs."""
    # PEPS was only ever seen with "=" and ";" as they are inside datainputs, so they are not escaped.
    what = f"identifier={quote(process)}&datainputs={quote(inputs, safe='=;')}"
    return f"{_EXECUTE}&{what}&storeExecuteResponse=true&status=true&title=Maja-Process"


def refresh_query(wps_id: str) -> str:
    """Return the query that brings the report of a job up to date. It runs no job, and can be repeated."""
    what = f"identifier=PROCESSING_STATUS&datainputs=wps_id={quote(wps_id, safe='')}"
    return f"{_EXECUTE}&{what}&status=false&storeExecuteResponse=false"


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
    """What WPS says about a job; `report` is the report itself, if it is inside.

    `state` is `ProcessAccepted`, `ProcessStarted`, …. The process only launches the job: `ProcessSucceeded` says
    nothing about MAJA.
    """

    state: str
    status_location: str
    report_url: str
    report: str
    failure: ExceptionReport | None


WpsDocument = frozenset[str] | ExceptionReport | ExecuteResponse
"""Capabilities are the names of the processes that this account may run."""


def read_document(body: bytes) -> WpsDocument:
    """Return what a WPS answer says; raise ServerTrouble for anything else."""
    root = _parse_xml(body)
    # All by local names, for exceptions came in the namespace of WPS as well as in that of OWS.
    match _local(root):
        case "ExceptionReport":
            return _exception_report(root)
        case "Capabilities" | "WPS_Capabilities":
            return frozenset(filter(None, map(_text, root.iterfind(".//{*}Process/{*}Identifier"))))
        case "ExecuteResponse":
            status = root.find("{*}Status/*")
            references = root.iterfind("{*}ProcessOutputs//{*}Reference")
            addresses = [
                value.strip()
                for each in references
                for name, value in each.items()
                if name.rpartition("}")[2] == "href"
            ]
            literals = ("".join(each.itertext()).strip() for each in root.iterfind(".//{*}Data/{*}LiteralData"))
            return ExecuteResponse(
                state="" if status is None else _local(status),
                status_location=(root.get("statusLocation") or "").strip(),
                report_url=max(addresses, key=lambda address: "report-" in address, default=""),
                report=next((text for text in literals if text.startswith("{")), ""),
                failure=None if status is None or _local(status) != "ProcessFailed" else _exception_report(status),
            )
        case other:
            raise ServerTrouble(f"an XML document <{one_line(other, 40)}>, which is not an answer of WPS")


def _exception_report(element: ET.Element) -> ExceptionReport:
    exception = element.find(".//{*}Exception")
    if exception is None:
        return ExceptionReport("", _text(element))
    code = exception.get("exceptionCode") or exception.get("code") or ""
    texts = filter(None, map(_text, element.iterfind(".//{*}ExceptionText")))
    return ExceptionReport(one_line(code, 80), one_line(" ".join(texts)), one_line(exception.get("locator") or "", 80))


class _NoDoctype(ET.TreeBuilder):
    """Refuses a document type: WPS has none, and entities that expand to gigabytes need one."""

    def doctype(self, *_: object) -> NoReturn:
        raise ServerTrouble("an XML document with a document type, which no answer of WPS has")


def _parse_xml(body: bytes) -> ET.Element:
    if not (body := body.lstrip()):
        raise ServerTrouble("an empty document")
    if kind_of(body) == HTML:
        raise ServerTrouble(instead_of("WPS's XML", body))
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
    return str(element.tag).rpartition("}")[2]


def _text(element: ET.Element) -> str:
    return one_line("".join(element.itertext()))
