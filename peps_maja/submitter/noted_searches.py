"""--again: the searches that the log has noted, each as if typed once more."""

from __future__ import annotations

import shlex
from argparse import ArgumentError, ArgumentParser
from collections.abc import Callable, Iterable
from dataclasses import replace

from peps_maja.errors import UsageError
from peps_maja.options import ProcessOptions
from peps_maja.parsing import process_options

_PLACES = ("tile", "location", "lat", "lon", "lonmin", "latmin", "lonmax", "latmax")
_WHERE_TO = ("-a", "--auth", "-l", "--log", "-w", "--write-dir", "--json", "--page", "--server", "--geodes")
_WHAT = (*_PLACES, "start_date", "end_date", "orbit", "max_cloud", "sat", "theia", "limit")


def noted_searches(
    commands: Iterable[str], options: ProcessOptions, warn: Callable[[str], None]
) -> list[ProcessOptions]:
    """Return the searches among these commands, oldest first: what they take, but where to as `options` say.

    Of several for the same places with the same --theia, the last one counts. Raises UsageError if there is none.
    """
    where_to = ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for name in _WHERE_TO:  # is for this run to say: what was noted may be of another machine
        where_to.add_argument(name)
    searches: dict[tuple[object, ...], ProcessOptions] = {}
    for command in commands:
        try:
            words = [word for word in shlex.split(command)[1:] if word not in {"-h", "--help", "--version"}]
            noted = process_options(where_to.parse_known_args(words)[1])
        except (UsageError, ArgumentError, ValueError, SystemExit) as error:
            warn(f"{options.log} has a search that cannot be read, skipped: {command} ({error})")
            continue
        if noted.days and not noted.series and not noted.resubmit:
            what = {name: getattr(noted, name) for name in _WHAT}
            key = (tuple(noted.tile), noted.place, noted.theia)
            searches.pop(key, None)  # for the place of the last one
            searches[key] = replace(options, command=command, **what)
    if not searches:
        raise UsageError(f"{options.log} has no search to repeat: name a place and days; later runs can use --again")
    return list(searches.values())
