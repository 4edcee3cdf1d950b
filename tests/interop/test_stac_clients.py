"""eodag (provider `geodes`) and pystac-client against the sandbox's GEODES: they find what our own search finds."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from peps_maja.products.places import Box
from peps_maja.sandbox import Endpoint, Sandbox
from peps_maja.sandbox.geodes import KEY, zip_of
from peps_maja.theia.search import Search
from peps_maja.theia.service import Geodes, Theia

# They can live in an environment of their own: eodag brings pystac-client, and about 200 MB.
PYTHON = os.environ.get("EODAG_PYTHON", sys.executable)
pytestmark = pytest.mark.skipif(
    sys.executable == PYTHON and importlib.util.find_spec("eodag") is None,
    reason="eodag is not installed: pip install 'eodag>=4.10', or name a Python that has it in EODAG_PYTHON",
)

# The parts of the double's behaviour that eodag relies on are told in its provider's settings.
EODAG = """
import json, sys
from eodag import EODataAccessGateway

url, key, action, searches = sys.argv[1:]
gateway = EODataAccessGateway()
gateway.update_providers_config(json.dumps({
    "geodes": {
        "search": {"api_endpoint": f"{url}/api/stac/search"},
        "auth": {"matching_url": url, "credentials": {"apikey": key}},
    }
}))
answer = {"found": []}
for asked in json.loads(searches):
    found = gateway.search_all(provider="geodes", collection="S2_MSI_L2A_MAJA", **asked)
    answer["found"].append({p.properties["title"]: p.properties["order:status"] for p in found})
if action == "download":
    try:
        answer["path"] = found[0].download(output_dir=".", extract=False, wait=0.001, timeout=0.001)
    except Exception as error:
        answer["error"] = f"{type(error).__name__}: {error}"
print(json.dumps(answer))
"""
PYSTAC = """
import json, sys
from pystac_client import Client
catalogue = Client.open(sys.argv[1] + "/api/stac")
[collection] = catalogue.get_collections()
year = {"start_datetime": {"gte": "2019-01-01T00:00:00Z", "lte": "2019-12-31T23:59:59Z"}}
search = catalogue.search(collections=[collection.id], bbox=[0.9, 43.3, 1.1, 43.5], query=year, limit=80)
items = list(search.items())
first = next(collection.get_items())
print(json.dumps([collection.id, search.matched(), [item.id for item in items], first.id, first.get_self_href()]))
"""
TILE = {"start": "2019-03-01", "end": "2019-03-31", "grid:code": "MGRS-31TCJ"}


def said(code: str, folder: Path, *arguments: str) -> Any:
    """Run a client in a folder; return what its last line says."""
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
    environment["EODAG_EXT_COLLECTIONS_CFG_FILE"] = ""  # keeps it off the net
    command = [PYTHON, "-c", code, *arguments]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def eodag(peps: Sandbox, folder: Path, *searches: object, action: str = "search", key: str = KEY) -> dict[str, Any]:
    return dict(said(EODAG, folder, peps.url, key, action, json.dumps(searches)))


def ours(peps: Sandbox, search: Search) -> set[str]:
    return {record.product.name for record in Theia(Geodes.parse(peps.url)).find([search])}


def test_eodag_finds_what_our_own_search_finds(peps: Sandbox, tmp_path: Path) -> None:
    box = Box(0.9, 43.3, 1.1, 43.5)
    place = {"geom": {"lonmin": box.west, "latmin": box.south, "lonmax": box.east, "latmax": box.north}}
    days = [("2019-03-01", "2019-03-30"), ("2018-01-01", "2019-12-30")]
    spans = [place | {"start": first, "end": f"{last}T23:59:59Z"} for first, last in days]
    march, years, by_tile = eodag(peps, tmp_path, *spans, TILE)["found"]
    assert len(peps.asked(Endpoint.GEODES_SEARCH)) == 1 + 3 + 1
    for found, (first, last) in zip((march, years), days, strict=True):
        assert set(found) == ours(peps, Search(date.fromisoformat(first), date.fromisoformat(last), box=box)) != set()
        assert set(found.values()) == {"succeeded"}
    every = ours(peps, Search(date(2019, 3, 1), date(2019, 3, 30), tile="31TCJ"))
    assert set() < set(by_tile) < every  # those whose `grid:code` has no T


def test_eodag_downloads_with_the_key(peps: Sandbox, tmp_path: Path) -> None:
    assert "AuthenticationError" in eodag(peps, tmp_path, TILE, action="download", key="wrong")["error"]
    answer = eodag(peps, tmp_path, TILE, action="download")
    path = Path(answer["path"])
    with zipfile.ZipFile(path) as archive:
        folder = archive.namelist()[0].partition("/")[0]
    assert path.read_bytes() == zip_of(folder)
    assert any(folder.startswith(title) for title in answer["found"][0])


def test_eodag_sees_what_is_on_tape(peps: Sandbox, tmp_path: Path) -> None:
    ours(peps, Search(date(2019, 3, 1), date(2019, 3, 30), tile="31TCJ"))
    peps.geodes.on_tape = set(peps.geodes.served)
    [found] = eodag(peps, tmp_path, TILE)["found"]
    assert set(found.values()) == {"orderable"}


def test_pystac_client_opens_the_landing_page_and_reads_a_search_and_the_collection(
    peps: Sandbox, tmp_path: Path
) -> None:
    collection, matched, found, first, address = said(PYSTAC, tmp_path, peps.url)
    assert collection == "THEIA_REFLECTANCE_SENTINEL2_L2A"
    assert 80 < matched == len(found) == len(set(found))
    assert address == f"{peps.url}/api/stac/collections/{collection}/items/{first}"
    assert {asked.path for asked in peps.asked(Endpoint.GEODES_CATALOGUE)} >= {"/api/stac", "/api/stac/collections"}
