"""Features of PEPS's catalogue, with no more in them than is read."""

from __future__ import annotations

import json

from peps_maja.peps.catalogue import read_feature
from peps_maja.products.records import L1CRecord

# One acquisition: as first processed, reprocessed twice, and its second part where the receiving station changed.
FIRST = "S2A_MSIL1C_20190301T105021_N0206_R051_T31TCJ_20190301T125917"
# Others: another orbit and satellite, and later ones.
OTHER = "S2B_MSIL1C_20190303T104019_N0207_R008_T31TCJ_20190303T124637"
OLD = "S2A_OPER_PRD_MSIL1C_PDMC_20160525T004131_R108_V20150730T103016_20150730T103016"
L2A = "S2A_MSIL2A_20190301T105021_N0211_R051_T31TCJ_20190301T142040"
PROPERTIES: dict[str, object] = {
    "collection": "S2ST",
    "productIdentifier": FIRST,
    "title": FIRST,
    "startDate": "2019-03-01T10:50:21.024Z",
    "platform": "S2A",
    "orbitNumber": 19272,
    "relativeOrbitNumber": 51,
    "mgrs": "31TCJ",
    "cloudCover": 12.5,
    "resourceSize": 734003200,
    "storage": {"mode": "disk"},
}
FOOTPRINT = {"type": "Polygon", "coordinates": [[[0.5, 43.2], [1.8, 43.2], [1.8, 44.2], [0.5, 44.2], [0.5, 43.2]]]}
FEATURE = {"type": "Feature", "id": "8f8f1ae4", "geometry": FOOTPRINT, "properties": PROPERTIES}


def feature(geometry: object = FOOTPRINT, **properties: object) -> dict[str, object]:
    """Return a feature like FEATURE, with these properties instead of its own (None: null, ...: left out)."""
    changed = {name: value for name, value in {**PROPERTIES, **properties}.items() if value is not ...}
    return {**FEATURE, "properties": changed, "geometry": geometry}


def body(*features: object, **top: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", **top, "features": features}).encode()


def record_of(one: object) -> L1CRecord:
    record = read_feature(json.loads(json.dumps(one)))
    assert record
    return record
