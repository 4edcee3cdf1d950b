"""The choice: what is done with each product of the catalogues, decided acquisition by acquisition.

All of this is pure: values go in, a list comes out. The steps stand in the order in which they decide.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from peps_maja.joblog.events import Source, State
from peps_maja.joblog.jobs import Jobs
from peps_maja.options import ProcessOptions
from peps_maja.products.names import OLD_FORMAT, L2AProduct, named_product
from peps_maja.products.places import Box
from peps_maja.products.records import L1CRecord, L2ARecord, Record
from peps_maja.products.tiles import BEYOND_60
from peps_maja.submitter.acquisitions import Acquisition, side_by_side
from peps_maja.text import version_numbers

SUBMIT, FROM_THEIA, IN_LOG, AT_THEIA, ON_DISK = "submit", "from Theia", "in log", "at Theia", "on disk"
NOT_AT_THEIA, IN_SERIES = "not at Theia", f"{IN_LOG} (series)"


@dataclass(frozen=True)
class Choice:
    """A record and what is done with it, in the job of that name: `submit`, `from Theia`, or why nothing."""

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


def choose(
    records: Sequence[Record],
    jobs: Jobs,
    files: Mapping[str, L2AProduct],
    options: ProcessOptions,
    again: Container[str] = (),
) -> list[Choice]:
    """Return what is done with each record, the oldest acquisition first, but for the limit (step 6).

    `jobs` are those of the log, `files` the products in the user's folder by the names of their files without `.zip`,
    `again` the names of the jobs that are to be submitted again.
    """
    acquisitions = side_by_side(records, jobs, files, again)
    return [choice for acquisition in acquisitions for choice in decide(acquisition, options)]


def decide(acquisition: Acquisition, options: ProcessOptions) -> list[Choice]:
    """Return what is done with each record of an acquisition: out by the first step that has a reason, or taken."""
    steps = STEPS_IF_NAMED if options.product and options.theia != "first" else STEPS
    reasons: dict[Record, str] = {}
    left = acquisition
    for step in steps:
        reasons |= {record: reason for record in left.records if (reason := step(record, left, options))}
        left = replace(left, records=[record for record in left.records if record not in reasons])
    taken = {record: FROM_THEIA if isinstance(record, L2ARecord) else SUBMIT for record in acquisition.records}
    return [Choice(record, action, record.identifier) for record, action in (taken | reasons).items()]


# Each step returns the reason why a record is out, or nothing; `left` is the acquisition with what is left before it.


def not_asked_for(record: Record, left: Acquisition, options: ProcessOptions) -> str:
    """1. Out is what the options do not ask for, and what MAJA on PEPS does not take."""
    if record.product is None:
        return "old format" if OLD_FORMAT.fullmatch(record.identifier) else "not L1C"
    if options.tile and record.tile not in options.tile:
        return "other tile"
    days = [record.product.seen.date()] if isinstance(record, L1CRecord) else left.days
    if options.days and not any(day in options.days for day in days):
        return "other date"
    if options.orbit and (orbit := record.orbit or left.orbit) != options.orbit:
        return "other orbit" if orbit else "orbit not known"
    if options.sat and record.satellite != options.sat:
        return "other satellite"
    if isinstance(options.place, Box) and not (record.bounds and options.place.meets(record.bounds)):
        return "other place"
    return BEYOND_60 if isinstance(record, L1CRecord) and record.is_beyond_60() else ""


def of_the_other_source(record: Record, left: Acquisition, options: ProcessOptions) -> str:
    """2. One source: that of the live jobs; without any, Theia if it is asked for and has it, else PEPS."""
    source = source_of(record.identifier)
    logged = {source_of(name) for name in left.live} | ({Source.PEPS} if left.series else set())
    if logged == {source}:
        return ""
    if logged:  # if both have some, each keeps its own, and nothing new is taken
        return IN_LOG if left.live else IN_SERIES
    items = [item for item in left.records if isinstance(item, L2ARecord)]
    version = max((item.version for item in items), key=version_numbers, default="")
    has_theia = any(item.version == version and item.identifier not in left.ended for item in items)
    if has_theia or options.is_theia_only or len(items) == len(left.records):
        return "" if source is Source.THEIA else AT_THEIA
    return "" if source is Source.PEPS else "failed"


def in_log_or_older(record: Record, left: Acquisition, _: ProcessOptions) -> str:
    """3. Of the version that the log has, else of the newest, all is wanted that is not in the log itself."""
    is_l1c = isinstance(record, L1CRecord)
    if record.identifier in left.live or (is_l1c and record.identifier in left.ended):
        return IN_LOG
    if left.series:
        return IN_SERIES
    logged = [product.version for name in left.live or left.again if (product := named_product(name))]
    version = max(logged or [other.version for other in left.records], key=version_numbers)
    if logged and record.version != version:
        return f"{IN_LOG} ({version})" if version else IN_LOG
    last = {other.identifier: other for other in sorted(left.records, key=lambda other: other.processed)}
    if record.version == version and record is last[record.identifier]:
        return ""
    return "older baseline" if is_l1c else "older version"


def in_log_by_name(record: Record, left: Acquisition, _: ProcessOptions) -> str:
    """In place of 2 and 3 for a product that the user named: out is that very name, of Theia's if it has not ended."""
    job = left.live.get(record.identifier) or left.ended.get(record.identifier)
    is_known = job and (isinstance(record, L1CRecord) or job.state in {State.OPEN, State.FINISHED})
    return IN_LOG if is_known else ""


def on_disk(record: Record, left: Acquisition, _: ProcessOptions) -> str:
    """4. One file for one part: a file that bears the name of one is of that one, any other of any."""
    own_first = sorted(left.records, key=lambda other: other.identifier not in left.files)
    return ON_DISK if record in own_first[: len(left.files)] else ""


def not_at_theia(record: Record, _: Acquisition, __: ProcessOptions) -> str:
    """4. For a product that the user named, too: out is what Theia does not have."""
    return NOT_AT_THEIA if isinstance(record, L2ARecord) and not record.address else ""


def too_cloudy(record: Record, _: Acquisition, options: ProcessOptions) -> str:
    """5. By the figure of the source itself; a record without one stays."""
    is_too_cloudy = options.max_cloud is not None and record.clouds is not None and record.clouds > options.max_cloud
    return "too cloudy" if is_too_cloudy else ""


STEPS = (not_asked_for, of_the_other_source, in_log_or_older, on_disk, too_cloudy)
STEPS_IF_NAMED = (not_asked_for, in_log_by_name, on_disk, not_at_theia)


def source_of(name: str) -> Source:
    """Return who makes what a record or a job is named after: an L2A is Theia's, an L1C is for PEPS."""
    return Source.THEIA if L2AProduct.find(name) else Source.PEPS
