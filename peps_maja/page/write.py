"""Writes the page: `index.html` with its own style, and the pictures beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from peps_maja import __version__
from peps_maja.commands.dates import Entry
from peps_maja.disk import replacing
from peps_maja.errors import PepsError, UsageError
from peps_maja.joblog.jobs import Job
from peps_maja.page.calendar import sheets
from peps_maja.page.pictures import Pictures
from peps_maja.page.products import Products, plain
from peps_maja.page.tasks import tasks

PICTURES = "quicklooks"


def write_files(
    page: Path,
    *,
    log: Path,
    products: Path,
    jobs: Mapping[str, Job],
    entries: Sequence[Entry],
    submit: str,
    notes: Sequence[str] = (),
) -> Path:
    """Write `index.html` and the pictures that it shows into the folder `page`, and return its path.

    It shows the `jobs` of the `log`, the `entries` of its ledger and what is in the folder `products`. `submit` begins
    the submitter's commands for this log; `notes` stand below the title. Raises PepsError where they cannot be written;
    then an earlier page stays.
    """
    path = page / "index.html"
    try:
        page.mkdir(parents=True, exist_ok=True)
        pictures = Pictures(page / PICTURES)
        found = sheets(entries, jobs, Products(entries, products, page, pictures))
        environment = Environment(
            loader=PackageLoader("peps_maja.page", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        text = environment.get_template("page.html.jinja").render(
            log=plain(log.name),
            written=f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M}",
            notes=[plain(note) for note in notes],
            tasks=tasks(jobs, entries, submit),
            sheets=found,
            pictures=PICTURES,
            version=__version__,
        )
        with replacing(path) as file:
            file.write(text.encode(errors="replace"))
        pictures.finish()
    except (OSError, UsageError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise PepsError(
            f"the page {path} cannot be written ({reason}): make room, fix the permissions or name another --page DIR;"
            " the jobs go on without it"
        ) from error
    return path
