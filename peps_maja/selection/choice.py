"""Which products are taken: of several baselines the newest, nothing twice, only what the user wants."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from peps_maja.joblog.events import State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.products.names import Acquisition, L1CProduct, L2AProduct
from peps_maja.products.records import Record
from peps_maja.products.series import Series
from peps_maja.products.tiles import BEYOND_60, Tile
from peps_maja.selection.wishes import Wishes

SUBMIT = "submit"
IN_LOG = "in log"


@dataclass(frozen=True)
class Choice:
    """A record and what will be done with it: `submit`, in the job of that name, or the reason why not."""

    record: Record
    action: str
    job: str

    @property
    def is_submitted(self) -> bool:
        """Whether a job will be submitted for it."""
        return self.action == SUBMIT


def choose(
    records: Iterable[Record],
    wishes: Wishes,
    jobs: Jobs | None = None,
    again: Iterable[str] = (),
    on_disk: Mapping[str, L2AProduct] | None = None,
) -> list[Choice]:
    """Decide for each record, oldest acquisition first, what will be done. The limit is left to others.

    `jobs` are those of the log, `again` the names of those that the user wants submitted once more, `on_disk` the L2A
    products that the user has already, by the names of their files without `.zip`.
    """
    jobs, on_disk = jobs or Jobs({}), on_disk or {}
    ordered = sorted({record.identifier: record for record in records}.values(), key=_by_acquisition)
    again = {record.identifier for record in ordered}.intersection(again)
    newest: dict[Acquisition, str] = {}
    for record in ordered:
        if record.product:
            key = record.product.acquisition
            newest[key] = max(newest.get(key, ""), record.product.baseline)
    logged, folder = _Logged(jobs, again), _Folder(on_disk, jobs)

    def action(record: Record) -> str:
        product = record.product
        if product is None:
            return "old format" if record.is_old_format else "not L1C"
        reason = _unwanted(record, product, wishes)
        if not reason and product.name not in again:
            reason = IN_LOG if product.name in jobs else ""
            if not reason and wishes.days:
                is_older = product.baseline != newest[product.acquisition]
                reason = "older baseline" if is_older else logged.other_job_for(product)
        return reason or folder.take(product) or _too_cloudy(record, wishes) or SUBMIT

    return [Choice(record, action(record), record.identifier) for record in ordered]


def was_lost(job: Job) -> bool:
    """Return True if the server refused the job, failed over it or cancelled it, or the user dropped it."""
    return job.state in {State.REJECTED, State.FAILED, State.CANCELLED}


class _Logged:
    """What other jobs of the log have to do with a product that is not in the log itself."""

    def __init__(self, jobs: Jobs, again: Container[str]) -> None:
        self._baselines: dict[Acquisition, str] = {}
        self._series: list[tuple[Series, list[L2AProduct] | None]] = []
        for name, job in jobs.items():
            product, series = L1CProduct.parse(name), Series.parse(name)
            # A job that the server refused or failed keeps nothing away, unless it is just being submitted again.
            if product and (not was_lost(job) or job.was_dropped or name in again):
                newest = self._baselines.get(product.acquisition, "")
                self._baselines[product.acquisition] = max(newest, product.baseline)
            elif series and not was_lost(job):
                self._series.append((series, _delivered(job)))

    def other_job_for(self, product: L1CProduct) -> str:
        """Return which other job keeps a product from being submitted, or nothing."""
        for series, delivered in self._series:
            if series.covers(product) and (delivered is None or any(map(product.became, delivered))):
                return f"{IN_LOG} (series)"
        # Of one acquisition cut in two, the other part in the log is not a reason: it has the same baseline.
        newest = self._baselines.get(product.acquisition, product.baseline)
        return "" if newest == product.baseline else f"{IN_LOG} ({newest})"


def _delivered(job: Job) -> list[L2AProduct] | None:
    """Return what a finished series came to; None for one that may still deliver all of its dates."""
    if job.state is not State.FINISHED:
        return None
    results = [*job.earlier_files, *job.files, *job.novald]
    return [result for name in results if (result := L2AProduct.find(name))]


class _Folder:
    """The L2A products that the user has. Each is taken once: every part of an acquisition cut in two has its own."""

    def __init__(self, on_disk: Mapping[str, L2AProduct], jobs: Jobs) -> None:
        owners = jobs.owners() if on_disk else {}
        known = {file.removesuffix(".zip") for file, job in owners.items() if L1CProduct.parse(job)}
        self._files: dict[tuple[str, Tile], list[L2AProduct]] = {}
        for name, result in on_disk.items():
            if name not in known:  # else it is of a part that is in the log
                self._files.setdefault((result.satellite, result.tile), []).append(result)

    def take(self, product: L1CProduct) -> str:
        """Return `on disk` for a product with a file that was not taken for another one, else nothing."""
        files = self._files.get((product.satellite, product.tile), [])
        fitting = next(filter(product.became, files), None)
        if fitting:
            files.remove(fitting)
        return "on disk" if fitting else ""


def _by_acquisition(record: Record) -> tuple[str, str]:
    return (
        record.product.acquisition[0] if record.product else record.day.replace("-", ""),
        record.identifier,
    )


def _unwanted(record: Record, product: L1CProduct, wishes: Wishes) -> str:
    if wishes.tiles and product.tile.name not in wishes.tiles:
        return "other tile"
    if wishes.days and product.sensing.date() not in wishes.days:
        return "other date"
    if wishes.orbit is not None and product.orbit != wishes.orbit:
        return "other orbit"
    if wishes.satellite is not None and product.satellite != wishes.satellite:
        return "other satellite"
    return BEYOND_60 if record.lies_beyond_60() else ""


def _too_cloudy(record: Record, wishes: Wishes) -> str:
    too_cloudy = wishes.max_clouds is not None and record.clouds is not None and record.clouds > wishes.max_clouds
    return "too cloudy" if too_cloudy else ""
