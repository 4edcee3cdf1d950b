"""Which L1C products are processed: of several baselines the newest, nothing twice, only what the user wants."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from peps_maja.products.names import Acquisition, L1CProduct, Passage
from peps_maja.products.records import L1CRecord, Record
from peps_maja.products.tiles import BEYOND_60
from peps_maja.submitter.situation import Folder, Situation

SUBMIT, IN_LOG, ON_DISK = "submit", "in log", "on disk"
FROM_THEIA, AT_THEIA = "from Theia", "at Theia"


@dataclass(frozen=True)
class Choice:
    """A record and what will be done with it, in the job of that name: `submit`, `from Theia`, or why nothing."""

    record: Record
    action: str
    job: str

    @property
    def is_submitted(self) -> bool:
        """Whether a job will be submitted for it."""
        return self.action == SUBMIT

    @property
    def is_taken(self) -> bool:
        """Whether it will be downloaded from Theia."""
        return self.action == FROM_THEIA


def choose(situation: Situation, at_theia: Container[Passage] = ()) -> list[Choice]:
    """Decide for each L1C record, oldest acquisition first, what will be done. The limit is left to others.

    `at_theia` are the passages of which Theia has products.
    """
    ordered = sorted(
        {record.identifier: record for record in situation.records}.values(), key=lambda record: record.rank
    )
    wishes, again = situation.wishes, frozenset(situation.again)
    newest: dict[Acquisition, str] = {}
    for record in ordered:
        if record.product:
            key = record.product.acquisition
            newest[key] = max(newest.get(key, ""), record.product.baseline)
    # The file of a part that is in the log itself does not count for another part.
    folder = Folder(situation, lambda job: L1CProduct.parse(job) is not None)

    def known(product: L1CProduct) -> str:
        """Return what keeps a product away that is not to be submitted again."""
        if product.name in situation.jobs:
            return IN_LOG
        if not wishes.days:
            return ""
        if product.baseline != newest[product.acquisition]:
            return "older baseline"
        if situation.logged.is_in_series(lambda series: series.covers(product), product.matches):
            return f"{IN_LOG} (series)"
        # Of one acquisition cut in two, the other part in the log is not a reason: it has the same baseline.
        logged = situation.logged.newest_baseline(product)
        return "" if logged == product.baseline else f"{IN_LOG} ({logged})"

    def action(record: L1CRecord) -> str:
        product = record.product
        if product is None:
            return "old format" if record.is_old_format else "not L1C"
        reason = wishes.refuse(record, [product.sensing.date()]) or (BEYOND_60 if record.is_beyond_60() else "")
        if not reason and product.name not in again:
            reason = known(product) or (AT_THEIA if product.passage in at_theia else "")
        if not reason and folder.take(product.satellite, product.tile.name, product.matches):
            reason = ON_DISK
        return reason or wishes.too_cloudy(record.clouds) or SUBMIT

    return [Choice(record, action(record), record.identifier) for record in ordered]
