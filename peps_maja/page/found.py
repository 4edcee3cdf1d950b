"""The page of what a search found, before anything is taken: what would be done, and the quicklooks of GEODES."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

from peps_maja.console import Console
from peps_maja.disk import replacing
from peps_maja.downloads.asking import ENDS_ROUND, at_once
from peps_maja.errors import CredentialsError, Forbidden, PepsError, ServerSilent
from peps_maja.joblog.events import Source
from peps_maja.options import ProcessOptions
from peps_maja.page.contents import Contents, Product, contents
from peps_maja.page.pictures import LARGEST_PICTURE, PICTURES, Picture, is_picture
from peps_maja.page.write import write_page
from peps_maja.products.records import L2ARecord, Record
from peps_maja.standing.values import Overview, Standing
from peps_maja.text import counted, size
from peps_maja.theia.service import Theia

AT_ONCE = 8  # pictures
PATIENCE = 3  # pictures in a row for which a host stays silent, before it is asked no more


def page_of_search(
    options: ProcessOptions, summary: str, found: Sequence[tuple[Record, str]], theia: Theia, console: Console
) -> None:
    """Write the page of these records, each with what would be done with it; tell what is to be known of that.

    The first ones come first: in a cell, on a card, and as long as a quota lasts.
    Raises PepsError where it cannot be written; then an earlier page stays.
    """
    folder = options.page or Path()

    def make() -> Contents:
        pictures, ended = _pictures(found, folder / PICTURES, options, theia, console)
        troubles = {f"not all quicklooks were fetched: {error}": error for error in ended}
        for trouble, error in troubles.items():
            (console.warning if isinstance(error, CredentialsError) else console.reminder)(trouble)
        dates = [
            Standing(
                job=record.identifier,
                source=Source.THEIA if isinstance(record, L2ARecord) else Source.PEPS,
                state=action,
                message="" if isinstance(record, L2ARecord) or record.size is None else size(record.size),
                clouds=record.clouds,
                orbit=record.orbit,
                tile=record.tile,
                day=date.fromisoformat(record.day),
                satellite=record.satellite,
                file=f"{record.identifier}.zip" if isinstance(record, L2ARecord) else "",
                size=record.size,
            )
            for record, action in found
            if record.product
        ]
        dates.sort(key=lambda each: (each.tile, each.day, each.satellite))

        products = [
            Product(each, "", pictures[each.job], each.clouds) if each.job in pictures else None for each in dates
        ]
        title, overview = f"MAJA products found for {options.log.name}", Overview((), tuple(dates), {})
        return contents(title, list(troubles), overview, products, summary)

    if replaced := write_page(folder, make):
        console.warning(replaced)
    console.info(f"the page: {folder / 'index.html'}")


def _pictures(
    found: Sequence[tuple[Record, str]], folder: Path, options: ProcessOptions, theia: Theia, console: Console
) -> tuple[dict[str, Picture], list[PepsError]]:
    """Return the picture of each of Theia's products by its name, or why there is none, fetched into the folder.

    And why hosts were asked no more: one refuses the key, has a quota, or does not answer.
    """
    records = [record for record, _ in found if isinstance(record, L2ARecord)]
    ended: dict[str, PepsError] = {}
    silent: Counter[str] = Counter()

    def picture_of(record: L2ARecord) -> Picture:
        path = folder / f"{record.identifier}.jpg"
        if path.is_file() and path.stat().st_size:
            return Picture(path.name)
        if not record.quicklook:
            return Picture(reason="GEODES shows none")
        host = ""
        try:
            address = theia.site.reach(record.quicklook)
            host = urlsplit(address).netloc
            if host in ended:
                raise ended[host]
            content = theia.client.ask(address, limit=LARGEST_PICTURE).body
            silent[host] = 0
        except PepsError as error:
            silent[host] = silent[host] + 1 if isinstance(error, ServerSilent) else 0
            wants_key = isinstance(error, Forbidden) and theia.key is None and theia.has(address)
            if wants_key:
                error.args = (f"GEODES gives them with an API key only: add a line 'geodes KEY' to {options.auth}",)
            if wants_key or isinstance(error, ENDS_ROUND) or silent[host] == PATIENCE:
                ended.setdefault(host, error)
            return Picture(reason="it was not fetched" if host in ended else str(error))
        if not is_picture(content):
            return Picture(reason="the quicklook is damaged")
        with replacing(path) as file:
            file.write(content)
        return Picture(path.name)

    pictures: dict[str, Picture] = {}
    folder.mkdir(parents=True, exist_ok=True)
    with console.meter(counted(len(records), "quicklook"), unit=" pictures") as meter:
        for record, picture in at_once(AT_ONCE, picture_of, records):
            pictures[record.identifier] = picture.result()
            meter(len(pictures), len(records))
    return pictures, list(ended.values())
