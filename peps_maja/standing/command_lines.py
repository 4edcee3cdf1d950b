"""The command lines that messages give: a script for the same log, credentials and servers as in this run."""

from __future__ import annotations

import shlex

from peps_maja.console import command_for
from peps_maja.options import DEFAULT_GEODES, DEFAULT_SERVER, Options


def command_line(script: str, options: Options, *more: str) -> str:
    """Return how to call a script for the log of `options`; `more` are options of its own.

    Servers from the environment are named too: cron does not have them.
    """
    words = ["-a", str(options.auth), "-l", str(options.log), *more]
    words += ["--server", options.server] if options.server != DEFAULT_SERVER else []
    words += ["--geodes", options.geodes] if options.geodes != DEFAULT_GEODES else []
    return f"{command_for(script)} {shlex.join(words)}"
