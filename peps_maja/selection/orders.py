"""What will be ordered from PEPS: one job for each product, or one for a tile over a span of days. Touches nothing."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from peps_maja.joblog.jobs import Jobs
from peps_maja.peps.wps import FULL_MAJA, MAJA, execute_query, series_query
from peps_maja.products.names import Acquisition, L1CProduct, L2AProduct
from peps_maja.products.records import Record
from peps_maja.products.series import SHORTEST, Series, series_of, write_plan
from peps_maja.products.tiles import Tile
from peps_maja.selection.choice import IN_LOG, SUBMIT, Choice, choose, was_lost
from peps_maja.selection.costs import Cost, cost_of_series, cost_of_singles
from peps_maja.selection.wishes import Wishes
from peps_maja.text import counted


@dataclass(frozen=True)
class Order:
    """A job to submit: its name in the log, the WPS process and the query, and the dates that a series covers.

    `warnings` are what the user should know before.
    """

    job: str
    process: str
    query: str
    dates: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def number_of_dates(self) -> int:
        """How many dates a series has: at most, where they are not known; 0 for a single product."""
        series = Series.parse(self.job)
        return len(self.dates.split()) or (series.days if series else 0)


@dataclass(frozen=True)
class Proposal:
    """What a run would do: with each product, and in all."""

    choices: Sequence[Choice]
    orders: Sequence[Order]

    def limited(self, limit: int | None) -> Proposal:
        """Return what is left of the proposal if at most so many jobs are submitted."""
        orders = self.orders[:limit]
        left_out = {order.job for order in self.orders[len(orders) :]}
        beyond = [
            replace(choice, action="beyond --limit") if choice.job in left_out else choice for choice in self.choices
        ]
        return Proposal(beyond, orders)


def propose(
    records: Iterable[Record],
    wishes: Wishes,
    jobs: Jobs,
    again: Iterable[str] = (),
    on_disk: Mapping[str, L2AProduct] | None = None,
) -> Proposal:
    """Return one order for each product that is wanted, oldest acquisition first."""
    choices = choose(records, wishes, jobs, again, on_disk)
    return Proposal(choices, [_single(choice.job) for choice in choices if choice.is_submitted])


def propose_series(
    records: Iterable[Record],
    wishes: Wishes,
    jobs: Jobs,
    again: Iterable[str] = (),
    on_disk: Mapping[str, L2AProduct] | None = None,
) -> Proposal:
    """Return one order for each tile and span with a wanted product that no series of the log covers.

    Raises UsageError if PEPS takes no such series. A series processes all dates of its tile, whatever other jobs of
    the log are about and whatever is on disk; but where everything is on disk, there is nothing to order.
    """
    others = set(jobs).difference(again)
    going_on = [name for name in others if not was_lost(jobs[name])]
    acquisitions = {product.acquisition for name in going_on if (product := L1CProduct.parse(name))}
    logged = [series for name in going_on if (series := Series.parse(name))]
    choices = choose(records, wishes, on_disk=on_disk)
    orders: list[Order] = []
    for series, dates in _dates(records, wishes):
        known = [one for one in logged if (one.tile, one.orbit) == (series.tile, series.orbit)]
        missing = {choice.job: choice for choice in choices if choice.is_submitted and _is_of(choice, [series])}
        is_new = series.name not in others and not all(_is_of(choice, known) for choice in missing.values())
        if is_new:
            orders.append(_series(series, write_plan(dates), *_warnings(series, dates, logged, acquisitions)))
        action = SUBMIT if is_new else IN_LOG
        choices = [
            Choice(choice.record, action, series.name) if choice.job in missing else choice for choice in choices
        ]
    return Proposal(choices, orders)


def _warnings(
    series: Series, products: Sequence[L1CProduct], logged: Iterable[Series], acquisitions: Container[Acquisition]
) -> list[str]:
    """Return what to say of a series of these products, some of which jobs of the log compute already.

    `logged` are the series among these jobs, `acquisitions` those of the single jobs.
    """
    days = {product.sensing.date() for product in products}
    singles = {product.sensing.date() for product in products if product.acquisition in acquisitions}
    new = {product.sensing.date() for product in products if not any(one.covers(product) for one in logged)}
    repeated = days - new
    again = f"of its {counted(len(days), 'day')} already, which will be computed again"
    warnings = []
    if singles:
        warnings.append(f"{series.name}: single jobs in the log cover {len(singles)} {again}")
    if repeated:
        warnings.append(f"{series.name}: series in the log cover {len(repeated)} {again}")
    if repeated and new and not any(min(new) <= day <= max(new) for day in repeated):
        way = " without --series" if (max(new) - min(new)).days + 1 < SHORTEST else ""
        warnings[-1] += f": to have the new ones alone, order {min(new)} to {max(new)}{way}"
    return warnings


def _dates(records: Iterable[Record], wishes: Wishes) -> list[tuple[Series, list[L1CProduct]]]:
    """Return each series with the products that it would process."""
    every = choose(records, replace(wishes, max_clouds=None, satellite=None))
    products = [choice.record.product for choice in every if choice.is_submitted and choice.record.product]
    return [(series, list(filter(series.covers, products))) for series in all_series(wishes)]


def all_series(wishes: Wishes) -> list[Series]:
    """Return the series that cover what the user wants; raise UsageError if PEPS takes none of it."""
    if wishes.days is None:
        return []
    tiles = [Tile(name) for name in sorted(wishes.tiles)]
    days = wishes.days
    return [series for tile in tiles for series in series_of(tile, days.start, days.end, wishes.orbit)]


def orders_again(again: Iterable[str], jobs: Jobs) -> list[Order]:
    """Return the orders for the series among the jobs that the user wants submitted once more."""
    return [_series(series, jobs[name].plan) for name in again if (series := Series.parse(name))]


def costs(orders: Sequence[Order]) -> list[Cost]:
    """Return what orders take, by the way in which they process."""
    singles = sum(order.process == MAJA for order in orders)
    series = [order for order in orders if order.process == FULL_MAJA]
    cost = cost_of_series([order.number_of_dates for order in series])
    if not all(order.dates for order in series):
        cost = replace(cost, way="at most:")
    return [cost_of_singles(singles)] * bool(singles) + [cost] * bool(series)


def _single(product: str) -> Order:
    return Order(product, MAJA, execute_query(product))


def _series(series: Series, dates: str, *warnings: str) -> Order:
    if not dates:
        most = f"from {series.start} to {series.end}, at most {counted(series.days, 'date')}"
        warnings = (f"{series.name}: the log does not list its dates: {most}",)
    return Order(series.name, FULL_MAJA, series_query(series.inputs), dates, warnings)


def _is_of(choice: Choice, series: Iterable[Series]) -> bool:
    product: L1CProduct | None = choice.record.product
    return product is not None and any(one.covers(product) for one in series)
