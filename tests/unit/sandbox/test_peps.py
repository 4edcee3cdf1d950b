"""The sandbox answers as PEPS says, and misbehaves as a test asks: what all other tests build on."""

from __future__ import annotations

import io
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import requests

from peps_maja import sandbox
from peps_maja.sandbox import Cut, Endpoint, Fault, Job, Sandbox, Stall, demonstration
from peps_maja.sandbox import __main__ as command_line
from peps_maja.sandbox.world.acquisitions import World, seen_at
from peps_maja.sandbox.world.tiles import TILES, has_elevation

AUTH = ("me@example.org", "secret")
CLEAR = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
CLOUDY = "S2B_MSIL1C_20190303T103454_N0207_R008_T31TCJ_20190303T134351"
FAILING = "S2B_MSIL1C_20190306T103252_N0207_R051_T31TCJ_20190306T135417"
L2A_ZIP = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"
MARCH = {"tileid": "31TCJ", "startDate": "2019-03-01", "completionDate": "2019-04-01", "productType": "S2MSI1C"}
SERIES = "startDate=2017-07-01;completionDate=2018-01-01;tileid=31TCJ"
OWS = {"ows": "http://www.opengis.net/ows/1.1"}


def search(peps: Sandbox, **query: str | int) -> requests.Response:
    return requests.get(f"{peps.url}/resto/api/collections/S2ST/search.json", params=query, timeout=60)


def found(peps: Sandbox, **query: str | int) -> list[dict[str, Any]]:
    return [feature["properties"] for feature in search(peps, **query).json()["features"]]


def get(url: str, auth: Any = AUTH, **headers: str) -> requests.Response:
    return requests.get(url, auth=auth, headers=headers, timeout=60)


def execute(peps: Sandbox, inputs: str, identifier: str = "MAJA") -> requests.Response:
    query = f"service=WPS&request=execute&version=1.0.0&identifier={identifier}&datainputs={inputs}"
    return get(f"{peps.url}/resto/wps?{query}&storeExecuteResponse=true&status=true")


def submitted(peps: Sandbox, product: str = CLEAR) -> Job:
    execute(peps, f"product={product}").raise_for_status()
    return peps.job(product)


def refreshed(peps: Sandbox, job: Job) -> dict[str, Any]:
    execute(peps, f"wps_id={job.wps_id}", "PROCESSING_STATUS").raise_for_status()
    return dict(get(job.report_url).json()["USER_INFO"])


def refusal(answer: requests.Response) -> tuple[str | None, str | None]:
    (refused,) = ET.fromstring(answer.content).iterfind("ows:Exception", OWS)  # noqa: S314 - our own server's
    return refused.get("exceptionCode"), refused.findtext("ows:ExceptionText", namespaces=OWS)


# -- the catalogue -----------------------------------------------------------------------------------------------------


def test_catalogue_cuts_pages_at_500_without_a_word(peps: Sandbox) -> None:
    query = {**MARCH, "startDate": "2017-07-01", "completionDate": "2020-12-31", "maxRecords": "5000"}
    pages = [search(peps, **query, page=page).json() for page in (1, 2, 3)]
    links = [[link["rel"] for link in page["properties"]["links"]] for page in pages]
    total = pages[0]["properties"]["totalResults"]
    assert len(pages[0]["features"]) == 500 < total
    assert len({feature["id"] for page in pages for feature in page["features"]}) == total
    assert ["next" in rels for rels in links] == [True, False, False]


def test_catalogue_knows_reprocessed_cut_and_old_products(peps: Sandbox) -> None:
    peps.pages = 10_000
    every = found(peps, tileid="31TCJ", maxRecords=10_000, productType="S2MSI1C")
    assert len({(p["platform"], p["startDate"]) for p in every}) < len(every)
    assert {None, 0.0, 100.0} < {p["cloudCover"] for p in every}
    (old, *_) = [p["title"] for p in every if p["title"].startswith("S2A_OPER_PRD_MSIL1C_")]
    assert {p["productType"] for p in found(peps, **{**MARCH, "productType": ""})} == {"S2MSI1C", "S2MSI2A"}
    for name in (CLEAR.replace("125917", "000000"), old):
        code, text = refusal(execute(peps, f"product={name}"))
        assert (code, name in str(text)) == ("InvalidParameterValue", True)
    assert refusal(execute(peps, "")) == ("MissingParameterValue", None)
    assert peps.executed == []


@pytest.mark.parametrize(
    ("name", "value", "left"),
    [
        ("relativeOrbitNumber", "51", 7),
        ("platform", "S2B", 7),
        ("cloudCover", "[0,30]", 9),
        ("completionDate", "2019-03-08", 3),
        ("startDate", "2019-03-28T10:36:09Z", 1),
        ("startDate", "2019-03-28T11:36:08.000+01:00", 2),
        ("tileid", "31tcj", 0),
    ],
)
def test_catalogue_filters(peps: Sandbox, name: str, value: str, left: int) -> None:
    assert len(found(peps, **{**MARCH, name: value})) == left


@pytest.mark.parametrize("place", ["lat=43.6&lon=1.44", "q=Toulouse", "box=1,43,2,44", ""])
def test_catalogue_finds_places(peps: Sandbox, place: str) -> None:
    query: dict[str, Any] = dict(pair.split("=") for pair in place.split("&") if pair)
    seen = {p["mgrs"] for p in found(peps, **query, startDate="2019-03-01", completionDate="2019-03-11")}
    assert "31TCJ" in seen
    assert len(seen) < 12


@pytest.mark.parametrize(
    ("name", "value", "status"),
    [("startDate", "2023-11-31", 500), ("startDate", "x", 400), ("maxRecords", "0", 400), ("box", "1,b,3", 400)],
)
def test_catalogue_errs_in_json(peps: Sandbox, name: str, value: str, status: int) -> None:
    answer = search(peps, **{name: value})
    assert answer.status_code == answer.json()["ErrorCode"] == status


# -- jobs --------------------------------------------------------------------------------------------------------------


def test_account_is_needed_for_all_but_the_catalogue(peps: Sandbox) -> None:
    job = peps.add_job(CLEAR)
    urls = [job.status_url, job.report_url, job.joblog_url, job.results[0].url]
    urls += [f"{peps.url}/resto/wps/users/7/jobs", f"{peps.url}/resto/wps?service=WPS&request=GetCapabilities"]
    for auth in (None, ("me@example.org", "wrong")):
        assert {get(url, auth).status_code for url in urls} == {401}
    assert {get(url).status_code for url in urls} == {200}


def test_jobs_end_as_their_product_does(peps: Sandbox) -> None:
    failed = refreshed(peps, submitted(peps, FAILING))
    assert (failed["job_status"], failed["results"]) == ("FAILED", [])
    assert failed["message"].startswith("MAJA ended")
    assert [result.name[:17] for result in submitted(peps, CLOUDY).results] == ["NOVALD_SENTINEL2B"]
    northern = found(peps, **{**MARCH, "tileid": "34WDC"})[0]["productIdentifier"]
    assert submitted(peps, northern).status == "CANCELED"


def test_jobs_take_their_time_and_the_launch_succeeds_long_before() -> None:
    with Sandbox(pace=1000) as peps:
        peps.faults.report_moves = False
        job = submitted(peps)
        seen = [job.status]
        assert "Reference" not in get(job.status_url).text
        for share in (0.1, 0.4, 0.5):
            job._began -= share * job._lasts
            seen.append(job.status)
            assert "ProcessSucceeded" in get(job.status_url).text
        assert seen == ["PENDING", "PENDING", "RUNNING", "FINISHED"]
        assert get(job.report_url).json()["job_status"] == "PENDING"


def read_as_in_2019(report: str) -> tuple[int, str, str]:
    """Return percentage, state and the zip's address as the scripts of November 2019 found them, line by line."""
    percent, status, address = 0, "computing", ""
    for line in report.splitlines():
        if line.find("percentCompleted") > 0:
            percent = int(line.split(":")[1].split(",")[0])
        if line.find("FINISHED") > 0:
            status = "finished"
        if line.find("zip") >= 0 and status == "finished":
            address = line.split('"')[1]
    return percent, status, address


def test_jobs_serve_a_client_of_2019() -> None:
    with Sandbox(pace=1000) as peps:
        status_url = execute(peps, f"product={CLEAR}").text.split("statusLocation")[1].split('"')[1]
        percentages = []
        for _ in range(6):
            peps.jobs[0]._began -= 0.2 * peps.jobs[0]._lasts
            references = [line for line in get(status_url).text.splitlines() if line.find("wps:Reference") > 0]
            percent, status, zip_url = read_as_in_2019(get(references[-1].split("href")[1].split('"')[1]).text)
            percentages.append(percent)
        assert (status, zip_url.split("/")[-1]) == ("finished", L2A_ZIP)
        assert zipfile.ZipFile(io.BytesIO(get(zip_url).content)).testzip() is None
        assert not peps.asked(Endpoint.REFRESH)
    assert percentages == sorted(percentages)
    assert (len(set(percentages)), percentages[-1]) == (5, 100)


def test_series_gives_a_zip_for_each_date(peps: Sandbox) -> None:
    inputs = f"{SERIES};relativeOrbitNumber=51"
    execute(peps, inputs, "FULL_MAJA").raise_for_status()
    names = [result.name for result in peps.job(inputs).results]
    assert 5 < len([name for name in names if "NOVALD" not in name]) < len(set(names)) == len(names)
    assert refreshed(peps, peps.job(inputs))["unprocessed"] == "1"
    assert len(peps.add_job(inputs).results) == len(names)


def test_series_has_limits(peps: Sandbox) -> None:
    for inputs in (
        "startDate=2017-07-01;completionDate=2017-08-01;tileid=31TCJ",
        "startDate=2017-07-01;completionDate=2018-07-03;tileid=31TCJ",
        "startDate=2016-03-31;completionDate=2016-08-01;tileid=31TCJ",
        "startDate=2017-02-29;completionDate=2017-08-01;tileid=31TCJ",
        f"{SERIES};relativeOrbitNumber=144",
        SERIES.replace("31TCJ", "31TCZ"),
        SERIES.replace("31TCJ", ""),
    ):
        assert refusal(execute(peps, inputs, "FULL_MAJA"))[0] == "InvalidParameterValue", inputs
    assert peps.executed == []


# -- results -----------------------------------------------------------------------------------------------------------


def test_results_are_complete_zips(peps: Sandbox) -> None:
    answer = get(peps.add_job(CLEAR).results[0].url)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    assert {name.split("/")[0] + ".zip" for name in names} == {L2A_ZIP}
    for part in ("_MTD_ALL.xml", "_QKL_ALL.jpg", "_SRE_B2.tif", "_FRE_B8.tif", "_CLM_R1.tif"):
        assert sum(name.endswith(part) for name in names) == 1
    assert 100_000 < len(answer.content) == int(answer.headers["Content-Length"]) < 300_000
    assert answer.content == sandbox.make_zip(L2A_ZIP)
    assert len(sandbox.make_zip("NOVALD_" + L2A_ZIP)) < 2000


def test_quicklook_and_metadata_show_the_clouds_of_the_date(peps: Sandbox) -> None:
    pictures = set()
    every = found(peps, **MARCH, platform="S2A")
    for properties in every:
        name = peps.add_job(properties["productIdentifier"]).results[0].name.removesuffix(".zip")
        with zipfile.ZipFile(io.BytesIO(sandbox.make_zip(name))) as archive:
            document = ET.fromstring(archive.read(f"{name}/{name}_MTD_ALL.xml"))  # noqa: S314 - our own
            picture = archive.read(f"{name}/{name}_QKL_ALL.jpg")
        (clouds,) = document.iterfind(".//Global_Index_List/QUALITY_INDEX[@name='CloudPercent']")
        assert clouds.text == f"{properties['cloudCover']:.0f}"
        assert (picture[:3], picture[-2:]) == (b"\xff\xd8\xff", b"\xff\xd9")
        assert len(picture) < 10_000
        pictures.add(picture)
    assert len(pictures) == len(every) > 3


def test_results_come_in_parts(peps: Sandbox) -> None:
    [result] = peps.add_job(CLEAR).results
    whole, same = result.content, {"If-Range": str(result.etag)}
    for span, part in (("100-", whole[100:]), ("0-9", whole[:10]), ("-7", whole[-7:])):
        answer = get(result.url, Range=f"bytes={span}", **same)
        assert (answer.status_code, answer.content) == (206, part)
    beyond = get(result.url, Range=f"bytes={len(whole)}-")
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(whole)}")
    result.content = b"another"
    assert get(result.url, Range="bytes=3-", **same).content == b"another"
    result.etag = result.last_modified = None
    assert not {"ETag", "Last-Modified"} & set(get(result.url).headers)


# -- faults, and the server itself -------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [Cut(), Cut(work_done=True), Stall(0.01), Stall(0.01, work_done=True)])
def test_cut_leaves_no_answer(peps: Sandbox, answer: Cut | Stall) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, answer))
    with pytest.raises(requests.ConnectionError):
        execute(peps, f"product={CLEAR}")
    assert peps.executed == [CLEAR] * answer.work_done


def test_server_leaves_no_thread_and_no_noise(capfd: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    with Sandbox() as peps, requests.Session() as idle:
        assert idle.get(peps.url, timeout=10).status_code == 200
        peps.faults.add(Fault(Endpoint.CATALOGUE, Stall(60)))
        with socket.create_connection(("127.0.0.1", int(peps.url.rpartition(":")[2]))) as gone:
            gone.sendall(b"GET /resto/api/collections/S2ST/search.json HTTP/1.1\r\n\r\n")
    assert threading.active_count() == before
    assert capfd.readouterr() == ("", "")


def test_servers_can_be_kept_up(peps: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "peps_maja.sandbox", "--serve"]
    environment = os.environ | {"PYTHONPATH": str(demonstration.SCRIPTS)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout
            lines = list(iter(process.stdout.readline, "Ctrl-C ends it.\n"))
            url = re.search(r"http://[\d.:]+\d", lines[0])
            assert url
            assert get(url[0]).status_code == 200
            assert f"  export PEPS_SERVER={url[0]} GEODES_SERVER={url[0]}\n" in lines
            credentials = next(line for line in lines if "peps.txt;" in line)
            assert "'me@example.org secret' 'geodes " in credentials
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()
    assert command_line.main(["--serve", "--port", peps.url.rpartition(":")[2]]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_demonstration_takes_a_fresh_folder(tmp_path: Path) -> None:
    made = []
    for _ in range(3):
        made.append(demonstration.fresh_folder(tmp_path / "demo"))
        (made[-1] / "log").touch()
    assert [str(folder.relative_to(tmp_path)) for folder in made] == ["demo", "demo/run-2", "demo/run-3"]


def test_world_has_tiles_beyond_60_and_l2a_follow_their_l1c() -> None:
    assert [tile for tile in TILES if not has_elevation(tile)] == ["34WDC"]
    first = datetime(2019, 1, 1, tzinfo=timezone.utc)
    world = World((first + timedelta(days=400)).date())
    for product in world.products(["31TCJ", "28PBB"], first, first + timedelta(days=100)):
        seen = seen_at(product.satellite, product.start, product.tile)
        assert timedelta() <= seen - product.start < timedelta(minutes=30)
        assert world.find(product.name, product.tile, product.start) == product
