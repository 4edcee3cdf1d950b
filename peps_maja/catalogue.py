"""The PEPS catalogue (resto 2): query parameters out, GeoJSON in, and what to process of it. Touches nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import isfinite

from .documents import read_json
from .errors import NotPeps
from .jobs import Job, Jobs, State
from .products import BEYOND_60, Acquisition, L1CProduct, L2AProduct, Tile, is_old_format
from .series import Series
from .text import one_line

PAGE_SIZE = 500  # resto cuts a larger number silently to this


@dataclass(frozen=True)
class Days:
    """Days of acquisition (UTC) from `start` to `end`, both included."""

    start: date
    end: date

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end


@dataclass(frozen=True)
class Search:
    """What the catalogue is asked for: `place` holds resto's own parameters, such as `tileid`."""

    place: Mapping[str, str]
    days: Days

    def parameters(self, page: int) -> dict[str, str]:
        """Return the query for one page, counted from 1.

        Satellite, orbit and clouds are left to our own choice: resto's filters lose the products whose record
        lacks the figure, and know only the satellites of their time.
        """
        # A bare date is 00:00:00 of that day for resto, so the last day is included by naming the next one.
        start, end = self.days.start, self.days.end
        return {
            **self.place,
            "startDate": start.isoformat(),
            "completionDate": (end + timedelta(days=1) if end < date.max else end).isoformat(),
            "productType": "S2MSI1C",
            "maxRecords": str(PAGE_SIZE),
            "page": str(page),
        }


@dataclass(frozen=True)
class Record:
    """One product of the catalogue. `clouds` in percent, `size` in bytes, latitudes of the footprint in degrees."""

    identifier: str
    product: L1CProduct | None
    tile: str = ""
    day: str = ""
    satellite: str = ""
    orbit: int | None = None
    clouds: float | None = None
    size: int | None = None
    on_tape: bool = False
    latitudes: tuple[float, float] | None = None

    @classmethod
    def named(cls, product: L1CProduct) -> Record:
        """Return the record of a product of which nothing but its name is known."""
        return cls(
            identifier=product.name,
            product=product,
            tile=product.tile.name,
            day=product.sensing.date().isoformat(),
            satellite=product.satellite,
            orbit=product.orbit,
        )

    @property
    def is_old_format(self) -> bool:
        """Whether this is a multi-tile product, which MAJA on PEPS does not take."""
        return is_old_format(self.identifier)

    def lies_beyond_60(self) -> bool:
        """Tell whether the whole footprint lies beyond 60° north or south, where there is no SRTM elevation model."""
        if self.latitudes is None:
            return self.product is not None and self.product.tile.lies_beyond_60
        south, north = self.latitudes
        return south >= 60 or north <= -60

    def reaches_beyond_60(self) -> bool:
        """Tell whether a part of the footprint lies beyond 60°."""
        return self.latitudes is not None and (self.latitudes[1] > 60 or self.latitudes[0] < -60)


@dataclass(frozen=True)
class Page:
    """One page of the catalogue's answer: its records, the features as they came and how many these are.

    `total` is how many the whole answer has, where the server knows exactly.
    """

    records: tuple[Record, ...]
    features: tuple[object, ...]
    has_next: bool
    count: int
    total: int | None


def read_page(body: bytes) -> Page:
    """Return what a page of the catalogue says; raise NotPeps (or Unreadable) for anything else."""
    answer = read_json(body)
    features = answer.get("features") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(features, list):
        raise NotPeps("the server's answer to the search is no catalogue page")
    records = tuple(record for feature in features if (record := _record(feature)))
    properties = _dict(answer.get("properties"))
    total = _whole(properties.get("totalResults")) if properties.get("exactCount") is True else None
    return Page(records, tuple(features), _has_next(answer, len(features)), len(features), total)


def _has_next(answer: Mapping[str, object], count: int) -> bool:
    properties = answer.get("properties")
    links = [*_list(answer.get("links")), *_list(_dict(properties).get("links"))]
    # A server that sends no links at all cannot say; then a full page speaks for another one.
    return any(_dict(link).get("rel") == "next" for link in links) if links else count >= PAGE_SIZE


def _record(feature: object) -> Record | None:
    properties = _dict(_dict(feature).get("properties"))
    identifier = properties.get("productIdentifier") or properties.get("title")
    if not isinstance(identifier, str) or not identifier.strip():
        return None
    product = L1CProduct.parse(identifier)
    known = Record.named(product) if product else Record(one_line(identifier, 120), None)
    return Record(
        identifier=known.identifier,
        product=product,
        tile=known.tile or _string(properties.get("mgrs")),
        day=known.day or _string(properties.get("startDate"))[:10],
        satellite=known.satellite or _string(properties.get("platform")),
        orbit=known.orbit or _whole(properties.get("relativeOrbitNumber")),
        clouds=_number(properties.get("cloudCover")),
        size=_whole(properties.get("resourceSize")),
        on_tape=_dict(properties.get("storage")).get("mode") in ("tape", "tier3"),
        latitudes=_latitudes(_dict(feature).get("geometry")),
    )


def _latitudes(geometry: object) -> tuple[float, float] | None:
    found = list(_positions(_dict(geometry).get("coordinates"), depth=4))
    return (min(found), max(found)) if found else None


def _positions(coordinates: object, depth: int) -> Iterator[float]:
    """Yield the latitude of each position of a Polygon's or MultiPolygon's rings."""
    if not isinstance(coordinates, list) or not depth:
        return
    if len(coordinates) >= 2 and all(_number(value) is not None for value in coordinates[:2]):
        latitude = _number(coordinates[1])
        if latitude is not None and -90 <= latitude <= 90:
            yield latitude
        return
    for part in coordinates:
        yield from _positions(part, depth - 1)


def _dict(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _string(value: object) -> str:
    return one_line(value, 40) if isinstance(value, str) else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None or number < 0 else int(number)


# -- the choice -------------------------------------------------------------------------------------------------

SUBMIT = "submit"
IN_LOG = "in log"


@dataclass(frozen=True)
class Wishes:
    """What the user wants of what the catalogue has; None or empty: no such wish. Without days, products are named."""

    tiles: frozenset[str] = frozenset()
    days: Days | None = None
    orbit: int | None = None
    satellite: str | None = None
    max_clouds: float | None = None
    limit: int | None = None


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
