"""README and docs: options are explained, links lead somewhere, commands parse, examples and messages are real."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import ROOT

from peps_maja import __version__
from peps_maja.downloads.service import Phase
from peps_maja.errors import NoAccount
from peps_maja.joblog.events import Event, Source, State
from peps_maja.joblog.jobs import Jobs
from peps_maja.network.credentials import read_credentials, read_key
from peps_maja.parsing import downloader_options, process_options
from peps_maja.standing import values as ledger

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SET_UP = ("&& .venv/bin/python -m peps_maja.sandbox", "&& .venv/bin/python -m pytest")
NO_PLAIN_WORDS = r"\b(mend(s|ed)?|afresh|passed over|dribbles?|lies at|bears?|told once|touches nothing)\b"
LEDGER = (
    *(ledger.ON_DISK, ledger.MOVED_AWAY, ledger.TOO_CLOUDY, ledger.RUNNING, ledger.WAITING, ledger.UNSURE),
    *(ledger.FAILED, ledger.NOT_DELIVERED, ledger.DROPPED),
)


def text_of(*parts: str) -> str:
    return ROOT.joinpath(*parts).read_text(encoding="utf-8")


def code_blocks(page: Path) -> list[str]:
    return re.findall(r"^ *```\w*\n(.*?)^ *```$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("options", [process_options, downloader_options])
def test_every_option_is_explained(options: Callable[[list[str]], object], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        options(["--help"])
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", capsys.readouterr().out))
    text = text_of("docs", "options.md")
    assert named
    assert [option for option in sorted(named) if not re.search(rf"`{option}[ `=]", text)] == []


def test_every_state_and_event_is_explained() -> None:
    log, options, contributing = text_of("docs", "log.md"), text_of("docs", "options.md"), text_of("CONTRIBUTING.md")
    assert [event for event in Event if f"`{event.value}`" not in log] == []
    assert [state for state in LEDGER if f"`{state}`" not in options] == []
    words = (*Event, *State, *Phase)
    assert [word for word in words if f"`{word.value}`" not in contributing] == []
    assert [state for state in LEDGER if f"`{state}`" not in contributing] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if link.startswith("https://"):
            continue
        file, _, heading = link.partition("#")
        target = page.parent / file if file else page
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert heading in {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in headings}, link


def test_the_readme_begins_with_the_set_up_commands_and_stays_short() -> None:
    lines = text_of("README.md").splitlines()
    assert len(lines) <= 200
    for end in SET_UP:
        [place] = [number for number, line in enumerate(lines) if line.endswith(end)]
        assert place < 40


def test_messages_in_the_readme_are_those_of_the_scripts() -> None:
    sources = [*ROOT.glob("peps_maja_*.py"), *(ROOT / "peps_maja").rglob("*.py")]
    code = re.sub(r'"\s+f?"', "", "\n".join(path.read_text(encoding="utf-8") for path in sources))
    table = text_of("README.md").partition("## When something goes wrong")[2].partition("\n## ")[0]
    symptoms = re.findall(r"^\| (`.*?`[^|]*) \|", table, flags=re.MULTILINE)
    messages = [message for symptom in symptoms for message in re.findall(r"`([^`]+)`", symptom)]
    pieces = {piece.strip() for message in messages for piece in message.split("…")} - {"", "command not found"}
    assert len(pieces) > 15
    assert [piece for piece in sorted(pieces) if piece not in code] == []


def test_the_example_of_a_log_is_one() -> None:
    [example] = [
        block for block in code_blocks(ROOT / "docs" / "log.md") if block.startswith("# peps_maja job log 1\n")
    ]
    jobs = Jobs.replay(example)
    assert [(job.source, job.state, len(job.files)) for job in jobs.values()] == [
        (Source.PEPS, State.FINISHED, 1),
        (Source.THEIA, State.OPEN, 0),
    ]
    assert not jobs.damaged


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_understood(page: Path) -> None:
    commands = "\n".join(code_blocks(page)).replace("\\\n", " ")
    for script, arguments in re.findall(r"peps_maja_(process|downloader)\.py((?: +(?!#)\S+)+)", commands):
        words = [word for word in arguments.split() if word != "…"]
        if words[0].startswith("-") and words[-1] != "...":
            (process_options if script == "process" else downloader_options)(words)


def test_the_example_of_credentials_has_an_account_and_a_key_in_comments(tmp_path: Path) -> None:
    """As it is, it has neither; without the # it has both."""
    with pytest.raises(NoAccount):
        read_credentials(ROOT / "peps.txt.example", {})
    filled = tmp_path / "peps.txt"
    filled.write_text(re.sub(r"^# (?=geodes |your\.)", "", text_of("peps.txt.example"), flags=re.MULTILINE))
    account = read_credentials(filled, {})
    assert (account.email, account.password) == ("your.address@example.org", "your-password")
    assert read_key(filled) == "your-api-key"


def test_the_newest_release_in_the_changelog_is_this_version() -> None:
    headings = re.findall(r"^## \[(.*?)\](?: - (\d{4}-\d\d-\d\d))?$", text_of("CHANGELOG.md"), flags=re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == __version__
    assert all(day for _, day in headings[1:])


def test_the_version_is_in_one_place() -> None:
    assert __version__ not in text_of("pyproject.toml")
    assert __version__ not in text_of("CITATION.cff")


def test_files_that_contributing_names_exist() -> None:
    names = set(re.findall(r"(?<![\w./])(?:[a-z_]+/)+(?:[a-z_]+\.py\b)?", text_of("CONTRIBUTING.md")))
    named = {name if name.startswith(("peps_maja/", "tests/", "docs/")) else f"peps_maja/{name}" for name in names}
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_words_are_plain(page: Path) -> None:
    assert [match[0] for match in re.finditer(NO_PLAIN_WORDS, page.read_text(encoding="utf-8"), re.IGNORECASE)] == []
