"""Whole runs of peps_maja_downloader.py: the transfer of results, and all that can go wrong with it."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import random
import signal
import struct
import subprocess
import sys
import termios
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import trustme
from helpers import EMAIL, PASSWORD, ROOT, Place, Run, add, contents, l1c, l2a, opened, small_disk, until

from peps_maja.sandbox import (
    BAD_GATEWAY,
    FORBIDDEN,
    HTML_PAGE,
    INTERNAL_ERROR,
    NOT_FOUND,
    TOO_MANY,
    UNAUTHORIZED_JSON,
    UNAVAILABLE,
    Altered,
    Canned,
    Cut,
    Endpoint,
    Fault,
    Job,
    Reply,
    Sandbox,
    Stall,
    make_zip,
)

ZIP = {"Content-Type": "application/zip"}
HEAVY = 900_000  # bytes
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)


def damaged(content: bytes) -> bytes:
    """Return a zip with one wrong byte among its last pixels."""
    place = len(content) * 4 // 5
    return content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]


def sized(content: bytes, length: int) -> Canned:
    """Return an answer whose Content-Length is not what comes."""
    return Canned(200, content, ZIP | {"Content-Length": str(length), "Connection": "close"})


# What the server sends where the zip should be, and whether the next run asks for it again (None: either way).
FAULTY: dict[str, tuple[Callable[[bytes], Canned], bool | None]] = {
    "a page of HTML": (lambda _: HTML_PAGE, True),
    "JSON": (lambda _: Canned(200, '{"status": "ok"}', {"Content-Type": "application/json"}), True),
    "nothing": (lambda _: Canned(200, b"", ZIP), True),
    "more than announced": (lambda content: sized(content, len(content) - 10), None),
    "the first bytes alone": (lambda _: Canned(200, b"PK\x03\x04", ZIP), None),
    "no end": (lambda content: Canned(200, content[:-1000], ZIP), None),
    "a wrong byte": (lambda content: Canned(200, damaged(content), ZIP), False),
    "another product": (lambda _: Canned(200, make_zip(l2a(31)), ZIP), False),
}
ABSENT = {
    "404": NOT_FOUND,
    "404 with a long page": Canned(404, "<html>" + "Not Found " * 200_000),
    "410": Canned(410),
    "403": FORBIDDEN,
    "404 with status 200": Canned(200, '{"ErrorCode": 404, "ErrorMessage": "Not Found"}'),
}
NOT_NOW: dict[str, Canned | Cut] = {
    "500": INTERNAL_ERROR,
    "502": BAD_GATEWAY,
    "503": UNAVAILABLE,
    "429": TOO_MANY(0),
    "cut": Cut(),
}

# How the last part of a result's address may look, with the product's name for `{}`; True if its file is `{}.zip`.
ADDRESSES = {
    "..%2F..%2F..%2F{}.zip": True,
    "C:%5C{}.zip": True,
    "%252e%252e%252f{}.zip": False,
    "%1b%5b2J%0a2019%09failed%9b%e2%80%ae{}.zip": False,
    "very" * 80 + "{}.zip": False,
}


def heavy(name: str, seed: int = 1, size: int = HEAVY) -> bytes:
    """Return a zip that comes in several reads; those of one size differ in their pixels only."""
    packed = io.BytesIO()
    stem = name.removesuffix(".zip")
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{stem}/{stem}_MTD_ALL.xml", "<Muscate_Metadata_Document/>")
        archive.writestr(f"{stem}/{stem}_SRE_B2.tif", random.Random(seed).randbytes(size))
    return packed.getvalue()


def add_heavy(peps: Sandbox, day: int = 1) -> Job:
    job = add(peps, day)
    job.results[0].content = heavy(l2a(day))
    return job


def open_in(place: Place, *jobs: Job) -> None:
    """Write a log in which these jobs were just submitted."""
    place.write_log(*opened(*jobs))


def fetched(job: Job) -> list[tuple[str, str]]:
    return [("downloaded", job.results[0].name), ("finished", "")]


def ranges(peps: Sandbox) -> list[str]:
    """Return the Range of each request for a result, empty if it asked for the whole."""
    return [asked.headers.get("range", "") for asked in peps.asked(Endpoint.RESULT) if asked.method == "GET"]


def parts(folder: Path) -> list[str]:
    """Return what is left of downloads that are not done."""
    return sorted(path.name for path in folder.iterdir() if ".part" in path.name)


@contextmanager
def under_way(place: Place, peps: Sandbox, job: Job, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the downloader, and go on when much of the job's zip is there; the rest of it does not come."""
    peps.faults.add(Fault(Endpoint.RESULT, Stall(60, after=600_000), match=job.wps_id))
    part = place.folder / f"{job.results[0].name}.part"
    with place.start("downloader", *arguments, PEPS_TIMEOUT="60") as process:
        try:
            until(lambda: process.poll() is not None or (part.exists() and part.stat().st_size >= 500_000))
            yield process
        finally:
            process.kill()


def broken_off(place: Place, peps: Sandbox, job: Job) -> int:
    """Have a download break off as when the machine crashes, and return how many bytes of it are there."""
    with under_way(place, peps, job):
        pass
    assert not place.zips()
    peps.requests.clear()
    return (place.folder / f"{job.results[0].name}.part").stat().st_size


# -- a whole file, and nothing less ------------------------------------------------------------------------------


def test_a_progress_bar_is_for_terminals_only(place: Place, peps: Sandbox) -> None:
    open_in(place, add_heavy(peps))
    run = place.download("-v")
    assert (run.status, place.zips()) == (0, [l2a(1)])
    assert "B/s" not in run.err
    assert "\r" not in run.err + run.out

    for day, option, is_shown in ((2, "-v", True), (3, "-q", False)):
        open_in(place, add_heavy(peps, day))
        status, screen = on_a_terminal(place, option)
        assert status == 0
        assert f"downloaded {l2a(day)}" in screen
        assert ("B/s" in screen) == is_shown
    assert len(place.zips()) == 3


def on_a_terminal(place: Place, *arguments: str) -> tuple[int, str]:
    """Run the downloader on a terminal of 120 columns, and return its status and what came to the screen."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 120, 0, 0))
    screen = b""
    with subprocess.Popen(
        [sys.executable, ROOT / "peps_maja_downloader.py", *arguments],
        cwd=place.folder,
        env=place.environment | {"TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        with suppress(OSError):  # EIO: the other end is closed
            while received := os.read(ours, 4096):
                screen += received
    os.close(ours)
    return process.returncode, screen.decode()


def test_what_is_there_and_whole_is_not_fetched_again(place: Place, peps: Sandbox) -> None:
    whole, cut, foreign, nothing, empty = (add(peps, day) for day in (1, 2, 3, 4, 5))
    for job, content in (
        (whole, whole.results[0].content),
        (cut, cut.results[0].content[:-1000]),
        (foreign, make_zip(l2a(9))),
        (nothing, b""),
        (empty, EMPTY_ZIP),
    ):
        (place.folder / job.results[0].name).write_bytes(content)
    open_in(place, *peps.jobs)

    run = place.download()

    assert (run.status, run.err) == (0, "")
    # What is a complete zip is never replaced; what is none, is.
    own = {job: job.results[0].name.replace(".zip", f".{job.wps_id[:8]}.zip") for job in (foreign, empty)}
    files = {job.product: own.get(job, job.results[0].name) for job in peps.jobs}
    assert place.written() == {name: [("downloaded", file), ("finished", "")] for name, file in files.items()}
    assert [asked.method for asked in peps.asked(Endpoint.RESULT)].count("GET") == 5
    assert ranges(peps).count("bytes=0-0") == 1
    for job in peps.jobs:
        assert (place.folder / files[job.product]).read_bytes() == job.results[0].content


@pytest.mark.parametrize("has_length", [True, False])
def test_what_another_log_has_fetched_already_counts(place: Place, peps: Sandbox, *, has_length: bool) -> None:
    job = add(peps)
    peps.faults.lengths = has_length
    for _ in range(2):
        open_in(place, job)
        assert place.download().status == 0
        assert place.written() == {job.product: fetched(job)}
    assert [asked for asked in ranges(peps) if asked != "bytes=0-0"] == [""]
    assert place.zips() == [l2a(1)]


def test_a_zip_that_is_taken_away_as_it_appears_is_downloaded_all_the_same(place: Place, peps: Sandbox) -> None:
    for day in range(1, 11):
        add(peps, day)
    open_in(place, *peps.jobs)
    paths = [place.folder / job.results[0].name for job in peps.jobs]
    with place.start("downloader") as process:
        while process.poll() is None:
            for path in paths:
                path.unlink(missing_ok=True)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert place.written() == {job.product: fetched(job) for job in peps.jobs}


# -- what is no whole zip of the job -----------------------------------------------------------------------------


def test_what_is_no_sound_zip_is_missing_and_never_saved(place: Place, peps: Sandbox) -> None:
    jobs = {label: add(peps, day) for day, label in enumerate(FAULTY, 1)}
    for label, job in jobs.items():
        answer, _ = FAULTY[label]
        peps.faults.add(Fault(Endpoint.RESULT, answer(job.results[0].content), times=None, match=job.wps_id))
    open_in(place, *peps.jobs, add(peps, 30))  # a sound one: so it is not the service's trouble

    run = place.download("-q", "-j", "16")

    assert (run.status, run.err) == (1, "")
    found = {label: [event for event, _ in place.written()[job.product]] for label, job in jobs.items()}
    assert found == {label: ["missing"] for label in FAULTY}
    for _, name, detail in place.events("missing"):
        [job] = (job for job in peps.jobs if job.product == name)
        assert detail.startswith(f"{job.results[0].name} broken ")
        assert run.out.count(name) == 1
    assert place.zips() == [l2a(30)]

    # What came whole, and broken, is left alone for a day; what was no zip at all is asked for in every run.
    peps.requests.clear()
    log = place.log.read_bytes()
    again = place.download("-q", "-j", "16")
    assert (again.status, again.out, again.err) == (1, "", "")
    assert place.log.read_bytes() == log
    asked = {asked.path.split("/")[-2] for asked in peps.asked(Endpoint.RESULT)}
    expected = {label: is_asked for label, (_, is_asked) in FAULTY.items() if is_asked is not None}
    assert {label: jobs[label].wps_id in asked for label in expected} == expected

    peps.faults.clear()
    assert place.download("-q").status == 1  # some are still put off
    assert {label: place.written()[jobs[label].product][1:] == fetched(jobs[label]) for label in expected} == expected


def test_a_result_that_the_server_does_not_have_is_absent(place: Place, peps: Sandbox) -> None:
    for day, answer in enumerate(ABSENT.values(), 1):
        peps.faults.add(Fault(Endpoint.RESULT, answer, times=None, match=add(peps, day).wps_id))
    open_in(place, *peps.jobs)

    run = place.download()

    assert (run.status, run.err) == (1, "")
    kinds = {name: detail.split(" ")[:2] for _, name, detail in place.events("missing")}
    assert kinds == {job.product: [job.results[0].name, "absent"] for job in peps.jobs}
    assert parts(place.folder) == []

    requests = len(peps.asked(Endpoint.RESULT))
    assert place.download("-q") == Run(1, "", "")  # it is told once, and asked for in every run
    assert len(place.events("missing")) == len(ABSENT)
    assert len(peps.asked(Endpoint.RESULT)) == 2 * requests


def test_trouble_of_the_server_makes_no_result_missing(place: Place, peps: Sandbox) -> None:
    for day, answer in enumerate(NOT_NOW.values(), 1):
        peps.faults.add(Fault(Endpoint.RESULT, answer, times=None, match=add(peps, day).wps_id))
    open_in(place, *peps.jobs)

    run = place.download("-q", "-j", "8")

    assert (run.status, run.out, run.err) == (75, "", "")
    assert place.written() == {job.product: [] for job in peps.jobs}
    assert parts(place.folder) == []


def test_a_password_refused_for_a_result_ends_the_run(place: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(Endpoint.RESULT, UNAUTHORIZED_JSON, times=None))
    open_in(place, *(add(peps, day) for day in range(1, 5)))

    run = place.download("-q")

    assert (run.status, run.out) == (2, "")
    assert len(run.err.splitlines()) == 1
    assert place.written() == {job.product: [] for job in peps.jobs}
    assert parts(place.folder) == []


def test_names_of_results_are_reduced_to_a_bare_file_name(place: Place, peps: Sandbox) -> None:
    for day, address in enumerate(ADDRESSES, 1):
        job = add(peps, day)
        tail = address.format(l2a(day).removesuffix(".zip"))
        job.results[0].url = f"{peps.url}/cgi-bin/mapcache_results/maja/{job.wps_id}/{tail}?for={job.wps_id}"
        peps.faults.add(Fault(None, Canned(200, job.results[0].content, ZIP), times=None, match=f"for={job.wps_id}"))
    open_in(place, *peps.jobs)
    before = contents(place.folder.parent).keys()

    run = place.download()

    assert (run.status, run.err) == (0, "")
    files = {job: file for _, job, file in place.events("downloaded")}
    added = contents(place.folder.parent).keys() - before
    assert added - {"work/peps_maja.log.downloader.lock"} == {f"work/{file}" for file in files.values()}
    for job, is_plain in zip(peps.jobs, ADDRESSES.values(), strict=True):
        name = files[job.product]
        assert (place.folder / name).read_bytes() == job.results[0].content
        assert not [sign for sign in name if unicodedata.category(sign)[0] == "C" or sign in '/\\:*?"<>|']
        assert not is_plain or name == job.results[0].name
    assert all(line.count("\t") == 3 for line in place.log.read_text(encoding="utf-8").splitlines()[1:])


# -- downloads that broke off ------------------------------------------------------------------------------------


Change = Callable[[Sandbox, Job], None]


def becomes(size: int = HEAVY) -> Change:
    """Have the file replaced by another one of this size."""

    def change(_: Sandbox, job: Job) -> None:
        job.results[0].content = heavy(l2a(1), seed=2, size=size)

    return change


def no_heed_to_if_range(peps: Sandbox, job: Job) -> None:
    """The file is another one, and the server sends the rest of it all the same."""
    becomes()(peps, job)
    new = job.results[0].content

    def rest(reply: Reply) -> Reply:
        begin = int(peps.asked(Endpoint.RESULT)[-1].headers["range"].removeprefix("bytes=").rstrip("-"))
        span = {"Content-Range": f"bytes {begin}-{len(new) - 1}/{len(new)}"}
        return replace(reply, status=206, headers=reply.headers | span, body=new[begin:])

    peps.faults.add(Fault(Endpoint.RESULT, Altered(rest)))


def the_wrong_rest(peps: Sandbox, job: Job) -> None:
    whole = job.results[0].content

    def from_the_start(reply: Reply) -> Reply:
        span = {"Content-Range": f"bytes 0-{len(whole) - 1}/{len(whole)}"}
        return replace(reply, status=206, headers=reply.headers | span, body=whole)

    peps.faults.add(Fault(Endpoint.RESULT, Altered(from_the_start)))


# Whether the server gives validators, what happens between the runs, which requests of the second ask for the rest.
GO_ON: dict[str, tuple[bool, Change, list[bool]]] = {
    "the same file": (True, lambda *_: None, [True]),
    "the same file without validators": (False, lambda *_: None, [True]),
    "another ETag": (True, becomes(), [True]),
    "another length without validators": (False, becomes(HEAVY + 1000), [True, False]),
    "another file without validators": (False, becomes(), [True, False]),
    "a server without ranges": (True, lambda peps, _: setattr(peps.faults, "ranges", False), [True]),
    "a server that heeds no If-Range": (True, no_heed_to_if_range, [True, False]),
    "another range than asked for": (True, the_wrong_rest, [True, False]),
}


@pytest.mark.parametrize(("validators", "between", "rests"), GO_ON.values(), ids=GO_ON)
def test_a_download_goes_on_where_an_earlier_run_broke_off(
    place: Place, peps: Sandbox, between: Change, rests: list[bool], *, validators: bool
) -> None:
    job = add_heavy(peps)
    open_in(place, job)
    peps.faults.validators = validators
    kept = broken_off(place, peps, job)
    between(peps, job)

    run = place.download()

    assert (run.status, run.err) == (0, "")
    assert ranges(peps) == [f"bytes={kept}-" if is_rest else "" for is_rest in rests]
    assert (place.folder / l2a(1)).read_bytes() == job.results[0].content
    assert place.written() == {job.product: fetched(job)}
    assert parts(place.folder) == []


def test_a_continued_zip_that_is_broken_is_fetched_once_from_the_start(place: Place, peps: Sandbox) -> None:
    job = add_heavy(peps)
    open_in(place, job)
    peps.faults.validators = False
    kept = broken_off(place, peps, job)
    job.results[0].content = damaged(job.results[0].content)

    run = place.download()

    assert (run.status, run.err) == (1, "")
    assert ranges(peps) == [f"bytes={kept}-", ""]
    assert [event for event, _ in place.written()[job.product]] == ["missing"]
    assert (place.zips(), parts(place.folder)) == ([], [])


@pytest.mark.parametrize(
    ("part", "requests"),
    [
        pytest.param(lambda whole: whole, 1, id="all of it"),
        pytest.param(lambda whole: whole + b"more", 2, id="more than all of it"),
        pytest.param(lambda _: b"\0" * 1000, 2, id="rubbish"),
    ],
)
def test_a_part_of_which_nothing_is_known_does_no_harm(
    place: Place, peps: Sandbox, part: Callable[[bytes], bytes], requests: int
) -> None:
    job = add(peps)
    whole = job.results[0].content
    open_in(place, job)
    (place.folder / f"{l2a(1)}.part").write_bytes(part(whole))

    run = place.download()

    assert (run.status, run.err) == (0, "")
    assert (place.folder / l2a(1)).read_bytes() == whole
    assert parts(place.folder) == []
    assert len(ranges(peps)) == requests


def test_a_server_that_sends_the_first_bytes_whatever_range_was_asked_for(place: Place, peps: Sandbox) -> None:
    job = add_heavy(peps)
    open_in(place, job)
    whole = job.results[0].content

    def first_bytes(reply: Reply) -> Reply:
        return replace(reply, body=whole[: len(reply.body)]) if reply.status == 206 else reply

    peps.faults.add(
        Fault(Endpoint.RESULT, Cut(after=600_000)),
        Fault(Endpoint.RESULT, Altered(first_bytes)),
        Fault(Endpoint.RESULT, Cut(after=500_000)),
        Fault(Endpoint.RESULT, Altered(first_bytes), times=None),
    )

    run = place.download()

    assert (run.status, run.err) == (0, "")
    assert ranges(peps) == ["", "bytes=600000-", "", ""]
    assert (place.folder / l2a(1)).read_bytes() == whole
    assert place.written() == {job.product: fetched(job)}


def test_a_transfer_that_brings_next_to_nothing_is_broken_off_and_kept(place: Place, peps: Sandbox) -> None:
    slow, fine = add(peps, 1), add(peps, 2)
    open_in(place, slow, fine)
    drip = Altered(lambda reply: replace(reply, most=max(0, len(reply.body) - 500_000), pause=0.05))
    peps.faults.add(Fault(Endpoint.RESULT, drip, times=None, match=l2a(1)))
    run = place.download(PEPS_TIMEOUT="0.3")  # a hundredth of what it is else

    assert (run.status, "less than 1 kB a second" in run.err, len(run.err.splitlines())) == (75, True, 1)
    assert place.written() == {slow.product: [], fine.product: fetched(fine)}
    part = (place.folder / f"{l2a(1)}.part").read_bytes()
    assert part
    assert slow.results[0].content.startswith(part)


def test_a_connection_that_says_nothing_any_more_is_taken_up_again(place: Place, peps: Sandbox) -> None:
    job = add_heavy(peps)
    open_in(place, job)
    peps.faults.add(Fault(Endpoint.RESULT, Stall(30, after=600_000)))

    run = place.download(PEPS_TIMEOUT="1")

    assert (run.status, run.err) == (0, "")
    first, second = ranges(peps)
    assert first == ""
    assert second.startswith("bytes=")
    assert (place.folder / l2a(1)).read_bytes() == job.results[0].content


def test_what_came_before_each_cut_is_kept_to_the_last_byte(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    open_in(place, job)
    for length in (50_000, 30_000, 20_000):
        peps.faults.add(Fault(Endpoint.RESULT, Cut(after=length)))

    run = place.download()

    assert ranges(peps) == ["", "bytes=50000-", "bytes=80000-"]
    assert run.status == 75
    assert len(run.err.splitlines()) == 1
    assert place.written() == {job.product: []}
    assert (place.folder / f"{l2a(1)}.part").read_bytes() == job.results[0].content[:100_000]

    peps.requests.clear()
    assert place.download().status == 0
    assert ranges(peps) == ["bytes=100000-"]
    assert (place.folder / l2a(1)).read_bytes() == job.results[0].content


def test_a_signal_ends_a_download_at_once_and_what_came_is_kept_as_a_part(place: Place, peps: Sandbox) -> None:
    job = add_heavy(peps)
    open_in(place, job)
    with under_way(place, peps, job) as process:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)

    assert (process.returncode, len(err.splitlines()), "Traceback" in out + err) == (143, 1, False)
    assert (place.written(), place.zips()) == ({job.product: []}, [])
    kept = (place.folder / f"{l2a(1)}.part").read_bytes()
    assert job.results[0].content.startswith(kept)

    peps.requests.clear()
    assert place.download().status == 0
    assert ranges(peps) == [f"bytes={len(kept)}-"]
    assert (place.folder / l2a(1)).read_bytes() == job.results[0].content
    assert (place.written(), parts(place.folder)) == ({job.product: fetched(job)}, [])


def test_a_part_that_another_run_is_at_is_left_to_it(place: Place, peps: Sandbox) -> None:
    job = add_heavy(peps)
    open_in(place, job)
    other_log = place.folder / "other.log"
    other_log.write_bytes(place.log.read_bytes())
    with under_way(place, peps, job):
        peps.requests.clear()
        run = place.download("-l", "other.log")
        assert run.status == 75
        assert len(run.err.splitlines()) == 1
        assert l2a(1) in run.err
        assert ranges(peps) == []
        assert job.results[0].content.startswith((place.folder / f"{l2a(1)}.part").read_bytes())
        assert "missing" not in other_log.read_text()

    # A lock whose owner died holds nobody up.
    assert place.download("-l", "other.log").status == 0
    assert (place.folder / l2a(1)).read_bytes() == job.results[0].content


# -- no room -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_length", [True, False], ids=["foreseen", "unexpected"])
def test_a_full_disk_is_neither_missing_nor_an_end(place: Place, peps: Sandbox, *, has_length: bool) -> None:
    peps.faults.lengths = has_length
    for day in (1, 2):
        add(peps, day).results[0].content = heavy(l2a(day), size=1_500_000)
    failed, small = peps.add_job(l1c(3), status="FAILED", message="no memory"), add(peps, 4)
    small.results[0].content = heavy(l2a(4), size=10_000)
    open_in(place, *peps.jobs)

    with small_disk(place.folder / "disk", 1_000_000) as disk:
        run = place.download("-q", "-j", "1", "-w", disk)

        assert run.status == 1
        [line] = run.err.splitlines()
        assert "no room" in line
        came = {small.product: fetched(small)} if has_length else {}
        assert (
            place.written()
            == {job.product: [] for job in peps.jobs} | {failed.product: [("failed", "no memory")]} | came
        )
        lengths = [path.stat().st_size for path in disk.glob("*.part")]
        assert bool(lengths) == (not has_length)
        subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)  # noqa: S607
        peps.requests.clear()
        assert place.download("-w", disk).status == 0
        assert {f"bytes={length}-" for length in lengths} <= set(ranges(peps))
        for job in peps.jobs[:2]:
            assert (disk / job.results[0].name).read_bytes() == job.results[0].content


# -- what stands in the way ----------------------------------------------------------------------------------------


def test_a_name_that_the_locale_cannot_write_is_told(place: Place, peps: Sandbox) -> None:
    job = peps.add_job(l1c(1), results=("\u00e9t\u00e9.zip",))
    open_in(place, job)
    run = place.download("-q", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert run.status == 1
    [line] = run.err.splitlines()
    assert "locale" in line
    assert place.written() == {job.product: []}


def test_a_path_that_is_too_long_is_told(place: Place, peps: Sandbox) -> None:
    job = add(peps)
    open_in(place, job)
    length = 4090 - len(str(place.folder))
    folder = Path(*["d" * 249] * (length // 250), "d" * (length % 250))
    for up in reversed([folder, *folder.parents]):
        (place.folder / up).mkdir(exist_ok=True)
    run = place.download("-q", "-w", place.folder / folder)
    assert run.status == 1
    [line] = run.err.splitlines()
    assert "too long" in line
    assert place.written() == {job.product: []}


# -- other hosts -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files: an authority, and a certificate with its key for this machine."""
    folder = tmp_path_factory.mktemp("certificates")
    files = {name: str(folder / name) for name in ("authority", "certificate", "key")}
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    authority.cert_pem.write_to_path(files["authority"])
    issued.cert_chain_pems[0].write_to_path(files["certificate"])
    issued.private_key_pem.write_to_path(files["key"])
    return files


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_another_host_never_sees_the_password(place: Place, certificates: dict[str, str], scheme: str) -> None:
    pair = certificates["certificate"], certificates["key"]
    netrc = place.folder.parent / "home" / ".netrc"
    netrc.write_text(f"machine 127.0.0.1 login {EMAIL} password {PASSWORD}\n")
    netrc.chmod(0o600)
    with (
        Sandbox(accounts={EMAIL: PASSWORD}, certificate=pair if scheme == "https" else None) as peps,
        Sandbox(certificate=pair) as elsewhere,
    ):
        there, sent_there, moved, sent_home, refused = (add(peps, day) for day in range(1, 6))
        for job in (there, sent_there):
            canned = Canned(200, job.results[0].content, ZIP)
            elsewhere.faults.add(Fault(None, canned, times=None, match=job.results[0].name))
        elsewhere.faults.add(Fault(None, Canned(401), times=None, match=l2a(5)))
        for job in (there, refused):
            job.results[0].url = f"{elsewhere.url}/pool/{job.results[0].name}"
        for job, location in (
            (sent_there, f"{elsewhere.url}/pool/{l2a(2)}"),
            (moved, f"{moved.results[0].url}?moved"),
            (sent_home, sent_home.results[0].url.replace(peps.url, "http://peps.cnes.fr") + "?moved"),
        ):
            peps.faults.add(Fault(Endpoint.RESULT, Canned(302, b"", {"Location": location}), match=job.wps_id))
        open_in(place, *peps.jobs)

        run = place.download(PEPS_SERVER=peps.url, REQUESTS_CA_BUNDLE=certificates["authority"])

    assert (run.status, run.err) == (1, "")
    assert elsewhere.requests
    assert [asked for asked in elsewhere.requests if "authorization" in asked.headers] == []
    assert all("authorization" in asked.headers for asked in peps.requests)
    for job in (there, sent_there, moved, sent_home):
        assert place.written()[job.product] == fetched(job)
        assert (place.folder / job.results[0].name).read_bytes() == job.results[0].content
    # Another host's 401 says nothing about our account: the result is missing, and the run goes on.
    [(event, detail)] = place.written()[refused.product]
    assert (event, detail.split(" ")[:2]) == ("missing", [l2a(5), "absent"])
    assert PASSWORD not in run.out + place.log.read_text()
