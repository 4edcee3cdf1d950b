"""Which of Theia's products are taken, and which L1C products need no job because Theia has them."""

from __future__ import annotations

from collections.abc import Iterable

from peps_maja.joblog.events import State
from peps_maja.products.names import L1CProduct, L2AProduct, Passage
from peps_maja.products.records import L2ARecord
from peps_maja.submitter.choice import FROM_THEIA, IN_LOG, ON_DISK, Choice
from peps_maja.submitter.situation import Folder, Situation

NOT_AT_THEIA = "not at Theia"


def choose_ready(situation: Situation) -> list[Choice]:
    """Decide for each product of Theia, oldest acquisition first, whether it is taken. The limit is left to others."""
    if not situation.ready:
        return []
    ordered = sorted(situation.ready, key=lambda record: record.rank)
    reasons = _Reasons(situation, ordered)
    return [Choice(record, reasons.against(record) or FROM_THEIA, record.identifier) for record in ordered]


def at_theia(situation: Situation) -> frozenset[Passage]:
    """Return the passages of which Theia has products, whatever is done with these, but for those that failed here."""
    if not situation.wishes.theia:
        return frozenset()
    logged = situation.logged
    has = {passage for record in situation.ready for passage in record.passages}
    has |= {passage for passage, names in logged.passages.items() if not all(map(L1CProduct.parse, names))}
    return frozenset(has - logged.failed)


class _Reasons:
    """Why a product is not taken."""

    def __init__(self, situation: Situation, ordered: list[L2ARecord]) -> None:
        self._wishes, self._jobs = situation.wishes, situation.jobs
        self._is_named = situation.wishes.is_theia_only and not situation.wishes.days
        self._newest = _newest(ordered)
        self._logged = situation.logged
        self._folder = Folder(situation, lambda job: bool(L1CProduct.parse(job) or L2AProduct.find(job)))
        # A file that has a product's name is that product's; any other is of any piece of its acquisition.
        self._own = {record.identifier for record in ordered if self._takes_file(record, by_name=True)}

    def against(self, record: L2ARecord) -> str:
        """Return why the product is not taken, or nothing."""
        reason = self._wishes.refuse(record, (day for _, _, day in record.passages)) or record.elsewhere
        reason = reason or (self._named(record) if self._is_named else self._found(record))
        if not reason and (record.identifier in self._own or self._takes_file(record)):
            reason = ON_DISK
        return reason or self._wishes.too_cloudy(record.clouds)

    def _named(self, record: L2ARecord) -> str:
        """Return what the log has of the very product that the user named."""
        job = self._jobs.get(record.identifier)
        return IN_LOG if job and job.state in {State.OPEN, State.FINISHED} else ""

    def _found(self, record: L2ARecord) -> str:
        """Return what the log has of the acquisition, or that Theia itself has something newer."""
        others = [name for passage in record.passages for name in self._logged.passages[passage]]
        if record.identifier in others:
            return IN_LOG
        if record not in self._newest:
            return "older version"
        if self._logged.is_in_series(
            lambda series: series.covers_any(record.passages, record.orbit),
            lambda result: not set(result.passages).isdisjoint(record.passages),
        ):
            return f"{IN_LOG} (series)"
        for name in others:
            version = _version(name)
            if L1CProduct.parse(name) or version != record.version:  # else another piece, and both are wanted
                return f"{IN_LOG} ({version})" if version else IN_LOG
        has_failed = not self._logged.failed.isdisjoint(record.passages)
        return "failed" if has_failed and not self._wishes.is_theia_only else ""

    def _takes_file(self, record: L2ARecord, *, by_name: bool = False) -> bool:
        def fits(file: L2AProduct) -> bool:
            return file.name == record.identifier if by_name else file.passages[0] in record.passages

        return self._folder.take(record.satellite, record.tile, fits)


def _newest(ordered: Iterable[L2ARecord]) -> set[L2ARecord]:
    """Return all records of the newest version of each acquisition, of one name the one processed last."""
    groups: dict[Passage, list[L2ARecord]] = {}
    for record in ordered:
        group = next((groups[passage] for passage in record.passages if passage in groups), [])
        group.append(record)
        groups.update(dict.fromkeys(record.passages, group))
    newest: set[L2ARecord] = set()
    for group in groups.values():
        version, _ = max(record.age for record in group)
        latest = sorted(group, key=lambda record: record.age)
        newest.update({record.identifier: record for record in latest if record.age[0] == version}.values())
    return newest


def _version(job: str) -> str:
    product = L2AProduct.find(job)
    return product.version if product else ""
