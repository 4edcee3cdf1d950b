"""What will be ordered from PEPS: one job for each product, or one for a tile over a span of days. Touches nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from .catalogue import IN_LOG, SUBMIT, Choice, Record, Wishes, choose
from .errors import UsageError
from .jobs import Jobs
from .plan import Cost, cost_of_series, cost_of_singles
from .products import L1CProduct, L2AProduct, Tile
from .series import SHORTEST, Series, series_of, write_plan
from .text import counted
from .wps import FULL_MAJA, MAJA, execute_query, series_query


@dataclass(frozen=True)
class Order:
    """A job to submit: its name in the log, the WPS process and the query, and the dates that a series covers."""

    job: str
    process: str
    query: str
    dates: str = ""


@dataclass(frozen=True)
class Proposal:
    """What a run would do: with each product, and in all; and what the user should know before that."""

    choices: Sequence[Choice]
    orders: Sequence[Order]
    warnings: Sequence[str] = ()


def propose(
    records: Iterable[Record],
    wishes: Wishes,
    jobs: Jobs,
    again: Iterable[str] = (),
    on_disk: Iterable[L2AProduct] = (),
) -> Proposal:
    """Return one order for each product that is wanted, oldest acquisition first."""
    choices = choose(records, wishes, jobs, again, on_disk)
    return Proposal(choices, [_single(choice.record.identifier) for choice in choices if choice.is_submitted])


def propose_series(
    records: Iterable[Record],
    wishes: Wishes,
    jobs: Jobs,
    again: Iterable[str] = (),
    on_disk: Iterable[L2AProduct] = (),
) -> Proposal:
    """Return one order for each tile and span with a wanted product that no series of the log covers.

    Raises UsageError if PEPS takes no such series. A series processes all dates of its tile, whatever other jobs of
    the log are about and whatever is on disk; but where everything is on disk, there is nothing to order.
    """
    logged = [series for name in jobs if name not in set(again) and (series := Series.parse(name))]
    choices = choose(records, replace(wishes, limit=None), on_disk=on_disk)
    orders: list[Order] = []
    warnings: list[str] = []
    for series, dates in _dates(records, wishes):
        known = [one for one in logged if (one.tile, one.orbit) == (series.tile, series.orbit)]
        missing = [choice for choice in choices if choice.is_submitted and _is_of(choice, [series])]
        new = [choice for choice in missing if not _is_of(choice, known)]
        if not new:
            reason = IN_LOG
        elif wishes.limit is not None and len(orders) >= wishes.limit:
            reason = "beyond --limit"
        else:
            reason = SUBMIT
            orders.append(_series(series, write_plan(dates)))
            warnings += _warnings(series, dates, logged)
        choices = [replace(choice, action=reason) if choice in missing else choice for choice in choices]
    return Proposal(choices, orders, warnings)


def _warnings(series: Series, products: Sequence[L1CProduct], logged: Iterable[Series]) -> list[str]:
    """Return what to say of a series of these products, if any series of the log covers some of them already."""
    days = {product.sensing.date() for product in products}
    new = {product.sensing.date() for product in products if not any(one.covers(product) for one in logged)}
    repeated = days - new
    if not repeated:
        return []
    said = f"{series.name}: series in the log cover {len(repeated)} of its {counted(len(days), 'day')} already"
    said += ", which will be computed again"
    if not new or any(min(new) <= day <= max(new) for day in repeated):
        return [said]
    way = " without --series" if (max(new) - min(new)).days + 1 < SHORTEST else ""
    return [f"{said}: to have the new ones alone, order {min(new)} to {max(new)}{way}"]


def _dates(records: Iterable[Record], wishes: Wishes) -> list[tuple[Series, list[L1CProduct]]]:
    """Return each series with the products that it would process."""
    every = choose(records, replace(wishes, limit=None, max_clouds=None, satellite=None))
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


def costs(proposal: Proposal) -> list[Cost]:
    """Return what the orders of a proposal take, by the way in which they process."""
    singles = sum(order.process == MAJA for order in proposal.orders)
    series = [len(order.dates.split()) for order in proposal.orders if order.dates]
    return [cost_of_singles(singles)] * bool(singles) + [cost_of_series(series)] * bool(series)


def cost_as_series(records: Iterable[Record], wishes: Wishes) -> Cost | str:
    """Return what series jobs for the same tiles and days take, or why there can be none."""
    try:
        dates = [len(write_plan(products).split()) for _, products in _dates(records, wishes)]
    except UsageError as error:
        return str(error)
    return cost_of_series([number for number in dates if number])


def _single(product: str) -> Order:
    return Order(product, MAJA, execute_query(product))


def _series(series: Series, dates: str) -> Order:
    return Order(series.name, FULL_MAJA, series_query(series.inputs), dates)


def _is_of(choice: Choice, series: Iterable[Series]) -> bool:
    product: L1CProduct | None = choice.record.product
    return product is not None and any(one.covers(product) for one in series)
