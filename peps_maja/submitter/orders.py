"""What will be ordered from PEPS, one job for each product or for a tile over a span of days, and taken from Theia."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace

from peps_maja.errors import UsageError
from peps_maja.joblog.details import clouds_detail
from peps_maja.joblog.jobs import Jobs
from peps_maja.peps.submitting import FULL_MAJA, MAJA, Order
from peps_maja.products.names import Acquisition, L1CProduct
from peps_maja.products.records import L1CRecord, L2ARecord
from peps_maja.products.series import SHORTEST, Series, series_of, write_plan
from peps_maja.products.tiles import Tile
from peps_maja.submitter.choice import IN_LOG, SUBMIT, Choice, choose
from peps_maja.submitter.costs import Cost, cost_of_series, cost_of_singles
from peps_maja.submitter.situation import Situation, was_lost
from peps_maja.submitter.theia import at_theia, choose_ready
from peps_maja.submitter.wishes import Wishes
from peps_maja.text import counted


@dataclass(frozen=True)
class Proposal:
    """What a run would do: with each product, and in all."""

    choices: Sequence[Choice]
    orders: Sequence[Order]

    @property
    def taken(self) -> list[L2ARecord]:
        """The products to be downloaded from Theia."""
        return [choice.record for choice in self.choices if choice.is_taken and isinstance(choice.record, L2ARecord)]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not self.orders and not self.taken

    def limited(self, limit: int | None) -> Proposal:
        """Return what is left of the proposal if at most so many jobs are submitted or taken, the oldest first."""
        ordered = [order.job for order in self.orders]
        if self.taken:
            ordered = [choice.job for choice in self.choices if choice.is_submitted or choice.is_taken]
        return self._within(ordered[:limit], "beyond --limit")

    def agreed(self, earlier: Proposal) -> Proposal:
        """Return what of the proposal was in an `earlier` one, too."""
        names = {order.job for order in earlier.orders} | {record.identifier for record in earlier.taken}
        return self._within(names, "not agreed to")

    def _within(self, names: Container[str], otherwise: str) -> Proposal:
        choices = [
            replace(choice, action=otherwise)
            if (choice.is_submitted or choice.is_taken) and choice.job not in names
            else choice
            for choice in self.choices
        ]
        return Proposal(choices, [order for order in self.orders if order.job in names])


def propose(situation: Situation) -> Proposal:
    """Return what is to be done: what Theia has is taken, the rest submitted, within the user's limit.

    Raises UsageError for a series that PEPS does not take.
    """
    wishes, ready = situation.wishes, choose_ready(situation)
    if wishes.series:
        choices, orders = _series_of_tiles(situation)
    else:
        choices = choose(situation, at_theia(situation))
        orders = [
            Order(choice.job, MAJA, f"product={choice.job}", clouds_detail(choice.record.clouds))
            for choice in choices
            if choice.is_submitted
        ]
    if not wishes.days and not wishes.names:
        orders += orders_again(situation)
    if ready:
        choices = sorted([*choices, *ready], key=lambda choice: choice.record.rank)
    return Proposal(choices, orders).limited(wishes.limit)


def cost_of_other_way(situation: Situation) -> Cost | str | None:
    """Return what the same tiles and days take the other way: one by one for a series, a series for single jobs.

    The reason, where that is not possible; None where there is no other way.
    """
    wishes = situation.wishes
    if not wishes.tiles or wishes.theia:
        return None
    try:
        other = costs(propose(replace(situation, wishes=replace(wishes, series=not wishes.series))).orders)
    except UsageError as error:
        return str(error)
    return other[0] if other else None


def _series_of_tiles(situation: Situation) -> tuple[list[Choice], list[Order]]:
    """Return what is done with each product, and an order for each tile and span that no series of the log covers.

    A series processes all dates of its tile, whatever other jobs of the log are about and whatever is on disk; but
    where everything is on disk, there is nothing to order.
    """
    jobs = situation.jobs
    others = set(jobs).difference(situation.again)
    going_on = [name for name in others if not was_lost(jobs[name])]
    acquisitions = {product.acquisition for name in going_on if (product := L1CProduct.parse(name))}
    logged = [series for name in going_on if (series := Series.parse(name))]
    choices = choose(replace(situation, jobs=Jobs({})))
    orders: list[Order] = []
    for series, dates in _dates(situation):
        known = [other for other in logged if (other.tile, other.orbit) == (series.tile, series.orbit)]
        missing = {choice.job: choice for choice in choices if choice.is_submitted and _is_of(choice, [series])}
        is_new = series.name not in others and not all(_is_of(choice, known) for choice in missing.values())
        if is_new:
            orders.append(_series(series, write_plan(dates), *_warnings(series, dates, logged, acquisitions)))
        action = SUBMIT if is_new else IN_LOG
        choices = [
            Choice(choice.record, action, series.name) if choice.job in missing else choice for choice in choices
        ]
    return choices, orders


def _warnings(
    series: Series, products: Sequence[L1CProduct], logged: Iterable[Series], acquisitions: Container[Acquisition]
) -> list[str]:
    """Return what to say of a series of these products, some of which jobs of the log compute already.

    `logged` are the series among these jobs, `acquisitions` those of the single jobs.
    """
    days = {product.sensing.date() for product in products}
    singles = {product.sensing.date() for product in products if product.acquisition in acquisitions}
    new = {product.sensing.date() for product in products if not any(series.covers(product) for series in logged)}
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


def _dates(situation: Situation) -> list[tuple[Series, list[L1CProduct]]]:
    """Return each series with the products that it would process."""
    wishes = replace(situation.wishes, max_clouds=None, satellite=None)
    every = choose(Situation(wishes, situation.records))
    products = [product for choice in every if choice.is_submitted and (product := _product(choice))]
    return [(series, list(filter(series.covers, products))) for series in all_series(wishes)]


def all_series(wishes: Wishes) -> list[Series]:
    """Return the series that cover what the user wants; raise UsageError if PEPS takes none of it."""
    if wishes.days is None:
        return []
    tiles = [Tile(name) for name in sorted(wishes.tiles)]
    days = wishes.days
    return [series for tile in tiles for series in series_of(tile, days.start, days.end, wishes.orbit)]


def orders_again(situation: Situation) -> list[Order]:
    """Return the orders for the series among the jobs that the user wants submitted once more."""
    jobs = situation.jobs
    return [_series(series, jobs[name].plan) for name in situation.again if (series := Series.parse(name))]


def costs(orders: Sequence[Order]) -> list[Cost]:
    """Return what orders take, by the way in which they process."""
    singles = sum(order.process == MAJA for order in orders)
    series = [order for order in orders if order.process == FULL_MAJA]
    cost = cost_of_series([order.number_of_dates for order in series])
    if not all(order.detail for order in series):
        cost = replace(cost, way="at most:")
    return [cost_of_singles(singles)] * bool(singles) + [cost] * bool(series)


def _series(series: Series, dates: str, *warnings: str) -> Order:
    if not dates:
        most = f"from {series.start} to {series.end}, at most {counted(series.days, 'date')}"
        warnings = (f"{series.name}: the log does not list its dates: {most}",)
    return Order(series.name, FULL_MAJA, series.inputs, dates, warnings)


def _is_of(choice: Choice, series: Iterable[Series]) -> bool:
    product = _product(choice)
    return product is not None and any(other.covers(product) for other in series)


def _product(choice: Choice) -> L1CProduct | None:
    return choice.record.product if isinstance(choice.record, L1CRecord) else None
