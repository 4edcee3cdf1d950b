"""The job log in the hands of its users: edited, linked, moved, on odd disks; what both scripts make of it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import LOCK_HOLDER, Place, ago, holder, in_one_line, is_one_line, needs_strace, under_strace

from peps_maja.sandbox import Altered, Endpoint, Fault, Reply, Sandbox

HEADER = "# peps_maja job log 1"
OLD = "2019-04-02T09:12:45Z"
FIRST = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
SECOND = "S2B_MSIL1C_20190306T103252_N0207_R051_T31TCJ_20190306T135417"
URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"
OTHER_URL = URL.replace("8e99b3de", "11111111")
ZIP = "SENTINEL2A_20190301-105426-459_L2A_T31TCJ_D.zip"


# -- edited -------------------------------------------------------------------------------------------------------


def test_a_damaged_header_is_told_everywhere_with_advice(place: Place) -> None:
    for header in ("\ufeff" + HEADER, f"{HEADER}\t\t\t", f'"{HEADER}"'):
        place.log.write_text(f"{header}\n{OLD}\tsubmitted\t{FIRST}\t{URL}\n", encoding="utf-8")
        before = place.log.read_bytes()
        for run in (place.process("--drop", FIRST), place.download("-q")):
            in_one_line(run, 2, "peps_maja.log is not a job log", "UTF-8, without BOM")
        assert place.log.read_bytes() == before
    check = place.download("--check")
    assert check.status == 2
    assert "UTF-8, without BOM" in check.out


# -- what is not a log --------------------------------------------------------------------------------------------


def test_only_a_regular_file_is_a_log(place: Place) -> None:
    os.mkfifo(place.folder / "fifo")
    before = set(place.folder.iterdir())
    runs = [place.process("-l", "fifo", *given) for given in (["--product", FIRST], ["-n", "--product", FIRST])]
    runs += [place.process("-l", "/dev/full", "--drop", FIRST), place.download("-l", "fifo", "-q")]
    runs += [place.download("-l", log, "--status") for log in ("fifo", "/dev/null", ".")]
    for run in runs:
        in_one_line(run, 2, "not a regular file", "--log")
    check = place.download("-l", "fifo", "--check")
    assert (check.status, check.err) == (2, "")
    assert set(place.folder.iterdir()) == before


def test_a_log_with_two_names_has_one_lock(place: Place) -> None:
    (place.folder / "real").mkdir()
    place.write_log()
    place.log.rename(place.folder / "real" / "my.log")
    place.log.symlink_to("real/my.log")
    with holder(LOCK_HOLDER, place.folder / "real" / "my.log.process.lock"):
        assert place.process("--product", FIRST).status == 75
    assert place.process("--product", FIRST).status == 0
    assert place.log.is_symlink()
    assert not list(place.folder.glob("*.lock"))


def test_a_link_to_a_log_that_is_not_there_yet(place: Place, peps: Sandbox) -> None:
    (place.folder / "real").mkdir()
    place.log.symlink_to("real/my.log")
    assert place.process("--product", FIRST, SECOND).status == 0
    assert (place.log.is_symlink(), len(peps.executed)) == (True, 2)


def test_a_log_with_hard_links_is_refused(place: Place, peps: Sandbox) -> None:
    place.write_log((OLD, "submitted", FIRST, URL))
    (place.folder / "other.log").hardlink_to(place.log)
    for run in (place.process("--product", SECOND), place.download("-q"), place.download("--status")):
        in_one_line(run, 2, "2 hard links")
    assert peps.requests == []


# -- disks --------------------------------------------------------------------------------------------------------


@needs_strace
@pytest.mark.parametrize(
    ("path", "error", "is_accepted"),
    [
        ("peps_maja.log", "EIO", False),
        ("peps_maja.log", "EOPNOTSUPP", False),
        (".", "EDQUOT", False),
        (".", "EOPNOTSUPP", True),
    ],
)
def test_a_log_that_cannot_be_brought_to_disk(
    place: Place, peps: Sandbox, path: str, error: str, *, is_accepted: bool
) -> None:
    failed = [(OLD, "submitted", FIRST, URL), (OLD, "failed", FIRST, "why")] if error == "EIO" else []
    place.write_log(*failed)
    command = ["--resubmit", "failed"] if failed else ["--product", FIRST]
    inject = ["-P", str(place.folder / path), "-e", "trace=fsync", "-e", f"inject=fsync:error={error}"]
    run = under_strace(place, inject, "process", *command)
    assert run.status == (0 if is_accepted else 2), run.err
    if not is_accepted:
        assert len(place.events()) == len(failed), "the line is taken back"
        assert is_one_line(run, "peps_maja.log", f"not noted: submitting {FIRST}", "then run the same command again")
        assert peps.executed == []
        assert place.process(*command).status == 0
    assert peps.executed == [FIRST]


# -- corrections --------------------------------------------------------------------------------------------------

WRONG = {
    "an account in the URL": ["--adopt", FIRST, URL.replace("://", "://user:hunter2@")],
    "an account with a question mark": ["--adopt", FIRST, URL.replace("://", "://user:hunter2?@")],
    "an account of no option": ["--serve", "https://user:hunter2@peps.cnes.fr"],
    "an account to drop": ["--drop", "https://user:hunter2@peps.cnes.fr/x"],
    "an account in what is no URL": ["--adopt", FIRST, "user:hunter2@peps"],
    "one right, one wrong": ["--adopt", FIRST, URL, "--drop", "wrong"],
    "an end of a search": ["--drop", SECOND, "-f", "2019-04-01"],
    "an account of the server": ["--drop", SECOND, "--server", "https://user:hunter2@peps.cnes.fr"],
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_corrections_are_checked_before_any_is_written(place: Place, arguments: list[str]) -> None:
    place.write_log((OLD, "submitting", SECOND, ""))
    before = place.log.read_bytes()
    run = place.process(*arguments)
    assert run.status == 2
    assert is_one_line(run)
    assert "hunter2" not in run.err
    assert place.log.read_bytes() == before


@pytest.mark.parametrize("end", ["finished", "failed"])
def test_a_lost_zip_is_fetched_again_after_adopt(place: Place, peps: Sandbox, end: str) -> None:
    job = peps.add_job(FIRST)
    place.write_log((OLD, "submitted", FIRST, job.status_url), (OLD, "downloaded", FIRST, ZIP), (OLD, end, FIRST, ""))
    assert place.download().status == 0
    assert place.zips() == []
    if end == "finished":
        assert is_one_line(place.process("--adopt", FIRST, OTHER_URL), "finished already", job.status_url)
    assert place.process("--adopt", FIRST, job.status_url).status == 0
    assert place.download().status == 0
    assert (place.folder / ZIP).read_bytes() == job.results[0].content
    assert [event for event, *_ in place.events()[3:]] == ["submitted", "downloaded", "finished"]


# -- changed during a run -----------------------------------------------------------------------------------------


def during(peps: Sandbox, endpoint: Endpoint, action: Callable[[], object], match: str = "") -> None:
    """Do something while the next answer of `endpoint` is on its way."""

    def change(reply: Reply) -> Reply:
        action()
        return reply

    peps.faults.add(Fault(endpoint, Altered(change), match=match))


@pytest.mark.parametrize(("corrections", "ends"), [(["--drop"], "finished"), (["--drop", "--adopt"], "failed")])
def test_what_the_submitter_logs_during_a_run_stands(
    place: Place, peps: Sandbox, corrections: list[str], ends: str
) -> None:
    job = peps.add_job(FIRST)
    place.write_log(
        (OLD, "submitted", FIRST, job.status_url), (OLD, "submitted", SECOND, peps.add_job(SECOND).status_url)
    )
    if ends == "failed":
        job.status = "FAILED"

    def correct() -> None:
        for option in corrections:
            assert place.process(option, FIRST, *([OTHER_URL] if option == "--adopt" else [])).status == 0

    during(peps, Endpoint.RESULT if ends == "finished" else Endpoint.REPORT, correct, job.wps_id)
    run = place.download("-j", "1", PEPS_TIMEOUT="30")
    logged = [event for event, name, _ in place.events() if name == FIRST]
    assert logged == ["submitted", "cancelled", *(["submitted"] if "--adopt" in corrections else [])], run
    assert f"{FIRST}: changed in the log meanwhile" in run.out
    assert ("finished", SECOND, "") in place.events()


HAPPENS: dict[str, Callable[[Path], object]] = {
    "moved": lambda log: log.rename(log.with_name("moved")),
    "removed": Path.unlink,
    "emptied": lambda log: os.truncate(log, 0),
    "cut": lambda log: os.truncate(log, len(HEADER) + 1),
    "replaced": lambda log: shutil.copy(log, f"{log}.new") and Path(f"{log}.new").replace(log),
    "overwritten": lambda log: log.write_text(f"{HEADER}\n" + "#\n" * 500),
}


@pytest.mark.parametrize(("script", "happens"), list(zip(["downloader", "process"] * 3, HAPPENS, strict=True)))
def test_a_log_that_goes_during_a_run_ends_it(place: Place, peps: Sandbox, script: str, happens: str) -> None:
    place.write_log((OLD, "submitted", FIRST, peps.add_job(FIRST).status_url))
    left: list[bytes | None] = []

    def change() -> None:
        HAPPENS[happens](place.log)
        left.append(place.log.read_bytes() if place.log.exists() else None)

    during(peps, Endpoint.RESULT if script == "downloader" else Endpoint.CAPABILITIES, change)
    run = place.download() if script == "downloader" else place.process("--product", SECOND)
    in_one_line(run, 2, "peps_maja.log: ", "not noted")
    assert left == [place.log.read_bytes() if place.log.exists() else None]
    assert peps.executed == []


def test_a_log_that_appears_during_a_run_counts(place: Place, peps: Sandbox) -> None:
    during(peps, Endpoint.CAPABILITIES, lambda: place.write_log((OLD, "submitted", FIRST, URL)))
    assert f"{FIRST}: in log" in place.process("--product", FIRST).out
    assert peps.executed == []


# -- unsure for long ----------------------------------------------------------------------------------------------


def test_an_unsure_job_is_pointed_out_once(place: Place, peps: Sandbox) -> None:
    place.write_log((ago(1.1), "submitting", FIRST, ""))
    runs = [place.process("--product", FIRST, "-q"), place.download("-q"), place.process("--product", FIRST, "-q")]
    assert [run.status for run in runs] == [1, 1, 1]
    assert [run.err.count(f"{FIRST}: unsure whether") for run in runs] == [1, 0, 0]
    assert len(place.events("stalled")) == 1
    assert peps.executed == []
    assert f"{FIRST}: unsure whether" in place.download().err
    check = place.download("--check")
    assert (check.status, check.err) == (1, "")
    assert re.search(r"^BAD +log .*unsure", check.out, re.MULTILINE)


def test_a_job_unsure_since_lately_is_silent_under_quiet(place: Place) -> None:
    place.write_log((ago(0.9), "submitting", FIRST, ""))
    for run in (place.process("-n", "--product", FIRST), place.download("-q")):
        assert run.status == 1
    assert len(place.events()) == 1


def test_an_unsure_job_is_pointed_out_though_the_server_is_away(place: Place, nobody_there: str) -> None:
    place.write_log((OLD, "submitting", FIRST, ""), (OLD, "submitted", SECOND, URL))
    run = place.process("-t", "31TCJ", "-d", "2019-03-01", "-q", PEPS_SERVER=nobody_there)
    assert run.status == 1
    assert f"{FIRST}: unsure whether" in run.err
    run = place.download("-q", PEPS_SERVER=nobody_there)
    assert (run.status, run.err) == (1, "")
    assert [job for _, job, _ in place.events("stalled")] == [FIRST, SECOND]


def test_a_series_is_stalled_later(place: Place, nobody_there: str) -> None:
    plan = " ".join(f"2018-01-{day:02}/S2A/R051" for day in range(1, 26))
    rows: list[tuple[str, ...]] = []
    for tile, dates, limit in (("31TCJ", plan, 24 + 11), ("31TDJ", "", 24 + 1 + 35 * 25 / 60)):
        for year, hours in ((2017, limit - 0.5), (2018, limit + 0.5)):
            name = f"{tile}_{year}-01-01_{year}-03-31"
            rows += [(OLD, "submitting", name, dates), (ago(hours), "submitted", name, URL)]
    place.write_log(*rows)
    assert place.download("-q", PEPS_SERVER=nobody_there).status == 75
    assert [job[5:10] for _, job, _ in place.events("stalled")] == ["_2018", "_2018"]
