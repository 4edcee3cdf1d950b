"""Every field, form and word that clients have seen of both services is in what the sandbox answers."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
import requests

from peps_maja.sandbox import EARLY_HINTS, LOGIN, Altered, Canned, Cut, Endpoint, Fault, Sandbox, page, resto_error
from peps_maja.sandbox.geodes import KEY

AUTH = ("me@example.org", "secret")
PRODUCT = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
SERIES = "startDate=2017-07-01;completionDate=2018-01-01;tileid=31TCJ"
DATASET = "THEIA_REFLECTANCE_SENTINEL2_L2A"
EXECUTE = "/resto/wps?service=WPS&request=execute&version=1.0.0&storeExecuteResponse=true&status=true"


def get(peps: Sandbox, path: str, **headers: str) -> requests.Response:
    address = path if path.startswith("http") else peps.url + path
    return requests.get(address, auth=AUTH, headers=headers, timeout=60)


def missing(value: Any, *names: str) -> list[str]:
    """Return the names, dotted where a field is inside another, that are not there."""

    def has(value: Any, name: str) -> bool:
        first, _, rest = name.partition(".")
        return first in value and (not rest or has(value[first], rest))

    return [name for name in names if not has(value, name)]


def items(peps: Sandbox, pages: int = 1) -> list[dict[str, Any]]:
    query = {"dataset": {"eq": DATASET}, "grid:code": {"contains": "31TCJ"}}
    first = {"query": query, "limit": 80, "sortBy": [{"field": "start_datetime", "direction": "desc"}]}
    asked = (first | {"page": number} for number in range(1, pages + 1))
    answers = [requests.post(f"{peps.url}/api/stac/search", json=body, timeout=60) for body in asked]
    return [item for answer in answers for item in answer.json()["features"]]


def test_catalogue_of_peps(peps: Sandbox) -> None:
    path = "/resto/api/collections/S2ST/search.json?tileid=31TCJ&startDate=2018-01-01&completionDate=2019-12-31"
    answer = get(peps, f"{path}&productType=S2MSI1C&maxRecords=500").json()
    tops = ("properties.totalResults", "properties.exactCount", "properties.itemsPerPage", "properties.links")
    assert missing(answer, "type", "features", *tops) == []
    modes = set()
    for feature in answer["features"]:
        assert missing(feature, "geometry.type", "geometry.coordinates") == []
        told = "productIdentifier startDate platform orbitNumber relativeOrbitNumber mgrs cloudCover"
        more = "resourceSize resourceChecksum quicklook s2TakeId storage.mode"
        properties = feature["properties"]
        assert missing(properties, *told.split(), *more.split()) == []
        assert f"_{properties['orbitNumber']:06}_" in properties["s2TakeId"]
        modes.add(properties["storage"]["mode"])
    assert modes == {"disk", "tier2", "staging", "tape", "tier3", "unknown"}
    assert properties["orbitNumber"] != properties["relativeOrbitNumber"]
    assert get(peps, properties["quicklook"]).content.startswith(b"\xff\xd8")
    assert missing(get(peps, f"{path}&page=0").json(), "ErrorCode", "ErrorMessage") == []


@pytest.mark.parametrize("wrapped", [None, False, True])
@pytest.mark.parametrize(("process", "inputs"), [("MAJA", f"product={PRODUCT}"), ("FULL_MAJA", SERIES)])
def test_report_of_a_process(peps: Sandbox, process: str, inputs: str, wrapped: Any) -> None:
    peps.faults.wrapped, peps.faults.report_moves = wrapped, True
    accepted = get(peps, f"{EXECUTE}&identifier={process}&datainputs={inputs}").text
    assert f"<wps:ProcessAccepted>Process {process} accepted" in accepted
    assert f'statusLocation="{peps.jobs[0].status_url}"' in accepted
    assert f'xlink:href="{peps.jobs[0].report_url}"' in get(peps, peps.jobs[0].status_url).text
    report = get(peps, peps.jobs[0].report_url).json()
    assert ("USER_INFO" in report) == (process == "FULL_MAJA" if wrapped is None else wrapped)
    fields = report.get("USER_INFO", report)
    of_form = ("process",) if "USER_INFO" in report else ("percentCompleted", "finishedTime")
    assert missing(fields, "job_id", "job_status", "message", "results", "unprocessed", "logs", *of_form) == []
    joblog = get(peps, fields["logs"][0]).text
    assert all(url in joblog for url in fields["results"])


def test_wps_tells_of_its_processes(peps: Sandbox) -> None:
    wps = "/resto/wps?service=WPS&version=1.0.0&request="
    assert "<ows:Identifier>FULL_MAJA</ows:Identifier>" in get(peps, f"{wps}GetCapabilities").text
    described = get(peps, f"{wps}DescribeProcess&identifier=all").text
    names = re.findall(r'minOccurs="([01])" maxOccurs="1"><ows:Identifier>(\w+)', described)
    series = [("1", "startDate"), ("1", "completionDate"), ("1", "tileid"), ("0", "relativeOrbitNumber")]
    assert names == [("1", "wps_id"), ("1", "product"), *series]
    assert "InvalidParameterValue" in get(peps, f"{wps}DescribeProcess&identifier=NONE").text


def test_page_my_processing_shows_the_jobs(peps: Sandbox) -> None:
    peps.add_job(PRODUCT, status="FAILED", message="no <DTM>", results=("one.zip",)).delivers = True
    page = get(peps, "/")
    assert page.headers["Content-Type"].startswith("text/html")
    for words in ("<h1>My processing</h1>", PRODUCT, "FAILED", "no &lt;DTM&gt;", "one.zip"):
        assert words in page.text


def test_items_of_geodes(peps: Sandbox) -> None:
    peps.geodes.is_newer = True
    found = items(peps, pages=5)
    for item in found:
        told = "identifier version start_datetime datetime platform sat:relative_orbit eo:cloud_cover"
        properties = item["properties"]
        assert missing(properties, *told.split(), "grid:code", "latest", "endpoint_url") == []
        assert missing(item, "id", "geometry", "bbox", "links", "collection") == []
        picture, archive = item["assets"].values()
        assert (picture["roles"], archive["roles"]) == (["overview"], ["data"])
        assert missing(archive, "file:size", "file:checksum", "description", "href", "type", "title") == []
        if properties["version"] == "00.00":
            assert archive["title"] == f"{properties['identifier']}_V3-1.zip"
    codes = {item["properties"]["grid:code"] for item in found if item["properties"]["version"] == "4.0"}
    assert codes == {"31TCJ", "T31TCJ"}
    assert -1 in {item["properties"]["eo:cloud_cover"] for item in found}
    assert "00.00" in {item["properties"]["version"] for item in found}


def test_quicklooks_of_geodes_want_the_key(peps: Sandbox) -> None:
    picture = next(asset for asset in items(peps)[0]["assets"].values() if asset["roles"] == ["overview"])
    assert re.fullmatch(r"http://[\d.:]+/api/quicklook/URN:[\w:-]+/files/[0-9a-f]{32}\?scope=gdh", picture["href"])
    assert get(peps, picture["href"]).status_code == 401
    content = get(peps, picture["href"], **{"X-API-Key": KEY}).content
    assert f"File size: {len(content)} bytes" in picture["description"]
    assert [asked.endpoint for asked in peps.requests[-2:]] == [Endpoint.GEODES_QUICKLOOK] * 2


def test_sizes_are_those_of_geodes_where_nothing_can_be_fetched(peps: Sandbox) -> None:
    peps.geodes.on_tape = {item["id"] for item in items(peps)}
    for item in items(peps):
        archive = next(asset for asset in item["assets"].values() if asset["roles"] == ["data"])
        least, most = (0.9e9, 2.3e9) if "_V4-0" in archive["title"] else (0.3e9, 1.2e9)
        assert least <= int(archive["description"].split()[2]) <= most
    assert get(peps, archive["href"], **{"X-API-Key": KEY}).status_code == 410


@pytest.mark.parametrize("path", ["", "/conformance", "/collections", f"/collections/{DATASET}"])
def test_geodes_can_be_read_from_its_landing_page(peps: Sandbox, path: str) -> None:
    answer = get(peps, f"/api/stac{path}")
    assert (answer.status_code, answer.json()) != (200, {})
    posted = requests.post(f"{peps.url}/api/stac{path}", timeout=10)
    assert posted.status_code == (200 if path == "/collections" else 405)
    for link in answer.json().get("links", []):
        if link.get("method") != "POST":
            assert get(peps, link["href"]).status_code == 200


# What tests ask for without a word of the sandbox's own: any route, any reply, any number of times.
@pytest.mark.parametrize(
    ("answer", "seen"),
    [
        (page(403, "no"), lambda answer: answer.status_code == 403 and "<html>" in answer.text),
        (LOGIN, lambda answer: answer.url.endswith("/login") and "<html>" in answer.text),
        (resto_error(420, "week|10000000", 200), lambda answer: answer.json()["ErrorCode"] == 420),
        (Canned(503, headers={"Retry-After": "7"}), lambda answer: answer.headers["Retry-After"] == "7"),
        (EARLY_HINTS, lambda answer: answer.status_code == 103),  # as requests takes it: the first answer that comes
        (
            Altered(lambda reply: replace(reply, most=20, has_length=False)),
            lambda answer: len(answer.content) == 20 and "Content-Length" not in answer.headers,
        ),
        (Altered(lambda reply: replace(reply, most=20, pause=0.0001)), lambda answer: PRODUCT in answer.text),
    ],
)
def test_any_answer_can_be_asked_for(peps: Sandbox, answer: Any, seen: Any) -> None:
    job = peps.add_job(PRODUCT)
    peps.faults.add(Fault(None, answer, times=2, match=lambda asked: "joblog" in asked.path and asked.method == "GET"))
    answers = [get(peps, job.joblog_url) for _ in range(3)]
    assert [seen(one) for one in answers[:2]] == [True, True]
    assert PRODUCT in answers[2].text


def test_trust_and_results_can_be_anything(peps: Sandbox) -> None:
    peps.faults.addresses = lambda url: url.removeprefix(peps.url) if url.endswith(".xml") else url
    answer = get(peps, f"{EXECUTE}&identifier=MAJA&datainputs=product={PRODUCT}")
    assert 'statusLocation="/resto/wps/outputs/' in answer.text
    result = peps.jobs[0].results[0]
    result.url = f"{peps.url}/elsewhere/{result.name}"
    assert get(peps, result.url).content == result.content
    peps.faults.add(Fault(None, Cut(), match=lambda asked: "range" in asked.headers))
    with pytest.raises(requests.ConnectionError):
        get(peps, result.url, Range="bytes=0-0")
