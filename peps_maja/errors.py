"""Every error that somebody catches apart from the others; its message is one line: what happened, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum


class Status(IntEnum):
    """The exit statuses of both scripts, the gravest last."""

    OK = 0
    TRY_LATER = 75  # EX_TEMPFAIL of sysexits.h: server out of reach or busy, or another run at work
    TROUBLE = 1  # a job rejected, failed, cancelled or unsure; a product that could not be fetched
    UNUSABLE = 2  # options, credentials or log: nothing works until the user changes something
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


def worst(statuses: Iterable[Status]) -> Status:
    """Return the status that counts most: 129, 130 or 143, then 2, then 1, then 75; 0 if there is none."""
    return max(statuses, key=list(Status).index, default=Status.OK)


class PepsError(Exception):
    """Any expected error. Its text is a message for the user."""

    status = Status.TROUBLE

    def __init__(self, message: str, status: Status | None = None) -> None:
        super().__init__(message)
        self.status = status or self.status


class UsageError(PepsError):
    """Options, or a file or folder that they name, cannot work."""

    status = Status.UNUSABLE


class LogError(PepsError):
    """The job log cannot be read, written or locked (TRY_LATER: not now)."""

    status = Status.UNUSABLE


class CredentialsError(PepsError):
    """The account or key that a server needs is missing, cannot be used, or is refused."""

    status = Status.UNUSABLE


class NoAccount(CredentialsError):
    """There is no account or key at all: work that needs none can go on."""


class ServerAway(PepsError):
    """Surely nothing was sent: no connection could be made (UNUSABLE where a person has to fix that)."""

    status = Status.TRY_LATER


class ServerTrouble(PepsError):
    """The server answers with an error of its own, with something that is no answer, or stops in the middle."""

    status = Status.TRY_LATER


class ServerSilent(ServerTrouble):
    """A connection was made, and the answer timed out or was cut."""


class ServerBusy(PepsError):
    """The server cannot do this now (503, 202); `retry_after`: the seconds that it asked us to wait, if it did."""

    status = Status.TRY_LATER

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QuotaReached(PepsError):
    """A quota or limit of the account or key is used up (420, 429, 403 with words about a limit)."""

    status = Status.TRY_LATER


class Forbidden(PepsError):
    """The server refuses this one thing (another 403, or 401 to a question without an account)."""


class NotThere(PepsError):
    """The server does not have what was asked for."""


class Broken(PepsError):
    """What the server sends for a result is not a complete, valid zip of its job."""


class DiskFull(PepsError):
    """No room for the rest of a result: neither the result's fault nor the server's."""


class Interrupted(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP, with its exit status. Not an `Exception`, so that no `except Exception` catches it."""
