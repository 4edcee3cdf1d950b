"""The page of what a search found, before anything is taken: what would be done, and the quicklooks of GEODES."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from peps_maja.console import Console
from peps_maja.disk import replacing
from peps_maja.downloads import WORKER
from peps_maja.downloads.asking import as_they_end
from peps_maja.errors import CredentialsError, PepsError
from peps_maja.joblog.events import Source
from peps_maja.options import ProcessOptions
from peps_maja.page.contents import Contents, Product, contents
from peps_maja.page.pictures import PICTURES, Picture, is_picture
from peps_maja.page.write import write_page
from peps_maja.products.records import L2ARecord, Record
from peps_maja.standing.values import Overview, Standing
from peps_maja.text import counted, size
from peps_maja.theia.quicklooks import Quicklooks
from peps_maja.theia.service import Theia

AT_ONCE = 8  # pictures


def page_of_search(
    options: ProcessOptions, summary: str, found: Sequence[tuple[Record, str]], theia: Theia, console: Console
) -> None:
    """Write the page of these records, each with what would be done with it; tell what is to be known of that.

    The first ones come first: in a cell, on a card, and as long as a quota lasts.
    Raises PepsError where it cannot be written; then an earlier page stays.
    """
    folder = options.page or Path()

    def make() -> Contents:
        quicklooks = Quicklooks(theia)
        pictures = _pictures([record for record, _ in found], folder / PICTURES, quicklooks, console)
        troubles = {f"not all quicklooks were fetched: {error}": error for error in quicklooks.ended.values()}
        for trouble, error in troubles.items():
            (console.warning if isinstance(error, CredentialsError) else console.reminder)(trouble)
        dates = [_standing_of(record, action) for record, action in found if record.product]
        dates.sort(key=lambda each: (each.tile, each.day, each.satellite))

        def product_of(standing: Standing) -> Product | None:
            picture = pictures.get(standing.job)
            return Product(standing, "", picture, standing.clouds) if picture else None

        title, overview = f"MAJA products found for {options.log.name}", Overview((), tuple(dates), {})
        return contents(title, list(troubles), overview, product_of, summary)

    if replaced := write_page(folder, make):
        console.warning(replaced)
    console.info(f"the page: {folder / 'index.html'}")


def _standing_of(record: Record, action: str) -> Standing:
    """Return a record as a date of the page: what would be done with it is its state."""
    is_theias = isinstance(record, L2ARecord)
    return Standing(
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


def _pictures(found: list[Record], folder: Path, quicklooks: Quicklooks, console: Console) -> dict[str, Picture]:
    """Return the picture of each of Theia's products by its name, all fetched into the folder as far as they come."""
    pictures: dict[str, Picture] = {}
    records = [record for record in found if isinstance(record, L2ARecord)]
    folder.mkdir(parents=True, exist_ok=True)
    pool = ThreadPoolExecutor(AT_ONCE, WORKER)
    try:
        with console.meter(counted(len(records), "quicklook"), unit=" pictures") as meter:
            asked = {pool.submit(_picture_of, record, folder, quicklooks): record.identifier for record in records}
            for number, done in enumerate(as_they_end(asked), 1):
                pictures[asked[done]] = done.result()
                meter(number, len(asked))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return pictures


def _picture_of(record: L2ARecord, folder: Path, quicklooks: Quicklooks) -> Picture:
    """Return the picture of a product: the one that is there, else that of GEODES, else why there is none."""
    path = folder / f"{record.identifier}.jpg"
    if path.is_file() and path.stat().st_size:
        return Picture(path.name)
    if not record.quicklook:
        return Picture(reason="GEODES shows none")
    try:
        content = quicklooks.fetch(record.quicklook)
    except PepsError as error:
        return Picture(reason="it was not fetched" if error in quicklooks.ended.values() else str(error))
    if not is_picture(content):
        return Picture(reason="the quicklook is damaged")
    with replacing(path) as file:
        file.write(content)
    return Picture(path.name)
