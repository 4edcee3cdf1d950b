"""Every error, and the exit status with which it ends a run.

Every message is one line for a person who reads it in a cron mail a week later: what happened, to which
job or file, and what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Status(IntEnum):
    """The exit statuses of both scripts, the gravest last."""

    OK = 0
    TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h: server out of reach or busy, or another run at work
    TROUBLE = 1  # a job rejected, failed, cancelled or unsure; a product that could not be fetched
    UNUSABLE = 2  # options, credentials or log: nothing works until the user changes something
    INTERRUPTED = 130
    TERMINATED = 143


def worst(statuses: Iterable[Status]) -> Status:
    """Return the status that counts most: 130 or 143, then 2, then 1, then 75; 0 if there is none."""
    return max(statuses, key=list(Status).index, default=Status.OK)


class PepsError(Exception):
    """Any expected error. Its text is a message for the user."""

    status = Status.TROUBLE


class UsageError(PepsError):
    """Options that cannot work."""

    status = Status.UNUSABLE


class LogError(PepsError):
    """The job log cannot be read, written or locked."""

    status = Status.UNUSABLE


class ConcernsAll(PepsError):
    """Any other request to this server would fail in the same way: it is asked no further in this run."""


class CredentialsError(ConcernsAll):
    """The account or the key that the server needs is missing or cannot be used."""

    status = Status.UNUSABLE


class NoAccount(CredentialsError):
    """There are no credentials, or they are another user's: work that needs no account can go on."""


class AccountRefused(ConcernsAll):
    """The account is refused as a whole (401, or 403 with words about the user)."""

    status = Status.UNUSABLE


class Forbidden(PepsError):
    """The server refuses this one thing (another 403, or 401 to a question without an account)."""


class UntrustedServer(ConcernsAll):
    """The server's TLS certificate is not valid or not trusted."""

    status = Status.UNUSABLE


class UnexpectedAnswer(PepsError):
    """The answer is not one that the service is known to give."""

    status = Status.UNUSABLE


class TooLong(UnexpectedAnswer):
    """The answer has more bytes than any of its kind."""


class Unreadable(PepsError):
    """A document that is not what it should be: not XML, not JSON, or nothing that the service would say."""


class HtmlPage(Unreadable):
    """A page for people: the service is under maintenance, or wants a login."""

    status = Status.TRY_LATER


class ServerTrouble(PepsError):
    """The server answered with an error of its own, or stopped in the middle."""

    status = Status.TRY_LATER
    may_have_arrived = True  # the request; False if the connection broke while it was being made


class InternalError(ServerTrouble):
    """500: the server fails at this request; it may answer another one."""


class ServerSilent(ServerTrouble):
    """A connection was made, and the answer timed out."""


class ServerAway(ConcernsAll):
    """No connection could be made, so surely nothing was sent."""

    status = Status.TRY_LATER


class NoAnswer(PepsError):
    """An order was sent, and it is not known whether it arrived."""


class ProxyUnusable(ServerAway):
    """The proxy on the way to the server refuses, or its address is not valid: for a person to fix."""

    status = Status.UNUSABLE


class ServerBusy(PepsError):
    """The server is busy; `retry_after` is the number of seconds that it asked us to wait, if it did."""

    status = Status.TRY_LATER

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QuotaReached(ServerBusy):
    """A quota or limit of the account (420, 429, 403 with words about a limit): try again later, never `missing`."""


class HourlyQuota(QuotaReached, ConcernsAll):
    """The quota of all downloads for this hour is used up: what already comes is received, nothing more is asked."""


class NotReady(PepsError):
    """202: the server is still preparing what was asked for."""

    status = Status.TRY_LATER


class NotThere(PepsError):
    """The server does not have (or does not show) what was asked for."""


class Absent(PepsError):
    """The server does not have this result."""


class Broken(PepsError):
    """What the server sends for a result is not a complete, valid zip of its job."""


class DiskFull(PepsError):
    """No room for the rest of a result: neither the result's fault nor the server's."""


class TooLarge(PepsError):
    """A result of more bytes than any product has: not the disk's fault, and no reason to call it missing."""


class AlreadyRunning(PepsError):
    """Another run of the same script holds the lock."""

    status = Status.TRY_LATER


class Interrupted(BaseException):
    """Ctrl-C or SIGTERM. Not an `Exception`, so that no `except Exception` catches it."""

    def __init__(self, status: Status) -> None:
        super().__init__(status)
        self.status = status
