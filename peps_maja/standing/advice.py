"""What to do about a job: the only place where that is worded, for both scripts and the page, with its commands."""

from __future__ import annotations

import re
import shlex

from peps_maja.console import command_for
from peps_maja.joblog.events import BROKEN, NONE_NAMED, Event, Source
from peps_maja.joblog.jobs import Job
from peps_maja.options import DEFAULT_GEODES, DEFAULT_SERVER, Options
from peps_maja.peps.service import Server
from peps_maja.products.names import L1CProduct
from peps_maja.standing.values import Advice

WAY_OUT = (
    'look for it on PEPS\'s page "My processing", then --adopt it if it is there, --resubmit unsure if it is not,'
    " or --drop it"
)
_DROP, _IF_UNWANTED = "--drop {name}", "--drop it if it is not wanted any more"
_PROCESSING, _PORTAL = 'PEPS\'s page "My processing"', "the portal of GEODES"
_TRIED = f"each run of the downloader tries again, for seven days; {_IF_UNWANTED}"
# By the HTTP status of GEODES, which stands in the reason of `missing`.
_MISSING_AT_GEODES = {
    "404": "search again with --theia only, for a newer version of it",
    "410": f"it is on tape: have it restored on its page at {_PORTAL}",
    "423": f"accept its licence at {_PORTAL}",
    "401": f"another server has it and does not give it away: look for it at {_PORTAL}",
    "403": f"another server has it and does not give it away: look for it at {_PORTAL}",
}


def advice_on(job: Job, trouble: str) -> Advice:
    """Return what to do about a job in this trouble."""
    product = " --product {name}" if L1CProduct.parse(job.name) else ""
    again, is_theias = f"--resubmit {trouble}{product}", job.source is Source.THEIA
    match trouble:
        case "unsure":
            return Advice(WAY_OUT, ("--adopt {name} URL", again, _DROP))
        case "rejected":
            return Advice("submit it again when that reason is gone, or --drop it", (again, _DROP))
        case "failed" | "cancelled" if job.has_failed_before:
            return Advice(f"it failed before, so trying again will not help; {_IF_UNWANTED}", (_DROP,))
        case "failed" | "cancelled" if is_theias:
            text = f"look for it, or for a newer version, at {_PORTAL}; if it is there, take it again"
            return Advice(text, ("--theia only --product {name}", _DROP))
        case "failed" | "cancelled":
            return Advice("trying again may help", (again, _DROP))
        case "stalled" if is_theias:
            return Advice(f"see what --check of the downloader says of GEODES; {_IF_UNWANTED}", (_DROP,))
        case "stalled":
            return Advice(f"look at it on {_PROCESSING}; {_IF_UNWANTED}", (_DROP,))
    missing = next(iter(job.missing.values()))
    if missing.reason == NONE_NAMED:
        return Advice(_TRIED.replace("seven days", "24 hours"), (_DROP,))
    status = re.search(r"\((40[134]|410|423)\b", missing.reason)
    first = _MISSING_AT_GEODES[status[1]] if is_theias and status else ""
    return Advice(f"{'it came broken' if missing.kind == BROKEN else first}; {_TRIED}".removeprefix("; "), (_DROP,))


def advise(options: Options, job: Job, end: Event) -> str:
    """Return, for a message, what to do about a job that has come to this, and where its own log is.

    With it comes the first command, as this script was called, unless the next runs try again by themselves.
    """
    advice, where = advice_on(job, end.value), ""
    if job.wps_id and end in {Event.FAILED, Event.CANCELLED}:
        where = f"its log: {Server.parse(options.server).joblog(job.wps_id)}; "
    command = f"{command_line('peps_maja_process.py', options)} {_named(advice.options[0], job.name)}"
    return f"{where}{advice.text}" + ("" if end is Event.MISSING else f": {command}")


def command_line(script: str, options: Options, *more: str) -> str:
    """Return how to call a script for the log of `options`; `more` are options of its own.

    Servers from the environment are named too: cron does not have them.
    """
    words = ["-a", str(options.auth), "-l", str(options.log), *more]
    return f"{command_for(script)} {shlex.join(words + _servers(options))}"


def short_commands(advice: Advice, options: Options, name: str) -> tuple[str, ...]:
    """Return the commands for a page that others see too: no interpreter, no folder, no name of a user."""
    begin = shlex.join(["peps_maja_process.py", "-l", options.log.name, *_servers(options)])
    return tuple(f"{begin} {_named(more, name)}" for more in advice.options)


def _servers(options: Options) -> list[str]:
    words = ["--server", options.server] if options.server != DEFAULT_SERVER else []
    return words + (["--geodes", options.geodes] if options.geodes != DEFAULT_GEODES else [])


def _named(options: str, name: str) -> str:
    return options.format(name=shlex.quote(name))
