"""The console: progress bars and lines on one terminal."""

from __future__ import annotations

import os
import pty
import re
import sys
import termios

import pytest

from peps_maja.console import Console


def seen_on_terminal(output: str) -> list[str]:
    """Return the lines that a terminal shows in the end: what follows a carriage return overwrites the line."""
    lines = []
    for line in output.replace("\r\n", "\n").split("\n"):
        seen = ""
        for piece in re.sub(r"\x1b\[[0-9]*A", "", line).split("\r"):
            seen = piece + seen[len(piece) :]
        lines.append(seen.rstrip())
    return lines


def test_nothing_of_a_progress_bar_remains_after_a_short_download(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (50, 100))
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(sys, "stderr", terminal)
        console = Console("peps_maja_downloader")
        with console.meter("NAME.zip") as meter:
            meter(1, 10)
            console.result("a line while the bar is there")
        console.result("done")
        monkeypatch.undo()
        shown = b""
        while not shown.endswith(b"done\r\n"):  # a read may bring a part of it
            shown += os.read(master, 65536)
    os.close(master)
    assert seen_on_terminal(shown.decode()) == ["a line while the bar is there", "done", ""]
