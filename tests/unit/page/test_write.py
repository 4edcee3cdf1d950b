"""The writer of pages, for whatever a state is: what became of a date, or what would be done with it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from peps_maja.joblog.events import Source
from peps_maja.page.contents import Product, contents
from peps_maja.page.pictures import Picture
from peps_maja.page.write import write_page
from peps_maja.standing.values import Overview, Standing

ZIP = "SENTINEL2A_20250630-105426-459_L2A_T31TCJ_C_V4-0.zip"


def test_page_of_what_a_search_found(tmp_path: Path) -> None:
    offered = Standing(
        job="", source=Source.THEIA, state="from Theia", tile="31TCJ", day=date(2025, 6, 30), satellite="S2A", file=ZIP
    )
    asked = Standing(
        job="L1C", source=Source.PEPS, state="submit", tile="31TCJ", day=date(2025, 7, 3), satellite="S2B", clouds=8.4
    )
    product = Product(offered, "", Picture(reason="GEODES does not have it"), 3.2)
    found = Overview(jobs=(), dates=(offered, asked), tasks={})
    assert write_page(tmp_path, lambda: contents("What there is", [], found, [product, None])) == ""
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    words = (
        "<h1>What there is</h1>",
        "state-from-Theia",
        "No picture: GEODES does not have it",
        "state-submit",
        '<p class="job">L1C</p>',
    )
    assert [word for word in (*words, ZIP, "3 % clouds", "8 % clouds") if word not in page] == []
    assert [word for word in ("wrong", "to come", "What is new") if word in page.partition("<body>")[2]] == []
