"""What may stand between us and a server, on loopback: a proxy that knows CONNECT, or a plain relay; both can break."""

from __future__ import annotations

import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import trustme

SLOW = {
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "slow header": (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
    "slow body": (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" "),
    "slow chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
    "body without length": (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
}
"""Answers that never end: how they begin, and what then comes again and again."""
SLOW_REDIRECT = (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 100000\r\n\r\n", b" ")


class _Connection(socketserver.StreamRequestHandler):
    """One connection: passed on, unless something else is to become of it."""

    server: Relay

    def handle(self) -> None:
        mood = self.server.moods.pop(0) if self.server.moods else "pass on"
        target = self.server.target
        if target is None:
            head = b"".join(iter(self.rfile.readline, b"\r\n"))
            self.server.heads.append(head)
            host, _, port = head.split()[1].decode().rpartition(":")
            target = (host, int(port))
            if mood[0].isdigit():
                self.wfile.write(f"HTTP/1.1 {mood}\r\n\r\n".encode())
                return
            if mood.startswith("CONNECT "):
                self._misbehave(mood.removeprefix("CONNECT "))
                return
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        if mood.endswith(" first"):
            self.wfile.write(f"HTTP/1.1 {mood.split()[0]} Early\r\nLink: </style.css>\r\n\r\n".encode())
        elif mood != "pass on":
            self.connection.recv(65536)
            self._misbehave(mood)
            return
        with socket.create_connection(target) as there:
            back = threading.Thread(target=self._pass_on, args=(there, self.connection))
            back.start()
            self._pass_on(self.connection, there)
            back.join()

    def _misbehave(self, mood: str) -> None:
        with suppress(OSError):
            if mood == "reset":  # have the connection end with one when it is closed
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif mood == "silence":
                self.server.is_over.wait(60)
            elif mood != "cut":
                start, piece = SLOW.get(mood, SLOW_REDIRECT)
                self.wfile.write(start)
                while not self.server.is_over.wait(0.005):
                    self.wfile.write(piece)

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while came := source.recv(65536):
                target.sendall(came)
            target.shutdown(socket.SHUT_WR)


class Relay(socketserver.ThreadingTCPServer):
    """A proxy, itself over TLS where it has a certificate; with a `target`, a plain relay to there.

    `moods` tell what becomes of the next connections, one each: `cut`, `reset`, `silence`, one of SLOW, `slow redirect`
    as soon as a request (or TLS's first bytes) came; with `CONNECT ` before it, in the place of the answer to that; a
    status line refuses the CONNECT; `103 first` is an answer before the answer. `heads` are the CONNECTs that came.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        moods: Iterable[str] = (),
        *,
        target: tuple[str, int] | None = None,
        certificate: trustme.LeafCert | None = None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.moods = list(moods)
        self.target = target
        self.heads: list[bytes] = []
        self.is_over = threading.Event()
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        if certificate:
            certificate.configure_cert(self._context)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.url = f"{'https' if certificate else 'http'}://{self.address}"

    def __enter__(self) -> Relay:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.shutdown()
        self.server_close()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        if self.url.startswith("https"):
            connection = self._context.wrap_socket(connection, server_side=True)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close without a word of farewell, so that a reset is one."""
        self.close_request(request)

    def handle_error(self, *_: object) -> None:
        """Keep the console quiet: connections are meant to break."""


def host_and_port(url: str) -> tuple[str, int]:
    """Return where a server of this URL is."""
    host, _, port = url.partition("://")[2].partition("/")[0].rpartition(":")
    return host, int(port)
