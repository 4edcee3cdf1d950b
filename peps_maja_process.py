#!/usr/bin/env python3
"""Find Sentinel-2 products, take what Theia has, and have MAJA on PEPS process the rest: each exactly once."""

import os
import sys

if sys.version_info < (3, 11):  # before any import that an older Python would stumble over
    sys.stderr.write("peps_maja_process: needs Python 3.11 or newer, and this is %d.%d\n" % sys.version_info[:2])
    sys.exit(2)

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Optional

from peps_maja.console import Console
from peps_maja.errors import CredentialsError, LogError, PepsError, Status, worst
from peps_maja.options import ProcessOptions
from peps_maja.parsing import process_options
from peps_maja.run import Signals, read_timeout, run, tell

if TYPE_CHECKING:
    from peps_maja.joblog.log import JobLog
    from peps_maja.peps.service import Peps
    from peps_maja.submitter.proposal import Proposal
    from peps_maja.theia.service import Theia


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the script with these arguments (None: those of the process) and return its exit status."""
    return run("peps_maja_process", process_options, arguments, process)


def process(options: ProcessOptions, console: Console, signals: Signals) -> Status:
    """Correct the log, or carry out a search (with --again: each that the log has noted), one run at a time."""
    # Here and in `carry_out`, for it takes a while: --help and a mistyped option are answered at once.
    from peps_maja.joblog.events import State
    from peps_maja.joblog.log import JobLog
    from peps_maja.network.credentials import is_open_to_others
    from peps_maja.peps.service import Peps, Server
    from peps_maja.standing.advice import point_out_unsure
    from peps_maja.submitter.noted_searches import noted_searches
    from peps_maja.submitter.submission import correct
    from peps_maja.theia.service import Geodes, Key, Theia

    log, timeout = JobLog(options.log), read_timeout()
    peps = partial(Peps, Server.parse(options.server), read_timeout=timeout, trace=console.debug)
    key = Key(options.auth, os.environ)
    site, key_if_given = Geodes.parse(options.geodes), key if key.is_given else None
    theia = Theia(site, key_if_given, read_timeout=timeout, trace=console.debug)
    with nullcontext() if options.dry_run else log.lock_for("process"):
        if options.adopt or options.drop:
            return correct(log, options, console)
        jobs = log.replay()
        if jobs.nameless and not options.dry_run:
            raise LogError(f"{log.path}: {jobs.damage}")
        if jobs.damage:
            console.warning(f"{log.path}: {jobs.damage}")
        if is_open_to_others(options.auth):
            console.reminder(f"others can read your password or key: chmod 600 {options.auth}")
        searches = noted_searches(jobs.commands, options, console.warning) if options.again else [options]
        statuses: list[Status] = []
        submits = True  # until a busy server, a quota or an account that cannot be used, which are those of all
        for search in searches:
            if options.again:
                console.info(search.command)
            try:
                statuses.append(carry_out(search, log, peps, theia, console, signals=signals, submits=submits))
                submits = submits and statuses[-1] not in {Status.TRY_LATER, Status.UNUSABLE}
            except PepsError as error:
                if isinstance(error, LogError):
                    error.status = worst([*statuses, error.status])
                    raise
                statuses.append(tell(error, console))
                submits = submits and not isinstance(error, CredentialsError)
        now = log.replay()
        untold = [job for job in now.in_state(State.UNSURE) if job == jobs.get(job.name)]
        return worst([*statuses, point_out_unsure(untold, console, None if options.dry_run else log)])


def carry_out(
    options: ProcessOptions,
    log: "JobLog",
    peps: "Callable[..., Peps]",
    theia: "Theia",
    console: Console,
    *,
    signals: Signals,
    submits: bool,
) -> Status:
    """Find products, show what will be done with them, ask, log what Theia has, submit the rest to PEPS."""
    from peps_maja.downloads.folder import products_in
    from peps_maja.network.credentials import read_credentials
    from peps_maja.standing.advice import command_line
    from peps_maja.submitter.finding import find, possible
    from peps_maja.submitter.proposal import propose, series_wanted
    from peps_maja.submitter.submission import is_agreed, keep, show, submit, take

    # What is wrong with the options is an error before any request, and before the command comes into the log.
    options = possible(options, console.reminder if options.again else console.warning)
    if options.series:
        series_wanted(options)
    products_in(options.write_dir)

    jobs = log.replay()
    features: list[object] = []
    records = find(options, jobs, peps(), theia, features.append)
    proposal = propose(records, jobs, products_in(options.write_dir), options)
    if options.days and not (options.dry_run or options.again):
        log.note(options.command, jobs)
    status = worst([keep(features, options, console), show(proposal, jobs, options, console)])
    if options.page:
        write_page(proposal, theia, options, console)
    if options.dry_run or proposal.is_empty:
        return status

    if proposal.orders and not submits:
        console.info(f"{len(proposal.orders)} left for the next run")
        proposal = proposal.only([record.identifier for record in proposal.taken], "left")
    try:
        account = read_credentials(options.auth, os.environ) if proposal.orders else None
    except CredentialsError as error:
        if not proposal.taken:
            raise
        console.warning(f"nothing is submitted: {error}")
        account, status = None, Status.UNUSABLE
        proposal = proposal.only([record.identifier for record in proposal.taken], "no account")
    if not is_agreed(proposal, options, console):
        return status

    # The question may have waited for hours: what is in the log now is left out, what is new was not agreed to.
    jobs = log.replay()
    proposal = propose(records, jobs, products_in(options.write_dir), options).agreed(proposal)
    take(proposal.taken, log, console)
    try:
        if proposal.orders:
            status = worst([status, submit(proposal.orders, options, peps(account), log, console, signals=signals)])
    finally:  # Theia's jobs are to be followed even if PEPS takes none
        if not proposal.is_empty:
            folder = ["-w", str(options.write_dir)] if options.write_dir else []
            console.info(f"Follow the jobs: {command_line('peps_maja_downloader.py', options, *folder)}")
    return status


def write_page(proposal: "Proposal", theia: "Theia", options: ProcessOptions, console: Console) -> None:
    """Write the page of what there is, as the table shows it; first what would be taken or submitted."""
    from peps_maja.page.found import page_of_search
    from peps_maja.submitter.choice_of_baseline_and_version import AT_THEIA
    from peps_maja.submitter.table import summary

    choices = sorted(proposal.choices, key=lambda choice: not (choice.is_submitted or choice.is_taken))
    found = [(each.record, each.action) for each in choices if each.action != AT_THEIA or options.verbose]
    page_of_search(options, summary(proposal.choices), found, theia, console)


if __name__ == "__main__":
    sys.exit(main())
