"""Items and pages as GEODES sends them, to be changed by tests."""

from __future__ import annotations

import json
from typing import Any

URN = "URN:FEATURE:DATA:gdh:25416e3f-1a7f-379a-9b65-a6539b1fd95b:V1"
MD5 = "86f828c4c7e921615d1cd0476604f780"
IDENTIFIER = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_C"
GEODES = "https://geodes-portal.cnes.fr"
RING = [[0.53, 43.15], [1.89, 43.15], [1.87, 44.14], [0.49, 44.14], [0.53, 43.15]]


def feature(
    identifier: str = IDENTIFIER,
    version: object = "4.0",
    *,
    urn: str = "",
    asset: dict[str, object] | None = None,
    geometry: object = None,
    bbox: object = None,
    **properties: object,
) -> dict[str, Any]:
    """Return an item whose fields agree with its identifier; a property given as `...` is left out."""
    day, clock, thousandths = identifier[11:19], identifier[20:26], identifier[27:30]
    start = f"{day[:4]}-{day[4:6]}-{day[6:]}T{clock[:2]}:{clock[2:4]}:{clock[4:]}.{thousandths}Z"
    urn = (
        urn
        or f"URN:FEATURE:DATA:gdh:{abs(hash((identifier, str(version)))) % 10**8:08d}-1a7f-379a-9b65-a6539b1fd95b:V1"
    )
    zip_name = f"{identifier}_V{version.replace('.', '-')}.zip" if isinstance(version, str) else f"{identifier}.zip"
    described = f"File size: 776548205 bytes\n\nIs online: false\n\nDatatype: RAWDATA\n\nChecksum MD5: {MD5}"
    known: dict[str, object] = {
        "dataset": "THEIA_REFLECTANCE_SENTINEL2_L2A",
        "identifier": identifier,
        "version": version,
        "start_datetime": start,
        "datetime": "2025-07-02T01:02:03.000Z",
        "platform": f"S{identifier[8:10]}",
        "sat:relative_orbit": 51,
        "eo:cloud_cover": 12.5,
        "grid:code": identifier[36:41],
    } | {name.replace("__", ":"): value for name, value in properties.items()}
    return {
        "id": urn,
        "type": "Feature",
        "geometry": geometry or {"type": "Polygon", "coordinates": [RING]},
        "bbox": bbox,
        "properties": {name: value for name, value in known.items() if value is not ...},
        "assets": {
            "quicklook.jpg": {"href": f"{GEODES}/api/quicklook/{urn}", "type": "image/jpeg", "roles": ["overview"]},
            zip_name: {
                "href": f"{GEODES}/api/download/{urn}/files/{MD5}",
                "title": zip_name,
                "description": described,
                "type": "application/zip",
                "roles": ["data"],
            }
            | (asset or {}),
        },
    }


def page(features: list[Any], *, matched: int | None = None, has_next: bool | None = False, **more: Any) -> bytes:
    """Return a page; `has_next` None leaves the links out, `matched` None the totals."""
    answer: dict[str, Any] = {"type": "FeatureCollection", "features": features} | more
    if has_next is not None:
        answer["links"] = [{"rel": "self", "href": GEODES}] + [{"rel": "next", "href": GEODES}] * has_next
    if matched is not None:
        answer["context"] = {"returned": len(features), "limit": 80, "matched": matched}
    return json.dumps(answer).encode()
