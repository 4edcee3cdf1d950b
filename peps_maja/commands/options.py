"""The options of both scripts, and which of them go together."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import NoReturn

from peps_maja import __version__
from peps_maja.errors import Status
from peps_maja.text import one_line

DEFAULT_SERVER = "https://peps.cnes.fr"
STATES_TO_RESUBMIT = ("failed", "cancelled", "rejected", "unsure")
QUESTION_FROM = 10  # jobs, or dates of a series
SHORTEST_ROUND = 10.0  # seconds: PEPS wants to be asked about a job no more often


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, and which takes underscores in option names for dashes."""

    def error(self, message: str) -> NoReturn:
        """Leave with status 2 and one line on standard error."""
        self.exit(int(Status.UNUSABLE), f"{self.prog}: {one_line(message)} (see {self.prog} --help)\n")


def process_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of peps_maja_process.py; leave with status 2 and one line if they do not go together."""
    parser = _parser_for(
        "peps_maja_process",
        "Search the PEPS catalogue for Sentinel-2 L1C products and have MAJA make L2A products of them,"
        " each submitted exactly once.",
        "example: peps_maja_process.py -t 31TCJ -d 2019-03-01 -f 2019-03-31 -a peps.txt -l 31TCJ.log",
    )
    where = parser.add_argument_group("where and when to search").add_argument
    where("-t", "--tile", metavar="TILE", nargs="+", action="extend", help="Sentinel-2 tiles, such as 31TCJ")
    where("--location", metavar="NAME", help="a place that the catalogue knows, instead of tiles")
    where("--lat", type=_number(-90, 90, "latitude from -90 to 90"), help="a point, with --lon")
    where("--lon", type=_number(-180, 180, "longitude from -180 to 180"), help="a point, with --lat")
    for edge, most in _EDGES.items():
        where(f"--{edge}", type=_number(-most, most, f"coordinate from -{most} to {most}"), help="an edge of a box")
    where("-d", "--start-date", metavar="DATE", type=_day, help="first day of acquisition, such as 2019-03-01")
    where("-f", "--end-date", metavar="DATE", type=_day, help="last day of acquisition, included (default: today)")

    which = parser.add_argument_group("which products").add_argument
    which(
        "-o", "--orbit", metavar="N", type=_number(1, 143, "relative orbit from 1 to 143", int), help="this orbit only"
    )
    which("-c", "--max-cloud", metavar="PCT", type=_number(0, 100, "percentage"), help="at most so many clouds")
    which("--sat", choices=("S2A", "S2B", "S2C"), help="this satellite only")
    which("--product", metavar="NAME", nargs="+", action="extend", help="these L1C products, without a search")
    which("--limit", metavar="N", type=_number(1, 10**9, "number of jobs", int), help="at most N jobs, oldest first")
    which("--resubmit", metavar="STATE", nargs="+", action="extend", choices=STATES_TO_RESUBMIT,
          help="submit again the jobs that the log has as failed, cancelled, rejected or unsure")  # fmt: skip

    what = parser.add_argument_group("what to do").add_argument
    what("-n", "--dry-run", action="store_true", help="show what would be submitted; needs no account")
    what("-y", "--yes", action="store_true",
         help=f"do not ask, not even from {QUESTION_FROM} jobs or a series of {QUESTION_FROM} dates on")  # fmt: skip
    what("--json", metavar="FILE", type=_path, help="keep the catalogue's answer, all pages, as GeoJSON")
    what("--series", action="store_true", help="one job for each tile and span of days instead of one for each product")
    what("-w", "--write-dir", metavar="DIR", type=_path, help="leave out products whose L2A is in this folder already")
    what("--adopt", nargs=2, metavar=("NAME", "URL"), action="append", help="log a job that runs on PEPS already")
    what("--drop", metavar="NAME", nargs="+", action="extend", help="log these jobs as not wanted any more")

    options = _parse(parser, arguments)
    today = _today()
    if options.start_date and (options.end_date is None or options.start_date <= today < options.end_date):
        options.end_date = today  # a series counts as covered from end to end: days to come would be lost to it
    if problem := _problem_of_process(options) or _problem_of_output("--json", options.json, options):
        parser.error(problem)
    given = sys.argv[1:] if arguments is None else arguments
    options.command = shlex.join(["peps_maja_process.py", *given])
    return options


def downloader_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of peps_maja_downloader.py; leave with status 2 and one line if they do not go together."""
    parser = _parser_for(
        "peps_maja_downloader",
        "Follow the jobs of a log and download the L2A products that are finished. Made for cron.",
        "example: peps_maja_downloader.py -a peps.txt -l 31TCJ.log -w /data/maja -q",
    )
    add = parser.add_argument
    add("-w", "--write-dir", metavar="DIR", type=_path, default=Path(), help="where the zips go (default: here)")
    add("--wait", action="store_true", help="stay until no job is open")
    add("--every", metavar="MINUTES", type=_number(0, 10**6, "number of minutes"),
        help="with --wait: the time between two polls (default: 10; never under 10 s)")  # fmt: skip
    add("--timeout", metavar="HOURS", type=_number(0, 10**6, "number of hours"),
        help="with --wait: the longest time to stay (default: no limit)")  # fmt: skip
    add("-j", "--jobs", metavar="N", type=_number(1, 16, "number of downloads from 1 to 16", int), default=2,
        help="downloads at once (default: %(default)s)")  # fmt: skip
    add("--status", action="store_true", help="only show where the jobs stand; write, download and lock nothing")
    add("--json", action="store_true", help="the same as --status, as JSON")

    add("--stalled-after", metavar="HOURS", type=_number(0, 10**6, "number of hours"), default=24,
        help="point out, once, a job that is open for so long (default: %(default)s)")  # fmt: skip
    add("--dates", action="store_true", help="only show the ledger: what became of each tile and acquisition date")
    add("--csv", metavar="FILE", type=_path, help="with --dates: write the ledger to this file, too")
    add("--page", metavar="DIR", type=_path,
        help="write a page of all dates with their quicklooks to this folder, at the end of the run")  # fmt: skip
    add("--check", action="store_true", help="only say whether everything is in place")

    options = _parse(parser, arguments)
    if not options.wait and (options.every is not None or options.timeout is not None):
        parser.error("--every and --timeout go with --wait")
    if sum((options.wait, options.status or options.json, options.dates, options.check)) > 1:
        parser.error("--wait, --status (or --json), --dates and --check exclude each other")
    if options.csv and not options.dates:
        parser.error("--csv goes with --dates")
    if options.page and options.check:
        parser.error("--page does not go with --check, which writes nothing")
    index = options.page and options.page / "index.html"
    if problem := _problem_of_output("--csv", options.csv, options) or _problem_of_output("--page", index, options):
        parser.error(problem)
    options.command = shlex.join(["peps_maja_downloader.py", *(sys.argv[1:] if arguments is None else arguments)])
    options.pause = max(SHORTEST_ROUND, 60 * (10 if options.every is None else options.every))
    return options


def _parser_for(script: str, description: str, epilog: str) -> _Parser:
    """Return a parser with the options that both scripts have."""
    parser = _Parser(prog=script, description=description, epilog=epilog, allow_abbrev=False)
    parser.register("type", None, _text)  # of each option that names no other
    add = parser.add_argument
    add("-a", "--auth", metavar="FILE", type=_path, default=Path("peps.txt"), help="credentials (default: %(default)s)")
    add(
        "-l",
        "--log",
        metavar="FILE",
        type=_path,
        default=Path("peps_maja.log"),
        help="the job log (default: %(default)s)",
    )
    add("--server", metavar="URL", default=os.environ.get("PEPS_SERVER", "").strip() or DEFAULT_SERVER,
        help=f"the PEPS server (default: $PEPS_SERVER, else {DEFAULT_SERVER})")  # fmt: skip
    add("-q", "--quiet", action="store_true", help="say only what changed and what a person has to mend")
    add("-v", "--verbose", action="store_true", help="show each request, and where an error came from")
    add("--version", action="version", version=f"peps_maja {__version__}")
    return parser


def _parse(parser: _Parser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options as given, with underscores in their names taken for dashes."""
    given = sys.argv[1:] if arguments is None else arguments
    return parser.parse_args([_dashed(argument) for argument in given])


def _dashed(argument: str) -> str:
    name, equals, value = argument.partition("=")
    return name.replace("_", "-") + equals + value if name.startswith("--") else argument


_EDGES = {"lonmin": 180, "latmin": 90, "lonmax": 180, "latmax": 90}


def _problem_of_process(options: argparse.Namespace) -> str:
    """Return why these options do not go together, or nothing."""
    given = {name for name, value in vars(options).items() if value is not None and value is not False}
    point, box = given & {"lat", "lon"}, given & _EDGES.keys()
    places = [bool(given & {name}) for name in ("tile", "location", "product")] + [bool(point), bool(box)]
    is_search = bool(point or box or given & {"tile", "location"})
    of_a_search = sorted(given & {"start_date", "orbit", "max_cloud", "sat", "json", "series"})
    corrections = given & {"adopt", "drop"}
    others = given - corrections - {"auth", "log", "server", "quiet", "verbose", "yes", "end_date"}
    match True:
        case _ if corrections and others:
            return f"--adopt and --drop stand alone: take away {_named(sorted(others)[0])}"
        case _ if corrections:
            return ""
        case _ if sum(places) > 1:
            return "--tile, --location, --lat --lon, the box and --product exclude each other"
        case _ if len(point) == 1:
            return "--lat and --lon go together"
        case _ if box and len(box) < len(_EDGES):
            return "a box needs --lonmin --latmin --lonmax --latmax"
        case _ if box and not (options.lonmin < options.lonmax and options.latmin < options.latmax):
            return "the box is empty: --lonmin must be less than --lonmax and --latmin less than --latmax"
        case _ if is_search and "start_date" not in given:
            return "a search needs --start-date"
        case _ if is_search and options.start_date > options.end_date:
            hint = ", and in the future" if options.start_date > _today() else ""
            return f"the start {options.start_date} lies after the end {options.end_date}{hint}"
        case _ if not is_search and (of_a_search or "end_date" in given):
            return f"{_named((of_a_search or ['end_date'])[0])} goes with a search: say where, with --tile for example"
        case _ if "series" in given and "tile" not in given:
            return "--series needs --tile: its jobs take a tile each"
        case _ if "series" in given and (refused := refused_by_series(options)):
            return f"--series takes all satellites and clouds: take away {' and '.join(refused)}"
        case _ if not is_search and not given & {"product", "resubmit"}:
            return "nothing to do: say where to search (--tile and --start-date), or --product, or --resubmit"
    return ""


def _today() -> date:
    return datetime.now(timezone.utc).date()


def refused_by_series(options: argparse.Namespace) -> list[str]:
    """Return the options given that --series does not take."""
    return [_named(name) for name in ("max_cloud", "sat") if getattr(options, name) is not None]


def _problem_of_output(name: str, path: Path | None, options: argparse.Namespace) -> str:
    """Return why a file must not be written, or nothing."""
    is_kept = path is not None and _is_needed(path, options.log, options.auth)
    return f"{name} {path} would replace the log, one of its locks or the credentials file" if is_kept else ""


def _named(option: str) -> str:
    return "--" + option.replace("_", "-")


def _path(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("an empty name is not a file or a folder")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"there is no home folder for {text!r}") from None


def _text(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty value")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{text!r} is not UTF-8 text: set the terminal's encoding to UTF-8") from None
    return text


def _day(text: str) -> date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no date: write it as 2019-03-31")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"there is no day {text}: {error}") from None


def _number(least: float, most: float, what: str, kind: type[int] | type[float] = float) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = kind(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}")
        return value

    return read


def _is_needed(path: Path, log: Path, auth: Path) -> bool:
    """Return True if `path` is, by whatever name, the log, one of its locks or the credentials file."""
    real, real_log = Path(os.path.realpath(path)), Path(os.path.realpath(log))
    is_lock = real.parent == real_log.parent and real.name.startswith(f"{real_log.name}.") and real.suffix == ".lock"
    return is_lock or any(real == Path(os.path.realpath(kept)) or _is_same(path, kept) for kept in (log, auth))


def _is_same(path: Path, other: Path) -> bool:
    try:
        return path.samefile(other)
    except OSError:  # one of them is not there yet
        return False
