"""Zips that are checked while they come: what is proven then is what the whole zip would show afterwards."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peps_maja.members import Member, PassingMembers
from peps_maja.zips import Broken, check_zip

FOLDER = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"
FOLLOWED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
thorough = settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))

contents = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([b"", bytes(1_300_000), bytes(range(256)) * 300]),
)
members = st.lists(
    st.tuples(
        st.sampled_from(["a.tif", "é.tif", "MASKS/", "MASKS/CLM_R1.tif", "a.tif"]),
        contents,
        st.sampled_from([*FOLLOWED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]),
    ),
    min_size=1,
    max_size=5,
)


class _Pipe(io.BytesIO):
    """A file in which a packer cannot go back."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation


def packed(entries: list[tuple[str, bytes, int]], file: io.BytesIO) -> bytes:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content, method in entries:
            archive.writestr(f"{FOLDER}/{name}", content, method)
    return file.getvalue()


def listed(content: bytes) -> list[zipfile.ZipInfo]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.infolist()


def in_pieces(content: bytes, length: int) -> Iterator[bytes]:
    return (content[at : at + length] for at in range(0, len(content), length))


def sound_in(content: bytes, length: int = 1000) -> set[Member]:
    passing = PassingMembers()
    for piece in in_pieces(content, length):
        passing.pass_by(piece)
    return passing.sound


def outcome(path: Path, sound: set[Member]) -> str:
    try:
        check_zip(path, f"{FOLDER}.zip", lambda _: True, sound)
    except Broken as error:
        return str(error)
    return "sound"


@pytest.mark.filterwarnings("ignore:Duplicate name")
@thorough
@given(members, st.sampled_from([1, 7, 29, 31, 1000, 16 * 1024, 10_000_000]))
def test_members_are_proven_up_to_the_first_that_cannot_be_followed(
    entries: list[tuple[str, bytes, int]], length: int
) -> None:
    entries = [entry for entry in entries if length >= 1000 or len(entry[1]) < 1000]
    content = packed(entries, io.BytesIO())
    every = [Member.listed(entry) for entry in listed(content)]
    followed = next((at for at, (_, _, method) in enumerate(entries) if method not in FOLLOWED), len(entries))
    assert sound_in(content, length) == set(every[:followed])


@pytest.mark.filterwarnings("ignore:Duplicate name")
@thorough
@given(entries=members, can_go_back=st.booleans(), data=st.data())
def test_what_passed_by_changes_no_verdict(
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[tuple[str, bytes, int]],
    *,
    can_go_back: bool,
    data: st.DataObject,
) -> None:
    content = bytearray(packed(entries, io.BytesIO() if can_go_back else _Pipe()))
    headers = [at for at in range(len(content)) if content[at : at + 2] == b"PK"]
    near_headers = st.builds(
        lambda at, by: min(at + by, len(content) - 1), st.sampled_from(headers), st.integers(0, 60)
    )
    for at in data.draw(st.lists(near_headers | st.integers(0, len(content) - 1), max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "passing.zip"
    path.write_bytes(content)
    assert outcome(path, sound_in(bytes(content))) == outcome(path, set())


def test_a_member_that_came_otherwise_is_not_proven() -> None:
    content = packed([("a.tif", b"a" * 5000, zipfile.ZIP_STORED), ("b.tif", b"b", zipfile.ZIP_STORED)], io.BytesIO())
    first, second = (Member.listed(entry) for entry in listed(content))
    assert sound_in(content) == {first, second}
    assert sound_in(content.replace(b"aaa", b"aab", 1)) == set()
    assert sound_in(content.replace(b"b.tifb", b"b.tifc", 1)) == {first}


@pytest.mark.parametrize("length", [1024 * 1024 + more for more in (-1, 0, 1, 5, 195)])
def test_zeros_that_fill_a_piece_just_so_are_proven(length: int) -> None:
    content = packed([("a.tif", bytes(length), zipfile.ZIP_DEFLATED)], io.BytesIO())
    assert sound_in(content) == {Member.listed(entry) for entry in listed(content)}


def header(packed: int, size: int, crc: int, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    entry = zipfile.ZipInfo(f"{FOLDER}/a.tif")
    entry.compress_type, entry.compress_size, entry.file_size, entry.CRC = method, packed, size, crc
    return entry.FileHeader()


@pytest.mark.parametrize(
    ("behind", "proven"),
    [(b"\x03\x00", 1), (b"\x07", 0), (b"\x03\x00more", 0), (b"", 0)],
    ids=["its end", "damage", "more than its end", "no end"],
)
def test_a_stream_is_proven_if_it_ends_where_the_member_does(behind: bytes, proven: int) -> None:
    content = b"a" * 5000
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    stream = packer.compress(content) + packer.flush(zlib.Z_SYNC_FLUSH) + behind
    whole = header(len(stream), len(content), zlib.crc32(content)) + stream
    for length in range(1, len(whole)):
        assert len(sound_in(whole, length)) == proven, length


def test_a_server_gone_mad_costs_neither_time_nor_memory() -> None:
    assert len(sound_in(header(0, 0, 0, zipfile.ZIP_STORED) * 20_000)) == 10_000
    bomb = zlib.compress(bytes(100_000_000), wbits=-zlib.MAX_WBITS)
    passing = PassingMembers()
    for claim in (header(1000 * len(bomb), 10, 0), header(1000 * len(bomb), 2**32 - 2, 0) * 1000):
        passing.pass_by(claim)
        for _ in range(1000):  # 100 GB if all of it were unpacked
            passing.pass_by(bomb)
    assert passing.sound == set()


def test_what_begins_in_the_middle_is_told_where() -> None:
    content = packed([("a.tif", b"a" * 50, zipfile.ZIP_STORED), ("b.tif", b"b", zipfile.ZIP_STORED)], io.BytesIO())
    _, second = (Member.listed(entry) for entry in listed(content))
    passing = PassingMembers(second.offset)
    passing.pass_by(content[second.offset :])
    assert passing.sound == {second}
    passing = PassingMembers(second.offset - 5)
    passing.pass_by(content[second.offset - 5 :])
    assert passing.sound == set()


def test_a_zip_with_sizes_behind_the_bytes_is_left_to_the_check_of_the_whole(tmp_path: Path) -> None:
    content = packed([("a.tif", b"a" * 5000, zipfile.ZIP_DEFLATED)], _Pipe())
    assert sound_in(content) == set()
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    assert outcome(path, set()) == "sound"
