"""From a result's addresses to a complete, valid zip under its name, and never anything less under that name."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass
from enum import Enum
from io import BufferedReader
from pathlib import Path

from peps_maja.console import Meter
from peps_maja.disk import sync_folder
from peps_maja.downloads.checking import ZIP_STARTS, Belongs, Damaged, Incomplete, check_zip, md5_of
from peps_maja.downloads.partfile import PartFile, Remote, part_of, plainly
from peps_maja.errors import Broken, Forbidden, NotThere, PepsError, ServerBusy, ServerSilent, ServerTrouble, Status
from peps_maja.network.answers import Download
from peps_maja.network.client import Client
from peps_maja.network.documents import kind_of
from peps_maja.network.trust import shown
from peps_maja.text import size

# Begins the reason of a broken result that did not even come as a whole zip, and so is tried again at every run.
NO_WHOLE_ZIP = "no whole zip:"
SLOWEST = 1000  # bytes a second; a transfer that brings less for as long as this is broken off
SLOW_FOR = 300.0  # seconds, or ten read time-outs if that is less
_MOST_ERROR = 10_000  # bytes of what came instead of a zip that are looked at
Transfer = Callable[[Path], AbstractContextManager[Meter]]  # holds the line while a file comes, and shows it


@dataclass(frozen=True)
class Wanted:
    """A result to fetch: where copies of it are, what it has to be, and the `names` of which it gets the first free.

    Size (bytes) and MD5 (hex) are None and empty where nothing tells them before.
    """

    addresses: Sequence[str]
    names: Sequence[str]
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

    Raises NotThere, Forbidden or Broken if the server does not have it, NoZip, ServerTrouble or ServerBusy if it may
    come later, DiskFull, PepsError if another run is at it or all names are taken, what ends a round.
    """
    for name in wanted.names:
        final = folder / name
        with part_of(final) as part:  # also while looking at what is there: nobody else can put a file there then
            place = _what_is_at(final, client, wanted)
            if place is _Place.THE_RESULT:
                return Fetched(final, final.stat().st_size, is_new=False)
            if place is _Place.FREE:
                return Fetched(final, _fetch_copy(client, wanted, part, transfer), is_new=True)
    raise PepsError(
        f"{' and '.join(wanted.names)} are there, and are something else: move them away to have it fetched"
    )


def _what_is_at(final: Path, client: Client, wanted: Wanted) -> _Place:
    """Return whether a name is free: it is not where a link, a folder or a whole zip is, unless that is the result."""
    with plainly("read", final):
        is_link = final.is_symlink()
        if not final.exists():
            return _Place.TAKEN if is_link else _Place.FREE
        if not final.is_file():
            return _Place.TAKEN
        with final.open("rb") as file:
            if not (wanted.md5 and md5_of(file) == wanted.md5):
                try:
                    check_zip(file, wanted.belongs)
                except (Damaged, Incomplete):
                    return _Place.TAKEN if is_link else _Place.FREE
                except Broken:  # another product, or none of ours
                    return _Place.TAKEN
                length = wanted.size or _length_on_server(client, wanted.addresses)
                if wanted.md5 or length != os.fstat(file.fileno()).st_size:
                    return _Place.TAKEN
            os.fsync(file.fileno())  # the run that has renamed it may have been killed before it could
            sync_folder(final.parent)
    return _Place.THE_RESULT


def _length_on_server(client: Client, addresses: Sequence[str]) -> int | None:
    """Return how long the file on the server is, without fetching it; None if the server does not say."""
    for address in addresses:
        with suppress(NotThere, Forbidden), client.download(address, {"Range": "bytes=0-0"}) as answer:
            if answer.status in {200, 206} and next(answer.chunks, b"").startswith(ZIP_STARTS[0][:1]):
                return Remote.of(answer.status, answer.headers).length
    return None


def _fetch_copy(client: Client, wanted: Wanted, part: PartFile, transfer: Transfer) -> int:
    """Fetch one of the copies, the first that can be had; what may come later outweighs what is not there."""
    problems: list[PepsError] = []
    for address in wanted.addresses:
        try:
            return _fetch_from(address, client, wanted, part, transfer)
        except (NotThere, Forbidden, Broken, ServerTrouble, ServerBusy) as problem:
            problems.append(problem)
    raise next((problem for problem in problems if problem.status is Status.TRY_LATER), problems[0])


def _fetch_from(address: str, client: Client, wanted: Wanted, part: PartFile, transfer: Transfer) -> int:
    """Receive and check a zip; a connection that breaks is taken up again, three times in all."""
    kept, may_continue, pauses = part.length, True, iter((0.5, 1.0))
    while True:
        problem: PepsError
        try:
            with transfer(part.final) as meter:
                _receive(client, address, part, meter, may_continue=may_continue)
            with plainly("read", part.path), part.content() as content:
                _check(content, part.length, wanted)
            return part.publish()
        except Broken as error:
            is_incomplete, is_whole = isinstance(error, Incomplete), part.length == part.remote.length
            if is_incomplete and not is_whole:
                problem = ServerTrouble(str(error))
            elif part.was_continued and not (is_incomplete and part.length == kept):
                # Another file's beginning, or a server that sends any bytes for the rest: once from the start.
                may_continue = False
                part.restart(Remote())
                continue
            elif is_incomplete:
                raise Broken(f"{NO_WHOLE_ZIP} {error}, though it is as long as the server says") from error
            else:
                part.drop()
                raise
        except ServerSilent as error:
            problem = error
        if (pause := next(pauses, None)) is None:
            raise type(problem)(f"{problem}; {size(part.length)} are kept, the next run goes on there") from problem
        time.sleep(pause)


def _check(content: BufferedReader, length: int, wanted: Wanted) -> None:
    """Raise Broken unless what came is what was wanted; an MD5 settles that."""
    if wanted.md5 and md5_of(content) == wanted.md5:
        return check_zip(content, lambda _: True)
    check_zip(content, wanted.belongs)
    if wanted.md5:
        raise Broken(f"its MD5 is not {wanted.md5}, as it should be")
    if wanted.size not in {None, length}:
        raise Broken(f"it has {length} bytes and should have {wanted.size}")
    return None


def _receive(client: Client, address: str, part: PartFile, meter: Meter, *, may_continue: bool) -> None:
    """Receive once: the rest if the remote file is still the one that the part is of, else the whole."""
    slow_for = min(SLOW_FOR, 10 * client.read_timeout)
    meter(part.length, part.remote.length)
    if part.length and may_continue:
        condition = {"If-Range": part.remote.validator} if part.remote.validator else {}
        with ExitStack() as connection:
            try:
                headers = {"Range": f"bytes={part.length}-"} | condition
                answer = connection.enter_context(client.download(address, headers))
            except ServerSilent:
                raise
            except ServerTrouble:  # some servers answer 500 to any Range
                answer = None
            remote = Remote.of(answer.status, answer.headers) if answer else Remote()
            if answer and answer.status in {206, 416} and part.remote.may_be(remote):
                if answer.status == 416 and remote.length == part.length:
                    part.note(remote)
                    return
                if re.match(rf"bytes {part.length}-", answer.headers.get("Content-Range", "")):
                    part.note(remote)
                    part.was_continued = True
                    _store(_chunks(answer, slow_for), part, meter)
                    return
            elif answer and answer.status == 200:
                _store_from_start(client, answer, _chunks(answer, slow_for), part, meter)
                return
    with client.download(address, {}) as answer:
        _store_from_start(client, answer, _chunks(answer, slow_for), part, meter)


def _store_from_start(client: Client, answer: Download, chunks: Iterator[bytes], part: PartFile, meter: Meter) -> None:
    if answer.status != 200:
        raise ServerTrouble(f"{shown(answer.address)} answers {answer.status} when asked for the whole file")
    start = _begun(b"", chunks, len(ZIP_STARTS[0]))
    if not start.startswith(ZIP_STARTS):
        start = _begun(start, chunks, _MOST_ERROR)
        raise client.error_in(answer, start) or NoZip(f"{kind_of(start)} came in the place of {shown(answer.address)}")
    part.restart(Remote.of(answer.status, answer.headers))
    part.make_room()
    part.write(start)
    _store(chunks, part, meter)


def _store(chunks: Iterator[bytes], part: PartFile, meter: Meter) -> None:
    part.make_room()
    length = part.remote.length
    meter(part.length, length)
    for chunk in chunks:
        part.write(chunk)
        meter(part.length, length)
    if length is not None and part.length != length:
        raise ServerSilent(f"at {part.length} of {length} bytes")


def _begun(start: bytes, chunks: Iterator[bytes], length: int) -> bytes:
    """Return `start` with what follows, until it has this length or nothing more comes."""
    while len(start) < length and (chunk := next(chunks, b"")):
        start += chunk
    return start


def _chunks(answer: Download, slow_for: float) -> Iterator[bytes]:
    """Yield what comes; raise PepsError if less than SLOWEST did in so many seconds, ServerSilent if it was cut."""
    begun, came = time.monotonic(), 0
    while True:
        chunk, cut = b"", None
        try:
            chunk = next(answer.chunks, b"")
        except ServerTrouble as error:
            cut = error
        came += len(chunk)
        if (seconds := time.monotonic() - begun) >= slow_for and (chunk or cut):
            if came < SLOWEST * seconds:
                raise PepsError(
                    f"{shown(answer.address)} sends less than {size(SLOWEST)} a second: broken off; what came is kept,"
                    " the next run goes on there",
                    Status.TRY_LATER,
                )
            begun, came = time.monotonic(), 0
        if cut:
            raise ServerSilent(str(cut)) from cut
        if not chunk:
            return
        yield chunk
