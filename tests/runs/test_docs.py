"""README and docs: all options are explained, links lead somewhere, examples are what the scripts write and read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import ROOT

from peps_maja.commands import dates as ledger
from peps_maja.commands.options import downloader_options, process_options
from peps_maja.joblog.events import Event, State
from peps_maja.joblog.jobs import Jobs

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SET_UP = ("&& .venv/bin/python -m peps_maja.sandbox", "&& .venv/bin/python -m pytest")


def code_blocks(page: Path) -> list[str]:
    return re.findall(r"^ *```\w*\n(.*?)^ *```$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("options", [process_options, downloader_options])
def test_every_option_is_explained(options: Callable[[list[str]], object], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options(["--help"])
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", capsys.readouterr().out))
    text = (ROOT / "docs" / "options.md").read_text(encoding="utf-8")
    assert named
    assert [option for option in sorted(named) if not re.search(rf"`{option}[ `=]", text)] == []


def test_every_state_and_event_is_explained() -> None:
    log, options = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("log.md", "options.md"))
    assert all(f"`{event.value}`" in log for event in Event)
    states = (ledger.ON_DISK, ledger.MOVED_AWAY, ledger.TOO_CLOUDY, ledger.RUNNING, ledger.WAITING, ledger.UNSURE)
    for state in (*states, ledger.FAILED, ledger.NOT_DELIVERED, ledger.DROPPED):
        assert f"`{state}`" in options


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
        assert not heading or heading in {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def test_the_readme_begins_with_the_set_up_commands_and_stays_short() -> None:
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 180
    for end in SET_UP:
        [place] = [number for number, line in enumerate(lines) if line.endswith(end)]
        assert place < 40


def test_the_example_of_a_log_is_one() -> None:
    [example] = [
        block for block in code_blocks(ROOT / "docs" / "log.md") if block.startswith("# peps_maja job log 1\n")
    ]
    [job] = Jobs.replay(example).values()
    assert (job.state, len(job.files)) == (State.FINISHED, 1)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_understood(page: Path) -> None:
    commands = "\n".join(code_blocks(page)).replace("\\\n", " ")
    for script, arguments in re.findall(r"peps_maja_(process|downloader)\.py((?: +(?!#)\S+)+)", commands):
        words = [word for word in arguments.split() if word != "…"]
        if words[0].startswith("-"):
            (process_options if script == "process" else downloader_options)(words)
