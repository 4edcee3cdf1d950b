"""Whole runs of peps_maja_process.py: each product is submitted once, whatever the server answers."""

from __future__ import annotations

import base64
import re
import signal
import threading
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from pathlib import Path

import pytest
from helpers import EMAIL, STATUS_URL, TILE, Place, is_one_line, waits

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

pytestmark = pytest.mark.slow

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
    """Return the refusal of a WPS server."""
    inside = f"<ows:ExceptionText>{text}</ows:ExceptionText>" if text else ""
    return Canned(status, REFUSED.format(code=code, text=inside), headers or {})


def in_seconds(seconds: int) -> str:
    """Return the HTTP date that comes so many seconds from now."""
    return format_datetime(datetime.now(timezone.utc) + timedelta(seconds=seconds), usegmt=True)


def half(reply: Reply) -> Reply:
    """Return a reply whose document breaks off in the middle, by its own word whole."""
    return reply.with_body(reply.body[: len(reply.body) // 2])


def submitted(peps: Sandbox, *names: str) -> list[tuple[str, str, str]]:
    """Return the events of products that were accepted."""
    return [
        event for name in names for event in (("submitting", name, ""), ("submitted", name, peps.job(name).status_url))
    ]


def kinds(place: Place) -> list[str]:
    """Return each event of the log with the number of its product: `submitting 1`."""
    return [f"{event} {1 + (ONE, TWO, THREE).index(name)}" for event, name, _ in place.events()]


def orders(peps: Sandbox) -> int:
    """Return how many Execute requests the server has seen."""
    return len(peps.asked(Endpoint.EXECUTE))


@pytest.fixture(autouse=True)
def products(peps: Sandbox) -> None:
    """Three products in the catalogue."""
    peps.catalogue = [{"properties": {"productIdentifier": name}} for name in (THREE, ONE, TWO)]


# -- what an answer to Execute means ---------------------------------------------------------------------------


@pytest.mark.parametrize("names", ["pywps-{uuid}.xml", "{uuid}.xml", "inside"])
def test_accepted(place: Place, peps: Sandbox, names: str) -> None:
    if names == "inside":
        peps.faults.inside_hosts = True
    else:
        peps.faults.status_names = names
    before: list[str] = []

    def look(reply: Reply) -> Reply:
        before.append(kinds(place)[-1])
        return reply

    peps.faults.add(Fault(Endpoint.EXECUTE, Altered(look), times=None))
    assert place.process(*SEARCH).status == 0
    assert before == ["submitting 1", "submitting 2", "submitting 3"], "on disk before the request left"
    assert kinds(place) == [f"{event} {number}" for number in (1, 2, 3) for event in ("submitting", "submitted")]
    for name, (_, _, address) in zip((ONE, TWO, THREE), place.events("submitted"), strict=True):
        assert address.rpartition("/")[2] == peps.job(name).status_file
        assert address.startswith("http://peps-vizo.cnes.fr:8081/" if names == "inside" else peps.url)
    assert (peps.executed, orders(peps)) == ([ONE, TWO, THREE], 3)


@pytest.mark.parametrize("status", [202, 401, 403, 429, 500, 503])
def test_accepted_whatever_the_status(place: Place, peps: Sandbox, status: int) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, Altered(lambda reply: replace(reply, status=status)), times=None))
    assert place.process(*SEARCH).status == 0
    assert place.events() == submitted(peps, ONE, TWO, THREE)


@pytest.mark.parametrize(
    "form", ["/wps/outputs/{}", "{}", "file:///var/www/wps/outputs/{}", "file:///tmp/{}", "//peps-vizo/wps/outputs/{}"]
)
def test_a_status_url_without_a_host_is_brought_to_the_server(place: Place, peps: Sandbox, form: str) -> None:
    def inside(reply: Reply) -> Reply:
        return reply.with_body(re.sub(r'(?<=statusLocation=")[^"]*/', form.replace("{}", ""), reply.text()).encode())

    peps.faults.add(Fault(Endpoint.EXECUTE, Altered(inside), times=None))
    assert place.process(*SEARCH).status == 0
    assert place.events() == submitted(peps, ONE, TWO, THREE)
    assert place.download("-q").status == 0
    assert len(place.events("finished")) == 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (refused("InvalidParameterValue", "no such product"), "no such product"),
        (refused("InvalidParameterValue", "no such product", 400), "no such product"),
        (refused("MissingParameterValue", status=400), "MissingParameterValue"),
        (refused("NoApplicableCode"), "NoApplicableCode"),
        (Canned(200, REFUSED_BY_WPS), "no such thing"),
        (Canned(200, FAILED), "déjà fait"),
        (Canned(200, FAILED.encode("latin-1")), "fait"),
        (Canned(200, b'<?xml version="1.0" encoding="us-ascii"?>' + FAILED.encode("latin-1")), "fait"),
    ],
    ids=[
        "ProcessFailed",
        "Latin-1",
        "Latin-1 that says ASCII",
        "200",
        "400",
        "without text, 400",
        "without text, 200",
        "namespace of WPS",
    ],
)
def test_rejected(place: Place, peps: Sandbox, answer: Canned, reason: str) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, answer, match=TWO))
    run = place.process(*SEARCH)
    assert run.status == 1
    assert is_one_line(run, TWO, reason)
    ((event, name, detail),) = place.events("rejected", "postponed")
    assert (event, name) == ("rejected", TWO)
    assert reason in detail
    assert place.events("submitting", "submitted") == [
        *submitted(peps, ONE),
        ("submitting", TWO, ""),
        *submitted(peps, THREE),
    ]
    assert (peps.executed, orders(peps)) == ([ONE, THREE], 3)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Canned(401), 2),
        (UNAUTHORIZED_JSON, 2),
        (Canned(200, '{"ErrorMessage": "Unauthorized"}'), 2),
        (FORBIDDEN, 2),
        (Canned(403, "<html>Forbidden</html>"), 75),
        (Canned(200, '{"ErrorCode": 403, "ErrorMessage": "Forbidden"}'), 2),
        (TOO_MANY(61), 75),
        (TOO_MANY(61, status=503), 75),
        (TOO_MANY(in_seconds(600)), 75),
        (refused("ServerBusy", "full", headers={"Retry-After": "61"}), 75),
        (refused("ServerBusy", "full", 503, headers={"Retry-After": "61"}), 75),
    ],
    ids=[
        "401",
        "401 in JSON with 200",
        "Unauthorized without a code",
        "403 in JSON",
        "403 in HTML",
        "403 in JSON with 200",
        "429",
        "503",
        "429 with a date",
        "ServerBusy",
        "ServerBusy with 503",
    ],
)
def test_not_taken_and_the_run_ends(place: Place, peps: Sandbox, answer: Canned, status: int) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, answer, match=TWO))
    run = place.process(*SEARCH)
    assert run.status == status
    assert is_one_line(run, "peps_maja_process: ")
    assert kinds(place) == ["submitting 1", "submitted 1", "submitting 2", "postponed 2"]
    assert place.events()[-1][2], "with a reason"
    assert (peps.executed, orders(peps)) == ([ONE], 2)


@pytest.mark.parametrize(
    "answer",
    [
        INTERNAL_ERROR,
        BAD_GATEWAY,
        Canned(504),
        Canned(500, '{"ErrorCode": 500, "ErrorMessage": "Error"}'),
        refused("NoApplicableCode", "it broke", 500),
        refused("ServerBusy", "full", 502),
        Canned(500, '{"ErrorCode": 420, "ErrorMessage": "week|10000000"}'),
        Canned(502, '{"ErrorMessage": "Forbidden"}'),
        Canned(202),
        HTML_PAGE,
        NOT_FOUND,
        Canned(302, headers={"Location": "/elsewhere"}),
        Canned(200),
        Canned(200, '{"ErrorCode": 500, "ErrorMessage": "Error"}'),
        Canned(200, "{}"),
        Canned(200, ACCEPTED.format(location="")),
        Canned(200, ACCEPTED.format(location='statusLocation=""')),
        Canned(200, ACCEPTED.format(location=f'statusLocation="{STATUS_URL[:-6]}"')),
        Canned(200, "not gzip at all", {"Content-Encoding": "gzip"}),
        Canned(200, ACCEPTED.format(location=f'statusLocation="{STATUS_URL}"') + " " * 1_000_000),
        Altered(half),
        Cut(),
        Cut(work_done=True),
        Cut(after=20),
        Stall(30, work_done=True),
        Stall(30, after=20),
    ],
    ids=[
        "500",
        "502",
        "504",
        "500 in JSON",
        "500 in XML",
        "502 with ServerBusy",
        "500 with a quota",
        "502 with Forbidden",
        "202 without a word",
        "HTML",
        "404",
        "redirect",
        "nothing",
        "500 in JSON with 200",
        "other JSON",
        "no status URL",
        "empty status URL",
        "status URL cut short",
        "broken encoding",
        "more than any answer has",
        "XML cut short",
        "cut before the job was taken",
        "cut after the job was taken",
        "cut in the answer",
        "silence",
        "silence in the answer",
    ],
)
def test_unsure(place: Place, peps: Sandbox, answer: Answer) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, answer, match=TWO))
    run = place.process(*SEARCH, PEPS_TIMEOUT="1" if isinstance(answer, Stall) else "10")
    assert run.status == 1
    assert is_one_line(run, TWO, "--resubmit unsure")
    assert kinds(place) == ["submitting 1", "submitted 1", "submitting 2", "submitting 3", "submitted 3"]
    assert orders(peps) == 3, "no second try"
    assert not peps.asked(Endpoint.OTHER), "no redirect followed"
    assert [name for name in peps.executed if name != TWO] == [ONE, THREE]


@pytest.mark.parametrize(
    ("answer", "first", "later"),
    [
        (None, [ONE, TWO, THREE], []),
        (refused("InvalidParameterValue"), [ONE, THREE], []),
        (TOO_MANY(61), [ONE], [TWO, THREE]),
        (Cut(work_done=True), [ONE, TWO, THREE], []),
    ],
    ids=["accepted", "rejected", "postponed", "unsure"],
)
def test_a_later_run_submits_what_was_surely_not_taken(
    place: Place, peps: Sandbox, answer: Answer | None, first: list[str], later: list[str]
) -> None:
    status = 1 if isinstance(answer, Cut) else 0
    if answer:
        peps.faults.add(Fault(Endpoint.EXECUTE, answer, match=TWO))
    place.process(*SEARCH)
    assert peps.executed == first
    seen = orders(peps)
    run = place.process(*SEARCH)
    assert (peps.executed, orders(peps)) == (first + later, seen + len(later))
    assert run.status == status
    assert is_one_line(run, TWO, "--resubmit unsure") if status else run.err == ""

    place.download("-q")
    assert place.process(*SEARCH).status == status
    assert (peps.executed, orders(peps)) == (first + later, seen + len(later))


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


def test_rejected_is_graver_than_busy(place: Place, peps: Sandbox) -> None:
    peps.faults.add(
        Fault(Endpoint.EXECUTE, refused("InvalidParameterValue"), match=ONE),
        Fault(Endpoint.EXECUTE, TOO_MANY(61), match=TWO),
    )
    run = place.process(*SEARCH)
    assert run.status == 1
    assert "1 rejected" in run.out
    assert "2 left for the next run" in run.out


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


def test_a_server_that_answers_nothing_clear_starts_no_product_twice(place: Place, peps: Sandbox) -> None:
    names = [ONE.replace("T10", f"T{hour}") for hour in range(10, 16)]
    peps.catalogue = [{"properties": {"productIdentifier": name}} for name in names]
    peps.faults.add(Fault(Endpoint.EXECUTE, Cut(work_done=True), times=None))
    for _ in range(2):
        run = place.process(*SEARCH)
        assert run.status == 1
        for name in peps.executed:
            assert name in run.err
    assert peps.executed == names[: len(peps.executed)]
    assert place.events() == [("submitting", name, "") for name in peps.executed]


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


def test_an_accepted_order_with_a_letter_in_latin_1(place: Place, peps: Sandbox) -> None:
    def in_latin_1(reply: Reply) -> Reply:
        return reply.with_body(reply.text().replace(" accepted", " accepté").encode("latin-1"))

    peps.faults.add(Fault(Endpoint.EXECUTE, Altered(in_latin_1), times=None))
    assert place.process(*SEARCH).status == 0
    assert place.events() == submitted(peps, ONE, TWO, THREE)


WEEK = '{"ErrorCode": 420, "ErrorMessage": "week|10000000"}'
FLOWS = Canned(403, "Maximum number of 4 concurrent flows achieved")


@pytest.mark.parametrize("answer", [Canned(200, WEEK), Canned(420, WEEK), FLOWS], ids=["200", "420", "flows"])
def test_a_quota_leaves_the_rest_for_the_next_run_at_once(place: Place, peps: Sandbox, answer: Canned) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, answer, match=TWO))
    run = place.process(*SEARCH)
    assert run.status == 75
    assert is_one_line(run, "next run")
    assert kinds(place) == ["submitting 1", "submitted 1", "submitting 2", "postponed 2"]
    assert place.process(*SEARCH).status == 0
    assert peps.executed == [ONE, TWO, THREE]


@pytest.mark.parametrize(
    ("content", "environment", "words"),
    [
        (f"{EMAIL} wrong\n", {}, ["peps.txt"]),
        (f"{EMAIL} 'secret'\n", {}, ["peps.txt", "quotes"]),
        (f"{EMAIL} secret \n", {}, ["peps.txt", "ends with a space"]),
        ("", {"PEPS_USER": EMAIL, "PEPS_PASSWORD": '"secret"'}, ["PEPS_USER and PEPS_PASSWORD", "quotes"]),
    ],
    ids=["file", "quotes", "blank", "environment"],
)
def test_a_refused_account_names_where_it_came_from(
    place: Place, content: str, environment: dict[str, str], words: list[str]
) -> None:
    (place.folder / "peps.txt").write_text(content, encoding="utf-8")
    run = place.process(*SEARCH, **environment)
    assert run.status == 2
    assert is_one_line(run, "401", *words)
    assert "secret" not in run.err


def test_an_account_without_a_right_names_where_it_came_from(place: Place, peps: Sandbox) -> None:
    peps.may_run = False
    assert is_one_line(place.process(*SEARCH), "the account in peps.txt may not run MAJA")
    peps.faults.add(Fault(Endpoint.CAPABILITIES, FORBIDDEN))
    run = place.process(*SEARCH, PEPS_USER=EMAIL, PEPS_PASSWORD="secret")
    assert is_one_line(run, "the account in PEPS_USER and PEPS_PASSWORD may not run MAJA")


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
    assert run.status == 75
    assert is_one_line(run, f"no connection to {peps.url}")
    assert kinds(place) == ["submitting 1", "postponed 1"]
    assert orders(peps) == 0

    with Sandbox() as other:
        other.catalogue = peps.catalogue
        assert place.process(*SEARCH, PEPS_SERVER=other.url).status == 0
        assert other.executed == [ONE, TWO, THREE]


# -- the account -----------------------------------------------------------------------------------------------


def test_an_account_without_the_right_to_run_maja(place: Place, peps: Sandbox) -> None:
    peps.may_run = False
    run = place.process(*SEARCH)
    assert run.status == 2
    assert is_one_line(run, "MAJA")
    assert not peps.asked(Endpoint.EXECUTE)
    assert place.events() == []


@pytest.mark.parametrize("answer", [None, UNAUTHORIZED_JSON], ids=["401", "JSON with 200"])
def test_a_wrong_password(place: Place, peps: Sandbox, answer: Canned | None) -> None:
    if answer:
        peps.faults.add(Fault(Endpoint.CAPABILITIES, answer))
    (place.folder / "peps.txt").write_text(f"{EMAIL} wrong\n", encoding="utf-8")
    run = place.process(*SEARCH)
    assert run.status == 2
    assert is_one_line(run, "password")
    assert len(peps.asked(Endpoint.CAPABILITIES)) == 1
    assert not peps.asked(Endpoint.EXECUTE)
    assert place.events() == []


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


# -- logs in any condition -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tail", "unsure"),
    [
        (f"{TIME}\tsubmitting\t{ONE}\t\n{TIME}\tsubmitted\t{ONE}\thttps://peps.cnes.fr/resto/w", [ONE]),
        (f"{TIME}\tsubmitting\t{ONE}\t\n{TIME}\tsubm", [ONE]),
        ("2019-04-", []),
    ],
    ids=["in the status URL", "in the event", "in the time"],
)
def test_a_torn_last_line(place: Place, peps: Sandbox, tail: str, unsure: list[str]) -> None:
    place.log.write_text(HEADER + tail, encoding="utf-8")
    wanted = [name for name in (ONE, TWO, THREE) if name not in unsure]
    for _ in range(2):
        assert place.process(*SEARCH).status == len(unsure)
        assert peps.executed == wanted
    text = place.log.read_text(encoding="utf-8")
    assert text.startswith(f"{HEADER}{tail}\n"), "only ever appended to"
    assert re.findall(r"^20.{18}\tsubmitted\t(S2A_\w+)\thttp.*\.xml$", text, re.MULTILINE) == wanted


@pytest.mark.parametrize(
    "content",
    [b"", HEADER[:9].encode(), HEADER[:-1].encode(), b"# peps_maja job log 1\r\n"],
    ids=["empty", "torn header", "header without end", "saved on Windows"],
)
def test_a_log_that_has_hardly_begun(place: Place, peps: Sandbox, content: bytes) -> None:
    place.log.write_bytes(content)
    for _ in range(2):
        assert place.process(*SEARCH).status == 0
    assert peps.executed == [ONE, TWO, THREE]
    assert kinds(place) == [f"{event} {number}" for number in (1, 2, 3) for event in ("submitting", "submitted")]


def test_what_the_log_does_not_know_keeps_a_product_from_being_submitted(place: Place, peps: Sandbox) -> None:
    lines = [
        "# a comment",
        "",
        f"noise about {ONE}",
        f"{TIME}\tarchived\t{ONE}\tto tape",
        f"yesterday\tsubmitted\t{TWO}\t{STATUS_URL}",
    ]
    place.log.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    run = place.process(*SEARCH)
    assert (run.status, peps.executed) == (1, [THREE])
    about_lines, about_job = run.err.splitlines()
    assert "peps_maja.log: line 4 cannot" in about_lines
    assert f"{ONE}: " in about_job


def test_the_order_of_lines_counts_and_not_the_clock(place: Place, peps: Sandbox) -> None:
    place.write_log(
        ("2030-01-01T00:00:00Z", "submitting", ONE, ""),
        ("2019-01-01T00:00:00Z", "postponed", ONE, "busy"),
        ("2019-01-01T00:00:00Z", "postponed", TWO, "busy"),
        ("2018-01-01T00:00:00Z", "submitting", TWO, ""),
        ("2019-01-01T00:00:00Z", "submitting", THREE, ""),
        ("2019-01-01T00:00:00Z", "submitted", THREE, STATUS_URL[:-6]),
    )
    run = place.process(*SEARCH)
    assert (run.status, peps.executed) == (1, [ONE])
    assert sorted(re.findall(rf"{TWO}|{THREE}", run.err)) == [TWO, THREE], "both are unsure"


@pytest.mark.parametrize(
    "content",
    [None, b"\x1f\x8b\x08\x00\xff\xfe\n\x00", b"something else\n", f"{TIME}\tsubmitting\t{ONE}\t\n".encode()],
    ids=["folder", "binary", "other text", "no header"],
)
def test_what_is_no_log(place: Place, peps: Sandbox, content: bytes | None) -> None:
    if content is None:
        place.log.mkdir()
    else:
        place.log.write_bytes(content)
    for arguments in (SEARCH, ("--adopt", ONE, STATUS_URL)):
        run = place.process(*arguments)
        assert (run.status, run.out) == (2, "")
        assert is_one_line(run, "peps_maja.log")
    assert peps.requests == []
    assert content is None or place.log.read_bytes() == content


def test_a_log_in_a_folder_that_is_not_there(place: Place, peps: Sandbox) -> None:
    run = place.process(*SEARCH, "-l", "no/such/folder.log")
    assert run.status == 2
    assert is_one_line(run, "no/such/folder.log")
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
        """Wait until the request is there."""
        assert self._arrived.wait(30)

    def let_go(self) -> None:
        """Let the answer go out."""
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
    assert run.status == 1
    assert is_one_line(run, TWO, "--resubmit unsure")
    assert (peps.executed, orders(peps)) == ([ONE, TWO, THREE], 3)


def test_a_signal_ends_the_wait_for_a_busy_server_at_once(place: Place, peps: Sandbox) -> None:
    peps.faults.add(Fault(Endpoint.EXECUTE, TOO_MANY(50)))
    with place.start("process", *SEARCH) as process:
        assert process.stderr
        assert "again in 50 s" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130
    assert kinds(place) == ["submitting 1", "postponed 1"]


def test_output_that_nobody_reads_stops_nothing(place: Place, peps: Sandbox) -> None:
    with Held(peps, ONE) as held, place.start("process", *SEARCH, PEPS_TIMEOUT="30") as process:
        held.wait()
        assert process.stdout
        process.stdout.close()
        held.let_go()
        assert process.wait(30) == 0
    assert place.events() == submitted(peps, ONE, TWO, THREE)
