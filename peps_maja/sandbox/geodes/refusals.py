"""The answers with which GEODES refuses, to be used as faults."""

from __future__ import annotations

import json

from peps_maja.sandbox.exchange import JSON
from peps_maja.sandbox.faults import Canned


def refusal(status: int, kind: str, message: str, **more: str) -> Canned:
    """Return an error as GEODES words it."""
    error = {"correlationId": "6d1c0c5e", "type": kind, "message": message, **more}
    return Canned(status, json.dumps(error), {"Content-Type": JSON})


WRONG_KEY = refusal(401, "UNAUTHORIZED", "Authentication is required to access this resource")
QUOTA = refusal(403, "FORBIDDEN", "Downloading products per hour exceeds quota limit")
QUOTA_429 = refusal(429, "TOO_MANY_REQUESTS", "Quota exceeded")
NOT_READY = Canned(202)
ON_TAPE = refusal(410, "GONE", "File is on tape and not restored")
LICENCE = refusal(423, "LOCKED", "Licence not accepted", linkToLicence="https://geodes-portal.cnes.fr/licence/theia")
REDIRECTS = Canned(302, headers={"Location": "?again"})
