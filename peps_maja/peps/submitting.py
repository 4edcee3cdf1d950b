"""Jobs, each submitted exactly once: the order goes out after the log says so, and never again by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

from peps_maja.errors import (
    CredentialsError,
    Forbidden,
    Interrupted,
    NotThere,
    PepsError,
    QuotaReached,
    ServerAway,
    ServerBusy,
    ServerTrouble,
)
from peps_maja.joblog.details import wps_id
from peps_maja.joblog.events import Event
from peps_maja.joblog.log import JobLog
from peps_maja.network.answers import Answer, retry_after
from peps_maja.network.credentials import Secret
from peps_maja.network.documents import kind_of
from peps_maja.network.trust import without_account
from peps_maja.peps.service import Peps, Server, explaining_closure, refused
from peps_maja.peps.wps import CAPABILITIES, ExceptionReport, ExecuteResponse, WpsDocument, order_query, read_document
from peps_maja.products.series import Series
from peps_maja.text import one_line

PATIENCE = 60.0  # seconds that a run waits for a busy server, all its waits together
_FIRST_WAIT = 3.0  # seconds; doubled from wait to wait unless the server says how long
_SHORTEST_WAIT = 1.0  # seconds, also where the server says 0
_MEANWHILE = "another run has begun, dropped or ended this or a job of the same acquisition meanwhile"
_LEFT = "what is left will be submitted by the next run of the same command"

MAJA = "MAJA"  # one product
FULL_MAJA = "FULL_MAJA"  # a tile over a span of days


@dataclass(frozen=True)
class Order:
    """A job to submit: its name in the log, the process and its inputs.

    `detail` is what the log notes of it: the clouds of a product in per cent, the dates of a series. `warnings` are
    what the user should know before.
    """

    job: str
    process: str
    inputs: str
    detail: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def number_of_dates(self) -> int:
        """How many dates a series has: at most, where they are not known; 0 for a single product."""
        series = Series.parse(self.job)
        return (len(self.detail.split()) or series.days) if series else 0


class Outcome(Enum):
    """What became of an order."""

    SUBMITTED = "submitted"
    REJECTED = "rejected"
    UNSURE = "unsure"
    IN_LOG = "in log"  # another run has begun, dropped or ended a job of its acquisition


@dataclass(frozen=True)
class Submission:
    """An order's outcome; `detail` is the status URL, or the reason."""

    outcome: Outcome
    detail: str


def check_account(peps: Peps, process: str) -> None:
    """Ask, free of charge, whether the account may run a process; raise CredentialsError if not."""
    base, no_right = peps.server.base, _has_no_right(process, peps.client.secret)
    with explaining_closure(peps.server):
        try:
            document = read_document(peps.client.ask(peps.server.wps, CAPABILITIES).body)
        except Forbidden as error:
            raise CredentialsError(f"{error}: {no_right}") from error
        except (ServerTrouble, NotThere) as error:
            raise ServerTrouble(f"{base} does not speak WPS ({error}): is --server right?") from error
    if isinstance(document, ExceptionReport) and document.means_busy():
        raise ServerBusy(f"{base} is busy ({document}): try again later")
    if not isinstance(document, frozenset):
        said = document if isinstance(document, ExceptionReport) else "it speaks of a job"
        raise ServerTrouble(f"{base} does not tell what this account may run: {said}")
    if process not in document:
        raise CredentialsError(f"{base}: {no_right}")


def _has_no_right(process: str, account: Secret | None) -> str:
    source = account.source if account else "no file"
    return f"the account in {source} may not run {process}; ask PEPS for the right"


@dataclass
class Submitter:
    """Sends orders, and writes to the log before each and after each.

    `deferred` holds signals back from the one to the other; `tell` is given every outcome before they have effect,
    `notice` each wait for a busy server.
    """

    peps: Peps
    log: JobLog
    deferred: Callable[[], AbstractContextManager[None]]
    tell: Callable[[str, Submission], None]
    notice: Callable[[str], None]
    patience: float = PATIENCE  # that is left

    def submit(self, order: Order) -> Outcome:
        """Submit a job. Raises the error that says why it was surely not taken."""
        wait = _FIRST_WAIT
        while True:
            with self.deferred():
                is_noted = self.log.begin(Event.SUBMITTING, order.job, order.detail)
                answer = self._ordered(order) if is_noted else Submission(Outcome.IN_LOG, _MEANWHILE)
                if isinstance(answer, PepsError):
                    self.log.append(Event.POSTPONED, order.job, str(answer))
                else:
                    if answer.outcome in {Outcome.SUBMITTED, Outcome.REJECTED}:
                        self.log.append(Event(answer.outcome.value), order.job, answer.detail)
                    self.tell(order.job, answer)
            if isinstance(answer, Submission):
                return answer.outcome
            if not isinstance(answer, ServerBusy):
                raise answer
            seconds = max(wait if answer.retry_after is None else answer.retry_after, _SHORTEST_WAIT)
            if seconds > self.patience:
                raise ServerBusy(f"{answer}; {_LEFT}")
            self.patience -= seconds
            self.notice(f"{answer}; again in {seconds:.0f} s")
            time.sleep(seconds)
            wait *= 2

    def _ordered(self, order: Order) -> Submission | PepsError:
        """Send the order once; return what became of it, or the error that says it was surely not taken."""
        try:
            answer = self.peps.client.order(self.peps.server.wps, order_query(order.process, order.inputs))
        except ServerAway as error:
            return error
        except ServerTrouble as error:
            return Submission(Outcome.UNSURE, str(error))
        except Interrupted:
            self.tell(order.job, Submission(Outcome.UNSURE, "interrupted before the answer came"))
            raise
        return meaning_of(answer, self.peps.server)


def meaning_of(answer: Answer, server: Server) -> Submission | PepsError:
    """Return what became of an order by the answer to it: an error if it was surely not taken.

    Whatever is not clear is UNSURE: an order that may have arrived is never repeated without the user's word.
    """
    document: WpsDocument | None = None
    try:
        document = read_document(answer.body)
        without = f"without a usable status URL: {kind_of(answer.body)}"
    except ServerTrouble as error:
        without = str(error)
    refusal = document
    if isinstance(document, ExecuteResponse):
        refusal = document.failure
        if url := "" if document.failure else _status_url(document.status_location, server):
            return Submission(Outcome.SUBMITTED, url)
        if document.status_location:
            without = f"without a usable status URL: {one_line(document.status_location, 300)}"
    trouble = refused(answer)
    if answer.status < 500 or answer.status == 503:
        if isinstance(refusal, ExceptionReport) and refusal.means_busy():
            return ServerBusy(f"the server is busy ({refusal})", retry_after(answer.headers))
        if answer.status == 429 or (isinstance(trouble, ServerBusy) and answer.status != 202):  # accepted, for HTTP
            return ServerBusy(str(trouble), retry_after(answer.headers))
        if isinstance(trouble, QuotaReached):
            return QuotaReached(f"{trouble}; {_LEFT}")
        if isinstance(trouble, Forbidden):
            return CredentialsError(f"{trouble}: {_has_no_right('this', answer.secret)}")
        if isinstance(trouble, CredentialsError) or (trouble and answer.status in {401, 403}):
            return trouble
        if isinstance(refusal, ExceptionReport):
            return Submission(Outcome.REJECTED, str(refusal))
    reason = str(trouble or f"the server answers {without}")
    return Submission(Outcome.UNSURE, reason.removesuffix("; try again later"))  # which only a person may


def _status_url(location: str, server: Server) -> str:
    """Return the address that an accepted document names, as far as it can be followed; else an empty text."""
    try:
        url, parts = without_account(location), urlsplit(location)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"}:  # relative, or `file:///…/<id>.xml`, PyWPS's default
        url = server.base + server.public_path(f"/wps/outputs/{parts.path.rpartition('/')[2]}")
    return url if wps_id(url) else ""
