#!/usr/bin/env python3
"""Follow the MAJA jobs of a log and download the L2A products that are finished. Made for cron."""

import os
import sys

if sys.version_info < (3, 11):  # before any import that an older Python would stumble over
    sys.stderr.write("peps_maja_downloader: needs Python 3.11 or newer, and this is %d.%d\n" % sys.version_info[:2])
    sys.exit(2)

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from peps_maja.console import Console
from peps_maja.errors import LogError, PepsError, Status, UsageError, worst
from peps_maja.options import DownloaderOptions
from peps_maja.parsing import downloader_options
from peps_maja.run import Signals, run

if TYPE_CHECKING:
    from peps_maja.downloads.round import Rounds
    from peps_maja.joblog.jobs import Jobs
    from peps_maja.joblog.log import JobLog
    from peps_maja.standing.values import Overview


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the script with these arguments (None: those of the process) and return its exit status."""
    return run("peps_maja_downloader", downloader_options, arguments, download)


def download(options: DownloaderOptions, console: Console, _: Signals) -> Status:
    """Poll the open jobs, fetch what is finished, and with --wait do so until no job is open."""
    # Here, for it takes a while: --help and a mistyped option are answered at once.
    from peps_maja.downloads.unpacking import Unpacker
    from peps_maja.joblog.events import State
    from peps_maja.joblog.log import JobLog
    from peps_maja.standing import reminders

    log = JobLog(options.log)
    if not options.check and not options.log.exists():
        raise LogError(f"there is no log {options.log}: submit jobs with it first, or fix --log")
    if options.check or options.status or options.json or options.dates:
        from peps_maja.standing.shows import show

        return show(options, log, console, partial(write_page, options, console))

    make_folder(options.write_dir)
    leave_at = time.monotonic() + 3600 * options.timeout
    rounds, outcome, is_all_done = None, None, False
    troubles = set()
    with log.lock_for("downloader"), Unpacker(console, is_wanted=options.unzip) as unpacker:
        unpacker.add_all(options.write_dir, log.replay().owners())
        while True:
            jobs = log.replay()
            reminders.tell_of_damage(jobs, log, console.reminder)
            if jobs.in_state(State.OPEN):
                rounds = rounds or rounds_over(log, options, console, leave_at, unpacker.add)
                outcome = rounds.run(jobs)
                jobs = log.replay()
                is_all_done = not jobs.in_state(State.OPEN)
            status = worst([*(outcome.statuses if outcome else ()), unpacker.finish(leave_at)])
            reminders.point_out_stalled(jobs, log, console, options.stalled_after)
            pointed_out = reminders.point_out_unsure(jobs, log, console)
            status = worst([status, reminders.remind_of_unsure(jobs, console, pointed_out=pointed_out)])
            open_jobs = {job.name for job in jobs.in_state(State.OPEN)}
            if not options.wait or not outcome or open_jobs <= outcome.stuck:
                break
            if time.monotonic() + options.pause > leave_at:
                console.reminder("--timeout is over and jobs are still open: the next run goes on")
                status = worst([status, Status.TRY_LATER])
                break
            troubles.add(status)
            time.sleep(options.pause)
    reminders.tell_of_folder(jobs, options.write_dir, console)
    summary = reminders.summary(jobs)
    if is_all_done:
        console.result(f"{options.log}: all jobs are done, {summary}")
    else:
        console.info(summary)
    if options.page:
        from peps_maja.standing.overview import overview

        jobs = log.replay()  # with what this run has just pointed out
        reports, failures = (outcome.reports, outcome.troubles.values()) if outcome else ({}, [])
        failures = [*failures, *unpacker.troubles]
        troubles.add(write_page(options, console, jobs, overview(jobs, reports, options), failures))
    return worst([status, *(troubles - {Status.TRY_LATER})])


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
        console.warning(str(problem))
        console.debug_traceback(problem)
        return problem.status
    if replaced:
        console.warning(replaced)
    if not options.json:
        console.info(f"the page: {folder / 'index.html'}")
    return Status.OK


def rounds_over(
    log: "JobLog", options: DownloaderOptions, console: Console, leave_at: float, noted: Callable[[Path], None]
) -> "Rounds":
    """Return what goes over the open jobs: asks, fetches, and logs what became of each."""
    # Slow: where nothing is open, cron need not wait for it.
    from peps_maja.downloads.concluding import Notes
    from peps_maja.downloads.round import Rounds
    from peps_maja.standing.advice import advise
    from peps_maja.standing.services import connect_with

    notes = Notes(log, console, partial(advise, options), noted)
    return Rounds(connect_with(options, console), notes, options.write_dir, options.jobs, leave_at)


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
