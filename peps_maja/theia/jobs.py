"""Theia's products as jobs of the log: ready from the start, and what fetching one needs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from peps_maja.downloads.service import JobReport, Phase
from peps_maja.errors import NotThere, QuotaReached, ServerBusy
from peps_maja.joblog.jobs import Job
from peps_maja.theia.queries import Search
from peps_maja.theia.service import Theia

_CHECKED, _LATELY = "31TCJ", timedelta(days=90)  # a tile and a time of which Theia has products


class TheiaJobs:
    """The jobs whose event is `available`: no request tells more of them than the log does."""

    name = "GEODES"
    quota_lasts = 3600.0

    def __init__(self, theia: Theia) -> None:
        self.client = theia.client  # with the key from the site, without it from elsewhere

    def poll(self, job: Job) -> JobReport:
        """Return that the one result of a job can be fetched."""
        return JobReport(Phase.FINISHED, results=(job.address,))


def check(theia: Theia) -> str:
    """Return how GEODES stands: reachable, the key there and, where the server tells, accepted.

    Asks for one byte of a product. Raises ServerAway and the like, and CredentialsError for the key.
    """
    today = datetime.now(timezone.utc).date()
    records = theia.find([Search(today - _LATELY, today, tile=_CHECKED)])
    answers = f"{theia.site.base} answers"
    if theia.key is None:
        return answers
    theia.key.value  # noqa: B018 - raises CredentialsError
    unknown = f"{answers}; whether it accepts the API key from {theia.key.source} could not be tried"
    address = next((record.address for record in reversed(records) if theia.has(record.address)), None)
    if address is None:
        return unknown
    try:
        with theia.client.download(address, {"Range": "bytes=0-0"}):
            return f"{answers}, and accepts the API key from {theia.key.source}"
    except (NotThere, QuotaReached, ServerBusy) as error:
        return f"{unknown}: {error}"
