"""Whole runs of peps_maja_process.py: each product is submitted once, whatever the server answers."""

from __future__ import annotations

import base64
import fcntl
import re
import signal
import threading
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from helpers import EMAIL, STATUS_URL, TILE, Place, Run, in_one_line, is_one_line, l1c, waits

from peps_maja.sandbox import (
    BAD_GATEWAY,
    FORBIDDEN,
    HTML_PAGE,
    INTERNAL_ERROR,
    NOT_FOUND,
    SERVER_BUSY,
    TOO_MANY,
    UNAUTHORIZED_JSON,
    Altered,
    Canned,
    Cut,
    Endpoint,
    Fault,
    Reply,
    Sandbox,
    Stall,
)
from peps_maja.sandbox.faults import Answer

ONE, TWO, THREE = (f"S2A_MSIL1C_201903{day}T105021_N0207_R051_T31TCJ_201903{day}T125917" for day in ("01", "11", "21"))
SEARCH = ("-t", TILE, "-d", "2019-03-01", "-f", "2019-03-31")
HEADER = "# peps_maja job log 1\n"
TIME = "2019-04-02T09:12:44Z"


REFUSED = """\
<?xml version="1.0" encoding="utf-8"?>
<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1" version="1.0.0">
  <ows:Exception exceptionCode="{code}" locator="product">{text}</ows:Exception>
</ows:ExceptionReport>
"""
FAILED = """\
<wps:ExecuteResponse xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"
    statusLocation="https://peps.cnes.fr/resto/wps/outputs/pywps-1.xml">
  <wps:Status><wps:ProcessFailed><ows:ExceptionReport><ows:Exception exceptionCode="NoApplicableCode">
    <ows:ExceptionText>d\u00e9j\u00e0 fait</ows:ExceptionText>
  </ows:Exception></ows:ExceptionReport></wps:ProcessFailed></wps:Status>
</wps:ExecuteResponse>
"""
REFUSED_BY_WPS = """\
<wps:ExceptionReport xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1">
<wps:Exception exceptionCode="NoApplicableCode"><wps:ExceptionText>no such thing</wps:ExceptionText></wps:Exception>
</wps:ExceptionReport>
"""
ACCEPTED = """\
<?xml version="1.0" encoding="utf-8"?>
<wps:ExecuteResponse xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"
    service="WPS" version="1.0.0" {location}>
  <wps:Process wps:processVersion="1.0"><ows:Identifier>MAJA</ows:Identifier></wps:Process>
  <wps:Status><wps:ProcessAccepted>Process MAJA accepted</wps:ProcessAccepted></wps:Status>
</wps:ExecuteResponse>
"""


def refused(code: str, text: str = "", status: int = 200, headers: dict[str, str] | None = None) -> Canned:
    inside = f"<ows:ExceptionText>{text}</ows:ExceptionText>" if text else ""
    return Canned(status, REFUSED.format(code=code, text=inside), headers or {})


def in_seconds(seconds: int) -> str:
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


def submitted(peps: Sandbox, *names: str) -> list[tuple[str, str, str]]:
    return [
        event for name in names for event in (("submitting", name, ""), ("submitted", name, peps.job(name).status_url))
    ]


def kinds(place: Place) -> list[str]:
    return [f"{event} {1 + (ONE, TWO, THREE).index(name)}" for event, name, _ in place.events()]


def orders(peps: Sandbox) -> int:
    return len(peps.asked(Endpoint.EXECUTE))


@pytest.fixture(autouse=True)
def products(peps: Sandbox) -> None:
    """Three products in the catalogue."""
    peps.catalogue = [{"properties": {"productIdentifier": name}} for name in (THREE, ONE, TWO)]


# -- what an answer to Execute means ---------------------------------------------------------------------------


def with_status(status: int) -> Altered:
    return Altered(lambda reply: replace(reply, status=status))


def located(form: str) -> Altered:
    """Return the answer in which the status URL has another folder."""
    text = re.compile(r'(?<=statusLocation=")[^"]*/')
    return Altered(lambda reply: reply.with_body(text.sub(form, reply.text()).encode()))


ALL_ACCEPTED: dict[str, Answer] = {
    **{f"with {status}": with_status(status) for status in (202, 401, 403, 429, 500, 503)},
    "a relative status URL": located("/wps/outputs/"),
    "a bare name": located(""),
    "a file of PyWPS": located("file:///var/www/wps/outputs/"),
    "a file elsewhere": located("file:///tmp/"),
    "a host without scheme": located("//peps-vizo/wps/outputs/"),
    "behind an empty line": Altered(lambda reply: reply.with_body(b"\n" + reply.body)),
    "Latin-1": Altered(lambda reply: reply.with_body(reply.text().replace("accepted", "accepté").encode("latin-1"))),
}
ALL_REJECTED: dict[str, tuple[Answer, str]] = {
    "200": (refused("InvalidParameterValue", "no such product"), "no such product"),
    "400": (refused("InvalidParameterValue", "no such product", 400), "no such product"),
    "without text, 400": (refused("MissingParameterValue", status=400), "MissingParameterValue"),
    "without text, 200": (refused("NoApplicableCode"), "NoApplicableCode"),
    "namespace of WPS": (Canned(200, REFUSED_BY_WPS), "no such thing"),
    "ProcessFailed": (Canned(200, FAILED), "déjà fait"),
    "Latin-1": (Canned(200, FAILED.encode("latin-1")), "fait"),
    "Latin-1 that says ASCII": (
        Canned(200, b'<?xml version="1.0" encoding="us-ascii"?>' + FAILED.encode("latin-1")),
        "fait",
    ),
}
ALL_UNSURE: dict[str, Answer] = {
    "500": INTERNAL_ERROR,
    "502": BAD_GATEWAY,
    "504": Canned(504),
    "500 in JSON": Canned(500, '{"ErrorCode": 500, "ErrorMessage": "Error"}'),
    "500 in XML": refused("NoApplicableCode", "it broke", 500),
    "502 with ServerBusy": refused("ServerBusy", "full", 502),
    "500 with a quota": Canned(500, '{"ErrorCode": 420, "ErrorMessage": "week|10000000"}'),
    "502 with Forbidden": Canned(502, '{"ErrorMessage": "Forbidden"}'),
    "202 without a word": Canned(202),
    "HTML": HTML_PAGE,
    "404": NOT_FOUND,
    "redirect": Canned(302, headers={"Location": "/elsewhere"}),
    "nothing": Canned(200),
    "500 in JSON with 200": Canned(200, '{"ErrorCode": 500, "ErrorMessage": "Error"}'),
    "other JSON": Canned(200, "{}"),
    "no status URL": Canned(200, ACCEPTED.format(location="")),
    "empty status URL": Canned(200, ACCEPTED.format(location='statusLocation=""')),
    "status URL cut short": Canned(200, ACCEPTED.format(location=f'statusLocation="{STATUS_URL[:-6]}"')),
    "broken encoding": Canned(200, "not gzip at all", {"Content-Encoding": "gzip"}),
    "more than any answer has": Canned(
        200, ACCEPTED.format(location=f'statusLocation="{STATUS_URL}"') + " " * 1_000_000
    ),
    "XML cut short": Altered(lambda reply: reply.with_body(reply.body[: len(reply.body) // 2])),
    "cut before the job was taken": Cut(),
    "cut after the job was taken": Cut(work_done=True),
    "cut in the answer": Cut(after=20),
    "silence": Stall(30, work_done=True),
    "silence in the answer": Stall(30, after=20),
}


def ordered(place: Place, peps: Sandbox, answers: Iterable[Answer], **environment: str) -> tuple[list[str], Run]:
    """Order a product for each answer in one run; return their names, and the run."""
    names = [l1c(date(2019, 3, 1) + timedelta(day)) for day, _ in enumerate(answers)]
    peps.catalogue = [{"properties": {"productIdentifier": name}} for name in names]
    peps.faults.add(*(Fault(Endpoint.EXECUTE, answer, match=name) for name, answer in zip(names, answers, strict=True)))
    run = place.process("--product", *names, "-y", **environment)
    assert [asked.query["datainputs"] for asked in peps.asked(Endpoint.EXECUTE)] == [
        f"product={name}" for name in names
    ]
    assert not peps.asked(Endpoint.OTHER), "no redirect followed"
    return names, run


def test_accepted_whatever_status_and_form(place: Place, peps: Sandbox) -> None:
    names, run = ordered(place, peps, list(ALL_ACCEPTED.values()))
    assert (run.status, run.err) == (0, "")
    assert place.events() == submitted(peps, *names)
    assert place.download("-q").status == 0
    assert len(place.events("finished")) == len(names)


def test_rejected(place: Place, peps: Sandbox) -> None:
    names, run = ordered(place, peps, [answer for answer, _ in ALL_REJECTED.values()])
    assert (run.status, peps.executed) == (1, [])
    assert [kind for kind, *_ in place.events()] == ["submitting", "rejected"] * len(names)
    told = dict(zip(ALL_REJECTED, zip(run.err.splitlines(), place.events("rejected"), strict=True), strict=True))
    assert [form for form, (line, event) in told.items() if ALL_REJECTED[form][1] not in line + event[2]] == []
    assert all("--resubmit rejected --product" in line for line, _ in told.values())


def test_a_log_that_another_process_holds_hides_no_rejected_order(hasty: Place, peps: Sandbox) -> None:
    with ExitStack() as stack:

        def hold(reply: Reply) -> Reply:
            fcntl.flock(stack.enter_context(hasty.log.open("rb")), fcntl.LOCK_EX)
            return reply

        peps.faults.add(
            Fault(Endpoint.EXECUTE, refused("InvalidParameterValue"), match=ONE),
            Fault(Endpoint.EXECUTE, Altered(hold), match=TWO),
        )
        run = hasty.process(*SEARCH)
    assert (run.status, f"not noted: submitted {TWO}" in run.err) == (1, True)


def test_unsure(place: Place, peps: Sandbox) -> None:
    names, run = ordered(place, peps, list(ALL_UNSURE.values()), PEPS_TIMEOUT="1.5")
    assert run.status == 1
    told = dict(zip(ALL_UNSURE, zip(names, run.err.splitlines(), strict=True), strict=True))
    assert [form for form, (name, line) in told.items() if name not in line or "--resubmit unsure" not in line] == []
    assert "try again" not in run.err
    assert place.events() == [("submitting", name, "") for name in names]
    seen = orders(peps)
    assert place.process("--product", *names, "-q").status == 1
    assert orders(peps) == seen, "no second try"


@pytest.mark.parametrize(
    ("answer", "status"), [(UNAUTHORIZED_JSON, 2), (Canned(403, "<html>Forbidden</html>"), 75), (TOO_MANY(61), 75)]
)
def test_not_taken_and_the_run_ends(place: Place, peps: Sandbox, answer: Canned, status: int) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, answer, match=TWO))
    run = place.process(*SEARCH)
    assert run.status == status
    assert is_one_line(run, "peps_maja_process: ")
    assert kinds(place) == ["submitting 1", "submitted 1", "submitting 2", "postponed 2"]
    assert place.events()[-1][2], "with a reason"


def test_a_later_run_submits_what_was_surely_not_taken(place: Place, peps: Sandbox) -> None:
    peps.faults.add(
        Fault(Endpoint.EXECUTE, refused("InvalidParameterValue"), match=TWO),
        Fault(Endpoint.EXECUTE, TOO_MANY(61), match=THREE),
    )
    run = place.process(*SEARCH)
    assert (run.status, peps.executed) == (1, [ONE]), "1 is graver than 75"
    assert "1 submitted, 1 rejected, 1 left for the next run" in run.out
    assert place.process(*SEARCH).status == 0
    assert (peps.executed, orders(peps)) == ([ONE, THREE], 4)
    place.download("-q")
    assert place.process(*SEARCH).status == 0
    assert orders(peps) == 4


def test_what_the_server_says_is_made_harmless(place: Place, peps: Sandbox) -> None:
    peps.faults.add(
        Fault(Endpoint.EXECUTE, refused("InvalidParameterValue", "a&#9;b&#10;c&#x9b;31m&#x202e;d"), match=ONE),
        Fault(Endpoint.EXECUTE, Canned(500, '{"ErrorMessage": "e\\u001b[2J\\r\\nf"}'), match=TWO),
        Fault(Endpoint.EXECUTE, Canned(403, '{"ErrorMessage": "g\\u0007\\u0000\\th"}'), match=THREE),
    )
    run = place.process(*SEARCH)
    assert run.status == 2, "graver than the 1 of the others"
    text = run.out + run.err + place.log.read_text(encoding="utf-8").replace("\t", "")
    assert [sign for sign in text if not sign.isprintable() and sign != "\n"] == []
    assert run.err.count("\n") == 3
    assert kinds(place) == ["submitting 1", "rejected 1", "submitting 2", "submitting 3", "postponed 3"]


def test_submitted_again_and_not_taken_stands_where_it_stood(place: Place, peps: Sandbox) -> None:
    place.write_log((TIME, "rejected", ONE, "why"), (TIME, "finished", TWO, ""), (TIME, "finished", THREE, ""))
    peps.faults.add(Fault(Endpoint.EXECUTE, UNAUTHORIZED_JSON))
    assert place.process("--resubmit", "rejected").status == 2
    assert place.process(*SEARCH).status == 0
    assert kinds(place)[3:] == ["submitting 1", "postponed 1"]
    assert place.process("--resubmit", "rejected").status == 0
    assert kinds(place)[5:] == ["submitting 1", "submitted 1"]


def test_unsure_is_submitted_again_at_the_users_word(place: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, Cut(), match=ONE))
    assert place.process(*SEARCH, "--limit", "1").status == 1
    assert place.process("--resubmit", "unsure").status == 0
    assert kinds(place) == ["submitting 1", "submitting 1", "submitted 1"]
    assert (peps.executed, orders(peps)) == ([ONE], 2)


# -- a busy server, and none -----------------------------------------------------------------------------------


def test_busy_for_a_while(hasty: Place, peps: Sandbox) -> None:
    answers = [TOO_MANY(5), TOO_MANY(status=503), SERVER_BUSY, TOO_MANY(in_seconds(-100), status=503)]
    peps.faults.add(*(Fault(Endpoint.EXECUTE, answer, match=TWO) for answer in answers))
    run = hasty.process(*SEARCH)
    assert run.status == 0
    assert "3 submitted" in run.out
    assert kinds(hasty) == [
        *("submitting 1", "submitted 1"),
        *("submitting 2", "postponed 2") * 4,
        *("submitting 2", "submitted 2"),
        *("submitting 3", "submitted 3"),
    ]
    assert all(detail for _, _, detail in hasty.events("postponed"))
    assert len(waits(hasty)) == 4
    assert waits(hasty)[0] == 5, "as long as Retry-After says"
    assert (peps.executed, orders(peps)) == ([ONE, TWO, THREE], 7)


def test_a_busy_server_that_says_0_seconds_is_not_asked_without_end(hasty: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, TOO_MANY(0), times=None))
    run = hasty.process(*SEARCH)
    assert run.status == 75
    assert orders(peps) <= 61
    assert min(waits(hasty)) >= 1
    assert kinds(hasty) == ["submitting 1", "postponed 1"] * orders(peps)


@pytest.mark.parametrize(
    ("content", "environment", "source"),
    [
        (f"{EMAIL} hunter2\n", {}, "peps.txt"),
        ("", {"PEPS_USER": EMAIL, "PEPS_PASSWORD": "hunter2"}, "PEPS_USER and PEPS_PASSWORD"),
    ],
    ids=["file", "environment"],
)
def test_a_refused_account_names_where_it_came_from(
    place: Place, peps: Sandbox, content: str, environment: dict[str, str], source: str
) -> None:
    (place.folder / "peps.txt").write_text(content, encoding="utf-8")
    run = place.process(*SEARCH, **environment)
    in_one_line(run, 2, "401", source)
    assert "hunter2" not in run.err
    assert len(peps.asked(Endpoint.CAPABILITIES)) == 1
    assert (peps.asked(Endpoint.EXECUTE), place.events()) == ([], [])


def test_an_account_without_a_right_names_where_it_came_from(place: Place, peps: Sandbox) -> None:
    peps.may_run = False
    run = place.process(*SEARCH)
    in_one_line(run, 2, "the account in peps.txt may not run MAJA")
    assert (peps.asked(Endpoint.EXECUTE), place.events()) == ([], [])
    peps.faults.add(Fault(Endpoint.CAPABILITIES, FORBIDDEN))
    run = place.process(*SEARCH, PEPS_USER=EMAIL, PEPS_PASSWORD="secret")
    assert is_one_line(run, "the account in PEPS_USER and PEPS_PASSWORD may not run MAJA")
    peps.faults.add(Fault(Endpoint.CAPABILITIES, Canned(200, ACCEPTED.format(location=""))))
    run = place.process(*SEARCH)
    in_one_line(run, 75, "does not tell what this account may run")


def test_busy_beyond_a_minute(hasty: Place, peps: Sandbox) -> None:
    peps.faults.busy = 1000
    run = hasty.process(*SEARCH)
    assert run.status == 75
    assert waits(hasty) == [3, 6, 12, 24]
    assert kinds(hasty) == ["submitting 1", "postponed 1"] * 5
    assert run.err.count("next run") == 1

    peps.faults.busy = 0
    assert hasty.process(*SEARCH).status == 0
    assert peps.executed == [ONE, TWO, THREE]


def test_one_minute_is_for_the_whole_run(hasty: Place, peps: Sandbox) -> None:
    peps.faults.add(
        Fault(Endpoint.EXECUTE, TOO_MANY(40), match=ONE),
        Fault(Endpoint.EXECUTE, TOO_MANY(20), match=TWO),
        Fault(Endpoint.EXECUTE, TOO_MANY(1), match=THREE),
    )
    assert hasty.process(*SEARCH).status == 75
    assert waits(hasty) == [40, 20]
    assert (peps.executed, orders(peps)) == ([ONE, TWO], 5)
    assert kinds(hasty)[-2:] == ["submitting 3", "postponed 3"]


def test_no_connection(place: Place, peps: Sandbox) -> None:
    def close_the_port(reply: Reply) -> Reply:
        server = peps._server
        assert server
        server.shutdown()
        server.socket.close()
        return reply

    peps.faults.add(Fault(Endpoint.CAPABILITIES, Altered(close_the_port)))
    run = place.process(*SEARCH)
    in_one_line(run, 75, f"no connection to {peps.url}")
    assert kinds(place) == ["submitting 1", "postponed 1"]
    assert orders(peps) == 0

    with Sandbox() as other:
        other.catalogue = peps.catalogue
        assert place.process(*SEARCH, PEPS_SERVER=other.url).status == 0
        assert other.executed == [ONE, TWO, THREE]


def test_the_password_goes_where_it_must_and_nowhere_else(place: Place, peps: Sandbox) -> None:
    password = 'p€ss wörd:#" \\'
    peps.accounts = {EMAIL: password}
    (place.folder / "peps.txt").write_bytes(f"\ufeff{EMAIL}  {password}\r\n".encode())
    netrc = Path(place.environment["HOME"], ".netrc")
    netrc.write_text(f"machine 127.0.0.1 login {EMAIL} password othersecret\n", encoding="utf-8")
    netrc.chmod(0o600)
    peps.faults.add(Fault(Endpoint.EXECUTE, INTERNAL_ERROR, match=TWO), Fault(Endpoint.EXECUTE, FORBIDDEN, match=THREE))
    run = place.process(*SEARCH, "-v")
    assert (run.status, peps.executed) == (2, [ONE])

    token = base64.b64encode(f"{EMAIL}:{password}".encode()).decode()
    for recorded in peps.asked(Endpoint.CAPABILITIES, Endpoint.EXECUTE):
        assert recorded.headers["authorization"] == f"Basic {token}"
        assert "wörd" not in "".join(recorded.query.values())
    output = run.out + run.err + place.log.read_text(encoding="utf-8")
    assert [secret for secret in ("wörd", "w\\xf6rd", token, "othersecret") if secret in output] == []


def test_a_log_in_a_folder_that_is_not_there(place: Place, peps: Sandbox) -> None:
    run = place.process(*SEARCH, "-l", "no/such/folder.log")
    in_one_line(run, 2, "no/such/folder.log")
    assert not peps.asked(Endpoint.EXECUTE)


# -- two runs, and signals -------------------------------------------------------------------------------------


class Held:
    """Holds the answer to an Execute back, after its job began, until `let_go`."""

    def __init__(self, peps: Sandbox, name: str) -> None:
        self._arrived, self._released = threading.Event(), threading.Event()
        peps.faults.add(Fault(Endpoint.EXECUTE, Altered(self._hold), match=name))

    def _hold(self, reply: Reply) -> Reply:
        self._arrived.set()
        self._released.wait(30)
        return reply

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        self.let_go()

    def wait(self) -> None:
        assert self._arrived.wait(30)

    def let_go(self) -> None:
        self._released.set()


def test_two_runs_never_meet(place: Place, peps: Sandbox) -> None:
    with Held(peps, TWO) as held, place.start("process", *SEARCH, PEPS_TIMEOUT="30") as first:
        held.wait()
        run = place.process(*SEARCH)
        assert (run.status, run.out) == (75, "")
        assert is_one_line(run, "another run")
        run = place.process(*SEARCH, "-q")
        assert (run.status, run.out, run.err) == (75, "", "")
        assert place.process("--adopt", THREE, STATUS_URL).status == 75
        assert place.process("--drop", ONE).status == 75
        assert len(place.process(*SEARCH, "-n").out.splitlines()) > 3, "looking is free"
        place.download("-q")
        assert len(place.zips()) == 1, "downloading goes on"
        held.let_go()
        out, err = first.communicate(timeout=30)
    assert (first.returncode, err) == (0, "")
    assert "3 submitted" in out
    assert (peps.executed, orders(peps)) == ([ONE, TWO, THREE], 3)


def test_a_run_that_was_killed_holds_nobody_up(place: Place, peps: Sandbox) -> None:
    with Held(peps, ONE) as held, place.start("process", *SEARCH, PEPS_TIMEOUT="30") as first:
        held.wait()
        first.kill()
        first.wait(30)
        run = place.process(*SEARCH)
    assert run.status == 1
    assert ONE in run.err
    assert peps.executed == [ONE, TWO, THREE]
    assert kinds(place) == ["submitting 1", "submitting 2", "submitted 2", "submitting 3", "submitted 3"]


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str
)
def test_a_signal_waits_for_the_outstanding_answer(
    place: Place, peps: Sandbox, number: signal.Signals, status: int
) -> None:
    with Held(peps, TWO) as held, place.start("process", *SEARCH, PEPS_TIMEOUT="30") as process:
        held.wait()
        process.send_signal(number)
        assert process.stderr
        assert "second signal" in process.stderr.readline()
        held.let_go()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err.count("\n")) == (status, 1)
    assert "Traceback" not in err
    assert place.events() == submitted(peps, ONE, TWO)
    assert f"{TWO}: submitted" in out
    assert "2 submitted, 1 left for the next run" in out

    assert place.process(*SEARCH).status == 0
    assert (peps.executed, orders(peps)) == ([ONE, TWO, THREE], 3)


def test_a_second_signal_does_not_wait(place: Place, peps: Sandbox) -> None:
    with Held(peps, TWO) as held, place.start("process", *SEARCH, PEPS_TIMEOUT="30") as process:
        held.wait()
        process.send_signal(signal.SIGTERM)
        assert process.stderr
        assert "second signal" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode in {130, 143}
    assert "Traceback" not in err
    assert kinds(place) == ["submitting 1", "submitted 1", "submitting 2"]
    assert TWO in out + err, "it is unsure now"
    assert "1 left for the next run" in out

    run = place.process(*SEARCH)
    in_one_line(run, 1, TWO, "--resubmit unsure")
    assert (peps.executed, orders(peps)) == ([ONE, TWO, THREE], 3)


def test_a_signal_ends_the_wait_for_a_busy_server_at_once(place: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, TOO_MANY(50)))
    with place.start("process", *SEARCH) as process:
        assert process.stderr
        assert "again in 50 s" in process.stderr.readline()
        time.sleep(0.2)  # one that comes before the wait has begun is seen when it is over
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130
    assert kinds(place) == ["submitting 1", "postponed 1"]
