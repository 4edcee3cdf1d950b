"""The pictures of a page: out of products, complete or not at all, and never in place of what others put there."""

from __future__ import annotations

import errno
import json
import tracemalloc
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest

from peps_maja.page.pictures import LIST, Picture, Pictures
from peps_maja.page.quicklooks import LARGEST_PICTURE, read_quicklook

NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
PNG = b"\x89PNG\r\n\x1a\npictureIEND\xae\x42\x60\x82"
CLOUDS = b'<QUALITY_INDEX name="CloudPercent">37.4</QUALITY_INDEX>'


def zipped(folder: Path, quicklook: bytes | None = JPEG, ending: str = "jpg", metadata: bytes = CLOUDS) -> Path:
    path = folder / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{NAME}/{NAME}_MTD_ALL.xml", metadata)
        if quicklook is not None:
            archive.writestr(f"{NAME}/{NAME}_QKL_ALL.{ending}", quicklook)
    return path


def shown(product: Path, folder: Path) -> Picture:
    pictures = Pictures(folder)
    picture = pictures.of(product)
    pictures.finish()
    return picture


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != LIST)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "quicklooks"


@pytest.mark.parametrize(("content", "ending"), [(JPEG, "jpg"), (PNG, "png"), (JPEG, "JPG")])
def test_quicklook_of_zip_and_of_unpacked_folder(tmp_path: Path, page: Path, content: bytes, ending: str) -> None:
    product = zipped(tmp_path, content, ending)
    picture = Picture(f"{NAME}.{ending.lower()}", "", 37.4)
    assert shown(product, page) == picture
    assert (page / picture.file).read_bytes() == content

    with zipfile.ZipFile(product) as archive:
        archive.extractall(tmp_path)
    product.unlink()
    assert shown(tmp_path / NAME, page) == picture
    assert files(page) == [picture.file]


def flip(product: Path, where: bytes) -> None:
    content = product.read_bytes()
    at = content.index(where)
    product.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])


@pytest.mark.parametrize(
    ("quicklook", "ending", "reason"),
    [
        (None, "jpg", "no quicklook"),
        (JPEG, "gif", "no quicklook"),
        (b"", "jpg", "damaged"),
        (JPEG[:-1], "jpg", "damaged"),
        (b"<html>" + JPEG, "jpg", "damaged"),
        (PNG, "jpg", "damaged"),
        (JPEG, "png", "damaged"),
        (b"\xff\xd8\xff" + bytes(LARGEST_PICTURE) + b"\xff\xd9", "jpg", "too large"),
    ],
)
def test_placeholder_says_what_is_wrong_with_the_quicklook(
    tmp_path: Path, page: Path, quicklook: bytes | None, ending: str, reason: str
) -> None:
    picture = shown(zipped(tmp_path, quicklook, ending), page)
    assert (picture.file, picture.clouds) == ("", 37.4)
    assert reason in picture.reason
    assert not page.exists() or files(page) == []


def test_placeholder_for_wrong_checksum_and_for_what_is_not_a_zip(tmp_path: Path, page: Path) -> None:
    product = tmp_path / f"{NAME}.zip"
    with zipfile.ZipFile(product, "w") as archive:  # stored: the bytes stand in the zip as they are
        archive.writestr(f"{NAME}/{NAME}_QKL_ALL.jpg", JPEG)
    flip(product, b"picture")
    assert "damaged" in shown(product, page).reason
    product.write_bytes(b"<html>maintenance</html>")
    assert "damaged" in shown(product, page).reason


def test_large_quicklook_takes_little_memory(tmp_path: Path) -> None:
    product = zipped(tmp_path, b"\xff\xd8\xff" + bytes(3 * LARGEST_PICTURE) + b"\xff\xd9")
    tracemalloc.start()
    assert "too large" in read_quicklook(product).reason
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * LARGEST_PICTURE


@pytest.mark.parametrize("metadata", [b"", b"<a", b'name="CloudPercent">many<', b'name="CloudPercent">1e999<'])
def test_clouds_unknown_where_metadata_do_not_tell(tmp_path: Path, metadata: bytes) -> None:
    found = read_quicklook(zipped(tmp_path, metadata=metadata))
    assert (found.picture, found.clouds) == (JPEG, None)


@pytest.mark.parametrize("member", ["../../evil_QKL_ALL.jpg", "/evil_QKL_ALL.jpg", "..\\evil_QKL_ALL.jpg"])
def test_name_from_zip_is_never_a_path(tmp_path: Path, page: Path, member: str) -> None:
    product = tmp_path / f"{NAME}.zip"
    with zipfile.ZipFile(product, "w") as archive:
        archive.writestr(member, JPEG)
    before = set(tmp_path.parent.rglob("*"))
    assert shown(product, page).file == f"{NAME}.jpg"
    assert set(tmp_path.parent.rglob("*")) - before == {page, page / LIST, page / f"{NAME}.jpg"}


def test_picture_is_made_once_and_again_when_product_or_picture_changed(tmp_path: Path, page: Path) -> None:
    product = zipped(tmp_path)
    picture = page / shown(product, page).file
    inode = picture.stat().st_ino
    shown(product, page)
    assert picture.stat().st_ino == inode
    picture.write_bytes(JPEG[:5])
    shown(product, page)
    assert picture.read_bytes() == JPEG
    assert shown(zipped(tmp_path, PNG, "png"), page).file == f"{NAME}.png"
    assert files(page) == [f"{NAME}.png"]


def test_picture_not_shown_any_more_is_removed_and_files_of_others_stay(tmp_path: Path, page: Path) -> None:
    page.mkdir()
    (page / f"{NAME}.jpg").write_bytes(b"mine")
    (page / "notes.txt").write_bytes(b"mine")
    assert shown(zipped(tmp_path), page).file == f"{NAME}_2.jpg"
    Pictures(page).finish()
    assert files(page) == [f"{NAME}.jpg", "notes.txt"]
    assert (page / f"{NAME}.jpg").read_bytes() == b"mine"


def test_two_products_whose_names_become_the_same(tmp_path: Path, page: Path) -> None:
    pictures = Pictures(page)
    first, second = (zipped(tmp_path).rename(tmp_path / f"a{sign}{NAME}.zip") for sign in "éè")
    assert pictures.of(first).file != pictures.of(second).file


def test_picture_of_product_moved_away_stays(tmp_path: Path, page: Path) -> None:
    product = zipped(tmp_path)
    picture = shown(product, page)
    product.unlink()
    pictures = Pictures(page)
    assert pictures.kept(NAME) == picture
    pictures.finish()
    assert files(page) == [picture.file]
    assert Pictures(page).kept("another").file == ""


def test_run_killed_while_it_makes_pictures_leaves_nothing_behind(tmp_path: Path, page: Path) -> None:
    product = zipped(tmp_path)
    Pictures(page).of(product)  # and no `finish`
    assert shown(product, page).file == f"{NAME}.jpg"
    Pictures(page).of(zipped(tmp_path, PNG, "png"))
    Pictures(page).finish()
    assert files(page) == []


def listed(name: object, file: str) -> bytes:
    picture = {"file": file, "reason": "", "clouds": None}
    return json.dumps([name, {"source": [1], "stamp": None, "picture": picture}]).encode() + b"\n"


@pytest.mark.parametrize(
    "line",
    [
        *(b"{", b"[]", b'["x", {}]', b"\xff", b'["x", {"source": 1, "stamp": 1, "picture": 1}]'),
        *(listed([], "a.jpg"), listed({}, "a.jpg"), listed("x", "a\0.jpg"), listed("x", "."), listed("x", "..")),
    ],
)
def test_damaged_list_costs_a_picture_made_again(tmp_path: Path, page: Path, line: bytes) -> None:
    product = zipped(tmp_path)
    shown(product, page)
    before = (page / LIST).read_bytes()
    (page / LIST).write_bytes(line + before + line)
    assert shown(product, page).file == f"{NAME}.jpg"


def test_list_names_no_file_outside(tmp_path: Path, page: Path) -> None:
    product = zipped(tmp_path)
    shown(product, page)
    outside = tmp_path / f"{NAME}.jpg"
    (page / f"{NAME}.jpg").rename(outside)
    (page / LIST).write_bytes((page / LIST).read_bytes().replace(f"{NAME}.jpg".encode(), f"../{NAME}.jpg".encode()))
    Pictures(page).finish()
    assert outside.exists()


def test_placeholder_that_is_not_shown_any_more_removes_nothing(tmp_path: Path, page: Path) -> None:
    shown(zipped(tmp_path, None), page)
    Pictures(page).finish()
    assert files(page) == []


def test_product_is_tried_again_after_disk_error(tmp_path: Path, page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    product = zipped(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(zipfile, "ZipFile", Mock(side_effect=OSError(errno.EIO, "Input/output error")))
        assert "cannot be read" in shown(product, page).reason
    assert shown(product, page).file == f"{NAME}.jpg"


def test_folder_that_cannot_be_written(tmp_path: Path, page: Path) -> None:
    page.write_bytes(b"a file")
    with pytest.raises(OSError, match="exists"):
        shown(zipped(tmp_path), page)
