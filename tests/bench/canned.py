"""What a PEPS says, ready to be sent: products and jobs by number, and the answer to each request."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import unquote

# Where answers of the real service point; whoever reads them brings that back to the server asked.
_PUBLIC = "https://peps.cnes.fr"
_NAMES = (
    'xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"'
    ' xmlns:xlink="http://www.w3.org/1999/xlink" service="WPS" version="1.0.0" xml:lang="en-CA"'
)
_PROCESS = "<wps:Process><ows:Identifier>MAJA</ows:Identifier><ows:Title>MAJA</ows:Title></wps:Process>"
_REPORTS = "/resto/wps/outputs/report-"
RESULTS = "/cgi-bin/mapcache_results/maja/"
FIRST = datetime(2018, 1, 1, 10, 50, 21)  # noqa: DTZ001 (only ever written into names)
DATATAKE = "SENTINEL2A_20180101-105426-{milliseconds:03}_L2A_T31TCJ_D"


def product(number: int, apart: timedelta = timedelta(days=1)) -> str:
    """Return the name of an L1C product; its sensing starts so many times `apart` after the first one's."""
    sensing = FIRST + number * apart
    return f"S2A_MSIL1C_{sensing:%Y%m%dT%H%M%S}_N0206_R051_T31TCJ_{sensing + timedelta(hours=2):%Y%m%dT%H%M%S}"


def wps_id(number: int) -> str:
    """Return the id that WPS gives a job."""
    return f"{number:08x}-3f20-11e9-81a5-0242ac110002"


def status_path(identifier: str) -> str:
    """Return where the status document of a job lies."""
    return f"/resto/wps/outputs/pywps-{identifier}.xml"


def refresh_path(identifier: str) -> str:
    """Return the request that brings the report of a job up to date."""
    return (
        "/resto/wps?service=WPS&request=execute&version=1.0.0&identifier=PROCESSING_STATUS"
        f"&datainputs=wps_id={identifier}&status=false&storeExecuteResponse=false"
    )


def report_path(identifier: str) -> str:
    """Return where the report of a job lies."""
    return f"{_REPORTS}{identifier}.json"


def execute_path(name: str) -> str:
    """Return the request that runs MAJA on a product."""
    return (
        "/resto/wps?service=WPS&request=execute&version=1.0.0&identifier=MAJA"
        f"&datainputs=product={name}&storeExecuteResponse=true&status=true&title=Maja-Process"
    )


@dataclass(frozen=True)
class Peps:
    """A PEPS with so many `products`. Jobs run for ever, but for those that have `results` (file names, by WPS id)."""

    products: int = 0
    results: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()

    def answer(self, target: str, number: int) -> bytes | Path:
        """Return the body that answers the `number`-th request, or the file that holds it."""
        path, _, query = target.partition("?")
        if path.startswith(RESULTS):
            return self.folder / path.rpartition("/")[2]
        if path.startswith(_REPORTS):
            return self._report(path.removeprefix(_REPORTS).removesuffix(".json"))
        if path.endswith(".xml"):
            return _status(path.rpartition("/")[2].removeprefix("pywps-").removesuffix(".xml"))
        if path.endswith("/search.json"):
            return _catalogue(self.products)
        if "GetCapabilities" in query:
            offered = f"<wps:ProcessOfferings>{_PROCESS}</wps:ProcessOfferings>"
            return f"<wps:Capabilities {_NAMES}>{offered}</wps:Capabilities>".encode()
        if "PROCESSING_STATUS" in unquote(query):
            return _response("", "<wps:ProcessSucceeded>done</wps:ProcessSucceeded>", "")
        return _response(wps_id(number), "<wps:ProcessAccepted>Process MAJA accepted</wps:ProcessAccepted>", "")

    def _report(self, identifier: str) -> bytes:
        file = self.results.get(identifier)
        report = {
            "job_id": 12345,
            "job_status": "FINISHED" if file else "RUNNING",
            "process": "100%" if file else "42%",
            "message": "",
            "results": [f"{_PUBLIC}{RESULTS}{identifier}/{file}"] if file else [],
            "unprocessed": "0",
            "logs": [f"{_PUBLIC}/cgi-bin/mapcache_results/logs/joblog-{identifier}.log"],
        }
        return json.dumps({"USER_INFO": report}).encode()


def _status(identifier: str) -> bytes:
    reference = f'<wps:Reference xlink:href="{_PUBLIC}{report_path(identifier)}" mimeType="application/json"/>'
    outputs = (
        "<wps:ProcessOutputs><wps:Output><ows:Identifier>report</ows:Identifier><ows:Title>report</ows:Title>"
        f"{reference}</wps:Output></wps:ProcessOutputs>"
    )
    return _response(identifier, "<wps:ProcessSucceeded>launched</wps:ProcessSucceeded>", outputs)


def _response(identifier: str, state: str, outputs: str) -> bytes:
    location = f' statusLocation="{_PUBLIC}{status_path(identifier)}"' if identifier else ""
    return (
        f'<?xml version="1.0" encoding="utf-8"?>\n<wps:ExecuteResponse {_NAMES}{location}>{_PROCESS}'
        f'<wps:Status creationTime="2018-10-30T12:00:00Z">{state}</wps:Status>{outputs}</wps:ExecuteResponse>\n'
    ).encode()


def _catalogue(products: int) -> bytes:
    square = [[0.2, 43.2], [1.5, 43.2], [1.5, 44.2], [0.2, 44.2], [0.2, 43.2]]
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [square]},
            "properties": {
                "productIdentifier": product(number),
                "cloudCover": 12.5,
                "resourceSize": 760_000_000,
                "relativeOrbitNumber": 51,
                "mgrs": "31TCJ",
                "platform": "S2A",
                "storage": {"mode": "disk"},
            },
        }
        for number in range(products)
    ]
    links = [{"rel": "self", "href": _PUBLIC}]
    return json.dumps(
        {"type": "FeatureCollection", "properties": {"totalResults": products, "links": links}, "features": features}
    ).encode()
