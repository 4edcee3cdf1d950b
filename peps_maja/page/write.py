"""Writes the page: `index.html` with its own style, and the pictures beside it."""

from __future__ import annotations

import html
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from peps_maja import __version__
from peps_maja.dependencies import advice
from peps_maja.disk import replacing
from peps_maja.errors import PepsError, UsageError
from peps_maja.page.contents import Contents, Product, contents
from peps_maja.page.pictures import PICTURES, clouds_of, picture_of
from peps_maja.standing.values import MOVED_AWAY, ON_DISK, Overview, Standing
from peps_maja.text import one_line, size

_TITLE = re.compile(r"<title>(MAJA products (?:of|found for) .*)</title>")
_MARK = '<meta name="generator" content="peps_maja">'
_FOLDERS = re.compile(r"(?<![\w/:.-])/(?:[^\s/:]+/)+(?=[^\s/])")  # before a file's name: others see the page, too
_HEAD = 20_000  # characters of a page in which its mark and title are


def page_of_products(folder: Path, log: str, overview: Overview, write_dir: Path, troubles: Sequence[str]) -> str:
    """Write the page of what became of a log's jobs; return one line if another page was there, else nothing.

    Raises PepsError where it cannot be written; then an earlier page stays.
    """

    def product_of(standing: Standing) -> Product | None:
        path = write_dir / standing.file
        if not standing.file or standing.state not in {ON_DISK, MOVED_AWAY}:
            return None
        picture = picture_of(path, folder / PICTURES)
        if standing.state == MOVED_AWAY:
            return Product(standing, "", picture, standing.clouds) if picture.file else None
        clouds = clouds_of(path) if standing.clouds is None else standing.clouds
        return Product(standing, quote(os.fsencode(os.path.relpath(path, folder))), picture, clouds)

    title = f"MAJA products of {log}"
    return write_page(folder, lambda: contents(title, troubles, overview, list(map(product_of, overview.dates))))


def write_page(folder: Path, make: Callable[[], Contents]) -> str:
    """Write what `make` returns, which may put pictures into the folder, as a page; else as above."""
    path = folder / "index.html"
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # a run goes on where it is not installed
        from markupsafe import Markup
    except ImportError as error:
        raise PepsError(f"the page in {folder} cannot be written: {advice() or error}") from error

    def plain(value: object) -> object:
        return one_line(value, 2000) if isinstance(value, str) and not isinstance(value, Markup) else value

    try:
        folder.mkdir(parents=True, exist_ok=True)
        other = _title_of(path)
        page = make()
        shown = replace(page, troubles=[_FOLDERS.sub("", trouble) for trouble in page.troubles])
        environment = Environment(
            loader=PackageLoader("peps_maja.page", ""),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=plain,
        )
        environment.filters["size"] = size
        mark = Markup(_MARK)  # noqa: S704 - ours
        text = environment.get_template("page.html.jinja").render(page=shown, mark=mark, version=__version__)
        with replacing(path) as file:
            file.write(text.encode(errors="replace"))
    except OSError as error:
        raise PepsError(
            f"the page {path} cannot be written ({error.strerror or error}): make room, fix the permissions or name"
            " another --page DIR; the jobs go on without it"
        ) from error
    if other in {"", title := one_line(page.title, 2000)}:
        return ""
    return f'{path} was the page "{other}", and is "{title}" now: give each a --page of its own'


def _title_of(path: Path) -> str:
    """Return the title of the page that is there, or nothing; raise UsageError if it is no page of ours."""
    if not path.exists():
        return ""
    head = ""
    if path.is_file():  # to open a pipe could take for ever
        with path.open(encoding="utf-8", errors="replace") as file:
            head = file.read(_HEAD)
    title = _TITLE.search(head)
    if not title and _MARK not in head:
        raise UsageError(f"{path} was not written by peps_maja and is left as it is: name another folder with --page")
    return html.unescape(title[1]) if title else ""
