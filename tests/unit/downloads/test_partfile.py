"""The part of a zip: kept, locked, continued, and given its final name when whole."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peps_maja.disk import lock
from peps_maja.downloads.partfile import Remote, part_of
from peps_maja.errors import DiskFull, LogError, PepsError, Status

NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"
REMOTE = Remote(1000, '"abc"', "Tue, 02 Apr 2019 11:30:01 GMT")
OTHER = Remote(2000, '"def"', "Wed, 03 Apr 2019 11:30:01 GMT")

# Two files on a server, and whether they may be the same.
MAY_BE = {
    "the same": (REMOTE, REMOTE, True),
    "nothing known of one": (REMOTE, Remote(), True),
    "only the length known": (REMOTE, Remote(1000), True),
    "no length": (REMOTE, Remote(None, '"abc"'), True),
    "all": (REMOTE, OTHER, False),
    "length": (REMOTE, Remote(1001, '"abc"', REMOTE.modified), False),
    "entity tag": (REMOTE, Remote(1000, '"def"', REMOTE.modified), False),
    "weak entity tag": (Remote(1000, 'W/"abc"'), Remote(1000, 'W/"def"'), False),
    "date": (REMOTE, Remote(1000, '"abc"', OTHER.modified), False),
}
VALIDATORS = {
    "entity tag first": (REMOTE, '"abc"'),
    "date": (Remote(1000, "", REMOTE.modified), REMOTE.modified),
    "no weak entity tag": (Remote(1000, 'W/"abc"', REMOTE.modified), REMOTE.modified),
    "nothing but a weak one": (Remote(1000, 'W/"abc"'), ""),
    "length alone": (Remote(1000), ""),
}
NO_SIDECARS = {
    "nothing": b"",
    "cut short": b'{"length": 10',
    "no object": b"[1, 2, 3]",
    "fields missing": b'{"length": 1000}',
    "no UTF-8": b'{"length": 1000, "etag": "\xff", "modified": ""}',
    "text for a length": b'{"length": "long", "etag": "", "modified": ""}',
    "null for a date": b'{"length": 1000, "etag": "", "modified": null}',
    "too deep": b"[" * 100_000,
}


@pytest.fixture
def final(tmp_path: Path) -> Path:
    return tmp_path / NAME


def part_path(final: Path) -> Path:
    return final.with_name(final.name + ".part")


def sidecar(final: Path) -> Path:
    return final.with_name(final.name + ".part.json")


def names(final: Path) -> list[str]:
    return sorted(path.name.removeprefix(NAME) for path in final.parent.iterdir())


def leave(final: Path, content: bytes, remote: Remote = REMOTE) -> None:
    """Leave a part as a run that broke off does."""
    with part_of(final) as part:
        part.restart(remote)
        part.write(content)


def refuse_with(number: int) -> Callable[..., NoReturn]:
    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return refuse


# -- from first byte to final name ------------------------------------------------------------------------------


def test_a_part_is_kept_for_the_next_run_and_gets_its_final_name_when_it_is_published(final: Path) -> None:
    final.write_bytes(b"old and broken")
    leave(final, b"first ")
    assert names(final) == ["", ".part", ".part.json"]
    with part_of(final) as part:
        assert (part.length, part.remote) == (6, REMOTE)
        part.write(b"second")
        assert (final.read_bytes(), part.path.read_bytes()) == (b"old and broken", b"first second")
        assert part.publish() == 12
    assert final.read_bytes() == b"first second"
    assert names(final) == [""]


def test_from_the_start_again_with_another_file(final: Path) -> None:
    leave(final, b"a long beginning")
    leave(final, b"short", OTHER)
    assert part_path(final).read_bytes() == b"short"
    with part_of(final) as part:
        assert (part.length, part.remote) == (5, OTHER)
        part.drop()
    assert names(final) == []


def test_a_part_without_a_byte_leaves_nothing(final: Path) -> None:
    with part_of(final) as part:
        part.restart(REMOTE)
        assert names(final) == [".part", ".part.json"]
    assert names(final) == []


# -- which file it is of ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("remote", "another", "may_be"), MAY_BE.values(), ids=MAY_BE)
def test_another_length_tag_or_date_is_another_file(remote: Remote, another: Remote, *, may_be: bool) -> None:
    assert (remote.may_be(another), another.may_be(remote)) == (may_be, may_be)


@pytest.mark.parametrize(("remote", "validator"), VALIDATORS.values(), ids=VALIDATORS)
def test_a_condition_carries_what_http_lets_it_carry(remote: Remote, validator: str) -> None:
    assert remote.validator == validator


def test_a_length_of_thousands_of_digits_is_a_very_long_one() -> None:
    length = Remote.of(200, {"Content-Length": "9" * 5000}).length
    assert length
    assert length > 10**18


@pytest.mark.parametrize("content", NO_SIDECARS.values(), ids=NO_SIDECARS)
def test_a_part_with_a_damaged_note_beside_it_is_of_an_unknown_file(final: Path, content: bytes) -> None:
    leave(final, b"kept")
    sidecar(final).write_bytes(content)
    with part_of(final) as part:
        assert (part.length, part.remote) == (4, Remote())


@given(st.binary())
def test_any_bytes_may_be_the_note(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    final = tmp_path_factory.getbasetemp() / NAME
    part_path(final).write_bytes(b"kept")
    sidecar(final).write_bytes(content)
    with part_of(final) as part:
        assert part.remote.may_be(REMOTE)


@given(st.builds(Remote, st.none() | st.integers(0, 10**6), st.text(), st.text()))
def test_what_a_part_is_of_is_known_to_the_next_run(tmp_path_factory: pytest.TempPathFactory, remote: Remote) -> None:
    final = tmp_path_factory.getbasetemp() / NAME
    leave(final, b"kept", remote)
    with part_of(final) as part:
        assert part.remote == remote


# -- other runs -------------------------------------------------------------------------------------------------


def test_a_part_that_was_just_given_its_final_name_is_not_written_to(
    final: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(final, b"whole")
    tried: list[Path] = []

    def lock_late(descriptor: int, path: Path) -> bool:
        """Lock, but after another run has published what this one has just opened."""
        if not tried:
            path.rename(final)
        tried.append(path)
        return lock(descriptor, path)

    monkeypatch.setattr("peps_maja.downloads.partfile.lock", lock_late)
    with part_of(final) as part:
        assert part.length == 0
        part.restart(OTHER)
        part.write(b"another")
    assert len(tried) == 2
    assert final.read_bytes() == b"whole"
    assert part_path(final).read_bytes() == b"another"


def test_without_locks_nothing_is_downloaded_and_the_path_is_named(
    final: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fcntl, "flock", refuse_with(errno.ENOLCK))
    with pytest.raises(LogError, match=NAME) as error, part_of(final):
        pytest.fail("there is no lock, and yet it is held")
    assert error.value.status is Status.UNUSABLE


def test_a_part_that_was_removed_leaves_that_of_another_run_alone(final: Path) -> None:
    with part_of(final) as part:
        part.restart(REMOTE)
        part.write(b"ours")
        part_path(final).unlink()
        with part_of(final) as other:
            other.restart(OTHER)
            other.write(b"theirs")
            with part.content() as file:
                assert file.read() == b"ours"
            with pytest.raises(PepsError, match="removed"):
                part.publish()
            part.drop()
    assert part_path(final).read_bytes() == b"theirs"
    assert not final.exists()
    with part_of(final) as part:
        assert part.remote == OTHER


# -- no room ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG], ids=errno.errorcode.get)
def test_a_disk_or_quota_without_any_room_is_told(final: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "pwrite", refuse_with(number))
    with pytest.raises(DiskFull, match=os.strerror(number)), part_of(final) as part:
        part.write(b"a")


def test_room_is_needed_for_what_is_still_to_come(final: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with part_of(final) as part:
        part.restart(REMOTE)
        part.write(b"kept")
        # A file system that tells 0 for both tells nothing, and is not full.
        for total, free, is_enough in ((10**12, 996, True), (10**12, 995, False), (0, 0, True)):
            disk = SimpleNamespace(total=total, free=free)
            monkeypatch.setattr("shutil.disk_usage", lambda _, disk=disk: disk)
            with nullcontext() if is_enough else pytest.raises(DiskFull, match=NAME):
                part.expect(REMOTE)
    assert part_path(final).read_bytes() == b"kept"


def test_a_part_that_cannot_be_made_is_an_error_that_names_it(final: Path) -> None:
    with pytest.raises(PepsError, match=NAME), part_of(final.parent / "missing" / NAME):
        pytest.fail("there is no such folder")


@pytest.mark.parametrize("suffix", [".part", ".part.json"])
@pytest.mark.parametrize("odd", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_what_is_not_a_regular_file_is_an_error_that_names_it(
    final: Path, odd: Callable[[Path], None], suffix: str
) -> None:
    path = final.with_name(f"{NAME}{suffix}")
    odd(path)
    with pytest.raises(PepsError, match=f"{path} is a link, folder, pipe or device"), part_of(final) as part:
        part.restart(REMOTE)
