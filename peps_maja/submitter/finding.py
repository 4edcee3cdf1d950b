"""What the catalogues of PEPS and Theia have of what the user asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timezone

from peps_maja.errors import ServerAway, ServerTrouble, UsageError
from peps_maja.joblog.events import State
from peps_maja.joblog.jobs import Job, Jobs
from peps_maja.options import ProcessOptions
from peps_maja.peps import catalogue
from peps_maja.peps.service import Peps
from peps_maja.products.names import L1CProduct, L2AProduct, is_one_pass
from peps_maja.products.places import Box
from peps_maja.products.records import L1CRecord, L2ARecord, Record
from peps_maja.products.tiles import BANDS_BEYOND_60, BEYOND_60
from peps_maja.text import version_numbers
from peps_maja.theia.queries import Search, searches_of_days
from peps_maja.theia.service import Theia

_Keep = Callable[[object], None]


def find(options: ProcessOptions, jobs: Jobs, peps: Peps, theia: Theia, keep: _Keep) -> list[Record]:
    """Return what is found by a search, named, or to be submitted again; `keep` is given what came, for --json.

    Raises ServerAway, ServerTrouble and the like if a catalogue does not tell all that it has.
    """
    listed: list[L1CRecord] = []
    if not options.is_theia_only:
        try:
            listed = _listed(options, jobs, peps, keep)
        except (ServerAway, ServerTrouble) as error:
            if options.theia and "--theia only" not in str(error):
                error.args = (f"{error}; --theia only takes what Theia has, without PEPS",)
            raise
    keep_theias: _Keep = keep if options.is_theia_only else lambda _: None
    return [*listed, *(_ready(options, listed, theia, keep_theias) if options.theia else [])]


def possible(options: ProcessOptions, notice: Callable[[str], None]) -> ProcessOptions:
    """Return the options without what cannot be found, of which `notice` is told; raise UsageError if none is left."""
    if options.start_date and options.start_date > datetime.now(timezone.utc).date():
        notice(f"{options.start_date} to {options.end_date} is in the future: there are no products yet")
    beyond = [tile for tile in options.tile if tile[2] in BANDS_BEYOND_60 and not options.is_theia_only]
    if not beyond:
        return options
    why = "MAJA has no elevation model there and PEPS cancels its jobs"
    message = f"{', '.join(beyond)}: {BEYOND_60} north or south, {why}"
    if len(beyond) == len(options.tile):
        raise UsageError(message)
    notice(f"{message}; left out")
    return replace(options, tile=[tile for tile in options.tile if tile not in beyond])


def jobs_in(jobs: Jobs, standings: Sequence[str]) -> list[Job]:
    """Return the jobs that stand so: `failed`, `dropped` and the like."""
    states = [State.CANCELLED if standing == "dropped" else State(standing) for standing in standings]
    return [job for job in jobs.in_state(*states) if job.standing in standings]


def _listed(options: ProcessOptions, jobs: Jobs, peps: Peps, keep: _Keep) -> list[L1CRecord]:
    if not options.days:
        known = {name: jobs[name].clouds if name in jobs else None for name in options.product}
        named = known or {job.name: job.clouds for job in jobs_in(jobs, options.resubmit)}
        products = filter(None, map(L1CProduct.parse, named))  # of a series, the log knows all
        return [L1CRecord.of(product, clouds=named[product.name]) for product in products]
    if options.place:
        searches = [catalogue.Search.at(options.place, options.days)]
    else:
        searches = [catalogue.Search({"tileid": tile}, options.days) for tile in options.tile]
    found = [record for search in searches for record in catalogue.find_records(peps, search, keep)]
    return list({record.identifier: record for record in found}.values())


def _ready(options: ProcessOptions, listed: Sequence[L1CRecord], theia: Theia, keep: _Keep) -> list[L2ARecord]:
    """Return what Theia has of a search by tiles or in a box, of what is named, else of what PEPS's catalogue gave."""
    if options.days and (options.tile or isinstance(options.place, Box)):
        first, last = options.days.start, options.days.end
        box = options.place if isinstance(options.place, Box) else None
        return theia.find([Search(first, last, tile, box) for tile in options.tile or [""]], keep)
    if options.is_theia_only:
        named = [product for name in options.product if (product := L2AProduct.find(name))]
        found = theia.find(searches_of_days((product.tile.name, product.seen.date()) for product in named), keep)
        found.sort(key=lambda record: (version_numbers(record.version), record.processed))
        # A name without a version means the newest.
        known = {record.product.name: record for record in found} | {record.identifier: record for record in found}
        return list({product.name: known.get(product.name) or L2ARecord.of(product) for product in named}.values())
    products = [record.product for record in listed if record.product]
    found = theia.find(searches_of_days((product.tile.name, product.seen.date()) for product in products), keep)
    return [record for record in found if any(is_one_pass(record.product, product) for product in products)]
