"""All that is known of an acquisition, put side by side: what one satellite saw of one tile in one pass."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.products.names import L1CProduct, L2AProduct, is_one_pass, named_product
from peps_maja.products.records import Record
from peps_maja.products.series import Series

Sight = tuple[L1CProduct | L2AProduct, Record | str | None]
"""A product, and what is known of it: a record of a catalogue, a job of the log by its name, or a file (None)."""


@dataclass(frozen=True)
class Acquisition:
    """All that is known of one acquisition. Jobs are by name, and of either service."""

    records: Sequence[Record]  # its parts in PEPS's catalogue and its items in Theia's, oldest first
    live: Mapping[str, Job]  # keep others away: they have not ended, or the user dropped them
    again: Mapping[str, Job]  # to be submitted again
    ended: Mapping[str, Job]  # refused, failed or cancelled by the server
    series: Sequence[str]  # jobs for a series that may deliver it, or have
    files: Sequence[str]  # the names of products in the user's folder for which no job accounts
    days: Sequence[date]  # that of its L1C; if none is known, the one or two on which its datatake can have begun
    orbit: int | None  # that of its L1C, else of an item


def side_by_side(
    records: Sequence[Record], jobs: Jobs, files: Mapping[str, L2AProduct], again: Container[str]
) -> list[Acquisition]:
    """Return the acquisitions of which a catalogue has a record, oldest first, each with all that is known of it.

    `files` are by their names without `.zip`; `again` are the names of the jobs that are to be submitted again.
    """
    records = list(dict.fromkeys(records))
    series = {name: span for name in jobs if (span := Series.parse(name))}
    downloaded = {file.removesuffix(".zip") for file in jobs.owners()} if files else set()
    sights: list[Sight] = [(record.product, record) for record in records if record.product]
    sights += [(product, name) for name in jobs if (product := named_product(name))]
    sights += [(product, name) for name in series for product in jobs[name].delivered]
    sights += [(product, None) for name, product in files.items() if name not in downloaded]
    passes: list[list[Sight]] = []
    for sight in sorted(sights, key=lambda each: (each[0].satellite, each[0].tile, each[0].seen)):
        if passes and is_one_pass(passes[-1][0][0], sight[0]):
            passes[-1].append(sight)
        else:
            passes.append([sight])
    asked = [each for each in passes if any(isinstance(what, Record) for _, what in each)]
    found = [_acquisition(each, jobs, series, again) for each in asked]
    found += [Acquisition([record], {}, {}, {}, [], [], [], None) for record in records if not record.product]
    return sorted(found, key=lambda acquisition: acquisition.records[0].rank)


def _acquisition(
    sights: Sequence[Sight], jobs: Jobs, series: Mapping[str, Series], again: Container[str]
) -> Acquisition:
    """Return what is known of one pass; `series` are those of the log."""
    records = sorted((what for _, what in sights if isinstance(what, Record)), key=lambda record: record.rank)
    l1c = next((product for product, _ in sights if isinstance(product, L1CProduct)), None)
    l2a = next((product for product, _ in sights if isinstance(product, L2AProduct)), None)
    days = [l1c.seen.date()] if l1c else l2a.days if l2a else []
    orbit = l1c.orbit if l1c else next((record.orbit for record in records if record.orbit), None)
    names = dict.fromkeys(what for _, what in sights if isinstance(what, str))
    singles = {name: jobs[name] for name in names if name not in series}
    listed = {record.identifier for record in records if record.identifier in again}
    live = {name: job for name, job in singles.items() if name not in listed and not job.has_ended}
    live |= {name: Job(name) for record in records if jobs.may_have(name := record.identifier)}  # damaged lines name it
    covering = [name for name, span in series.items() if span.covers_days(sights[0][0].tile, days, orbit)]
    covering = [name for name in covering if jobs[name].is_going_on and name not in again]
    # A live job that has downloaded nothing accounts for one file: that of its own name, or any.
    idle = sum(not (job.files or job.earlier_files) for job in live.values())
    files = [product.name for product, what in sights if what is None]
    return Acquisition(
        records=records,
        live=live,
        again={name: job for name, job in singles.items() if name in listed},
        ended={name: job for name, job in singles.items() if name not in listed and job.has_ended},
        series=[*covering, *(name for name in names if name in series and name not in covering)],
        files=sorted(files, key=lambda name: name not in live)[idle:],
        days=days,
        orbit=orbit,
    )
