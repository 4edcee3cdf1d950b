"""Theia's products as jobs of the log: ready from the start, and what fetching one needs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from peps_maja.downloads.service import JobReport, Phase, Wanted
from peps_maja.downloads.zips import Belongs
from peps_maja.errors import NotThere, QuotaReached, ServerBusy
from peps_maja.joblog.jobs import Job
from peps_maja.products.names import L2AProduct
from peps_maja.theia.search import Search
from peps_maja.theia.service import Theia

_CHECKED, _LATELY = "31TCJ", timedelta(days=90)  # a tile and a time of which Theia has products


class TheiaJobs:
    """The jobs whose event is `available`: no request tells more of them than the log does."""

    name = "GEODES"

    def __init__(self, theia: Theia) -> None:
        self.client = theia.client  # with the key from the site, without it from elsewhere
        self.page = f"the portal of GEODES, {theia.site.base}"

    def begin_round(self) -> None:
        """Do nothing, for nothing is asked."""

    def poll(self, job: Job) -> JobReport:
        """Return that the one result of a job can be fetched."""
        return JobReport(Phase.FINISHED, results=(self.result_address(job, ""),))

    def result_address(self, job: Job, _: str) -> str:
        """Return where the zip of a job is."""
        return job.address

    def wanted(self, job: Job, name: str, address: str) -> Wanted:
        """Return what is to be fetched: the zip that GEODES had announced, and no other version of its product."""
        size, md5 = (job.offer.size, job.offer.md5) if job.offer else (None, None)
        return Wanted(address, (name, job.own_file_name(name)), belongs_to(job.name), size, md5 or "")


def belongs_to(job: str) -> Belongs:
    """Return what returns True for the product that a job is for, unless both name a version and these differ."""
    wanted = L2AProduct.find(job)

    def belongs(product: L2AProduct) -> bool:
        return (
            wanted is not None
            and (product.satellite, product.tile, product.sight) == (wanted.satellite, wanted.tile, wanted.sight)
            and (not product.version or wanted.version in {"", product.version})
        )

    return belongs


def check(theia: Theia) -> str:
    """Return how GEODES stands: reachable, the key there and, where the server tells, accepted.

    Asks for one byte of a product. Raises ServerAway and the like, and CredentialsError for the key.
    """
    today = datetime.now(timezone.utc).date()
    records = theia.find([Search(today - _LATELY, today, tile=_CHECKED)]).records
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
