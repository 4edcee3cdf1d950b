"""A server on loopback in a process of its own, and the line to it: so slow to answer, so many bytes a second.

Each connection has a thread that blocks: files go out by sendfile, and over TLS from a mapped file, so that nothing but
the operating system and OpenSSL is at work while bytes flow.
"""

from __future__ import annotations

import contextlib
import mmap
import multiprocessing
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from canned import RESULTS, Peps

GIGABIT = 125e6  # bytes a second on a line of 1 Gb/s
_PIECE = 64 * 1024  # bytes that go out at once on a line that is held to a rate, as a network card would bundle them
_BURST = 0.005  # seconds of the line's rate that may be made good after a pause


@dataclass(frozen=True)
class Certificate:
    """Where a server's key and certificate lie, and the authorities that make it trusted."""

    server: Path
    authorities: Path


@dataclass(frozen=True)
class Line:
    """How the server answers: after `latency` seconds, at `rate` bytes a second for all connections together."""

    latency: float = 0.0
    rate: float | None = None
    certificate: Certificate | None = None


@dataclass(frozen=True)
class Served:
    """A running server: its address, and how many requests and connections it has seen."""

    url: str
    _requests: Synchronized[int]
    _connections: Synchronized[int]

    @property
    def counts(self) -> tuple[int, int]:
        """Requests and connections so far."""
        return self._requests.value, self._connections.value


@contextmanager
def serving(peps: Peps, line: Line = Line()) -> Iterator[Served]:
    """Have a process serve this PEPS over this line for the length of a `with`."""
    context = multiprocessing.get_context("spawn")
    requests, connections = context.Value("q", 0), context.Value("q", 0)
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(peps, line, there, requests, connections), daemon=True)
    process.start()
    there.close()
    try:
        scheme = "https" if line.certificate else "http"
        yield Served(f"{scheme}://localhost:{here.recv()}", requests, connections)
    finally:
        process.kill()
        process.join()


class _Bucket:
    """Lets so many bytes a second pass, whoever sends them."""

    def __init__(self, rate: float | None) -> None:
        self._rate = rate
        self._free_at = 0.0
        self._lock = threading.Lock()

    @property
    def piece(self) -> int:
        return _PIECE if self._rate else 16 * _PIECE

    def take(self, count: int) -> None:
        if self._rate is None:
            return
        with self._lock:
            now = time.monotonic()
            self._free_at = max(self._free_at, now - _BURST) + count / self._rate
            wait = self._free_at - now
        if wait > 0:
            time.sleep(wait)


def _serve(
    peps: Peps, line: Line, ready: Connection, requests: Synchronized[int], connections: Synchronized[int]
) -> None:
    secure = None
    if line.certificate:
        secure = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        secure.load_cert_chain(line.certificate.server)
    bucket = _Bucket(line.rate)

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = secure.wrap_socket(connection, server_side=True) if secure else connection
            with stream:
                for target in _targets(stream):
                    with requests:
                        requests.value += 1
                        number = requests.value
                    time.sleep(line.latency)
                    _answer(stream, peps.answer(target, number), bucket)

    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    ready.send(listener.getsockname()[1])
    while True:
        connection, _ = listener.accept()
        connections.value += 1
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


def _targets(stream: socket.socket) -> Iterator[str]:
    """Yield the target of each request that comes over a connection, until its end."""
    came = b""
    while True:
        while b"\r\n\r\n" not in came:
            more = stream.recv(65536)
            if not more:
                return
            came += more
        head, _, came = came.partition(b"\r\n\r\n")
        yield head.split(b" ", 2)[1].decode()
        if b"connection: close" in head.lower():
            return


def _answer(stream: socket.socket, body: bytes | Path, bucket: _Bucket) -> None:
    length = body.stat().st_size if isinstance(body, Path) else len(body)
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n".encode()
    if isinstance(body, bytes):
        stream.sendall(head + body)
        return
    stream.sendall(head)
    with body.open("rb") as file:
        if isinstance(stream, ssl.SSLSocket):
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content) as view:
                for offset in range(0, length, bucket.piece):
                    piece = view[offset : offset + bucket.piece]
                    bucket.take(len(piece))
                    stream.sendall(piece)
                    piece.release()
            return
        offset = 0
        while offset < length:
            wanted = min(bucket.piece, length - offset)
            bucket.take(wanted)
            sent = 0
            while sent < wanted:
                sent += os.sendfile(stream.fileno(), file.fileno(), offset + sent, wanted - sent)
            offset += wanted


_NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; keepalive_requests 100000;
  client_body_temp_path {folder}/nginx.body; proxy_temp_path {folder}/nginx.proxy; fastcgi_temp_path {folder}/nginx.f;
  uwsgi_temp_path {folder}/nginx.u; scgi_temp_path {folder}/nginx.s;
  server {{
    listen 127.0.0.1:{port}{ssl};
    location {results} {{ rewrite ^.*/([^/]+)$ /$1 break; root {files}; }}
    location / {{ proxy_pass {behind}; }}
  }}
}}
"""


@contextmanager
def serving_files(peps: Peps, folder: Path, certificate: Certificate | None = None) -> Iterator[str]:
    """Serve this PEPS as fast as can be, its files by nginx where that is installed; yield the address."""
    nginx = shutil.which("nginx")
    if nginx is None:
        with serving(peps, Line(certificate=certificate)) as served:
            yield served.url
        return
    with serving(peps) as behind:
        port = _free_port()
        secure = certificate and f" ssl; ssl_certificate {certificate.server}; ssl_certificate_key {certificate.server}"
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _NGINX.format(
                folder=folder, port=port, ssl=secure or "", results=RESULTS, files=peps.folder, behind=behind.url
            )
        )
        process = subprocess.Popen([nginx, "-c", configuration, "-e", folder / "nginx.error.log"])
        try:
            _wait_for(port)
            yield f"{'https' if certificate else 'http'}://localhost:{port}"
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise RuntimeError("nginx did not start")
