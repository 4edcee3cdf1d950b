"""What tests share: where things are, who the user is, and the two scripts as processes in a folder of their own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
EMAIL, PASSWORD = "me@example.org", "secret"
TILE = "31TCJ"


@dataclass(frozen=True)
class Run:
    """What a run of a script left: its exit status and what it printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """A user's folder: runs the scripts in it, and reads what they leave there."""

    folder: Path
    environment: dict[str, str]

    @property
    def log(self) -> Path:
        return self.folder / "peps_maja.log"

    def start(self, script: str, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, ROOT / f"peps_maja_{script}.py", *arguments],
            cwd=self.folder,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def _run(self, script: str, *arguments: str | Path, **environment: str) -> Run:
        with self.start(script, *arguments, **environment) as process:
            try:
                out, err = process.communicate(timeout=60)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return Run(process.returncode, out, err)

    def process(self, *arguments: str | Path, **environment: str) -> Run:
        """Run peps_maja_process.py to its end."""
        return self._run("process", *arguments, **environment)

    def download(self, *arguments: str | Path, **environment: str) -> Run:
        """Run peps_maja_downloader.py to its end."""
        return self._run("downloader", *arguments, **environment)

    def events(self, *kinds: str) -> list[tuple[str, str, str]]:
        """Return event, job and detail of each line of the log (of these kinds only, if any are named)."""
        lines = [line.split("\t") for line in self.log.read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
        return [(event, job, detail) for _, event, job, detail in lines if not kinds or event in kinds]

    def write_log(self, *events: tuple[str, ...]) -> None:
        """Write a log by hand: tuples of time, event, job and detail."""
        lines = ["# peps_maja job log 1", *("\t".join(event) for event in events)]
        self.log.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def zips(self) -> list[str]:
        """Return the names of the zips in the folder."""
        return sorted(path.name for path in self.folder.glob("*.zip"))
