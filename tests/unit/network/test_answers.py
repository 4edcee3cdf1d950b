"""What an answer over HTTP means: one of our errors, or nothing wrong."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from peps_maja.errors import (
    CredentialsError,
    Forbidden,
    NotThere,
    PepsError,
    QuotaReached,
    ServerBusy,
    ServerTrouble,
    Status,
)
from peps_maja.network.answers import Answer, Passing, retry_after
from peps_maja.network.credentials import Credentials
from peps_maja.peps.service import refused

ACCOUNT = Credentials("me@example.org", "secret", "peps.txt")
WEEK = b'{"ErrorCode": 420, "ErrorMessage": "week|10000000"}'
FLOWS = b"Maximum number of 4 concurrent flows achieved by the user"
INVALID = b'{"ErrorCode": 403, "ErrorMessage": "User profile has not been validated"}'
PAGE = b"<!DOCTYPE html><html><style>p {maximum number}</style><body><h1>%s</h1></body></html>"

ANSWERS: dict[str, tuple[int, bytes, type[PepsError] | None, Status]] = {
    "well": (200, b'{"features": []}', None, Status.OK),
    "week's quota, 200": (200, WEEK, QuotaReached, Status.TRY_LATER),
    "week's quota, 420": (420, WEEK, QuotaReached, Status.TRY_LATER),
    "week's quota, 403": (403, WEEK, QuotaReached, Status.TRY_LATER),
    "quota as text": (200, WEEK.replace(b"420", b'"420"'), QuotaReached, Status.TRY_LATER),
    "420 without words": (420, b"", QuotaReached, Status.TRY_LATER),
    "429": (429, PAGE % b"Slow down", QuotaReached, Status.TRY_LATER),
    "flows": (403, FLOWS, QuotaReached, Status.TRY_LATER),
    "flows in JSON": (200, b'{"ErrorCode": 403, "ErrorMessage": "%s"}' % FLOWS, QuotaReached, Status.TRY_LATER),
    "flows in HTML": (403, PAGE % FLOWS, QuotaReached, Status.TRY_LATER),
    "quota of the user": (403, b"User quota exceeded", QuotaReached, Status.TRY_LATER),
    "account not valid, 403": (403, INVALID, CredentialsError, Status.UNUSABLE),
    "account not valid, 200": (200, INVALID, CredentialsError, Status.UNUSABLE),
    "account in plain words": (403, b"This account is closed", CredentialsError, Status.UNUSABLE),
    "a firewall's page": (403, PAGE % b"Access denied. Ask your account manager", ServerTrouble, Status.TRY_LATER),
    "403": (403, b"", Forbidden, Status.TROUBLE),
    "403 in JSON": (200, b'{"ErrorCode": 403, "ErrorMessage": "Forbidden"}', Forbidden, Status.TROUBLE),
    "401": (401, b"", CredentialsError, Status.UNUSABLE),
    "Unauthorized": (200, b'{"ErrorMessage": "Unauthorized"}', CredentialsError, Status.UNUSABLE),
    "202": (202, b"", ServerBusy, Status.TRY_LATER),
    "503": (503, b"", ServerBusy, Status.TRY_LATER),
    "500 in JSON": (200, b'{"ErrorCode": 500, "ErrorMessage": "Error"}', ServerTrouble, Status.TRY_LATER),
    "404": (404, b"", NotThere, Status.TROUBLE),
}


@pytest.mark.parametrize(("code", "body", "kind", "status"), ANSWERS.values(), ids=ANSWERS)
def test_refusal(code: int, body: bytes, kind: type[PepsError] | None, status: Status) -> None:
    error = refused(Answer(code, {}, body, "https://peps.cnes.fr/a?b=c", ACCOUNT))
    assert type(error) in {kind, Passing} if kind is ServerTrouble else type(error) is (kind or type(None))
    assert error is None or (error.status is status and "b=c" not in str(error) and str(error).isprintable())


SECONDS = {"120": 120.0, " 5 ": 5.0, "0": 0.0, "Wed, 21 Oct 2015 07:28:00 GMT": 0.0}
NO_SECONDS = ["-1", "1.5", "soon", "", "\u0663", "9" * 5000, "Wed, 21 Oct 99999999 07:28:00 GMT"]


def test_retry_after() -> None:
    assert {value: retry_after({"Retry-After": value}) for value in SECONDS} == SECONDS
    assert {retry_after({"Retry-After": value}) for value in NO_SECONDS} == {None}
    moment = format_datetime(datetime.now(timezone.utc) + timedelta(minutes=1), usegmt=True)
    assert 55 < (retry_after({"Retry-After": moment}) or 0) <= 60


@pytest.mark.parametrize("name", ["401", "Unauthorized", "account not valid, 403", "account not valid, 200"])
def test_an_account_is_refused_only_where_one_was_sent(name: str) -> None:
    code, body, _, _ = ANSWERS[name]
    assert isinstance(refused(Answer(code, {}, body, "https://peps.cnes.fr/a")), Forbidden)
