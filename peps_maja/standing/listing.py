"""What the downloader shows without fetching: --status, --json, --dates, --check."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime, timezone
from functools import partial
from typing import Any

from peps_maja.console import Console
from peps_maja.disk import write_whole
from peps_maja.downloads.asking import Answers, ask_all
from peps_maja.downloads.service import Connect
from peps_maja.errors import DiskFull, LogError, NoAccount, PepsError, Status, UsageError, worst
from peps_maja.joblog.events import Source, State
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.log import JobLog
from peps_maja.network.credentials import is_open_to_others, read_credentials
from peps_maja.options import DownloaderOptions
from peps_maja.peps.catalogue import Search, read_page_of
from peps_maja.peps.service import Peps, Server
from peps_maja.peps.submitting import MAJA, check_account
from peps_maja.products.places import Days
from peps_maja.run import read_timeout
from peps_maja.standing.advice import WAY_OUT, summary
from peps_maja.standing.overview import overview
from peps_maja.standing.values import BEST_FIRST, ON_DISK, RUNNING, Overview, Standing
from peps_maja.text import counted, size
from peps_maja.theia.jobs import check as check_geodes
from peps_maja.theia.service import Geodes, Key, Theia

WritePage = Callable[[Jobs, Overview, list[str]], Status]  # of these jobs; the texts are what this run could not do
LARGEST_PRODUCT = 2.3e9  # bytes of an L2A zip (V4-0)
_IN_JSON = ("job", "source", "state", "percent", "message", "submitted_at", "status_url", "results")
_IN_CSV = ("tile", "date", "satellite", "orbit", "job", "state", "file", "size_bytes", "message", "clouds", "folder")


def show(options: DownloaderOptions, log: JobLog, console: Console, connect: Connect, write_page: WritePage) -> Status:
    """Show what the options ask for; write nothing but the page and the CSV, fetch and lock nothing."""
    jobs, answers = log.replay(), Answers()
    if jobs.damage:
        console.reminder(f"{log.path}: {jobs.damage}")
    try:
        if asked := [job for job in jobs.in_state(State.OPEN) if job.source is Source.PEPS]:  # the log knows Theia's
            answers = ask_all(connect(Source.PEPS), asked)
    except PepsError as error:
        answers.ends.append(error)
    ends = answers.ends[:1]
    for end in ends:
        tell = console.reminder if end.status is Status.TRY_LATER else console.warning
        tell(f"{end}; open jobs are shown as the log has them")
    everything = overview(jobs, {**answers.reports, **answers.problems}, options)
    if options.dates:
        period = Days(options.start_date or date.min, options.end_date or date.max)
        shown = [dated for dated in everything.dates if dated.day in period]
        for text in [*(line_of_date(dated, verbose=options.verbose) for dated in shown), *totals(shown)]:
            console.result(text)
    elif options.json:
        listed = [{name: getattr(standing, name) for name in _IN_JSON} for standing in everything.jobs]
        console.result(json.dumps(listed, indent=1))
    else:
        for standing in everything.jobs:
            percent = "" if standing.percent is None or standing.state != RUNNING else f", {standing.percent:g} %"
            message = f": {standing.message}" if standing.message else ""
            results = "".join(f"; {result['file'] or result['name']} {result['state']}" for result in standing.results)
            console.result(f"{standing.job}: {standing.state}{percent}{message}{results}")
    statuses = [standing.status for standing in everything.jobs]
    statuses += [end.status for end in ends if not isinstance(end, NoAccount)]
    if options.page:
        problems = [f"{name}: {error}" for name, error in answers.problems.items()]
        statuses.append(write_page(jobs, everything, [*map(str, ends), *problems, *answers.unread("PEPS")]))
    if options.csv:
        write_whole(options.csv, as_csv(shown))
    return worst(statuses)


def line_of_date(dated: Standing, *, verbose: bool = False) -> str:
    """Return a date as one line, with job and message if `verbose`."""
    orbit = f"R{dated.orbit:03d}" if dated.orbit else "?"
    clouds = "?" if dated.clouds is None else f"{dated.clouds:.0f}%"
    what = dated.state_in_ledger if dated.size is None else f"{dated.state} {size(dated.size):>7}"
    more = f"  {dated.job}" + (f": {dated.message}" if dated.message else "") if verbose else ""
    begin = f"{dated.tile} {dated.day} {dated.satellite or '?':<3} {orbit:<4} {clouds:>4}  {what:<15}"
    return f"{begin} {dated.file:<52}{more}".rstrip()


def totals(dates: Sequence[Standing]) -> Iterator[str]:
    """Yield the total of each tile, and of all if these are several; a date counts once, in each of its states."""
    tiles = sorted({dated.tile for dated in dates})
    for tile in tiles if len(tiles) == 1 else [*tiles, ""]:
        of_tile = [dated for dated in dates if tile in {"", dated.tile}]
        number = counted(len({(dated.tile, dated.day) for dated in of_tile}), "date")
        on_disk = size(sum({dated.file: dated.size or 0 for dated in of_tile}.values()))
        numbers = Counter(state for *_, state in {(dated.tile, dated.day, dated.state_in_ledger) for dated in of_tile})
        words = [f"{numbers[state]} {state}" for state in BEST_FIRST if numbers[state]]
        text = ", ".join([f"Total of {tile}: {number}" if tile else f"Total: {number}", *words])
        yield text.replace(f" {ON_DISK}", f" {ON_DISK} ({on_disk})")


def as_csv(dates: Sequence[Standing]) -> str:
    """Return the dates as comma-separated values with a head."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_IN_CSV)
    for dated in dates:
        orbit = f"R{dated.orbit:03d}" if dated.orbit else ""
        begin = (dated.tile, dated.day, dated.satellite, orbit, dated.job, dated.state_in_ledger)
        writer.writerow((*begin, dated.file, dated.size, dated.message, dated.clouds, dated.folder))
    return text.getvalue()


def check(options: DownloaderOptions, log: JobLog, console: Console) -> Status:
    """Show a line for each thing that a run needs; return its exit status.

    GEODES is looked at if there is a key, a job of Theia, or no account; PEPS if there is an account or need of one.
    """
    statuses: list[Status] = []
    looking_at = partial(_looking_at, console, statuses)
    jobs, account, key = Jobs(), None, Key(options.auth, os.environ)
    with suppress(LogError):  # which has a line of its own
        jobs = log.replay()
    has_theias = key.is_given or any(job.source is Source.THEIA for job in jobs.values())
    needs_account = not has_theias or any(job.source is Source.PEPS and job.is_going_on for job in jobs.values())
    with looking_at("credentials") as says:
        try:
            account = read_credentials(options.auth, os.environ)
        except NoAccount:
            if needs_account:
                raise
        says.append(f"{account.email}, from {account.source}" if account else "no account of PEPS: no job needs one")
        if is_open_to_others(options.auth):
            raise UsageError(f"others can read your password or key: chmod 600 {options.auth}")
    settings: dict[str, Any] = {"read_timeout": read_timeout(), "trace": console.debug}
    peps = Peps(Server.parse(options.server), account, **settings)
    if account or needs_account:
        with looking_at("server", f"{peps.server.base} answers"):
            today = datetime.now(timezone.utc).date()
            read_page_of(peps, Search({"tileid": "31TCJ"}, Days(today, today)))  # one product: that needs no account
    if account:
        with looking_at("account", f"it may run {MAJA}"):
            check_account(peps, MAJA)
    if has_theias or not account:
        with looking_at("GEODES") as says:
            says.append(check_geodes(Theia(Geodes.parse(options.geodes), key, **settings)))

    events = [f"{log.path}: {summary(jobs)}", *([jobs.damage] if jobs.damage else [])]
    events += [f"unsure whether PEPS took {job.name}: {WAY_OUT}" for job in jobs.in_state(State.UNSURE)[:1]]
    with looking_at("log", *events):
        if not log.path.exists():
            raise LogError(f"there is no {log.path}: submit jobs with it first, or fix --log")
        log.replay()
        if len(events) > 1:
            raise PepsError("; ".join(events), Status.UNUSABLE if jobs.nameless else None)
    with looking_at("locks", "free, and the file system has them"), log.lock_for("process"), log.lock_for("downloader"):
        pass
    path = options.write_dir.absolute()
    folder = next(place for place in (path, *path.parents) if place.exists())  # a run makes those below
    with looking_at("folder", f"{path} " + ("can be written to" if path == folder else "will be made")):
        if not (folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)):
            raise UsageError(f"cannot write into {folder}: fix its rights or --write-dir")
    free = shutil.disk_usage(folder).free
    with looking_at("space", f"{size(free)} free in {folder}"):
        if free < LARGEST_PRODUCT:
            raise DiskFull(f"{size(free)} free in {folder}, and a product may take {size(LARGEST_PRODUCT)}: make room")
    return worst(statuses)


@contextmanager
def _looking_at(console: Console, statuses: list[Status], what: str, *texts: str) -> Iterator[list[str]]:
    """Show in one line what is said in a block, `ok`; or the error that ends it, `BAD`."""
    says, status = list(texts), Status.OK
    try:
        yield says
    except PepsError as error:
        says, status = [str(error)], error.status
    show = console.info if status is Status.OK else console.result
    show(f"{'ok ' if status is Status.OK else 'BAD'}  {what:<11}  {'; '.join(says)}")
    statuses.append(status)
