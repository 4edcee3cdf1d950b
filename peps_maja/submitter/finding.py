"""What the user wants, and what the catalogues of PEPS and Theia, the log and the folder have of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from peps_maja.disk import write_whole
from peps_maja.downloads.zips import products_in
from peps_maja.errors import UsageError
from peps_maja.joblog.events import Source
from peps_maja.joblog.jobs import Jobs
from peps_maja.options import ProcessOptions
from peps_maja.peps.catalogue import find_records, searches
from peps_maja.peps.service import Peps
from peps_maja.products.names import L1CProduct, L2AProduct, pasted_name
from peps_maja.products.places import Box
from peps_maja.products.records import L1CRecord, L2ARecord
from peps_maja.products.tiles import BEYOND_60, Tile
from peps_maja.submitter.situation import Situation, jobs_in
from peps_maja.submitter.theia import NOT_AT_THEIA
from peps_maja.submitter.wishes import Wishes
from peps_maja.theia.search import Search, searches_of_days
from peps_maja.theia.service import Theia


def read_wishes(options: ProcessOptions, notice: Callable[[str], None]) -> Wishes:
    """Return what the user wants; `notice` gets tiles that are left out and days to come. Raises UsageError."""
    if options.start_date and options.start_date > datetime.now(timezone.utc).date():
        notice(f"{options.start_date} to {options.end_date} is in the future: there are no products yet")
    tiles = [Tile.parse(name) for name in options.tile]
    return Wishes(
        tiles=frozenset(tile.name for tile in (tiles if options.is_theia_only else _without_beyond_60(tiles, notice))),
        days=options.days,
        orbit=options.orbit,
        satellite=options.sat,
        max_clouds=options.max_cloud,
        limit=options.limit,
        place=options.location or options.box,
        names=_names(options),
        resubmit=options.resubmit,
        series=options.series,
        theia=options.theia,
    )


def find(situation: Situation, options: ProcessOptions, peps: Peps, theia: Theia) -> Situation:
    """Return the situation with what the catalogues have: found by a search, named, or to be submitted again."""
    wishes = situation.wishes
    if not wishes.is_theia_only:
        situation = replace(situation, records=_records(situation, options.json, peps))
    if wishes.theia:
        situation = replace(situation, ready=_ready(situation, options.json, theia))
    return situation


def now(situation: Situation, jobs: Jobs, options: ProcessOptions) -> Situation:
    """Return the situation with what log and folder have now."""
    again = jobs_in(jobs, situation.wishes.resubmit, Source.PEPS)
    return replace(situation, jobs=jobs, again=again, on_disk=products_in(options.write_dir))


def _records(situation: Situation, geojson: Path | None, peps: Peps) -> list[L1CRecord]:
    wishes = situation.wishes
    if wishes.days:
        found = find_records(peps, searches(wishes), with_features=geojson is not None)
        _keep(found.features, geojson)
        return found.records
    products = map(L1CProduct.parse, wishes.names or situation.again)  # of a series, the log knows all
    return [L1CRecord.named(product) for product in products if product]


def _ready(situation: Situation, geojson: Path | None, theia: Theia) -> list[L2ARecord]:
    """Return what Theia has of what the user wants: of a search by tiles all, else of what PEPS's catalogue gave."""
    wishes = situation.wishes
    keeps = geojson is not None and wishes.is_theia_only
    found = theia.find(_searches(situation), with_features=keeps)
    if keeps:
        _keep(found.features, geojson)
    if wishes.is_theia_only:
        return _named(found.records, wishes.names) if wishes.names else found.records
    passages = {record.product.passage for record in situation.records if record.product}
    return [record for record in found.records if wishes.tiles or not passages.isdisjoint(record.passages)]


def _searches(situation: Situation) -> list[Search]:
    wishes = situation.wishes
    if wishes.days and wishes.tiles:
        return [Search(wishes.days.start, wishes.days.end, tile=tile) for tile in sorted(wishes.tiles)]
    if wishes.days and wishes.is_theia_only and isinstance(wishes.place, Box):
        return [Search(wishes.days.start, wishes.days.end, box=wishes.place)]
    named = filter(None, map(L2AProduct.find, wishes.names if wishes.is_theia_only else ()))
    asked_for = [passage for product in named for passage in product.passages[:1]]
    asked_for += [record.product.passage for record in situation.records if record.product]
    return searches_of_days((tile, day) for _, tile, day in asked_for)


def _named(records: Sequence[L2ARecord], names: Iterable[str]) -> list[L2ARecord]:
    """Return the record of each name; one without a version means the newest.

    A name that Theia does not have gets a record that says so.
    """
    ordered = sorted(records, key=lambda record: record.age)
    known = {record.product.name: record for record in ordered} | {record.identifier: record for record in ordered}
    products = filter(None, map(L2AProduct.find, names))
    found = [known.get(product.name) or L2ARecord.missing(product, NOT_AT_THEIA) for product in products]
    return list({record.identifier: record for record in found}.values())


def _names(options: ProcessOptions) -> tuple[str, ...]:
    """Return the names of the products that the user named. Raises UsageError for what is not the name of one."""
    names = []
    for given in options.product:
        product = (L2AProduct.find if options.is_theia_only else L1CProduct.parse)(pasted_name(given))
        if product is None:
            if options.is_theia_only:
                raise UsageError(f"{given} is not the name of an L2A product of Theia, which --theia only needs")
            raise UsageError(f"{given} is not the name of a single-tile L1C product, and MAJA on PEPS takes only those")
        names.append(product.name)
    return tuple(dict.fromkeys(names))


def _without_beyond_60(tiles: list[Tile], notice: Callable[[str], None]) -> list[Tile]:
    """Return the tiles without those wholly beyond 60°; raise UsageError if none is left."""
    beyond = sorted({tile for tile in tiles if tile.lies_beyond_60})
    if beyond:
        where = "MAJA has no elevation model there and PEPS cancels its jobs"
        message = f"{', '.join(map(str, beyond))}: {BEYOND_60} north or south, {where}"
        if len(beyond) == len(set(tiles)):
            raise UsageError(message)
        notice(f"{message}; left out")
    return [tile for tile in tiles if tile not in beyond]


def _keep(features: Iterable[object], path: Path | None) -> None:
    """Write the features as one GeoJSON, each once, whole or not at all."""
    if path:
        once = {json.dumps(feature): None for feature in features}
        write_whole(path, '{"type": "FeatureCollection", "features": [\n' + ",\n".join(once) + "\n]}\n")
