"""A PEPS with a real PyWPS behind it; in front of it nothing but authentication, a catalogue and two folders.

`python tests/interop/pywps_peps.py` serves until it is killed: its first line of output is its address. In a FOLDER
that is named, jobs begin when there is a file `go` in it; without one, at once, on one product. See docs/server.md.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pywps import FORMATS, ComplexOutput, LiteralInput, Process, Service  # type: ignore[import-untyped]
from pywps import configuration as pywps_configuration
from pywps.app.exceptions import ProcessError  # type: ignore[import-untyped]
from werkzeug.exceptions import HTTPException, NotFound, Unauthorized
from werkzeug.serving import make_server
from werkzeug.utils import send_from_directory
from werkzeug.wrappers import Request, Response

from peps_maja.sandbox import make_zip

ACCOUNT = ("me@example.org", "secret")
CATALOGUE = "/resto/api/collections/S2ST/search.json"
WPS = "/resto/wps"
OUTPUTS = f"{WPS}/outputs/"
RESULTS = "/cgi-bin/mapcache_results/maja/"
WHY = "no auxiliary data for this product"
PATIENCE = 60  # seconds that a job waits for the file `go`


class Maja(Process):  # type: ignore[misc]
    """Takes a product, reports how far it is, and leaves a zip and a report that knows nothing of it yet."""

    def __init__(self, options: argparse.Namespace, url: str) -> None:
        self._options, self._url = options, url
        product = LiteralInput("product", "L1C product", data_type="string")
        more = [LiteralInput(name, name, data_type="string") for name in options.also_needs]
        report = ComplexOutput("report", "report of the job", supported_formats=[FORMATS.JSON], as_reference=True)
        super().__init__(
            self._handler,
            "MAJA",
            "MAJA on one Sentinel-2 product",
            inputs=[product, *more],
            outputs=[report],
            store_supported=True,
            status_supported=True,
        )

    @property
    def status_filename(self) -> str:
        return str(self._options.status_names.format(uuid=self.uuid))

    def _handler(self, request: Any, response: Any) -> None:
        product = request.inputs["product"][0].data
        response.update_status("MAJA is being launched", 10)
        give_up_at = time.monotonic() + PATIENCE
        while not (self._options.folder / "go").exists() and time.monotonic() < give_up_at:
            time.sleep(0.01)
        if product in self._options.failing:
            raise ProcessError(WHY)
        name = l2a_name(product)
        place = self._options.folder / "results" / str(self.uuid)
        place.mkdir(parents=True)
        (place / name).write_bytes(make_zip(name))
        response.update_status("MAJA is launched", 90)
        write_report(self._options.folder, self.uuid, "PENDING", [])
        response.outputs["report"].url = f"{self._url}{OUTPUTS}report-{self.uuid}.json"


class ProcessingStatus(Process):  # type: ignore[misc]
    """Brings the report of a job up to date."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder, self._url = folder, url
        wps_id = LiteralInput("wps_id", "WPS id of the job", data_type="string")
        super().__init__(self._handler, "PROCESSING_STATUS", "Status of a processing", inputs=[wps_id])

    def _handler(self, request: Any, _: Any) -> None:
        wps_id = request.inputs["wps_id"][0].data
        zips = [path.name for path in (self._folder / "results" / wps_id).glob("*.zip")]
        if zips:
            write_report(self._folder, wps_id, "FINISHED", [f"{self._url}{RESULTS}{wps_id}/{name}" for name in zips])


class Front:
    """What stands between PyWPS and the world."""

    def __init__(self, options: argparse.Namespace, url: str) -> None:
        self._options = options
        self._service = Service([Maja(options, url), ProcessingStatus(options.folder, url)])

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            answer = self._answer(Request(environ))
        except HTTPException as error:
            answer = error.get_response(environ)
        sent: Iterable[bytes] = answer(environ, start_response)
        return sent

    def _answer(self, request: Request) -> Any:
        if request.path == CATALOGUE:
            features = [{"type": "Feature", "properties": {"productIdentifier": name}} for name in self._options.listed]
            return Response(json.dumps({"type": "FeatureCollection", "features": features}))
        account = request.authorization
        if account is None or (account.username, account.password) != ACCOUNT:
            raise Unauthorized
        if request.path == WPS:
            return self._service
        for prefix, folder in ((OUTPUTS, "outputs"), (RESULTS, "results")):
            if request.path.startswith(prefix):
                file = request.path.removeprefix(prefix)
                return send_from_directory(self._options.folder / folder, file, request.environ)
        raise NotFound


def l2a_name(product: str) -> str:
    satellite, _, sensing, _, _, tile, _ = product.split("_")
    return f"SENTINEL{satellite[1:]}_{sensing.replace('T', '-')}-000_L2A_{tile}_D.zip"


def write_report(folder: Path, wps_id: str, status: str, results: list[str]) -> None:
    report = {"USER_INFO": {"job_status": status, "process": "100%" if results else "0%", "results": results}}
    (folder / "outputs" / f"report-{wps_id}.json").write_text(json.dumps(report))


def configure(options: argparse.Namespace, url: str) -> None:
    pywps_configuration.load_configuration()
    for section, name, value in (
        ("server", "url", url + WPS),
        ("server", "outputurl", url + OUTPUTS),
        ("server", "outputpath", str(options.folder / "outputs")),
        ("server", "workdir", str(options.folder / "work")),
        ("server", "parallelprocesses", str(options.at_once)),
        ("server", "maxprocesses", str(options.queue)),
        ("logging", "level", "WARNING"),
        ("logging", "database", f"sqlite:///{options.folder / 'pywps.sqlite'}"),
    ):
        pywps_configuration.CONFIG.set(section, name, value)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--listed", nargs="*", default=[], help="products in the catalogue")
    parser.add_argument("--failing", nargs="*", default=[], help="products at which MAJA fails")
    parser.add_argument("--also-needs", nargs="*", default=[], help="further inputs that MAJA must be given")
    parser.add_argument("--status-names", default="{uuid}.xml", help="how status documents are named")
    parser.add_argument("--at-once", type=int, default=4, help="jobs that run at once")
    parser.add_argument("--queue", type=int, default=10, help="jobs that may wait")
    options = parser.parse_args()
    if options.folder is None:
        options.folder = Path(tempfile.mkdtemp(prefix="pywps_peps_"))
        options.listed = options.listed or ["S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"]
        (options.folder / "go").touch()
    for name in ("outputs", "work", "results"):
        (options.folder / name).mkdir()
    multiprocessing.set_start_method("fork", force=True)  # PyWPS hands over what cannot be pickled
    server = make_server("127.0.0.1", 0, NotFound())
    url = f"http://127.0.0.1:{server.port}"
    configure(options, url)
    server.app = Front(options, url)
    print(url, flush=True)
    print(f"account: {' '.join(ACCOUNT)}; folder: {options.folder}", file=sys.stderr, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
