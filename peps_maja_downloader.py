#!/usr/bin/env python3
"""Follow the MAJA jobs of a log and download the L2A products that are finished. Made for cron."""

import os
import sys

if sys.version_info < (3, 11):  # before any import that an older Python would stumble over
    sys.stderr.write("peps_maja_downloader: needs Python 3.11 or newer, and this is %d.%d\n" % sys.version_info[:2])
    sys.exit(2)

try:  # from here on Ctrl-C ends without a traceback: so, until `run` has it in hand
    import signal

    if sys.argv[0].rpartition("/")[2].startswith("peps_maja_") and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
except KeyboardInterrupt:
    os._exit(130)

import argparse
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from peps_maja.commands import reminders
from peps_maja.commands.options import DEFAULT_SERVER, downloader_options
from peps_maja.commands.run import Signals, command_for, read_account, read_timeout, run
from peps_maja.console import Console
from peps_maja.errors import CredentialsError, LogError, NoAccount, PepsError, Status, UsageError, gravest

# What a run needs beyond that is imported where it is needed: a cron run with nothing open costs next to nothing.
if TYPE_CHECKING:
    from peps_maja.commands.status import Standing
    from peps_maja.downloads.cycle import Round
    from peps_maja.joblog.jobs import Job, Jobs
    from peps_maja.joblog.log import JobLog
    from peps_maja.network.credentials import Credentials
    from peps_maja.peps.following import Follower


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script with these arguments (None: those of the process) and return its exit status."""
    return run("peps_maja_downloader", downloader_options, arguments, download, is_for_the_next_run)


def is_for_the_next_run(error: PepsError) -> bool:
    """Tell whether an error goes away without a person: cron need not mail it."""
    return error.status is Status.TRY_LATER


def download(options: argparse.Namespace, console: Console, _: Signals) -> Status:
    """Do what the options ask for: check or show, or follow the jobs to their end; then write the page."""
    from peps_maja.joblog.log import JobLog

    log = JobLog(options.log)
    if options.check:
        return check(options, log, console)
    if not options.log.exists():
        raise LogError(f"there is no log {options.log}: submit jobs with it first, or mend --log")
    if options.status or options.json:
        return show(options, log, console)
    if options.dates:
        return show_dates(options, log, console)

    return follow(options, log, console)


def follow(options: argparse.Namespace, log: "JobLog", console: Console) -> Status:
    """Poll the open jobs, fetch what is finished, and with --wait do so until no job is open."""
    from peps_maja.joblog.events import State

    account = read_account(options, console)
    ready(options.write_dir)
    leave_at = float("inf") if options.timeout is None else time.monotonic() + 3600 * options.timeout
    follower, cycle, is_all_done = None, None, False
    troubles = set()
    with log.lock_for("downloader"):
        while True:
            jobs = log.replay()
            reminders.tell_of_damage(jobs, log, console.remind)
            status = Status.OK
            if jobs.in_state(State.OPEN):
                follower = follower or connect(options, account, console)
                cycle = make_round(follower, log, options, console, leave_at)
                status = cycle.run(jobs)
                jobs = log.replay()
                is_all_done = cycle.has_closed_jobs and not jobs.in_state(State.OPEN)
            point_out_stalled(log, jobs, options.stalled_after, console)
            pointed_out = reminders.point_out_unsure(jobs, log, console)
            status = gravest([status, reminders.remind_of_unsure(jobs, console, pointed_out=pointed_out)])
            if not (options.wait and jobs.in_state(State.OPEN)) or status is Status.UNUSABLE:
                break
            if time.monotonic() + options.pause > leave_at:
                console.remind("--timeout is over and jobs are still open: the next run goes on")
                status = gravest([status, Status.TRY_LATER])
                break
            troubles.add(status)
            time.sleep(options.pause)
    if is_all_done:
        console.tell(f"{options.log}: all jobs are done, {summary(jobs)}")
    else:
        console.say(summary(jobs))
    if options.page:
        from peps_maja.commands.status import standings_after

        stands = standings_after(jobs, cycle.reports if cycle else {})
        status = gravest([status, write_page(options, log, jobs, stands, console)])
    return gravest([status, *(troubles - {Status.TRY_LATER})])


def check(options: argparse.Namespace, log: "JobLog", console: Console) -> Status:
    """Say in one line each whether everything is in place."""
    from peps_maja.commands.check import checkup

    findings = list(checkup(options, log, console.trace))
    for finding in findings:
        (console.say if finding.status is Status.OK else console.tell)(str(finding))
    return gravest(finding.status for finding in findings)


def show(options: argparse.Namespace, log: "JobLog", console: Console) -> Status:
    """Show where the jobs stand: nothing is written, fetched or locked."""
    import json

    jobs, stands, status = look(options, log, console)
    if options.json:
        console.tell(json.dumps([standing.as_json() for standing in stands], indent=1))
    else:
        for standing in stands:
            console.tell(str(standing))
    return gravest([status, write_page(options, log, jobs, stands, console)]) if options.page else status


def look(options: argparse.Namespace, log: "JobLog", console: Console) -> "tuple[Jobs, list[Standing], Status]":
    """Return the jobs, where each stands, and the exit status; PEPS is asked only if a job is open."""
    from peps_maja.commands.status import standings
    from peps_maja.joblog.events import State

    jobs = log.replay()
    reminders.tell_of_damage(jobs, log, console.remind)
    follower, no_account = None, None
    if jobs.in_state(State.OPEN):
        try:
            follower = connect(options, read_account(options, console), console)
        except CredentialsError as problem:
            no_account = problem
    stands, error = standings(jobs, follower)
    statuses = [standing.status for standing in stands]
    error = no_account or error
    if error:
        tell = console.remind if is_for_the_next_run(error) else console.warn
        tell(f"{error}; open jobs are shown as the log has them")
        statuses.append(Status.OK if isinstance(error, NoAccount) else error.status)
    return jobs, stands, gravest(statuses)


def show_dates(options: argparse.Namespace, log: "JobLog", console: Console) -> Status:
    """Show the ledger, what became of each tile and date, and its totals."""
    from peps_maja.commands.dates import MOVED_AWAY, as_csv, ledger, totals
    from peps_maja.disk import write_whole

    jobs, stands, status = look(options, log, console)
    entries = ledger(jobs, {standing.job: standing for standing in stands}, options.write_dir)
    for entry in entries:
        console.tell(entry.line(verbose=options.verbose))
    for total in totals(entries):
        console.tell(str(total))
    if any(entry.state == MOVED_AWAY for entry in entries):
        console.tell("moved away: downloaded, and not in the folder any more; is -w the folder of the zips?")
    if options.csv:
        write_whole(options.csv, as_csv(entries))
    return gravest([status, write_page(options, log, jobs, stands, console)]) if options.page else status


def write_page(
    options: argparse.Namespace, log: "JobLog", jobs: "Jobs", stands: "Sequence[Standing]", console: Console
) -> Status:
    """Write the page of --page; a page that cannot be written is told, and costs nothing else."""
    from peps_maja.commands.dates import ledger
    from peps_maja.commands.dependencies import advice

    files = ["-l", str(options.log)]
    server = [] if options.server == DEFAULT_SERVER else ["--server", options.server]
    account = ["-a", str(options.auth), *server]
    try:
        from peps_maja.page import write_page as write

        path = write(
            options.page,
            log=options.log,
            products=options.write_dir,
            jobs=jobs,
            entries=ledger(jobs, {standing.job: standing for standing in stands}, options.write_dir),
            submit=f"{command_for('peps_maja_process.py')} {shlex.join([*account, *files])}",
            follow=options.command,
            notes=[f"{log.path}: {jobs.damage}"] if jobs.damage else [],
        )
    except (PepsError, ImportError) as problem:
        lacking = advice() if isinstance(problem, ImportError) else None
        console.warn(lacking or str(problem))
        console.trace_back(problem)
        return Status.TROUBLE
    if not options.json:
        console.say(f"the page: {path}")
    return Status.OK


def ready(folder: Path) -> None:
    """Make the folder for the zips if it is missing; raise UsageError if nothing can be written there."""
    from peps_maja.disk import sync_folder

    try:
        for missing in reversed([path for path in (folder, *folder.parents) if not path.is_dir()]):
            missing.mkdir(exist_ok=True)
            sync_folder(missing.parent)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror}; mend --write-dir") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write into the folder {folder}: mend its permissions or --write-dir")


def connect(options: argparse.Namespace, account: "Credentials", console: Console) -> "Follower":
    """Return who asks the server about jobs."""
    from peps_maja.downloads.polls import POLLS_AT_ONCE
    from peps_maja.peps.following import Follower
    from peps_maja.peps.service import Peps, Server

    return Follower(
        Peps(
            Server.parse(options.server),
            account,
            connections=POLLS_AT_ONCE + options.jobs,
            read_timeout=read_timeout(),
            trace=console.trace,
        )
    )


def make_round(
    follower: "Follower", log: "JobLog", options: argparse.Namespace, console: Console, leave_at: float
) -> "Round":
    """Return what polls each open job once, fetches what is finished, and logs what became of it."""
    from peps_maja.downloads.cycle import Round

    return Round(follower, log, options.write_dir, console, downloads=options.jobs, leave_at=leave_at)


def point_out_stalled(log: "JobLog", jobs: "Jobs", hours: float, console: Console) -> None:
    """Point out, once, each job that is open for longer than any job should be."""
    from peps_maja.joblog.events import Event, State

    for job in jobs.in_state(State.OPEN):
        open_for = job.open_for().total_seconds() / 3600
        is_stalled = open_for >= hours + expected_hours(job) and not job.stalled
        if is_stalled and log.append_if_current(Event.STALLED, job, f"{open_for:.0f}"):
            console.tell(f"{job.name}: still open after {open_for:.0f} hours: {reminders.LOOK_AT_IT}")


def expected_hours(job: "Job") -> float:
    """Return the hours that the job takes longer than one for one product: those of all dates of a series."""
    from peps_maja.products.series import Series, read_plan
    from peps_maja.selection.costs import cost_of_series

    series = Series.parse(job.name)
    if series is None:
        return 0
    # Without a plan: two satellites, and a second orbit over most of a tile, make four dates in ten days.
    days = (series.end - series.start).days + 1
    return cost_of_series([len(read_plan(job.plan)) or -(-days * 4 // 10)]).hours[0]


def summary(jobs: "Jobs") -> str:
    """Return how many jobs of the log stand where."""
    stands = ", ".join(f"{number} {state}" for state, number in jobs.count().items())
    return f"{len(jobs)} in the log" + (f": {stands}" if stands else "")


if __name__ == "__main__":
    sys.exit(main())
