"""Is everything in place? Each thing that a run needs is tried, and shown in one line."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from peps_maja.errors import DiskFull, LogError, NoAccount, PepsError, Status, UsageError
from peps_maja.joblog.events import Source, State
from peps_maja.joblog.jobs import WAY_OUT, Job
from peps_maja.joblog.log import JobLog
from peps_maja.network.credentials import (
    PASSWORD_VARIABLE,
    USER_VARIABLE,
    Credentials,
    is_open_to_others,
    read_credentials,
)
from peps_maja.options import DownloaderOptions
from peps_maja.peps.catalogue import Search, read_page_of
from peps_maja.peps.service import Peps, Server
from peps_maja.peps.submitting import MAJA, check_account
from peps_maja.products.places import Days
from peps_maja.run import read_timeout
from peps_maja.text import counted, size
from peps_maja.theia.jobs import check as check_geodes
from peps_maja.theia.service import KEY_VARIABLE, Geodes, Key, Theia

LARGEST_PRODUCT = 1.5e9  # bytes of an L2A zip


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
    """Yield a finding for credentials, server, account, GEODES, log, locks, folder and space.

    GEODES is looked at where there is a key for it or a job of Theia; then PEPS need not be, if no job waits for it.
    """
    accounts: list[Credentials] = []
    key = Key(options.auth, os.environ)
    jobs = _jobs(log)
    is_for_theia = key.is_given or any(job.source is Source.THEIA for job in jobs)
    is_for_peps = any(job.source is Source.PEPS and job.state in {State.OPEN, State.UNSURE} for job in jobs)

    def credentials() -> str:
        try:
            accounts.append(read_credentials(options.auth, os.environ))
        except NoAccount:
            if is_for_peps or not is_for_theia:
                raise
            _refuse_open_file(options.auth, KEY_VARIABLE, "API key")
            return "no account of PEPS, and no job needs one"
        return _where_from(accounts[0], options.auth)

    def peps() -> Peps:
        account = accounts[0] if accounts else None
        return Peps(Server.parse(options.server), account, read_timeout=read_timeout(), trace=trace)

    def account() -> str:
        if not accounts:
            raise UsageError("cannot be checked without credentials")
        check_account(peps(), MAJA)
        return f"{accounts[0].email} may run {MAJA}"

    def geodes() -> str:
        return check_geodes(Theia(Geodes.parse(options.geodes), key, read_timeout=read_timeout(), trace=trace))

    yield _finding("credentials", credentials)
    if accounts or is_for_peps or not is_for_theia:
        yield _finding("server", lambda: _server(peps()))
        yield _finding("account", account)
    if is_for_theia:
        yield _finding("GEODES", geodes)
    yield _finding("log", lambda: _log(log))
    yield _finding("locks", lambda: _locks(log))
    yield _finding("folder", lambda: _folder(options.write_dir))
    yield _finding("space", lambda: _space(options.write_dir))


def _jobs(log: JobLog) -> list[Job]:
    with suppress(LogError):  # which has a line of its own
        return list(log.replay().values())
    return []


def _finding(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, look())
    except PepsError as error:
        return Finding(what, str(error), error.status)


def _where_from(account: Credentials, path: Path) -> str:
    if os.environ.get(USER_VARIABLE):
        return f"{account.email}, from {USER_VARIABLE} and {PASSWORD_VARIABLE}"
    _refuse_open_file(path, USER_VARIABLE, "password")
    return f"{account.email}, from {path} (mode {stat.S_IMODE(path.stat().st_mode):o})"


def _refuse_open_file(path: Path, variable: str, secret: str) -> None:
    """Raise UsageError if others can read the file from which a secret comes."""
    if not os.environ.get(variable) and is_open_to_others(path):
        raise UsageError(f"others can read your {secret}: chmod 600 {path}")


def _server(peps: Peps) -> str:
    """Ask the catalogue for one product, which needs no account."""
    today = datetime.now(timezone.utc).date()
    read_page_of(peps, Search({"tileid": "31TCJ"}, Days(today, today)))
    return f"{peps.server.base} answers" + (" over TLS" if peps.server.base.startswith("https") else "")


def _log(log: JobLog) -> str:
    if not log.path.exists():
        raise LogError(f"there is no {log.path}: submit jobs with it first, or fix --log")
    jobs = log.replay()
    stands = ", ".join([counted(len(jobs), "job"), *(f"{number} {state}" for state, number in jobs.count().items())])
    problems = [jobs.damage] if jobs.damage else []
    if unsure := jobs.in_state(State.UNSURE):
        more = f" and {len(unsure) - 1} more" if len(unsure) > 1 else ""
        problems.append(f"unsure whether PEPS took {unsure[0].name}{more}: {WAY_OUT}")
    if problems:
        raise PepsError("; ".join([f"{log.path}: {stands}", *problems]))
    return f"{log.path}: {stands}"


def _locks(log: JobLog) -> str:
    with ExitStack() as locks:
        for script in ("process", "downloader"):
            locks.enter_context(log.lock_for(script))
    return "free, and the file system has them"


def _folder(folder: Path) -> str:
    nearest = _nearest(folder)
    try:
        with tempfile.NamedTemporaryFile(dir=nearest, prefix=".peps_maja_check"):
            return f"{folder.resolve()} " + ("can be written to" if nearest == folder else "will be made")
    except OSError as error:
        raise UsageError(f"cannot write into {nearest}: {error.strerror}; fix its permissions or --write-dir") from None


def _space(folder: Path) -> str:
    try:
        free = shutil.disk_usage(_nearest(folder)).free
    except OSError as error:
        raise UsageError(f"cannot find out the space in {folder}: {error.strerror}") from None
    if free < LARGEST_PRODUCT:
        raise DiskFull(f"{size(free)} free in {folder}, and a product takes up to {size(LARGEST_PRODUCT)}: make room")
    return f"{size(free)} free, and a product takes up to {size(LARGEST_PRODUCT)}"


def _nearest(folder: Path) -> Path:
    """Return the folder, or, if a run will make it, the one in which it will."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
