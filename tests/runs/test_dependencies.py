"""A Python that lacks what the scripts need: which package, which version, and what to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from helpers import ROOT, Place

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
    ("name", "version", "code"),
    [
        ("filelock", "3.9.0", "class FileLock: pass"),  # ImportError: it has no lock_descriptor
        ("urllib3", "1.26.20", "raise AttributeError('no such thing in the old one')"),
        ("requests", "2.9", "def get(): raise TypeError"),
    ],
)
def test_a_package_that_is_too_old_is_told(place: Place, tmp_path: Path, name: str, version: str, code: str) -> None:
    install(tmp_path, name, version, code)
    run = place.process(*SEARCH, PYTHONPATH=str(tmp_path))
    assert (run.status, run.err.count("\n")) == (2, 1), run.err
    assert f"{name} {NEEDED[name]} or newer ({version} is installed)" in run.err
    assert f"{sys.executable} -m pip install '{name}>={NEEDED[name]}'" in run.err


@pytest.mark.parametrize("is_complete", [True, False])
def test_the_environment_beside_the_script_comes_first(nowhere: Place, tmp_path: Path, *, is_complete: bool) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(ROOT / "peps_maja", checkout / "peps_maja")
    for name in ("peps_maja_process.py", "pyproject.toml"):
        shutil.copy(ROOT / name, checkout)
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    for name, version in list(NEEDED.items())[: None if is_complete else 2]:
        install(checkout / ".venv" / "lib" / "python3.11" / "site-packages", name, version)
    script = checkout / "peps_maja_process.py"
    command = [sys.executable, "-S", str(script), *SEARCH]
    run = subprocess.run(
        command, cwd=nowhere.folder, env=nowhere.environment, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr.count("\n")) == (2, 1), run.stderr
    assert (f"{python} {script}" in run.stderr) == is_complete
    assert ("pip install" in run.stderr) != is_complete
