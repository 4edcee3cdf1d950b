"""Lines of a log that are odd: damaged, edited, of another version."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from samples.logs import (
    HEADER,
    JOB,
    OTHER,
    STATUS_URL,
    SUBMITTED,
    ZIP,
    at,
    lines,
    replayed,
    snapshot,
    written,
)

from peps_maja.joblog.events import Event, State

NOISE = {
    "comments": f"# {at(0)}\tsubmitting\t{OTHER}\t\n#{at(0)}\tsubmitting\t{OTHER}\t\n",
    "empty lines": "\n\n \n\t\n",
    "too few columns": f"{at(0)}\n{at(0)}\tsubmitting\n",
    "a job of Theia": f"{at(0)} available {ZIP[:-4]}\n{at(0)}\tblessed\t{ZIP[:-4]}\tof {OTHER}\n",
    "no job": f"{at(0)}\tsubmitting\t\t\n\t\t\t\n",
    "nul bytes": "\x00" * 512 + "\n",
}


@pytest.mark.parametrize("noise", NOISE.values(), ids=NOISE)
def test_a_line_that_is_not_an_event_is_skipped(noise: str) -> None:
    whole = lines(*SUBMITTED, ("downloaded", ZIP))
    for text in (noise + whole, whole + noise, noise.join(whole.splitlines(keepends=True))):
        assert snapshot(replayed(text)) == snapshot(replayed(whole))


DAMAGES: dict[str, Callable[[str], str]] = {
    "spaces for tabs": lambda line: line.expandtabs(),
    "no-break spaces": lambda line: line.replace("\t", "\u00a0"),
    "nothing for tabs": lambda line: line.replace("\t", ""),
    "quoted cells": lambda line: "\t".join(f'"{cell}"' for cell in line.split("\t")),
    "comma-separated": lambda line: line.replace("\t", ","),
    "semicolons": lambda line: line.replace("\t", ";"),
    "a column too many": lambda line: f"{line}\t",
    "a column too few": lambda line: line.rpartition("\t")[0],
    "a list of names": lambda line: line.split("\t")[2],
    "a list of files": lambda line: f"  {line.split(chr(9))[2]}.SAFE,",
    "unknown event": lambda line: line.replace("submitt", "bless"),
    "upper case": lambda line: line.replace("submitt", "SUBMITT"),
    "no event": lambda line: line.replace("submitting", "").replace("submitted", ""),
    "indented": lambda line: f"\t{line}",
}


@pytest.mark.parametrize("name", [JOB, "31TCJ_2018-01-01_2018-12-31_R051"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_job_known_only_from_damaged_lines_is_unsure(damage: Callable[[str], str], name: str) -> None:
    damaged = "".join(f"{damage(line)}\n" for line in lines(*SUBMITTED, job=name).splitlines())
    jobs = replayed(damaged)
    assert {job.name: job.state for job in jobs.values()} == {name: State.UNSURE}
    assert list(jobs.damaged) == [2, 3]
    assert replayed(damaged[:-1]).keys() == {name}, "the last line lacks its end"
    whole = lines(*SUBMITTED, ("finished", ""), job=name)
    for text in (damaged + whole, whole + damaged):
        assert [job.state for job in replayed(text).values()] == [State.FINISHED]
    for event, detail, standing in [
        ("cancelled", "dropped by the user", "dropped"),
        ("submitted", STATUS_URL, "open"),
        ("submitting", "", "unsure"),
    ]:
        assert replayed(damaged + lines((event, detail), job=name))[name].standing == standing


def test_a_suffix_behind_the_name_of_an_event_is_taken_off() -> None:
    jobs = replayed(lines(*SUBMITTED, ("finished", "")).replace(JOB, f"{JOB}.SAFE"))
    assert {job.name: job.state for job in jobs.values()} == {JOB: State.FINISHED}
    assert list(jobs.damaged) == []


def test_a_job_of_theia_keeps_its_name_and_counts_only_with_its_offer() -> None:
    name = ZIP.removesuffix(".zip")
    events = ("downloaded", ZIP), ("finished", "")
    assert list(replayed(lines(("available", "https://geodes-portal.cnes.fr/x - -"), *events, job=name))) == [name]
    assert list(replayed(lines(("available", "https://geodes-portal.cnes.fr/x -"), *events, job=name))) == []


@pytest.mark.parametrize("name", [JOB.replace("0301T10", "1301T10"), "31TCJ_2018-13-01_2018-12-31"])
def test_what_only_looks_like_a_name_keeps_nothing(name: str) -> None:
    assert list(replayed(f"{name} {OTHER}\n")) == [OTHER]
    assert list(replayed(f"{name}\n")) == []


def test_damaged_lines_are_counted_where_they_stand() -> None:
    torn = f"{at(0)}\tsubmitting\t{OTHER[:-9]}\n# the line above was torn by a crash: passed over\n"
    text = f"{lines(*SUBMITTED)}{torn}# by hand: {OTHER}\n\n \n\x00\n{JOB}\nhello\n"
    assert list(replayed(text).damaged) == [10, 11]


def test_a_last_line_that_lacks_only_its_end_counts(tmp_path: Path) -> None:
    log = written(tmp_path, f"{HEADER}\n{lines(*SUBMITTED)[:-1]}")
    assert log.replay()[JOB].state is State.OPEN
    log.append(Event.FINISHED, JOB)
    assert [line[:1] for line in log.path.read_text().splitlines()] == ["#", "2", "2", "2"], "nothing is marked as torn"
    assert log.replay()[JOB].status_url == STATUS_URL


@pytest.mark.parametrize("begun", ["", "2019-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "yesterday"])
def test_without_a_believable_time_a_job_is_unsure_for_long(begun: str) -> None:
    for separator in ("\t", " "):
        job = replayed(f"{begun}{separator}submitting{separator}{JOB}{separator}\n")[JOB]
        assert job.unsure_for() >= timedelta(hours=1)
    assert replayed(f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%SZ} {JOB}\n")[JOB].unsure_for() < timedelta(hours=1)


def test_a_log_with_windows_line_ends_says_the_same(tmp_path: Path) -> None:
    torn = f"{at(0)}\tsubmitting\t{OTHER[:-9]}"
    log = written(tmp_path, f"{HEADER}\n{lines(*SUBMITTED)}{torn}")
    log.append(Event.DOWNLOADED, JOB, ZIP)
    expected = snapshot(log.replay())
    log = written(tmp_path, log.path.read_text().replace("\n", "\r\n"))
    assert snapshot(log.replay()) == expected
    log.append(Event.FINISHED, JOB)
    assert log.replay()[JOB].state is State.FINISHED
    assert list(log.replay()) == [JOB]
