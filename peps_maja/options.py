"""The options of both scripts: each row is an option and the field in which a run finds it; `parsing.py` reads them."""

from __future__ import annotations

import os
import time
from argparse import ArgumentTypeError
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from peps_maja.products.places import Box, Days
from peps_maja.products.tiles import Tile

DEFAULT_SERVER = "https://peps.cnes.fr"
DEFAULT_GEODES = "https://geodes-portal.cnes.fr"
_MANY: dict[str, Any] = {"default": (), "nargs": "+", "action": "extend"}  # of an option with one value or more
_RESUBMITTED = ("failed", "cancelled", "rejected", "unsure", "dropped")
QUESTION_FROM = 10  # jobs, or dates of a series


def _option(short: str, metavar: Any, read: Any, words: str, default: object = None, **settings: Any) -> Any:
    """Return a field for an option whose value `read` reads; `settings`: of argparse, and the `group` it begins."""
    settings |= {"short": short, "metavar": metavar, "type": read, "help": words}
    return field(default_factory=default if callable(default) else lambda: default, metadata=settings)


def _flag(short: str, words: str) -> Any:
    return _option(short, None, None, words, default=False, action="store_true")


def _server(variable: str, default: str, words: str) -> Any:
    words = f"{words} (default: ${variable}, else {default})"
    return _option("", "URL", _text, words, default=lambda: os.environ.get(variable, "").strip() or default)


def _text(value: str) -> str:
    if not value.strip():
        raise ArgumentTypeError("an empty value")
    return value


def _path(value: str) -> Path:
    return Path(os.path.expanduser(_text(value)))  # noqa: PTH111 - the `~name` of nobody stays, and will not be found


def _day(value: str) -> date:
    try:
        return date(*time.strptime(value, "%Y-%m-%d")[:3])
    except ValueError:
        raise ArgumentTypeError(f"{value} is not a valid date, as 2019-03-31 is") from None


def number(least: float, most: float, what: str, kind: type[int] | type[float] = float) -> Callable[[str], float]:
    """Return what reads a number between two limits, both included; it raises ArgumentTypeError."""

    def read(value: str) -> float:
        try:
            found = kind(value)
        except ValueError:
            found = float("nan")
        if not least <= found <= most:
            raise ArgumentTypeError(f"{value!r} is not a valid {what}")
        return found

    return read


_latitude, _longitude = number(-90, 90, "latitude from -90 to 90"), number(-180, 180, "longitude from -180 to 180")
_orbit, _per_cent = number(1, 143, "relative orbit from 1 to 143", int), number(0, 100, "percentage")
_jobs, _downloads = number(1, 10**9, "number of jobs", int), number(1, 16, "number of downloads from 1 to 16", int)
_minutes, _hours = number(0, 10**6, "number of minutes"), number(0, 10**6, "number of hours")


@dataclass(frozen=True, kw_only=True)
class Options:
    """What both scripts are told."""

    auth: Path = _option("-a", "FILE", _path, "credentials (default: peps.txt)", Path("peps.txt"))
    log: Path = _option("-l", "FILE", _path, "the job log (default: peps_maja.log)", Path("peps_maja.log"))
    server: str = _server("PEPS_SERVER", DEFAULT_SERVER, "the PEPS server")
    geodes: str = _server("GEODES_SERVER", DEFAULT_GEODES, "where Theia's products are")
    command: str = ""  # as typed
    quiet: bool = _flag("-q", "say only what changed and what a person has to fix")
    verbose: bool = _flag("-v", "show each request, and where an error came from")


@dataclass(frozen=True, kw_only=True)
class ProcessOptions(Options):
    """What peps_maja_process.py is told. Tiles and products are names as the catalogues write them, each once."""

    tile: Sequence[str] = _option("-t", "TILE", Tile.parse, "tiles, such as 31TCJ", **_MANY, group="where and when")
    location: str | None = _option("", "NAME", _text, "a place that the catalogue knows, instead of tiles")
    lat: float | None = _option("", None, _latitude, "a point, with --lon")
    lon: float | None = _option("", None, _longitude, "a point, with --lat")
    lonmin: float | None = _option("", None, _longitude, "an edge of a box")
    latmin: float | None = _option("", None, _latitude, "an edge of a box")
    lonmax: float | None = _option("", None, _longitude, "an edge of a box")
    latmax: float | None = _option("", None, _latitude, "an edge of a box")
    start_date: date | None = _option("-d", "DATE", _day, "first day of acquisition, such as 2019-03-01")
    end_date: date | None = _option("-f", "DATE", _day, "last day of acquisition, included (default: today)")
    product: Sequence[str] = _option("", "NAME", _text, "these products, without a search", **_MANY)
    again: bool = _flag("", "the searches that the log has noted, each once more")

    orbit: int | None = _option("-o", "N", _orbit, "this relative orbit only", group="which products")
    max_cloud: float | None = _option("-c", "PCT", _per_cent, "at most so many clouds")
    sat: str | None = _option("", None, None, "this satellite only", choices=("S2A", "S2B", "S2C", "S2D"))
    write_dir: Path | None = _option("-w", "DIR", _path, "leave out products whose L2A is in this folder already")
    limit: int | None = _option("", "N", _jobs, "at most N jobs, oldest first")
    resubmit: Sequence[str] = _option(
        "", "STATE", None, "submit again what the log has as %(choices)s", **_MANY, choices=_RESUBMITTED
    )

    theia: str | None = _option(
        "", None, None, "take what Theia has; submit the rest or nothing", choices=("first", "only"), group="what to do"
    )
    dry_run: bool = _flag("-n", "show what would be done; needs no account")
    page: Path | None = _option("", "DIR", _path, "with -n: write a page of what there is, with Theia's quicklooks")
    yes: bool = _flag("-y", f"do not ask, not even from {QUESTION_FROM} jobs or dates of a series on")
    json: Path | None = _option("", "FILE", _path, "keep the catalogue's answer, all pages, as GeoJSON")
    series: bool = _flag("", "one job for each tile and span of days instead of one for each product")
    adopt: Sequence[Sequence[str]] = _option(
        "", ("NAME", "URL"), _text, "log a job that the server has under this URL", (), nargs=2, action="append"
    )
    drop: Sequence[str] = _option("", "NAME", _text, "log these jobs as not wanted any more", **_MANY)

    @property
    def days(self) -> Days | None:
        """The days of a search, None where there is no search."""
        return Days(self.start_date, self.end_date) if self.start_date and self.end_date else None

    @property
    def place(self) -> str | Box | None:
        """Where to search, if not in tiles: a name that the catalogue of PEPS knows, a box, or a point."""
        edges = (self.lonmin, self.latmin, self.lonmax, self.latmax)
        if self.lat is not None and self.lon is not None:
            edges = (self.lon, self.lat, self.lon, self.lat)
        box = None if None in edges else Box(*(edge for edge in edges if edge is not None))
        return self.location or box

    @property
    def is_theia_only(self) -> bool:
        """Whether nothing is to be submitted to PEPS."""
        return self.theia == "only"


@dataclass(frozen=True, kw_only=True)
class DownloaderOptions(Options):
    """What peps_maja_downloader.py is told."""

    write_dir: Path = _option("-w", "DIR", _path, "where the zips go (default: here)", Path())
    wait: bool = _flag("", "stay until no job is open")
    every: float = _option("", "MINUTES", _minutes, "with --wait: between polls (default: 10; never under 10 s)", 10)
    timeout: float = _option("", "HOURS", _hours, "with --wait: the longest time to stay (default: any)", float("inf"))
    jobs: int = _option("-j", "N", _downloads, "downloads at once (default: 2)", 2)
    unzip: bool = _flag("", "unpack each product into a folder beside its zip, and remove the zip")
    status: bool = _flag("", "only show where the jobs stand; write, download and lock nothing")
    json: bool = _flag("", "the same as --status, as JSON")
    stalled_after: float = _option("", "HOURS", _hours, "point out, once, a job open for so long (default: 24)", 24)
    dates: bool = _flag("", "only show what became of each tile and date")
    start_date: date | None = _option("-d", "DATE", _day, "with --dates: from this day on, such as 2019-03-01")
    end_date: date | None = _option("-f", "DATE", _day, "with --dates: until this day, included")
    csv: Path | None = _option("", "FILE", _path, "with --dates: write the same to this file, as a table")
    page: Path | None = _option("", "DIR", _path, "at the end, write a page of all dates with their quicklooks here")
    check: bool = _flag("", "only say whether everything is in place")

    @property
    def pause(self) -> float:
        """Seconds between two polls; PEPS wants to be asked about a job no more often than every ten."""
        return max(10.0, 60 * self.every)
