"""Connections whose answers come in time as a whole, and which tell when a request never went out over them."""

from __future__ import annotations

import io
import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import Any

from urllib3 import exceptions as urllib3_errors

_thread = threading.local()


class Unsent(urllib3_errors.HTTPError):
    """A connection broke while it was being made (CONNECT, TLS handshake): no request went out over it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give what this thread reads meanwhile so many seconds in all, header fields and interim answers included."""
    _thread.leave_at = time.monotonic() + seconds
    try:
        yield
    finally:
        _thread.leave_at = math.inf


class _InTime(io.RawIOBase):
    """The bytes of an answer: each read waits no longer than the socket's own time-out and the deadline allow."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._patience = connection.gettimeout() or math.inf
        self._raw = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds = min(getattr(_thread, "leave_at", math.inf) - time.monotonic(), self._patience)
        if seconds <= 0:
            raise TimeoutError("the answer was not there in time as a whole")
        if seconds != self._socket.gettimeout():
            self._socket.settimeout(seconds if math.isfinite(seconds) else None)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    """An answer, or a proxy's answer to CONNECT, that is read in time."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp.close()
        self.fp = io.BufferedReader(_InTime(sock))


class _Connection:
    """What is added to a connection of urllib3."""

    response_class = _Response

    def connect(self) -> None:
        """Connect; raise Unsent for whatever breaks before the connection is there (urllib3 names an unmade one)."""
        try:
            super().connect()  # type: ignore[misc]
        except (OSError, HTTPException) as error:
            raise Unsent(str(error)) from error


@cache
def in_time(connection: type) -> type:
    """Return a class of connections of urllib3 with what is added here."""
    return connection if issubclass(connection, _Connection) else type("Connection", (_Connection, connection), {})
