"""The sandbox on loopback: each request is recorded and answered, or the fault that waits for it carried out."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from peps_maja.sandbox.exchange import Endpoint, Recorded, Reply
from peps_maja.sandbox.faults import Altered, Canned, Cut, Delay, Stall
from peps_maja.sandbox.geodes.service import FakeGeodes
from peps_maja.sandbox.peps.service import ACCOUNT, FakePeps


class Handler(BaseHTTPRequestHandler):
    """Reads requests off one connection; what to answer is asked of the sandbox."""

    protocol_version = "HTTP/1.1"
    server_version = "peps_maja.sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def __init__(self, sandbox: Sandbox, *arguments: Any) -> None:
        self.sandbox = sandbox
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer a request, or carry out the fault that waits for it."""
        recorded = self._recorded()
        self.sandbox.requests.append(recorded)
        true_answer, wait = self.sandbox.answer, self.sandbox.stopping.wait
        match self.sandbox.faults.take(recorded):
            case None:
                self._send(true_answer(recorded))
            case Canned() as canned:
                self._send(canned.reply())
            case Altered(change):
                self._send(change(true_answer(recorded)))
            case Delay(seconds):
                reply = true_answer(recorded)
                wait(seconds)
                self._send(reply)
            case Cut() | Stall() as end:
                if end.after is not None:
                    self._send(replace(true_answer(recorded), most=end.after))
                elif end.work_done:
                    true_answer(recorded)
                if isinstance(end, Stall):
                    wait(end.seconds)
                self.close_connection = True

    do_HEAD = do_GET  # noqa: N815 - http.server looks for this name

    do_POST = do_GET  # noqa: N815 - likewise

    def handle_expect_100(self) -> bool:
        """Take no bodies."""
        self.send_error(417)
        return False

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as in http.server
        """Keep the console quiet."""

    def _recorded(self) -> Recorded:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        path = unquote(parts.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = headers.get("content-length", "0")
        body = self.rfile.read(int(length)) if length.isdecimal() else b""
        endpoint = self.sandbox.endpoint_of(path, query, body)
        return Recorded(endpoint, self.command, path, query, headers, monotonic(), body)

    def _send(self, reply: Reply) -> None:
        self.wfile.write(reply.before)
        self.send_response(reply.status, reply.reason)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        is_zip = reply.headers.get("Content-Type", "").endswith("zip")
        if not reply.has_length or (is_zip and not self.sandbox.faults.lengths):
            self.send_header("Connection", "close")
        elif not {name.lower() for name in reply.headers} & {"content-length", "transfer-encoding"}:
            self.send_header("Content-Length", str(len(reply.body)))
        if reply.most is not None:
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[: reply.most])
        self.wfile.flush()
        if reply.most is not None and reply.pause:
            for byte in reply.body[reply.most :]:
                if self.sandbox.stopping.wait(reply.pause):
                    return
                self.wfile.write(bytes([byte]))
                self.wfile.flush()

    def finish(self) -> None:
        """Close both directions at once: a client waits for no more."""
        try:
            super().finish()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class Server(ThreadingHTTPServer):
    """The sockets and threads of a sandbox; ends all of them when it is closed."""

    daemon_threads = False  # so that closing waits for them
    request_queue_size = 64

    def __init__(self, sandbox: Sandbox, port: int, context: ssl.SSLContext | None) -> None:
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
        self.requests: list[Recorded] = []  # in the order of arrival
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

    def endpoint_of(self, path: str, query: Mapping[str, str], body: bytes = b"") -> Endpoint:
        """Return which endpoint of either service a request is for."""
        return self.geodes.endpoint_of(path) or super().endpoint_of(path, query, body)

    def answer(self, recorded: Recorded) -> Reply:
        """Return the true answer to a request; an Execute starts its job."""
        if self.geodes.endpoint_of(recorded.path):
            return self.geodes.answer(recorded, self.url, self.faults)
        return super().answer(recorded)
