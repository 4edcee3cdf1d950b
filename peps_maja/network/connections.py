"""How connections are made: TLS settings, read once in a run; proxies; a deadline for whole answers."""

from __future__ import annotations

import io
import math
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import exceptions as urllib3_errors
from urllib3.util.ssl_ import create_urllib3_context

from peps_maja import __version__
from peps_maja.errors import ServerAway, Status
from peps_maja.text import one_line

_one_reader = threading.Lock()


def trusting(authorities: str) -> ssl.SSLContext:
    """Return TLS settings that trust the authorities in a file or folder; raise ServerAway without any there."""
    with _one_reader:  # if many threads start together, only one reads them
        return _read_authorities(authorities)


@cache
def _read_authorities(authorities: str) -> ssl.SSLContext:
    context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
    kind = "capath" if Path(authorities).is_dir() else "cafile"
    try:
        context.load_verify_locations(**{kind: authorities})
    except OSError as error:
        reason = one_line(error.strerror or str(error), 80)
        raise ServerAway(
            f"the authorities in {authorities} cannot be read ({reason}): fix REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE",
            Status.UNUSABLE,
        ) from error
    return context


class Connections(HTTPAdapter):
    """The connections of a session: at most so many to a server, and the same TLS settings for all of them."""

    def __init__(self, most: int) -> None:
        # A pool that blocks: never more connections than this, and none that is used only once.
        super().__init__(pool_connections=4, pool_maxsize=most, max_retries=0, pool_block=True)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: Any, cert: Any = None
    ) -> tuple[Any, Any]:
        """Return what requests would, with TLS settings in the place of the authorities: reading these takes 30 ms."""
        host, tls = super().build_connection_pool_key_attributes(request, verify, cert)
        if host["scheme"] == "https":
            authorities = verify if isinstance(verify, str) else DEFAULT_CA_BUNDLE_PATH
            tls = {"cert_reqs": "CERT_REQUIRED", "ssl_context": trusting(authorities)}
        return host, tls

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        """Return the pool that requests would, for connections whose answers come in time."""
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = in_time(pool.ConnectionCls)
        return pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Change nothing, for the settings know the authorities; but those for a TLS proxy do not."""
        if conn.proxy and conn.proxy.scheme == "https":
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


class Session(requests.Session):
    """A session that follows no redirect, leaves every body to be read, and asks loopback without any proxy."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.stream = True
        self.auth = lambda request: request  # where none is given, requests would take one out of ~/.netrc
        self.headers["User-Agent"] = f"peps_maja/{__version__}"
        for scheme in ("http://", "https://"):
            self.mount(scheme, Connections(most))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None, so that none is followed, nor its body read, which requests does even where it follows none."""

    def merge_environment_settings(self, url: Any, *args: Any) -> Any:
        """Return what requests would, but for plain http: that is for loopback, and a proxy would see the secret."""
        settings = super().merge_environment_settings(url, *args)
        return {**settings, "proxies": {}} if url.lower().startswith("http:") else settings


def proxy_for(address: str) -> str:
    """Return the proxy through which requests asks an address, without the account in it; empty without one."""
    if address.lower().startswith("http:"):
        return ""
    proxy = select_proxy(address, get_environ_proxies(address)) or ""
    return proxy.rpartition("@")[2].rpartition("//")[2].rstrip("/")


_thread = threading.local()


class Unsent(urllib3_errors.HTTPError):
    """A connection broke while it was being made (CONNECT, TLS handshake): no request went out over it."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limit the time for all that this thread reads meanwhile, header fields and interim answers included."""
    _thread.leave_at = time.monotonic() + seconds
    try:
        yield
    finally:
        _thread.leave_at = math.inf


class _InTime(io.RawIOBase):
    """The bytes of an answer: each read waits until the socket's own time-out or the deadline, whichever is first."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._patience = connection.gettimeout() or math.inf
        self._raw = connection.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds = min(getattr(_thread, "leave_at", math.inf) - time.monotonic(), self._patience)
        if seconds <= 0:
            raise TimeoutError("the answer was not complete in time")
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
        """Connect; raise Unsent if it breaks before it is ready (if there is no connection, urllib3 says so)."""
        try:
            super().connect()  # type: ignore[misc]
        except (OSError, HTTPException) as error:
            raise Unsent(str(error)) from error


@cache
def in_time(connection: type) -> type:
    """Return a class of connections of urllib3 with what is added here."""
    return connection if issubclass(connection, _Connection) else type("Connection", (_Connection, connection), {})
