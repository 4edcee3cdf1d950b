"""The packages that this one needs, and what to do where they are missing or too old. Read only when a run fails."""

from __future__ import annotations

import os
import re
import shlex
import sys
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distributions, requires
from importlib.util import find_spec
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def advice() -> str | None:
    """Return in one line what this Python lacks and what to do about it, or None if it lacks nothing."""
    missing, wanted = [], []
    for requirement in _requirements():
        if not (match := re.fullmatch(r"([\w.-]+) ?>= ?([\d.]+)", requirement)):
            continue
        name, version = match.groups()
        found = {
            Path(str(package.locate_file(""))).resolve(): package.version
            for package in reversed(list(distributions(name=name, path=sys.path)))
        }
        new = [folder for folder, there in found.items() if _numbers(there) >= _numbers(version)]
        folder = _folder_of_pythonpath(name)
        if folder and new and folder not in new:
            return f"{folder} in PYTHONPATH hides the newer {name} that is installed: run it without PYTHONPATH"
        if not new or list(found)[-1] not in new:
            there = f"{list(found.values())[-1]} is installed" if found else "not installed"
            missing.append(f"{name} {version} or newer ({there})")
            wanted.append(f"{name}>={version}")
    if not missing:
        return None
    return f"this Python lacks {' and '.join(missing)}: {shlex.join([sys.executable, '-m', 'pip', 'install', *wanted])}"


def _folder_of_pythonpath(name: str) -> Path | None:
    """Return the folder of PYTHONPATH from which a package is imported, if there is one."""
    spec = find_spec(name.lower())
    if spec is None or spec.origin is None:
        return None
    folders = {Path(folder).resolve() for folder in os.environ.get("PYTHONPATH", "").split(os.pathsep) if folder}
    return next((folder for folder in Path(spec.origin).resolve().parents if folder in folders), None)


def _requirements() -> list[str]:
    """Return what a checkout's pyproject.toml asks for, or else what the installation noted."""
    with suppress(OSError, KeyError, tomllib.TOMLDecodeError):
        return list(tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"])
    with suppress(PackageNotFoundError):
        return requires("peps_maja") or []
    return []


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:3]]
