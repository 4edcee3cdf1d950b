"""The packages that this one needs, and what to do where they are missing or too old."""

from __future__ import annotations

import os
import re
import shlex
import sys
from pathlib import Path

from peps_maja.text import version_numbers

_PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"  # of a checkout


def advice() -> str | None:
    """Return in one line what this Python lacks and what to do about it, or None if it lacks nothing."""
    import tomllib  # these are slow, and needed only where a run fails
    from importlib.metadata import distributions
    from importlib.util import find_spec

    if _PROJECT.is_file():
        requirements = tomllib.loads(_PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    else:
        requirements = [line for package in distributions(name="peps_maja") for line in package.requires or []]
    lacking = {}
    for name, version in re.findall(r"^([\w.-]+) ?>= ?([\d.]+)$", "\n".join(requirements), re.MULTILINE):
        found = list(distributions(name=name, path=sys.path))
        new = [package for package in found if version_numbers(package.version) >= version_numbers(version)]
        used = getattr(find_spec(name.lower()), "origin", None) or ""
        is_hidden = bool(new and used) and not any(used.startswith(str(package.locate_file(""))) for package in new)
        if is_hidden and os.environ.get("PYTHONPATH"):
            return f"{used} hides the newer {name} that is installed: run it without PYTHONPATH"
        if is_hidden or not new:
            lacking[f"{name}>={version}"] = f"{found[0].version} is installed" if found else "not installed"
    command = shlex.join([sys.executable, "-m", "pip", "install", *lacking])
    words = " and ".join(f"{needed} ({there})" for needed, there in lacking.items())
    return f"this Python lacks {words}: {command}" if lacking else None
