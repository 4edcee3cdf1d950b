"""How the command lines of both scripts are read, and which of their options go together; errors in one line."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import datetime, timezone
from itertools import combinations
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from peps_maja import __version__
from peps_maja.errors import UsageError
from peps_maja.options import DownloaderOptions, Options, ProcessOptions
from peps_maja.products.names import L1CProduct, L2AProduct, pasted_name
from peps_maja.products.places import Box
from peps_maja.text import one_line

_MORE = """\
environment: PEPS_USER with PEPS_PASSWORD, and GEODES_API_KEY, come before the
credentials file; PEPS_SERVER, GEODES_SERVER; PEPS_TIMEOUT (seconds without a
byte, 30); HTTPS_PROXY, REQUESTS_CA_BUNDLE and the like as for other programs.

more: docs/ (exit statuses: docs/options.md)"""

_Read = TypeVar("_Read", ProcessOptions, DownloaderOptions)
_Rules = Sequence[tuple[Sequence[str], Sequence[str], str]]
_POINT, _BOX = ("lat", "lon"), ("lonmin", "latmin", "lonmax", "latmax")
_PLACES = ("tile", "location", *_POINT, *_BOX)
_OF_A_SEARCH = ("start_date", "end_date", "orbit", "max_cloud", "sat", "json", "series")
_WHAT = (*_PLACES, *_OF_A_SEARCH, "product", "limit", "resubmit", "theia", "page")
# None of the first with any of the second, and why.
_APART_IN_PROCESS: _Rules = (
    (("again",), (*_WHAT, "adopt", "drop"), "it repeats the searches of the log as they were"),
    (("adopt", "drop"), (*_WHAT, "dry_run", "write_dir"), "it stands alone"),
    *((*two, "one place is enough") for two in combinations((("tile",), ("location",), _POINT, _BOX, ("product",)), 2)),
    (("theia",), ("series",), "a series computes all of its dates, whatever Theia has"),
    (("theia",), ("resubmit",), "it takes again by itself what failed; leave one of them out"),
    (("series",), ("max_cloud", "sat"), "a series takes all satellites and clouds"),
)
_APART_IN_DOWNLOADER: _Rules = (
    (("wait", "unzip"), ("status", "json", "dates", "check"), "one thing at a time"),
    (("status", "json", "dates"), ("check",), "one thing at a time"),
    (("status", "json"), ("dates",), "one thing at a time"),
    (("page",), ("check",), "that writes nothing"),
)
# Any of the first only with one of the second, and what that is.
_NEEDS_OF_PROCESS: _Rules = (
    (_PLACES, ("start_date",), "--start-date"),
    (_OF_A_SEARCH, _PLACES, "a search: say where, with --tile for example"),
    (("series",), ("tile",), "--tile: its jobs take a tile each"),
    (("page",), ("dry_run",), "--dry-run: what became of the products is on the page of the downloader"),
)
_NEEDS_OF_DOWNLOADER: _Rules = (
    (("every", "timeout"), ("wait",), "--wait"),
    (("csv", "start_date", "end_date"), ("dates",), "--dates"),
)


def process_options(arguments: Sequence[str] | None) -> ProcessOptions:
    """Return the options of peps_maja_process.py; raise UsageError if they do not go together."""
    parser = _Parser(
        "peps_maja_process",
        "Search for Sentinel-2 products; take the L2A products that Theia has already,\n"
        "and have MAJA on PEPS make the others, each exactly once.",
        "examples: peps_maja_process.py --theia only -t 31TCJ -d 2025-06-01 -f 2025-08-31 -n\n"
        "          peps_maja_process.py --again -y -q",
        ProcessOptions,
    )
    given = parser.read(arguments, _APART_IN_PROCESS, _NEEDS_OF_PROCESS)
    is_theia_only = given.get("theia") == "only"
    if given.keys().isdisjoint((*_PLACES, "product", "resubmit", "again", "adopt", "drop")):
        parser.error("nothing to do: say where (--tile) and when (--start-date), or --product, --again or --resubmit")
    if is_theia_only and "location" in given:
        parser.error("--location does not go with --theia only: GEODES knows no place names, but tiles and boxes")
    if "dropped" in given.get("resubmit", ()) and "product" not in given:
        parser.error("--resubmit dropped goes with --product: name what is wanted after all")

    today, start, end = datetime.now(timezone.utc).date(), given.get("start_date"), given.get("end_date")
    if start and (end is None or start <= today < end):
        given["end_date"] = today  # a series counts as covered from end to end: days to come would be lost to it
    given["tile"] = sorted({tile.name for tile in given.get("tile", ())})
    needed = "an L2A product of Theia" if is_theia_only else "a single-tile L1C product, as MAJA on PEPS needs"
    products: dict[str, None] = {}
    for name in given.get("product", ()):
        product = (L2AProduct.find if is_theia_only else L1CProduct.parse)(pasted_name(name))
        if product is None:
            parser.error(f"{name} is not the name of {needed}")
        products[product.name] = None
    given["product"] = list(products)
    options = ProcessOptions(**given)
    box = options.place
    is_box = isinstance(box, Box) and (box.is_point or (box.west < box.east and box.south < box.north))
    if not is_box and not given.keys().isdisjoint((*_POINT, *_BOX)):
        parser.error("a point is --lat --lon, a box --lonmin --latmin --lonmax --latmax, and no edge beyond the other")
    return parser.checked(options, options.json)


def downloader_options(arguments: Sequence[str] | None) -> DownloaderOptions:
    """Return the options of peps_maja_downloader.py; raise UsageError if they do not go together."""
    parser = _Parser(
        "peps_maja_downloader",
        "Follow the jobs of a log and download the L2A products that are finished.\nMade for cron.",
        "example: peps_maja_downloader.py -a peps.txt -l 31TCJ.log -w /data/maja -q",
        DownloaderOptions,
    )
    options = DownloaderOptions(**parser.read(arguments, _APART_IN_DOWNLOADER, _NEEDS_OF_DOWNLOADER))
    return parser.checked(options, options.csv)


class _Parser(argparse.ArgumentParser):
    def __init__(self, prog: str, description: str, examples: str, table: type[Options]) -> None:
        super().__init__(prog=prog, description=description, epilog=f"{examples}\n\n{_MORE}", allow_abbrev=False)
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        self.argument_default = argparse.SUPPRESS  # so that what comes out was given
        self.add_argument("--version", action="version", version=f"peps_maja {__version__}")
        add: Callable[..., object] = self.add_argument
        for option in fields(table):
            settings = {name: value for name, value in option.metadata.items() if value is not None}
            if "group" in settings:
                add = self.add_argument_group(settings.pop("group")).add_argument
            if settings:  # else it is no option
                add(*filter(None, (settings.pop("short"), "--" + option.name.replace("_", "-"))), **settings)

    def read(self, arguments: Sequence[str] | None, apart: _Rules, needs: _Rules) -> dict[str, Any]:
        """Return what is given, by its field and in that order, and the command; raise UsageError for a broken rule."""
        words = sys.argv[1:] if arguments is None else arguments
        dashed = [re.sub("^--[^=]+", lambda name: name[0].replace("_", "-"), word) for word in words]
        given = vars(self.parse_args(dashed))

        def first(names: Sequence[str]) -> str:
            return next(("--" + name.replace("_", "-") for name in given if name in names), "")

        for names, others, why in apart:
            if first(names) and first(others):
                self.error(f"{first(names)} does not go with {first(others)}: {why}")
        for names, others, what in needs:
            if first(names) and not first(others):
                self.error(f"{first(names)} goes with {what}")
        return given | {"command": shlex.join([f"{self.prog}.py", *words])}

    def checked(self, options: _Read, written: Path | None) -> _Read:
        """Return the options; raise UsageError for days upside down, or a file to write that both scripts need."""
        if options.start_date and options.end_date and options.start_date > options.end_date:
            self.error(f"the start {options.start_date} is after the end {options.end_date}")
        if written:
            file, log, auth = (Path(os.path.realpath(path)) for path in (written, options.log, options.auth))
            is_lock = file.parent == log.parent and file.name.startswith(f"{log.name}.") and file.suffix == ".lock"
            is_kept = file.exists() and any(kept.exists() and kept.samefile(file) for kept in (log, auth))
            if is_lock or is_kept or file in {log, auth}:
                self.error(f"{written} would replace the log, one of its locks or the credentials file: name another")
        return options

    def error(self, message: str) -> NoReturn:
        """Raise UsageError: the run ends with one line, or goes on with the next search of --again."""
        raise UsageError(f"{one_line(message)} (see {self.prog} --help)")
