"""From a result's addresses to a complete, valid zip under its name, and never anything less under that name."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from peps_maja.console import Meter
from peps_maja.disk import sync_folder
from peps_maja.downloads.checking import Belongs, Damaged, Incomplete, check_zip
from peps_maja.downloads.partfile import PartFile, Remote, part_of, plainly
from peps_maja.errors import Broken, Forbidden, NotThere, PepsError, ServerBusy, ServerSilent, ServerTrouble, Status
from peps_maja.network.answers import Download, Passing
from peps_maja.network.client import Client
from peps_maja.network.documents import kind_of
from peps_maja.network.trust import shown
from peps_maja.text import size

# Begins the reason of a broken result that did not even come as a whole zip, and so is tried again at every run.
NO_WHOLE_ZIP = "no whole zip:"
SLOWEST = 1000  # bytes a second; a transfer that brings less for as long as this is broken off
SLOW_FOR = 300.0  # seconds, or ten read time-outs if that is less
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
_MOST_ERROR = 10_000  # bytes of what came instead of a zip that are looked at
Transfer = Callable[[Path], AbstractContextManager[Meter]]  # holds the line while a file comes, and shows it


@dataclass(frozen=True)
class Wanted:
    """A result to fetch: where copies of it are, the `names` for it (False: another job's), and what it has to be.

    Size (bytes) and MD5 (hex) are None and empty where nothing tells them before.
    """

    addresses: Sequence[str]
    names: Mapping[str, bool]
    belongs: Belongs
    size: int | None = None
    md5: str = ""


@dataclass(frozen=True)
class Fetched:
    """A result that is there: its file, and the size in bytes that it had when it got its name."""

    path: Path
    size: int
    is_new: bool  # it came now; else it was there


class NoZip(ServerTrouble):
    """Something came in the place of a zip that is neither one nor an error in the service's own words."""


class _Place(Enum):
    FREE, TAKEN, THE_RESULT = range(3)  # what stands under a name


def fetch(client: Client, wanted: Wanted, folder: Path, transfer: Transfer) -> Fetched:
    """Bring a result to `folder`, unless it is there already; file and name are on disk then.

    Raises NotThere, Forbidden, Broken, DiskFull; ServerTrouble or ServerBusy if it may come later; what ends a round.
    """
    for final in [folder / name for name, may_be_ours in wanted.names.items() if may_be_ours]:
        with part_of(final) as part:  # also while looking at what is there: nobody else can put a file there then
            place, problems = _what_is_at(final, client, wanted), list[PepsError]()
            if place is _Place.THE_RESULT:
                part.drop()
                with plainly("sync", folder):  # a run that was killed may have renamed it without
                    sync_folder(folder)
                return Fetched(final, final.stat().st_size, is_new=False)
            for address in wanted.addresses if place is _Place.FREE else ():
                if any(isinstance(problem, Broken) for problem in problems):
                    part.restart(Remote())  # no beginning of this copy
                try:
                    return Fetched(final, _fetch_copy(address, client, wanted, part, transfer), is_new=True)
                except (NotThere, Forbidden, Broken, ServerTrouble, ServerBusy) as problem:
                    problems.append(problem)
            if problems:  # what may come later outweighs what is not there
                raise max(problems, key=lambda problem: problem.status is Status.TRY_LATER)
    names = " and ".join(wanted.names)
    raise PepsError(f"{names} are taken, by other files or other jobs: move away what is there to have it fetched")


def _what_is_at(final: Path, client: Client, wanted: Wanted) -> _Place:
    """Return whether a name is free: it is not where a link, a folder or a whole zip is, unless that is the result."""
    with plainly("read", final):
        is_link = final.is_symlink()
        if not final.is_file():
            return _Place.TAKEN if is_link or final.exists() else _Place.FREE
        with final.open("rb") as file:
            try:
                check_zip(file, wanted.belongs, wanted.size, wanted.md5)
            except (Damaged, Incomplete):
                return _Place.TAKEN if is_link else _Place.FREE
            except Broken:  # another product, or none of ours
                return _Place.TAKEN
            is_known = wanted.size or wanted.md5
            if not is_known and _length_on_server(client, wanted.addresses) != os.fstat(file.fileno()).st_size:
                return _Place.TAKEN
    return _Place.THE_RESULT


def _length_on_server(client: Client, addresses: Sequence[str]) -> int | None:
    """Return how long the file on the server is, without fetching it; None if the server does not say."""
    for number, address in enumerate(addresses, 1):
        try:
            with suppress(NotThere, Forbidden), client.download(address, {"Range": "bytes=0-0"}) as answer:
                return Remote.of(answer.status, answer.headers).length
        except (ServerTrouble, ServerBusy):
            if number == len(addresses):  # no other copy can tell
                raise
    return None


def _fetch_copy(address: str, client: Client, wanted: Wanted, part: PartFile, transfer: Transfer) -> int:
    """Receive and check a zip; a connection that breaks is taken up again, three times in all."""
    kept, may_continue, pauses = part.length, True, iter((0.5, 1.0))
    while True:
        problem: PepsError
        try:
            with transfer(part.final) as meter:
                _receive(client, address, part, meter, may_continue=may_continue)
            with plainly("read", part.path), part.content() as content:
                check_zip(content, wanted.belongs, wanted.size, wanted.md5)
            return part.publish()
        except Broken as error:
            is_incomplete = isinstance(error, Incomplete)
            if is_incomplete and part.length != part.remote.length:
                problem = ServerTrouble(str(error))
            elif part.was_continued and not (is_incomplete and part.length == kept):
                # Another file's beginning, or a server that sends any bytes for the rest: once from the start.
                may_continue = False
                part.restart(Remote())
                continue
            elif is_incomplete:
                raise Broken(f"{NO_WHOLE_ZIP} {error}, though it is as long as the server says") from error
            else:
                part.restart(Remote())
                raise
        except ServerSilent as error:
            problem = error
        if (pause := next(pauses, None)) is None:
            raise type(problem)(f"{problem}; {size(part.length)} are kept, the next run goes on there") from problem
        time.sleep(pause)


def _receive(client: Client, address: str, part: PartFile, meter: Meter, *, may_continue: bool) -> None:
    """Receive once: the rest if the remote file is still the one that the part is of, else the whole."""
    meter(part.length, part.remote.length)
    answer: Download | None = None
    with ExitStack() as connection:
        if part.length and may_continue:
            condition = {"If-Range": part.remote.validator} if part.remote.validator else {}
            with suppress(Passing):  # some servers answer 500 to any Range
                headers = {"Range": f"bytes={part.length}-"} | condition
                answer = connection.enter_context(client.download(address, headers))
        if answer and _is_rest(answer, part):
            part.expect(Remote.of(answer.status, answer.headers))
            if answer.status == 416:
                return
            part.was_continued = True
            chunks = _chunks(answer, client)
        else:
            if answer is None or answer.status != 200:
                connection.close()
                answer = connection.enter_context(client.download(address, {}))
            if answer.status != 200:
                raise ServerTrouble(f"{shown(answer.address)} answers {answer.status} when asked for the whole file")
            chunks, start = _chunks(answer, client), b""
            while not start.startswith(_ZIP_STARTS) and len(start) < _MOST_ERROR and (chunk := next(chunks, b"")):
                start += chunk
            if not start.startswith(_ZIP_STARTS):
                what = NoZip(f"{kind_of(start)} came in the place of {shown(answer.address)}")
                raise client.judge(replace(answer, body=start)) or what
            part.restart(Remote.of(answer.status, answer.headers))
            part.write(start)
        length = part.remote.length
        for chunk in chunks:
            part.write(chunk)
            meter(part.length, length)
    if length is not None and part.length != length:
        raise ServerSilent(f"at {part.length} of {length} bytes")


def _is_rest(answer: Download, part: PartFile) -> bool:
    """Return True if an answer to a Range is the rest of the file that a part is of, or says that there is no rest."""
    remote = Remote.of(answer.status, answer.headers)
    begins_there = answer.headers.get("Content-Range", "").startswith(f"bytes {part.length}-")
    has_all = answer.status == 416 and remote.length == part.length
    return part.remote.may_be(remote) and (has_all or (answer.status == 206 and begins_there))


def _chunks(answer: Download, client: Client) -> Iterator[bytes]:
    """Yield what comes; raise PepsError if less than SLOWEST did in SLOW_FOR, ServerSilent if it was cut."""
    slow_for = min(SLOW_FOR, 10 * client.read_timeout)
    begun, came = time.monotonic(), 0
    try:
        for chunk in answer.chunks:
            yield chunk
            came += len(chunk)
            if (seconds := time.monotonic() - begun) >= slow_for:
                if came < SLOWEST * seconds:
                    slow = f"{shown(answer.address)} sends less than {size(SLOWEST)} a second: broken off"
                    raise PepsError(f"{slow}; what came is kept, the next run goes on there", Status.TRY_LATER)
                begun, came = time.monotonic(), 0
    except ServerTrouble as error:
        raise ServerSilent(str(error)) from error
