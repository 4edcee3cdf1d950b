"""Makes docs/page.png, the picture of the page in the README: `PYTHONPATH=.:tests python tests/page_picture.py`.

The page is written by the downloader itself, from a log and a folder as a year of work leaves them. Needs Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from zlib import crc32

from helpers import ROOT, STATUS_URL, ago, l1c, l2a

from peps_maja.joblog.lines import HEADER
from peps_maja.sandbox.world.zips import make_zip

PICTURE = ROOT / "docs" / "page.png"
LARGEST = 300_000  # bytes
SIDE = 120  # pixels of a raster in the zips
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
BROWSER_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)
CLOUDY = "too cloudy"
DIFFERENT = (
    *(CLOUDY, CLOUDY, "moved away", CLOUDY, CLOUDY, "failed", CLOUDY, CLOUDY, "dropped", CLOUDY, CLOUDY, "rejected"),
    *(CLOUDY, "cancelled", CLOUDY, "failed", CLOUDY, "missing", CLOUDY, CLOUDY, "unsure", "waiting", "waiting"),
)
FEW = (*[CLOUDY] * 7, "failed", *[CLOUDY] * 9, "dropped", *[CLOUDY] * 7, *["offered"] * 5)  # nothing to ask PEPS for
Line = tuple[str, str, str, str]


def fill(
    folder: Path,
    tiles: Sequence[str] = ("31TCJ",),
    dates: int = 90,
    *,
    different: Sequence[str] = DIFFERENT,
    content: bytes | None = None,
) -> int:
    """Leave a log and zips in a folder as so many dates of each tile leave them; return the number of dates.

    Two of three dates are on disk, one of six by Theia and one of nine by both; the others are in `different` states.
    """
    lines: list[Line] = []
    for tile in tiles:
        for number in range(dates):
            state = different[(number // 3) % len(different)] if number % 3 == 1 else "on disk"
            lines += _date(folder, tile, number, state, content, hours=(dates - number) * 24)
    log = "".join("\t".join(line) + "\n" for line in lines)
    (folder / "peps_maja.log").write_text(f"{HEADER}\n{log}", encoding="utf-8")
    return len(tiles) * dates


def _date(folder: Path, tile: str, number: int, state: str, content: bytes | None, *, hours: float) -> Iterator[Line]:
    day, satellite = date(2019, 1, 2) + timedelta(days=number * 5 // 2), ("S2A", "S2B")[number % 2]
    job, product = l1c(day, satellite, tile=tile), l2a(day, satellite, tile=tile)
    theias = product.replace("459_", "461_").replace("_D.zip", "_C_V4-0")
    is_theias = state == "on disk" and number % 6 == 0
    if is_theias or number % 9 == 0:
        (folder / f"{theias}.zip").write_bytes(make_zip(f"{theias}.zip", SIDE) if content is None else content)
    offer = f"https://geodes-portal.cnes.fr/api/download/{theias} 1100000000 - 51 {number * 29 % 80}"
    if state == "offered":
        yield ago(3), "available", theias, offer
        return
    if is_theias:
        ends = ("downloaded", f"{theias}.zip"), ("finished", "")
        yield from ((ago(hours), event, theias, detail) for event, detail in (("available", offer), *ends))
        if number % 9:
            return
    if state == "on disk":
        (folder / product).write_bytes(make_zip(product, SIDE) if content is None else content)
    ended = {
        "on disk": [("downloaded", product), ("finished", "")],
        "moved away": [("downloaded", product), ("finished", "")],
        CLOUDY: [("novald", f"NOVALD_{product}"), ("finished", "")],
        "failed": [("failed", "MAJA ended with an error: no DTM for this tile")],
        "rejected": [("rejected", "the product is not in the catalogue of PEPS")],
        "cancelled": [("cancelled", "cancelled by an operator")],
        "dropped": [("cancelled", "dropped by the user")],
        "missing": [("missing", f"{product} absent 404 Not Found")],
    }.get(state, [])
    events = [("submitting", f"{number * 37 % 10 + 91 if state == CLOUDY else number * 29 % 80}")]
    if state not in {"unsure", "rejected"}:
        events.append(("submitted", STATUS_URL.replace("8e99b3de", f"{crc32(job.encode()):08x}")))
    yield from ((ago(hours if ended else 3), event, job, detail) for event, detail in events + ended)


def write_page(folder: Path) -> Path:
    """Have the downloader write the page of a filled folder, without an account, and return its path."""
    for script in ("peps_maja_downloader.py", "peps_maja_process.py"):  # so that the page names no path of this machine
        (folder / script).symlink_to(ROOT / script)
    command = ["python", "peps_maja_downloader.py", "--dates", "--page", "page", "-q"]
    path = {"PATH": str(Path(sys.executable).parent)}
    run = subprocess.run(command, cwd=folder, env=path, capture_output=True, text=True, check=False, timeout=120)
    if run.returncode not in {0, 1}:
        raise SystemExit(run.stderr)
    return folder / "page" / "index.html"


def take_picture(page: Path, picture: Path, width: int, height: int, *options: str) -> None:
    """Have Chromium take a picture of the top of a page."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        size = (f"--window-size={width},{height}", f"--screenshot={picture}", f"--user-data-dir={profile}")
        command = [str(CHROMIUM), *BROWSER_FLAGS, *size, *options, page.as_uri()]
        subprocess.run(command, check=True, capture_output=True, timeout=60)


def main() -> int:
    """Make the picture; return 1 if it is larger than it may be."""
    if CHROMIUM is None:
        raise SystemExit("there is no chromium here: apt-get install chromium")
    with tempfile.TemporaryDirectory() as work:
        fill(Path(work), different=FEW)
        PICTURE.parent.mkdir(exist_ok=True)
        take_picture(write_page(Path(work)), PICTURE, 1280, 1240, "--force-device-scale-factor=0.65")
    number = PICTURE.stat().st_size
    print(f"{PICTURE}: {number} bytes")
    return int(number > LARGEST)


if __name__ == "__main__":
    sys.exit(main())
