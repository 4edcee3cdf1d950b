"""--check: is everything in place? One line for each thing that a run needs."""

from __future__ import annotations

import pytest
from helpers import EMAIL, LOCK_HOLDER, PASSWORD, STATUS_URL, Place, holder, l1c

from peps_maja.sandbox import UNAVAILABLE, Endpoint, Fault, Sandbox

AT = "2019-04-02T09:12:44Z"
THINGS = ["credentials", "server", "account", "log", "locks", "folder", "space"]


def findings(out: str) -> dict[str, str]:
    """Return `ok` or `BAD` for each thing."""
    return {line.split()[1]: line.split()[0] for line in out.splitlines()}


@pytest.fixture
def ready(place: Place) -> Place:
    place.write_log((AT, "submitted", l1c(1), STATUS_URL))
    return place


def test_all_is_well(ready: Place, peps: Sandbox) -> None:
    before = ready.log.read_bytes()
    run = ready.download("--check", "-w", "will/be/made")
    assert (run.status, run.err) == (0, "")
    assert list(findings(run.out).items()) == [(thing, "ok") for thing in THINGS]
    for words in (f"{EMAIL}, from peps.txt", "1 in the log: 1 open", f"{ready.folder / 'will/be/made'} will be made"):
        assert words in run.out
    assert PASSWORD not in run.out
    assert ready.log.read_bytes() == before
    assert not (ready.folder / "will").exists()
    assert not peps.asked(Endpoint.EXECUTE, Endpoint.STATUS)
    assert ready.download("--check", "-q").out == ""


def test_what_is_amiss_is_said(ready: Place) -> None:
    credentials = ready.folder / "peps.txt"
    credentials.chmod(0o644)
    ready.log.write_text("no log\n", encoding="utf-8")
    with holder(LOCK_HOLDER, ready.folder / "peps_maja.log.downloader.lock"):
        run = ready.download("--check", "-w", "peps.txt/zips")
    assert run.status == 2
    bad = {"credentials", "log", "locks", "folder"}
    # An open peps.txt is used by a run, so the account is looked at all the same.
    assert findings(run.out) == {thing: "BAD" if thing in bad else "ok" for thing in THINGS}
    assert "chmod 600" in run.out

    credentials.write_text(f"{EMAIL} wrong\n", encoding="utf-8")
    credentials.chmod(0o600)
    assert findings(ready.download("--check").out)["account"] == "BAD"
    credentials.unlink()
    without = findings(ready.download("--check").out)
    assert (without["credentials"], "account" in without, without["server"]) == ("BAD", False, "ok")


def test_no_right_to_maja(nowhere: Place) -> None:
    with Sandbox(accounts={EMAIL: PASSWORD}, may_run=False) as peps:
        run = nowhere.download("--check", PEPS_SERVER=peps.url, PEPS_USER=EMAIL, PEPS_PASSWORD=PASSWORD)
    assert (run.status, findings(run.out)["account"], findings(run.out)["server"]) == (2, "BAD", "ok")
    assert "may not run MAJA" in run.out


def test_what_is_away_busy_or_locked_is_for_later(ready: Place, peps: Sandbox) -> None:
    away = ready.download("--check", PEPS_SERVER="http://127.0.0.1:9")
    assert (away.status, findings(away.out)["server"]) == (75, "BAD")
    peps.faults.add(Fault(Endpoint.CAPABILITIES, UNAVAILABLE, times=None))
    busy = ready.download("--check")
    assert (busy.status, findings(busy.out)["account"]) == (75, "BAD")


@pytest.mark.parametrize(
    ("lines", "words", "status"),
    [
        ([(AT, "submitting", l1c(1), "")], ["1 unsure", l1c(1), "--adopt"], 1),
        ([(AT, "submitted", l1c(1), STATUS_URL), (f'"{AT}";"finished";"{l1c(1)}";""',)], ["line 3 cannot be read"], 1),
        ([(AT, "submitted", l1c(1), STATUS_URL), ("of nothing",)], ["line 3 cannot be read"], 2),
    ],
)
def test_unsure_jobs_and_damaged_lines_are_pointed_out(
    ready: Place, lines: list[tuple[str, ...]], words: list[str], status: int
) -> None:
    ready.write_log(*lines)
    run = ready.download("--check")
    assert (run.status, findings(run.out)["log"]) == (status, "BAD")
    assert [word for word in words if word not in run.out] == []
    shown = ready.download("--status")
    assert shown.err.count("line 3 cannot be read") == ("line 3" in words[0])
