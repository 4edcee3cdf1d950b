"""From a result's address to a complete, valid zip under its final name, and never anything less under that name."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path

from peps_maja.console import Meter
from peps_maja.disk import sync_folder
from peps_maja.downloads.partfile import PartFile, Remote, part_of, plainly
from peps_maja.downloads.service import Wanted
from peps_maja.downloads.zips import ZIP_STARTS, Belongs, check_zip, md5_of
from peps_maja.errors import (
    Broken,
    CredentialsError,
    Forbidden,
    NotThere,
    PepsError,
    QuotaReached,
    ServerBusy,
    ServerSilent,
    ServerTrouble,
    Status,
)
from peps_maja.network.addresses import shown
from peps_maja.network.answers import Download
from peps_maja.network.client import TRIES, Client
from peps_maja.network.connections import within
from peps_maja.network.documents import kind_of
from peps_maja.text import counted, size

# Begins the reason of a broken result that did not even come as a whole zip, and so is tried again at every run.
NO_WHOLE_ZIP = "no whole zip:"
SLOWEST = 1000  # bytes a second; a transfer that brings less for as long as this is broken off
SLOW_FOR = 300.0  # seconds, or ten read time-outs if that is less
_MOST_ERROR = 10_000  # bytes of what came instead of a zip that are looked at
Transfer = Callable[[Path], AbstractContextManager[Meter]]  # holds the line while a file comes, and shows it


@dataclass(frozen=True)
class Fetched:
    """A result that is there: its file, and the size in bytes that it had when it got its name."""

    path: Path
    size: int


class _TooSlow(PepsError):
    """A transfer that would not end in any reasonable time."""

    status = Status.TRY_LATER


class _BrokenOff(PepsError):
    """A download ended before its end; `silently` if bytes just stopped coming."""

    def __init__(self, message: str, *, silently: bool) -> None:
        super().__init__(message)
        self.silently = silently


def fetch(client: Client, wanted: Wanted, folder: Path, transfer: Transfer) -> Fetched:
    """Bring a result to `folder`, unless it is there already; file and name are on disk then.

    Raises NotThere or Broken if the result cannot be fetched, DiskFull, AlreadyRunning if another run is at it,
    ServerTrouble, ServerBusy or ServerAway if the rest may come later, and CredentialsError.
    """
    for name in wanted.names:
        final = folder / name
        with part_of(final) as part:  # also while looking at what is there: nobody else can put a file there then
            size = _complete_size(final, (lambda _: True) if wanted.md5 else wanted.belongs)
            if size is not None and _is_the_same(client, wanted, final, size):
                return Fetched(final, size)
            if size is None or name == wanted.names[-1]:
                return Fetched(final, _fetch_part(client, wanted, part, transfer))
    raise ValueError("a result has one name at least")


def _complete_size(final: Path, belongs: Belongs) -> int | None:
    """Return the size of the complete, valid zip that is there already, or None; it and its name are on disk then."""
    with plainly("read", final), suppress(FileNotFoundError, Broken), final.open("rb") as file:
        check_zip(file, belongs)
        os.fsync(file.fileno())  # the run that has renamed it may have been killed before it could
        sync_folder(final.parent)
        return os.fstat(file.fileno()).st_size
    return None


def _is_the_same(client: Client, wanted: Wanted, final: Path, length: int) -> bool:
    """Return True if the complete zip at `final` is the result wanted, and not another part or another processing."""
    if wanted.md5:
        with plainly("read", final), final.open("rb") as file:
            return md5_of(file) == wanted.md5
    return (wanted.size or _length_on_server(client, wanted.address)) in {None, length}


def _length_on_server(client: Client, address: str) -> int | None:
    """Return how long the file on the server is, without fetching it; None if the server does not say."""
    for method in ("HEAD", "GET"):  # not every server knows the first
        try:
            with client.download(address, {"Range": "bytes=0-0"} if method == "GET" else {}, method) as answer:
                return Remote.of(answer.status, answer.headers).length
        except (NotThere, Forbidden):
            return None
        except ServerTrouble:
            if method == "GET":
                raise
    return None


def _fetch_part(client: Client, wanted: Wanted, part: PartFile, transfer: Transfer) -> int:
    may_continue = True
    while True:
        with transfer(part.final) as meter:
            _receive_patiently(client, wanted.address, part, meter, may_continue=may_continue)
        try:
            _check(part, wanted)
        except Broken:
            if not part.was_continued:
                part.drop()
                raise
            # Another file's beginning, or a server that sends any bytes for the rest: once from the start.
            may_continue = False
            part.restart(Remote())
        else:
            return part.publish()


def _check(part: PartFile, wanted: Wanted) -> None:
    """Raise Broken unless what came is what was wanted."""
    if wanted.size not in {None, part.length}:
        raise Broken(f"it has {part.length} bytes and should have {wanted.size}")
    with plainly("read", part.path), part.content() as file:
        check_zip(file, wanted.belongs)
        if wanted.md5 and md5_of(file) != wanted.md5:
            raise Broken(f"its MD5 is not {wanted.md5}, as it should be")


def _receive_patiently(client: Client, address: str, part: PartFile, meter: Meter, *, may_continue: bool) -> None:
    """Receive what is missing of `part`; a connection that breaks is taken up again, three times in all."""
    ends: set[int | None] = set()
    for again_after in (0.5, 1.0, None):
        meter(part.length, part.remote.length)
        try:
            return _receive(client, address, part, meter, may_continue=may_continue)
        except (NotThere, Forbidden) as error:
            raise NotThere(str(error)) from error
        except _BrokenOff as error:
            ends.add(None if error.silently else part.length)
            if again_after is None:
                if len(ends) == 1 and None not in ends:
                    raise Broken(f"{NO_WHOLE_ZIP} {counted(TRIES, 'time')} cut short, {error}") from error
                raise ServerTrouble(f"{error}; {size(part.length)} are kept, the next run goes on there") from error
            time.sleep(again_after)
    return None


def _receive(client: Client, address: str, part: PartFile, meter: Meter, *, may_continue: bool) -> None:
    """Receive once: the rest if the remote file is still the one that the part is of, else the whole."""
    slow_for = min(SLOW_FOR, 10 * client.read_timeout)
    if part.length and may_continue:
        condition = {"If-Range": part.remote.validator} if part.remote.validator else {}
        from_there = {"Range": f"bytes={part.length}-"} | condition
        # Some servers answer 500 to any Range.
        with suppress(ServerTrouble), client.download(address, from_there) as answer:
            remote = Remote.of(answer.status, answer.headers)
            if answer.status == 416 and remote.length == part.length and part.remote.may_be(remote):
                return
            if answer.status == 206 and _goes_on_at(part.length, answer) and part.remote.may_be(remote):
                part.was_continued = True
                _store(_chunks(answer, slow_for), remote, part, meter)
                return
            if answer.status == 200:
                _store_from_start(client, answer, _chunks(answer, slow_for), part, meter)
                return
    with client.download(address, {}) as answer:
        _store_from_start(client, answer, _chunks(answer, slow_for), part, meter)


def _goes_on_at(offset: int, answer: Download) -> bool:
    return re.match(rf"bytes {offset}-", answer.headers.get("Content-Range", "")) is not None


def _store_from_start(client: Client, answer: Download, chunks: Iterator[bytes], part: PartFile, meter: Meter) -> None:
    if answer.status != 200:
        raise Broken(f"{NO_WHOLE_ZIP} the server answers {answer.status} when asked for the whole file")
    start = _begun(b"", chunks, len(ZIP_STARTS[0]))
    if not start.startswith(ZIP_STARTS):
        start = _begun(start, chunks, _MOST_ERROR)
        error = client.error_in(answer, start)
        if isinstance(error, (CredentialsError, Forbidden, NotThere, QuotaReached, ServerBusy)):
            raise error
        raise Broken(f"{NO_WHOLE_ZIP} {error or kind_of(start)} came instead")
    remote = Remote.of(answer.status, answer.headers)
    part.restart(remote)
    part.make_room(remote, len(start))
    part.write(start)
    _store(chunks, remote, part, meter)


def _store(chunks: Iterator[bytes], remote: Remote, part: PartFile, meter: Meter) -> None:
    part.make_room(remote)
    meter(part.length, remote.length)
    for chunk in chunks:
        if remote.length is None:
            part.make_room(remote, len(chunk))
        part.write(chunk)
        meter(part.length, remote.length)
    if remote.length is not None and part.length != remote.length:
        raise _BrokenOff(f"at {part.length} of {remote.length} bytes", silently=False)


def _begun(start: bytes, chunks: Iterator[bytes], length: int) -> bytes:
    """Return `start` with what follows, until it has this length or nothing more comes."""
    while len(start) < length and (chunk := next(chunks, b"")):
        start += chunk
    return start


def _chunks(answer: Download, slow_for: float) -> Iterator[bytes]:
    """Yield what comes; raise _TooSlow if less than SLOWEST did in so many seconds, _BrokenOff if it ends too early."""
    begun, came = time.monotonic(), 0
    while True:
        chunk, error = b"", None
        try:
            with within(slow_for):
                chunk = next(answer.chunks, b"")
        except ServerTrouble as trouble:
            error = trouble
        came += len(chunk)
        if (seconds := time.monotonic() - begun) >= slow_for and (chunk or error):
            if came < SLOWEST * seconds:
                raise _TooSlow(
                    f"{shown(answer.address)} sends less than {size(SLOWEST)} a second: broken off; what came is kept,"
                    " the next run goes on there"
                )
            begun, came = time.monotonic(), 0
        if error:
            raise _BrokenOff(str(error), silently=isinstance(error, ServerSilent)) from error
        if not chunk:
            return
        yield chunk
