"""The lines of a log, also those that a crash has cut or an editor has changed.

A log is text: UTF-8, Unix line ends, one event per line, in four columns with a tab between (UTC time, event, job,
detail). `#` begins a comment, and the first line is HEADER. Lines are only ever appended. Of an event that a crash has
cut, the piece stays where it is, and the next run writes TORN below it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from peps_maja.joblog.details import Offer, is_status_url
from peps_maja.joblog.events import AVAILABLE, EVENTS, POSTPONED, SUBMITTED, SUBMITTING, TURNS
from peps_maja.products.names import L1CProduct
from peps_maja.products.series import Series

HEADER = "# peps_maja job log 1"
# Part of the file format: logs of earlier versions have these very words.
TORN = "# the line above was torn by a crash: passed over"
_NAMES = re.compile(
    r"S2[A-D]_MSIL1C_\d{8}T\d{6}_N\d{4}_R\d{3}_T\d\d[A-Z]{3}_\d{8}T\d{6}"
    r"|\d\d[A-Z]{3}_\d{4}-\d\d-\d\d_\d{4}-\d\d-\d\d(?:_R\d{3})?"
    r"|SENTINEL2[A-D]_[\d-]+_L2A_(?![\w.-]*\.zip)",  # a file's name is not a job, and can be of a job of PEPS
    re.ASCII,
)

# What a crash leaves of an event. One with a part of its fourth column counts as it is, unless that is a file's name.
_PIECE = re.compile(r"[-0-9T:Z]{1,20}(?:(?:\t[^\t\n]*){0,2}|\t(?:downloaded|novald)\t[^\t\n]*\t[^\t\n]*(?<!\.zip))")
History = list[str]  # the lines of one job, each of four columns
_LONGEST_LINES = 200_000  # characters


def histories_of(text: str) -> tuple[dict[str, History], list[int]]:
    """Return the events of each job, and the numbers of the damaged lines."""
    histories: dict[str, History] = {}
    damaged: list[int] = []
    for number, line in enumerate(whole_lines(text), 1):
        if line[:1] == "#":
            continue
        columns = line.split("\t")
        name = columns[2] if len(columns) == 4 and columns[1] in EVENTS else ""
        if name and columns[1] == AVAILABLE and Offer.parse(columns[3]) is None:
            continue  # damaged: fetching again costs nothing
        if name and name not in histories and not _NAMES.fullmatch(name):
            found = _first_name(name)
            name = found if found and _is_of_peps(found) else name  # without a `.SAFE` behind it
        elif not name:
            name = _first_name(line)
            if not _is_damaged(line, name):
                continue
            damaged.append(number)
            if not name:
                continue
            columns = [line[:20].replace("\t", " "), "", name, ""]  # what it says of the job cannot be trusted
            line = "\t".join(columns)  # noqa: PLW2901
        if name not in histories:
            histories[name] = []
        if columns[1] == POSTPONED:
            _take_back(histories, name)
        else:
            histories[name].append(line)
    for name in [name for name in histories if not _is_of_peps(name)]:
        if all(line.split("\t", 2)[1] != AVAILABLE for line in histories[name]):
            del histories[name]  # where it is cannot be read
    return histories, damaged


def submissions(text: str) -> dict[str, str | None]:
    """Return the jobs that a piece of a log is about, each with its address then: none yet, or None at its end."""
    found: dict[str, str | None] = {}
    for line in whole_lines(text):
        columns = line.split("\t")
        if line[:1] == "#" or len(columns) != 4 or columns[1] not in TURNS:
            continue
        _, event, name, detail = columns
        if event == AVAILABLE:
            if offer := Offer.parse(detail):
                found[name] = offer.address
        elif event in {SUBMITTING, SUBMITTED}:
            found[name] = detail if is_status_url(detail) else ""
        else:
            found[name] = None
    return found


def _take_back(histories: dict[str, History], name: str) -> None:
    """Put a job back to where it stood before its `submitting`, if nothing else became of that."""
    events = [line.split("\t", 2)[1] for line in histories[name]]
    last = next((index for index in reversed(range(len(events))) if events[index] in TURNS), None)
    if last is not None and events[last] == SUBMITTING:
        del histories[name][last:]
    if not histories[name]:
        del histories[name]


def _first_name(text: str) -> str:
    """Return the first name of a product or series that stands in a text, or nothing."""
    names = (match[0] for match in _NAMES.finditer(text))
    return next((name for name in names if not _is_of_peps(name) or L1CProduct.parse(name) or Series.parse(name)), "")


def _is_of_peps(name: str) -> bool:
    return not name.startswith("SENTINEL2")


def _is_damaged(line: str, name: str) -> bool:
    """Return True for a line with text that is neither an event nor a comment, nor about a job of Theia."""
    is_comment = line.lstrip(" \"'").startswith("#")
    return not is_comment and (not name or _is_of_peps(name)) and re.search(r"\w", line) is not None


def whole_lines(text: str) -> list[str]:
    """Return the lines of a log as they were meant, each at its place: an empty one where a crash has cut it."""
    text = text.replace("\r\n", "\n") if "\r" in text else text  # looking for two characters takes longer
    lines = text.split("\n")
    if is_torn(text):
        lines[-1] = TORN if TORN.startswith(lines[-1]) else ""
    return _without_torn(lines) if TORN in lines else lines


def is_torn(text: str) -> bool:
    """Return True if the text of a log ends in a piece of an event, or of the mark below such a piece."""
    *lines, last = text[-_LONGEST_LINES:].split("\n")
    if last and TORN.startswith(last):  # a second crash, while the piece of the first was being marked
        last = next((line for line in reversed(lines) if not line or not TORN.startswith(line)), "")
    return _PIECE.fullmatch(last) is not None


def _without_torn(lines: Iterable[str]) -> list[str]:
    """Empty each line that is marked as torn; there is more than one mark where a crash has cut the mark itself."""
    whole: list[str] = []
    for is_mark, group in groupby(lines, key=lambda line: bool(line) and TORN.startswith(line)):
        run = list(group)
        if is_mark and TORN in run:
            whole[-1:] = [""]
        whole += run
    return whole
