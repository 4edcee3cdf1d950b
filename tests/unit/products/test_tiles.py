"""Names of tiles: what is one, and where it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peps_maja.errors import Status, UsageError
from peps_maja.products.tiles import Tile

NO_TILE = ["", "T", "1TCJ", "31TC", "31TCJX", "TT31TCJ", "031TCJ", "31-TCJ", "31TC1", "31TCJ 31TCH", "٣١TCJ"]
NO_ZONE = ["00TCJ", "61TCJ", "99TCJ"]
NO_BAND = ["31ACJ", "31BCJ", "31ICJ", "31OCJ", "31YCJ", "31ZCJ"]
NO_SQUARE = ["31TIJ", "31TCI", "31TOJ", "31TCO"]
tiles = st.from_regex("(0[1-9]|[1-5][0-9]|60)[C-HJ-NP-X][A-HJ-NP-Z]{2}", fullmatch=True)


@pytest.mark.parametrize("text", ["31TCJ", "T31TCJ", "t31tcj", "31tcj", " 31TCJ\n"])
def test_a_tile_is_the_same_however_it_is_written(text: str) -> None:
    assert Tile.parse(text) == Tile("31TCJ")


@pytest.mark.parametrize("text", NO_TILE + NO_ZONE + NO_BAND + NO_SQUARE)
def test_an_invalid_tile_is_a_usage_error_that_names_it(text: str) -> None:
    with pytest.raises(UsageError) as error:
        Tile.parse(text)
    assert error.value.status is Status.UNUSABLE
    assert repr(text) in str(error.value)


@given(tiles)
def test_every_mgrs_tile_is_read(name: str) -> None:
    assert str(Tile.parse("t" + name.lower())) == name


@given(st.text())
def test_any_text_is_a_tile_or_a_usage_error(text: str) -> None:
    try:
        tile = Tile.parse(text)
    except UsageError:
        return
    assert Tile.parse(tile.name) == tile
