"""Text from users and servers, made safe for one line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peps_maja.text import counted, one_line, size, version_numbers

CONTROL_CHARACTERS = [
    *(
        ("a\r\nb\nc\rd", "a b c d"),
        ("a\tb", "a b"),
        ("a\x00\x07b", "a b"),
        ("  a \xa0\u3000 b  ", "a b"),
        ("\n\x00\x1b", ""),
    ),
    ("\x1b[31mred\x1b[0m \x9b2J", "[31mred [0m 2J"),  # of a terminal
    ("a\x85b\u2028c\u2029d", "a b c d"),  # line ends of Unicode
    ("a\u202eb\u2066c", "a b c"),  # writing direction
    ("a\u200bb\ufeffc\xadd", "a b c d"),  # signs that nobody sees
    ("a\ud83db", "a b"),  # half a pair
]
everything = st.text(st.characters(exclude_categories=()))


def test_one_line() -> None:
    for text, line in CONTROL_CHARACTERS:
        assert one_line(text) == line
    for text in ("plain", "Garonne à Toulouse: 38 °C", "東京", "no space left on device (28)", "😀"):
        assert one_line(text) == text


@given(everything, st.integers(1, 60))
def test_any_text_becomes_one_line_of_that_length(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert len(line) <= limit
    assert len(line.splitlines()) <= 1
    assert "\t" not in line
    assert not {unicodedata.category(sign) for sign in line} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert one_line(line, limit) == line
    line.encode()


@pytest.mark.parametrize("letter", ["x", "é"])
def test_a_long_text_is_cut_and_shows_it(letter: str) -> None:
    assert one_line(letter * 500) == letter * 500
    assert one_line(letter * 501) == letter * 499 + "…"
    assert one_line(letter * 1_000_000, 10) == letter * 9 + "…"


def test_size_and_counted() -> None:
    sizes = [size(number) for number in (0, 999, 1000, 999_999, 312_400_000, 999_600_000, 1_234_000_000, 2.5e12)]
    assert sizes == ["0 bytes", "999 bytes", "1 kB", "1 MB", "312 MB", "1.0 GB", "1.2 GB", "2500.0 GB"]
    assert [counted(number, "job") for number in (0, 1, 2)] == ["0 jobs", "1 job", "2 jobs"]


def test_versions_are_compared_by_their_numbers() -> None:
    assert max(["V4-0", "V10-0", "V9-9", ""], key=version_numbers) == "V10-0"
    assert max(["", "V1-4"], key=version_numbers) == "V1-4"
    assert max(["N0207", "N0500", "N0204"], key=version_numbers) == "N0500"
