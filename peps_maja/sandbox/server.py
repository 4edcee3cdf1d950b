"""The server on loopback, and the class `Sandbox` that starts and stops it."""

from __future__ import annotations

import re
import socket
import ssl
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from http.server import ThreadingHTTPServer
from types import MappingProxyType, TracebackType
from typing import Any

from peps_maja.sandbox import resto, wps
from peps_maja.sandbox.exchange import Endpoint, Recorded, Reply, error_reply, json_reply
from peps_maja.sandbox.faults import Faults
from peps_maja.sandbox.geodes import Geodes
from peps_maja.sandbox.handler import REALM, Handler, account_of, cut_to_range
from peps_maja.sandbox.jobs import LOGS, OUTPUTS, RESULTS, Centre, Job, Outcome, Result
from peps_maja.sandbox.outcomes import Catalogue, InputError, of_name, of_product, of_series
from peps_maja.sandbox.results import QUICKLOOK
from peps_maja.sandbox.world import World

ACCOUNT = MappingProxyType({"me@example.org": "secret"})
OPEN = (Endpoint.CATALOGUE, Endpoint.OTHER)  # what needs no account, but for the list of jobs
_USER_JOBS = re.compile(r"/resto/wps/users/[^/]+/jobs")


class Server(ThreadingHTTPServer):
    """The sockets and threads of a sandbox; ends all of them when it is closed."""

    daemon_threads = False  # so that closing waits for them
    request_queue_size = 64

    def __init__(self, sandbox: Sandbox, port: int, context: ssl.SSLContext | None) -> None:
        self.sandbox = sandbox
        self._context = context
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; its TLS handshake is left to its own thread."""
        connection, address = super().get_request()
        if self._context:
            connection = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection and close it."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of clients that went away; anything else is a mistake of the sandbox and is shown."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def break_connections(self) -> None:
        """End all connections, whatever their threads wait for."""
        with self._lock:
            for connection in self._open:
                with suppress(OSError):  # it was closed already
                    connection.shutdown(socket.SHUT_RDWR)


class Sandbox:
    """A small PEPS and GEODES on 127.0.0.1, from `with` to its end.

    `accounts` maps e-mail to password; `may_run`: whether they may run MAJA; `pace` is a twelfth of the
    seconds that a job takes (0: finished at the first refresh); with `certificate` (its file, that of its key)
    the server speaks https.
    """

    def __init__(
        self,
        *,
        accounts: Mapping[str, str] = ACCOUNT,
        may_run: bool = True,
        pace: float = 0.0,
        port: int = 0,
        certificate: tuple[str, str] | None = None,
    ) -> None:
        self.accounts = accounts
        self.may_run = may_run
        self.pages = 500
        """The most records on a page of the catalogue."""
        self.requests: list[Recorded] = []
        """Every request, in the order of arrival."""
        self.faults = Faults()
        self.catalogue: list[dict[str, object]] | None = None
        """Features of a test instead of the made-up world; jobs take their products only."""
        self.world = World(datetime.now(timezone.utc).date())
        self.geodes = Geodes(self.world)
        """The GEODES on the same port."""
        self.stopping = threading.Event()
        self._centre = Centre(pace)
        self._port = port
        self._certificate = certificate
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Sandbox:
        context = None
        if self._certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._certificate)
        self.stopping.clear()
        self._server = Server(self, self._port, context)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        if self._server and self._thread:
            self._server.shutdown()
            self._thread.join()
            self._server.break_connections()
            self._server.server_close()
            self._server = None

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return f"{'https' if self._certificate else 'http'}://127.0.0.1:{self._port}"

    @property
    def jobs(self) -> list[Job]:
        """All jobs, in the order in which they began."""
        return self._centre.jobs

    @property
    def executed(self) -> list[str]:
        """The product (or the datainputs of a series) of each Execute that started a job, in order."""
        return self._centre.executed

    def asked(self, *endpoints: Endpoint) -> list[Recorded]:
        """Return the requests to these endpoints, in the order of arrival."""
        return [recorded for recorded in list(self.requests) if recorded.endpoint in endpoints]

    def job(self, name: str) -> Job:
        """Return the latest job for this product (or these datainputs); LookupError if there is none."""
        for job in reversed(self.jobs):
            if job.product == name:
                return job
        raise LookupError(f"no job for {name}")

    def add_job(
        self,
        name: str,
        *,
        status: str = "FINISHED",
        percent: int | None = None,
        message: str = "",
        results: tuple[str, ...] | None = None,
        launched: bool = True,
    ) -> Job:
        """Add a job that no Execute started; `results` are file names (None: what its product gives)."""
        usual = self._usual_outcome(name)
        names = usual.results if results is None else results
        outcome = Outcome(status, message, names, usual.unprocessed)
        job = Job(name, self.url, outcome, 0.0, self.faults.status_names)
        job.status, job.message, job.launched = status, message, launched
        if percent is not None:
            job.percent = percent
        self._centre.add(job)
        return job

    def endpoint_of(self, path: str, query: Mapping[str, str]) -> Endpoint:
        """Return which endpoint a request is for."""
        if endpoint := self.geodes.endpoint_of(path):
            return endpoint
        if path == resto.PATH:
            return Endpoint.CATALOGUE
        if path.rstrip("/") == wps.PATH:
            return wps.endpoint_of(query)
        if path.startswith(OUTPUTS + "/"):
            return Endpoint.REPORT if path.endswith(".json") else Endpoint.STATUS
        if path.startswith(LOGS + "/"):
            return Endpoint.JOBLOG
        return Endpoint.RESULT if path.startswith(RESULTS + "/") else Endpoint.OTHER

    def answer(self, recorded: Recorded) -> Reply:
        """Return the true answer to a request; an Execute starts its job."""
        endpoint, path = recorded.endpoint, recorded.path
        if self.geodes.endpoint_of(path):
            return self.geodes.answer(recorded, self.url, self.faults)
        if recorded.method == "POST":
            return error_reply(405, "Method Not Allowed")
        own_list = _USER_JOBS.fullmatch(path)
        private = endpoint not in OPEN or own_list or path.startswith(wps.PATH)
        if private and account_of(recorded.headers, self.accounts) is None:
            return error_reply(401, "Unauthorized", REALM)
        if own_list:
            return json_reply({"jobs": [_summary(job) for job in list(self.jobs)]})
        if endpoint is Endpoint.CATALOGUE:
            return resto.search(recorded.query, self.world, self.catalogue, self._habits())
        if path.rstrip("/") == wps.PATH:
            return self._service().answer(recorded.query)
        if path.startswith("/quicklook/"):
            return Reply(200, {"Content-Type": "image/jpeg"}, QUICKLOOK)
        return self._file(recorded) or error_reply(404, f"Not Found: {path}")

    def _file(self, recorded: Recorded) -> Reply | None:
        """Return what a job has at this path: its documents, log or results."""
        path, service = recorded.path, self._service()
        for job in list(self.jobs):
            if path == f"{OUTPUTS}/{job.status_file}":
                return service.status_document(job)
            if path == f"{OUTPUTS}/report-{job.wps_id}.json":
                return service.report(job)
            if path == f"{LOGS}/joblog-{job.wps_id}.log":
                return Reply(200, {"Content-Type": "text/plain; charset=utf-8"}, job.log().encode())
            if path.startswith(f"{RESULTS}/{job.wps_id}/"):
                result = job.result(path.removeprefix(f"{RESULTS}/{job.wps_id}/"))
                return self._zip(result, recorded) if result else None
        return None

    def _zip(self, result: Result, recorded: Recorded) -> Reply:
        headers = {"Content-Type": "application/zip"}
        validators = {"ETag": result.etag, "Last-Modified": result.last_modified}
        if self.faults.validators:
            headers |= {name: value for name, value in validators.items() if value is not None}
        if not self.faults.ranges:
            return Reply(200, headers, result.content)
        return cut_to_range(Reply(200, {**headers, "Accept-Ranges": "bytes"}, result.content), recorded.headers)

    def _service(self) -> wps.Service:
        catalogue = Catalogue(self.world, self.catalogue)
        return wps.Service(self.url, self._centre, self.faults, catalogue, self.may_run)

    def _habits(self) -> resto.Habits:
        switches = self.faults
        return resto.Habits(
            self.url, self.pages, switches.exact_count, switches.links_at_top, switches.added_between_pages
        )

    def _usual_outcome(self, name: str) -> Outcome:
        try:
            if "tileid=" in name:
                return of_series(dict(pair.partition("=")[::2] for pair in name.split(";")), self.world)
            outcome = of_product(name, Catalogue(self.world, self.catalogue))
        except InputError:
            return of_name(name)
        return outcome if outcome.results else of_name(name)


def _summary(job: Job) -> dict[str, object]:
    return {
        "identifier": job.process,
        "wps_id": job.wps_id,
        "title": "Maja-Process",
        "product": job.product,
        "statusLocation": job.status_url,
        "job_status": job.status,
    }
