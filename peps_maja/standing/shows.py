"""What the downloader shows without fetching: --status, --json, --dates, --check."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from peps_maja.console import Console
from peps_maja.disk import write_whole
from peps_maja.errors import NoAccount, Status, worst
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.log import JobLog
from peps_maja.options import DownloaderOptions
from peps_maja.standing import reminders
from peps_maja.standing.check import checkup
from peps_maja.standing.dates import MOVED_AWAY, as_csv, ledger, totals
from peps_maja.standing.services import connect_with
from peps_maja.standing.status import Standing, standings

WritePage = Callable[[Jobs, Sequence[Standing]], Status]


def show(options: DownloaderOptions, log: JobLog, console: Console, write_page: WritePage) -> Status:
    """Show what the options ask for; write nothing but the page and the CSV, fetch and lock nothing."""
    if options.check:
        return _check(options, log, console)
    jobs, stands, status = look(options, log, console)
    if options.dates:
        _show_dates(jobs, stands, options, console)
    elif options.json:
        console.result(json.dumps([standing.as_json() for standing in stands], indent=1))
    else:
        for standing in stands:
            console.result(str(standing))
    return worst([status, write_page(jobs, stands)]) if options.page else status


def look(options: DownloaderOptions, log: JobLog, console: Console) -> tuple[Jobs, list[Standing], Status]:
    """Return the jobs, where each stands, and the exit status; a service is asked only if it has an open job."""
    jobs = log.replay()
    reminders.tell_of_damage(jobs, log, console.reminder)
    stands, errors = standings(jobs, connect_with(options, console))
    statuses = [standing.status for standing in stands]
    for error in errors:
        tell = console.reminder if error.status is Status.TRY_LATER else console.warning
        tell(f"{error}; open jobs are shown as the log has them")
        statuses.append(Status.OK if isinstance(error, NoAccount) else error.status)
    return jobs, stands, worst(statuses)


def _show_dates(jobs: Jobs, stands: list[Standing], options: DownloaderOptions, console: Console) -> None:
    entries = ledger(jobs, {standing.job: standing for standing in stands}, options.write_dir)
    for entry in entries:
        console.result(entry.line(verbose=options.verbose))
    for total in totals(entries):
        console.result(total)
    if any(entry.state == MOVED_AWAY for entry in entries):
        console.result("moved away: downloaded, and not in the folder any more; is -w the folder of the zips?")
    if options.csv:
        write_whole(options.csv, as_csv(entries))


def _check(options: DownloaderOptions, log: JobLog, console: Console) -> Status:
    findings = list(checkup(options, log, console.debug))
    for finding in findings:
        (console.info if finding.status is Status.OK else console.result)(str(finding))
    return worst(finding.status for finding in findings)
