"""What it means that no answer came: whether a request was surely not sent, and what a person can do about it."""

from __future__ import annotations

import re
import ssl

import requests
from urllib3 import exceptions as urllib3_errors

from peps_maja.errors import PepsError, ServerAway, ServerSilent, ServerTrouble, Status
from peps_maja.network.connections import Unsent
from peps_maja.network.trust import Site, shown
from peps_maja.text import one_line

_REFUSED_CONNECT = re.compile(r"Tunnel connection failed: ([0-9]{3}) ?(.*)")


def failure(error: Exception, address: str, site: Site, proxy: str) -> PepsError:
    """Return what an exception means that was raised when a site, or an address that its answers name, was asked.

    ServerAway means that surely nothing was sent; all else may have arrived.
    """
    where, is_unsent = shown(address), isinstance(error, Unsent)
    if type(error) is OSError or (is_unsent and isinstance(error.__cause__, urllib3_errors.SSLError)):
        reason = one_line(str(error), 300)
        message = f"the authorities for TLS cannot be read ({reason}): fix the file that REQUESTS_CA_BUNDLE names"
        return ServerAway(message, Status.UNUSABLE)
    if is_unsent:
        away = _unsent(error, where, site.option, proxy)
        # What another host does concerns what was asked of it, and not the whole round.
        return away if site.may_see_secret(address) else ServerTrouble(str(away), away.status)
    if isinstance(error, requests.exceptions.InvalidSchema) and proxy:
        return ServerAway(f"the proxy {proxy} cannot be used: pip install PySocks, or another proxy", Status.UNUSABLE)
    if isinstance(error, ValueError):
        return ServerTrouble(f"{where} cannot be asked: is that address right?")
    if isinstance(error, (requests.Timeout, urllib3_errors.TimeoutError)):
        return ServerSilent(f"{where} timed out")
    return ServerSilent(f"{where} closed the connection in the middle of its answer")


def _unsent(cause: BaseException, where: str, option: str, proxy: str) -> ServerAway:
    """Return why there is no connection, and whether that passes or a person has to fix it."""
    while cause.__cause__:
        cause = cause.__cause__
    if isinstance(cause, ssl.SSLCertVerificationError):
        return ServerAway(
            f"the TLS certificate of {where} is not trusted ({cause.verify_message}): check {option} and this"
            " machine's clock; if your institute has an authority of its own, name it in REQUESTS_CA_BUNDLE",
            Status.UNUSABLE,
        )
    if refused := _REFUSED_CONNECT.search(str(cause)):
        message = one_line(f"the proxy {proxy} answers {refused[1]} {refused[2]}", 200)
        what = {"403": "check", "407": "put your account of the proxy into"}.get(refused[1])
        if what is None:
            return ServerAway(f"{message} instead of connecting to {where}; try again later")
        return ServerAway(f"{message} instead of connecting to {where}: {what} HTTPS_PROXY", Status.UNUSABLE)
    through, check = (f" through the proxy {proxy}", "HTTPS_PROXY") if proxy else ("", option)
    reason = getattr(cause, "strerror", None) or type(cause).__name__
    return ServerAway(f"no connection to {where}{through} ({one_line(reason, 120)}): check the network and {check}")
