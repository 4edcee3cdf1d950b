"""The part of a zip: kept, locked, continued, and given its final name when whole."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import NoReturn

import pytest
from helpers import holder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peps_maja.disk import lock
from peps_maja.downloads.partfile import Remote, part_of
from peps_maja.errors import DiskFull, LogError, PepsError, Status

NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"
REMOTE = Remote(1000, '"abc"', "Tue, 02 Apr 2019 11:30:01 GMT")
OTHER = Remote(2000, '"def"', "Wed, 03 Apr 2019 11:30:01 GMT")

HOLDER = """
import sys
from pathlib import Path
from peps_maja.downloads.partfile import Remote, part_of
with part_of(Path(sys.argv[1])) as part:
    part.restart(Remote(1000, '"abc"'))
    part.write(b"kept")
    print("held", flush=True)
    sys.stdin.readline()
    part.publish()
"""

SAME = {
    "the same": (REMOTE, REMOTE),
    "nothing known of one": (REMOTE, Remote()),
    "nothing known of either": (Remote(), Remote()),
    "only the length known": (REMOTE, Remote(1000)),
    "no length": (REMOTE, Remote(None, '"abc"')),
    "nothing in common": (Remote(1000), Remote(None, '"abc"')),
}
DIFFERENT = {
    "all": (REMOTE, OTHER),
    "length": (REMOTE, Remote(1001, '"abc"', REMOTE.modified)),
    "entity tag": (REMOTE, Remote(1000, '"def"', REMOTE.modified)),
    "weak entity tag": (Remote(1000, 'W/"abc"'), Remote(1000, 'W/"def"')),
    "date": (REMOTE, Remote(1000, '"abc"', OTHER.modified)),
    "date alone": (Remote(None, "", REMOTE.modified), Remote(1000, '"abc"', OTHER.modified)),
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
    "null": b"null",
    "fields missing": b'{"length": 1000}',
    "no UTF-8": b'{"length": 1000, "etag": "\xff", "modified": ""}',
    "nul bytes": bytes(80),
}
ODD_SIDECARS = {
    "text for a length": b'{"length": "long", "etag": "", "modified": ""}',
    "a number for a tag": b'{"length": 1000, "etag": 7, "modified": ""}',
    "null for a date": b'{"length": 1000, "etag": "", "modified": null}',
    "a list for a tag": b'{"length": 1000, "etag": ["a"], "modified": ""}',
    "too deep": b"[" * 100_000,
}

quick = settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


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


def break_off(final: Path, content: bytes) -> None:
    with part_of(final) as part:
        part.restart(REMOTE)
        part.write(content)
        raise ZeroDivisionError


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes: stands for a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


# -- from first byte to final name ------------------------------------------------------------------------------


def test_a_part_gets_its_final_name_when_it_is_published(final: Path) -> None:
    with part_of(final) as part:
        part.restart(REMOTE)
        part.write(b"first ")
        part.write(b"second")
        assert not final.exists()
        assert part.path.read_bytes() == b"first second"
        assert part.publish() == 12
    assert final.read_bytes() == b"first second"
    assert names(final) == [""]


def test_a_part_is_kept_for_the_next_run_with_what_it_is_of(final: Path) -> None:
    leave(final, b"first ")
    assert names(final) == [".part", ".part.json"]
    with part_of(final) as part:
        assert (part.length, part.remote) == (6, REMOTE)
        part.write(b"second")
        assert part.publish() == 12
    assert final.read_bytes() == b"first second"
    assert names(final) == [""]


def test_an_error_keeps_what_came(final: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        break_off(final, b"kept")
    assert part_path(final).read_bytes() == b"kept"
    with part_of(final) as part:
        assert part.length == 4


def test_from_the_start_again_with_another_file(final: Path) -> None:
    leave(final, b"a long beginning")
    with part_of(final) as part:
        part.restart(OTHER)
        assert (part.length, part.remote) == (0, OTHER)
        part.write(b"short")
    assert part_path(final).read_bytes() == b"short"
    with part_of(final) as part:
        assert (part.length, part.remote) == (5, OTHER)


def test_what_is_dropped_leaves_nothing(final: Path) -> None:
    leave(final, b"worthless")
    with part_of(final) as part:
        part.drop()
    assert names(final) == []


def test_a_part_without_a_byte_leaves_nothing(final: Path) -> None:
    with part_of(final):
        pass
    assert names(final) == []
    with pytest.raises(ZeroDivisionError):
        break_off(final, b"")
    assert names(final) == []


def test_what_was_there_under_the_final_name_stays_until_the_new_one_is_whole(final: Path) -> None:
    final.write_bytes(b"old and broken")
    leave(final, b"new")
    assert final.read_bytes() == b"old and broken"
    with part_of(final) as part:
        part.publish()
    assert final.read_bytes() == b"new"


# -- which file it is of ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("remote", "another"), SAME.values(), ids=SAME)
def test_nothing_speaks_against_the_same_file(remote: Remote, another: Remote) -> None:
    assert remote.may_be(another)
    assert another.may_be(remote)


@pytest.mark.parametrize(("remote", "another"), DIFFERENT.values(), ids=DIFFERENT)
def test_another_length_tag_or_date_is_another_file(remote: Remote, another: Remote) -> None:
    assert not remote.may_be(another)
    assert not another.may_be(remote)


@pytest.mark.parametrize(("remote", "validator"), VALIDATORS.values(), ids=VALIDATORS)
def test_a_condition_carries_what_http_lets_it_carry(remote: Remote, validator: str) -> None:
    assert remote.validator == validator


@pytest.mark.parametrize("content", NO_SIDECARS.values(), ids=NO_SIDECARS)
def test_a_part_with_a_damaged_note_beside_it_is_of_an_unknown_file(final: Path, content: bytes) -> None:
    leave(final, b"kept")
    sidecar(final).write_bytes(content)
    with part_of(final) as part:
        assert (part.length, part.remote) == (4, Remote())


def test_a_part_without_a_note_beside_it_is_of_an_unknown_file(final: Path) -> None:
    part_path(final).write_bytes(b"kept")
    with part_of(final) as part:
        assert (part.length, part.remote) == (4, Remote())
        part.publish()
    assert names(final) == [""]


@pytest.mark.parametrize("content", ODD_SIDECARS.values(), ids=ODD_SIDECARS)
def test_whatever_the_note_says_it_can_be_compared_and_sent(final: Path, content: bytes) -> None:
    leave(final, b"kept")
    sidecar(final).write_bytes(content)
    with part_of(final) as part:
        part.remote.may_be(REMOTE)
        assert isinstance(part.remote.validator, str)


@quick
@given(st.binary())
def test_any_bytes_may_be_the_note(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    final = tmp_path_factory.getbasetemp() / NAME
    part_path(final).write_bytes(b"kept")
    sidecar(final).write_bytes(content)
    with part_of(final) as part:
        assert part.remote.may_be(REMOTE)


@quick
@given(st.builds(Remote, st.none() | st.integers(0, 10**6), st.text(), st.text()))
def test_what_a_part_is_of_is_known_to_the_next_run(tmp_path_factory: pytest.TempPathFactory, remote: Remote) -> None:
    final = tmp_path_factory.getbasetemp() / NAME
    leave(final, b"kept", remote)
    with part_of(final) as part:
        assert part.remote == remote


# -- two runs, and a dead one -----------------------------------------------------------------------------------


def test_two_runs_never_write_one_part(final: Path) -> None:
    with holder(HOLDER, final) as other:
        with pytest.raises(PepsError, match=NAME) as error, part_of(final) as part:
            part.drop()
        assert error.value.status is Status.TRY_LATER
        other.communicate("end\n", timeout=30)
    assert final.read_bytes() == b"kept"
    assert names(final) == [""]


def test_a_part_whose_owner_was_killed_is_continued(final: Path) -> None:
    with holder(HOLDER, final) as other:
        other.kill()
        other.wait(timeout=30)
    with part_of(final) as part:
        assert (part.length, part.remote) == (4, Remote(1000, '"abc"'))
        part.write(b" and more")
        part.publish()
    assert final.read_bytes() == b"kept and more"


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


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS], ids=errno.errorcode.get)
def test_without_locks_nothing_is_downloaded_and_the_path_is_named(
    final: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(LogError, match=NAME) as error, part_of(final):
        pytest.fail("there is no lock, and yet it is held")
    assert error.value.status is Status.UNUSABLE


# -- no room ----------------------------------------------------------------------------------------------------


def test_a_full_disk_keeps_what_came_and_the_next_run_goes_on(final: Path) -> None:
    whole = bytes(range(250)) * 24
    with part_of(final) as part:
        part.restart(REMOTE)
        with files_of_at_most(4096), pytest.raises(DiskFull, match=NAME) as error:
            part.write(whole)
        assert part.length == 4096
    assert str(error.value).isprintable()
    assert part_path(final).read_bytes() == whole[:4096]
    with part_of(final) as part:
        assert (part.length, part.remote) == (4096, REMOTE)
        part.write(whole[4096:])
        part.publish()
    assert final.read_bytes() == whole


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT], ids=errno.errorcode.get)
def test_a_disk_or_quota_without_any_room_is_told(final: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(DiskFull, match=os.strerror(number)), part_of(final) as part:
        part.write(b"a")


def room(free: int) -> Callable[[Path], SimpleNamespace]:
    return lambda _: SimpleNamespace(total=10**12, free=free)


def test_room_is_needed_for_what_is_still_to_come(final: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with part_of(final) as part:
        part.restart(REMOTE)
        part.write(b"kept")
        monkeypatch.setattr("shutil.disk_usage", room(996))
        part.expect(REMOTE)
        monkeypatch.setattr("shutil.disk_usage", room(995))
        with pytest.raises(DiskFull, match=NAME):
            part.expect(REMOTE)
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(total=0, free=0))
        part.expect(REMOTE)  # a file system that tells nothing is not full
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
