"""Reading documents: JSON that is not valid, an HTML page in its place, percentages as numbers or texts.

Any field of a JSON document can be of another type than it should be: it is read as what it should be, or as nothing.
"""

from __future__ import annotations

import json
import re
from math import inf, isfinite

from peps_maja.errors import ServerTrouble

HTML = "an HTML page"

# What may come before the first element, also of an XHTML page.
_PROLOG = re.compile(rb"(?:[\xef\xbb\xbf\s]|<\?xml[^>]*>|<!--(?:(?!-->).)*-->)*", re.IGNORECASE | re.DOTALL)


def kind_of(body: bytes) -> str:
    """Return what an answer looks like, for a message: `an HTML page`, `XML`, `nothing`, …."""
    start = _PROLOG.sub(b"", body[:1024], count=1).lower()
    if not start:
        return "nothing"
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return HTML
    if start.startswith(b"<"):
        return "XML"
    return "JSON" if start.startswith((b"{", b"[")) else "something else"


def instead_of(expected: str, body: bytes) -> str:
    """Return what came instead of a document that was expected, for a message."""
    kind = kind_of(body)
    if kind == expected:
        return f"{expected} that is damaged or cut short"
    hint = " (maintenance, or a login page); try again later" if kind == HTML else ""
    return f"{kind} where {expected} was expected{hint}"


def read_json(document: bytes | str) -> object:
    """Return the value of a JSON text; raise ServerTrouble for anything else."""
    body = document.encode(errors="replace") if isinstance(document, str) else document
    try:
        # One letter in another encoding, in a message, must not hide the state of the job.
        return json.loads(body.decode(json.detect_encoding(body), errors="replace"))
    except (ValueError, RecursionError):
        raise ServerTrouble(instead_of("JSON", body)) from None


def read_object(body: bytes) -> dict[str, object]:
    """Return the object of a JSON text, an empty one for anything else."""
    try:
        return mapping(read_json(body))
    except ServerTrouble:
        return {}


def mapping(value: object) -> dict[str, object]:
    """Return an object of JSON, an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def array(value: object) -> list[object]:
    """Return an array, an empty one for anything else."""
    return value if isinstance(value, list) else []


def text(value: object) -> str:
    """Return a text, an empty one for anything else."""
    return value if isinstance(value, str) else ""


def number(value: object, least: float = -inf, most: float = inf) -> float | None:
    """Return a finite number between these limits, both included; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if isfinite(value) and least <= value <= most else None
    except OverflowError:
        return None


def whole(value: object) -> int | None:
    """Return a whole number from 0 on, None for anything else."""
    found = number(value, 0)
    return int(found) if found is not None and found == int(found) else None


def percentage(value: object) -> float | None:
    """Return a percentage from 0 to 100 that a server gave as a number or as a text (`42`, `"42 %"`), or None."""
    if isinstance(value, str):
        try:
            value = float(value.strip().rstrip("%"))
        except ValueError:
            return None
    found = number(value)
    return None if found is None else min(max(found, 0.0), 100.0)
