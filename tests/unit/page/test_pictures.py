"""The pictures of a page: out of products, complete or not at all, and made once."""

from __future__ import annotations

import os
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from peps_maja.page.pictures import LARGEST_PICTURE, Picture, clouds_of, picture_of

NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"
JPEG = b"\xff\xd8\xff\xe0picture\xff\xd9"
CLOUDS = b'<QUALITY_INDEX name="CloudPercent">37.4</QUALITY_INDEX>'
SHOWN = Picture(f"{NAME}.jpg")


def zipped(folder: Path, quicklook: bytes | None = JPEG, metadata: bytes = CLOUDS, inside: str = NAME) -> Path:
    path = folder / f"{NAME}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{inside}/{NAME}_MTD_ALL.xml", metadata)
        if quicklook is not None:
            archive.writestr(f"{inside}/{NAME}_QKL_ALL.jpg", quicklook)
    return path


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "quicklooks"


@pytest.mark.parametrize("content", [JPEG, JPEG + b"more bytes"], ids=["JPEG", "bytes behind its end"])
def test_quicklook_of_zip_and_of_unpacked_folder(tmp_path: Path, page: Path, content: bytes) -> None:
    product = zipped(tmp_path, content)
    assert (picture_of(product, page), clouds_of(product)) == (SHOWN, 37.4)
    assert [path.read_bytes() for path in page.iterdir()] == [content]
    with zipfile.ZipFile(product) as archive:
        archive.extractall(tmp_path)
    product.unlink()
    (page / SHOWN.file).unlink()
    assert (picture_of(tmp_path / NAME, page), clouds_of(tmp_path / NAME)) == (SHOWN, 37.4)


def damaged(folder: Path) -> Path:
    product = folder / f"{NAME}.zip"
    with zipfile.ZipFile(product, "w") as archive:  # stored: the bytes stand in the zip as they are
        archive.writestr(f"{NAME}/{NAME}_QKL_ALL.jpg", JPEG)
    product.write_bytes(product.read_bytes().replace(b"picture", b"picturf", 1))
    return product


def not_a_zip(folder: Path) -> Path:
    (folder / f"{NAME}.zip").write_bytes(b"<html>maintenance</html>")
    return folder / f"{NAME}.zip"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: zipped(folder, None), "not in the product"),
        (lambda folder: zipped(folder, b""), "damaged"),
        (lambda folder: zipped(folder, JPEG[:-1]), "damaged"),
        (lambda folder: zipped(folder, b"<html>" + JPEG), "damaged"),
        (lambda folder: zipped(folder, JPEG + bytes(LARGEST_PICTURE)), "too large"),
        (damaged, "damaged"),
        (not_a_zip, "damaged"),
        (lambda folder: folder / f"{NAME}.zip", "not in the folder any more"),
    ],
)
def test_placeholder_says_what_is_wrong(tmp_path: Path, page: Path, make: object, reason: str) -> None:
    assert callable(make)
    picture = picture_of(make(tmp_path), page)
    assert (picture.file, page.exists()) == ("", False)
    assert reason in picture.reason


def test_large_quicklook_takes_little_memory(tmp_path: Path, page: Path) -> None:
    product = zipped(tmp_path, JPEG + bytes(5 * LARGEST_PICTURE))
    tracemalloc.start()
    assert "too large" in picture_of(product, page).reason
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * LARGEST_PICTURE


@pytest.mark.parametrize("metadata", [b"", b"<a", b'name="CloudPercent">many<', b'name="CloudPercent">1e999<'])
def test_clouds_unknown_where_metadata_do_not_tell(tmp_path: Path, metadata: bytes) -> None:
    assert clouds_of(zipped(tmp_path, metadata=metadata)) is None
    assert clouds_of(tmp_path / "nothing.zip") is None


@pytest.mark.parametrize("inside", ["../..", "", "..\\.."])
def test_name_from_zip_is_never_a_path(tmp_path: Path, page: Path, inside: str) -> None:
    product = zipped(tmp_path, inside=inside)
    before = set(tmp_path.parent.rglob("*"))
    assert picture_of(product, page) == SHOWN
    assert picture_of(tmp_path / "x" / ".." / product.name, page) == SHOWN
    assert set(tmp_path.parent.rglob("*")) - before == {page, page / SHOWN.file}


def test_picture_is_made_once_and_again_if_older_than_the_product(tmp_path: Path, page: Path) -> None:
    product = zipped(tmp_path)
    path = page / picture_of(product, page).file
    path.write_bytes(b"mine")
    assert (picture_of(product, page), path.read_bytes()) == (SHOWN, b"mine")
    os.utime(path, (0, 0))
    assert (picture_of(product, page), path.read_bytes()) == (SHOWN, JPEG)
    path.write_bytes(b"")  # as a power cut may leave it
    assert (picture_of(product, page), path.read_bytes()) == (SHOWN, JPEG)
    product.unlink()  # moved away: its picture stays
    assert picture_of(product, page) == SHOWN


def test_what_a_killed_run_left_is_overwritten(tmp_path: Path, page: Path) -> None:
    page.mkdir()
    (page / f".{SHOWN.file}.part").write_bytes(bytes(1000))
    assert picture_of(zipped(tmp_path), page) == SHOWN
    assert {path.name: path.read_bytes() for path in page.iterdir()} == {SHOWN.file: JPEG}


def test_folder_that_cannot_be_written(tmp_path: Path, page: Path) -> None:
    page.write_bytes(b"a file")
    with pytest.raises(OSError, match="exists"):
        picture_of(zipped(tmp_path), page)
