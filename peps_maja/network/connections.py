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
from urllib.parse import urlsplit

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import exceptions as urllib3_errors
from urllib3.util.ssl_ import create_urllib3_context

from peps_maja import __version__
from peps_maja.errors import ServerAway, Status
from peps_maja.text import one_line

_PROXY_SCHEMES = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}
_one_reader = threading.Lock()
_thread = threading.local()


class Session(requests.Session):
    """A session that follows no redirect, leaves every body to be read, and asks loopback without any proxy."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.stream = True
        self.auth = lambda request: request  # where none is given, requests would take one out of ~/.netrc
        self.headers["User-Agent"] = f"peps_maja/{__version__}"
        for scheme in ("http://", "https://"):
            self.mount(scheme, _Connections(most))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None, so that none is followed, nor its body read, which requests does even where it follows none."""

    def merge_environment_settings(self, url: Any, *args: Any) -> Any:
        """Return what requests would, but for plain http: that is for loopback, and a proxy would see the secret."""
        settings = super().merge_environment_settings(url, *args)
        return {**settings, "proxies": {}} if url.lower().startswith("http:") else settings


def proxy_for(address: str) -> str:
    """Return the proxy through which requests asks an address, without the account in it; empty without one.

    Raises ServerAway if the environment names one that cannot be used: what requests says then shows the password.
    """
    proxy = "" if address.lower().startswith("http:") else select_proxy(address, get_environ_proxies(address))
    if not proxy:
        return ""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        is_usable = parts.scheme in _PROXY_SCHEMES and parts.hostname and parts.port != 0
        # Behind one of `/?#` that is not escaped, the rest of the password and the host are no part of the host.
        if is_usable and "@" not in parts.path + parts.query + parts.fragment:
            return parts.netloc.rpartition("@")[2]
    except ValueError:  # of the port
        pass
    raise ServerAway(
        "the proxy in HTTPS_PROXY or ALL_PROXY cannot be used: is it written right? http://HOST:PORT, or"
        " http://USER:PASSWORD@HOST:PORT with %23 for #, %2F for / and %3F for ? in the password",
        Status.UNUSABLE,
    ) from None


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


class _Connections(HTTPAdapter):
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
        """Return the pool that requests would, with connections of our own kind."""
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        pool.ConnectionCls = _our_kind_of(pool.ConnectionCls)
        return pool

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Change nothing, for the settings know the authorities; but those for a TLS proxy do not."""
        if conn.proxy and conn.proxy.scheme == "https":
            super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]


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
    """A socket, as `HTTPResponse` reads it: each read waits until its time-out or the deadline, whichever is first."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._patience = connection.gettimeout() or math.inf
        self._raw = connection.makefile("rb", buffering=0)

    def makefile(self, _: str) -> io.BufferedReader:
        return io.BufferedReader(self)

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
    """An answer, or a proxy's to CONNECT, that is read in time."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(_InTime(sock), *args, **options)  # type: ignore[arg-type] # only its `makefile` is used

    def begin(self) -> None:
        """Read status and header fields, behind those of 102 and 103 (RFC 8297), which Python takes for the answer."""
        super().begin()
        while self.status in {102, 103}:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


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
def _our_kind_of(connection: type) -> type:
    return connection if issubclass(connection, _Connection) else type("Connection", (_Connection, connection), {})
