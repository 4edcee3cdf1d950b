"""pystac-client opens the sandbox's GEODES at its landing page, and finds what a plain search finds."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from peps_maja.sandbox import Endpoint, Sandbox

PYTHON = os.environ.get("EODAG_PYTHON", sys.executable)  # an environment with eodag has it, too
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        sys.executable == PYTHON and importlib.util.find_spec("pystac_client") is None,
        reason="pystac-client is not installed: name a Python that has it in EODAG_PYTHON",
    ),
]
CLIENT = """
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


def test_pages_of_a_search_and_items_of_the_collection(peps: Sandbox) -> None:
    command = [PYTHON, "-c", CLIENT, peps.url]
    environment = {"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1"}
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stderr) == (0, "")
    collection, matched, found, first, address = json.loads(run.stdout)
    assert collection == "THEIA_REFLECTANCE_SENTINEL2_L2A"
    assert 80 < matched == len(found) == len(set(found))
    assert address == f"{peps.url}/api/stac/collections/{collection}/items/{first}"
    assert {asked.path for asked in peps.asked(Endpoint.GEODES_CATALOGUE)} >= {"/api/stac", "/api/stac/collections"}
