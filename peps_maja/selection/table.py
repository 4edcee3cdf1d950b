"""The table of products that people read before they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from peps_maja.products.records import Record
from peps_maja.selection.choice import Choice
from peps_maja.text import counted, size

LIKELY_NOVALD = 90  # percent of clouds: above, MAJA delivers nothing to use
_HEAD = ("date", "sat", "orbit", "tile", "clouds", "L1C size", "what")
_ROW = "{:<10}  {:<3}  {:>5}  {:<5}  {:>6}  {:>8}  {}"


def table(choices: Sequence[Choice], *, with_names: bool = False) -> list[str]:
    """Return one line per product: what it is, and `submit` or the reason why not."""
    return [_ROW.format(*_HEAD)] + [_row(choice, with_names=with_names) for choice in choices]


def summary(choices: Sequence[Choice]) -> str:
    """Return in one line how many products there are, why some are left out, and how large the others are."""
    left_out = Counter(choice.action for choice in choices if not choice.is_submitted)
    reasons = ", ".join(f"{number} {reason}" for reason, number in left_out.most_common())
    found = counted(len(choices), "product")
    total = sum(choice.record.size or 0 for choice in choices if choice.is_submitted)
    counts = f"{found}: {len(choices) - left_out.total()} to submit" + (f", {reasons}" if reasons else "")
    return counts + (f"; {size(total)} of L1C to process" if total else "")


def _row(choice: Choice, *, with_names: bool) -> str:
    record = choice.record
    what = "; ".join(filter(None, (choice.action, *(_notes(record) if choice.is_submitted else ()))))
    name = f"  {record.identifier}" if with_names or record.product is None else ""
    return _ROW.format(
        record.day or "?",
        record.satellite or "?",
        f"R{record.orbit:03d}" if record.orbit else "?",
        record.tile or "?",
        "?" if record.clouds is None else _percent(record.clouds),
        "?" if record.size is None else size(record.size),
        what + name,
    )


def _percent(clouds: float) -> str:
    """Return a percentage with one decimal, or with more where that would make 40.04, left out by `-c 40`, a 40."""
    shown = f"{clouds:.1f}"
    return f"{clouds:g} %" if shown.endswith(".0") else f"{shown} %"


def _notes(record: Record) -> list[str]:
    notes = []
    if record.clouds is not None and record.clouds > LIKELY_NOVALD:
        notes.append("likely NOVALD")
    if record.reaches_beyond_60():
        notes.append("partly beyond 60°")
    if record.on_tape:
        notes.append("on tape, takes longer")
    return notes
