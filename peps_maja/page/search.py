"""The page of what a search found, before anything is taken: what would be done, and the quicklooks of GEODES."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from peps_maja.console import Console
from peps_maja.disk import replacing
from peps_maja.downloads import WORKER
from peps_maja.errors import CredentialsError, PepsError, QuotaReached, ServerAway, ServerSilent
from peps_maja.joblog.events import Source
from peps_maja.options import ProcessOptions
from peps_maja.page.contents import Contents, Product, contents
from peps_maja.page.pictures import PICTURES, Picture, is_picture
from peps_maja.page.write import write_page
from peps_maja.products.records import L2ARecord, Record
from peps_maja.standing.values import DateStanding, Overview
from peps_maja.text import counted, size
from peps_maja.theia.service import Theia

AT_ONCE = 8  # pictures
_PATIENCE = 3  # pictures in a row for which a server stays silent, before it is asked no more


def page_of_search(
    options: ProcessOptions, summary: str, found: Sequence[tuple[Record, str]], theia: Theia, console: Console
) -> None:
    """Write the page of these records, each with what would be done with it; tell what is to be known of that.

    The first ones come first: in a cell, on a card, and as long as a quota lasts.
    Raises PepsError where it cannot be written; then an earlier page stays.
    """
    folder = options.page or Path()
    pictures: dict[str, Picture] = {}

    def product_of(standing: DateStanding) -> Product | None:
        picture = pictures.get(standing.job)
        return Product(standing, "", picture, standing.clouds) if picture else None

    def make() -> Contents:
        wanted = {record.identifier: record.quicklook for record, _ in found if isinstance(record, L2ARecord)}
        ended = _fetch(wanted, folder / PICTURES, pictures, theia, console)
        troubles = {f"not all quicklooks were fetched: {error}": error for error in ended}
        for trouble, error in troubles.items():
            (console.warning if isinstance(error, CredentialsError) else console.reminder)(trouble)
        dates = [_standing_of(record, action) for record, action in found if record.product]
        dates.sort(key=lambda each: (each.tile, each.day, each.satellite))
        title, overview = f"MAJA products found for {options.log.name}", Overview((), tuple(dates), ())
        return contents(title, list(troubles), overview, product_of, summary)

    if replaced := write_page(folder, make):
        console.warning(replaced)
    console.info(f"the page: {folder / 'index.html'}")


def _standing_of(record: Record, action: str) -> DateStanding:
    """Return a record as a date of the page: what would be done with it is its state."""
    is_theias = isinstance(record, L2ARecord)
    return DateStanding(
        job=record.identifier,
        source=Source.THEIA if is_theias else Source.PEPS,
        state=action,
        message="" if is_theias or record.size is None else size(record.size),
        clouds=record.clouds,
        orbit=record.orbit,
        tile=record.tile,
        day=date.fromisoformat(record.day),
        satellite=record.satellite,
        file=f"{record.identifier}.zip" if is_theias else "",
        size=record.size,
    )


def _fetch(
    wanted: dict[str, str], folder: Path, pictures: dict[str, Picture], theia: Theia, console: Console
) -> list[PepsError]:
    """Put the picture of each name into the folder, from its address, unless it is there, and fill `pictures`.

    One that does not come is a reason. A host that refuses the key, cannot be reached, stays silent or has a quota is
    asked no more: return its errors.
    """
    ended: dict[str, PepsError] = {}
    silent: Counter[str] = Counter()

    def picture_of(name: str) -> Picture:
        path = folder / f"{name}.jpg"
        if path.is_file() and path.stat().st_size:
            return Picture(path.name)
        if not wanted[name]:
            return Picture(reason="GEODES has none of it")
        host = ""
        try:
            host = urlsplit(theia.site.reach(wanted[name])).netloc
            if host in ended:
                return Picture(reason="it was not fetched")
            content = theia.quicklook(wanted[name])
        except PepsError as error:
            silent[host] = silent[host] + 1 if isinstance(error, ServerSilent) else 0
            if isinstance(error, (CredentialsError, QuotaReached, ServerAway)) or silent[host] == _PATIENCE:
                ended.setdefault(host, error)
                return Picture(reason="it was not fetched")
            return Picture(reason=str(error))
        silent[host] = 0
        if not is_picture(content):
            return Picture(reason="the quicklook is damaged")
        with replacing(path) as file:
            file.write(content)
        return Picture(path.name)

    folder.mkdir(parents=True, exist_ok=True)
    pool = ThreadPoolExecutor(AT_ONCE, WORKER)
    try:
        with console.meter(counted(len(wanted), "quicklook"), unit=" pictures") as meter:
            asked = {pool.submit(picture_of, name): name for name in wanted}
            for number, done in enumerate(as_completed(asked), 1):
                pictures[asked[done]] = done.result()
                meter(number, len(asked))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return list(ended.values())
