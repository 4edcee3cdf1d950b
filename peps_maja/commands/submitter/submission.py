"""What a run does when all is agreed: corrections, products of Theia and submissions, each in the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from peps_maja.commands.options import ProcessOptions
from peps_maja.commands.run import Signals
from peps_maja.console import Console
from peps_maja.errors import PepsError, Status, worst
from peps_maja.joblog.corrections import correct_log
from peps_maja.joblog.events import Event
from peps_maja.joblog.jobs import WAY_OUT
from peps_maja.joblog.log import JobLog
from peps_maja.joblog.offers import Offer
from peps_maja.peps.service import Peps
from peps_maja.peps.submitting import Outcome, Submission, Submitter, check_account
from peps_maja.products.records import L2ARecord
from peps_maja.selection.orders import Order


def correct(log: JobLog, options: ProcessOptions, console: Console) -> Status:
    """Log what the user knows better than the log: jobs to adopt, jobs to drop."""
    found = [(name, url) for name, url in options.adopt]
    adopted, dropped = correct_log(log, found, options.drop, options.command)
    for name in adopted:
        console.info(f"{name}: adopted; the downloader follows it from now on")
    for name in dropped:
        console.info(f"{name}: dropped; it will be neither followed nor submitted again")
    return Status.OK


def take(records: Sequence[L2ARecord], log: JobLog, console: Console) -> None:
    """Log what Theia has ready, for the downloader to fetch."""
    for record in records:
        log.append(Event.AVAILABLE, record.identifier, str(Offer(record.address, record.size, record.md5)))
        console.result(f"{record.identifier}: from Theia")


def submit(orders: Sequence[Order], peps: Peps, log: JobLog, signals: Signals, console: Console) -> Status:
    """Submit one job after the other, and say what became of each and of the rest."""
    for process in sorted({order.process for order in orders}):
        check_account(peps, process)
    outcomes: Counter[str] = Counter()

    def tell(job: str, submission: Submission) -> None:
        outcomes[submission.outcome.value] += 1
        _say_what_became(job, submission, console)

    submitter = Submitter(peps, log, signals.deferred, tell, console.reminder)
    status = Status.OK
    try:
        for order in orders:
            outcome = submitter.submit(order)
            if outcome is Outcome.UNSURE and order is not orders[-1]:
                # A server in trouble would make every further job unsure: a free question tells whether it is.
                check_account(peps, order.process)
    except PepsError as error:
        console.warning(str(error))
        status = error.status
    finally:
        left = len(orders) - sum(outcomes.values())
        counts = [*outcomes.items(), ("left for the next run", left)]
        console.info(", ".join(f"{number} {what}" for what, number in counts if number))
    return worst([status, Status.TROUBLE if outcomes["rejected"] or outcomes["unsure"] else Status.OK])


def _say_what_became(job: str, submission: Submission, console: Console) -> None:
    if submission.outcome is Outcome.SUBMITTED:
        console.result(f"{job}: submitted")
    elif submission.outcome is Outcome.REJECTED:
        console.warning(f"{job}: rejected: {submission.detail}")
    else:
        console.warning(f"{job}: unsure whether PEPS took it ({submission.detail}): {WAY_OUT}")
