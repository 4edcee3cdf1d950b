"""The name under which a zip is saved."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peps_maja.downloads.naming import bare_name, names_to_save, result_name
from peps_maja.joblog.details import Offer
from peps_maja.joblog.jobs import Job
from peps_maja.text import one_line

NAME = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"
WPS_ID = "8e99b3de-3f20-11e9-81a5-0242ac110002"
MARKS = "8e99b3de", "0a1b2c3d"
FOLDER = f"https://peps.cnes.fr/cgi-bin/mapcache_results/maja/{WPS_ID}"

BARE = {
    "as it comes": (f"{FOLDER}/{NAME}.zip", NAME),
    "query and fragment": (f"{FOLDER}/{NAME}.zip?token=a/b.zip#c", NAME),
    "escaped": (f"{FOLDER}/{NAME.replace('_', '%5F')}%2Ezip", NAME),
    "escaped path": (f"{FOLDER}/..%2F..%2F{NAME}.zip", NAME),
    "backslashes": (f"{FOLDER}/..\\..\\{NAME}.zip", NAME),
    "escaped backslashes": (f"{FOLDER}/C:%5Cdata%5C{NAME}.zip", NAME),
    "capitals": (f"{FOLDER}/{NAME}.ZIP", NAME),
    "hidden": (f"{FOLDER}/.{NAME}.zip", NAME),
    "spaces": (f"{FOLDER}/my%20result%0A.zip", "my_result"),
    "controls": (f"{FOLDER}/a%1B%5B31mb%00%07c.zip", "a_[31mb_c"),
    "writing direction": (f"{FOLDER}/a%E2%80%AEpiz.exe", "a_piz.exe"),
    "nothing": ("", WPS_ID),
    "a folder": (f"{FOLDER}/", WPS_ID),
    "the folder above": (f"{FOLDER}/..", WPS_ID),
    "dots": (f"{FOLDER}/....zip", "zip"),
    "very long": (f"{FOLDER}/{'a' * 5000}.zip", "a" * 200),
    "very long in two bytes each": (f"{FOLDER}/{'é' * 5000}.zip", "é" * 100),
    "no UTF-8": (f"{FOLDER}/%FFa.zip", "\ufffda"),
}

pieces = st.sampled_from([*"./\\~[]#?;:a", "..", ".zip", "//", "%2F", "%5C", "%00", "%0A", "%2E", "%25", "é", "https:"])


@pytest.mark.parametrize(("address", "stem"), BARE.values(), ids=BARE)
def test_a_result_is_kept_under_a_bare_name(address: str, stem: str) -> None:
    assert bare_name(address, WPS_ID) == f"{stem}.zip"


@settings(max_examples=50, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(st.characters(exclude_categories=())) | st.lists(pieces).map("".join))
def test_no_address_leads_out_of_the_folder(address: str) -> None:
    name = bare_name(address, WPS_ID)
    assert Path(name).name == name
    assert name.endswith(".zip")
    assert not name.startswith(".")
    assert len(name.encode()) <= 204
    assert name.isprintable()
    assert not set(name) & set('/\\:*?"<>| \t')
    assert one_line(name) == name, "the log would have it otherwise"


def test_of_one_name_the_second_job_gets_its_own() -> None:
    urls = [f"https://x.example/pywps-{mark}{WPS_ID[8:]}.xml" for mark in (*MARKS, MARKS[0], MARKS[0])]
    first, second, third, fourth = (Job(f"{number}", status_url=url) for number, url in enumerate(urls))
    owners: dict[str, str] = {}
    for job, may in ((first, [1, 1]), (second, [0, 1]), (third, [0, 1]), (fourth, [0, 0]), (second, [0, 1])):
        names = [f"{NAME}.zip", f"{NAME}.{job.mark}.zip"]
        assert names_to_save(job, names[0], owners) == dict(zip(names, may, strict=True))


def test_of_theia_the_job_names_the_result() -> None:
    assert result_name(Job(NAME, offer=Offer("https://x.example/a/b")), "https://x.example/a/b") == f"{NAME}.zip"
