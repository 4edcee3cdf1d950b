"""Jobs of PEPS and of Theia in one log: each service has its own troubles, and what is shown knows both."""

from __future__ import annotations

import json

import pytest
from helpers import EMAIL, PASSWORD, Place, Run, ago, offers

from peps_maja.sandbox import Endpoint, Fault, Sandbox, Stall
from peps_maja.sandbox.geodes import KEY

L1C = "S2A_MSIL1C_20180101T105021_N0207_R051_T31TCJ_20180101T125917"
L2A = "SENTINEL2A_20180101-105426-459_L2A_T31TCJ_D.zip"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def theia(nowhere: Place, peps: Sandbox) -> Place:
    """Two jobs of Theia, and neither an account nor a key."""
    nowhere.write_log(*offers(peps))
    return Place(nowhere.folder, nowhere.environment | {"GEODES_SERVER": peps.url, "PEPS_SERVER": peps.url})


@pytest.fixture
def both(place: Place, theia: Place, peps: Sandbox) -> Place:
    """A job of PEPS that is finished, and two of Theia; an account, and a key."""
    place.write_log((ago(), "submitted", L1C, peps.add_job(L1C, results=(L2A,)).status_url), *offers(peps))
    return Place(place.folder, theia.environment | {"GEODES_API_KEY": KEY})


def finished(place: Place) -> list[str]:
    return sorted({"peps" if job == L1C else "theia" for _, job, _ in place.events("finished")})


@pytest.mark.parametrize("line", ["geodes: {}", 'geodes "{}"'])
def test_a_key_that_is_written_wrongly_is_told_so(both: Place, line: str) -> None:
    (both.folder / "peps.txt").write_text(f"{EMAIL} {PASSWORD}\n{line.format(KEY)}\n")
    run = both.download("-q", GEODES_API_KEY="")
    assert run.status == 2
    assert [KEY in run.err, run.err.count("is written wrongly"), run.err.count("\n")] == [False, 1, 1]
    assert "is written wrongly" in both.download("--check", GEODES_API_KEY="").out


class TestTroubleOfOne:
    """With --wait a run ends when no open job can go on without a person, or before the next run."""

    @pytest.mark.parametrize(
        ("environment", "status", "says"),
        [
            ({"PEPS_USER": EMAIL, "PEPS_PASSWORD": "wrong"}, 2, "e-mail or password is wrong"),
            ({"PEPS_USER": EMAIL}, 2, "PEPS_PASSWORD is not: set both"),
        ],
    )
    def test_account(self, both: Place, environment: dict[str, str], status: int, says: str) -> None:
        run = both.download("-q", "--wait", **environment)
        assert (run.status, finished(both)) == (status, ["theia"])
        assert run.err.count(says) == run.err.count("\n") == 1

    def test_no_account(self, both: Place) -> None:
        (both.folder / "peps.txt").unlink()
        run = both.download("-q", "--wait")
        assert (run.status, finished(both)) == (2, ["theia"])
        assert "no credentials file peps.txt" in run.err

    @pytest.mark.parametrize(
        ("variable", "value", "status", "done"),
        [
            ("GEODES_API_KEY", "", 2, ["peps"]),
            ("GEODES_API_KEY", "wrong", 2, ["peps"]),
            ("GEODES_SERVER", "http://example.org", 2, []),
            ("GEODES_SERVER", "https://me:hunter2@example.org", 2, []),
            ("PEPS_SERVER", "https://me:hunter2@example.org", 2, []),
            ("PEPS_SERVER", "ftp://example.org", 2, []),
        ],
    )
    def test_key_and_addresses(self, both: Place, variable: str, value: str, status: int, done: list[str]) -> None:
        run = both.download("-q", "--wait", "--page", "page", **{variable: value})
        assert (run.status, finished(both), run.err.count("\n"), "hunter2" in run.err) == (status, done, 1, False)
        assert (both.folder / "page").exists() == bool(done), (
            "an address can have a secret in it, and the page shows it"
        )

    def test_key_is_asked_for_no_longer_while_jobs_of_peps_run(self, both: Place, peps: Sandbox) -> None:
        (job,) = peps.jobs
        job.status = "RUNNING"
        run = both.download("--wait", "--timeout", "0.002", "--every", "0", GEODES_API_KEY="wrong")
        assert run.status == 2
        assert "--timeout is over" in run.err
        job.status = "FINISHED"
        assert both.download("-q", "--wait", GEODES_API_KEY="wrong").status == 2
        assert finished(both) == ["peps"]

    @pytest.mark.parametrize(("variable", "other"), [("PEPS_SERVER", "theia"), ("GEODES_SERVER", "peps")])
    def test_out_of_reach(self, both: Place, variable: str, other: str) -> None:
        run = both.download("-q", **{variable: NOWHERE})
        assert (run.status, run.err, finished(both)) == (75, "", [other])

    def test_slow_downloads_hold_up_no_other_server(self, both: Place, peps: Sandbox) -> None:
        peps.faults.add(Fault(Endpoint.RESULT, Stall(after=100, seconds=30), times=None))
        run = both.download("-j", "1", PEPS_TIMEOUT="1")
        assert (run.status, finished(both)) == (75, ["theia"])


class TestShown:
    def test_status_and_json_need_neither_account_nor_server(self, theia: Place) -> None:
        names = [job for _, job, _ in theia.events("available")]
        shown = theia.download("--status", PEPS_SERVER=NOWHERE, GEODES_SERVER=NOWHERE)
        assert shown == Run(0, "".join(f"{name}: waiting; {name}.zip ready\n" for name in names), "")
        listed = theia.download("--json", PEPS_SERVER=NOWHERE, GEODES_SERVER=NOWHERE)
        assert json.loads(listed.out) == [
            {
                "job": name,
                "source": "theia",
                "state": "waiting",
                "percent": None,
                "message": "",
                "submitted_at": None,
                "status_url": None,
                "results": [{"name": f"{name}.zip", "state": "ready", "file": None}],
            }
            for name in names
        ]

    def test_dates_have_theias_products_under_their_own_day(self, both: Place) -> None:
        first, second = (job for _, job, _ in both.events("available"))
        assert both.download("--dates").out.count("waiting") == 3 + 1  # and in the total
        assert both.download("-q").status == 0
        jobs = [(job["source"], job["state"]) for job in json.loads(both.download("--json").out)]
        assert jobs == [("peps", "finished"), ("theia", "finished"), ("theia", "finished")]
        (both.folder / f"{second}.zip").rename(both.folder / "elsewhere")
        run = both.download("--dates", PEPS_SERVER=NOWHERE, GEODES_SERVER=NOWHERE)
        assert run.status == 0
        day = f"{first[11:15]}-{first[15:17]}-{first[17:19]}"
        assert f"31TCJ {day} {'S' + first[8:10]}" in run.out
        assert "2 dates, 2 on disk" in run.out
        assert "1 moved away" in run.out

    def test_stalled_after_three_times_the_hours(self, theia: Place, peps: Sandbox) -> None:
        fresh, old = offers(peps, 2, hours=71)[0], offers(peps, 2, hours=73)[1]
        theia.write_log(fresh, old)
        runs = [theia.download("-q", GEODES_API_KEY="wrong", GEODES_SERVER=NOWHERE) for _ in range(2)]
        assert [run.out.count("still open after") for run in runs] == [1, 0]
        assert theia.events("stalled") == [("stalled", old[2], "73")]

    @pytest.mark.parametrize("detail", ["", "https://x/y 12 0f3a"])
    def test_damaged_line_does_not_count(self, theia: Place, detail: str) -> None:
        _, job, _ = theia.events("available")[0]
        theia.write_log(
            ("2019-06-01T12:00:00Z", "available", job, detail), ("2019-06-02T12:00:00Z", "stalled", job, "1")
        )
        run = theia.download()
        assert (run.status, run.out, run.err) == (0, "0 in the log\n", "")
        assert json.loads(theia.download("--json").out) == []


class TestCheck:
    def test_only_theia_needs_no_account(self, theia: Place) -> None:
        (theia.folder / "peps.txt").write_text(f"geodes {KEY}\n")
        (theia.folder / "peps.txt").chmod(0o600)
        run = theia.download("--check", PEPS_SERVER=NOWHERE)
        assert (run.status, run.err) == (0, "")
        assert [line.split()[1] for line in run.out.splitlines()] == [
            "credentials", "GEODES", "log", "locks", "folder", "space"
        ]  # fmt: skip
        assert KEY not in run.out
        (theia.folder / "peps.txt").chmod(0o644)
        assert "chmod 600 peps.txt" in theia.download("--check").out

    def test_key(self, both: Place) -> None:
        for key, server, status in ((KEY, {}, 0), ("wrong", {}, 2), ("", {}, 2), (KEY, {"GEODES_SERVER": NOWHERE}, 75)):
            run = both.download("--check", GEODES_API_KEY=key, **server)
            (line,) = (line for line in run.out.splitlines() if line.split()[1] == "GEODES")
            assert (run.status, line.split()[0]) == (status, "BAD" if status else "ok")
        assert not both.events("missing", "downloaded")

    def test_no_line_without_a_key_or_a_job(self, place: Place, peps: Sandbox) -> None:
        place.write_log(("2019-06-01T12:00:00Z", "failed", L1C, "no memory"))
        assert "GEODES" not in place.download("--check").out
        assert "ok   GEODES" in place.download("--check", GEODES_API_KEY=KEY, GEODES_SERVER=peps.url).out
