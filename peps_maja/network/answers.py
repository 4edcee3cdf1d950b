"""What an answer over HTTP means by its status, for any service, and what an exception means that came instead."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

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
from peps_maja.network.connections import Unsent
from peps_maja.network.credentials import Secret
from peps_maja.network.documents import HTML, kind_of
from peps_maja.network.trust import Site, shown
from peps_maja.text import one_line

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_ERROR = 10_000  # bytes; no error message is longer
_OF_A_LIMIT = re.compile(r"quota|\blimits?\b|rate.?limit|too many|maximum number|concurrent|exceeded", re.IGNORECASE)
_OF_THE_ACCOUNT = re.compile(r"\b(user|account|key)s?\b", re.IGNORECASE)
_UNCONNECTED = (urllib3_errors.NewConnectionError, urllib3_errors.ConnectTimeoutError)
_TIMEOUTS = (requests.exceptions.Timeout, urllib3_errors.TimeoutError, TimeoutError)
_REFUSED_CONNECT = re.compile(r"Tunnel connection failed: ([0-9]{3}) ?(.*)")


@dataclass(frozen=True)
class Answer:
    """What came back, from which address in the end, and the secret that it was asked with."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: str
    secret: Secret | None = None

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people, by its start or, where that tells nothing, by its Content-Type."""
        kind = kind_of(self.body)
        says_so = "html" in self.headers.get("Content-Type", "").lower()
        return kind == HTML or (says_so and kind not in {"JSON", "XML"})


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
    message = f"{shown(answer.address)} answers {code}" + (f": {reason}" if reason else "")
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
            return _forbidden(answer, message, reason or _words(answer))
        case 404 | 410:
            return NotThere(message)
        case 420 | 429:
            return QuotaReached(f"{message}: a quota or limit of the account is reached; try again later")
        case 503:
            return ServerBusy(f"{message}: the server is busy", retry_after(answer.headers))
        case _ if code >= 500:
            return Passing(message)
        case _ if code in REDIRECTS:
            return ServerTrouble(f"{message}, a redirect that leads nowhere")
        case _:
            return ServerTrouble(f"{message}, which this service never does")


def _forbidden(answer: Answer, message: str, words: str) -> PepsError:
    """Return what a 403 means by its words: a limit, an account that is not valid, or this one thing refused."""
    if words not in message:
        message = f"{message}: {words}"
    if _OF_A_LIMIT.search(words):
        return QuotaReached(f"{message}; try again later")
    if answer.is_html:  # of any proxy, firewall or login on the way: it does not speak for the service
        return ServerTrouble(f"{message} ({HTML}: maintenance, a firewall or a login); try again later")
    if answer.secret and _OF_THE_ACCOUNT.search(words):
        return CredentialsError(
            f"{message}: the account in {answer.secret.source} is refused; ask the service to make it valid"
        )
    return Forbidden(f"{message}: the server refuses this")


def _words(answer: Answer) -> str:
    """Return the text of a short answer, without the tags of HTML."""
    text = answer.body[:MOST_ERROR].decode(errors="replace")
    return one_line(re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL), 200)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks us to wait (it gives a number or a date), or None."""
    try:
        return float(Retry().parse_retry_after(headers.get("Retry-After", "")))
    except (urllib3_errors.InvalidHeader, ValueError, OverflowError):
        return None


def network_error(error: Exception, address: str, site: Site, proxy: str) -> PepsError:
    """Return what an exception means that was raised when a site, or an address that its answers name, was asked.

    ServerAway means that surely nothing was sent. All else may have arrived.
    """
    failure = _meaning(error, shown(address), site.option, proxy)
    if isinstance(failure, ServerAway) and not site.may_see_secret(address):
        # What another host does concerns what was asked of it, and not the whole round.
        return ServerTrouble(str(failure), failure.status)
    return failure


def _meaning(error: Exception, where: str, option: str, proxy: str) -> PepsError:
    causes = _causes(error)
    reasons = [cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror]
    reason = one_line(reasons[-1] if reasons else type(causes[-1]).__name__, 120)
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ServerAway(
                f"the TLS certificate of {where} is not trusted ({cause.verify_message}): check {option} and this"
                " machine's clock; if your institute has an authority of its own, name it in REQUESTS_CA_BUNDLE",
                Status.UNUSABLE,
            )
        if refused := _REFUSED_CONNECT.search(str(cause)) if isinstance(cause, OSError) else None:
            message = one_line(f"the proxy {proxy} answers {refused[1]} {refused[2]}", 200)
            if refused[1] >= "500" or refused[1] in {"408", "429"}:
                return ServerAway(f"{message} instead of connecting to {where}; try again later")
            what = "put your account of the proxy into" if refused[1] == "407" else "check"
            return ServerAway(f"{message} instead of connecting to {where}: {what} HTTPS_PROXY", Status.UNUSABLE)
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, ValueError)):
        if proxy:
            hint = "pip install PySocks, or another proxy" if "SOCKS" in str(error) else "check HTTPS_PROXY"
            return ServerAway(f"the proxy {proxy} cannot be used: {hint}", Status.UNUSABLE)
        return ServerTrouble(f"{where} cannot be asked: is that address right?")
    if any(isinstance(cause, _UNCONNECTED) for cause in causes):
        through, check = (f" through the proxy {proxy}", "HTTPS_PROXY") if proxy else ("", option)
        return ServerAway(f"no connection to {where}{through} ({reason}): check the network and {check}")
    if any(isinstance(cause, Unsent) for cause in causes):
        return ServerAway(f"the connection to {where} failed ({reason})")
    if any(isinstance(cause, _TIMEOUTS) for cause in causes):
        return ServerSilent(f"{where} timed out")
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
