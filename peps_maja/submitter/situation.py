"""What a decision is made of: wishes, the records of the catalogues, and what log and folder have of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from peps_maja.joblog.events import Source, State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.products.names import Acquisition, L1CProduct, L2AProduct, Passage
from peps_maja.products.records import L1CRecord, L2ARecord
from peps_maja.products.series import Series
from peps_maja.submitter.wishes import Wishes


@dataclass(frozen=True)
class Situation:
    """All that a decision is made of: `ready` is what Theia has, `again` the jobs to be submitted once more.

    `on_disk` are the user's L2A products by the names of their files without `.zip`.
    """

    wishes: Wishes
    records: Sequence[L1CRecord] = ()
    ready: Sequence[L2ARecord] = ()
    jobs: Jobs = field(default_factory=lambda: Jobs({}))
    again: Sequence[str] = ()
    on_disk: Mapping[str, L2AProduct] = field(default_factory=dict)

    @cached_property
    def logged(self) -> Logged:
        """What the jobs of the log have to do with products that are not in the log themselves."""
        return Logged(self)


def jobs_in(jobs: Jobs, states: Iterable[str], source: Source) -> tuple[str, ...]:
    """Return the jobs of a source in one of these states, without those that the user dropped."""
    found = jobs.in_state(*map(State, states))
    return tuple(job.name for job in found if job.source is source and not job.was_dropped)


def was_lost(job: Job) -> bool:
    """Return True if the server refused the job, failed over it or cancelled it, or the user dropped it."""
    return job.state in {State.REJECTED, State.FAILED, State.CANCELLED}


def keeps_away(job: Job) -> bool:
    """Return True if the job keeps others for its acquisition away: not if the server refused or failed it."""
    return not was_lost(job) or job.was_dropped


class Logged:
    """What the jobs of the log have to do with products that are not in the log themselves."""

    def __init__(self, situation: Situation) -> None:
        self.passages: defaultdict[Passage, list[str]] = defaultdict(list)
        """The names of the jobs, of either source, that keep others away, by the passages of which they can be."""
        failed: list[L2AProduct] = []
        self._baselines: dict[Acquisition, str] = {}
        self._series: list[tuple[Series, list[L2AProduct] | None]] = []
        again = {record.identifier for record in situation.records}.intersection(situation.again)
        for name, job in situation.jobs.items():
            product, series = L1CProduct.parse(name), Series.parse(name)
            if product:
                # A job that the server refused or failed keeps nothing away, unless it is just being submitted again.
                if keeps_away(job) or name in again:
                    newest = self._baselines.get(product.acquisition, "")
                    self._baselines[product.acquisition] = max(newest, product.baseline)
                    self.passages[product.passage].append(name)
            elif series:
                if not was_lost(job):
                    self._series.append((series, _delivered(job)))
            elif result := L2AProduct.find(name):
                failed += [] if keeps_away(job) else [result]
                for passage in result.passages if keeps_away(job) else ():
                    self.passages[passage].append(name)
        self.failed = {
            passage for result in failed for passage in result.passages if not self._has_other_version(passage, result)
        }
        """The passages of which a job of Theia's failed, and no other version is there."""

    def newest_baseline(self, product: L1CProduct) -> str:
        """Return the newest baseline in which the log has the acquisition; that of the product if it has none."""
        return self._baselines.get(product.acquisition, product.baseline)

    def _has_other_version(self, passage: Passage, failed: L2AProduct) -> bool:
        results = map(L2AProduct.find, self.passages.get(passage, ()))
        return any(result is not None and result.version != failed.version for result in results)

    def is_in_series(self, covered: Callable[[Series], bool], delivered: Callable[[L2AProduct], bool]) -> bool:
        """Return True if a series covers a product and, where it is finished, has delivered it."""
        return any(
            covered(series) and (results is None or any(map(delivered, results))) for series, results in self._series
        )


def _delivered(job: Job) -> list[L2AProduct] | None:
    """Return what a finished series came to; None for one that may still deliver all of its dates."""
    if job.state is not State.FINISHED:
        return None
    results = [*job.earlier_files, *job.files, *job.novald]
    return [result for name in results if (result := L2AProduct.find(name))]


class Folder:
    """The L2A products that the user has, without those of jobs that are `accounted` for. Each is taken once."""

    def __init__(self, situation: Situation, accounted: Callable[[str], bool]) -> None:
        owners = situation.jobs.owners() if situation.on_disk else {}
        known = {file.removesuffix(".zip") for file, job in owners.items() if accounted(job)}
        self._files: defaultdict[tuple[str, str], list[L2AProduct]] = defaultdict(list)
        for name, result in situation.on_disk.items():
            if name not in known:
                self._files[result.satellite, result.tile.name].append(result)

    def take(self, satellite: str, tile: str, fits: Callable[[L2AProduct], bool]) -> bool:
        """Return True if there is a file that fits, and was not taken for another product."""
        files = self._files[satellite, tile]
        fitting = next(filter(fits, files), None)
        if fitting:
            files.remove(fitting)
        return fitting is not None
