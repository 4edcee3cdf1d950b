"""Whole runs of peps_maja_downloader.py: how jobs are followed, and what is written down of them."""

from __future__ import annotations

import fcntl
import json
import signal
import threading
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import (
    BROKEN,
    NO_REPORT,
    Lines,
    Place,
    Run,
    add,
    ago,
    altered_report,
    contents,
    in_one_line,
    l1c,
    l2a,
    lines_of,
    opened,
    outcomes,
    waits,
)

from peps_maja.sandbox import (
    INTERNAL_ERROR,
    NOT_FOUND,
    UNAVAILABLE,
    Altered,
    Canned,
    Cut,
    Endpoint,
    Fault,
    Reply,
    Sandbox,
    make_zip,
)

# Under which addresses one status document was given out over the years.
STATUS_URLS = (
    "http://peps-vizo.cnes.fr:8081/wps/outputs/{file}",
    "https://peps-vizo.cnes.fr/wps/outputs/{file}",
    "http://peps.cnes.fr/resto/wps/outputs/{file}",
    "https://peps.cnes.fr/resto/wps/outputs/{file}",
)

ROGUE = "be\x1b]0;gin\x07 \x1b[2J\ttab\r\nline\x9b31m \u202eturned\u2028over"


def refreshed(peps: Sandbox) -> Counter[str]:
    """Return how often PROCESSING_STATUS was asked for, by WPS id."""
    return Counter(asked.query["datainputs"].removeprefix("wps_id=") for asked in peps.asked(Endpoint.REFRESH))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file as another run would."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


# -- three layers ------------------------------------------------------------------------------------------------


def test_success_of_the_wps_process_says_nothing_about_maja(place: Place, peps: Sandbox) -> None:
    job = add(peps, 1, "RUNNING")
    job.percent = 3
    place.write_log(*opened(job))

    run = place.download()

    assert (run.status, run.err) == (0, "")
    assert "running, 3 %" in lines_of(run.out, job)[0]
    assert place.events()[2:] == []
    # The report lies in a file that only PROCESSING_STATUS changes.
    assert [asked.endpoint for asked in peps.requests] == [Endpoint.STATUS, Endpoint.REFRESH, Endpoint.REPORT]

    job.status, job.percent = "FINISHED", 100
    assert place.download("-w", "made/if missing").status == 0
    assert place.events()[2:] == [("downloaded", job.product, l2a(1)), ("finished", job.product, "")]
    assert contents(place.folder / "made") == {f"if missing/{l2a(1)}": job.results[0].content}


def test_odd_fields_of_a_report_upset_nothing(place: Place, peps: Sandbox) -> None:
    fields: list[dict[str, object]] = [
        {"process": None, "message": None, "logs": None, "unprocessed": None},
        {"process": "n/a", "message": ["not", "a text"], "unprocessed": 2},
        {"process": 1e999, "message": 5},
        {"results": [None, 5, {}, "{address}"]},
        {"results": "{address}"},
    ]
    for day, odd in enumerate(fields, 1):
        job = add(peps, day)
        instead = json.loads(json.dumps(odd).replace("{address}", job.results[0].url))
        peps.faults.add(Fault(Endpoint.REPORT, altered_report(instead), match=job.wps_id))
    place.write_log(*opened(*peps.jobs))

    run = place.download()

    assert (run.status, run.err) == (0, "")
    assert outcomes(place) == {job.product: ["downloaded", "finished"] for job in peps.jobs}
    assert not peps.asked(Endpoint.JOBLOG)


# -- addresses and documents not available -------------------------------------------------------------------


def test_status_urls_on_inside_hosts_and_plain_http_are_asked_of_the_server(place: Place, peps: Sandbox) -> None:
    peps.faults.inside_hosts = peps.faults.plain_http = True  # the addresses of reports and results
    lines: Lines = []
    for day, address in enumerate(2 * STATUS_URLS, 1):
        peps.faults.status_names = "pywps-{uuid}.xml" if day <= len(STATUS_URLS) else "{uuid}.xml"
        job = add(peps, day)
        job.status_url = address.format(file=job.status_file)
        lines += opened(job)
    place.write_log(*lines)

    run = place.download()

    assert (run.status, run.err) == (0, "")
    assert outcomes(place) == {job.product: ["downloaded", "finished"] for job in peps.jobs}
    assert refreshed(peps) == {job.wps_id: 1 for job in peps.jobs}


def test_without_a_report_the_joblog_tells(place: Place, peps: Sandbox) -> None:
    for day, answer in enumerate(NO_REPORT.values(), 1):
        peps.faults.add(Fault(Endpoint.REPORT, answer, times=None, match=add(peps, day).wps_id))
    lost = add(peps, 20)
    nothing = add(peps, 21, "RUNNING")
    for job in (lost, nothing):
        peps.faults.add(Fault(Endpoint.STATUS, NOT_FOUND, times=None, match=job.wps_id))
        peps.faults.add(Fault(Endpoint.REPORT, NOT_FOUND, times=None, match=job.wps_id))
    place.write_log(*opened(*peps.jobs))

    run = place.download()

    assert (run.status, run.err) == (0, "")
    expected = {job.product: ["downloaded", "finished"] for job in peps.jobs}
    assert outcomes(place) == expected | {nothing.product: []}
    assert refreshed(peps) == {job.wps_id: 1 for job in peps.jobs}


# -- finished jobs without results, and results of a kind of their own --------------------------------------------


def test_a_finished_job_without_results_has_failed_after_a_day(place: Place, peps: Sandbox) -> None:
    early, late = add(peps, 1, results=()), add(peps, 2, results=())
    place.write_log(
        *opened(early, late, hours=26),
        (ago(23.5), "missing", early.product, "- absent no results"),
        (ago(24.5), "missing", late.product, "- absent no results"),
    )

    run = place.download("-q", "--stalled-after", "1000")

    assert (run.status, run.err) == (1, "")
    [(event, name, _)] = place.events()[6:]
    assert (event, name) == ("failed", late.product)
    assert len(lines_of(run.out, late)) == 1
    assert not lines_of(run.out, early)


def test_results_that_are_not_valid_are_noted_and_not_downloaded(place: Place, peps: Sandbox) -> None:
    names = f"NOVALD_{l2a(1)}", l2a(2).replace("_D.zip", "_NOVALD.zip")
    for day, name in enumerate(names, 1):
        add(peps, day, results=(name,))
    place.write_log(*opened(*peps.jobs))

    run = place.download("-q")

    assert (run.status, run.err) == (0, "")
    assert set(place.events("novald")) == {("novald", job.product, job.results[0].name) for job in peps.jobs}
    assert outcomes(place) == {job.product: ["novald", "finished"] for job in peps.jobs}
    assert not peps.asked(Endpoint.RESULT)
    for job in peps.jobs:
        assert job.results[0].name in "".join(lines_of(run.out, job))


def test_a_job_of_many_results_ends_when_the_last_is_dealt_with(place: Place, peps: Sandbox) -> None:
    series = "31TCJ_2019-03-01_2019-04-30"
    job = peps.add_job(series, results=(l2a(1), f"NOVALD_{l2a(11)}", l2a(21)))
    job.results[2].served = False
    place.write_log(*opened(job))

    run = place.download()
    assert (run.status, run.err) == (1, "")
    assert [event for event, *_ in place.events("finished", "failed")] == []
    assert {event: detail.split(" ")[0] for event, _, detail in place.events()[2:]} == {
        "downloaded": l2a(1),
        "novald": f"NOVALD_{l2a(11)}",
        "missing": l2a(21),
    }

    job.results[2].served = True
    peps.requests.clear()
    assert place.download().status == 0
    assert place.events()[5:] == [("downloaded", series, l2a(21)), ("finished", series, "")]
    assert [asked.path.rpartition("/")[2] for asked in peps.asked(Endpoint.RESULT)] == [l2a(21)]


def test_results_of_one_name_get_two_files(place: Place, peps: Sandbox) -> None:
    for number, last in enumerate(("120000", "130000", "140000")):
        job = peps.add_job(l1c(1, last=last), results=(l2a(1),))
        job.results[0].content = make_zip(l2a(1)) + bytes(number)
    later = peps.jobs[-1]
    later.status = "RUNNING"
    place.write_log(*opened(*peps.jobs))

    out = place.download("-q").out
    later.status = "FINISHED"
    assert place.download().status == 0

    files = {job: file for _, job, file in place.events("downloaded")}
    own = {job.product: l2a(1).replace(".zip", f".{job.wps_id[:8]}.zip") for job in peps.jobs}
    assert sorted(files.values()) == place.zips()
    assert [files[job.product] in {l2a(1), own[job.product]} for job in peps.jobs] == [True, True, True]
    assert (files[later.product], place.zips().count(l2a(1))) == (own[later.product], 1)
    for job in peps.jobs:
        assert (place.folder / files[job.product]).read_bytes() == job.results[0].content
    assert out.count(f"{l2a(1)} is taken") == 1


# -- what is tried again, and when -------------------------------------------------------------------------------

WEEK = 7 * 24
ABSENT = "absent the server answers 404"
# `missing` lines by their age in hours, what the server has by now; whether it is asked, what is written.
RETRIES: dict[str, tuple[dict[float, str], str, bool, list[str]]] = {
    "absent, and still": ({1: ABSENT}, "absent", True, []),
    "absent, and there now": ({1: ABSENT}, "whole", True, ["downloaded", "finished"]),
    "absent, and broken now": ({1: ABSENT}, "broken", True, ["missing"]),
    "broken an hour ago": ({1: BROKEN}, "whole", False, []),
    "broken again an hour ago": ({26: BROKEN, 1: BROKEN}, "whole", False, []),
    "broken a day ago, whole now": ({25: BROKEN}, "whole", True, ["downloaded", "finished"]),
    "broken a day ago, and still": ({25: BROKEN}, "broken", True, ["missing"]),
    "absent for almost a week": ({WEEK - 1: ABSENT}, "absent", True, []),
    "absent for a week": ({WEEK + 1: ABSENT}, "absent", True, ["failed"]),
    "absent for a week, there now": ({WEEK + 1: ABSENT}, "whole", True, ["downloaded", "finished"]),
    "broken for a week": ({WEEK + 1: BROKEN, 25: BROKEN}, "broken", True, ["missing", "failed"]),
}


def test_missing_results_are_tried_again_in_their_time(place: Place, peps: Sandbox) -> None:
    lines: Lines = []
    for day, (tries, now, *_) in enumerate(RETRIES.values(), 1):
        job = add(peps, day)
        job.results[0].served = now != "absent"
        if now == "broken":
            job.results[0].content = job.results[0].content[:100] + bytes(100) + job.results[0].content[200:]
        lines += opened(job, hours=WEEK + 2)
        lines += [(ago(hours), "missing", job.product, f"{l2a(day)} {why}") for hours, why in tries.items()]
    place.write_log(*lines)
    asked_before = len(place.events())

    run = place.download("-q", "--stalled-after", "1000")

    assert (run.status, run.err) == (1, "")
    asked = {asked.path for asked in peps.asked(Endpoint.RESULT)}
    written: dict[str, list[str]] = {job.product: [] for job in peps.jobs}
    for event, name, _ in place.events()[asked_before:]:
        written[name].append(event)
    found = {
        label: (any(job.wps_id in path for path in asked), written[job.product])
        for label, job in zip(RETRIES, peps.jobs, strict=True)
    }
    assert found == {label: (is_asked, events) for label, (_, _, is_asked, events) in RETRIES.items()}
    for job, (*_, events) in zip(peps.jobs, RETRIES.values(), strict=True):
        # What is missing as before was told by an earlier run, a new `missing` line notwithstanding.
        assert bool(lines_of(run.out, job)) == bool({"downloaded", "failed"} & set(events)), events


# -- one log, one run --------------------------------------------------------------------------------------------


def test_nothing_is_asked_about_jobs_that_are_done_with(place: Place, peps: Sandbox) -> None:
    done = [add(peps, day, "RUNNING") for day in range(1, 5)]
    ends = ("finished", "failed", "cancelled", "rejected")
    place.write_log(*opened(*done), *((ago(), end, job.product, "") for end, job in zip(ends, done, strict=True)))
    before = place.log.read_bytes()

    run = place.download("-q")

    assert (run.status, run.out, run.err) == (0, "", "")
    assert peps.requests == []
    assert place.log.read_bytes() == before


def test_a_run_that_was_cut_off_before_its_last_line_is_made_up_for(place: Place, peps: Sandbox) -> None:
    job = add(peps, 1)
    place.write_log(*opened(job), (ago(), "downloaded", job.product, l2a(1)))

    run = place.download()

    assert (run.status, run.err) == (0, "")
    assert place.events()[3:] == [("finished", job.product, "")]
    assert not peps.asked(Endpoint.RESULT)


def test_unsure_jobs_are_pointed_out_and_never_asked_for(place: Place, peps: Sandbox) -> None:
    job = add(peps, 2)
    place.write_log(
        (ago(1), "submitting", l1c(1), ""),
        (ago(1), "submitting", l1c(2), ""),
        (ago(1), "submitted", l1c(2), job.status_url[:-6]),
    )

    run = place.download()
    assert run.status == 1
    assert [l1c(1) in line or l1c(2) in line for line in run.err.splitlines()] == [True, True]
    assert "--resubmit unsure" in run.err
    assert place.events()[3:] == [("stalled", l1c(1), "1"), ("stalled", l1c(2), "1")]

    quiet = place.download("-q")
    assert (quiet.status, quiet.out, quiet.err) == (1, "", "")
    assert peps.requests == []


def test_a_server_out_of_reach_is_for_the_next_run(hasty: Place, peps: Sandbox, nobody_there: str) -> None:
    hasty.write_log(*opened(*(add(peps, day) for day in range(1, 4))))
    before = hasty.log.read_bytes()
    assert hasty.download("-q", "--server", nobody_there) == Run(75, "", "")
    for options in ((), ("--status",)):
        in_one_line(hasty.download("--server", nobody_there, *options), 75, nobody_there)
    assert hasty.log.read_bytes() == before


def test_jobs_that_stay_open_for_too_long_are_pointed_out_once(place: Place, peps: Sandbox, nobody_there: str) -> None:
    fresh, old, done = add(peps, 1, "RUNNING"), add(peps, 2, "RUNNING"), add(peps, 3)
    place.write_log(*opened(fresh, hours=2), *opened(old, done, hours=3.2))

    run = place.download("-q", "--stalled-after", "3")
    assert (run.status, run.err) == (0, "")
    assert place.events("stalled") == [("stalled", old.product, "3")]
    assert outcomes(place)[done.product] == ["downloaded", "finished"]
    assert len(lines_of(run.out, old)) == 1
    assert not lines_of(run.out, fresh)
    again = place.download("-q", "--stalled-after", "3")
    assert (again.status, again.out, len(place.events("stalled"))) == (0, "", 1)

    place.write_log(*opened(old, hours=23.9), *opened(fresh, hours=24.1))
    away = place.download("-q", "--server", nobody_there)
    assert (away.status, away.err) == (75, "")
    assert place.events("stalled") == [("stalled", fresh.product, "24")]
    assert len(lines_of(away.out, fresh)) == 1


@pytest.mark.slow
def test_trouble_with_some_jobs_never_stops_the_others(hasty: Place, peps: Sandbox, nobody_there: str) -> None:
    answers = (INTERNAL_ERROR, Cut(), UNAVAILABLE)
    for endpoint in (Endpoint.STATUS, Endpoint.REPORT, Endpoint.RESULT):
        for answer in answers:
            job = add(peps, len(peps.jobs) + 1)
            peps.faults.add(Fault(endpoint, answer, times=None, match=job.wps_id))
    elsewhere = add(peps, 20)
    elsewhere.results[0].url = f"{nobody_there.replace('http:', 'https:')}/{l2a(20)}"
    fine = [add(peps, 21), add(peps, 22, "FAILED")]
    hasty.write_log(*opened(*peps.jobs))

    run = hasty.download("-j", "8")

    assert run.status == 1
    done = [peps.jobs[0], peps.jobs[3], fine[0]]  # the report, or the joblog, tells as well
    expected: dict[str, list[str]] = {job.product: [] for job in peps.jobs} | {fine[1].product: ["failed"]}
    assert outcomes(hasty) == expected | {job.product: ["downloaded", "finished"] for job in done}
    assert all(count == 1 for count in refreshed(peps).values())
    assert "Traceback" not in run.err
    assert "unexpected" not in run.err

    # A refresh that fails leaves the report as it was: the job is followed, and not asked for twice.
    peps.faults.clear()
    peps.requests.clear()
    peps.faults.add(Fault(Endpoint.REFRESH, INTERNAL_ERROR, times=None))
    add(peps, 23)
    hasty.write_log(*opened(peps.jobs[-1]))
    assert hasty.download().status == 0
    assert refreshed(peps) == {peps.jobs[-1].wps_id: 1}


@pytest.mark.slow
def test_a_second_run_leaves_at_once(place: Place, peps: Sandbox) -> None:
    place.write_log(*opened(add(peps, 1)))
    with locked(place.folder / "peps_maja.log.downloader.lock"):
        quiet = place.download("-q")
        run = place.download()
    assert (quiet.status, quiet.out, quiet.err) == (75, "", "")
    assert (run.status, run.out) == (75, "")
    assert len(run.err.splitlines()) == 1
    assert "peps_maja.log.downloader.lock" in run.err
    assert peps.requests == []

    with locked(place.folder / "peps_maja.log.process.lock"):  # submitting goes on beside downloading
        assert place.download().status == 0
    assert place.zips() == [l2a(1)]


def test_what_is_no_log_is_said_so_and_an_empty_one_has_no_jobs(place: Place, peps: Sandbox) -> None:
    in_one_line(place.download("-q"), 2, "there is no log peps_maja.log")
    place.log.write_bytes(b"\x00\xff\x1f\x8b\x08" * 50)
    in_one_line(place.download("-q"), 2, "peps_maja.log is not a job log")
    place.log.write_bytes(b"")
    assert place.download("-q") == Run(0, "", "")
    assert place.download("--json") == Run(0, "[]\n", "")
    assert peps.requests == []


# -- options -----------------------------------------------------------------------------------------------------


def test_quiet_tells_only_what_was_written_to_the_log(place: Place, peps: Sandbox) -> None:
    running, good, cloudy, gone, failed = (
        add(peps, 1, "RUNNING"),
        add(peps, 2),
        add(peps, 3, results=(f"NOVALD_{l2a(3)}",)),
        add(peps, 4),
        add(peps, 5, "FAILED"),
    )
    gone.results[0].served, failed.message = False, "no memory"
    place.write_log(*opened(*peps.jobs))

    run = place.download("-q")

    assert (run.status, run.err) == (1, "")
    assert not lines_of(run.out, running)
    told = {job.product: " ".join(lines_of(run.out, job)) for job in (good, cloudy, gone, failed)}
    assert l2a(2) in told[good.product]
    assert f"NOVALD_{l2a(3)}" in told[cloudy.product]
    assert l2a(4) in told[gone.product]
    assert "no memory" in told[failed.product]
    assert all(any(job in line for job in told) for line in run.out.splitlines())
    again = place.download("-q")
    assert (again.status, again.out, again.err) == (1, "", "")


def test_status_and_json_show_and_touch_nothing(place: Place, peps: Sandbox) -> None:
    running, _, done, failed, over = (
        add(peps, 1, "RUNNING"),
        add(peps, 2, "HIBERNATING"),
        add(peps, 3, results=(l2a(3), f"NOVALD_{l2a(4)}")),
        add(peps, 5, "FAILED"),
        add(peps, 6),
    )
    running.percent, failed.message = 42, "no memory"
    over_file = l2a(6).replace(".zip", f".{over.wps_id[:8]}.zip")
    place.write_log(
        *opened(*peps.jobs, hours=1),
        (ago(), "downloaded", over.product, over_file),
        (ago(), "finished", over.product, ""),
        (ago(), "submitting", l1c(7), ""),
    )
    submitted_at = place.log.read_text().splitlines()[2].split("\t")[0]
    with locked(place.folder / "peps_maja.log.downloader.lock"):
        before = contents(place.folder)
        shown = place.download("--status", "-w", "made/if/missing")
        listed = place.download("--json", "-q")
        assert contents(place.folder) == before
    assert not (place.folder / "made").exists()
    assert not peps.asked(Endpoint.RESULT)

    assert shown.status == listed.status == 1  # a job failed, and one is unsure
    shown_lines = dict(line.split(": ", 1) for line in shown.out.splitlines())
    assert list(shown_lines) == [job.product for job in peps.jobs] + [l1c(7)]
    expected = ("running, 42 %", "HIBERNATING", "finished", "failed: no memory", "finished", "unsure")
    for words, line in zip(expected, shown_lines.values(), strict=True):
        assert line.startswith(words)

    jobs = {job["job"]: job for job in json.loads(listed.out)}
    assert list(jobs) == list(shown_lines)
    keys = {"job", "source", "state", "percent", "message", "submitted_at", "status_url", "results"}
    assert all(job.keys() == keys for job in jobs.values())
    assert [job["state"] for job in jobs.values()] == [
        "running",
        "HIBERNATING",
        "finished",
        "failed",
        "finished",
        "unsure",
    ]
    first = jobs[running.product]
    assert (first["percent"], first["submitted_at"], first["status_url"], first["results"]) == (
        42,
        submitted_at,
        running.status_url,
        [],
    )
    assert jobs[failed.product]["message"] == "no memory"
    assert [(result["name"], result["file"]) for result in jobs[done.product]["results"]] == [
        (l2a(3), None),
        (f"NOVALD_{l2a(4)}", None),
    ]
    assert jobs[over.product]["results"] == [{"name": l2a(6), "state": "downloaded", "file": over_file}]


@pytest.mark.slow
def test_wait_stays_until_no_job_is_open_and_asks_seldom_enough(hasty: Place, peps: Sandbox) -> None:
    early, late, held_up, new = add(peps, 1), add(peps, 2, "RUNNING"), add(peps, 3), add(peps, 4)

    def finish(reply: Reply) -> Reply:
        """Finish a job after its first poll; the user submits another one meanwhile."""
        late.status = "FINISHED"
        with hasty.log.open("a", encoding="utf-8") as log:
            log.writelines("\t".join(line) + "\n" for line in opened(new))
        return reply

    peps.faults.add(
        Fault(Endpoint.REPORT, Altered(finish), match=late.wps_id),
        Fault(Endpoint.STATUS, UNAVAILABLE, match=held_up.wps_id),
    )
    hasty.write_log(*opened(early, late, held_up))

    run = hasty.download("--wait", "--every", "0.001")

    assert run.status == 0  # the second round has made good what the first could not do
    assert outcomes(hasty) == {job.product: ["downloaded", "finished"] for job in peps.jobs}
    assert refreshed(peps) == {early.wps_id: 1, late.wps_id: 2, held_up.wps_id: 1, new.wps_id: 1}
    assert [seconds for seconds in waits(hasty) if seconds >= 10] == [10]


@pytest.mark.slow
def test_a_signal_ends_a_wait_at_once(place: Place, peps: Sandbox) -> None:
    place.write_log(*opened(add(peps, 1, "RUNNING")))
    with place.start("downloader", "--wait") as process:
        try:
            while not peps.asked(Endpoint.REPORT) and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 143
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("folder", ["peps.txt", "peps.txt/below"])
def test_a_folder_that_cannot_be_is_said_so(place: Place, peps: Sandbox, folder: str) -> None:
    place.write_log(*opened(add(peps, 1)))
    run = place.download("-q", "-w", folder)
    assert (run.status, run.out) == (2, "")
    assert len(run.err.splitlines()) == 1
    assert folder in run.err
    assert peps.requests == []


@pytest.mark.slow
@pytest.mark.parametrize("downloads", [1, 3])
def test_so_many_downloads_at_once_and_no_more(place: Place, peps: Sandbox, downloads: int) -> None:
    for day in range(1, 7):
        add(peps, day)
    place.write_log(*opened(*peps.jobs))
    together = threading.Barrier(downloads)
    guard, under_way, most = threading.Lock(), 0, 0

    def meet(reply: Reply) -> Reply:
        """Answer when as many as are wanted are here; stay a little, so that one too many would be seen."""
        nonlocal under_way, most
        with guard:
            under_way += 1
            most = max(most, under_way)
        together.wait(timeout=30)
        time.sleep(0.05)
        with guard:
            under_way -= 1
        return reply

    peps.faults.add(Fault(Endpoint.RESULT, Altered(meet), times=None))

    run = place.download("-j", str(downloads), PEPS_TIMEOUT="30")

    assert (run.status, run.err) == (0, "")
    assert most == downloads
    assert len(place.zips()) == 6


# -- what servers may say ----------------------------------------------------------------------------------------


def test_nothing_that_a_server_says_moves_a_cursor_or_forges_a_line(place: Place, peps: Sandbox) -> None:
    statuses = ("RUNNING", "FAILED", "CANCELED", f"ODD{ROGUE}")
    for day, status in enumerate(statuses, 1):
        add(peps, day, status).message = ROGUE
    launch = add(peps, 10)
    peps.faults.add(Fault(Endpoint.REPORT, NOT_FOUND, times=None, match=launch.wps_id))
    launch.wps_state, launch.message = "ProcessFailed", "be\x9b31m \u202eturned\u2028over\tand\nout"
    page = add(peps, 11)
    peps.faults.add(
        Fault(
            Endpoint.RESULT,
            Canned(200, json.dumps({"ErrorCode": 404, "ErrorMessage": ROGUE})),
            times=None,
            match=page.wps_id,
        )
    )
    place.write_log(*opened(*peps.jobs))

    shown = place.download("--status")
    run = place.download("-v")

    log = place.log.read_text(encoding="utf-8")
    for text, allowed in ((shown.out, "\n"), (run.out, "\n"), (run.err, "\n"), (log, "\n\t")):
        controls = {sign for sign in text if unicodedata.category(sign)[0] == "C" or sign in "\u2028\u2029"}
        assert controls <= set(allowed)
    assert all(line.count("\t") == 3 for line in log.split("\n")[1:-1])
    assert outcomes(place) == {
        l1c(1): [],
        l1c(2): ["failed"],
        l1c(3): ["cancelled"],
        l1c(4): [],
        l1c(10): ["failed"],
        l1c(11): ["missing"],
    }
