"""What a kill, an incomplete line, a full disk and two scripts at once leave: nothing lost, nothing twice."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import TILE, Place, Run, small_disk

from peps_maja.sandbox import Delay, Endpoint, Fault, Sandbox, Stall

HEADER = "# peps_maja job log 1"
FIRST = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
SECOND = "S2B_MSIL1C_20190306T103252_N0207_R051_T31TCJ_20190306T135417"
L2A = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D"
ZIP = f"{L2A}.zip"
WHEN = "2019-04-02T09:12:45Z"
URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-{:012}.xml"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\t[a-z]+\t[^\t\n]+\t[^\t\n]*")


# -- killed -----------------------------------------------------------------------------------------------------------


def kill_when(running: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    """Kill a script with SIGKILL as soon as something has happened."""
    with running:
        give_up = time.monotonic() + 30
        try:
            while not happened():
                assert running.poll() is None, running.communicate()
                assert time.monotonic() < give_up, "it never happened"
                time.sleep(0.001)
        finally:
            running.kill()
            running.communicate()


def test_killed_between_request_and_answer(place: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, Stall(30)))
    kill_when(place.start("process", "--product", FIRST), lambda: bool(peps.asked(Endpoint.EXECUTE)))
    assert place.events() == [("submitting", FIRST, "")]
    again = place.process("--product", FIRST, SECOND)
    assert again.status == 1
    assert f"{FIRST}: unsure" in again.err
    assert peps.executed == [SECOND]
    assert [event for event, job, _ in place.events() if job == SECOND] == ["submitting", "submitted"]


def large_zip() -> bytes:
    """Return a valid L2A zip of 2 MB, which comes in several pieces."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{L2A}/{L2A}_MTD_ALL.xml", "<Muscate_Metadata_Document/>")
        archive.writestr(f"{L2A}/{L2A}_FRE_B2.tif", os.urandom(2_000_000))
    return packed.getvalue()


def test_killed_in_the_middle_of_a_download(place: Place, peps: Sandbox) -> None:
    job = peps.add_job(FIRST)
    job.results[0].content = large_zip()
    place.write_log((WHEN, "submitted", FIRST, job.status_url))
    part = place.folder / f"{ZIP}.part"
    peps.faults.add(Fault(Endpoint.RESULT, Stall(30, after=1_200_000)))
    kill_when(place.start("downloader"), lambda: part.exists() and part.stat().st_size > 0)
    there = part.stat().st_size
    assert place.zips() == []
    assert place.download().status == 0
    assert peps.asked(Endpoint.RESULT)[-1].headers["range"] == f"bytes={there}-"
    assert (place.folder / ZIP).read_bytes() == job.results[0].content
    assert sorted(path.name for path in place.folder.glob(f"{L2A}*")) == [ZIP]


# -- an incomplete last line ------------------------------------------------------------------------------------------
SUBMITTING = f"{WHEN}\tsubmitting\t{FIRST}\t"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"{HEADER}\n{SUBMITTING[:60]}", id="in the name"),
        pytest.param(f"{HEADER}\n{SUBMITTING}\n{WHEN}\tsubmi", id="in submitted"),
        pytest.param(f"{HEADER}\n{SUBMITTING}\n{WHEN}\tsubmitted\t{FIRST}\t{URL.format(1)[:50]}", id="in a URL"),
    ],
)
def test_an_incomplete_line_is_skipped_and_the_next_one_counts(place: Place, peps: Sandbox, text: str) -> None:
    place.log.write_text(text, encoding="utf-8")
    run = place.process("--product", FIRST, SECOND)
    is_known = SUBMITTING[:-1] in text
    assert run.status == is_known, run.err
    assert peps.executed == [SECOND]
    whole = [line.split("\t") for line in place.log.read_text(encoding="utf-8").split("\n") if LINE.fullmatch(line)]
    new = [(event, job) for when, event, job, _ in whole if when != WHEN]
    stalled = [("stalled", FIRST)] * is_known
    assert new == [(event, job) for job in peps.executed for event in ("submitting", "submitted")] + stalled


# -- no room for the log ----------------------------------------------------------------------------------------------


def padded(text: str, size: int) -> str:
    """Return the text of a log made so long by comments below its header."""
    head, _, events = text.partition("\n")
    lines, rest = divmod(size - len(text.encode()), 100)
    return f"{head}\n{'#' * (rest + 99)}\n" + f"{'#' * 99}\n" * (lines - 1) + events


@contextmanager
def full_disk(log: Path, room: int) -> Iterator[None]:
    """Put the log, for the length of a `with`, on a small disk that has room for so many more bytes of it alone."""
    page, pages = 4096, 16
    with small_disk(log.parent.parent / "disk", page * pages) as disk:
        small = disk / log.name
        small.write_text(padded(log.read_text(encoding="utf-8"), 2 * page - room), encoding="utf-8")
        (disk / "filler").write_bytes(bytes((pages - 2) * page))
        assert shutil.disk_usage(disk).free == 0
        log.unlink()
        log.symlink_to(small)
        yield
        log.unlink()
        shutil.copy(small, log)


def run_with_room(place: Place, room: int, script: str) -> Run:
    """Run a script whose log can grow by so many bytes, and no further."""
    with full_disk(place.log, room):
        return place.process("--product", FIRST) if script == "process" else place.download()


def length(event: str, detail: str) -> int:
    return len(f"{WHEN}\t{event}\t{FIRST}\t{detail}\n")


@pytest.mark.parametrize("unnoted", ["submitting", "submitted", "postponed"])
def test_nothing_is_ordered_that_could_not_be_noted(place: Place, peps: Sandbox, unnoted: str) -> None:
    place.write_log()
    peps.faults.busy = 1 if unnoted == "postponed" else 0
    before = 0 if unnoted == "submitting" else length("submitting", "")
    url = f"{peps.url}/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"
    whole = length(unnoted, {"submitted": url, "postponed": "x" * 40}.get(unnoted, ""))

    run = run_with_room(place, before + whole - 1, "process")
    assert run.status == 2
    assert run.err.count("\n") == 1
    assert f"not noted: {unnoted} {FIRST}" in run.err
    assert place.log.name in run.err
    assert peps.executed == ([FIRST] if unnoted == "submitted" else [])
    if unnoted == "submitted":
        assert peps.job(FIRST).status_url in run.err

    assert place.process("--product", FIRST).status == (0 if unnoted == "submitting" else 1)
    assert peps.executed == ([] if unnoted == "postponed" else [FIRST])


@pytest.mark.parametrize("unnoted", ["downloaded", "finished"])
def test_a_zip_that_could_not_be_noted_is_found_by_the_next_run(place: Place, peps: Sandbox, unnoted: str) -> None:
    job = peps.add_job(FIRST)
    place.write_log((WHEN, "submitted", FIRST, job.status_url))
    before = 0 if unnoted == "downloaded" else length("downloaded", ZIP)
    whole = length(unnoted, ZIP if unnoted == "downloaded" else "")

    run = run_with_room(place, before + whole - 1, "downloader")
    assert run.status == 2
    assert run.err.count("\n") == 1
    assert f"not noted: {unnoted} {FIRST}" in run.err

    assert place.download().status == 0
    assert [event for event, *_ in place.events()] == ["submitted", "downloaded", "finished"]
    assert (place.folder / ZIP).read_bytes() == job.results[0].content
    ranges = [asked.headers.get("range") for asked in peps.asked(Endpoint.RESULT)]
    assert ranges == [None] + ["bytes=0-0"] * (unnoted == "downloaded")  # it is looked at for its length


# -- in company -------------------------------------------------------------------------------------------------------


def test_both_scripts_work_beside_each_other_on_one_log(place: Place, peps: Sandbox) -> None:
    place.write_log((WHEN, "submitted", SECOND, peps.add_job(SECOND).status_url))
    peps.faults.add(Fault(Endpoint.EXECUTE, Delay(0.1), times=None))
    patiently = {"PEPS_TIMEOUT": "30"}
    rounds = []
    search = ["-t", TILE, "-d", "2019-04-01", "--limit", "3", "-q"]
    with place.start("process", *search, **patiently) as submitting:
        while submitting.poll() is None:
            rounds.append(place.download("-q", **patiently))
        _, err = submitting.communicate()
    assert submitting.returncode == 0, err
    rounds.append(place.download("-q", **patiently))
    assert {run.status for run in rounds} <= {0, 1}, [run.err for run in rounds]
    assert len(peps.executed) == 3
    lines = [line for line in place.log.read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert all(LINE.fullmatch(line) for line in lines)
    assert Counter(job for _, job, _ in place.events("submitting")) == Counter(peps.executed)
    assert Counter(job for _, job, _ in place.events("submitted")) == Counter([SECOND, *peps.executed])
    assert Counter(job for _, job, _ in place.events("finished", "failed")) == Counter([SECOND, *peps.executed])
    assert place.zips() == sorted(file for _, _, file in place.events("downloaded"))
