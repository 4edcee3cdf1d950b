"""The packages that this one needs, and what to do where they are missing or too old. Read only when a run fails."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distributions, requires
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def advice() -> str | None:
    """Return in one line what this Python lacks and what to do about it, or None if it lacks nothing."""
    lacking = _lacking(sys.path)
    if not lacking:
        return None
    what = " and ".join(
        f"{name} {version} or newer ({f'{found} is installed' if found else 'not installed'})"
        for name, (version, found) in lacking.items()
    )
    if python := _python_beside():
        return f"this Python lacks {what}: use the environment beside the script: {python} {shlex.quote(sys.argv[0])}"
    wanted = (f"{name}>={version}" for name, (version, _) in lacking.items())
    return f"this Python lacks {what}: {shlex.join([sys.executable, '-m', 'pip', 'install', *wanted])}"


def _lacking(path: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the packages that are missing on this path or too old: the version needed, and the one that is there."""
    lacking = {}
    for requirement in _requirements():
        if match := re.fullmatch(r"([\w.-]+) ?>= ?([\d.]+)", requirement):
            name, version = match.groups()
            found = next(iter(distributions(name=name, path=list(path))), None)
            if found is None or _numbers(found.version) < _numbers(version):
                lacking[name] = (version, found.version if found else "")
    return lacking


def _requirements() -> list[str]:
    """Return what a checkout's pyproject.toml asks for, or else what the installation noted."""
    with suppress(OSError, KeyError, tomllib.TOMLDecodeError):
        return list(tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"])
    with suppress(PackageNotFoundError):
        return requires("peps_maja") or []
    return []


def _python_beside() -> str:
    """Return the Python of the environment beside the scripts if that one lacks nothing."""
    for python in _ROOT.glob("*venv/bin/python"):
        folders = [str(folder) for folder in python.parents[1].glob("lib/python3*/site-packages")]
        if python.parents[1] != Path(sys.prefix) and not _lacking(folders):
            return shlex.quote(str(python))
    return ""


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
