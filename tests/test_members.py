"""Zips that are checked while they come: what is proven then is what the whole zip would show afterwards."""

from __future__ import annotations

import io
import zipfile
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
    assert sound_in(content.replace(b"aaa", b"aab", 1)) == {second}


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
