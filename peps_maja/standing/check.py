"""Is everything in place? Each thing that a run needs is tried, and shown in one line."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from peps_maja.console import Console
from peps_maja.errors import CredentialsError, DiskFull, LogError, NoAccount, PepsError, Status, UsageError, worst
from peps_maja.joblog.events import Source, State
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.log import JobLog
from peps_maja.network.credentials import USER_VARIABLE, is_open_to_others, read_credentials
from peps_maja.options import DownloaderOptions
from peps_maja.peps.catalogue import Search, read_page_of
from peps_maja.peps.service import Peps, Server
from peps_maja.peps.submitting import MAJA, check_account
from peps_maja.products.places import Days
from peps_maja.run import read_timeout
from peps_maja.standing.advice import WAY_OUT
from peps_maja.text import counted, size
from peps_maja.theia.jobs import check as check_geodes
from peps_maja.theia.service import KEY_VARIABLE, Geodes, Key, Theia

LARGEST_PRODUCT = 2.3e9  # bytes of an L2A zip (V4-0)


def check(options: DownloaderOptions, log: JobLog, console: Console) -> Status:
    """Show a line for each thing that a run needs, in the order in which it does; return its exit status."""
    statuses = []
    folder = options.write_dir  # or, if a run will make it, the one in which it will
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    looks = dict(_looks_outside(options, log, console.debug)) | {
        "log": partial(_log, log),
        "locks": partial(_locks, log),
        "folder": partial(_folder, folder, nearest),
        "space": partial(_space, nearest),
    }
    for what, look in looks.items():
        try:
            says, status = look(), Status.OK
        except PepsError as error:
            says, status = str(error), error.status
        show = console.info if status is Status.OK else console.result
        show(f"{'ok ' if status is Status.OK else 'BAD'}  {what:<11}  {says}")
        statuses.append(status)
    return worst(statuses)


def _looks_outside(
    options: DownloaderOptions, log: JobLog, trace: Callable[[str], None]
) -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield what looks at the credentials and who asks for them.

    GEODES is looked at where there is its key, a job of Theia, or no account; PEPS where there is an account, a job of
    it that goes on, or nothing that could work without it.
    """
    jobs, account, problems = Jobs({}), None, []
    with suppress(LogError):  # which has a line of its own
        jobs = log.replay()
    key, settings = Key(options.auth, os.environ), {"read_timeout": read_timeout(), "trace": trace}
    has_theias = any(job.source is Source.THEIA for job in jobs.values())
    needs_account = any(job.source is Source.PEPS and job.is_going_on for job in jobs.values())
    needs_account |= not (has_theias or key.is_given)
    try:
        account = read_credentials(options.auth, os.environ)
    except CredentialsError as error:
        needs_account |= not isinstance(error, NoAccount)
        problems += [str(error)] if needs_account else []
    peps = Peps(Server.parse(options.server), account, **settings)

    def credentials() -> str:
        try:
            _ = key.value if has_theias or not account else ""
        except CredentialsError as error:
            problems.append(str(error))
        if problems:
            raise CredentialsError("; ".join(problems))
        is_in_file = not os.environ.get(USER_VARIABLE if account else KEY_VARIABLE)
        if is_in_file and is_open_to_others(options.auth):
            raise UsageError(f"others can read your {'password' if account else 'API key'}: chmod 600 {options.auth}")
        mode = f" (mode {options.auth.stat().st_mode & 0o777:o})" if is_in_file else ""
        if account:
            return f"{account.email}, from {account.source}{mode}"
        return f"an API key, from {key.source}{mode}; no account of PEPS, and no job needs one"

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
    if account or needs_account:
        yield from (("server", server), ("account", may_run_maja))
    if has_theias or key.is_given or not account:
        yield "GEODES", lambda: check_geodes(Theia(Geodes.parse(options.geodes), key, **settings))


def _log(log: JobLog) -> str:
    if not log.path.exists():
        raise LogError(f"there is no {log.path}: submit jobs with it first, or fix --log")
    jobs = log.replay()
    states = [f"{number} {state}" for state, number in jobs.count().items()]
    says = [f"{log.path}: {', '.join([counted(len(jobs), 'job'), *states])}", *filter(None, [jobs.damage])]
    if unsure := [job.name for job in jobs.in_state(State.UNSURE)]:
        more = f" and {len(unsure) - 1} more" if len(unsure) > 1 else ""
        says.append(f"unsure whether PEPS took {unsure[0]}{more}: {WAY_OUT}")
    if len(says) > 1:
        raise PepsError("; ".join(says))
    return says[0]


def _locks(log: JobLog) -> str:
    with ExitStack() as held:
        for script in ("process", "downloader"):
            held.enter_context(log.lock_for(script))
    return "free, and the file system has them"


def _folder(folder: Path, nearest: Path) -> str:
    try:
        with tempfile.NamedTemporaryFile(dir=nearest, prefix=".peps_maja_check"):
            return f"{folder.resolve()} " + ("can be written to" if nearest == folder else "will be made")
    except OSError as error:
        raise UsageError(f"cannot write into {nearest}: {error.strerror}; fix its rights or --write-dir") from None


def _space(nearest: Path) -> str:
    try:
        free = shutil.disk_usage(nearest).free
    except OSError as error:
        raise UsageError(f"cannot find out the space in {nearest}: {error.strerror}") from None
    says = f"{size(free)} free in {nearest}, and a product takes up to {size(LARGEST_PRODUCT)}"
    if free < LARGEST_PRODUCT:
        raise DiskFull(f"{says}: make room")
    return says
