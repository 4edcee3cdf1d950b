"""The lines of a log (UTC time, event, job, detail), also those that a crash has cut or an editor has damaged."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import NamedTuple

from peps_maja.joblog.details import Offer
from peps_maja.joblog.events import EVENTS, Event
from peps_maja.products.names import named_product
from peps_maja.products.series import Series

HEADER = "# peps_maja job log 1"
_SIGNS = {"#": "[0-9]", "?": "[A-Z]"}


def _beginning_of(form: str) -> str:
    """Return a pattern for all that a name of this form can begin with: `#` is a digit, `?` a letter."""
    pattern = ""
    for sign in reversed(form):
        pattern = f"(?:{_SIGNS.get(sign, sign)}{pattern})?"
    return pattern


_L1C = _beginning_of("S2?_MSIL1C_########T######_N####_R###_T##???_########T######")
_SERIES = _beginning_of("##???_####-##-##_####-##-##_R###")
_NAME_OR_PIECE = re.compile(rf"(?=S2[A-D]_MSIL1C_){_L1C}|(?=[0-9]{{2}}[A-Z]{{3}}_[0-9]{{4}}-){_SERIES}")
_BROKEN_OFF = re.compile(rf"[^\t]*\t[^\t]*\t(?=.)({_L1C}|{_SERIES})")
# Blanks, a comment that a spreadsheet has quoted, or what breaks off before its third column.
_NOTHING = re.compile(r"\W*|[ \"'\ufeff\ufffd]*#.*|[-0-9T:Z]{1,20}(?:\t[a-z]*\t?)?")
# The name of a job of Theia, or its beginning; a file's name, `….zip`, is none, and can be of a job of PEPS.
_OF_THEIA = re.compile(r"SENTINEL2[A-D]_(?![\w.-]*\.ZIP)|\tS(?:E[NTIL2]*)?$")
_JOINED = re.compile(r"[0-9]Z\W+submitt(?:ing|ed)\b")
_EVENT = re.compile("|".join(EVENTS).upper())
# Colours of a terminal, controls, characters without width, and what Markdown sets before `_`.
_INVISIBLE = re.compile("\x1b\\[[0-9;]*[A-Za-z]|[\x01-\x08\x0a-\x1f\x7f-\x9f\xad\u200b-\u200f\u2060\ufeff\\\\]")
_OF_PEPS = {Event.SUBMITTING, Event.SUBMITTED, Event.POSTPONED}


class Line(NamedTuple):
    """An event; None for one that this version does not know, which changes no state."""

    time: str
    event: Event | None
    job: str
    detail: str


class Damaged(NamedTuple):
    """What can be read of a damaged line: names of PEPS's jobs, pieces of names, whether these may be submitted."""

    names: frozenset[str] = frozenset()
    pieces: frozenset[str] = frozenset()
    is_unclear: bool = True


def read_line(line: str, known: Container[str] = ()) -> Line | Damaged | None:
    """Return what a line says, given `known` names of jobs; None for what says nothing of a job."""
    text = line.rstrip("\r\n")
    if "\0" in text and not (text := text.replace("\0", "")):
        return Damaged()
    if text[:1] in {"#", ""}:
        return None
    columns = text.split("\t")
    time, word, job, detail = [*columns, "", "", ""][:4]
    has_form = len(columns) in {3, 4} and (job in known or _is_job(job))
    is_joined = len(time) > 30 or "submitt" in time or _JOINED.search(detail)  # with a line before it, or behind
    if not has_form or is_joined:
        return _damaged(text)
    event = EVENTS.get(word)
    if event in (_OF_PEPS if job.startswith("SENTINEL2") else {Event.AVAILABLE}):
        event = None  # a job's name tells its service
    if event is Event.AVAILABLE and Offer.parse(detail) is None:
        return None  # fetching again costs nothing
    return Line(time, event, job, detail)


def _is_job(name: str) -> bool:
    named = named_product(name) or Series.parse(name)
    return named is not None and named.name == name


def _damaged(line: str) -> Damaged | None:
    """Return what can be read of a line that is no event; None if it is nothing, or of Theia's."""
    if _NOTHING.fullmatch(line):
        return None
    text = _INVISIBLE.sub("", line).upper()
    found = frozenset(_NAME_OR_PIECE.findall(text))
    if broken_off := _BROKEN_OFF.fullmatch(text):
        found |= {broken_off[1]}
    events = {EVENTS[word.lower()] for word in _EVENT.findall(text)}
    if _OF_THEIA.search(text) and (events == {Event.AVAILABLE} or not found):
        return None
    names = frozenset(filter(_is_job, found))
    is_unclear = not events or bool(events & {Event.SUBMITTING, Event.SUBMITTED})
    return Damaged(names, found - names, is_unclear)
