"""--unzip: a product's folder beside its zip, which is complete or not there, whatever happens meanwhile."""

from __future__ import annotations

import io
import os
import shutil
import signal
import stat
import zipfile
from pathlib import Path

import pytest
from helpers import (
    Place,
    Run,
    add,
    add_small,
    ago,
    begun,
    contents,
    in_one_line,
    l1c,
    l2a,
    lines_of_dates,
    needs_strace,
    small_disk,
    tiny,
    under_strace,
    until,
)

from peps_maja.sandbox import Altered, Endpoint, Fault, Job, Reply, Sandbox

NAME = l2a(1).removesuffix(".zip")
ZIP = l2a(1)


def large(name: str = NAME, size: int = 40_000_000) -> bytes:
    """Return a zip that takes a moment to unpack."""
    packed = io.BytesIO(tiny(name))
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{name}/DATA/{name}_SRE_B3.tif", bytes(size))
    return packed.getvalue()


def in_log(place: Place, *jobs: Job) -> None:
    place.write_log(*[line for job in jobs for line in begun(job)])


def packed(place: Place, peps: Sandbox, content: bytes | None = None) -> bytes:
    """Leave what a run without --unzip leaves: a zip, and the log that says so. Return the zip."""
    content = content or tiny(ZIP)
    job = add(peps)
    place.write_log(*begun(job), (ago(), "downloaded", l1c(1), ZIP), (ago(), "finished", l1c(1), ""))
    (place.folder / ZIP).write_bytes(content)
    return content


def members(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def left(place: Place) -> set[str]:
    """Return the names of all that has to do with the product."""
    return {path.name for path in place.folder.iterdir() if NAME in path.name}


def test_each_product_becomes_a_folder_and_its_zip_goes(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    in_log(place, job)
    run = place.download("--unzip", "--page", "page")
    assert (run.status, run.err) == (0, "")
    assert f"unpacked {NAME}" in run.out
    assert left(place) == {NAME}
    assert contents(place.folder / NAME) == members(job.results[0].content)
    assert place.written()[l1c(1)] == [("downloaded", ZIP), ("finished", "")]
    assert f'/{NAME}"' in (place.folder / "page" / "index.html").read_text()
    assert len(list((place.folder / "page" / "quicklooks").iterdir())) == 1
    assert [line.split()[5:7] for line in lines_of_dates(place.download("--dates").out)] == [["on", "disk"]]
    again = place.download("--unzip")
    assert (again.status, again.err) == (0, "")
    assert "is -w right" not in again.out
    assert len(peps.asked(Endpoint.RESULT)) == 1
    search = place.process("-t", "31TCJ", "-d", "2019-03-01", "-f", "2019-03-01", "-n", "-l", "new.log", "-w", ".")
    assert "on disk" in search.out


def test_permissions_are_those_of_the_umask_and_nothing_is_said_quietly(place: Place, peps: Sandbox) -> None:
    content = io.BytesIO(tiny(ZIP))
    with zipfile.ZipFile(content, "a") as archive:
        secret = zipfile.ZipInfo(f"{NAME}/{NAME}_PVD_ALL.jpg")
        secret.external_attr = 0o4700 << 16
        archive.writestr(secret, "x")
    packed(place, peps, content.getvalue())
    earlier = os.umask(0o027)
    try:
        assert place.download("--unzip", "-q") == Run(0, "", "")
    finally:
        os.umask(earlier)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (place.folder / NAME).rglob("*")}
    assert (stat.S_IMODE((place.folder / NAME).stat().st_mode), modes) == (0o750, {0o640})


def test_of_a_zip_with_more_than_the_product_nothing_is_lost(place: Place, peps: Sandbox) -> None:
    outside = place.folder.parent / "evil"
    link = zipfile.ZipInfo(f"{NAME}/DATA")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    climbing = ("../evil", f"{NAME}/../../evil", str(outside), f"{NAME}\\..\\..\\evil", f"{NAME}/..", "/", "evil")
    members: list[str | zipfile.ZipInfo] = [*climbing, link, f"{l2a(2)}/evil"]
    for number, member in enumerate(members, 1):
        content = io.BytesIO(tiny(ZIP))
        with zipfile.ZipFile(content, "a") as archive:
            archive.writestr(member, str(place.folder.parent))
        packed(place, peps, content.getvalue())
        in_one_line(place.download("--unzip", "-q"), 1, ZIP, "stays packed", "by hand")
        assert left(place) == {ZIP}, number
    assert not outside.exists()


def test_a_product_without_a_folder_in_its_zip_gets_one(place: Place, peps: Sandbox) -> None:
    content = {f"{NAME}_MTD_ALL.xml": b"<x/>", f"{NAME}_SRE_B2.tif": b"II*"}
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, inside in content.items():
                archive.writestr(name, inside)
        packed(place, peps, file.getvalue())
    assert place.download("--unzip").status == 0
    assert {path.name: path.read_bytes() for path in (place.folder / NAME).iterdir()} == content
    assert left(place) == {NAME}


@needs_strace
@pytest.mark.parametrize("file", [ZIP, f"{ZIP}.part"])
def test_killed_at_the_end_nothing_stays_behind(place: Place, peps: Sandbox, file: str) -> None:
    """The zip and the lock on its part are removed last: killed at either, the next run removes what is left."""
    packed(place, peps)
    assert place.download().status == 0
    kill = ["-P", str(place.folder / file), "-e", "trace=unlink", "-e", "inject=unlink:signal=KILL:when=1"]
    assert under_strace(place, kill, "downloader", "--unzip", "-w", str(place.folder)).status == -signal.SIGKILL
    assert (place.folder / NAME).is_dir()
    assert place.download("--unzip").status == 0
    assert left(place) == {NAME}


def test_killed_in_the_middle_the_next_run_goes_on(place: Place, peps: Sandbox) -> None:
    content = packed(place, peps, large(size=100_000_000))
    unfinished = place.folder / f".{NAME}.unzipping"
    with place.start("downloader", "--unzip") as running:
        until(lambda: unfinished.exists() and any(unfinished.rglob("*_SRE_B3.tif")))
        running.kill()
        running.communicate()
    assert unfinished.is_dir()
    assert (place.folder / ZIP).read_bytes() == content
    assert not (place.folder / NAME).exists()
    assert place.download().status == 0  # without --unzip nothing is done about it
    assert unfinished.is_dir()
    assert place.download("--unzip").status == 0
    assert left(place) == {NAME}
    assert contents(place.folder / NAME) == members(content)


@pytest.mark.parametrize("leftover", ["a folder", "a link", "of a zip that is gone"])
def test_what_an_interrupted_run_left_is_removed(place: Place, peps: Sandbox, leftover: str) -> None:
    packed(place, peps)
    unfinished, elsewhere = place.folder / f".{NAME}.unzipping", place.folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "mine").touch()
    if leftover == "a link":
        unfinished.symlink_to(elsewhere)
    else:
        unfinished.mkdir()
        (unfinished / f"{NAME}_MTD_ALL.xml").write_text("half")
    if leftover == "of a zip that is gone":
        (place.folder / ZIP).unlink()
    assert place.download("--unzip").status == 0
    assert left(place) == (set() if leftover == "of a zip that is gone" else {NAME})
    assert contents(elsewhere) == {"mine": b""}


@pytest.mark.parametrize("same", [True, False], ids=["killed before the zip was removed", "another folder"])
def test_a_folder_that_is_there_is_not_replaced(place: Place, peps: Sandbox, *, same: bool) -> None:
    content = packed(place, peps)
    for name, bytes_of in members(content).items():
        (place.folder / NAME).mkdir(exist_ok=True)
        (place.folder / NAME / name).write_bytes(bytes_of if same else b"mine")
    before = contents(place.folder / NAME)
    run = place.download("--unzip", "-q")
    assert contents(place.folder / NAME) == before
    if same:
        assert (run.status, run.err) == (0, "")
        assert left(place) == {NAME}
    else:
        in_one_line(run, 1, ZIP, "stays packed", "move one of them away")
        assert left(place) == {NAME, ZIP}
        assert (place.folder / ZIP).read_bytes() == content


def test_only_zips_of_the_log_that_are_whole(place: Place, peps: Sandbox) -> None:
    packed(place, peps)
    others = add_small(peps, l1c(2), l2a(2))
    place.write_log(
        *begun(others),
        *[(ago(), "downloaded", l1c(2), name) for name in (l2a(2), "../outside.zip", "", ".zip", "folder")],
        (ago(), "finished", l1c(2), ""),
    )
    (place.folder / l2a(2)).write_bytes(tiny(l2a(2))[:-30])
    (place.folder.parent / "outside.zip").write_bytes(tiny(l2a(3)))
    run = place.download("--unzip")
    in_one_line(run, 1, l2a(2), "damaged", "stays packed")
    assert place.zips() == [ZIP, l2a(2)]
    assert left(place) == {ZIP}
    assert (place.folder.parent / "outside.zip").exists()


def test_without_room_the_zip_stays(place: Place, peps: Sandbox) -> None:
    with small_disk(place.folder / "disk", 4_000_000) as disk:
        content = packed(place, peps, large(size=8_000_000))
        shutil.move(place.folder / ZIP, disk)
        in_one_line(place.download("--unzip", "-q", "-w", disk), 1, ZIP, "no room", "8 MB", "make room")
        assert contents(disk) == {ZIP: content}
        assert [path.name for path in disk.iterdir()] == [ZIP]


def test_it_works_beside_the_next_download_and_does_not_hold_the_line(place: Place, peps: Sandbox) -> None:
    in_log(place, *(add_small(peps, l1c(day), l2a(day)) for day in (1, 2)))
    for job in peps.jobs:
        job.results[0].content = large(job.results[0].name.removesuffix(".zip"))
    there: list[list[Path]] = []

    def folders() -> list[Path]:
        return [path for path in place.folder.glob("SENTINEL2*") if path.is_dir()]

    def stay(reply: Reply) -> Reply:
        """Answer the second download when the first product is unpacked, which it is not when that is asked for."""
        there.append(folders())
        until(lambda: len(there) == 1 or folders())
        return reply

    peps.faults.add(Fault(Endpoint.RESULT, Altered(stay), times=None))
    run = place.download("--unzip", "-j", "1", PEPS_TIMEOUT="30")
    assert (run.status, run.err, there, len(folders())) == (0, "", [[], []], 2)
    assert not place.zips()
