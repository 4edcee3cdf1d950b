"""What an exception of requests or urllib3 means for whoever asked: one of our errors. Touches nothing."""

from __future__ import annotations

import re
import ssl

import requests
from urllib3 import exceptions as urllib3_errors

from peps_maja.errors import (
    NotPeps,
    PepsError,
    ProxyUnusable,
    ServerAway,
    ServerSilent,
    ServerTrouble,
    UntrustedServer,
)
from peps_maja.network.answers import shown
from peps_maja.network.connections import Unsent
from peps_maja.text import one_line

_UNCONNECTED = (urllib3_errors.NewConnectionError, urllib3_errors.ConnectTimeoutError)
_TIMEOUTS = (requests.exceptions.Timeout, urllib3_errors.TimeoutError, TimeoutError)
_REFUSED_CONNECT = re.compile(r"Tunnel connection failed: ([0-9]{3}) ?(.*)")
_LATER = {"408", "429"}  # codes that go away without a person, as those from 500 on do


def network_error(error: Exception, address: str, option: str, proxy: str = "") -> PepsError:
    """Return what an exception means that came of asking `address`, through a `proxy` if one is named.

    `option` is the one that names the service's address.

    ServerAway, UntrustedServer and a ServerTrouble that says so: surely nothing was sent. All else may have arrived.
    """
    where = shown(address)
    cause = _causes(error)
    for one in cause:
        if isinstance(one, ssl.SSLCertVerificationError):
            return UntrustedServer(
                f"the TLS certificate of {where} is not trusted ({one.verify_message}):"
                f" {_advice(one.verify_code, option)}"
            )
        if refused := _REFUSED_CONNECT.search(str(one)) if isinstance(one, OSError) else None:
            return _refused_connect(refused[1], refused[2], where, proxy)
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, ValueError)):
        if proxy:  # its text holds the proxy's account
            hint = "pip install PySocks, or another proxy" if "SOCKS" in str(error) else "is it written right?"
            return ProxyUnusable(f"the proxy {proxy} (HTTPS_PROXY or ALL_PROXY) cannot be used: {hint}")
        return NotPeps(f"{where} cannot be asked: {one_line(str(error), 120)}")
    if any(isinstance(one, _UNCONNECTED) for one in cause):
        through, check = (f" through the proxy {proxy}", "HTTPS_PROXY") if proxy else ("", option)
        return ServerAway(f"no connection to {where}{through} ({_plainly(cause)}): check the network and {check}")
    trouble = _broken_off(cause, where)
    trouble.may_have_arrived = not any(isinstance(one, Unsent) for one in cause)
    return trouble


def _advice(code: int, option: str) -> str:
    """Return what to do about a certificate, by the reason for which OpenSSL refuses it."""
    match code:
        case 9 | 10:  # not yet valid, expired
            return "look at this machine's clock; if that is right, the server's owner has to renew it"
        case 62 | 64:  # another host's name or address
            return f"it is another server's; is {option} right?"
        case 2 | 18 | 19 | 20 | 21:  # an authority that is not known here
            return "if it is your institute's own, name its authority in REQUESTS_CA_BUNDLE"
        case _:
            return (
                "it is not made as it must be, and Python 3.13 and newer check that more strictly; whoever issued it"
                " (your institute, for its proxy) has to issue it anew, until then an older Python will do"
            )


def _refused_connect(code: str, reason: str, where: str, proxy: str) -> PepsError:
    said = one_line(f"the proxy {proxy} answers {code} {reason}", 200)
    if code >= "500" or code in _LATER:
        return ServerAway(f"{said} instead of connecting to {where}; try again later")
    what = "put your account of the proxy into HTTPS_PROXY" if code == "407" else "check HTTPS_PROXY"
    return ProxyUnusable(f"{said} instead of connecting to {where}: {what}, or ask whoever runs the proxy")


def _broken_off(cause: list[BaseException], where: str) -> ServerTrouble:
    if any(isinstance(one, _TIMEOUTS) for one in cause):
        return ServerSilent(f"{where} timed out")
    if any(isinstance(one, (Unsent, ssl.SSLError)) for one in cause):
        return ServerTrouble(f"the connection to {where} failed ({_plainly(cause)})")
    return ServerTrouble(f"{where} closed the connection in the middle of its answer")


def _causes(error: BaseException) -> list[BaseException]:
    """Return an exception and all that it was made from: its causes, contexts, arguments and reasons."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop()
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [*one.args, one.__cause__, one.__context__, getattr(one, "reason", None)]
    return found


def _plainly(causes: list[BaseException]) -> str:
    reasons = [one.strerror for one in causes if isinstance(one, OSError) and one.strerror]
    return one_line(reasons[-1] if reasons else type(causes[-1]).__name__, 120)
