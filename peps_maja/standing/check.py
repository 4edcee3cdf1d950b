"""Is everything in place? Each thing that a run needs is tried, and shown in one line."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timezone

from peps_maja.errors import CredentialsError, DiskFull, LogError, NoAccount, PepsError, Status, UsageError
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

Look = Callable[[], str]
LARGEST_PRODUCT = 2.3e9  # bytes of an L2A zip (V4-0)


@dataclass(frozen=True)
class Finding:
    """What was looked at, how it stands, and the exit status that a run would end with for it."""

    what: str
    says: str
    status: Status = Status.OK

    def __str__(self) -> str:
        """Return the finding as one line."""
        return f"{'ok ' if self.status is Status.OK else 'BAD'}  {self.what:<11}  {self.says}"


def checkup(options: DownloaderOptions, log: JobLog, trace: Callable[[str], None]) -> Iterator[Finding]:
    """Yield a finding for each thing that a run needs, in the order in which it does."""
    for what, look in (_looks_outside(options, log, trace) | _looks_here(options, log)).items():
        try:
            yield Finding(what, look())
        except PepsError as error:
            yield Finding(what, str(error), error.status)


def _looks_outside(options: DownloaderOptions, log: JobLog, trace: Callable[[str], None]) -> dict[str, Look]:
    """Return what looks at the credentials and who asks for them.

    GEODES is looked at where there is its key, a job of Theia, or no account; PEPS where there is an account, a job of
    it that goes on, or nothing that could work without it.
    """
    jobs, account, problem = Jobs({}), None, None
    with suppress(LogError):  # which has a line of its own
        jobs = log.replay()
    key, settings = Key(options.auth, os.environ), {"read_timeout": read_timeout(), "trace": trace}
    has_theias = any(job.source is Source.THEIA for job in jobs.values())
    needs_account = any(job.source is Source.PEPS and job.is_going_on for job in jobs.values())
    try:
        account = read_credentials(options.auth, os.environ)
    except CredentialsError as error:
        problem = str(error)
        needs_account |= not isinstance(error, NoAccount) or not (has_theias or key.is_given)
    peps = Peps(Server.parse(options.server), account, **settings)

    def credentials() -> str:
        problems = [problem] if problem and needs_account else []
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

    looks: dict[str, Look] = {"credentials": credentials}
    if account or needs_account:
        looks |= {"server": server, "account": may_run_maja}
    if has_theias or key.is_given or not account:
        looks["GEODES"] = lambda: check_geodes(Theia(Geodes.parse(options.geodes), key, **settings))
    return looks


def _looks_here(options: DownloaderOptions, log: JobLog) -> dict[str, Look]:
    """Return what looks at the log, its locks, and the folder for the zips."""

    def stands() -> str:
        if not log.path.exists():
            raise LogError(f"there is no {log.path}: submit jobs with it first, or fix --log")
        read = log.replay()
        states = [f"{number} {state}" for state, number in read.count().items()]
        says = [f"{log.path}: {', '.join([counted(len(read), 'job'), *states])}"]
        says += [read.damage] if read.damage else []
        if unsure := [job.name for job in read.in_state(State.UNSURE)]:
            more = f" and {len(unsure) - 1} more" if len(unsure) > 1 else ""
            says.append(f"unsure whether PEPS took {unsure[0]}{more}: {WAY_OUT}")
        if len(says) > 1:
            raise PepsError("; ".join(says))
        return says[0]

    def locks() -> str:
        with ExitStack() as held:
            for script in ("process", "downloader"):
                held.enter_context(log.lock_for(script))
        return "free, and the file system has them"

    folder = options.write_dir  # or, if a run will make it, the one in which it will
    nearest = next(path for path in (folder, *folder.absolute().parents) if path.exists())

    def writable() -> str:
        try:
            with tempfile.NamedTemporaryFile(dir=nearest, prefix=".peps_maja_check"):
                return f"{folder.resolve()} " + ("can be written to" if nearest == folder else "will be made")
        except OSError as error:
            raise UsageError(f"cannot write into {nearest}: {error.strerror}; fix its rights or --write-dir") from None

    def space() -> str:
        try:
            free = shutil.disk_usage(nearest).free
        except OSError as error:
            raise UsageError(f"cannot find out the space in {folder}: {error.strerror}") from None
        says = f"{size(free)} free in {folder}, and a product takes up to {size(LARGEST_PRODUCT)}"
        if free < LARGEST_PRODUCT:
            raise DiskFull(f"{says}: make room")
        return says

    return {"log": stands, "locks": locks, "folder": writable, "space": space}
