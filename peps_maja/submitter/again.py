"""The searches that the log has noted, to be made once more."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace

from peps_maja.errors import UsageError
from peps_maja.options import ProcessOptions, process_options


def noted_searches(
    commands: Sequence[str], options: ProcessOptions, notice: Callable[[str], None]
) -> list[ProcessOptions]:
    """Return the searches among the commands that a log has noted, as this run with `options` makes them again.

    Of several for the same places with the same --theia, the last. One that cannot be read is left out, of which
    `notice` is told. Raises UsageError if there is none.
    """
    searches: dict[object, ProcessOptions] = {}
    for command in commands:
        try:
            noted = process_options(shlex.split(command)[1:])
        except (UsageError, ValueError) as error:
            notice(f"the log has a search that cannot be read, and which is left out: {command}: {error}")
            continue
        if noted.days and not (noted.series or noted.resubmit):
            key = (tuple(noted.tile), noted.place, noted.theia)
            searches.pop(key, None)  # to take the last one's place
            searches[key] = _of_this_run(noted, options)
    if not searches:
        raise UsageError(f"{options.log} has no search to make again: search once with --tile and --start-date")
    return list(searches.values())


def _of_this_run(noted: ProcessOptions, options: ProcessOptions) -> ProcessOptions:
    """Return what a noted search tells of what is taken; where to, and with which account, is this run's."""
    own = ("auth", "log", "server", "geodes", "quiet", "verbose", "again", "dry_run", "yes", "write_dir", "page")
    return replace(noted, json=None, **{name: getattr(options, name) for name in own})
