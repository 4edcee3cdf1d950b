"""What an answer to an order means: whatever is not clear is unsure."""

from __future__ import annotations

import pytest

from peps_maja.errors import CredentialsError, PepsError, QuotaReached, ServerBusy, ServerTrouble
from peps_maja.network.answers import Answer
from peps_maja.network.credentials import Credentials
from peps_maja.peps.service import Server
from peps_maja.peps.submitting import Outcome, Submission, meaning_of

WPS = "https://peps.cnes.fr/resto/wps"
BUSY = '<ExceptionReport><Exception exceptionCode="ServerBusy"/></ExceptionReport>'
REFUSED = BUSY.replace("ServerBusy", "NoApplicableCode")
ACCEPTED = (
    f'<ExecuteResponse statusLocation="{WPS}/outputs/1.xml"><Status><ProcessAccepted/></Status></ExecuteResponse>'
)
WEEK = '{"ErrorCode": 420, "ErrorMessage": "week|10000000"}'
ANSWERS: dict[str, tuple[int, str, type[PepsError] | Outcome]] = {
    "401": (401, "", CredentialsError),
    "401 in JSON with 200": (200, '{"ErrorMessage": "Unauthorized", "ErrorCode": 401}', CredentialsError),
    "Unauthorized without a code": (200, '{"ErrorMessage": "Unauthorized"}', CredentialsError),
    "403 in JSON": (403, '{"ErrorCode": 403, "ErrorMessage": "Forbidden"}', CredentialsError),
    "403 in JSON with 200": (200, '{"ErrorCode": 403, "ErrorMessage": "Forbidden"}', CredentialsError),
    "403 in HTML": (403, "<html>Forbidden</html>", ServerTrouble),
    "a quota": (420, WEEK, QuotaReached),
    "a quota with 200": (200, WEEK, QuotaReached),
    "a limit": (403, "Maximum number of 4 concurrent flows achieved", QuotaReached),
    "429": (429, "", ServerBusy),
    "503": (503, "", ServerBusy),
    "ServerBusy": (200, BUSY, ServerBusy),
    "ServerBusy with 503": (503, BUSY, ServerBusy),
    "ServerBusy with 502": (502, BUSY, Outcome.UNSURE),
    "refused": (400, REFUSED, Outcome.REJECTED),
    "refused with 500": (500, REFUSED, Outcome.UNSURE),
    "a quota with 500": (500, WEEK, Outcome.UNSURE),
    "202": (202, "", Outcome.UNSURE),
    "nothing": (200, "", Outcome.UNSURE),
    "accepted with 503": (503, ACCEPTED, Outcome.SUBMITTED),
    "accepted with 401": (401, ACCEPTED, Outcome.SUBMITTED),
}


@pytest.mark.parametrize(("status", "body", "meaning"), ANSWERS.values(), ids=ANSWERS)
def test_what_an_answer_to_an_order_means(status: int, body: str, meaning: type[PepsError] | Outcome) -> None:
    answer = Answer(status, {"Retry-After": "7"}, body.encode(), WPS, Credentials("me@example.org", "secret"))
    found = meaning_of(answer, Server.parse(Server.example))
    assert found.outcome is meaning if isinstance(found, Submission) else type(found) is meaning
    assert not isinstance(found, ServerBusy) or found.retry_after == 7
