"""Everything at once: where the jobs and dates of a log stand, and what a person has to do."""

from __future__ import annotations

from collections.abc import Mapping

from peps_maja.downloads.service import JobReport
from peps_maja.joblog.jobs import Jobs
from peps_maja.options import DownloaderOptions
from peps_maja.standing.values import Overview


def overview(jobs: Jobs, reports: Mapping[str, JobReport], options: DownloaderOptions) -> Overview:
    """Return where all stands, by the log and by what the services have said of open jobs in this run."""
    raise NotImplementedError
