"""The table of products that people read before they agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from peps_maja.products.records import L1CRecord, L2ARecord
from peps_maja.submitter.choice_of_baseline_and_version import AT_THEIA, Choice
from peps_maja.text import counted, size

LIKELY_NOVALD = 90  # percent of clouds: above, MAJA delivers nothing to use
_ROW = "{:<10}  {:<3}  {:>5}  {:<5}  {:>6}  {:>8}  {}"


def table(choices: Sequence[Choice], *, verbose: bool = False) -> list[str]:
    """Return one line per product: what it is, and what will be done with it or the reason why nothing.

    With `verbose` come the names, and the products that Theia has in place of PEPS.
    """
    has_l2a = any(isinstance(choice.record, L2ARecord) for choice in choices)
    head = _ROW.format("date", "sat", "orbit", "tile", "clouds", "size" if has_l2a else "L1C size", "what")
    rows = [_row(choice, with_name=verbose) for choice in choices if verbose or choice.action != AT_THEIA]
    return [head, *rows] if rows else []


def summary(choices: Sequence[Choice]) -> str:
    """Return in one line how many products there are, why some are left out, and how large the others are."""
    submitted = [choice.record for choice in choices if choice.is_submitted]
    taken = [choice.record for choice in choices if choice.is_taken]
    actions = Counter(choice.action for choice in choices if not choice.is_submitted)
    is_theia_only = choices and all(isinstance(choice.record, L2ARecord) for choice in choices)
    parts = [f"{number} {reason}" for reason, number in actions.most_common()]
    line = f"{counted(len(choices), 'product')}: "
    line += ", ".join(parts if is_theia_only else [f"{len(submitted)} to submit", *parts])
    if total := sum(record.size or 0 for record in submitted):
        line += f"; {size(total)} of L1C to process"
    if taken:
        unknown = sum(record.size is None for record in taken)
        more = f" and {counted(unknown, 'product')} of unknown size" if unknown else ""
        line += f"; {size(sum(record.size or 0 for record in taken))}{more} to download from Theia"
    return line


def _row(choice: Choice, *, with_name: bool) -> str:
    record = choice.record
    notes = [choice.action]
    if isinstance(record, L1CRecord) and choice.is_submitted:
        notes += ["likely NOVALD"] if (record.clouds or 0) > LIKELY_NOVALD else []
        notes += ["on tape, takes longer"] if record.on_tape else []
    is_strange = isinstance(record, L1CRecord) and record.product is None
    return _ROW.format(
        record.day or "?",
        record.satellite or "?",
        f"R{record.orbit:03d}" if record.orbit else "?",
        record.tile or "?",
        "?" if record.clouds is None else _percent(record.clouds),
        "?" if record.size is None else size(record.size),
        "; ".join(notes) + (f"  {record.identifier}" if with_name or is_strange else ""),
    )


def _percent(clouds: float) -> str:
    """Return a percentage with one decimal, or with more where that would make 40.04, left out by `-c 40`, a 40."""
    decimals = 0 if clouds == int(clouds) else next((n for n in range(1, 6) if round(clouds, n) % 1), 6)
    return f"{clouds:.{decimals}f} %"
