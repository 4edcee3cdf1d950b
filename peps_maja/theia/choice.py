"""What of Theia's products is taken, and which L1C products need no job because Theia has them. Pure functions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from peps_maja.products.names import L1CProduct, L2AProduct
from peps_maja.selection.choice import IN_LOG
from peps_maja.selection.wishes import Wishes
from peps_maja.theia.footprints import Box
from peps_maja.theia.items import Item, days_of, version_of

FROM_THEIA = "from Theia"
AT_THEIA = "at Theia"
FAILED = "failed"
BEYOND_LIMIT = "beyond --limit"

Acquisition = tuple[str, str, date]
"""Satellite, tile and day of the L1C: what an L1C and all L2A made of it have in common."""


@dataclass(frozen=True)
class Choice:
    """A product of Theia, and what will be done with it: `from Theia`, or the reason why not."""

    item: Item
    action: str

    @property
    def is_taken(self) -> bool:
        """Whether it will be downloaded."""
        return self.action == FROM_THEIA


def acquisition_of(product: L1CProduct) -> Acquisition:
    """Return the acquisition of an L1C product."""
    return product.satellite, product.tile.name, product.sensing.date()


def acquisitions_of(product: Item | L2AProduct) -> list[Acquisition]:
    """Return the acquisitions of which an L2A product can be: two for one seen just after midnight."""
    if isinstance(product, Item):
        return [(product.satellite, product.tile, day) for day in product.days]
    return [(product.satellite, product.tile.name, day) for day in days_of(product.sight)]


def belonging(items: Iterable[Item], products: Iterable[L1CProduct]) -> list[Item]:
    """Return the items that are of the acquisition of one of these L1C products."""
    wanted = {acquisition_of(product) for product in products}
    return [item for item in items if wanted.intersection(acquisitions_of(item))]


def choose(
    items: Iterable[Item],
    wishes: Wishes,
    *,
    box: Box | None = None,
    held: Iterable[str] = (),
    failed: Iterable[str] = (),
    on_disk: Iterable[L2AProduct] = (),
    in_series: Callable[[L2AProduct], bool] = lambda _: False,
) -> list[Choice]:
    """Decide for each item, oldest acquisition first, whether it is taken.

    `held` are the jobs of the log, of either kind, that keep their acquisition from being taken: all but those that
    were rejected, failed or were cancelled by the server. `failed` are Theia's jobs that failed, if PEPS is to process
    their acquisition; `on_disk` the L2A products in the user's folder that no job of the log accounts for.
    `in_series` returns True if a series of the log covers the product.
    """
    ordered = sorted(items, key=lambda item: (item.time, item.name))
    newest = _newest(ordered)
    logged, names = _by_acquisition(held), frozenset(held)
    lost = _by_acquisition(failed)
    spare = _Files(on_disk, ordered)

    def action(item: Item) -> str:
        others = [name for key in acquisitions_of(item) for name in logged.get(key, ())]
        if reason := _unwanted(item, wishes, box):
            return reason
        if item.name in names:
            return IN_LOG
        if in_series(item.product):
            return f"{IN_LOG} (series)"
        if other := next((name for name in others if _keeps_away(name, item)), ""):
            return f"{IN_LOG} ({version_of(other)})" if version_of(other) else IN_LOG
        if any(key in lost for key in acquisitions_of(item)):
            return FAILED
        if item not in newest:
            return "older version"
        if spare.has(item):
            return "on disk"
        if wishes.max_clouds is not None and item.clouds is not None and item.clouds > wishes.max_clouds:
            return "too cloudy"
        return FROM_THEIA

    return [Choice(item, action(item)) for item in ordered]


def choose_named(items: Iterable[Item], names: Iterable[str], held: Iterable[str]) -> tuple[list[Choice], list[str]]:
    """Return the choice among items that the user named, and the names that Theia does not have.

    A name is that of a product, with its version; one without means the newest version. `held` are the jobs that
    are open or finished.
    """
    wanted = dict.fromkeys(name.strip().removesuffix(".zip") for name in names)
    items, held = list(items), frozenset(held)
    choices: dict[str, Choice] = {}
    unknown = []
    for name in wanted:
        named = [item for item in items if name in {item.name, item.product.name}]
        if not named:
            unknown.append(name)
            continue
        item = next((item for item in named if item.name == name), max(named, key=_age))
        choices[item.name] = Choice(item, IN_LOG if item.name in held else FROM_THEIA)
    return sorted(choices.values(), key=lambda choice: (choice.item.time, choice.item.name)), unknown


def at_theia(choices: Iterable[Choice]) -> frozenset[Acquisition]:
    """Return the acquisitions that Theia has, whatever is done with its items, but for those that failed here."""
    has: set[Acquisition] = set()
    failed: set[Acquisition] = set()
    for choice in choices:
        (failed if choice.action == FAILED else has).update(acquisitions_of(choice.item))
    return frozenset(has - failed)


def within_limit(actions: Sequence[tuple[datetime, str]], limit: int | None, counted: Collection[str]) -> list[str]:
    """Return the actions with those of them that are `counted` (`submit`, `from Theia`) beyond the limit replaced.

    Each comes with the time of its acquisition; the oldest are within the limit.
    """
    ordered = sorted((time, place) for place, (time, action) in enumerate(actions) if action in counted)
    beyond = {place for _, place in ordered[limit:]} if limit is not None else set()
    return [BEYOND_LIMIT if place in beyond else action for place, (_, action) in enumerate(actions)]


def _unwanted(item: Item, wishes: Wishes, box: Box | None) -> str:
    if wishes.tiles and item.tile not in wishes.tiles:
        return "other tile"
    if wishes.days is not None and not any(day in wishes.days for day in item.days):
        return "other date"
    if wishes.orbit is not None and item.orbit != wishes.orbit:
        return "other orbit" if item.orbit else "orbit not known"
    if wishes.satellite is not None and item.satellite != wishes.satellite:
        return "other satellite"
    if box is not None and not box.meets(item.rings):
        return "other place" if item.rings else "place not known"
    return ""


def _newest(ordered: Iterable[Item]) -> set[Item]:
    """Return all items of the newest version of each acquisition, of one name the one processed last."""
    groups: dict[Acquisition, list[Item]] = {}
    for item in ordered:
        keys = acquisitions_of(item)
        group = next((groups[key] for key in keys if key in groups), [])
        group.append(item)
        groups.update(dict.fromkeys(keys, group))
    newest: set[Item] = set()
    for group in groups.values():
        version = max(_numbers(item.version) for item in group)
        by_name = {item.name: item for item in sorted(group, key=_age) if _numbers(item.version) == version}
        newest.update(by_name.values())
    return newest


def _age(item: Item) -> tuple[tuple[int, ...], str]:
    return _numbers(item.version), item.processed


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.removeprefix("V").split("-") if number)


def _keeps_away(name: str, item: Item) -> bool:
    """Return True if a job for the item's acquisition keeps it away: not if it is another piece of the same version."""
    return L2AProduct.find(name) is None or version_of(name) != item.version


def _by_acquisition(names: Iterable[str]) -> Mapping[Acquisition, list[str]]:
    jobs: defaultdict[Acquisition, list[str]] = defaultdict(list)
    for name in sorted(names):
        if l1c := L1CProduct.parse(name):
            jobs[acquisition_of(l1c)].append(name)
        elif l2a := L2AProduct.find(name):
            for key in acquisitions_of(l2a):
                jobs[key].append(name)
    return jobs


class _Files:
    """The files of each acquisition: one that bears an item's name is that item's, any other is of any one piece."""

    def __init__(self, on_disk: Iterable[L2AProduct], items: Iterable[Item]) -> None:
        products = list(on_disk)
        self._names = {product.name for product in products}
        own = self._names.intersection(item.name for item in items)
        self._left = Counter(acquisitions_of(product)[0] for product in products if product.name not in own)

    def has(self, item: Item) -> bool:
        """Return True if the item is there, and count its file as used."""
        if item.name in self._names:
            return True
        key = next((key for key in acquisitions_of(item) if self._left[key] > 0), None)
        if key is not None:
            self._left[key] -= 1
        return key is not None
