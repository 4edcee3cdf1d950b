"""--check: is everything in place? One line for each thing that a run needs."""

from __future__ import annotations

import pytest
from helpers import EMAIL, LOCK_HOLDER, PASSWORD, Place, holder

from peps_maja.sandbox import UNAVAILABLE, Endpoint, Fault, Sandbox

pytestmark = pytest.mark.slow

PRODUCT = "S2A_MSIL1C_20190301T105021_N0207_R051_T31TCJ_20190301T125917"
URL = "https://peps.cnes.fr/resto/wps/outputs/pywps-8e99b3de-3f20-11e9-81a5-0242ac110002.xml"
AT = "2019-04-02T09:12:44Z"
THINGS = ["credentials", "server", "account", "log", "locks", "folder", "space"]


def findings(out: str) -> dict[str, str]:
    """Return `ok` or `BAD` for each thing."""
    return {line.split()[1]: line.split()[0] for line in out.splitlines()}


@pytest.fixture
def ready(place: Place) -> Place:
    place.write_log((AT, "submitted", PRODUCT, URL))
    return place


def test_all_is_well(ready: Place, peps: Sandbox) -> None:
    before = ready.log.read_bytes()
    run = ready.download("--check")
    assert (run.status, run.err) == (0, "")
    assert findings(run.out) == dict.fromkeys(THINGS, "ok")
    assert f"{EMAIL}, from peps.txt" in run.out
    assert "1 in the log: 1 open" in run.out
    assert PASSWORD not in run.out
    assert ready.log.read_bytes() == before
    assert not peps.asked(Endpoint.EXECUTE, Endpoint.STATUS)
    assert ready.download("--check", "-q").out == ""


def test_what_is_amiss_is_said(ready: Place) -> None:
    credentials = ready.folder / "peps.txt"
    credentials.chmod(0o644)
    ready.log.write_text("no log\n", encoding="utf-8")
    run = ready.download("--check", "-w", "peps.txt/zips")
    assert run.status == 2
    bad = {"credentials", "log", "folder"}
    # An open peps.txt is used by a run, so the account is looked at all the same.
    assert findings(run.out) == {thing: "BAD" if thing in bad else "ok" for thing in THINGS}
    assert "chmod 600" in run.out

    credentials.write_text(f"{EMAIL} wrong\n", encoding="utf-8")
    credentials.chmod(0o600)
    assert findings(ready.download("--check").out)["account"] == "BAD"
    credentials.unlink()
    without = findings(ready.download("--check").out)
    assert (without["credentials"], without["account"], without["server"]) == ("BAD", "BAD", "ok")


def test_no_right_to_maja(nowhere: Place) -> None:
    with Sandbox(accounts={EMAIL: PASSWORD}, may_run=False) as peps:
        run = nowhere.download("--check", PEPS_SERVER=peps.url, PEPS_USER=EMAIL, PEPS_PASSWORD=PASSWORD)
    assert run.status == 2
    assert (findings(run.out)["account"], findings(run.out)["server"]) == ("BAD", "ok")
    assert "may not run MAJA" in run.out


def test_a_server_away_or_busy_is_for_later(ready: Place, peps: Sandbox) -> None:
    away = ready.download("--check", PEPS_SERVER="http://127.0.0.1:9")
    assert (away.status, findings(away.out)["server"]) == (75, "BAD")
    peps.faults.add(Fault(Endpoint.CAPABILITIES, UNAVAILABLE, times=None))
    busy = ready.download("--check")
    assert (busy.status, findings(busy.out)["account"]) == (75, "BAD")


def test_a_lock_that_is_held(ready: Place) -> None:
    with holder(LOCK_HOLDER, ready.folder / "peps_maja.log.downloader.lock"):
        run = ready.download("--check")
    assert (run.status, findings(run.out)["locks"]) == (75, "BAD")
    assert ready.download("--check").status == 0


def test_a_folder_that_a_run_will_make(ready: Place) -> None:
    run = ready.download("--check", "-w", "will/be/made")
    assert (run.status, findings(run.out)) == (0, dict.fromkeys(THINGS, "ok"))
    assert f"{ready.folder / 'will/be/made'} will be made" in run.out
    assert not (ready.folder / "will").exists()


def test_unsure_jobs_and_damaged_lines_are_pointed_out(ready: Place) -> None:
    ready.write_log((AT, "submitting", PRODUCT, ""))
    run = ready.download("--check")
    assert (run.status, findings(run.out)["log"]) == (1, "BAD")
    assert all(word in run.out for word in ("1 unsure", PRODUCT, "--adopt"))

    ready.write_log((AT, "submitted", PRODUCT, URL), (f'"{AT}";"finished";"{PRODUCT}";""',))
    run = ready.download("--check")
    assert (run.status, findings(run.out)["log"]) == (1, "BAD")
    assert "line 3 cannot be read" in run.out
    for option in ("--status", "--dates", "--json"):
        assert len([line for line in ready.download(option).err.splitlines() if "line 3 cannot be read" in line]) == 1
