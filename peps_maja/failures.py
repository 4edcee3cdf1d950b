"""What an exception of requests or urllib3 means for whoever asked: one of our errors. Touches nothing."""

from __future__ import annotations

import ssl

import requests
from urllib3 import exceptions as urllib3_errors

from .answers import shown
from .errors import NotPeps, PepsError, ServerAway, ServerSilent, ServerTrouble, UntrustedServer
from .text import one_line


def network_error(error: Exception, address: str) -> PepsError:
    """Return what an exception means that came of asking `address`: nothing was sent, or an answer failed to come."""
    where = shown(address)
    cause = _causes(error)
    if any(isinstance(one, ssl.SSLCertVerificationError) for one in cause):
        reason = next(one.verify_message for one in cause if isinstance(one, ssl.SSLCertVerificationError))
        return UntrustedServer(
            f"the TLS certificate of {where} is not trusted ({reason}): if it is your institute's own, name its"
            " authority in REQUESTS_CA_BUNDLE"
        )
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, ValueError)):
        return NotPeps(f"{where} cannot be asked: {one_line(str(error), 120)}")
    unconnected = (
        requests.exceptions.ConnectTimeout,
        requests.exceptions.ProxyError,
        urllib3_errors.NewConnectionError,
        urllib3_errors.ConnectTimeoutError,
    )
    if any(isinstance(one, unconnected) for one in cause):
        return ServerAway(f"no connection to {where} ({_plainly(cause)}): check the network and --server")
    if any(isinstance(one, ssl.SSLError) for one in cause):
        return ServerTrouble(f"the TLS connection to {where} failed ({_plainly(cause)})")
    if any(isinstance(one, (requests.exceptions.Timeout, urllib3_errors.TimeoutError, TimeoutError)) for one in cause):
        return ServerSilent(f"{where} fell silent")
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
