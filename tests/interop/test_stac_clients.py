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
from peps_maja.theia.queries import Search
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

url, steps = sys.argv[1:]
answers = []
for key, asked, is_wanted in json.loads(steps):
    gateway = EODataAccessGateway()
    gateway.update_providers_config(json.dumps({
        "geodes": {
            "search": {"api_endpoint": f"{url}/api/stac/search"},
            "auth": {"matching_url": url, "credentials": {"apikey": key}},
        }
    }))
    found = gateway.search_all(provider="geodes", collection="S2_MSI_L2A_MAJA", **asked)
    path = ""
    if is_wanted:
        try:
            path = found[0].download(output_dir=".", extract=False, wait=0.001, timeout=0.001)
        except Exception as error:
            path = type(error).__name__
    answers.append([path, {p.properties["title"]: p.properties["order:status"] for p in found}])
print(json.dumps(answers))
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
BOX = Box(0.9, 43.3, 1.1, 43.5)
TILES = ("31TCJ", "31UDQ")
DAYS = [("2019-03-01", "2019-03-30"), ("2018-01-01", "2019-12-30")]


def said(code: str, folder: Path, *arguments: str) -> Any:
    """Run a client in a folder; return what its last line says."""
    environment = {"HOME": str(folder), "PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
    environment["EODAG_EXT_COLLECTIONS_CFG_FILE"] = ""  # keeps it off the net
    command = [PYTHON, "-c", code, *arguments]
    run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def ours(peps: Sandbox, search: Search) -> set[str]:
    return {record.product.name for record in Theia(Geodes.parse(peps.url)).find([search])}


def test_eodag_finds_what_our_own_search_finds_and_downloads_it(peps: Sandbox, tmp_path: Path) -> None:
    place = {"geom": {"lonmin": BOX.west, "latmin": BOX.south, "lonmax": BOX.east, "latmax": BOX.north}}
    spans = [place | {"start": first, "end": f"{last}T23:59:59Z"} for first, last in DAYS]
    tile, on_tape = ({"start": "2019-03-01", "end": "2019-03-31", "grid:code": f"MGRS-{name}"} for name in TILES)
    every, kept = (ours(peps, Search(date(2019, 3, 1), date(2019, 3, 30), tile=name)) for name in TILES)
    peps.geodes.on_tape = {urn for urn, product in peps.geodes.served.items() if product.tile == TILES[1]}
    asked = len(peps.asked(Endpoint.GEODES_SEARCH))
    steps = [(KEY, spans[0], False), (KEY, spans[1], False), ("wrong", tile, True), (KEY, tile, True)]
    answers = said(EODAG, tmp_path, peps.url, json.dumps([*steps, (KEY, on_tape, False)]))
    assert len(peps.asked(Endpoint.GEODES_SEARCH)) - asked == 1 + 3 + 1 + 1 + 1
    for (_, found), (first, last) in zip(answers[:2], DAYS, strict=True):
        assert set(found) == ours(peps, Search(date.fromisoformat(first), date.fromisoformat(last), box=BOX)) != set()
    (refused, _), (path, by_tile), (_, far) = answers[2:]
    assert set() < set(by_tile) < every  # those whose `grid:code` has no T
    assert set() < set(far) < kept
    assert (set(by_tile.values()), set(far.values())) == ({"succeeded"}, {"orderable"})
    assert refused == "AuthenticationError"
    with zipfile.ZipFile(path) as archive:
        folder = archive.namelist()[0].partition("/")[0]
    assert Path(path).read_bytes() == zip_of(folder)
    assert any(folder.startswith(title) for title in by_tile)


def test_pystac_client_opens_the_landing_page_and_reads_a_search_and_the_collection(
    peps: Sandbox, tmp_path: Path
) -> None:
    collection, matched, found, first, address = said(PYSTAC, tmp_path, peps.url)
    assert collection == "THEIA_REFLECTANCE_SENTINEL2_L2A"
    assert 80 < matched == len(found) == len(set(found))
    assert address == f"{peps.url}/api/stac/collections/{collection}/items/{first}"
    assert {asked.path for asked in peps.asked(Endpoint.GEODES_CATALOGUE)} >= {"/api/stac", "/api/stac/collections"}
