"""The options of both scripts as frozen values, which the rest works with; `parsing.py` reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from peps_maja.products.places import Box, Days

DEFAULT_SERVER = "https://peps.cnes.fr"
DEFAULT_GEODES = "https://geodes-portal.cnes.fr"
QUESTION_FROM = 10  # jobs, or dates of a series
SHORTEST_CYCLE = 10.0  # seconds: PEPS wants to be asked about a job no more often


@dataclass(frozen=True, kw_only=True)
class Options:
    """What both scripts are told."""

    auth: Path
    log: Path
    server: str
    geodes: str
    quiet: bool
    verbose: bool


@dataclass(frozen=True, kw_only=True)
class ProcessOptions(Options):
    """What peps_maja_process.py is told: None, False or empty where an option is not given.

    Tiles and products are names as the catalogues write them, each once.
    """

    tile: Sequence[str]
    location: str | None
    lat: float | None
    lon: float | None
    lonmin: float | None
    latmin: float | None
    lonmax: float | None
    latmax: float | None
    start_date: date | None
    end_date: date | None
    orbit: int | None
    max_cloud: float | None
    sat: str | None
    product: Sequence[str]
    again: bool
    limit: int | None
    resubmit: Sequence[str]
    theia: str | None
    dry_run: bool
    page: Path | None
    yes: bool
    json: Path | None
    series: bool
    write_dir: Path | None
    adopt: Sequence[Sequence[str]]
    drop: Sequence[str]
    command: str = ""

    @property
    def days(self) -> Days | None:
        """The days of a search, None where there is no search."""
        return Days(self.start_date, self.end_date) if self.start_date and self.end_date else None

    @property
    def box(self) -> Box | None:
        """The box in which to search, or the point."""
        edges = (self.lonmin, self.latmin, self.lonmax, self.latmax)
        if self.lat is not None and self.lon is not None:
            edges = (self.lon, self.lat, self.lon, self.lat)
        return None if None in edges else Box(*(edge for edge in edges if edge is not None))

    @property
    def place(self) -> str | Box | None:
        """Where to search, if not in tiles: a name that the catalogue of PEPS knows, or a box."""
        return self.location or self.box

    @property
    def is_theia_only(self) -> bool:
        """Whether nothing is to be submitted to PEPS."""
        return self.theia == "only"

    def refused_by_series(self) -> list[str]:
        """Return the options given that --series does not take."""
        return ["--" + name.replace("_", "-") for name in ("max_cloud", "sat") if getattr(self, name) is not None]


@dataclass(frozen=True, kw_only=True)
class DownloaderOptions(Options):
    """What peps_maja_downloader.py is told."""

    write_dir: Path
    wait: bool
    every: float | None
    timeout: float | None
    jobs: int
    unzip: bool
    status: bool
    json: bool
    stalled_after: float
    dates: bool
    start_date: date | None
    end_date: date | None
    csv: Path | None
    page: Path | None
    check: bool

    @property
    def pause(self) -> float:
        """Seconds between two polls."""
        return max(SHORTEST_CYCLE, 60 * (10 if self.every is None else self.every))
