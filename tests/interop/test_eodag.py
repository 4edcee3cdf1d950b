"""eodag, provider `geodes`, against the sandbox's GEODES: it finds what our own search finds, and downloads it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from peps_maja.products.places import Box
from peps_maja.sandbox import Endpoint, Sandbox
from peps_maja.sandbox.geodes import KEY, zip_of
from peps_maja.theia.search import Search
from peps_maja.theia.service import Geodes, Theia

# eodag can live in an environment of its own: it brings about 200 MB.
PYTHON = os.environ.get("EODAG_PYTHON", sys.executable)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.executable == PYTHON and importlib.util.find_spec("eodag") is None,
        reason="eodag is not installed: pip install 'eodag>=4.10', or name a Python that has it in EODAG_PYTHON",
    ),
]

# The parts of the double's behaviour that eodag relies on are told in its provider's settings.
CLIENT = """
import json, sys
from eodag import EODataAccessGateway

url, key, action, asked = sys.argv[1:]
gateway = EODataAccessGateway()
gateway.update_providers_config(json.dumps({
    "geodes": {
        "search": {"api_endpoint": f"{url}/api/stac/search"},
        "auth": {"matching_url": url, "credentials": {"apikey": key}},
    }
}))
asked = json.loads(asked)
found = gateway.search_all(provider="geodes", collection="S2_MSI_L2A_MAJA", **asked)
answer = {"found": [(p.properties["title"], p.properties["order:status"], p.location) for p in found]}
if action == "download":
    try:
        answer["path"] = found[0].download(output_dir=".", extract=False, wait=0.001, timeout=0.001)
    except Exception as error:
        answer["error"] = f"{type(error).__name__}: {error}"
print("ANSWER", json.dumps(answer))
"""
BOX = Box(0.9, 43.3, 1.1, 43.5)
SPRING = {"start": "2019-03-01", "end": "2019-03-31"}


@dataclass(frozen=True)
class Eodag:
    folder: Path
    url: str

    def __call__(self, action: str = "search", key: str = KEY, **asked: object) -> dict[str, Any]:
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
        environment["EODAG_EXT_COLLECTIONS_CFG_FILE"] = ""  # keeps it off the net
        run = subprocess.run(
            [PYTHON, "-c", CLIENT, self.url, key, action, json.dumps(asked)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        lines = [line for line in run.stdout.splitlines() if line.startswith("ANSWER ")]
        assert lines, run.stderr
        answer = json.loads(lines[-1].removeprefix("ANSWER "))
        assert isinstance(answer, dict)
        return answer


@pytest.fixture
def eodag(peps: Sandbox, tmp_path: Path) -> Eodag:
    return Eodag(tmp_path, peps.url)


def ours(peps: Sandbox, search: Search) -> list[str]:
    return sorted(record.product.name for record in Theia(Geodes.parse(peps.url)).find([search]))


@pytest.mark.parametrize(("first", "last", "pages"), [("2019-03-01", "2019-03-30", 1), ("2018-01-01", "2019-12-30", 3)])
def test_finds_what_our_own_search_finds(eodag: Eodag, peps: Sandbox, first: str, last: str, pages: int) -> None:
    box = {"lonmin": BOX.west, "latmin": BOX.south, "lonmax": BOX.east, "latmax": BOX.north}
    found = eodag(start=first, end=f"{last}T23:59:59Z", geom=box)["found"]
    assert len(peps.asked(Endpoint.GEODES_SEARCH)) == pages
    search = Search(date.fromisoformat(first), date.fromisoformat(last), box=BOX)
    assert sorted(title for title, *_ in found) == ours(peps, search) != []
    assert {status for _, status, _ in found} == {"succeeded"}


def test_finds_by_tile_only_the_products_of_the_old_form(eodag: Eodag, peps: Sandbox) -> None:
    found = eodag(**SPRING, **{"grid:code": "MGRS-31TCJ"})["found"]
    every = ours(peps, Search(date(2019, 3, 1), date(2019, 3, 30), tile="31TCJ"))
    assert 0 < len(found) < len(every)
    assert {title for title, *_ in found} < set(every)


def test_downloads_with_the_key(eodag: Eodag) -> None:
    answer = eodag("download", **SPRING, **{"grid:code": "MGRS-31TCJ"})
    path = Path(answer["path"])
    with zipfile.ZipFile(path) as archive:
        folder = archive.namelist()[0].partition("/")[0]
    assert path.read_bytes() == zip_of(folder)
    assert folder.startswith(answer["found"][0][0])


def test_wrong_key_is_refused(eodag: Eodag) -> None:
    assert "AuthenticationError" in eodag("download", key="wrong", **SPRING, **{"grid:code": "MGRS-31TCJ"})["error"]


def test_sees_what_is_on_tape(eodag: Eodag, peps: Sandbox) -> None:
    answer = requests.post(
        f"{peps.url}/api/stac/search", json={"query": {"grid:code": {"contains": "T31TCJ"}}, "limit": 80}, timeout=10
    )
    peps.geodes.on_tape = {feature["id"] for feature in answer.json()["features"]}
    peps.geodes.items = answer.json()["features"]
    found = eodag(start="2015-01-01", end="2030-01-01")["found"]
    assert {status for _, status, _ in found} == {"orderable"}
