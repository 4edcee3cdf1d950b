"""What an answer over HTTP means by its status, for any service."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from peps_maja.errors import CredentialsError, Forbidden, NotThere, PepsError, QuotaReached, ServerBusy, ServerTrouble
from peps_maja.network.credentials import Secret
from peps_maja.network.documents import HTML, kind_of
from peps_maja.network.trust import shown
from peps_maja.text import one_line

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_ERROR = 10_000  # bytes; no error message is longer
_OF_A_LIMIT = re.compile(r"quota|\blimits?\b|rate.?limit|too many|maximum number|concurrent|exceeded", re.IGNORECASE)
_OF_THE_ACCOUNT = re.compile(r"\b(user|account|key)s?\b", re.IGNORECASE)
_TAGS = re.compile(r"<(style|script)\b.*?</\1>|<[^>]*>", re.DOTALL)


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


class BadRequest(ServerTrouble):
    """The service does not take a question of this form (400)."""


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
            return BadRequest(message)
        case 401 if answer.secret:
            return CredentialsError(f"{message}: {answer.secret.advice}")
        case 401:
            return Forbidden(f"{message} to a question that is asked without an account")
        case 403:
            return _forbidden(answer, message, reason)
        case 404 | 410:
            return NotThere(message)
        case 420 | 429:
            return QuotaReached(f"{message}: a quota or limit of the account is reached; try again later")
        case 503:
            return ServerBusy(f"{message}: the server is busy", retry_after(answer.headers))
        case _ if code >= 500:
            return Passing(message)
        case _:
            return ServerTrouble(f"{message}, which this service never does")


def _forbidden(answer: Answer, message: str, reason: str) -> PepsError:
    """Return what a 403 means by its words: a limit, an account that is not valid, or this one thing refused."""
    words = reason or one_line(_TAGS.sub(" ", answer.body[:MOST_ERROR].decode(errors="replace")), 200)
    if not reason:
        message = f"{message}: {words}"
    if _OF_A_LIMIT.search(words):
        return QuotaReached(f"{message}; try again later")
    kind = kind_of(answer.body)
    says_html = kind not in {"JSON", "XML"} and "html" in answer.headers.get("Content-Type", "").lower()
    if kind == HTML or says_html:  # of any proxy, firewall or login on the way: it does not speak for the service
        return ServerTrouble(f"{message} ({HTML}: maintenance, a firewall or a login); try again later")
    if answer.secret and _OF_THE_ACCOUNT.search(words):
        return CredentialsError(
            f"{message}: the account in {answer.secret.source} is refused; ask the service to make it valid"
        )
    return Forbidden(f"{message}: the server refuses this")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks us to wait (it gives a number or a date), or None."""
    try:
        return float(Retry().parse_retry_after(headers.get("Retry-After", "")))
    except (InvalidHeader, ValueError, OverflowError):
        return None
