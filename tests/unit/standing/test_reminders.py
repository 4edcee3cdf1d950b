"""What is pointed out once: told if the log still has the job as it was, then noted."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import ago, l1c

from peps_maja.console import Console
from peps_maja.joblog.events import Event, State
from peps_maja.joblog.log import JobLog
from peps_maja.standing.advice import point_out_stalled, point_out_unsure

URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"


@pytest.mark.parametrize("is_dropped", [False, True])
def test_a_job_that_another_run_has_dropped_is_not_pointed_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, is_dropped: bool
) -> None:
    lines = (f"{ago(30)}\tsubmitted\t{l1c(1)}\t{URL}", f"{ago(2)}\tsubmitting\t{l1c(6)}\t")
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
