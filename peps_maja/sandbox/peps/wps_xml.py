"""The WPS 1.0.0 documents as PyWPS writes them: values in, XML out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from xml.sax.saxutils import escape, quoteattr

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_SPACES = 'xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"'
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
