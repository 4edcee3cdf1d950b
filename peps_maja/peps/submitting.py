"""Jobs, each submitted exactly once: the order goes out after the log says so, and never again by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from enum import Enum

from peps_maja.errors import (
    CredentialsError,
    Forbidden,
    Interrupted,
    LogError,
    NotThere,
    PepsError,
    QuotaReached,
    ServerAway,
    ServerBusy,
    ServerTrouble,
)
from peps_maja.joblog.details import is_status_url
from peps_maja.joblog.events import Event
from peps_maja.joblog.log import JobLog
from peps_maja.network.answers import Answer, retry_after
from peps_maja.network.credentials import Secret
from peps_maja.network.documents import kind_of
from peps_maja.peps.service import Peps, explaining_closure, refused
from peps_maja.peps.wps import (
    Capabilities,
    ExceptionReport,
    ExecuteResponse,
    capabilities_query,
    order_query,
    read_document,
)
from peps_maja.products.series import Series

PATIENCE = 60.0  # seconds that a run waits for a busy server, all its waits together
_FIRST_WAIT = 3.0  # seconds; doubled from wait to wait unless the server says how long
_SHORTEST_WAIT = 1.0  # seconds, also where the server says 0

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


@dataclass(frozen=True)
class Submission:
    """An order's outcome; `detail` is the status URL, or the reason."""

    outcome: Outcome
    detail: str


def check_account(peps: Peps, process: str) -> None:
    """Ask, free of charge, whether the account may run a process; raise CredentialsError if not."""
    with explaining_closure(peps.server):
        try:
            document = read_document(peps.client.ask(peps.server.wps, capabilities_query()).body)
        except Forbidden as error:
            raise CredentialsError(f"{error}: {_has_no_right(process, peps.client.secret)}") from error
        except (ServerTrouble, NotThere) as error:
            raise ServerTrouble(f"{peps.server.base} does not speak WPS ({error}): is --server right?") from error
    if isinstance(document, ExceptionReport) and document.means_busy():
        raise ServerBusy(f"{peps.server.base} is busy ({document}): try again later")
    if isinstance(document, ExceptionReport):
        raise ServerTrouble(f"{peps.server.base} does not tell what this account may run: {document}")
    if not isinstance(document, Capabilities) or process not in document.processes:
        raise CredentialsError(f"{peps.server.base}: {_has_no_right(process, peps.client.secret)}")


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
        """Submit a job. If it was surely not taken: CredentialsError, ServerAway, QuotaReached or ServerBusy."""
        job = order.job
        wait = _FIRST_WAIT
        while True:
            with self.deferred():
                self._announce(job, order.detail)
                answer = self._ordered(order)
                if isinstance(answer, PepsError):
                    self.log.append(Event.POSTPONED, job, str(answer))
                else:
                    if answer.outcome is not Outcome.UNSURE:
                        self.log.append(Event(answer.outcome.value), job, answer.detail)
                    self.tell(job, answer)
            if isinstance(answer, Submission):
                return answer.outcome
            if not isinstance(answer, ServerBusy):
                raise answer
            self._wait(wait if answer.retry_after is None else answer.retry_after, answer)
            wait *= 2

    def _announce(self, job: str, detail: str) -> None:
        """Log that the order is about to leave; if that does not come to disk, it does not leave."""
        try:
            self.log.append(Event.SUBMITTING, job, detail)
        except LogError:
            with suppress(LogError):  # the line may stand there all the same
                self.log.append(Event.POSTPONED, job, "not sent: the log could not be brought to disk")
            raise

    def _ordered(self, order: Order) -> Submission | PepsError:
        """Send the order once; return what became of it, or the error that says it was surely not taken."""
        try:
            query = order_query(order.process, order.inputs)
            return read_answer(self.peps.client.order(self.peps.server.wps, query))
        except (CredentialsError, QuotaReached, ServerAway, ServerBusy) as error:
            return error
        except ServerTrouble as error:
            return Submission(Outcome.UNSURE, str(error))
        except Interrupted:
            self.tell(order.job, Submission(Outcome.UNSURE, "interrupted before the answer came"))
            raise

    def _wait(self, seconds: float, busy: ServerBusy) -> None:
        seconds = max(seconds, _SHORTEST_WAIT)
        if seconds > self.patience:
            raise ServerBusy(f"{busy}; what is left will be submitted by the next run of the same command")
        self.patience -= seconds
        self.notice(f"{busy}; again in {seconds:.0f} s")
        time.sleep(seconds)


def read_answer(answer: Answer) -> Submission:
    """Return what an answer to an order means; raise CredentialsError or ServerBusy: then it was surely not taken.

    Whatever is not clear is UNSURE: an order that may have arrived is never repeated without the user's word.
    """
    error = refused(answer)
    if isinstance(error, Forbidden):
        raise CredentialsError(f"{error}: {_has_no_right('this', answer.secret)}")
    if isinstance(error, (CredentialsError, QuotaReached, ServerBusy)):
        raise error
    try:
        document = read_document(answer.body)
    except ServerTrouble as unreadable:
        return Submission(Outcome.UNSURE, str(error or f"the server answers {unreadable}"))
    refusal = document.failure if isinstance(document, ExecuteResponse) else document
    if isinstance(refusal, ExceptionReport):
        if refusal.means_busy():
            raise ServerBusy(f"the server is busy ({refusal})", retry_after(answer.headers))
        if answer.status < 500:
            return Submission(Outcome.REJECTED, str(refusal))
    if isinstance(document, ExecuteResponse) and is_status_url(document.status_location):
        return Submission(Outcome.SUBMITTED, document.status_location)
    return Submission(Outcome.UNSURE, str(error or f"the server answers without a status URL: {kind_of(answer.body)}"))
