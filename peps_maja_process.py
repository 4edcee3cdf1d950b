#!/usr/bin/env python3
"""Search the PEPS catalogue for Sentinel-2 L1C products and have MAJA process them, each submitted exactly once."""

import os
import sys

if sys.version_info < (3, 11):  # before any import that an older Python would stumble over
    sys.stderr.write("peps_maja_process: needs Python 3.11 or newer, and this is %d.%d\n" % sys.version_info[:2])
    sys.exit(2)

try:  # from here on Ctrl-C ends without a traceback: so, until `run` has it in hand
    import signal

    if sys.argv[0].rpartition("/")[2].startswith("peps_maja_") and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
except KeyboardInterrupt:
    os._exit(130)

import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from peps_maja.commands import reminders
from peps_maja.commands.options import DEFAULT_SERVER, QUESTION_FROM, ProcessOptions, process_options
from peps_maja.commands.run import Signals, command_for, is_another_run, read_account, read_timeout, run
from peps_maja.console import Console
from peps_maja.errors import PepsError, Status, UsageError, gravest

# What a run needs beyond that is imported where it is needed: --help and a mistyped option answer at once.
if TYPE_CHECKING:
    from peps_maja.joblog.jobs import Jobs
    from peps_maja.joblog.log import JobLog
    from peps_maja.peps.service import Peps
    from peps_maja.peps.submitting import Submission
    from peps_maja.products.records import Record
    from peps_maja.selection.costs import Cost
    from peps_maja.selection.orders import Order, Proposal
    from peps_maja.selection.wishes import Wishes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script with these arguments (None: those of the process) and return its exit status."""
    return run("peps_maja_process", process_options, arguments, process, is_another_run)


def process(options: ProcessOptions, console: Console, signals: Signals) -> Status:
    """Find products, show what will be done with them, ask, submit, and say how to go on."""
    from peps_maja.commands.finding import read_wishes
    from peps_maja.downloads.zips import products_in
    from peps_maja.joblog.log import JobLog
    from peps_maja.peps.service import Peps, Server
    from peps_maja.peps.submitting import check_account
    from peps_maja.selection.orders import all_series

    log = JobLog(options.log)
    server = Server.parse(options.server)  # an account in it would come into the log, with the command
    if options.adopt or options.drop:
        with log.lock_for("process"):
            return correct(options, log, console)

    wishes = read_wishes(options, console.warn)
    if options.series:
        all_series(wishes)  # a span that PEPS does not take is an error before any request
    products_in(options.write_dir)  # and so is a folder that is not there
    account = None if options.dry_run else read_account(options, console)
    peps = Peps(server, account, read_timeout=read_timeout(), trace=console.trace)
    with nullcontext() if options.dry_run else log.lock_for("process"):
        jobs = log.replay()
        reminders.tell_of_damage(jobs, log, console.warn)
        log.announce(options.command)
        again = to_resubmit(options, jobs)
        pointed_out = [] if options.dry_run else reminders.point_out_unsure(jobs, log, console, but_not=again)
        records = find(options, wishes, peps, jobs)
        proposal = propose(options, wishes, records, jobs, series=options.series)
        show(proposal, cost_of_other_way(options, wishes, records, jobs), options, console)
        if options.dry_run or not proposal.orders:
            return reminders.remind_of_unsure(jobs, console, pointed_out=pointed_out)
        if not is_agreed(proposal, options, console):
            console.say("Nothing was submitted.")
            return reminders.remind_of_unsure(jobs, console, pointed_out=pointed_out)

        jobs = log.replay()  # the question may have waited for hours; what else that brings was not agreed to
        agreed = {order.job for order in proposal.orders}
        proposal = propose(options, wishes, records, jobs, series=options.series)
        orders = [order for order in proposal.orders if order.job in agreed]
        for wps_process in sorted({order.process for order in orders}):
            check_account(peps, wps_process)
        status = submit(orders, peps, log, signals, console)
        console.say(f"Follow the jobs: {command_that_follows(options)}")
        ordered = [order.job for order in orders]
        return gravest([status, reminders.remind_of_unsure(jobs, console, ordered, pointed_out)])


def correct(options: ProcessOptions, log: "JobLog", console: Console) -> Status:
    """Log what the user knows better than the log: jobs to adopt, jobs to drop."""
    from peps_maja.joblog.corrections import correct_log

    adopted, dropped = correct_log(log, [(name, url) for name, url in options.adopt], options.drop, options.command)
    for name in adopted:
        console.say(f"{name}: adopted; the downloader follows it from now on")
    for name in dropped:
        console.say(f"{name}: dropped; it will be neither followed nor submitted again")
    return Status.OK


def find(options: ProcessOptions, wishes: "Wishes", peps: "Peps", jobs: "Jobs") -> "list[Record]":
    """Return the products in question: those of a search, those named, or those to be submitted again."""
    from peps_maja.peps.catalogue import find_records, searches
    from peps_maja.products.names import L1CProduct, pasted_name
    from peps_maja.products.records import Record

    if wishes.days:
        return find_records(peps, searches(wishes), options.json)
    records = []
    for name in options.product or to_resubmit(options, jobs):
        product = L1CProduct.parse(pasted_name(name))
        if product is not None:
            records.append(Record.named(product))
        elif options.product:
            raise UsageError(f"{name} is not the name of a single-tile L1C product, and MAJA on PEPS takes only those")
    return records


def to_resubmit(options: ProcessOptions, jobs: "Jobs") -> "list[str]":
    """Return the names of the jobs that the user wants submitted once more."""
    from peps_maja.joblog.events import State

    jobs_again = jobs.in_state(*map(State, options.resubmit or ()))
    return [job.name for job in jobs_again if not job.was_dropped]


def propose(
    options: ProcessOptions, wishes: "Wishes", records: "list[Record]", jobs: "Jobs", *, series: bool
) -> "Proposal":
    """Decide what is submitted, by what the log and the folder of products say now."""
    from peps_maja.downloads.zips import products_in
    from peps_maja.selection import orders

    again = to_resubmit(options, jobs)
    way = orders.propose_series if series else orders.propose
    proposal = way(records, wishes, jobs, again, products_in(options.write_dir))
    if not wishes.days and not options.product:
        proposal = orders.Proposal(proposal.choices, [*proposal.orders, *orders.orders_again(again, jobs)])
    return proposal.limited(wishes.limit)


def show(proposal: "Proposal", other: "Cost | str | None", options: ProcessOptions, console: Console) -> None:
    """Show what will be done with each product, and what that will cost, one way and the `other`."""
    from peps_maja.selection.costs import compare
    from peps_maja.selection.orders import costs
    from peps_maja.selection.table import summary, table

    for line in [*table(proposal.choices, with_names=options.verbose), summary(proposal.choices)]:
        console.say(line)
    for order in proposal.orders:
        for warning in order.warnings:
            console.warn(warning)
    chosen, refused = costs(proposal.orders), options.refused_by_series()
    both = compare(chosen[0], other, is_series=options.series, refused=refused) if chosen and other else None
    for line in both or map(str, chosen):
        console.say(line)


def cost_of_other_way(
    options: ProcessOptions, wishes: "Wishes", records: "list[Record]", jobs: "Jobs"
) -> "Cost | str | None":
    """Return what the same tiles and days take the other way: one by one for a series, a series for single jobs."""
    from peps_maja.selection.orders import costs

    if not wishes.tiles:
        return None
    try:
        other = costs(propose(options, wishes, records, jobs, series=not options.series).orders)
    except UsageError as error:
        return str(error)
    return other[0] if other else None


def is_agreed(proposal: "Proposal", options: ProcessOptions, console: Console) -> bool:
    """Ask before many jobs and before a long series; the rest goes without a question."""
    from peps_maja.text import counted

    largest = max([len(proposal.orders), *(order.number_of_dates for order in proposal.orders)])
    return largest < QUESTION_FROM or options.yes or console.agrees(f"Submit {counted(len(proposal.orders), 'job')}?")


def submit(orders: "Sequence[Order]", peps: "Peps", log: "JobLog", signals: Signals, console: Console) -> Status:
    """Submit one job after the other, and say what became of each and of the rest."""
    from peps_maja.peps.submitting import Outcome, Submitter, check_account

    outcomes: Counter[str] = Counter()

    def tell(job: str, submission: "Submission") -> None:
        outcomes[submission.outcome.value] += 1
        say_what_became(job, submission, console)

    submitter = Submitter(peps, log, signals.deferred, tell, console.remind)
    status = Status.OK
    try:
        for order in orders:
            outcome = submitter.submit(order.job, order.query, order.dates)
            if outcome is Outcome.UNSURE and order is not orders[-1]:
                # A server in trouble would make every further job unsure: a free question tells whether it is.
                check_account(peps, order.process)
    except PepsError as error:
        console.warn(str(error))
        status = error.status
    finally:
        left = len(orders) - sum(outcomes.values())
        counts = [*outcomes.items(), ("left for the next run", left)]
        console.say(", ".join(f"{number} {what}" for what, number in counts if number))
    return gravest([status, Status.TROUBLE if outcomes["rejected"] or outcomes["unsure"] else Status.OK])


def say_what_became(job: str, submission: "Submission", console: Console) -> None:
    """Say what became of one order."""
    from peps_maja.joblog.jobs import WAY_OUT
    from peps_maja.peps.submitting import Outcome

    if submission.outcome is Outcome.SUBMITTED:
        console.tell(f"{job}: submitted")
    elif submission.outcome is Outcome.REJECTED:
        console.warn(f"{job}: rejected: {submission.detail}")
    else:
        console.warn(f"{job}: unsure whether PEPS took it ({submission.detail}): {WAY_OUT}")


def command_that_follows(options: ProcessOptions) -> str:
    """Return the command line that follows the jobs just submitted."""
    server = [] if options.server == DEFAULT_SERVER else ["--server", options.server]
    files = ["-a", str(options.auth), "-l", str(options.log), "-w", str(options.write_dir or ".")]
    return f"{command_for('peps_maja_downloader.py')} {shlex.join([*files, *server])}"


if __name__ == "__main__":
    sys.exit(main())
