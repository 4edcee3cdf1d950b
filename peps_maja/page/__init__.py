"""The page that people look at instead of logs and zips: what `--page` writes."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from peps_maja.commands.dependencies import advice
from peps_maja.commands.downloader.dates import ledger
from peps_maja.commands.downloader.status import Standing
from peps_maja.commands.options import DEFAULT_GEODES, DEFAULT_SERVER, DownloaderOptions
from peps_maja.console import command_for
from peps_maja.errors import PepsError
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.log import JobLog


def write_page(options: DownloaderOptions, log: JobLog, jobs: Jobs, stands: Sequence[Standing]) -> Path:
    """Write the page of these jobs into the folder of --page, and return its path; raise PepsError if that fails."""
    folder = options.page or Path()
    try:
        from peps_maja.page.write import write_files
    except ImportError as error:
        raise PepsError(f"the page in {folder} cannot be written: {advice() or error}") from error

    return write_files(
        folder,
        log=log.path,
        products=options.write_dir,
        jobs=jobs,
        entries=ledger(jobs, {standing.job: standing for standing in stands}, options.write_dir),
        submit=_submit(options),
        notes=[f"{log.path}: {jobs.damage}"] if jobs.damage else [],
    )


def _submit(options: DownloaderOptions) -> str:
    """Return how the submitter's commands for this log begin."""
    words = ["-a", str(options.auth), "-l", str(options.log)]
    words += ["--server", options.server] if options.server != DEFAULT_SERVER else []
    words += ["--geodes", options.geodes] if options.geodes != DEFAULT_GEODES else []
    return f"{command_for('peps_maja_process.py')} {shlex.join(words)}"
