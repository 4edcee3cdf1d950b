"""A Python that lacks what the scripts need: which package, which version, and what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from helpers import ROOT, Place, Run, in_one_line

SEARCH = ("-t", "31TCJ", "-d", "2019-03-01", "-f", "2019-03-11", "-n")
NEEDED = {
    name: version
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    for name, _, version in [line.partition(">=")]
}


def install(folder: Path, name: str, version: str, code: str = "") -> None:
    """Have a package in a folder, as pip installs it."""
    information = folder / f"{name}-{version}.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (folder / f"{name}.py").write_text(code)


@pytest.mark.parametrize(
    ("name", "version", "code", "is_noted"),
    [
        ("filelock", "3.9.0", "class FileLock: pass", True),  # ImportError: it has no lock_descriptor
        ("requests", "2.9", "def get(): raise TypeError", False),
    ],
    ids=["as pip installs it", "a file alone"],
)
def test_an_old_package_that_hides_the_newer_one_is_told(
    place: Place, tmp_path: Path, name: str, version: str, code: str, *, is_noted: bool
) -> None:
    install(tmp_path, name, version, code)
    if not is_noted:
        shutil.rmtree(tmp_path / f"{name}-{version}.dist-info")
    run = place.process(*SEARCH, PYTHONPATH=str(tmp_path))
    in_one_line(run, 2, str(tmp_path), f"hides the newer {name}", "run it without PYTHONPATH")
    assert "pip" not in run.err


@pytest.mark.parametrize("version", ["", "2.9"], ids=["missing", "too old"])
def test_a_package_that_is_missing_or_too_old_is_told(nowhere: Place, tmp_path: Path, version: str) -> None:
    for name, needed in NEEDED.items():
        if name != "requests" or version:
            install(tmp_path, name, version if name == "requests" else needed, "raise ImportError")
    command = [sys.executable, "-S", str(ROOT / "peps_maja_process.py"), *SEARCH]
    environment = nowhere.environment | {"PYTHONPATH": str(tmp_path)}
    ended = subprocess.run(command, cwd=nowhere.folder, env=environment, capture_output=True, text=True, check=False)
    found = f"{version} is installed" if version else "not installed"
    needed = f"requests>={NEEDED['requests']}"
    in_one_line(
        Run(ended.returncode, ended.stdout, ended.stderr), 2, f"({found})", f"{sys.executable} -m pip install", needed
    )
