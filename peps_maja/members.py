"""The members of a zip, proven while their bytes come by, so that they need not be read again at the end.

What is followed is what packers write who can go back in their file: members one behind the other, stored or
deflated, with sizes and checksum before the bytes (APPNOTE.TXT, 4.3.7). What else there is stays unproven, and so
does what comes from a server that has gone mad. Touches nothing.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from struct import Struct
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipInfo

# Signature, flags, method, checksum, packed size, size, length of the name, length of what comes behind the name.
_HEADER = Struct("<4s2xHH4xIIIHH")
_SIGNATURE = b"PK\x03\x04"
_IN_UTF_8 = 0x800
_FOLLOWED_FLAGS = _IN_UTF_8 | 0b110  # the other two tell how hard the packer tried
_TOLD_ELSEWHERE = 2**32 - 1  # stands in the place of a size (zip64)
_MOST_MEMBERS = 10_000  # an L2A product has about 60
LARGEST_CONTENT = 100_000_000_000  # bytes that a zip may unfold to; an L2A product has 2 to 4 GB
PIECE = 1024 * 1024  # bytes that are unpacked at once


@dataclass(frozen=True)
class Member:
    """Where a member lies in a zip, and what its header says: `packed` and `size` are bytes, `crc` its checksum."""

    offset: int
    name: bytes
    flags: int
    method: int
    packed: int
    size: int
    crc: int

    @classmethod
    def listed(cls, entry: ZipInfo) -> Member:
        """Return what the directory at the end of a zip says of a member."""
        name = entry.orig_filename.encode("utf-8" if entry.flag_bits & _IN_UTF_8 else "cp437")
        said = entry.flag_bits, entry.compress_type, entry.compress_size, entry.file_size, entry.CRC
        return cls(entry.header_offset, name, *said)


class PassingMembers:
    """Follows a zip, and keeps in `sound` its members up to the first whose bytes are not what its header says.

    It begins `offset` bytes behind the start of the zip, and finds nothing if that is in the middle of a member.
    """

    def __init__(self, offset: int = 0) -> None:
        self.sound: set[Member] = set()
        self._following = self._follow(offset)
        next(self._following)

    def pass_by(self, chunk: bytes) -> None:
        """Take the next bytes of the zip."""
        self._following.send(chunk)

    def _follow(self, offset: int) -> Generator[None, bytes, None]:
        yield from self._follow_members(offset)
        while True:
            yield  # what comes behind them is let pass

    def _follow_members(self, offset: int) -> Generator[None, bytes, None]:
        came = b""
        claimed = 0
        for _ in range(_MOST_MEMBERS):
            while len(came) < _HEADER.size:
                came += yield
            signature, flags, method, crc, packed, size, name_length, more_length = _HEADER.unpack_from(came)
            claimed += size
            is_plain = flags | _FOLLOWED_FLAGS == _FOLLOWED_FLAGS and _TOLD_ELSEWHERE not in {packed, size}
            if signature != _SIGNATURE or not is_plain or method not in _CONTENTS or claimed > LARGEST_CONTENT:
                return
            start = _HEADER.size + name_length + more_length
            while len(came) < start:
                came += yield
            name, came = came[_HEADER.size : _HEADER.size + name_length], came[start:]
            content = _CONTENTS[method]()
            left = packed
            while len(came) < left and content.size <= size:
                content.take(came)
                left -= len(came)
                came = yield
            content.take(came[:left])
            if not content.is_whole or (content.size, content.crc) != (size, crc):
                return
            self.sound.add(Member(offset, name, flags, method, packed, size, crc))
            came = came[left:]
            offset += start + packed


class _Stored:
    """What a member holds: how many bytes, and with which checksum."""

    def __init__(self) -> None:
        self.size = self.crc = 0

    @property
    def is_whole(self) -> bool:
        return True

    def take(self, content: bytes) -> None:
        self.size += len(content)
        self.crc = zlib.crc32(content, self.crc)


class _Deflated(_Stored):
    """The same of a member that is packed; whole if its stream ends where the member does."""

    def __init__(self) -> None:
        super().__init__()
        self._unpacker = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def is_whole(self) -> bool:
        return self._unpacker.eof and not self._unpacker.unused_data

    def take(self, content: bytes) -> None:
        with suppress(zlib.error):
            piece = self._unpacker.decompress(content, PIECE)
            super().take(piece)
            while len(piece) == PIECE:  # there may be more: what unpacks to zeros is a thousand times as long
                piece = self._unpacker.decompress(self._unpacker.unconsumed_tail, PIECE)
                super().take(piece)


_CONTENTS = {ZIP_STORED: _Stored, ZIP_DEFLATED: _Deflated}
