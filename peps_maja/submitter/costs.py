"""What jobs cost: products that PEPS computes, and hours of its computing centre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from peps_maja.text import counted

# PEPS computes the product and the seven after it (or before it, where it is too recent), to deliver one.
PRODUCTS_PER_JOB = 8
HOURS_PER_JOB = (1, 2)
HOURS_OF_FIRST_DATE, HOURS_OF_FURTHER_DATE = 1, 25 / 60  # of a series job


@dataclass(frozen=True)
class Cost:
    """What one way of processing takes: jobs, products that PEPS computes, and hours of computing."""

    way: str
    jobs: int
    computed: int
    hours: tuple[float, float]

    def __str__(self) -> str:
        """Return the cost as one line."""
        hours = " to ".join(dict.fromkeys(f"{hours:.0f}" for hours in self.hours))
        return (
            f"{self.way:<13} {counted(self.jobs, 'job')}, {counted(self.computed, 'computed product')}, {hours} hours"
        )


def cost_of_singles(jobs: int) -> Cost:
    """Return what one job for each product takes."""
    least, most = HOURS_PER_JOB
    return Cost("one by one:", jobs, jobs * PRODUCTS_PER_JOB, (jobs * least, jobs * most))


def cost_of_series(dates: Sequence[int]) -> Cost:
    """Return what series jobs of so many dates take."""
    hours = sum(HOURS_OF_FIRST_DATE + HOURS_OF_FURTHER_DATE * (number - 1) for number in dates)
    return Cost("as a series:", len(dates), sum(dates), (hours, hours))


def compare(chosen: Cost, other: Cost | str, *, is_series: bool, refused: Sequence[str] = ()) -> list[str]:
    """Return both ways side by side, and a hint if the other one takes half the computing or less.

    `other` is a text where that way is not possible: the reason. `refused` are options that --series does not take.
    """
    lines = [f"{chosen}   <- this run"]
    if isinstance(other, str):
        return [*lines, f"as a series:  not possible, {other}"]
    lines.append(str(other))
    if 0 < other.computed * 2 <= chosen.computed:
        way = "without --series" if is_series else " and without ".join(("with --series", *refused))
        lines.append(f"Much cheaper: {way} PEPS computes {other.computed} products instead of {chosen.computed}.")
    return lines
