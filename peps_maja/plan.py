"""What a run is going to do, as people read it: the table of products, and what the jobs will cost. Touches nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .catalogue import Choice, Record
from .text import counted, size

# PEPS computes the product and the seven after it (or before it, where it is too recent), to deliver one.
PRODUCTS_PER_JOB = 8
HOURS_PER_JOB = (1, 2)
LIKELY_NOVALD = 90  # percent of clouds: above, MAJA delivers nothing to use

_HEAD = ("date", "sat", "orbit", "tile", "clouds", "size", "what")
_ROW = "{:<10}  {:<3}  {:>5}  {:<5}  {:>6}  {:>7}  {}"


def table(choices: Sequence[Choice], *, with_names: bool = False) -> list[str]:
    """Return one line per product: what it is, and `submit` or the reason why not."""
    return [_ROW.format(*_HEAD)] + [_row(choice, with_names=with_names) for choice in choices]


def summary(choices: Sequence[Choice]) -> str:
    """Return in one line how many products there are and why some are left out."""
    left_out = Counter(choice.action for choice in choices if not choice.is_submitted)
    reasons = ", ".join(f"{number} {reason}" for reason, number in left_out.most_common())
    found = counted(len(choices), "product")
    return f"{found}: {len(choices) - left_out.total()} to submit" + (f", {reasons}" if reasons else "")


def cost(jobs: int) -> str:
    """Return in one line what so many jobs take."""
    least, most = (jobs * hours for hours in HOURS_PER_JOB)
    return (
        f"{counted(jobs, 'job')} at PEPS: {least} to {most} hours of computing,"
        f" {jobs * PRODUCTS_PER_JOB} computed products"
    )


def _row(choice: Choice, *, with_names: bool) -> str:
    record = choice.record
    what = "; ".join(filter(None, (choice.action, *(_notes(record) if choice.is_submitted else ()))))
    name = f"  {record.identifier}" if with_names or record.product is None else ""
    return _ROW.format(
        record.day or "?",
        record.satellite or "?",
        f"R{record.orbit:03d}" if record.orbit else "?",
        record.tile or "?",
        "?" if record.clouds is None else f"{record.clouds:.0f} %",
        "?" if record.size is None else size(record.size),
        what + name,
    )


def _notes(record: Record) -> list[str]:
    notes = []
    if record.clouds is not None and record.clouds > LIKELY_NOVALD:
        notes.append("likely NOVALD")
    if record.reaches_beyond_60():
        notes.append("partly beyond 60°")
    if record.on_tape:
        notes.append("on tape, takes longer")
    return notes
