"""One connection: requests read, recorded, answered, and faults carried out."""

from __future__ import annotations

import socket
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from time import monotonic
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from peps_maja.sandbox.exchange import Endpoint, Recorded, Reply
from peps_maja.sandbox.faults import Altered, Answer, Canned, Cut, Delay, Faults, Stall


class Answering(Protocol):
    """Who knows what to answer."""

    requests: list[Recorded]
    faults: Faults
    stopping: threading.Event

    def endpoint_of(self, path: str, query: Mapping[str, str]) -> Endpoint:
        """Return which endpoint a request is for."""

    def answer(self, recorded: Recorded) -> Reply:
        """Return the true answer to a request."""


class Handler(BaseHTTPRequestHandler):
    """Reads requests off one connection; what to answer is asked of the sandbox."""

    protocol_version = "HTTP/1.1"
    server_version = "peps_maja.sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together

    def __init__(self, sandbox: Answering, *arguments: Any) -> None:
        self.sandbox = sandbox
        super().__init__(*arguments)

    def do_GET(self) -> None:
        """Answer a request, or carry out the fault that waits for it."""
        recorded = self._recorded()
        self.sandbox.requests.append(recorded)
        text = f"{recorded.path}?" + "&".join(f"{name}={value}" for name, value in recorded.query.items())
        text += recorded.body.decode(errors="replace")
        answer = self.sandbox.faults.take(recorded.endpoint, text)
        if answer is None:
            self._send(self.sandbox.answer(recorded))
        else:
            self._misbehave(recorded, answer)

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
        endpoint = self.sandbox.endpoint_of(path, query)
        headers = {name.lower(): value for name, value in self.headers.items()}
        length = headers.get("content-length", "0")
        body = self.rfile.read(int(length)) if length.isdecimal() else b""
        return Recorded(endpoint, self.command, path, query, headers, monotonic(), body)

    def _misbehave(self, recorded: Recorded, answer: Answer) -> None:
        waiting = self.sandbox.stopping.wait
        if isinstance(answer, Canned):
            self._send(answer.reply())
        elif isinstance(answer, Altered):
            self._send(answer.change(self.sandbox.answer(recorded)))
        elif isinstance(answer, Delay):
            reply = self.sandbox.answer(recorded)
            waiting(answer.seconds)
            self._send(reply)
        else:
            self._break_off(recorded, answer)

    def _break_off(self, recorded: Recorded, answer: Cut | Stall) -> None:
        """Leave the answer out, or the rest of it; a stall holds the connection open first."""
        if answer.after is not None:
            self._send(self.sandbox.answer(recorded), answer.after)
        elif answer.work_done:
            self.sandbox.answer(recorded)
        if isinstance(answer, Stall):
            self.sandbox.stopping.wait(answer.seconds)
        self.close_connection = True

    def _send(self, reply: Reply, most: int | None = None) -> None:
        """Send a reply: at most so many bytes of its body, under the Content-Length of all of it."""
        self.send_response(reply.status, reply.reason)
        lengths = self.sandbox.faults.lengths or not reply.headers.get("Content-Type", "").endswith("zip")
        given = {name.lower() for name in reply.headers}
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if not lengths:
            self.send_header("Connection", "close")
        elif not given & {"content-length", "transfer-encoding"}:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[:most])
        self.wfile.flush()

    def finish(self) -> None:
        """Close both directions at once: a client waits for no more."""
        try:
            super().finish()
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
