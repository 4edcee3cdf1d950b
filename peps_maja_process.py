#!/usr/bin/env python3
"""Search the PEPS catalogue for Sentinel-2 L1C products and have MAJA process them, each submitted exactly once."""

import sys

if sys.version_info < (3, 10):  # before any import that an older Python would stumble over
    sys.stderr.write("peps_maja_process: needs Python 3.10 or newer, and this is %d.%d\n" % sys.version_info[:2])
    sys.exit(2)

import argparse
import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

from peps_maja import cli
from peps_maja.cli import Console, Signals
from peps_maja.errors import PepsError, Status, UsageError, gravest
from peps_maja.options import DEFAULT_SERVER, QUESTION_FROM, process_options

# What a run needs beyond that is imported where it is needed: --help and a mistyped option answer at once.
if TYPE_CHECKING:
    from peps_maja.catalogue import Choice, Record, Wishes
    from peps_maja.client import Client
    from peps_maja.joblog import JobLog
    from peps_maja.jobs import Jobs
    from peps_maja.submit import Submitter

MOST_UNSURE_IN_A_ROW = 3  # then the server is in no state to be given more jobs


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script with these arguments (None: those of the process) and return its exit status."""
    return cli.run("peps_maja_process", process_options(arguments), process, cli.is_another_run)


def process(options: argparse.Namespace, console: Console, signals: Signals) -> Status:
    """Find products, show what will be done with them, ask, submit, and say how to go on."""
    from peps_maja.client import Client
    from peps_maja.joblog import JobLog
    from peps_maja.server import Server
    from peps_maja.submit import Submitter, check_account
    from peps_maja.wishes import read_wishes
    from peps_maja.wps import MAJA

    log = JobLog(options.log)
    if options.adopt or options.drop:
        with log.lock_for("process"):
            return correct(options, log, console)

    wishes = read_wishes(options, console.warn)
    server = Server.parse(options.server)
    account = None if options.dry_run else cli.read_account(options, console)
    client = Client(server, account, read_timeout=cli.read_timeout(), trace=console.trace)
    with nullcontext() if options.dry_run else log.lock_for("process"):
        jobs = log.replay()
        records = find(options, wishes, client, jobs)
        choices = decide(options, wishes, records, jobs)
        show(choices, options, console)
        if options.dry_run or not products_to_submit(choices):
            return cli.remind_of_unsure(jobs, console)
        if not is_agreed(choices, options, console):
            console.say("Nothing was submitted.")
            return cli.remind_of_unsure(jobs, console)

        jobs = log.replay()  # the question may have stood there for hours
        products = products_to_submit(decide(options, wishes, records, jobs))
        check_account(client, MAJA)
        status = submit(products, Submitter(client, log, signals.deferred, console.remind), console)
        console.say(f"Follow the jobs: {command_that_follows(options)}")
        return gravest([status, cli.remind_of_unsure(jobs, console, but_not=products)])


def correct(options: argparse.Namespace, log: "JobLog", console: Console) -> Status:
    """Log what the user knows better than the log: jobs to adopt, jobs to drop."""
    from peps_maja.corrections import adopt, drop

    for name in adopt(log, options.adopt or ()):
        console.say(f"{name}: adopted; the downloader follows it from now on")
    for name in drop(log, options.drop or ()):
        console.say(f"{name}: dropped; it will be neither followed nor submitted again")
    return Status.OK


def find(options: argparse.Namespace, wishes: "Wishes", client: "Client", jobs: "Jobs") -> "list[Record]":
    """Return the products in question: those of a search, those named, or those to be submitted again."""
    from peps_maja.catalogue import Record
    from peps_maja.products import L1CProduct
    from peps_maja.search import find_records
    from peps_maja.wishes import searches

    if wishes.days:
        return find_records(client, searches(options, wishes), options.json)
    records = []
    for name in options.product or to_resubmit(options, jobs):
        product = L1CProduct.parse(name)
        if product is None:
            raise UsageError(f"{name} is no single-tile L1C product, and MAJA on PEPS takes no other")
        records.append(Record.named(product))
    return records


def to_resubmit(options: argparse.Namespace, jobs: "Jobs") -> "list[str]":
    """Return the names of the jobs that the user wants submitted once more."""
    from peps_maja.jobs import State

    jobs_again = jobs.in_state(*map(State, options.resubmit or ()))
    return [job.name for job in jobs_again if not job.was_dropped]


def decide(options: argparse.Namespace, wishes: "Wishes", records: "list[Record]", jobs: "Jobs") -> "list[Choice]":
    """Decide for each product whether it is submitted, by what the log says now."""
    from peps_maja.catalogue import choose

    return choose(records, wishes, jobs, to_resubmit(options, jobs))


def products_to_submit(choices: "Sequence[Choice]") -> "list[str]":
    """Return the names of the products to submit, oldest acquisition first."""
    return [choice.record.identifier for choice in choices if choice.is_submitted]


def show(choices: "Sequence[Choice]", options: argparse.Namespace, console: Console) -> None:
    """Show what will be done with each product, and what that will cost."""
    from peps_maja.plan import cost, summary, table

    for line in table(choices, with_names=options.verbose):
        console.say(line)
    console.say(summary(choices))
    if wanted := products_to_submit(choices):
        console.say(cost(len(wanted)))


def is_agreed(choices: "Sequence[Choice]", options: argparse.Namespace, console: Console) -> bool:
    """Ask before many jobs; few go without a question."""
    number = len(products_to_submit(choices))
    return number < QUESTION_FROM or options.yes or console.agrees(f"Submit {number} jobs?")


def submit(products: Sequence[str], submitter: "Submitter", console: Console) -> Status:
    """Submit one job after the other, and say what became of each and of the rest."""
    from peps_maja.jobs import WAY_OUT
    from peps_maja.submit import Outcome
    from peps_maja.wps import execute_query

    outcomes = []
    status = Status.OK
    try:
        for product in products:
            submission = submitter.submit(product, execute_query(product))
            outcomes.append(submission.outcome)
            if submission.outcome is Outcome.SUBMITTED:
                console.tell(f"{product}: submitted")
            elif submission.outcome is Outcome.REJECTED:
                console.warn(f"{product}: rejected: {submission.detail}")
            else:
                console.warn(f"{product}: unsure whether PEPS took it ({submission.detail}): {WAY_OUT}")
            if outcomes[-MOST_UNSURE_IN_A_ROW:] == [Outcome.UNSURE] * MOST_UNSURE_IN_A_ROW:
                console.warn(f"{MOST_UNSURE_IN_A_ROW} jobs in a row without a clear answer: no more are submitted now")
                break
    except PepsError as error:
        console.warn(str(error))
        status = error.status
    finally:
        counts = Counter(outcome.value for outcome in outcomes)
        counts["left for the next run"] = len(products) - len(outcomes)
        console.say(", ".join(f"{number} {what}" for what, number in counts.items() if number))
    return gravest([status, Status.TROUBLE if counts["rejected"] or counts["unsure"] else Status.OK])


def command_that_follows(options: argparse.Namespace) -> str:
    """Return the command line that follows the jobs just submitted."""
    server = [] if options.server == DEFAULT_SERVER else ["--server", options.server]
    return shlex.join(["peps_maja_downloader.py", "-a", str(options.auth), "-l", str(options.log), *server, "-w", "."])


if __name__ == "__main__":
    sys.exit(main())
