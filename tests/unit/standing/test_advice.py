"""What to do about a job, by what has become of it and how often; what is pointed out once is told, then noted."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import STATUS_URL, ago, l1c

from peps_maja.console import Console
from peps_maja.joblog.events import Event, State
from peps_maja.joblog.jobs import Jobs
from peps_maja.joblog.lines import HEADER
from peps_maja.joblog.log import JobLog
from peps_maja.standing.advice import point_out_stalled, point_out_unsure, task_for

L1C = l1c(1)
SERIES = "31TCJ_2018-01-01_2018-12-31"
THEIA = "SENTINEL2A_20250630-105426-459_L2A_T31TCJ_C_V4-0"
BEGIN = {
    L1C: f"submitted\t{L1C}\t{STATUS_URL}",
    SERIES: f"submitted\t{SERIES}\t{STATUS_URL}",
    THEIA: f"available\t{THEIA}\thttps://x - -",
}
# Job, its events after the first with their details, trouble; what the advice says, and its first command.
CASES = {
    "unsure": (L1C, [], "unsure", "My processing", "--adopt NAME URL"),
    "rejected": (L1C, ["rejected no"], "rejected", "when that reason is gone", "--resubmit rejected --product NAME"),
    "failed": (L1C, ["failed x"], "failed", "may help", "--resubmit failed --product NAME"),
    "cancelled": (L1C, ["cancelled x"], "cancelled", "may help", "--resubmit cancelled --product NAME"),
    "a series failed": (SERIES, ["failed x"], "failed", "may help", "--resubmit failed"),
    "failed again": (L1C, ["failed x", "again", "failed y"], "failed", "will not help", "--drop NAME"),
    "failed after cancelled": (L1C, ["cancelled x", "again", "failed y"], "failed", "will not help", "--drop NAME"),
    "Theia's failed": (THEIA, ["failed x"], "failed", "portal of GEODES", "--theia only --product NAME"),
    "Theia's failed again": (THEIA, ["failed x", "again", "failed y"], "failed", "will not help", "--drop NAME"),
    "gone": (THEIA, ["missing z.zip absent gone (404)"], "missing", "newer version", "--drop NAME"),
    "on tape": (THEIA, ["missing z.zip absent on tape (410): restore it"], "missing", "restored", "--drop NAME"),
    "licence": (THEIA, ["missing z.zip absent its licence (423), at x"], "missing", "licence at", "--drop NAME"),
    "another host": (THEIA, ["missing z.zip absent not given (403)"], "missing", "another server", "--drop NAME"),
    "broken": (THEIA, ["missing z.zip broken cut"], "missing", "once in 24 hours", "--drop NAME"),
    "cut": (THEIA, ["missing z.zip broken no whole zip: cut"], "missing", "at each run", "--drop NAME"),
    "404 of PEPS": (L1C, ["missing z.zip absent not there (404)"], "missing", "at each run", "--drop NAME"),
    "without results": (L1C, ["missing - absent no results"], "missing", "24 hours", "--drop NAME"),
    "stalled": (L1C, ["stalled 24"], "stalled", "My processing", "--drop NAME"),
    "Theia's stalled": (THEIA, ["stalled 72"], "stalled", "--check", "--drop NAME"),
}


@pytest.mark.parametrize(("name", "events", "trouble", "says", "command"), CASES.values(), ids=CASES)
def test_advice(name: str, events: list[str], trouble: str, says: str, command: str) -> None:
    lines = [HEADER, f"2019-04-02T09:12:44Z\t{BEGIN[name]}"]
    for word, _, detail in (event.partition(" ") for event in events):
        line = BEGIN[name] if word == "again" else f"{word}\t{name}\t{detail}"
        lines.append(f"2019-04-02T09:12:45Z\t{line}")
    what, advice, options = task_for(Jobs.replay("\n".join([*lines, ""]))[name], trouble)
    assert (what, options[0]) == (trouble, command)
    assert says in advice


@pytest.mark.parametrize("is_dropped", [False, True])
def test_a_job_that_another_run_has_dropped_is_not_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_dropped: bool
) -> None:
    lines = (f"{ago(30)}\tsubmitted\t{l1c(1)}\t{STATUS_URL}", f"{ago(2)}\tsubmitting\t{l1c(6)}\t")
    log = JobLog(tmp_path / "log")
    log.path.write_text("\n".join(["# peps_maja job log 1", *lines, ""]))
    jobs = log.replay()
    if is_dropped:
        for name in jobs:
            JobLog(log.path).append(Event.CANCELLED, name, "dropped by the user")
    point_out_stalled(jobs.in_state(State.OPEN), log, Console("test"), 24)
    point_out_unsure(jobs.in_state(State.UNSURE), Console("test"), log)
    told = "".join(capsys.readouterr())
    assert [name in told for name in jobs] == [not is_dropped] * 2
    assert log.path.read_text().count("\tstalled\t") == (0 if is_dropped else 2)
