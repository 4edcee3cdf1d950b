"""How one argument of a command line is read: numbers, days, texts and paths; errors in one line."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import NoReturn

from peps_maja.errors import UsageError
from peps_maja.text import one_line


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, and which takes underscores in option names for dashes."""

    def __init__(self, prog: str, description: str, epilog: str) -> None:
        as_written = argparse.RawDescriptionHelpFormatter
        super().__init__(
            prog=prog, description=description, epilog=epilog, formatter_class=as_written, allow_abbrev=False
        )
        self.register("type", None, text)  # of each option that names no other

    def read(self, arguments: Sequence[str] | None) -> argparse.Namespace:
        """Return the arguments by name; None: those of the process."""
        return self.parse_args([_dashed(argument) for argument in given(arguments)])

    def error(self, message: str) -> NoReturn:
        """Raise UsageError: the run ends with one line, or goes on with the next search of --again."""
        raise UsageError(f"{one_line(message)} (see {self.prog} --help)")


def given(arguments: Sequence[str] | None) -> Sequence[str]:
    """Return the arguments, those of the process if None are passed."""
    return sys.argv[1:] if arguments is None else arguments


def _dashed(argument: str) -> str:
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else argument


def path(value: str) -> Path:
    """Return a path; `~` is the home folder."""
    if not value:
        raise argparse.ArgumentTypeError("an empty name is not a file or a folder")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"cannot find the home folder for {value!r}") from None


def text(value: str) -> str:
    """Return a text that is not empty, and can be written in UTF-8."""
    if not value.strip():
        raise argparse.ArgumentTypeError("an empty value")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{value!r} is not UTF-8 text: set the terminal's encoding to UTF-8") from None
    return value


def day(value: str) -> date:
    """Return a day written as 2019-03-31."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        raise argparse.ArgumentTypeError(f"{value!r} is not a valid date: write it as 2019-03-31")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{value} is not a valid date: {error}") from None


def number(least: float, most: float, what: str, kind: type[int] | type[float] = float) -> Callable[[str], float]:
    """Return what reads a number between two limits, both included."""

    def read(value: str) -> float:
        try:
            found = kind(value)
        except ValueError:
            found = float("nan")
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"{value!r} is not a valid {what}")
        return found

    return read


def problem_of_output(option: str, output: Path | None, inputs: tuple[Path, Path]) -> str:
    """Return why a file must not be written, or nothing: it is one of these two (a log and credentials), or a lock."""
    if output is None:
        return ""
    real, log = Path(os.path.realpath(output)), Path(os.path.realpath(inputs[0]))
    is_lock = real.parent == log.parent and real.name.startswith(f"{log.name}.") and real.suffix == ".lock"
    is_needed = is_lock or any(_is_same(output, kept) for kept in inputs)
    return f"{option} {output} would replace the log, one of its locks or the credentials file" if is_needed else ""


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there yet
        return os.path.realpath(path) == os.path.realpath(other)
