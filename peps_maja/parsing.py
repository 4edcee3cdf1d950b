"""How the command lines of both scripts are read, and which of their options go together."""

from __future__ import annotations

import os
import shlex
from collections.abc import Container, Sequence
from datetime import date, datetime, timezone
from pathlib import Path

from peps_maja import __version__
from peps_maja.arguments import Parser, day, given, number, path, problem_of_output
from peps_maja.errors import UsageError
from peps_maja.options import DEFAULT_GEODES, DEFAULT_SERVER, QUESTION_FROM, DownloaderOptions, ProcessOptions
from peps_maja.products.names import L1CProduct, L2AProduct, pasted_name
from peps_maja.products.tiles import Tile

_MORE = """\
environment: PEPS_USER with PEPS_PASSWORD, and GEODES_API_KEY, come before the
credentials file; PEPS_SERVER, GEODES_SERVER; PEPS_TIMEOUT (seconds without a
byte, 30); HTTPS_PROXY, REQUESTS_CA_BUNDLE and the like as for other programs.

more: docs/ (exit statuses: docs/options.md)"""
_BESIDE_AGAIN = {"auth", "log", "server", "geodes", "quiet", "verbose", "write_dir", "dry_run", "yes"}
_EDGES = {"lonmin": 180, "latmin": 90, "lonmax": 180, "latmax": 90}
STATES_TO_RESUBMIT = ("failed", "cancelled", "rejected", "unsure", "dropped")


def process_options(arguments: Sequence[str] | None) -> ProcessOptions:
    """Return the options of peps_maja_process.py; raise UsageError if they do not go together."""
    parser = _parser_for(
        "peps_maja_process",
        "Search for Sentinel-2 products; take the L2A products that Theia has already,\n"
        "and have MAJA on PEPS make the others, each exactly once.",
        "examples: peps_maja_process.py --theia only -t 31TCJ -d 2025-06-01 -f 2025-08-31 -n\n"
        "          peps_maja_process.py --again -y -q",
    )
    where = parser.add_argument_group("where and when to search").add_argument
    where("-t", "--tile", metavar="TILE", nargs="+", action="extend", default=[],
          help="Sentinel-2 tiles, such as 31TCJ")  # fmt: skip
    where("--location", metavar="NAME", help="a place that the catalogue knows, instead of tiles")
    where("--lat", type=number(-90, 90, "latitude from -90 to 90"), help="a point, with --lon")
    where("--lon", type=number(-180, 180, "longitude from -180 to 180"), help="a point, with --lat")
    for edge, most in _EDGES.items():
        where(f"--{edge}", type=number(-most, most, f"coordinate from -{most} to {most}"), help="an edge of a box")
    where("-d", "--start-date", metavar="DATE", type=day, help="first day of acquisition, such as 2019-03-01")
    where("-f", "--end-date", metavar="DATE", type=day, help="last day of acquisition, included (default: today)")

    which = parser.add_argument_group("which products").add_argument
    which("-o", "--orbit", metavar="N", type=number(1, 143, "relative orbit from 1 to 143", int),
          help="this orbit only")  # fmt: skip
    which("-c", "--max-cloud", metavar="PCT", type=number(0, 100, "percentage"), help="at most so many clouds")
    which("--sat", choices=("S2A", "S2B", "S2C", "S2D"), help="this satellite only")
    where("--product", metavar="NAME", nargs="+", action="extend", default=[],
          help="these products, without a search")  # fmt: skip
    where("--again", action="store_true", help="the searches that the log has noted, each once more")
    which("-w", "--write-dir", metavar="DIR", type=path,
          help="leave out products whose L2A is in this folder already")  # fmt: skip
    which("--limit", metavar="N", type=number(1, 10**9, "number of jobs", int), help="at most N jobs, oldest first")
    which("--resubmit", metavar="STATE", nargs="+", action="extend", default=[], choices=STATES_TO_RESUBMIT,
          help="submit again the jobs that the log has so; dropped ones only with --product")  # fmt: skip

    what = parser.add_argument_group("what to do").add_argument
    what("--theia", choices=("first", "only"),
         help="take from Theia what it has already; first: submit the rest to PEPS; only: submit nothing")  # fmt: skip
    what("-n", "--dry-run", action="store_true", help="show what would be done; needs no account")
    what("--page", metavar="DIR", type=path,
         help="with -n: write a page of what there is, with Theia's quicklooks, to this folder")  # fmt: skip
    what("-y", "--yes", action="store_true",
         help=f"do not ask, not even from {QUESTION_FROM} jobs or a series of {QUESTION_FROM} dates on")  # fmt: skip
    what("--json", metavar="FILE", type=path, help="keep the catalogue's answer, all pages, as GeoJSON")
    what("--series", action="store_true", help="one job for each tile and span of days instead of one for each product")
    what("--adopt", nargs=2, metavar=("NAME", "URL"), action="append", default=[],
         help="log a job that runs on PEPS already")  # fmt: skip
    what("--drop", metavar="NAME", nargs="+", action="extend", default=[], help="log these jobs as not wanted any more")

    options = parser.read(arguments)
    today = _today()
    if options.start_date and (options.end_date is None or options.start_date <= today < options.end_date):
        options.end_date = today  # a series counts as covered from end to end: days to come would be lost to it
    options.tile = sorted({Tile.parse(name).name for name in options.tile})
    options.product = list(dict.fromkeys(_product(name, options.theia) for name in options.product))
    read = ProcessOptions(**vars(options), command=shlex.join(["peps_maja_process.py", *given(arguments)]))
    index, inputs = read.page and read.page / "index.html", (read.log, read.auth)
    output = problem_of_output("--json", read.json, inputs) or problem_of_output("--page", index, inputs)
    if problem := _problem_of_process(read) or output:
        parser.error(problem)
    return read


def downloader_options(arguments: Sequence[str] | None) -> DownloaderOptions:
    """Return the options of peps_maja_downloader.py; raise UsageError if they do not go together."""
    parser = _parser_for(
        "peps_maja_downloader",
        "Follow the jobs of a log and download the L2A products that are finished.\nMade for cron.",
        "example: peps_maja_downloader.py -a peps.txt -l 31TCJ.log -w /data/maja -q",
    )
    add = parser.add_argument
    add("-w", "--write-dir", metavar="DIR", type=path, default=Path(), help="where the zips go (default: here)")
    add("--wait", action="store_true", help="stay until no job is open")
    add("--every", metavar="MINUTES", type=number(0, 10**6, "number of minutes"),
        help="with --wait: the time between two polls (default: 10; never under 10 s)")  # fmt: skip
    add("--timeout", metavar="HOURS", type=number(0, 10**6, "number of hours"),
        help="with --wait: the longest time to stay (default: no limit)")  # fmt: skip
    add("-j", "--jobs", metavar="N", type=number(1, 16, "number of downloads from 1 to 16", int), default=2,
        help="downloads at once (default: %(default)s)")  # fmt: skip
    add("--unzip", action="store_true",
        help="unpack each product into a folder beside its zip, and remove the zip")  # fmt: skip
    add("--status", action="store_true", help="only show where the jobs stand; write, download and lock nothing")
    add("--json", action="store_true", help="the same as --status, as JSON")
    add("--stalled-after", metavar="HOURS", type=number(0, 10**6, "number of hours"), default=24,
        help="point out, once, a job that is open for so long (default: %(default)s)")  # fmt: skip
    add("--dates", action="store_true", help="only show what became of each tile and date")
    add("-d", "--start-date", metavar="DATE", type=day, help="with --dates: from this day on, such as 2019-03-01")
    add("-f", "--end-date", metavar="DATE", type=day, help="with --dates: until this day, included")
    add("--csv", metavar="FILE", type=path, help="with --dates: write the same to this file, as a table")
    add("--page", metavar="DIR", type=path,
        help="write a page of all dates with their quicklooks to this folder, at the end of the run")  # fmt: skip
    add("--check", action="store_true", help="only say whether everything is in place")

    options = DownloaderOptions(**vars(parser.read(arguments)))
    index, inputs = options.page and options.page / "index.html", (options.log, options.auth)
    output = problem_of_output("--csv", options.csv, inputs) or problem_of_output("--page", index, inputs)
    if problem := _problem_of_downloader(options) or output:
        parser.error(problem)
    return options


def _parser_for(script: str, description: str, epilog: str) -> Parser:
    """Return a parser with the options that both scripts have."""
    parser = Parser(script, description, f"{epilog}\n\n{_MORE}")
    add = parser.add_argument
    add("-a", "--auth", metavar="FILE", type=path, default=Path("peps.txt"), help="credentials (default: %(default)s)")
    add("-l", "--log", metavar="FILE", type=path, default=Path("peps_maja.log"),
        help="the job log (default: %(default)s)")  # fmt: skip
    add("--server", metavar="URL", default=os.environ.get("PEPS_SERVER", "").strip() or DEFAULT_SERVER,
        help=f"the PEPS server (default: $PEPS_SERVER, else {DEFAULT_SERVER})")  # fmt: skip
    add("--geodes", metavar="URL", default=os.environ.get("GEODES_SERVER", "").strip() or DEFAULT_GEODES,
        help=f"where Theia's products are (default: $GEODES_SERVER, else {DEFAULT_GEODES})")  # fmt: skip
    add("-q", "--quiet", action="store_true", help="say only what changed and what a person has to fix")
    add("-v", "--verbose", action="store_true", help="show each request, and where an error came from")
    add("--version", action="version", version=f"peps_maja {__version__}")
    return parser


def _problem_of_process(options: ProcessOptions) -> str:
    named = {name for name, value in vars(options).items() if value is not None and value is not False and value != []}
    if options.again and (more := named - _BESIDE_AGAIN - {"again", "command"}):
        first = min(more - {"end_date"} or more)  # which is today where nobody gave it
        return f"--again repeats the searches of the log as they were: take away {_named(first)}"
    if options.again:
        return ""
    corrections = named & {"adopt", "drop"}
    others = named - corrections - (_BESIDE_AGAIN - {"dry_run", "write_dir"}) - {"command"}
    if corrections:
        return f"--adopt and --drop stand alone: take away {_named(sorted(others)[0])}" if others else ""
    is_search = bool(named & {"tile", "location", "lat", "lon", *_EDGES})
    of_a_search = sorted(named & {"start_date", "orbit", "max_cloud", "sat", "json", "series"})
    if problem := _problem_of_places(options, named):
        return problem
    if is_search and options.days is None:
        return "a search needs --start-date"
    if is_search and options.days and options.days.start > options.days.end:
        hint = ", and in the future" if options.days.start > _today() else ""
        return f"the start {options.start_date} is after the end {options.end_date}{hint}"
    if not is_search and (of_a_search or "end_date" in named):
        return f"{_named((of_a_search or ['end_date'])[0])} goes with a search: say where, with --tile for example"
    if "dropped" in options.resubmit and "product" not in named:
        return "--resubmit dropped goes with --product: name what is wanted after all"
    if not is_search and not named & {"product", "resubmit"}:
        return "nothing to do: say where to search (--tile and --start-date), or --product, --again or --resubmit"
    if options.page and not options.dry_run:
        return "--page goes with --dry-run: what became of the products is on the page of the downloader"
    return _problem_of_series(options, named) or _problem_of_theia(options, named)


def _problem_of_places(options: ProcessOptions, named: Container[str]) -> str:
    point = [name in named for name in ("lat", "lon")]
    edges = [name in named for name in _EDGES]
    if sum([any(point), any(edges), *(name in named for name in ("tile", "location", "product"))]) > 1:
        return "--tile, --location, --lat --lon, the box and --product exclude each other"
    if any(point) and not all(point):
        return "--lat and --lon go together"
    if any(edges) and not all(edges):
        return "a box needs --lonmin --latmin --lonmax --latmax"
    box = options.box if any(edges) else None
    if box and not (box.west < box.east and box.south < box.north):
        return "the box is empty: --lonmin must be less than --lonmax and --latmin less than --latmax"
    return ""


def _problem_of_series(options: ProcessOptions, named: Container[str]) -> str:
    if "series" not in named:
        return ""
    if "theia" in named:
        return "--theia does not go with --series: a series computes all of its dates, whatever Theia has"
    if "tile" not in named:
        return "--series needs --tile: its jobs take a tile each"
    if refused := options.refused_by_series():
        return f"--series takes all satellites and clouds: take away {' and '.join(refused)}"
    return ""


def _problem_of_theia(options: ProcessOptions, named: Container[str]) -> str:
    if "theia" not in named:
        return ""
    if "resubmit" in named:
        return "--theia does not go with --resubmit: it takes again by itself what failed; leave one of them out"
    if options.is_theia_only and "location" in named:
        return "--location does not go with --theia only: GEODES knows no place names; use tiles, a point or a box"
    return ""


def _problem_of_downloader(options: DownloaderOptions) -> str:
    if not options.wait and (options.every is not None or options.timeout is not None):
        return "--every and --timeout go with --wait"
    if sum((options.wait, options.status or options.json, options.dates, options.check)) > 1:
        return "--wait, --status (or --json), --dates and --check exclude each other"
    if (options.csv or options.start_date or options.end_date) and not options.dates:
        return "--csv, --start-date and --end-date go with --dates"
    if options.start_date and options.end_date and options.start_date > options.end_date:
        return f"the start {options.start_date} is after the end {options.end_date}"
    if options.unzip and (options.status or options.json or options.dates or options.check):
        return "--unzip goes with a run that downloads: take it away, or --status, --json, --dates or --check"
    if options.page and options.check:
        return "--page does not go with --check, which writes nothing"
    return ""


def _product(given: str, theia: str | None) -> str:
    """Return the name of a product as its catalogue writes it; raise UsageError for what is not the name of one."""
    is_theia_only = theia == "only"
    product = (L2AProduct.find if is_theia_only else L1CProduct.parse)(pasted_name(given))
    if product is None and is_theia_only:
        raise UsageError(f"{given} is not the name of an L2A product of Theia, which --theia only needs")
    if product is None:
        raise UsageError(f"{given} is not the name of a single-tile L1C product, and MAJA on PEPS takes only those")
    return product.name


def _today() -> date:
    return datetime.now(timezone.utc).date()


def _named(option: str) -> str:
    return "--" + option.replace("_", "-")
