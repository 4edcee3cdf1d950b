"""The page in a real browser, from `file://`: at four widths, in light and in dark, and on paper."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import page_picture
import pytest
from helpers import Place

from peps_maja.sandbox import Sandbox
from peps_maja.sandbox.geodes.service import KEY

selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
if not (page_picture.CHROMIUM and page_picture.DRIVER):
    pytest.skip("no chromium and chromedriver here: apt-get install chromium-driver", allow_module_level=True)

# Everything that is text, with its colour and the colour behind it; `sr` is for screen readers only.
CONTRASTS = """
const numbers = colour => colour.match(/[0-9.]+/g).map(Number);
const luminance = colour => numbers(colour).slice(0, 3).map(part => part / 255)
    .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
const behind = element => {
    for (; element; element = element.parentElement) {
        const colour = getComputedStyle(element).backgroundColor;
        if (numbers(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
};
const texts = [...document.querySelectorAll("body *")].filter(element =>
    !element.closest(".sr, .skip") && [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
return texts.map(element => {
    const [low, high] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => a - b);
    return [(high + 0.05) / (low + 0.05), element.outerHTML.slice(0, 100)];
});
"""
DECODED = (
    "return Promise.all([...document.images].map(i => { i.loading = 'eager'; return i.decode(); })).then(() => 1);"
)
UNDECODED = "return [...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.src);"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a page of two tiles, in which every state is seen."""
    folder = tmp_path_factory.mktemp("page")
    page_picture.fill(folder, ("31TCJ", "31TCH"), 90)
    page_picture.write_page(folder)
    return folder


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page of what a search found at both services."""
    folder = tmp_path_factory.mktemp("found")
    days = ("-d", "2019-03-01", "-f", "2019-08-31", "--theia", "first")
    with Sandbox() as server:
        environment = {"PEPS_SERVER": server.url, "GEODES_SERVER": server.url, "GEODES_API_KEY": KEY}
        place = Place(folder, {"PATH": os.environ["PATH"], **environment})
        run = place.process("-t", "31TCJ", "31TCH", *days, "-n", "-q", "--page", "page")
    assert (run.status, run.err) == (0, "")
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = selenium.ChromeOptions()
    options.binary_location = page_picture.CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        for flag in (*page_picture.BROWSER_FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        service = selenium.ChromeService(page_picture.DRIVER)
        driver = selenium.Chrome(options=options, service=service)
        try:
            yield driver
        finally:
            driver.quit()


def look(browser: Any, folder: Path, width: int, scheme: str) -> None:
    """Open the page as a screen of this width and this colour scheme shows it."""
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get((folder / "page" / "index.html").as_uri())


def requested(browser: Any) -> list[str]:
    """Return what the page that is shown asked for; what one before it still wanted can come later."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return [each["request"]["url"] for each in asked if each["documentURL"] == browser.current_url]


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (768, "dark"), (1280, "light"), (1920, "dark")])
@pytest.mark.parametrize("page", ["folder", "found"])
def test_page_as_a_screen_shows_it(
    browser: Any, request: pytest.FixtureRequest, page: str, width: int, scheme: str
) -> None:
    folder = request.getfixturevalue(page)
    browser.get_log("browser"), browser.get_log("performance")
    look(browser, folder, width, scheme)
    dark = browser.execute_script("return matchMedia('(prefers-color-scheme: dark)').matches;")
    assert dark == (scheme == "dark")
    across = "return [document.documentElement.scrollWidth, document.documentElement.clientWidth, innerWidth];"
    scrolled, shown, wanted = browser.execute_script(across)
    assert (scrolled, wanted) == (shown, width)
    wide = "return [...document.querySelectorAll('body *')].filter(e => e.scrollWidth > e.clientWidth + 1"
    wide += " && e.clientWidth && getComputedStyle(e).display !== 'inline' && !e.closest('.sr, .skip'))"
    wide += ".map(e => e.outerHTML);"
    assert browser.execute_script(wide) == []
    assert browser.execute_script(DECODED) == 1
    assert browser.execute_script(UNDECODED) == []
    assert browser.execute_script("return document.images.length") > 90
    cells = browser.execute_script("return document.querySelectorAll('.cell').length")
    assert cells == 180 if page == "folder" else cells > 90
    low = [(ratio, text) for ratio, text in browser.execute_script(CONTRASTS) if ratio < 4.5]
    assert low == []
    assert browser.get_log("browser") == []
    urls = requested(browser)
    assert len(urls) > 1
    for url in urls:
        parts = urlsplit(url)
        is_inside = parts.scheme == "file" and Path(unquote(parts.path)).is_relative_to(folder / "page")
        assert is_inside or parts.scheme == "data", url


def test_links_lead_somewhere_and_headings_are_in_order(browser: Any, folder: Path) -> None:
    look(browser, folder, 1024, "light")
    lost = "return [...document.querySelectorAll('a[href^=\"#\"]')].filter(a => !document.getElementById("
    lost += "a.getAttribute('href').slice(1))).map(a => a.href);"
    assert browser.execute_script(lost) == []
    hrefs = browser.execute_script("return [...document.querySelectorAll('a:not([href^=\"#\"])')].map(a => a.href);")
    assert hrefs
    assert all(Path(unquote(urlsplit(href).path)).exists() for href in hrefs)
    ids = browser.execute_script("return [...document.querySelectorAll('[id]')].map(e => e.id);")
    assert len(ids) == len(set(ids))
    levels = browser.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(e => +e.tagName[1]);")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    alts = browser.execute_script("return [...document.images].map(i => i.alt);")
    assert len(set(alts)) == len(alts)
    assert all("tile 31TC" in alt and " on 2019-" in alt for alt in alts)


def test_keyboard_skips_what_is_long_and_goes_from_cell_to_card_and_back(browser: Any, folder: Path) -> None:
    tab, enter = "\ue004", "\ue007"
    look(browser, folder, 1280, "light")
    for keys, lands in (
        ([tab, enter], "#tiles"),
        ([tab, enter], "#31TCH"),  # the first of the tiles
        ([tab, enter], "#31TCH-dates"),  # past its calendar
        ([tab, enter], "#31TCH-end"),  # past its quicklooks
        ([tab, enter], "#31TCJ-dates"),
    ):
        for key in keys:
            browser.switch_to.active_element.send_keys(key)
        assert browser.current_url.endswith(lands)
    browser.execute_script("document.querySelector('.cell').focus();")
    cell = browser.switch_to.active_element
    assert "2019-08-02 S2B 65 % clouds, failed" in " ".join(cell.get_property("textContent").split())
    cell.send_keys(enter)
    assert browser.current_url.endswith("#31TCH-2019-08-02-S2B")
    card = browser.switch_to.active_element
    card.send_keys(tab)
    browser.switch_to.active_element.send_keys(enter)
    assert browser.current_url.endswith("#31TCH-2019-08-02-S2B-cell")


def test_page_on_paper(browser: Any, folder: Path) -> None:
    look(browser, folder, 1024, "light")
    browser.execute_script(DECODED)
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})["data"]
    assert len(printed) > 10_000
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
