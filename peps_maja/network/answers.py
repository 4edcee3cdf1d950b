"""What an answer over HTTP means by its status, for any service, and what an exception means that came instead."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from urllib3 import exceptions as urllib3_errors
from urllib3.util import Retry

from peps_maja.errors import (
    CredentialsError,
    Forbidden,
    NotThere,
    PepsError,
    QuotaReached,
    ServerAway,
    ServerBusy,
    ServerSilent,
    ServerTrouble,
    Status,
)
from peps_maja.network.addresses import Site
from peps_maja.network.connections import Unsent, proxy_for
from peps_maja.network.credentials import Secret
from peps_maja.network.documents import HTML, kind_of
from peps_maja.text import one_line

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_ERROR = 10_000  # bytes; no error message is longer
_OF_A_LIMIT = re.compile(r"quota|\blimits?\b|rate.?limit|too many|maximum number|concurrent|exceeded", re.IGNORECASE)
_OF_THE_ACCOUNT = re.compile(r"\b(user|account)s?\b", re.IGNORECASE)
_UNCONNECTED = (urllib3_errors.NewConnectionError, urllib3_errors.ConnectTimeoutError)
_TIMEOUTS = (requests.exceptions.Timeout, urllib3_errors.TimeoutError, TimeoutError)
_REFUSED_CONNECT = re.compile(r"Tunnel connection failed: ([0-9]{3}) ?(.*)")
_LATER = {"408", "429"}  # try again later, as for the codes from 500 on


@dataclass(frozen=True)
class Answer:
    """What came back, from which address in the end, and the secret that it was asked with."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: str
    secret: Secret | None = None


@dataclass(frozen=True, kw_only=True)
class Download(Answer):
    """A large answer, of which the body comes in chunks."""

    chunks: Iterator[bytes]


class Passing(ServerTrouble):
    """A server's own trouble (5xx): the same question may have an answer a moment later."""


class NotUnderstood(ServerTrouble):
    """A question that the service does not accept (400): the same one will never have an answer."""


Judge = Callable[[Answer], PepsError | None]
"""Returns what is wrong with an answer of a service, or None if nothing is."""


def refusal(answer: Answer, code: int, reason: str = "") -> PepsError | None:
    """Return what a status means, of HTTP or of the service itself, or None if nothing is wrong."""
    message = _message(answer, code, reason)
    match code:
        case 200 | 201 | 203 | 206:
            return None
        case 202:
            return ServerBusy(f"{message}: it is not ready yet; try again later")
        case 400:
            return NotUnderstood(message)
        case 401 if answer.secret:
            return CredentialsError(f"{message}: {answer.secret.advice()}")
        case 401:
            return Forbidden(f"{message} to a question that is asked without an account")
        case 403:
            return _forbidden(answer, reason)
        case 404 | 410:
            return NotThere(message)
        case 420:
            return QuotaReached(f"{message}: a quota of the account is used up; try again later")
        case 429:
            return QuotaReached(f"{message}: too many requests")
        case 503:
            return ServerBusy(f"{message}: the server is busy", retry_after(answer.headers))
        case _ if code >= 500:
            return Passing(message)
        case _:
            why = "redirects in a circle" if code in REDIRECTS else "which this service never does"
            return ServerTrouble(f"{message}, {why}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks us to wait (it gives a number or a date), or None."""
    try:
        return float(Retry().parse_retry_after(headers.get("Retry-After", "")))
    except (urllib3_errors.InvalidHeader, ValueError, OverflowError):
        return None


def shown(address: str) -> str:
    """Return an address as messages show it: without account and query."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _message(answer: Answer, code: int, reason: str) -> str:
    return f"{shown(answer.address)} answers {code}" + (f": {reason}" if reason else "")


def _forbidden(answer: Answer, reason: str) -> PepsError:
    """Return what a 403 means by its words: a limit, an account that is not valid, or this one thing refused."""
    reason = reason or _words(answer)
    message = _message(answer, 403, reason)
    if _OF_A_LIMIT.search(reason):
        return QuotaReached(f"{message}; try again later")
    # A page can come from any proxy or firewall on the way: it does not speak for the service.
    if kind_of(answer.body) == HTML or (
        "html" in answer.headers.get("Content-Type", "").lower() and kind_of(answer.body) == "something else"
    ):
        return ServerTrouble(f"{message} with {HTML} (a firewall, maintenance or a login?); try again later")
    if answer.secret and _OF_THE_ACCOUNT.search(reason):
        return CredentialsError(
            f"{message}: the account in {answer.secret.source} is refused; ask the service to make it valid"
        )
    return Forbidden(f"{message}: the server refuses this")


def _words(answer: Answer) -> str:
    """Return the text of a short answer, without the tags of HTML."""
    text = answer.body[:MOST_ERROR].decode(errors="replace")
    return one_line(re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL), 200)


def network_error(error: Exception, address: str, site: Site) -> PepsError:
    """Return what an exception means that was raised when a site, or an address that its answers name, was asked.

    ServerAway means that surely nothing was sent. All else may have arrived.
    """
    failure = _meaning(error, address, site.option, proxy_for(address))
    if site.may_see_secret(address):
        return failure
    # What another host does concerns what was asked of it, and not the whole run.
    return ServerTrouble(str(failure), failure.status) if isinstance(failure, ServerAway) else failure


def _meaning(error: Exception, address: str, option: str, proxy: str) -> PepsError:
    where = shown(address)
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            advice = _certificate_advice(cause.verify_code, option)
            return ServerAway(
                f"the TLS certificate of {where} is not trusted ({cause.verify_message}): {advice}", Status.UNUSABLE
            )
        if refused := _REFUSED_CONNECT.search(str(cause)) if isinstance(cause, OSError) else None:
            return _refused_connect(refused[1], refused[2], where, proxy)
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, ValueError)):
        if proxy:  # the text of the error holds the proxy's account
            hint = "pip install PySocks, or another proxy" if "SOCKS" in str(error) else "is it written right?"
            return ServerAway(f"the proxy {proxy} (HTTPS_PROXY or ALL_PROXY) cannot be used: {hint}", Status.UNUSABLE)
        return ServerTrouble(f"{where} cannot be asked: {one_line(str(error), 120)}")
    if any(isinstance(cause, _UNCONNECTED) for cause in causes):
        through, check = (f" through the proxy {proxy}", "HTTPS_PROXY") if proxy else ("", option)
        return ServerAway(f"no connection to {where}{through} ({_reason(causes)}): check the network and {check}")
    return _broken_off(causes, where)


def _certificate_advice(code: int, option: str) -> str:
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
                "it lacks something that Python 3.13 and newer check; whoever issued it (your institute, for its proxy)"
                " has to issue a correct one, until then use an older Python"
            )


def _refused_connect(code: str, reason: str, where: str, proxy: str) -> PepsError:
    message = one_line(f"the proxy {proxy} answers {code} {reason}", 200)
    if code >= "500" or code in _LATER:
        return ServerAway(f"{message} instead of connecting to {where}; try again later")
    what = "put your account of the proxy into HTTPS_PROXY" if code == "407" else "check HTTPS_PROXY"
    return ServerAway(
        f"{message} instead of connecting to {where}: {what}, or ask the administrator of the proxy", Status.UNUSABLE
    )


def _broken_off(causes: list[BaseException], where: str) -> PepsError:
    if any(isinstance(cause, Unsent) for cause in causes):
        return ServerAway(f"the connection to {where} failed ({_reason(causes)})")
    if any(isinstance(cause, _TIMEOUTS) for cause in causes):
        return ServerSilent(f"{where} timed out")
    if any(isinstance(cause, ssl.SSLError) for cause in causes):
        return ServerTrouble(f"the connection to {where} failed ({_reason(causes)})")
    return ServerSilent(f"{where} closed the connection in the middle of its answer")


def _causes(error: BaseException) -> list[BaseException]:
    """Return an exception and all that it was made from: its causes, contexts, arguments and reasons."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        cause = waiting.pop()
        if isinstance(cause, BaseException) and cause not in found:
            found.append(cause)
            waiting += [*cause.args, cause.__cause__, cause.__context__, getattr(cause, "reason", None)]
    return found


def _reason(causes: list[BaseException]) -> str:
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    return one_line(reasons[-1] if reasons else type(causes[-1]).__name__, 120)
