"""Documents as PEPS and GEODES send them, as files; README.md says where each form comes from.

In them `$server` stands for the server's address, `$id` for the job's WPS id, `$report` for the report's own id, `$zip`
for the result's name, and `$files` for the folder of results on the server.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

_HERE = Path(__file__).parent
WPS_ID = "8e99b3de-3f20-11e9-81a5-0242ac110002"
SERVER = "https://peps.cnes.fr"
L1C = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
L2A = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"


def read(path: str) -> str:
    return (_HERE / path).read_text(encoding="utf-8")


def _folder(path: str) -> dict[str, str]:
    """Return the documents of a folder by their names."""
    return {file.stem: read(str(file.relative_to(_HERE))) for file in sorted((_HERE / path).iterdir())}


STATUS = _folder("status")
REFUSALS = _folder("refusals")
FINISHED = _folder("reports/finished")
WITHOUT_RESULTS = _folder("reports/without_results")
UNDER_WAY = _folder("reports/under_way")
ENDED_BADLY = _folder("reports/ended_badly")
NOTHING_INSIDE = read("reports/nothing_inside.json")
JOBLOGS = _folder("joblogs")
HTML = read("maintenance.html")
# Under which addresses status documents were given out: PyWPS 4 writes no `pywps-`; inside and plain hosts are named.
STATUS_URL = "$server/resto/wps/outputs/pywps-$id.xml"
STATUS_URLS = {
    "pywps_4": "$server/resto/wps/outputs/$id.xml",
    "inside_host": "http://peps-vizo.cnes.fr:8081/wps/outputs/pywps-$id.xml",
    "plain_http": "http://peps.cnes.fr/resto/wps/outputs/pywps-$id.xml",
    "https": "https://peps.cnes.fr/resto/wps/outputs/pywps-$id.xml",
}


def filled(sample: str, *, server: str = SERVER, wps_id: str = WPS_ID, report: str = "", zip_name: str = "") -> str:
    """Return a sample with real values in it; the report's id is the job's unless given."""
    return Template(sample).substitute(
        server=server,
        id=wps_id,
        report=report or wps_id,
        zip=zip_name or f"{L2A}.zip",
        files="/cgi-bin/mapcache_results/maja",
    )
