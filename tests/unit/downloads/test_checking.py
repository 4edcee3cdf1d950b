"""Which zips are complete, valid and of the job."""

from __future__ import annotations

import errno
import io
import struct
import zipfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peps_maja.downloads.checking import MOST_MEMBERS, check_zip
from peps_maja.errors import Broken, PepsError, Status
from peps_maja.products.names import L1CProduct, L2AProduct

JOB = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"
METADATA = f"{NAME}/{NAME}_MTD_ALL.xml"
FOREIGN = "SENTINEL2B_20190303-104426-459_L2A_T31TCJ_D"

PACKED = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def belongs(result: L2AProduct) -> bool:
    product = L1CProduct.parse(JOB)
    assert product
    return product.matches(result)


def check(path: Path) -> None:
    with path.open("rb") as file:
        check_zip(file, belongs)


def make_zip(path: Path, *members: str, compression: int = zipfile.ZIP_STORED) -> Path:
    """Write a zip whose members hold their own names, a hundred times."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for member in members:
            archive.writestr(member, (member + "\n") * 100)
    return path


@pytest.fixture
def valid(tmp_path: Path) -> Path:
    return make_zip(tmp_path / f"{NAME}.zip", METADATA, f"{NAME}/MASKS/{NAME}_CLM_R1.tif")


def replaced(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


def test_a_sound_zip_of_the_job_is_taken(valid: Path) -> None:
    check(valid)


@pytest.mark.parametrize("compression", PACKED)
def test_only_what_unpacks_in_little_memory_is_taken(tmp_path: Path, compression: int) -> None:
    is_taken = compression in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
    with nullcontext() if is_taken else pytest.raises(Broken, match="packed in a way"):
        check(make_zip(tmp_path / "a.zip", METADATA, f"{NAME}/a.tif", compression=compression))


def test_other_files_beside_the_product_do_no_harm(tmp_path: Path) -> None:
    check(make_zip(tmp_path / "a.zip", "README.txt", METADATA, f"{NAME}/MASKS/{NAME}_CLM_R1.tif", f"{NAME}/empty/"))


def spoil_crc(path: Path) -> None:
    replaced(path, f"{NAME}_MTD_ALL.xml\n".encode(), f"{NAME}_MTD_XXX.xml\n".encode())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def lose_directory(path: Path) -> None:
    replaced(path, b"PK\x01\x02", b"PK\x00\x00")


def encrypt(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(header)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(header, at + 1)
    path.write_bytes(content)


def damage_deflated(path: Path) -> None:
    make_zip(path, METADATA, f"{NAME}/a.tif", compression=zipfile.ZIP_DEFLATED)
    content = bytearray(path.read_bytes())
    for at in range(content.index(b"a.tif") + 13, content.index(b"PK\x01\x02")):
        content[at] ^= 0x5A
    path.write_bytes(content)


def point_beyond(path: Path) -> None:
    """Have the directory say that a member lies 2^64 - 2 bytes into the file."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(METADATA, b"a")
        info = zipfile.ZipInfo(f"{NAME}/a.tif")
        archive.writestr(info, b"a")
        info.header_offset = 2**64 - 2


def hollow(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(METADATA, b"")
        archive.writestr(f"{NAME}/a.tif", b"")


# What is done to a sound zip: its content, or the members that it has instead.
SPOIL: dict[str, Callable[[Path], None] | bytes | tuple[str, ...]] = {
    "0 bytes": b"",
    "HTML": b"<html><body>Service Unavailable</body></html>",
    "error JSON": b'{"ErrorCode": 500, "ErrorMessage": "Internal"}',
    "noise": bytes(range(256)) * 64,
    "begins like a zip": b"PK\x03\x04" + bytes(1000),
    "ends like a zip": bytes(1000) + b"PK\x05\x06" + b"\xff" * 18,
    "cut short": cut,
    "no directory": lose_directory,
    "Bad CRC-32": spoil_crc,
    "encrypted": encrypt,
    "damaged deflate": damage_deflated,
    "a member beyond the end": point_beyond,
    "another product": (f"{FOREIGN}/{FOREIGN}_MTD_ALL.xml", f"{FOREIGN}/a.tif"),
    "another product beside it": (METADATA, f"{NAME}/a.tif", f"{FOREIGN}/a.tif"),
    "empty": (),
    "a README alone": ("README.txt",),
    "an error page": (f"{NAME}/error.html",),
    "an L1C product": (f"{JOB}.SAFE/MTD_MSIL1C.xml", f"{JOB}.SAFE/a.tif"),
    "an empty folder": (f"{NAME}/",),
    "no metadata": (f"{NAME}/a.tif", f"{NAME}/MASKS/a.tif"),
    "no image": (METADATA, f"{NAME}/{NAME}_QKL_ALL.jpg"),
    "images in another folder": (METADATA, "other/a.tif"),
    "files without content": hollow,
    "too cloudy": (f"NOVALD_{NAME}/{NAME}_MTD_ALL.xml", f"NOVALD_{NAME}/a.tif"),
    "too cloudy beside it": (METADATA, f"{NAME}/a.tif", f"NOVALD_{NAME}/a.tif"),
}


@pytest.mark.parametrize("spoil", SPOIL.values(), ids=SPOIL)
def test_any_other_zip_is_broken(valid: Path, spoil: Callable[[Path], None] | bytes | tuple[str, ...]) -> None:
    if isinstance(spoil, bytes):
        valid.write_bytes(spoil)
    elif isinstance(spoil, tuple):
        make_zip(valid, *spoil)
    else:
        spoil(valid)
    with pytest.raises(Broken) as error:
        check(valid)
    assert error.value.status is Status.TROUBLE
    assert str(error.value).isprintable()


def test_what_is_broken_says_why(valid: Path) -> None:
    spoil_crc(valid)
    with pytest.raises(Broken, match="Bad CRC-32 for file"):
        check(valid)
    make_zip(valid, f"{FOREIGN}/a.tif")
    with pytest.raises(Broken, match=rf"another job: it holds {FOREIGN}"):
        check(valid)
    make_zip(valid, METADATA)
    with pytest.raises(Broken, match=r"\.tif"):
        check(valid)


def test_a_name_that_steers_a_terminal_is_not_shown_so(tmp_path: Path) -> None:
    odd = make_zip(tmp_path / "a.zip", METADATA, f"{NAME}/\x1b[31m\u202e.tif")
    replaced(odd, b".tif\n", b".xxx\n")
    with pytest.raises(Broken, match="Bad CRC-32") as error:
        check(odd)
    assert str(error.value).isprintable()


def test_a_zip_that_would_unfold_without_end_is_refused(valid: Path) -> None:
    make_zip(valid, METADATA, *(f"{NAME}/{number}.tif" for number in range(30)))
    content = bytearray(valid.read_bytes())
    at = -1
    while (at := content.find(b"PK\x01\x02", at + 1)) >= 0:
        content[at + 24 : at + 28] = b"\xfe\xff\xff\xff"  # the length of a member, as the directory has it
    valid.write_bytes(content)
    with pytest.raises(Broken, match="unpack"):
        check(valid)


def test_a_zip_of_a_million_members_is_refused_before_it_is_listed() -> None:
    directory = b"PK\1\2" * (MOST_MEMBERS + 1)
    end = struct.pack("<4s6xHI4xH", b"PK\5\6", 1, len(directory), 0)  # however many it says
    with pytest.raises(Broken, match="more than 100000 members"):
        check_zip(io.BytesIO(b"PK\3\4" + directory + end), belongs)


@pytest.mark.parametrize("is_at_the_end", [True, False], ids=["directory", "member"])
def test_a_read_error_of_the_disk_says_nothing_about_the_zip(valid: Path, *, is_at_the_end: bool) -> None:
    class FailingDisk(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if is_at_the_end or self.tell() < 100:
                raise OSError(errno.EIO, "Input/output error")
            return super().read(size)

    with pytest.raises(OSError, match="Input/output"):
        check_zip(FailingDisk(valid.read_bytes()), belongs)


@settings(max_examples=80)
@given(st.data())
def test_a_zip_with_any_byte_changed_is_broken_or_still_valid(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    packed = data.draw(st.sampled_from(PACKED))
    path = make_zip(tmp_path_factory.getbasetemp() / f"{NAME}.zip", METADATA, f"{NAME}/a.tif", compression=packed)
    content = bytearray(path.read_bytes())
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content)
    try:
        check(path)
    except PepsError as error:
        assert isinstance(error, Broken)  # noqa: PT017
        return
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
