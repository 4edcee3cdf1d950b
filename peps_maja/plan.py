"""What a run is going to do, as people read it: the table of products, and what the jobs will cost. Touches nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .catalogue import Choice, Record
from .text import counted, size

# PEPS computes the product and the seven after it (or before it, where it is too recent), to deliver one.
PRODUCTS_PER_JOB = 8
HOURS_PER_JOB = (1, 2)
HOURS_OF_FIRST_DATE, HOURS_OF_FURTHER_DATE = 1, 25 / 60  # of a series job
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


@dataclass(frozen=True)
class Cost:
    """What one way of processing takes: jobs, products that PEPS computes, and hours of computing."""

    way: str
    jobs: int
    computed: int
    hours: tuple[float, float]

    def __str__(self) -> str:
        """Return the cost as one line."""
        hours = " to ".join(dict.fromkeys(f"{hours:.0f}" for hours in self.hours))
        return (
            f"{self.way:<13} {counted(self.jobs, 'job')}, {counted(self.computed, 'computed product')}, {hours} hours"
        )


def cost_of_singles(jobs: int) -> Cost:
    """Return what one job for each product takes."""
    least, most = HOURS_PER_JOB
    return Cost("one by one:", jobs, jobs * PRODUCTS_PER_JOB, (jobs * least, jobs * most))


def cost_of_series(dates: Sequence[int]) -> Cost:
    """Return what series jobs of so many dates take."""
    hours = sum(HOURS_OF_FIRST_DATE + HOURS_OF_FURTHER_DATE * (number - 1) for number in dates)
    return Cost("as a series:", len(dates), sum(dates), (hours, hours))


def compare(chosen: Cost, other: Cost | str, *, is_series: bool, refused: Sequence[str] = ()) -> list[str]:
    """Return both ways side by side, and a hint if the other one takes half the computing or less.

    `other` is a text where that way is not possible: the reason. `refused` are options that --series does not take.
    """
    lines = [f"{chosen}   <- this run"]
    if isinstance(other, str):
        return [*lines, f"as a series:  not possible, {other}"]
    lines.append(str(other))
    if 0 < other.computed * 2 <= chosen.computed:
        way = "without --series" if is_series else " and without ".join(("with --series", *refused))
        lines.append(f"Much cheaper: {way} PEPS computes {other.computed} products instead of {chosen.computed}.")
    return lines


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
