"""`python -m peps_maja.sandbox` as a newcomer runs it: one story, and what is left in its folder."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from helpers import ROOT


def test_demonstration_ends_with_zips_of_both_services_and_the_page(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "peps_maja.sandbox", "--pace", "0", "-w", str(tmp_path / "demo")]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr.count("Traceback")) == (0, 0), run.stdout + run.stderr
    assert re.findall(r"^\d\. .*", run.stdout, re.MULTILINE) == [
        "1. What Theia has computed already is taken from there; PEPS is to compute the rest.",
        "2. Wait for PEPS's jobs, and download from both. Cron would run this without --wait.",
        "3. What became of each date? As a table, and as a page to look at.",
    ]
    assert run.stdout.count("date        sat") == 1  # the table of the search
    assert ": 3 from Theia, 2 computed by PEPS." in run.stdout
    for text in ("from Theia", "too cloudy", "1 job failed", (tmp_path / "demo/page/index.html").as_uri()):
        assert text in run.stdout
    zips = {path.name for path in (tmp_path / "demo/zips").glob("*.zip")}
    assert len(zips) == 5
    assert "SENTINEL2A_20190308-104633-904_L2A_T31TCJ_C_V4-0.zip" in zips
    assert "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip" in zips
    assert (tmp_path / "demo/page/index.html").is_file()
