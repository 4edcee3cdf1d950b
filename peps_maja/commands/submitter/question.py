"""What a run is about to do is shown, and agreed to where it is much."""

from __future__ import annotations

from peps_maja.commands.options import QUESTION_FROM, ProcessOptions
from peps_maja.console import Console
from peps_maja.errors import Status
from peps_maja.joblog.events import Source
from peps_maja.selection.costs import compare
from peps_maja.selection.orders import Proposal, cost_of_other_way, costs
from peps_maja.selection.situation import Situation, jobs_in
from peps_maja.selection.table import summary, table
from peps_maja.selection.theia import NOT_AT_THEIA
from peps_maja.text import counted, size

LARGE_DOWNLOAD = 100e9  # bytes
_SIZE_IF_UNKNOWN = 1e9


def show(proposal: Proposal, situation: Situation, options: ProcessOptions, console: Console) -> Status:
    """Show what will be done with each product, and what that will cost, this way and the other.

    Return TROUBLE if the user named a product that Theia does not have.
    """
    for line in [*table(proposal.choices, verbose=options.verbose), summary(proposal.choices)]:
        console.info(line)
    if not proposal.choices:
        console.info(_why_nothing(options))
    for choice in proposal.choices:
        if choice.action == NOT_AT_THEIA:
            console.warning(
                f"{choice.record.identifier}: Theia has no product of this name; search for its tile and day"
            )
    is_resubmit_alone = not situation.wishes.days and not options.product
    left_out = jobs_in(situation.jobs, options.resubmit, Source.THEIA) if is_resubmit_alone else ()
    if left_out:
        console.reminder(f"{counted(len(left_out), 'job')} of Theia left out: a search with --theia only takes them")
    for order in proposal.orders:
        for warning in order.warnings:
            console.warning(warning)
    chosen, other = costs(proposal.orders), cost_of_other_way(situation)
    both = None
    if chosen and other:
        both = compare(chosen[0], other, is_series=options.series, refused=options.refused_by_series())
    for line in both or map(str, chosen):
        console.info(line)
    is_missing = any(choice.action == NOT_AT_THEIA for choice in proposal.choices)
    return Status.TROUBLE if is_missing else Status.OK


def _why_nothing(options: ProcessOptions) -> str:
    """Return what may be the reason why nothing was found."""
    if not options.days:
        return f"{options.log} has nothing to submit again: --status of the downloader shows where its jobs stand"
    if options.is_theia_only:
        return "Theia has nothing for this place and these days: it has its zones only (France, and zones elsewhere)"
    return "The catalogue has nothing for this place and these days: is the tile right, and are the dates?"


def is_agreed(proposal: Proposal, options: ProcessOptions, console: Console) -> bool:
    """Ask before many jobs, a long series and a large download; the rest goes without a question."""
    largest = max([len(proposal.orders), *(order.number_of_dates for order in proposal.orders)])
    download = sum(_SIZE_IF_UNKNOWN if record.size is None else record.size for record in proposal.taken)
    if options.yes or (largest < QUESTION_FROM and download < LARGE_DOWNLOAD):
        return True
    jobs = f"Submit {counted(len(proposal.orders), 'job')}"
    question = f"{jobs} and download about" if proposal.orders else "Download about"
    is_wanted = console.agrees(f"{question} {size(download)} from Theia?" if proposal.taken else f"{jobs}?")
    if not is_wanted:
        console.info("Nothing was submitted.")
    return is_wanted
