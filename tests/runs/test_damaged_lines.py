"""Logs that an editor, a spreadsheet, a terminal or a crash has damaged: what they name is not ordered again."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from helpers import Place, is_one_line, l1c, l2a

from peps_maja.sandbox import Sandbox

HEADER = "# peps_maja job log 1"
OLD = "2019-04-02T09:12:45Z"
FIRST = l1c(1)
SECOND = l1c(6, "S2B", time="103252", last="135417")
SERIES = "31TCJ_2018-01-01_2018-03-31"
URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"


def each_line(change: Callable[[str], str]) -> Callable[[str], bytes]:
    return lambda text: "".join(f"{change(line)}\n" for line in text.splitlines()).encode()


EDITS: dict[str, Callable[[str], bytes]] = {
    "spaces for tabs": each_line(str.expandtabs),
    "a suffix": each_line(lambda line: line.replace(FIRST, f"{FIRST}.SAFE")),
    "a file's name before the job": each_line(lambda line: f"{l2a(1)};{line}".replace("\t", ";")),
    "a list of names": each_line(lambda line: line.split("\t")[2]),
    "columns reordered": each_line(lambda line: "\t".join(line.split("\t")[place] for place in (2, 0, 1, 3))),
    "Markdown": each_line(lambda line: line.replace("_", "\\_")),
    "cut -c1-72": each_line(lambda line: line[:72]),
    "without the last line end": lambda text: text.expandtabs().rstrip("\n").encode(),
    "joined": lambda text: text.replace("\n", " ").encode(),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_a_damaged_line_names_is_not_ordered_again(
    place: Place, peps: Sandbox, edit: Callable[[str], bytes]
) -> None:
    text = f"{OLD}\tsubmitting\t{FIRST}\t\n{OLD}\tsubmitted\t{FIRST}\t{URL}\n"
    place.log.write_bytes(f"{HEADER}\n".encode() + edit(text))
    run = place.process("--product", FIRST, SECOND, "-q")
    assert peps.executed == [SECOND]
    assert run.status == (edit is not EDITS["cut -c1-72"]), "unsure; a piece of a name is no job"
    assert is_one_line(run, "peps_maja.log: ", "line 2")

    quiet = place.download("-q")
    assert (quiet.status, quiet.err) == (1, ""), "the sandbox has no zip of the second"
    assert FIRST not in quiet.out
    if edit is EDITS["joined"]:
        for loud in (place.download(), place.download("--status"), place.download("--dates")):
            assert "line 2" in loud.err.splitlines()[0]
        assert re.search(r"^BAD +log +.*line 2", place.download("--check").out, re.MULTILINE)


def test_a_log_saved_as_utf_16_below_its_header(place: Place, peps: Sandbox) -> None:
    text = f"{OLD}\tsubmitting\t{FIRST}\t\r\n{OLD}\tsubmitted\t{FIRST}\t{URL}\r\n"
    place.log.write_bytes(f"{HEADER}\n".encode() + text.encode("utf-16"))
    run = place.process("--product", FIRST, SECOND)
    assert (run.status, peps.executed) == (2, []), "the last NUL stands alone"
    assert place.download("--status").out.count(FIRST) == 1


NAMELESS = {"NUL": "\0" * 40, "fold": f"{OLD}\tsubmitting\t{FIRST[:28]}\n{FIRST[28:]}\t"}


@pytest.mark.parametrize("text", NAMELESS.values(), ids=NAMELESS)
def test_nothing_is_ordered_until_a_line_that_names_nothing_is_fixed(place: Place, peps: Sandbox, text: str) -> None:
    whole = f"{HEADER}\n{OLD}\tsubmitted\t{SECOND}\t{peps.add_job(SECOND).status_url}\n"
    place.log.write_text(f"{whole}{text}\n", encoding="utf-8")
    run = place.process("--product", FIRST)
    assert (run.status, peps.executed) == (2, [])
    assert is_one_line(run, "peps_maja.log: ", "until it is fixed")
    assert place.process("--product", FIRST, "-n").status == 0
    assert place.download("-q").status == 0
    assert len(place.zips()) == 1
    place.log.write_text(whole, encoding="utf-8")
    assert place.process("--product", FIRST).status == 0
    assert peps.executed == [FIRST]


@pytest.mark.parametrize("line", [f"submitting\t{OLD}\t{FIRST}\t", FIRST.lower()])
def test_a_failed_job_that_was_submitted_again_in_a_damaged_line_is_unsure(
    place: Place, peps: Sandbox, line: str
) -> None:
    place.write_log((OLD, "submitted", FIRST, URL), (OLD, "failed", FIRST, "why"), (line,))
    assert place.process("--resubmit", "failed").status == 1
    assert peps.executed == []
    assert place.process("--resubmit", "unsure").status == 0
    assert peps.executed == [FIRST]


@pytest.mark.parametrize(("way_out", "name"), [("--adopt", SERIES), ("--resubmit", FIRST), ("--drop", FIRST)])
def test_ways_out_for_a_job_of_a_damaged_line(place: Place, peps: Sandbox, name: str, way_out: str) -> None:
    place.log.write_text(f"{HEADER}\n{OLD} submitting {name}\n", encoding="utf-8")
    given = {"--adopt": [name, URL], "--resubmit": ["unsure", "-y"], "--drop": [name]}[way_out]
    assert place.process(way_out, *given).status == 0
    log = place.log.read_text(encoding="utf-8")
    end = {"--adopt": "submitted", "--resubmit": "submitted", "--drop": "cancelled"}[way_out]
    assert log.rstrip().split("\n")[-1].split("\t")[1:3] == [end, name]
    assert len(peps.executed) == (way_out == "--resubmit")


def test_a_damaged_line_of_theia_needs_no_protection(place: Place, peps: Sandbox) -> None:
    place.log.write_text(f"{HEADER}\n{OLD} available {l2a(1)[:-4]} https://x/{FIRST} 1 -\n", encoding="utf-8")
    run = place.process("--product", FIRST)
    assert (run.status, run.err, peps.executed) == (0, "", [FIRST])
