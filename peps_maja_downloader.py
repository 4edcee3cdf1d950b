#!/usr/bin/env python3
"""Follow the MAJA jobs of a log and download the L2A products that are finished. Made for cron."""

import os
import sys

if sys.version_info < (3, 11):  # before any import that an older Python would stumble over
    sys.stderr.write("peps_maja_downloader: needs Python 3.11 or newer, and this is %d.%d\n" % sys.version_info[:2])
    sys.exit(2)

import time
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peps_maja.console import Console
from peps_maja.errors import LogError, PepsError, Status, UsageError, worst
from peps_maja.options import DownloaderOptions
from peps_maja.parsing import downloader_options
from peps_maja.run import Signals, read_timeout, run, tell
from peps_maja.text import counted

if TYPE_CHECKING:
    from peps_maja.downloads.service import Connect, Service
    from peps_maja.joblog.jobs import Jobs
    from peps_maja.standing.values import Overview


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script with these arguments (None: those of the process) and return its exit status."""
    return run("peps_maja_downloader", downloader_options, arguments, download)


def download(options: DownloaderOptions, console: Console, _: Signals) -> Status:
    """Poll the open jobs, fetch what is finished, and with --wait do so until no job is open."""
    # Here, for it takes a while: --help and a mistyped option are answered at once.
    from peps_maja.downloads.end_of_job import Notes
    from peps_maja.downloads.round import Rounds
    from peps_maja.downloads.unpacking import Unpacker
    from peps_maja.joblog.events import State
    from peps_maja.joblog.log import JobLog
    from peps_maja.standing import advice, listing, overview

    log, connect = JobLog(options.log), connect_with(options, console)
    if options.check:
        return listing.check(options, log, console)
    if not options.log.exists():
        raise LogError(f"there is no log {options.log}: submit jobs with it first, or fix --log")
    if options.status or options.json or options.dates:
        return listing.show(options, log, console, connect, partial(write_page, options, console))

    make_folder(options.write_dir)
    leave_at = time.monotonic() + 3600 * options.timeout
    outcome, is_all_done, troubles = None, False, set()
    with log.lock_for("downloader"), Unpacker(console, is_wanted=options.unzip) as unpacker:
        notes = Notes(log, console, partial(advice.advise, options), unpacker.add)
        rounds = Rounds(connect, notes, options.write_dir, options.jobs, leave_at)
        jobs = log.replay()
        unpacker.add_all(options.write_dir, jobs.owners())
        while True:
            if jobs.damage:
                console.reminder(f"{log.path}: {jobs.damage}")
            if jobs.in_state(State.OPEN):
                outcome = rounds.run(jobs)
                jobs = log.replay()
                is_all_done = not jobs.in_state(State.OPEN)
            status = worst([*(outcome.statuses if outcome else ()), unpacker.finish(leave_at)])
            open_jobs = jobs.in_state(State.OPEN)
            advice.point_out_stalled(open_jobs, log, console, options.stalled_after)
            status = worst([status, advice.point_out_unsure(jobs.in_state(State.UNSURE), console, log)])
            if not options.wait or not outcome or {job.name for job in open_jobs} <= outcome.stuck:
                break
            if time.monotonic() + options.pause > leave_at:
                console.reminder("--timeout is over and jobs are still open: the next run goes on")
                status = worst([status, Status.TRY_LATER])
                break
            troubles.add(status)
            time.sleep(options.pause)
            jobs = log.replay()
    files, folder = jobs.owners(), options.write_dir.absolute()
    if files and not any((folder / name).exists() for file in files for name in (file, file.removesuffix(".zip"))):
        console.info(f"none of the {counted(len(files), 'zip')} of the log is in {folder}: is -w right?")
    what = f"{options.log}: all jobs are done, " if is_all_done else ""
    (console.result if is_all_done else console.info)(what + advice.summary(jobs))
    if options.page:
        jobs = log.replay()  # with what this run has just pointed out
        reports, failures = (outcome.reports, outcome.troubles.values()) if outcome else ({}, [])
        failures = [*failures, *unpacker.troubles]
        troubles.add(write_page(options, console, jobs, overview.overview(jobs, reports, options), failures))
    return worst([status, *(troubles - {Status.TRY_LATER})])


def connect_with(options: DownloaderOptions, console: Console) -> "Connect":
    """Return what connects with a service, once in a run and when it is needed; only PEPS needs an account for that.

    Raises UsageError for the address of any service that cannot be used, or has a secret in it.
    """
    from peps_maja.downloads.asking import POLLS_AT_ONCE
    from peps_maja.joblog.events import Source
    from peps_maja.network.credentials import read_credentials
    from peps_maja.peps.following import Follower
    from peps_maja.peps.service import Peps, Server
    from peps_maja.theia.jobs import TheiaJobs
    from peps_maja.theia.service import Geodes, Key, Theia

    server, geodes = Server.parse(options.server), Geodes.parse(options.geodes)
    connections = POLLS_AT_ONCE + 2 * options.jobs
    settings: dict[str, Any] = {"connections": connections, "read_timeout": read_timeout(), "trace": console.debug}

    @cache
    def connect(source: Source) -> "Service":
        if source is Source.THEIA:
            return TheiaJobs(Theia(geodes, Key(options.auth, os.environ), **settings))
        return Follower(Peps(server, read_credentials(options.auth, os.environ), **settings))

    return connect


def write_page(
    options: DownloaderOptions, console: Console, jobs: "Jobs", everything: "Overview", troubles: Sequence[str]
) -> Status:
    """Write the page of --page; one that cannot be written is told, and costs nothing else."""
    from peps_maja.page.write import page_of_products

    folder, log = options.page or Path(), options.log.name
    damage = [f"{log}: {jobs.damage}"] if jobs.damage else []
    try:
        replaced = page_of_products(folder, log, everything, options.write_dir, [*damage, *troubles])
    except PepsError as problem:
        return tell(problem, console)
    if replaced:
        console.warning(replaced)
    if not options.json:
        console.info(f"the page: {folder / 'index.html'}")
    return Status.OK


def make_folder(folder: Path) -> None:
    """Make the folder for the zips if it is missing; raise UsageError if nothing can be written there."""
    from peps_maja.disk import sync_folder

    try:
        for missing in reversed([path for path in (folder, *folder.parents) if not path.is_dir()]):
            missing.mkdir(exist_ok=True)
            sync_folder(missing.parent)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder}: {error.strerror}; fix --write-dir") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"cannot write into the folder {folder}: fix its permissions or --write-dir")


if __name__ == "__main__":
    sys.exit(main())
