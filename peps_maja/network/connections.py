"""How connections are made and ended: no redirects, proxies that may be used, answers behind a 103, a limit of time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import exceptions as urllib3_errors

from peps_maja import __version__
from peps_maja.errors import ServerAway, ServerTrouble, Status

_PROXY_SCHEMES = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}


class Unsent(urllib3_errors.HTTPError):
    """There is no connection, or it broke while it was made (CONNECT, TLS handshake): no request went out over it."""


class Session(requests.Session):
    """A session that follows no redirect, leaves every body to be read, and asks loopback without any proxy."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.stream = True
        self.auth = lambda request: request  # where none is given, requests would take one out of ~/.netrc
        self.headers["User-Agent"] = f"peps_maja/{__version__}"
        for scheme in ("http://", "https://"):
            # A pool that blocks: never more connections than this, and none that is used only once.
            self.mount(scheme, _Adapter(pool_connections=4, pool_maxsize=most, pool_block=True))

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
    with suppress(ValueError):  # of the port
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        is_usable = parts.scheme in _PROXY_SCHEMES and parts.hostname and parts.port != 0
        # Behind one of `/?#\\` that is not escaped, the rest of the password and the host are no part of the host.
        if is_usable and "\\" not in proxy and "@" not in parts.path + parts.query + parts.fragment:
            return parts.netloc.rpartition("@")[2]
    raise ServerAway(
        "the proxy in HTTPS_PROXY or ALL_PROXY cannot be used: write it as http://HOST:PORT, or as"
        " http://USER:PASSWORD@HOST:PORT with %23 for #, %2F for /, %3F for ? and %5C for a backslash in the password",
        Status.UNUSABLE,
    )


@contextmanager
def in_time(seconds: float, shut_down: Callable[[], object], too_late: Exception) -> Iterator[None]:
    """Shut a connection down if the block that reads from it takes longer than this, and raise `too_late`.

    The time-out of a socket is another limit: it begins again with each byte that comes.
    """
    is_over = threading.Event()

    def end() -> None:
        is_over.set()
        try:
            shut_down()
        except (AttributeError, OSError, ValueError, RuntimeError):  # there is nothing yet, or nothing any more
            is_over.clear()

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    try:
        timer.start()
    except RuntimeError as error:  # what has gone out by then may have arrived
        raise ServerTrouble("no more threads can be started (ulimit -u): end other programs first") from error
    try:
        yield
    except Exception:
        if not is_over.is_set():
            raise
    finally:
        timer.cancel()
    if is_over.is_set():
        raise too_late


class _Response(HTTPResponse):
    def begin(self) -> None:
        """Read status and header fields, behind those of 102 and 103 (RFC 8297), which Python takes for the answer."""
        super().begin()
        while self.status in {102, 103}:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class _Connection:
    """What is added to a connection of urllib3, whose `timeout` (seconds) is that of what it does at the time."""

    response_class = _Response
    sock: socket.socket
    timeout: float

    def connect(self) -> None:
        """Connect; raise Unsent unless there is a connection over which a request can be sent."""
        try:
            with self._in_time():
                super().connect()  # type: ignore[misc]
        except Exception as error:
            raise Unsent(str(error)) from error

    def getresponse(self) -> Any:
        """Return the answer with its body still to come."""
        with self._in_time():
            return super().getresponse()  # type: ignore[misc]

    def _in_time(self) -> AbstractContextManager[None]:
        """Limit the time for all header fields, of a proxy's answer too, to the time-out."""
        return in_time(self.timeout, lambda: self.sock.shutdown(socket.SHUT_RDWR), TimeoutError("slow header fields"))


class _Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> Any:
        """Return the pool that requests would, with connections of our own kind."""
        pool: Any = super().get_connection_with_tls_context(*args, **options)
        if not issubclass(pool.ConnectionCls, _Connection):
            pool.ConnectionCls = type("Connection", (_Connection, pool.ConnectionCls), {})
        return pool
