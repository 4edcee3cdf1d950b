"""Quicklooks: six pictures of one piece of land under more and more clouds, each date's in colours of its own.

The pictures beside this file were made by `tests/make_pictures.py`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from peps_maja.sandbox.world.acquisitions import draw

CLOUDS = (0, 8, 20, 40, 65, 100)  # percent of each picture
_TABLE = b"\xff\xdb\x00\x43"  # how a JPEG begins a table of 64 steps: the first for brightness, the second for colour
_STEPS = 64


def quicklook(seed: str, clouds: float | None = None) -> bytes:
    """Return the JPEG of a product: of these clouds (None: of any), with contrast and colour that follow `seed`."""
    percent = 100 * draw("picture", seed) if clouds is None else clouds
    picture = bytearray(_picture(min(CLOUDS, key=lambda shown: abs(shown - percent))))
    place = -1
    for least, most in ((0.85, 1.15), (0.7, 1.3)):
        place = picture.index(_TABLE, place + 1)
        factor = least + (most - least) * draw("colours", seed, least)
        steps = slice(place + len(_TABLE) + 1, place + len(_TABLE) + 1 + _STEPS)
        picture[steps] = bytes(min(max(round(step * factor), 1), 255) for step in picture[steps])
    return bytes(picture)


@lru_cache
def _picture(clouds: int) -> bytes:
    return Path(__file__).with_name(f"clouds_{clouds}.jpg").read_bytes()
