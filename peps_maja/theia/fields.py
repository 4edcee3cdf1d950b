"""The fields of a JSON document whose types nobody vouches for: each read as what it should be, or as nothing."""

from __future__ import annotations

from math import isfinite


def mapping(value: object) -> dict[str, object]:
    """Return an object of JSON, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[object]:
    """Return an array, an empty one for anything else."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a text, an empty one for anything else."""
    return value if isinstance(value, str) else ""


def number(value: object) -> float | None:
    """Return a finite number, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def whole(value: object) -> int | None:
    """Return a whole number from 0 on, None for anything else."""
    found = number(value)
    return int(found) if found is not None and found >= 0 and found == int(found) else None
