"""Text from users and servers, made safe for one line."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peps_maja.text import counted, one_line, size

CONTROL_CHARACTERS = {
    "line ends": ("a\r\nb\nc\rd", "a b c d"),
    "tabs": ("a\tb", "a b"),
    "terminal colours": ("\x1b[31mred\x1b[0m", "[31mred [0m"),
    "one-byte escapes": ("\x9b2J", "2J"),
    "nul and bell": ("a\x00\x07b", "a b"),
    "Unicode line ends": ("a\x85b\u2028c\u2029d", "a b c d"),
    "writing direction": ("a\u202eb\u2066c", "a b c"),
    "invisible signs": ("a\u200bb\ufeffc\xadd", "a b c d"),
    "half a pair": ("a\ud83db", "a b"),
    "spaces": ("  a \xa0\u3000 b  ", "a b"),
    "nothing": ("", ""),
    "only controls": ("\n\x00\x1b", ""),
}
SIZES: dict[float, str] = {
    0: "0 bytes",
    999: "999 bytes",
    1000: "1 kB",
    999_999: "1 MB",
    312_400_000: "312 MB",
    999_600_000: "1.0 GB",
    1_234_000_000: "1.2 GB",
    2.5e12: "2500.0 GB",
}
everything = st.text(st.characters(exclude_categories=()))
quick = settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(("text", "line"), CONTROL_CHARACTERS.values(), ids=CONTROL_CHARACTERS)
def test_control_characters_are_removed(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize("text", ["plain", "Garonne à Toulouse: 38 °C", "東京", "no space left on device (28)", "😀"])
def test_printable_text_stays_as_it_is(text: str) -> None:
    assert one_line(text) == text


@quick
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


@pytest.mark.parametrize(("number", "text"), SIZES.items(), ids=SIZES.values())
def test_size(number: float, text: str) -> None:
    assert size(number) == text


def test_counted() -> None:
    assert [counted(number, "job") for number in (0, 1, 2)] == ["0 jobs", "1 job", "2 jobs"]
