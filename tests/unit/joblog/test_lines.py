"""Lines of a log that are odd: damaged, edited, of another version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from samples.logs import HEADER, JOB, OTHER, STATUS_URL, SUBMITTED, ZIP, at, lines, replayed, snapshot, written

from peps_maja.joblog.events import State

SERIES = "31TCJ_2018-01-01_2018-12-31_R051"
NOTHING = {
    "comments": f'# {at(0)}\tsubmitting\t{OTHER}\t\n"# {at(0)}\tsubmitting\t{OTHER}"\n',
    "empty lines": "\n\n \n\t\n\t\t\t\n",
    "broken off before the third column": f"{at(0)}\n{at(0)}\tsubmitting\n{at(0)}\tsubmi\n2019-04-\n",
    "a job of Theia": f"{at(0)} available {ZIP[:-4]} https://x/{OTHER}\n{at(0)}\tblessed\t{ZIP[:-4]}\tof {OTHER}\n",
    "a piece of Theia's": f"{at(0)}\tavailable\tS\n{at(0)}\tdownloaded\tSENTI\n",
}


@pytest.mark.parametrize("nothing", NOTHING.values(), ids=NOTHING)
def test_a_line_that_says_nothing(nothing: str) -> None:
    whole = lines(*SUBMITTED, ("downloaded", ZIP))
    for text in (nothing + whole, whole + nothing, nothing.join(whole.splitlines(keepends=True))):
        jobs = replayed(text)
        assert snapshot(jobs) == snapshot(replayed(whole))
        assert jobs.damage == ""


DAMAGES: dict[str, Callable[[str], str]] = {
    "spaces for tabs": str.expandtabs,
    "no-break spaces": lambda line: line.replace("\t", "\u00a0"),
    "nothing for tabs": lambda line: line.replace("\t", ""),
    "quoted cells": lambda line: "\t".join(f'"{cell}"' for cell in line.split("\t")),
    "semicolons": lambda line: line.replace("\t", ";"),
    "a column too many": lambda line: f"{line}\t",
    "columns reordered": lambda line: "\t".join(line.split("\t")[::-1]),
    "first columns swapped": lambda line: "\t".join([line.split("\t")[place] for place in (1, 0, 2, 3)]),
    "a list of files": lambda line: f"  {line.split(chr(9))[2]}.SAFE,",
    "no event": lambda line: line.replace("submitting", "").replace("submitted", "").expandtabs(),
    "indented": lambda line: f"\t{line}",
    "Markdown": lambda line: line.replace("_", "\\_"),
    "lower case": str.lower,
    "colours": lambda line: line.replace("20", "\x1b[01;31m\x1b[K20\x1b[m\x1b[K"),
    "a zero-width space": lambda line: line.replace("_", "_\u200b"),
}


@pytest.mark.parametrize("name", [JOB, SERIES])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_a_damaged_line_names_is_unsure(damage: Callable[[str], str], name: str) -> None:
    damaged = "".join(f"{damage(line)}\n" for line in lines(*SUBMITTED, job=name).splitlines())
    whole = lines(("submitting", ""), ("failed", ""), job=name)
    for text in (damaged, damaged[:-1], whole + damaged):
        jobs = replayed(text)
        assert {job.name: job.state for job in jobs.values()} == {name: State.UNSURE}
        assert jobs.nameless == []
        assert len(jobs.damaged) == 2
    assert replayed(damaged + lines(("submitted", STATUS_URL), job=name))[name].state is State.OPEN


@pytest.mark.parametrize("between", ["", " ", "\t"])
def test_two_lines_joined(between: str) -> None:
    for first, second in ((JOB, OTHER), (OTHER, JOB)):
        text = lines(("stalled", "24"), job=first)[:-1] + between + lines(("submitting", ""), job=second)
        for joined in (text, text.replace("Z\tsubmitting\t", "Z submitting ")):
            assert set(replayed(joined)) == {JOB, OTHER}
    detail = "2019-04-02T09:12:44Z: this was submitted already"
    assert replayed(lines(*SUBMITTED, ("failed", detail))).damage == ""


@pytest.mark.parametrize("event", ["submitting", "submitted", "postponed"])
def test_an_event_of_the_other_service_changes_nothing(event: str) -> None:
    theias = lines(("available", "https://x/1 - -"), ("finished", ""), (event, STATUS_URL), job=ZIP[:-4])
    assert replayed(theias)[ZIP[:-4]].state is State.FINISHED


@pytest.mark.parametrize("word", ["stalled", "downloaded", "finished", "postponed"])
def test_another_event_leaves_a_job_where_it_stood(word: str) -> None:
    jobs = replayed(f"{lines(*SUBMITTED, ('failed', ''))}{at(5)} {word} {JOB} {ZIP}\n{at(5)} {word} {OTHER}\n")
    assert [job.state for job in jobs.values()] == [State.FAILED, State.UNSURE]


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        *(
            (f"{at(0)}\tsubmitting\t{name[:length]}", {name[:length]})
            for name in (JOB, SERIES)
            for length in (1, 9, 26)
        ),
        (f"{at(0)}\tsubmitting\t{JOB}".lower()[:72], {JOB[:40]}),
        (f"{at(0)} submitting {JOB[:50]}", {JOB[:50]}),
        (f"{JOB[:30]} and {SERIES[:20]}", {JOB[:30], SERIES[:20]}),
    ],
)
def test_a_name_that_breaks_off_keeps_away_what_begins_so(line: str, pieces: set[str]) -> None:
    jobs = replayed(f"{line}\n")
    assert (dict(jobs), jobs.pieces, jobs.damaged, jobs.nameless) == ({}, pieces, [2], [])
    assert jobs.may_have(JOB) or jobs.may_have(SERIES)
    assert not jobs.may_have("T2C_MSIL1C_2019")


@pytest.mark.parametrize(
    "line", ["noise", "\0\0", f"{at(0)}\tsubmitting\tx y\t", JOB[20:], "a\tb\tc\td", f"{JOB[:9]}?"]
)
def test_a_line_without_a_name_stops_all(line: str) -> None:
    jobs = replayed(f"{JOB} {at(0)}\n\n{line}\n")
    assert (jobs.damaged, jobs.nameless) == ([2, 4], [4])
    assert "line 2 and 1 more cannot be read" in jobs.damage
    assert "line 4 names no product" in jobs.damage


def test_nul_bytes_are_not_seen() -> None:
    whole = lines(*SUBMITTED, ("finished", ""))
    in_utf_16 = f"{HEADER}\n".encode() + whole.encode("utf-16-le")
    for text in ("\0\0" + whole, whole.replace("_", "\0_"), in_utf_16.decode()):
        assert snapshot(replayed(text)) == snapshot(replayed(whole))


def test_a_finished_series_of_which_a_line_is_damaged_may_have_more() -> None:
    rows = [*SUBMITTED, ("finished", "")]
    for damaged, may in (("", False), (f"{at(5)} downloaded {SERIES} {ZIP}\n", True)):
        jobs = replayed(lines(*rows, job=SERIES).replace(f"{at(2)}\tfin", f"{damaged}{at(2)}\tfin"))
        assert (jobs[SERIES].state, jobs[SERIES].is_going_on) == (State.FINISHED, may)


def test_a_log_with_windows_line_ends_says_the_same(tmp_path: Path) -> None:
    whole = f"{HEADER}\n{lines(*SUBMITTED, ('downloaded', ZIP), ('finished', ''))}"
    log = written(tmp_path, whole.replace("\n", "\r\n"))
    assert snapshot(log.replay()) == snapshot(written(tmp_path, whole).replay())
