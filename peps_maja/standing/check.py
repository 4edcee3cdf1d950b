"""Is everything in place? Each thing that a run needs is tried, and shown in one line."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from peps_maja.console import Console
from peps_maja.errors import CredentialsError, DiskFull, LogError, NoAccount, PepsError, Status, UsageError, worst
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
from peps_maja.standing.advice import WAY_OUT
from peps_maja.standing.reminders import summary
from peps_maja.text import size
from peps_maja.theia.jobs import check as check_geodes
from peps_maja.theia.service import Geodes, Key, Theia

Look = Callable[[], str]
LARGEST_PRODUCT = 2.3e9  # bytes of an L2A zip (V4-0)


def check(options: DownloaderOptions, log: JobLog, console: Console) -> Status:
    """Show a line for each thing that a run needs, in the order in which it does; return its exit status."""
    statuses, path = [], options.write_dir
    folder = next(place for place in (path, *path.absolute().parents) if place.exists())  # a run makes those below
    here = {"log": partial(_log, log), "locks": partial(_locks, log)}
    here |= {"folder": partial(_folder, path, folder), "space": partial(_space, folder)}
    for what, look in (dict(_looks_outside(options, log, console.debug)) | here).items():
        try:
            says, status = look(), Status.OK
        except PepsError as error:
            says, status = str(error), error.status
        show = console.info if status is Status.OK else console.result
        show(f"{'ok ' if status is Status.OK else 'BAD'}  {what:<11}  {says}")
        statuses.append(status)
    return worst(statuses)


def _looks_outside(options: DownloaderOptions, log: JobLog, trace: Callable[[str], None]) -> Iterator[tuple[str, Look]]:
    """Yield what looks at the credentials, and at those who ask for them.

    GEODES is looked at where there is its key, a job of Theia, or no account; PEPS where there is an account, a job of
    it that goes on, or nothing that could work without it.
    """
    jobs, account, problem = Jobs({}), None, ""
    with suppress(LogError):  # which has a line of its own
        jobs = log.replay()
    key, settings = Key(options.auth, os.environ), {"read_timeout": read_timeout(), "trace": trace}
    has_theias = key.is_given or any(job.source is Source.THEIA for job in jobs.values())
    needs_account = not has_theias or any(job.source is Source.PEPS and job.is_going_on for job in jobs.values())
    try:
        account = read_credentials(options.auth, os.environ)
    except CredentialsError as error:
        problem = str(error) if needs_account or not isinstance(error, NoAccount) else ""
    peps = Peps(Server.parse(options.server), account, **settings)

    def credentials() -> str:
        if problem:
            raise CredentialsError(problem)
        if is_open_to_others(options.auth):
            raise UsageError(f"others can read your password or key: chmod 600 {options.auth}")
        return f"{account.email}, from {account.source}" if account else "no account of PEPS, and no job needs one"

    def server() -> str:
        today = datetime.now(timezone.utc).date()
        read_page_of(peps, Search({"tileid": "31TCJ"}, Days(today, today)))  # one product: that needs no account
        return f"{peps.server.base} answers" + (" over TLS" if peps.server.base.startswith("https") else "")

    def may_run_maja() -> str:
        if not account:
            raise UsageError("cannot be checked without an account")
        check_account(peps, MAJA)
        return f"{account.email} may run {MAJA}"

    yield "credentials", credentials
    if account or problem:
        yield from (("server", server), ("account", may_run_maja))
    if has_theias or not account:
        yield "GEODES", lambda: check_geodes(Theia(Geodes.parse(options.geodes), key, **settings))


def _log(log: JobLog) -> str:
    if not log.path.exists():
        raise LogError(f"there is no {log.path}: submit jobs with it first, or fix --log")
    jobs = log.replay()
    unsure = [job.name for job in jobs.in_state(State.UNSURE)]
    wrong = [jobs.damage] if jobs.damage else []
    wrong += [f"unsure whether PEPS took {unsure[0]}{' and others' * (len(unsure) > 1)}: {WAY_OUT}"] if unsure else []
    if wrong:
        raise PepsError("; ".join([f"{log.path}: {summary(jobs)}", *wrong]))
    return f"{log.path}: {summary(jobs)}"


def _locks(log: JobLog) -> str:
    with log.lock_for("process"), log.lock_for("downloader"):
        return "free, and the file system has them"


def _folder(path: Path, folder: Path) -> str:
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".peps_maja_check"):
            return f"{path.resolve()} " + ("can be written to" if path == folder else "will be made")
    except OSError as error:
        raise UsageError(f"cannot write into {folder}: {error.strerror}; fix its rights or --write-dir") from None


def _space(folder: Path) -> str:
    free = shutil.disk_usage(folder).free
    says = f"{size(free)} free in {folder}, and a product takes up to {size(LARGEST_PRODUCT)}"
    if free < LARGEST_PRODUCT:
        raise DiskFull(f"{says}: make room")
    return says
