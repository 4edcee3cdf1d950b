#!/usr/bin/env python3
"""Find Sentinel-2 products, take what Theia has, and have MAJA on PEPS process the rest: each exactly once."""

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

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Optional

from peps_maja.console import Console
from peps_maja.errors import CredentialsError, PepsError, Status, worst
from peps_maja.options import ProcessOptions, process_options
from peps_maja.run import Signals, read_account, read_timeout, run

if TYPE_CHECKING:
    from peps_maja.joblog.log import JobLog
    from peps_maja.network.credentials import Credentials
    from peps_maja.submitter.proposal import Proposal
    from peps_maja.theia.service import Theia


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the script with these arguments (None: those of the process) and return its exit status."""
    return run("peps_maja_process", process_options, arguments, process)


def process(options: ProcessOptions, console: Console, signals: Signals) -> Status:
    """Correct the log as the user says; or make a search, or with --again those that the log has noted."""
    # Here and nowhere else, for it takes a while: --help and a mistyped option are answered at once.
    from peps_maja.joblog.log import JobLog
    from peps_maja.standing import reminders
    from peps_maja.submitter.again import noted_searches
    from peps_maja.submitter.finding import jobs_in
    from peps_maja.submitter.submission import correct

    log = JobLog(options.log)
    if options.adopt or options.drop:
        with log.lock_for("process"):
            return correct(log, options, console)

    with nullcontext() if options.dry_run else log.lock_for("process"):
        jobs = log.replay()
        reminders.tell_of_damage(jobs, log, console.warning)
        searches = noted_searches(log.commands(), options, console.warning) if options.again else [options]
        again = [job.name for job in jobs_in(jobs, options.resubmit)]
        pointed_out = [] if options.dry_run else reminders.point_out_unsure(jobs, log, console, but_not=again)

        statuses: list[Status] = []
        ordered: list[str] = []
        for search in searches:
            try:
                statuses.append(carry_out(search, log, ordered, signals, console))
            except PepsError as error:  # trouble of one stops none
                if not options.again:
                    raise
                (console.reminder if error.status is Status.TRY_LATER else console.warning)(str(error))
                statuses.append(error.status)
        return worst([*statuses, reminders.remind_of_unsure(jobs, console, ordered, pointed_out)])


def carry_out(options: ProcessOptions, log: "JobLog", ordered: list[str], signals: Signals, console: Console) -> Status:
    """Find products, show what will be done with them, ask, log what Theia has, submit the rest to PEPS.

    The names of the jobs submitted are added to `ordered`.
    """
    from peps_maja.peps.service import Peps, Server
    from peps_maja.standing.advice import command_line
    from peps_maja.submitter.finding import find, possible
    from peps_maja.submitter.folder import products_in
    from peps_maja.submitter.proposal import propose, series_wanted
    from peps_maja.submitter.submission import is_agreed, show, submit, take
    from peps_maja.theia.service import Geodes, Key, Theia

    # What is wrong with the options is an error before any request, and before the command comes into the log.
    server, geodes = Server.parse(options.server), Geodes.parse(options.geodes)
    options = possible(options, console.warning)
    if options.series:
        series_wanted(options)
    products_in(options.write_dir)
    account = None if options.dry_run or options.theia else read_account(options, console)
    settings: dict[str, Any] = {"read_timeout": read_timeout(), "trace": console.debug}

    jobs, theia = log.replay(), Theia(geodes, Key(options.auth, os.environ), **settings)
    records = find(options, jobs, Peps(server, **settings), theia)
    if not (options.dry_run or options.again):
        log.note(options.command)
    proposal = propose(records, jobs, products_in(options.write_dir), options)
    status = show(proposal, jobs, options, console)
    if options.page:
        write_page(proposal, theia, options, console)
    if options.dry_run or proposal.is_empty:
        return status

    account = account or account_for(proposal, options, console)
    if proposal.orders and account is None:
        status = Status.UNUSABLE
        proposal = proposal.only([record.identifier for record in proposal.taken], "no account")
    if not is_agreed(proposal, options, console):
        return status

    # The question may have waited for hours: what is in the log now is left out, what is new was not agreed to.
    jobs = log.replay()
    proposal = propose(records, jobs, products_in(options.write_dir), options).agreed(proposal)
    ordered += [order.job for order in proposal.orders]
    take(proposal.taken, log, console)
    try:
        if proposal.orders:
            status = worst([status, submit(proposal.orders, Peps(server, account, **settings), log, signals, console)])
    finally:  # Theia's jobs are to be followed even if PEPS takes none
        if not proposal.is_empty:
            folder = ["-w", str(options.write_dir)] if options.write_dir else []
            console.info(f"Follow the jobs: {command_line('peps_maja_downloader.py', options, *folder)}")
    return status


def account_for(proposal: "Proposal", options: ProcessOptions, console: Console) -> "Optional[Credentials]":
    """Return the account if an order is to go out. If there is none, but something for Theia to give, say so."""
    try:
        return read_account(options, console) if proposal.orders else None
    except CredentialsError as error:
        if not proposal.taken:
            raise
        console.warning(f"nothing is submitted: {error}")
        return None


def write_page(proposal: "Proposal", theia: "Theia", options: ProcessOptions, console: Console) -> None:
    """Write the page of what there is, as the table shows it; first what would be taken or submitted."""
    from peps_maja.page.search import page_of_search
    from peps_maja.submitter.choice import AT_THEIA
    from peps_maja.submitter.table import summary

    choices = sorted(proposal.choices, key=lambda choice: not (choice.is_submitted or choice.is_taken))
    found = [(each.record, each.action) for each in choices if each.action != AT_THEIA or options.verbose]
    page_of_search(options, summary(proposal.choices), found, theia, console)


if __name__ == "__main__":
    sys.exit(main())
