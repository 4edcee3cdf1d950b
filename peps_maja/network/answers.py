"""What an answer over HTTP is, and what its status means for any service."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from peps_maja.errors import (
    AccountRefused,
    Forbidden,
    InternalError,
    NotPeps,
    NotReady,
    NotThere,
    PepsError,
    QuotaReached,
    ServerBusy,
    ServerTrouble,
)
from peps_maja.network.credentials import Secret
from peps_maja.network.documents import HTML, kind_of
from peps_maja.text import one_line

REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_ERROR = 10_000  # bytes in which an error has room
_OF_A_LIMIT = re.compile(r"quota|\blimits?\b|rate.?limit|too many|maximum number|concurrent|exceeded", re.IGNORECASE)
_OF_THE_ACCOUNT = re.compile(r"\b(user|account)s?\b", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """What came back, from which address in the end, and the secret that it was asked with."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    address: str
    secret: Secret | None = None


Judge = Callable[[Answer], PepsError | None]
"""Returns what is wrong with an answer of a service, or None if nothing is."""


def refusal(answer: Answer, code: int, reason: str = "") -> PepsError | None:
    """Return what a status means, of HTTP or of the service itself, or None if nothing is wrong."""
    said = f"{shown(answer.address)} answers {code}" + (f": {reason}" if reason else "")
    match code:
        case 200 | 201 | 203 | 206:
            return None
        case 202:
            return NotReady(f"{said}: it is not ready yet; try again later")
        case 401 if answer.secret:
            return AccountRefused(f"{said}: {answer.secret.advice()}")
        case 401:
            return Forbidden(f"{said} to a question that is asked without an account")
        case 429:
            return QuotaReached(f"{said}: too many requests", retry_after(answer.headers))
        case 420:
            return QuotaReached(f"{said}: a quota of the account is used up; try again later", math.inf)
        case 403:
            return _forbidden(answer, reason)
        case 404 | 410:
            return NotThere(said)
        case 503:
            return ServerBusy(f"{said}: the server is busy", retry_after(answer.headers))
        case 500:
            return InternalError(said)
        case _ if code >= 500:
            return ServerTrouble(said)
        case _:
            why = (
                "redirects in a circle" if code in REDIRECTS else "which this service never does: is the address right?"
            )
            return NotPeps(f"{said}, {why}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks us to wait (RFC 9110, section 10.2.3: a number or a date), or None."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return max(0.0, (moment - datetime.now(timezone.utc)).total_seconds())


def shown(address: str) -> str:
    """Return an address as messages show it: without account and query."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _forbidden(answer: Answer, reason: str) -> PepsError:
    """Return what a 403 means by its words: a limit, an account that is not valid, or this one thing refused."""
    words = reason or _words(answer)
    said = f"{shown(answer.address)} answers 403" + (f": {words}" if words else "")
    if _OF_A_LIMIT.search(words):
        return QuotaReached(f"{said}; try again later", math.inf)
    # The words of a page can come from any proxy or firewall on the way: they do not speak for PEPS.
    if answer.secret and _OF_THE_ACCOUNT.search(words) and kind_of(answer.body) != HTML:
        return AccountRefused(f"{said}: the account in {answer.secret.source} is refused; ask PEPS to make it valid")
    return Forbidden(f"{said}: the server refuses this")


def _words(answer: Answer) -> str:
    """Return the text of a short answer, without the tags of HTML."""
    text = answer.body[:MOST_ERROR].decode(errors="replace")
    return one_line(re.sub(r"<(style|script)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL), 200)
