"""The members of a zip, proven while their bytes come by: nothing is read again, and nobody waits at the end.

What is followed is what packers write who can go back in their file: members one behind the other, stored or
deflated, with sizes and checksum before the bytes (APPNOTE.TXT, 4.3.7). What else there is stays unproven. Touches
nothing.
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
_MOST = 2**32 - 1  # stands for a size that is told elsewhere (zip64)
_PIECE = 1024 * 1024  # bytes that are unpacked at once


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
    """Follows a zip, and keeps in `sound` the members whose bytes are what their headers say.

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
            yield  # what comes behind them is not followed

    def _follow_members(self, offset: int) -> Generator[None, bytes, None]:
        came = b""
        while True:
            while len(came) < _HEADER.size:
                came += yield
            signature, flags, method, crc, packed, size, *lengths = _HEADER.unpack_from(came)
            is_plain = flags | _FOLLOWED_FLAGS == _FOLLOWED_FLAGS and _MOST not in {packed, size}
            if signature != _SIGNATURE or not is_plain or method not in {ZIP_STORED, ZIP_DEFLATED}:
                return
            start = _HEADER.size + sum(lengths)
            while len(came) < start:
                came += yield
            name, came = came[_HEADER.size : _HEADER.size + lengths[0]], came[start:]
            content = _Content(is_deflated=method == ZIP_DEFLATED)
            left = packed
            while len(came) < left:
                content.take(came)
                left -= len(came)
                came = yield
            content.take(came[:left])
            came = came[left:]
            if (content.size, content.crc) == (size, crc):
                self.sound.add(Member(offset, name, flags, method, packed, size, crc))
            offset += start + packed


class _Content:
    """What a member unpacks to: how much, and with which checksum. Damaged bytes unpack to nothing."""

    def __init__(self, *, is_deflated: bool) -> None:
        self.size = self.crc = 0
        self._unpacker = zlib.decompressobj(-zlib.MAX_WBITS) if is_deflated else None

    def take(self, packed: bytes) -> None:
        if self._unpacker is None:
            self._count(packed)
            return
        with suppress(zlib.error):
            while packed:
                # What unpacks to zeros may be a thousand times as long.
                self._count(self._unpacker.decompress(packed, _PIECE))
                packed = self._unpacker.unconsumed_tail

    def _count(self, content: bytes) -> None:
        self.size += len(content)
        self.crc = zlib.crc32(content, self.crc)
