"""Writes the page: `index.html` with its own style, and the pictures beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from peps_maja import __version__
from peps_maja.dependencies import advice
from peps_maja.disk import replacing
from peps_maja.errors import PepsError, UsageError
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.log import JobLog
from peps_maja.options import DownloaderOptions
from peps_maja.page.pictures import Pictures
from peps_maja.page.tasks import plain, tasks
from peps_maja.page.tiles import Products, sheets
from peps_maja.standing.command_lines import command_line
from peps_maja.standing.dates import ledger
from peps_maja.standing.status import Standing

PICTURES = "quicklooks"


def write_page(options: DownloaderOptions, log: JobLog, jobs: Jobs, stands: Sequence[Standing]) -> Path:
    """Write the page of these jobs and its pictures into the folder of --page, and return its path.

    Raises PepsError where that fails; then an earlier page stays.
    """
    page = options.page or Path()
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # a run goes on where it is not installed
    except ImportError as error:
        raise PepsError(f"the page in {page} cannot be written: {advice() or error}") from error

    path = page / "index.html"
    try:
        page.mkdir(parents=True, exist_ok=True)
        pictures = Pictures(page / PICTURES)
        entries = ledger(jobs, {standing.job: standing for standing in stands}, options.write_dir)
        products = Products(entries, options.write_dir, page, pictures)
        environment = Environment(
            loader=PackageLoader("peps_maja.page", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        text = environment.get_template("page.html.jinja").render(
            log=plain(log.path.name),
            written=f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M}",
            notes=[plain(f"{log.path}: {jobs.damage}")] if jobs.damage else [],
            tasks=tasks(jobs, entries, command_line("peps_maja_process.py", options)),
            sheets=sheets(entries, jobs, products),
            pictures=PICTURES,
            version=__version__,
        )
        with replacing(path) as file:
            file.write(text.encode(errors="replace"))
        pictures.finish()
    except (OSError, UsageError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise PepsError(
            f"the page {path} cannot be written ({reason}): make room, fix the permissions or name another --page DIR;"
            " the jobs go on without it"
        ) from error
    return path
