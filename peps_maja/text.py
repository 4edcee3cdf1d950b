"""Text from users and servers, made safe for one line of a terminal or of the log."""

from __future__ import annotations

import re
import unicodedata

# Controls, formats (among them those that change the writing direction), surrogates, line and paragraph ends: they
# could move a cursor, fake a line or break a column. https://www.unicode.org/reports/tr44/#General_Category_Values
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def one_line(text: str, limit: int = 500) -> str:
    """Return `text` as one line of at most `limit` characters, without any control character."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(" " if unicodedata.category(char) in _UNPRINTABLE else char for char in text[: 8 * limit])
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def version_numbers(version: str) -> list[int]:
    """Return what versions and baselines are compared by: V10 comes after V4, none is the oldest."""
    return [int(number) for number in re.findall("[0-9]+", version)]


def counted(number: int, noun: str) -> str:
    """Return `1 job` or `3 jobs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def size(number: float) -> str:
    """Return a number of bytes as people read it: `312 MB`, `1.2 GB` (decimal units, as disks are sold)."""
    for unit in ("bytes", "kB", "MB"):
        if number < 999.5:
            return f"{number:.0f} {unit}"
        number /= 1000
    return f"{number:.1f} GB"
