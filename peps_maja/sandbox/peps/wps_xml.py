"""The WPS 1.0.0 documents as PyWPS writes them: values in, XML out; and the one that clients send, read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape, quoteattr

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_SPACES = 'xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"'
_WPS, _OWS = "{http://www.opengis.net/wps/1.0.0}", "{http://www.opengis.net/ows/1.1}"
_NAMES = f'{_SPACES} xmlns:xlink="http://www.w3.org/1999/xlink" service="WPS" version="1.0.0" xml:lang="en-CA"'


def exception_report(code: str, text: str = "", locator: str = "", prefix: str = "ows") -> str:
    """Return an ExceptionReport; without `text`, it has no ExceptionText."""
    return _HEAD + _exception(code, text, locator, prefix)


def capabilities(processes: Iterable[tuple[str, str]]) -> str:
    """Return the answer to GetCapabilities: one (identifier, title) for each process."""
    offered = "".join(
        f'\n    <wps:Process wps:processVersion="1.0"><ows:Identifier>{escape(name)}</ows:Identifier>'
        f"<ows:Title>{escape(title)}</ows:Title></wps:Process>"
        for name, title in processes
    )
    return (
        f"{_HEAD}<wps:Capabilities {_NAMES}>\n"
        "  <ows:ServiceIdentification><ows:Title>PEPS processing</ows:Title>"
        "<ows:ServiceType>WPS</ows:ServiceType></ows:ServiceIdentification>\n"
        f"  <wps:ProcessOfferings>{offered}\n  </wps:ProcessOfferings>\n</wps:Capabilities>\n"
    )


def descriptions(processes: Iterable[tuple[str, str, Iterable[tuple[str, int]]]]) -> str:
    """Return the answer to DescribeProcess: identifier, title and inputs (name, how many at least) of each process."""
    described = ""
    for name, title, inputs in processes:
        wanted = "".join(
            f'<Input minOccurs="{least}" maxOccurs="1"><ows:Identifier>{one}</ows:Identifier>'
            f"<ows:Title>{one}</ows:Title><LiteralData><ows:DataType>string</ows:DataType><ows:AnyValue/>"
            "</LiteralData></Input>"
            for one, least in inputs
        )
        kind = "<Format><MimeType>application/json</MimeType></Format>"
        described += (
            '<ProcessDescription wps:processVersion="1.0" storeSupported="true" statusSupported="true">'
            f"<ows:Identifier>{name}</ows:Identifier><ows:Title>{title}</ows:Title><DataInputs>{wanted}</DataInputs>"
            "<ProcessOutputs><Output><ows:Identifier>report</ows:Identifier><ows:Title>report</ows:Title>"
            f"<ComplexOutput><Default>{kind}</Default><Supported>{kind}</Supported></ComplexOutput></Output>"
            "</ProcessOutputs></ProcessDescription>\n"
        )
    return f"{_HEAD}<wps:ProcessDescriptions {_NAMES}>\n{described}</wps:ProcessDescriptions>\n"


def read_execute(document: bytes) -> dict[str, str]:
    """Return the key-value pairs that stand for an Execute sent as XML; nothing for any other document."""
    try:
        root = ET.fromstring(document)  # noqa: S314 - from this machine alone
    except ET.ParseError:
        return {}
    if root.tag != f"{_WPS}Execute":
        return {}
    form = root.find(f".//{_WPS}ResponseDocument")
    inputs = [
        f"{given.findtext(f'{_OWS}Identifier')}={given.findtext(f'{_WPS}Data/{_WPS}LiteralData')}"
        for given in root.iterfind(f"{_WPS}DataInputs/{_WPS}Input")
    ]
    return {
        "service": root.get("service", ""),
        "version": root.get("version", ""),
        "request": "execute",
        "identifier": root.findtext(f"{_OWS}Identifier", ""),
        "datainputs": ";".join(inputs),
        "storeexecuteresponse": "" if form is None else form.get("storeExecuteResponse", ""),
        "status": "" if form is None else form.get("status", ""),
    }


def execute_response(process: str, status: str, status_url: str | None = None, outputs: str = "") -> str:
    """Return an ExecuteResponse; `status` is one of the elements that the functions below make."""
    location = f" statusLocation={quoteattr(status_url)}" if status_url else ""
    created = f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ}"
    return (
        f"{_HEAD}<wps:ExecuteResponse {_NAMES}{location}>\n"
        f'  <wps:Process wps:processVersion="1.0"><ows:Identifier>{escape(process)}</ows:Identifier>'
        f"<ows:Title>{escape(process)}</ows:Title></wps:Process>\n"
        f'  <wps:Status creationTime="{created}">{status}</wps:Status>\n{outputs}</wps:ExecuteResponse>\n'
    )


def state(name: str, text: str, percent: int | None = None) -> str:
    """Return one of `ProcessAccepted`, `ProcessStarted`, `ProcessPaused` and `ProcessSucceeded`."""
    done = "" if percent is None else f' percentCompleted="{percent}"'
    return f"<wps:{name}{done}>{escape(text)}</wps:{name}>"


def failed(text: str, prefix: str) -> str:
    """Return a `ProcessFailed` with its ExceptionReport in the namespace of `prefix` (`ows` or `wps`)."""
    return f"<wps:ProcessFailed>{_exception('NoApplicableCode', text, '', prefix)}</wps:ProcessFailed>"


def reference(url: str, *, plain: bool) -> str:
    """Return the outputs that refer to a report, with `href` (plain) or `xlink:href`."""
    name = "href" if plain else "xlink:href"
    return _outputs(f'<wps:Reference {name}={quoteattr(url)} mimeType="application/json"/>')


def literal(text: str) -> str:
    """Return the outputs that hold a report themselves."""
    data = f'<wps:LiteralData dataType="string">{escape(text)}</wps:LiteralData>'
    return _outputs(f"<wps:Data>{data}</wps:Data>")


def _outputs(content: str) -> str:
    return (
        "  <wps:ProcessOutputs><wps:Output><ows:Identifier>report</ows:Identifier>"
        f"<ows:Title>report</ows:Title>{content}</wps:Output></wps:ProcessOutputs>\n"
    )


def _exception(code: str, text: str, locator: str, prefix: str) -> str:
    where = f" locator={quoteattr(locator)}" if locator else ""
    message = f"<{prefix}:ExceptionText>{escape(text)}</{prefix}:ExceptionText>" if text else ""
    return (
        f'<{prefix}:ExceptionReport {_SPACES} version="1.0.0">'
        f'<{prefix}:Exception exceptionCode="{escape(code)}"{where}>{message}</{prefix}:Exception>'
        f"</{prefix}:ExceptionReport>\n"
    )
