"""L2A zips: small, and genuine in shape. The same name always gives the same bytes."""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
from datetime import date
from io import BytesIO

from peps_maja.sandbox.world.acquisitions import clouds_of
from peps_maja.sandbox.world.pictures import quicklook

SIDE = 120  # pixels; a true raster has 10980
BANDS = ("B2", "B3", "B4", "B8")
MASKS = ("CLM", "EDG", "SAT")
NOT_VALID = "NOVALD_"
LONG_AGO = (2019, 3, 1, 12, 0, 0)  # the time of all members, so that the bytes stay the same

_METADATA = """<?xml version="1.0" encoding="UTF-8"?>
<Muscate_Metadata_Document>
  <Dataset_Identification>
    <IDENTIFIER>{name}</IDENTIFIER>
    <GEOGRAPHICAL_ZONE type="Tile">T{tile}</GEOGRAPHICAL_ZONE>
  </Dataset_Identification>
  <Product_Characteristics>
    <ACQUISITION_DATE>{moment}</ACQUISITION_DATE>
    <PLATFORM>{platform}</PLATFORM>
    <PROCESSING_LEVEL>L2A</PROCESSING_LEVEL>
  </Product_Characteristics>
  <Quality_Informations>
    <Global_Index_List><QUALITY_INDEX name="CloudPercent">{clouds:.0f}</QUALITY_INDEX></Global_Index_List>
  </Quality_Informations>
</Muscate_Metadata_Document>
"""
UNKNOWN = ("A", "0000", "00", "00", "00", "00", "00", "000", "00XXX")  # what a name without a date says
_NAME = re.compile(r"SENTINEL2(\w)_(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-(\d{3})_L2A_T(\w{5})_")


def make_zip(file_name: str, side: int = SIDE) -> bytes:
    """Return the zip of this name: one folder of the same name; NOVALD ones hold MUSCATE's metadata only."""
    name = file_name.removesuffix(".zip")
    satellite, *moment, tile = _parts(name)
    when, platform = "{}-{}-{}T{}:{}:{}.{}Z".format(*moment), f"SENTINEL2{satellite}"
    text = _METADATA.format(name=name, tile=tile, moment=when, platform=platform, clouds=_clouds(name))
    members = {f"{name}_MTD_ALL.xml": text.encode()}
    if NOT_VALID not in name:
        members |= _images(name, side)
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for member, content in members.items():
            entry = zipfile.ZipInfo(f"{name}/{member}", LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def tiff(pixels: bytes, bits: int, side: int) -> bytes:
    """Return a square, uncompressed, little-endian TIFF of one sample of 8 (unsigned) or 16 (signed) bits."""
    # Bits, no compression, black is zero, samples per pixel, unsigned or signed; width, height, where the only strip
    # begins, its rows, its bytes. In little-endian order a short value and its padding are the same as a long one.
    shorts = {258: bits, 259: 1, 262: 1, 277: 1, 339: bits // 8}
    entries = sorted((shorts | {256: side, 257: side, 273: 8, 278: side, 279: len(pixels)}).items())
    fields = b"".join(struct.pack("<HHII", tag, 3 if tag in shorts else 4, 1, value) for tag, value in entries)
    directory = struct.pack("<H", len(entries)) + fields + struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory


def quicklook_of(name: str) -> bytes:
    """Return the quicklook that is in the zip of this product."""
    return quicklook(name, _clouds(name))


def _images(name: str, side: int) -> dict[str, bytes]:
    files = {f"{name}_QKL_ALL.jpg": quicklook_of(name)}
    for kind in ("SRE", "FRE"):
        for band in BANDS:
            files[f"{name}_{kind}_{band}.tif"] = tiff(_reflectance(name + kind + band, side), 16, side)
    for mask in MASKS:
        files[f"MASKS/{name}_{mask}_R1.tif"] = tiff(bytes(side * side), 8, side)
    return files


def _parts(name: str) -> tuple[str, ...]:
    match = _NAME.search(name)
    return match.groups() if match else UNKNOWN


def _clouds(name: str) -> float:
    """Return the clouds that the catalogue gives this acquisition, or 50 percent if it does not know them."""
    satellite, year, month, day, *_, tile = _parts(name)
    try:
        known = clouds_of(f"S2{satellite}", tile, date(int(year), int(month), int(day)))
    except ValueError:
        return 50.0
    return 50.0 if known is None else known


def _reflectance(seed: str, side: int) -> bytes:
    """Return little-endian pixels: a slope from south to north (high bytes) under noise (low bytes)."""
    pixels = bytearray(2 * side * side)
    pixels[0::2] = hashlib.shake_128(seed.encode()).digest(side * side)
    pixels[1::2] = b"".join(bytes([1 + 6 * row // side]) * side for row in range(side))
    return bytes(pixels)
