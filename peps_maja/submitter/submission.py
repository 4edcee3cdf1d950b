"""What a run is about to do is shown and agreed to, where it is much; then each step of it stands in the log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from peps_maja.console import Console
from peps_maja.disk import write_whole
from peps_maja.errors import CredentialsError, LogError, PepsError, Status, UsageError, worst
from peps_maja.joblog.corrections import correct_log
from peps_maja.joblog.details import Offer
from peps_maja.joblog.events import Event, Source
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.joblog.log import JobLog
from peps_maja.options import QUESTION_FROM, ProcessOptions
from peps_maja.peps.service import Peps
from peps_maja.peps.submitting import Order, Outcome, Submission, Submitter, check_account
from peps_maja.products.records import L2ARecord
from peps_maja.run import Signals, tell
from peps_maja.standing.advice import WAY_OUT, advise
from peps_maja.submitter.choice_of_baseline_and_version import IN_LOG, NOT_AT_THEIA
from peps_maja.submitter.finding import jobs_in
from peps_maja.submitter.proposal import Proposal, costs
from peps_maja.submitter.table import summary, table
from peps_maja.text import counted, size

LARGE_DOWNLOAD = 100e9  # bytes
_SIZE_IF_UNKNOWN = 1e9


def keep(features: Sequence[object], options: ProcessOptions, console: Console) -> Status:
    """Write the answer of the catalogue to the file of --json, if it is given; that it cannot be stops no work."""
    try:
        if options.json:
            once = dict.fromkeys(map(json.dumps, features))
            write_whole(options.json, '{"type": "FeatureCollection", "features": [\n' + ",\n".join(once) + "\n]}\n")
    except UsageError as error:
        return tell(error, console)
    return Status.OK


def show(proposal: Proposal, jobs: Jobs, options: ProcessOptions, console: Console) -> Status:
    """Show what will be done with each product, and what that costs.

    Return TROUBLE if the user named a product that Theia does not have.
    """
    for line in [*table(proposal.choices, verbose=options.verbose), summary(proposal.choices)]:
        console.info(line)
    if options.days and proposal.choices:
        found = {choice.record.tile for choice in proposal.choices}
        for tile in [tile for tile in options.tile if tile not in found]:
            console.info(f"{tile}: nothing was found for these days")
    elif options.days:
        tiles = f" ({', '.join(options.tile)})" if options.tile else ""
        of, why = "The catalogue", "is the tile right, and are the dates?"
        if options.is_theia_only:
            of, why = "Theia", "it has its zones only (France, and others), and of these not each day"
        console.info(f"{of} has nothing for this place and these days{tiles}: {why}")
    elif not (proposal.choices or proposal.orders):
        way = "--status of the downloader shows where its jobs stand"
        console.info(f"{options.log} has nothing to submit again: {way}")
    missing = [choice.job for choice in proposal.choices if choice.action == NOT_AT_THEIA]
    for name in missing:
        console.warning(f"{name}: Theia has no product of this name; search for its tile and day")
    if options.resubmit and not options.days and not options.product:
        left_out = sum(job.source is Source.THEIA for job in jobs_in(jobs, options.resubmit))
        if left_out:
            console.reminder(f"{counted(left_out, 'job')} of Theia left out: a search with --theia only takes them")
    for order in proposal.orders:
        for warning in order.warnings:
            console.warning(warning)
    for line in filter(None, (costs(proposal.orders), proposal.hint)):
        console.info(line)
    return Status.TROUBLE if missing else Status.OK


def is_agreed(proposal: Proposal, options: ProcessOptions, console: Console) -> bool:
    """Ask before many jobs, a long series and a large download; the rest goes without a question."""
    largest = max([len(proposal.orders), *(order.number_of_dates for order in proposal.orders)])
    download = sum(_SIZE_IF_UNKNOWN if record.size is None else record.size for record in proposal.taken)
    if options.yes or (largest < QUESTION_FROM and download < LARGE_DOWNLOAD):
        return True
    jobs = f"Submit {counted(len(proposal.orders), 'job')}"
    question = f"{jobs} and download about" if proposal.orders else "Download about"
    is_wanted = console.agrees(f"{question} {size(download)} from Theia?" if proposal.taken else f"{jobs}?")
    if not is_wanted:
        console.info("Nothing was submitted.")
    return is_wanted


def correct(log: JobLog, options: ProcessOptions, console: Console) -> Status:
    """Log what the user knows better than the log: jobs to adopt, jobs to drop."""
    adopted, dropped = correct_log(log, [(name, url) for name, url in options.adopt], options.drop)
    for name in adopted:
        console.info(f"{name}: adopted; the downloader follows it from now on")
    for name in dropped:
        console.info(f"{name}: dropped; it will be neither followed nor submitted again")
    return Status.OK


def take(records: Sequence[L2ARecord], log: JobLog, console: Console) -> None:
    """Log what Theia has ready, for the downloader to fetch."""
    for record in records:
        offer = Offer(record.address, record.size, record.md5, record.orbit, record.clouds)
        is_new = log.begin(Event.AVAILABLE, record.identifier, str(offer))
        console.result(f"{record.identifier}: {'from Theia' if is_new else IN_LOG}")


def submit(
    orders: Sequence[Order], options: ProcessOptions, peps: Peps, log: JobLog, console: Console, *, signals: Signals
) -> Status:
    """Submit one job after the other, and say what became of each and of the rest."""
    for process in sorted({order.process for order in orders}):
        check_account(peps, process)
    outcomes: Counter[str] = Counter()
    statuses: list[Status] = []

    def say(job: str, submission: Submission) -> None:
        outcomes[submission.outcome.value] += 1
        if submission.outcome in {Outcome.REJECTED, Outcome.UNSURE}:
            statuses.append(Status.TROUBLE)
        match submission.outcome:
            case Outcome.SUBMITTED:
                console.result(f"{job}: submitted")
            case Outcome.REJECTED:
                console.warning(f"{job}: rejected: {submission.detail}; {advise(options, Job(job), Event.REJECTED)}")
            case Outcome.IN_LOG:
                console.result(f"{job}: {IN_LOG}: {submission.detail}")
            case Outcome.UNSURE:
                console.warning(f"{job}: unsure whether PEPS took it ({submission.detail}): {WAY_OUT}")

    submitter = Submitter(peps, log, signals.deferred, say, console.reminder)
    try:
        for order in orders:
            outcome = submitter.submit(order)
            if outcome is Outcome.UNSURE and order is not orders[-1]:
                # A server in trouble would make every further job unsure: a free question tells whether it is.
                check_account(peps, order.process)
    except (CredentialsError, LogError) as error:  # which end the run
        error.status = worst([*statuses, error.status])
        raise
    except PepsError as error:
        statuses.append(tell(error, console))
    finally:
        left = len(orders) - sum(outcomes.values())
        counts = [*outcomes.items(), ("left for the next run", left)]
        console.info(", ".join(f"{number} {what}" for what, number in counts if number))
    return worst(statuses)
