"""From a result's address to a whole, sound zip under its final name, and nothing less under that name ever."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from .client import TRIES, Client, Download, error_at_start
from .documents import kind_of
from .errors import (
    AccountRefused,
    Forbidden,
    NotPeps,
    NotReady,
    NotThere,
    PepsError,
    QuotaReached,
    ServerSilent,
    ServerTrouble,
)
from .partfile import PartFile, Remote, part_of
from .text import counted, size
from .zips import ZIP_STARTS, Belongs, Broken, check_zip

# Begins the reason of a broken result that did not even come as a whole zip, and so is tried again at every run.
NO_WHOLE_ZIP = "no whole zip:"


class Absent(PepsError):
    """The server does not have this result."""


class Meter(Protocol):
    """Shows how a download goes on: told the bytes that are there, and how many it will be if that is known."""

    def __call__(self, there: int, total: int | None, /) -> None:
        """Show it."""


class _BrokenOff(ServerTrouble):
    """A download ended before its end; `silently` if bytes just stopped coming."""

    def __init__(self, message: str, *, silently: bool) -> None:
        super().__init__(message)
        self.silently = silently


def fetch(client: Client, address: str, final: Path, belongs: Belongs, meter: Meter) -> int:
    """Bring the result at `address` to `final`, and return its size in bytes; file and name are on disk then.

    Raises Absent or Broken if the result cannot be had so, DiskFull, AlreadyRunning if another run is at it,
    ServerTrouble, ServerBusy or ServerAway if the rest may come later, and AccountRefused.
    """
    with part_of(final) as part:
        continued = part.length > 0
        while True:
            _receive_patiently(client, address, part, meter)
            try:
                check_zip(part.path, final.name, belongs, part.members.sound)
            except Broken:
                if not continued:
                    part.drop()
                    raise
                # What an earlier run, or a crash of the machine, left there may be to blame: once from the start.
                continued = False
                part.restart(Remote())
            else:
                return part.publish()


def _receive_patiently(client: Client, address: str, part: PartFile, meter: Meter) -> None:
    """Receive what is missing of `part`; a connection that breaks is taken up again, three times in all."""
    ends: set[int | None] = set()
    for again_after in (0.5, 1.0, None):
        try:
            return _receive(client, address, part, meter)
        except (NotThere, Forbidden) as error:
            raise Absent(str(error)) from error
        except NotPeps as error:
            raise Broken(f"{NO_WHOLE_ZIP} {error}") from error
        except _BrokenOff as error:
            ends.add(None if error.silently else part.length)
            if again_after is None:
                if len(ends) == 1 and None not in ends:
                    raise Broken(f"{NO_WHOLE_ZIP} {counted(TRIES, 'time')} cut short, {error}") from error
                raise ServerTrouble(f"{error}; {size(part.length)} are kept, the next run goes on there") from error
            time.sleep(again_after)
    return None


def _receive(client: Client, address: str, part: PartFile, meter: Meter) -> None:
    """Receive once: the rest if the remote file is still the one that the part is of, else the whole."""
    if part.length:
        condition = {"If-Range": part.remote.validator} if part.remote.validator else {}
        with client.download(address, {"Range": f"bytes={part.length}-"} | condition) as answer:
            remote = _remote(answer)
            if answer.status == 416 and remote.length == part.length and part.remote.may_be(remote):
                return
            if answer.status == 206 and _goes_on_at(part.length, answer) and part.remote.may_be(remote):
                _store(_chunks(answer), remote, part, meter)
                return
            if answer.status == 200:
                _store_from_start(answer, part, meter)
                return
    with client.download(address, {}) as answer:
        _store_from_start(answer, part, meter)


def _remote(answer: Download) -> Remote:
    """Return which file an answer is of (a 206 or 416 names the whole length in Content-Range)."""
    length = answer.headers.get("Content-Length" if answer.status == 200 else "Content-Range", "").rpartition("/")[2]
    is_plain = answer.headers.get("Content-Encoding", "identity") == "identity"
    return Remote(
        length=int(length) if length.isdecimal() and is_plain else None,
        etag=answer.headers.get("ETag", ""),
        modified=answer.headers.get("Last-Modified", ""),
    )


def _goes_on_at(offset: int, answer: Download) -> bool:
    return re.match(rf"bytes {offset}-", answer.headers.get("Content-Range", "")) is not None


def _store_from_start(answer: Download, part: PartFile, meter: Meter) -> None:
    if answer.status != 200:
        raise NotPeps(f"the server answers {answer.status} when asked for the whole file")
    chunks = _chunks(answer)
    start = b""
    while len(start) < len(ZIP_STARTS[0]) and (chunk := next(chunks, b"")):
        start += chunk
    if not start.startswith(ZIP_STARTS):
        error = error_at_start(answer, start)
        if isinstance(error, (AccountRefused, Forbidden, NotReady, NotThere, QuotaReached)):
            raise error
        raise Broken(f"{NO_WHOLE_ZIP} {error or kind_of(start)} came instead")
    remote = _remote(answer)
    part.restart(remote)
    part.make_room(remote)
    part.write(start)
    _store(chunks, remote, part, meter)


def _store(chunks: Iterator[bytes], remote: Remote, part: PartFile, meter: Meter) -> None:
    part.make_room(remote)
    meter(part.length, remote.length)
    for chunk in chunks:
        part.write(chunk)
        meter(part.length, remote.length)
    if remote.length is not None and part.length != remote.length:
        raise _BrokenOff(f"at {part.length} of {remote.length} bytes", silently=False)


def _chunks(answer: Download) -> Iterator[bytes]:
    try:
        yield from answer.chunks
    except ServerTrouble as error:
        raise _BrokenOff(str(error), silently=isinstance(error, ServerSilent)) from error
