"""What the downloader shows without fetching: --status, --json, --dates, --check, each with a page if one is wanted."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date

from peps_maja.console import Console
from peps_maja.disk import write_whole
from peps_maja.downloads.asking import ask_all
from peps_maja.downloads.service import JobReport
from peps_maja.errors import NoAccount, PepsError, Status, worst
from peps_maja.joblog.events import Source, State
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.log import JobLog
from peps_maja.options import DownloaderOptions
from peps_maja.products.places import Days
from peps_maja.standing import dates
from peps_maja.standing.check import check
from peps_maja.standing.overview import overview
from peps_maja.standing.reminders import tell_of_damage
from peps_maja.standing.services import connect_with
from peps_maja.standing.values import MOVED_AWAY, Overview

WritePage = Callable[[Jobs, Overview, list[str]], Status]
"""Writes the page of these jobs; the texts are what this run could not do."""
_IN_JSON = ("job", "source", "state", "percent", "message", "submitted_at", "status_url", "results")


def show(options: DownloaderOptions, log: JobLog, console: Console, write_page: WritePage) -> Status:
    """Show what the options ask for; write nothing but the page and the CSV, fetch and lock nothing."""
    if options.check:
        return check(options, log, console)
    jobs = log.replay()
    tell_of_damage(jobs, log, console.reminder)
    reports, ends = _ask(jobs, options, console)
    for error in ends:
        tell = console.reminder if error.status is Status.TRY_LATER else console.warning
        tell(f"{error}; open jobs are shown as the log has them")
    everything = overview(jobs, reports, options)
    if options.dates:
        period = Days(options.start_date or date.min, options.end_date or date.max)
        shown = [dated for dated in everything.dates if dated.day in period]
        for text in [*(dates.line(dated, verbose=options.verbose) for dated in shown), *dates.totals(shown)]:
            console.result(text)
        if any(dated.state == MOVED_AWAY for dated in shown):
            console.result("moved away: downloaded, and not in the folder any more; is -w the folder of the zips?")
        if options.csv:
            write_whole(options.csv, dates.as_csv(shown))
    elif options.json:
        listed = [{name: getattr(standing, name) for name in _IN_JSON} for standing in everything.jobs]
        console.result(json.dumps(listed, indent=1, default=vars))  # `vars` of each result
    else:
        for standing in everything.jobs:
            console.result(str(standing))
    statuses = [standing.status for standing in everything.jobs]
    statuses += [error.status for error in ends if not isinstance(error, NoAccount)]
    statuses += [write_page(jobs, everything, [str(error) for error in ends])] if options.page else []
    return worst(statuses)


def _ask(
    jobs: Jobs, options: DownloaderOptions, console: Console
) -> tuple[dict[str, JobReport | PepsError], list[PepsError]]:
    """Return what is known of each open job of PEPS (Theia's are not asked for), and what ended the asking."""
    asked = [job for job in jobs.in_state(State.OPEN) if job.source is Source.PEPS]
    if not asked:
        return {}, []
    try:
        service = connect_with(options, console)(Source.PEPS)
    except PepsError as error:
        return {}, [error]
    answers = ask_all(service, asked)
    return {**answers.reports, **answers.problems}, answers.ends[:1]
