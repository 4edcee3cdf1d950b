"""The server on loopback, and the class `Sandbox` that starts and stops it."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any

from peps_maja.sandbox.exchange import Endpoint, Recorded, Reply
from peps_maja.sandbox.geodes.service import FakeGeodes
from peps_maja.sandbox.handler import Answering, Handler
from peps_maja.sandbox.peps.service import ACCOUNT, FakePeps


class Server(ThreadingHTTPServer):
    """The sockets and threads of a sandbox; ends all of them when it is closed."""

    daemon_threads = False  # so that closing waits for them
    request_queue_size = 64

    def __init__(self, sandbox: Answering, port: int, context: ssl.SSLContext | None) -> None:
        self._context = context
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(("127.0.0.1", port), partial(Handler, sandbox))

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


class Sandbox(FakePeps):
    """A small PEPS on 127.0.0.1 with a GEODES on the same port, from `with` to its end.

    `accounts` maps e-mail to password; `may_run`: whether they may run MAJA; `pace` is a twelfth of the
    seconds that a job takes (0: finished when it is first asked for); with `certificate` (its file, that of its
    key) the server speaks https.
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
        super().__init__(accounts, pace, may_run=may_run)
        self.geodes = FakeGeodes(self.world)
        self.requests: list[Recorded] = []
        """Every request, in the order of arrival."""
        self.stopping = threading.Event()
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
        self.url = f"{'https' if self._certificate else 'http'}://127.0.0.1:{self._port}"
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

    def asked(self, *endpoints: Endpoint) -> list[Recorded]:
        """Return the requests to these endpoints, in the order of arrival."""
        return [recorded for recorded in list(self.requests) if recorded.endpoint in endpoints]

    def endpoint_of(self, path: str, query: Mapping[str, str]) -> Endpoint:
        """Return which endpoint of either service a request is for."""
        return self.geodes.endpoint_of(path) or super().endpoint_of(path, query)

    def answer(self, recorded: Recorded) -> Reply:
        """Return the true answer to a request; an Execute starts its job."""
        if self.geodes.endpoint_of(recorded.path):
            return self.geodes.answer(recorded, self.url, self.faults)
        return super().answer(recorded)
