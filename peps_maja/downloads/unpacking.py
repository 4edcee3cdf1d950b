"""From a complete zip to the folder of its product: a folder under a product's name is always complete."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from math import inf
from pathlib import Path, PurePosixPath
from time import monotonic

from peps_maja.console import Console
from peps_maja.disk import sync_folder
from peps_maja.downloads import WORKER
from peps_maja.downloads.asking import error_of
from peps_maja.downloads.partfile import need_room, part_of, plainly
from peps_maja.errors import Broken, PepsError, Status, worst
from peps_maja.products.names import L2AProduct
from peps_maja.text import counted


class Unpacker(AbstractContextManager["Unpacker"]):
    """Unpacks zips, if that is wanted, one after the other in a thread of its own: it holds up no download."""

    def __init__(self, console: Console, *, is_wanted: bool) -> None:
        self._console = console
        self._is_wanted = is_wanted
        self._thread = ThreadPoolExecutor(1, WORKER)
        self._added: list[Future[Path | None]] = []
        self.troubles: list[str] = []  # what the last `finish` told

    def add(self, *zips: Path) -> None:
        """Unpack zips that were checked and noted in the log."""
        if self._is_wanted:
            self._added += [self._thread.submit(unpack, zipped) for zipped in zips]

    def add_all(self, folder: Path, names: Iterable[str]) -> None:
        """Unpack those zips of the log that earlier runs have left packed or half unpacked in a folder."""
        zips = [folder / name for name in names if self._is_wanted and Path(name).name == name]
        self.add(*(zipped for zipped in zips if zipped.is_file() or os.path.lexists(_unfinished(zipped))))

    def finish(self, leave_at: float) -> Status:
        """Wait until all is unpacked, at most to this monotonic time; tell what became of each, `troubles` included."""
        done, late = wait(self._added, None if leave_at == inf else max(0.0, leave_at - monotonic()))
        errors: list[PepsError] = []
        for future in done:
            if error := error_of(future):
                errors.append(error)
            elif folder := future.result():
                self._console.info(f"unpacked {folder}")
        if late:
            what = f"{counted(len(late), 'zip')} not unpacked yet when --timeout was over: the next run goes on"
            errors.append(PepsError(what, Status.TRY_LATER))
        for each in errors:
            (self._console.reminder if each.status is Status.TRY_LATER else self._console.warning)(str(each))
        self._added, self.troubles = list(late), [str(each) for each in errors]
        return worst(each.status for each in errors)

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=all(future.done() for future in self._added), cancel_futures=True)


def unpack(zipped: Path) -> Path | None:
    """Unpack a product beside its zip into a folder named as the zip, remove the zip when all is on disk.

    What an interrupted run has left of it is removed first; None if the zip is gone since. Raises PepsError where it
    stays packed: DiskFull, Broken, another run is at this zip, or a folder has its name.
    """
    folder, unfinished = zipped.with_suffix(""), _unfinished(zipped)
    with part_of(zipped) as part, plainly("unpack", zipped):
        _remove(unfinished)
        if not zipped.is_file():
            return None
        try:
            with zipfile.ZipFile(zipped) as archive:
                members = _members(archive)
                if not os.path.lexists(folder):
                    need_room(zipped, sum(member.file_size for member in members.values()))
                    _write(archive, members, unfinished)
                    unfinished.rename(folder)
                for path, member in members.items():
                    file = folder / path
                    if file.is_symlink() or not file.is_file() or file.stat().st_size != member.file_size:
                        raise PepsError(f"{zipped} stays packed: another {folder} is there; move one of them away")
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, LookupError) as error:
            raise Broken(f"{zipped} is damaged and stays packed ({error}): remove it, or get it once more") from error
        finally:
            _remove(unfinished)
        sync_folder(folder.parent)
        if not part.length:
            part.drop()  # before the zip: once that is gone, no later run looks here any more
        zipped.unlink(missing_ok=True)
    return folder


def _unfinished(zipped: Path) -> Path:
    return zipped.with_name(f".{zipped.stem}.unzipping")


def _members(archive: zipfile.ZipFile) -> dict[PurePosixPath, zipfile.ZipInfo]:
    """Return the files of the product in a zip, by their paths in its folder, which the zip need not have.

    Raises PepsError if there is more in it: it would be lost with the zip, and a link could lead anywhere.
    """
    members: dict[PurePosixPath, zipfile.ZipInfo] = {}
    folders: set[str] = set()
    for member in archive.infolist():
        top, *inside = PurePosixPath(member.filename.replace("\\", "/")).parts or ("",)
        is_link = stat.S_ISLNK(member.external_attr >> 16)
        if is_link or ".." in inside or not L2AProduct.find(top):
            raise PepsError(f"{archive.filename} holds more than a product and stays packed: unpack it by hand")
        if not member.is_dir():
            folders.add(top if inside else "")
            members[PurePosixPath(*inside or (top,))] = member
    if len(folders) != 1:
        raise PepsError(f"{archive.filename} holds {len(folders)} products and stays packed: unpack it by hand")
    return members


def _write(archive: zipfile.ZipFile, members: dict[PurePosixPath, zipfile.ZipInfo], folder: Path) -> None:
    """Write the files of a product to a new folder; all of them, and their names, are on disk then."""
    for path, member in members.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with archive.open(member) as packed, (folder / path).open("xb") as file:
            shutil.copyfileobj(packed, file, 1024 * 1024)
            file.flush()
            os.fsync(file.fileno())
    for parent, _, _ in os.walk(folder):
        sync_folder(Path(parent))


def _remove(folder: Path) -> None:
    if folder.is_dir() and not folder.is_symlink():
        shutil.rmtree(folder)
    else:
        folder.unlink(missing_ok=True)
