"""The page that people look at instead of logs and zips: what `--page` writes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from peps_maja.commands.command_lines import command_line
from peps_maja.commands.dependencies import advice
from peps_maja.commands.downloader.dates import ledger
from peps_maja.commands.downloader.status import Standing
from peps_maja.commands.options import DownloaderOptions
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
        submit=command_line("peps_maja_process.py", options),
        notes=[f"{log.path}: {jobs.damage}"] if jobs.damage else [],
    )
