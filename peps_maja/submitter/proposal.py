"""What a run would do: the products to take from Theia, and the orders to PEPS with what they cost."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from peps_maja.errors import UsageError
from peps_maja.joblog.details import clouds_detail
from peps_maja.joblog.jobs import Jobs
from peps_maja.options import ProcessOptions
from peps_maja.peps.submitting import FULL_MAJA, MAJA, Order
from peps_maja.products.names import L2AProduct, named_product
from peps_maja.products.records import L1CRecord, L2ARecord, Record
from peps_maja.products.series import Series, hours_of_series, series_of, write_plan
from peps_maja.products.tiles import Tile
from peps_maja.submitter.choice_of_baseline_and_version import IN_LOG, SUBMIT, Choice, choose
from peps_maja.submitter.finding import jobs_in
from peps_maja.text import counted

# To deliver one product, PEPS computes it and the seven after it (or before it, where it is too recent).
PRODUCTS_PER_JOB = 8


@dataclass(frozen=True)
class Proposal:
    """What a run would do: with each product, and in all. `hint` tells of a way that is much cheaper."""

    choices: Sequence[Choice]
    orders: Sequence[Order]
    hint: str = ""

    @property
    def taken(self) -> list[L2ARecord]:
        """The products to be downloaded from Theia."""
        return [choice.record for choice in self.choices if choice.is_taken and isinstance(choice.record, L2ARecord)]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to be done."""
        return not self.orders and not self.taken

    def agreed(self, earlier: Proposal) -> Proposal:
        """Return what of the proposal was in an `earlier` one, too."""
        names = {order.job for order in earlier.orders} | {record.identifier for record in earlier.taken}
        return self.only(names, "not agreed to")

    def only(self, names: Container[str], otherwise: str) -> Proposal:
        """Return the proposal with these jobs and no others, for the reason `otherwise`."""
        choices = [
            choice
            if choice.job in names or not (choice.is_submitted or choice.is_taken)
            else replace(choice, action=otherwise)
            for choice in self.choices
        ]
        return replace(self, choices=choices, orders=[order for order in self.orders if order.job in names])


def propose(
    records: Sequence[Record], jobs: Jobs, files: Mapping[str, L2AProduct], options: ProcessOptions
) -> Proposal:
    """Return what is to be done, within the user's limit. Raises UsageError for a series that PEPS does not take."""
    is_alone = not options.days and not options.product
    wanted = {series.name for series in series_wanted(options)} if options.series else set()
    again = {
        job.name: job
        for job in jobs_in(jobs, options.resubmit)
        if is_alone or job.name in wanted or not Series.parse(job.name)  # a search means its own series
    }
    choices = every = choose(records, jobs, files, options, again)
    if options.series:
        choices, orders = _in_series(choices, jobs, again, options)
    else:
        submitted = [choice for choice in choices if choice.is_submitted]
        orders = [
            Order(choice.job, MAJA, f"product={choice.job}", clouds_detail(choice.record.clouds))
            for choice in submitted
        ]
    if is_alone:
        failed = [(series, job) for name, job in again.items() if (series := Series.parse(name))]
        orders += [_order(series, job.plan) for series, job in failed if not jobs.may_have(series.name)]
    proposal = Proposal(choices, sorted(orders, key=lambda order: _first_day(order.job)))
    if options.limit is not None:
        names = [choice.job for choice in choices if choice.is_submitted or choice.is_taken]
        names = sorted([*names, *(order.job for order in orders)], key=_first_day)
        proposal = proposal.only(list(dict.fromkeys(names))[: options.limit], "beyond --limit")
    return replace(proposal, hint=_cheaper(every, jobs, len(proposal.orders), options))


def series_wanted(options: ProcessOptions) -> list[Series]:
    """Return the series that cover what the user asks for; raise UsageError if PEPS does not take them."""
    days = options.days
    tiles = [Tile(name) for name in options.tile] if days else []
    return [series for tile in tiles if days for series in series_of(tile, days.start, days.end, options.orbit)]


def costs(orders: Sequence[Order]) -> str:
    """Return in one line what orders take; an empty text for none."""
    singles = sum(order.process == MAJA for order in orders)
    series = [order for order in orders if order.process == FULL_MAJA]
    parts = []
    if singles:
        computed = counted(PRODUCTS_PER_JOB * singles, "computed product")
        parts.append(f"{counted(singles, 'job')}, {computed}, {singles} to {2 * singles} hours")
    if series:
        dates = counted(sum(order.number_of_dates for order in series), "computed product")
        hours = sum(hours_of_series(order.number_of_dates) for order in series)
        most = "" if all(order.detail for order in series) else "at most "
        parts.append(f"{counted(len(series), 'series job')}, {most}{dates}, {most}{hours:.0f} hours")
    return f"PEPS: {'; '.join(parts)}" if parts else ""


def _in_series(
    choices: Sequence[Choice], jobs: Jobs, again: Container[str], options: ProcessOptions
) -> tuple[list[Choice], list[Order]]:
    """Return the choices, and an order for each span that has a date which is neither in the log nor on disk.

    A series processes all dates of its tile and span, whatever other jobs of the log are about.
    """
    chosen, orders = list(choices), []
    for series in series_wanted(options):
        inside = {
            choice: product
            for choice in chosen
            if isinstance(record := choice.record, L1CRecord) and (product := record.product)
            if series.covers_days(product.tile, product.days, product.orbit) and not record.is_beyond_60()
        }
        wanted = {choice for choice in inside if choice.is_submitted}
        job = jobs.get(series.name)
        is_known = (job and job.standing != "dropped" and job.name not in again) or jobs.may_have(series.name)
        if wanted and not is_known:
            days = {product.seen.date() for product in inside.values()}
            logged = {product.seen.date() for each, product in inside.items() if each.action.startswith(IN_LOG)}
            of = f"{len(logged)} of its {counted(len(days), 'day')}"
            warning = f"{series.name}: the log has {of} already, which will be computed again"
            orders.append(_order(series, write_plan(inside.values()), *([warning] if logged else [])))
        action = IN_LOG if is_known else SUBMIT
        chosen = [replace(each, action=action, job=series.name) if each in wanted else each for each in chosen]
    return chosen, orders


def _cheaper(choices: Sequence[Choice], jobs: Jobs, singles: int, options: ProcessOptions) -> str:
    """Return a hint if a series takes half the computing of so many single jobs, or less."""
    if options.series or options.theia or not options.tile or not singles:
        return ""
    try:
        _, orders = _in_series(choices, jobs, (), options)
    except UsageError:  # too short or too early for a series
        return ""
    computed, instead = sum(order.number_of_dates for order in orders), PRODUCTS_PER_JOB * singles
    if not 0 < 2 * computed <= instead:
        return ""
    way = "with --series" + " and without --max-cloud" * (options.max_cloud is not None)
    way += " and without --sat" * (options.sat is not None)
    return f"Much cheaper: {way} PEPS computes {computed} products instead of {instead}."


def _first_day(job: str) -> date:
    series, product = Series.parse(job), named_product(job)
    return series.start if series else product.seen.date() if product else date.max


def _order(series: Series, dates: str, *warnings: str) -> Order:
    if not dates:
        most = f"from {series.start} to {series.end}, at most {counted(series.days, 'date')}"
        warnings = (f"{series.name}: the log does not list its dates: {most}",)
    return Order(series.name, FULL_MAJA, series.inputs, dates, warnings)
