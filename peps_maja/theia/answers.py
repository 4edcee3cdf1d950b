"""What the answer to a download from GEODES means, where it is not the file. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from peps_maja.text import one_line
from peps_maja.theia.fields import mapping, text
from peps_maja.theia.items import read_json_or_none

_QUOTA = re.compile(r"quota|too many|exceed", re.IGNORECASE)
_NEW_KEY = "make a new one on the portal (log in, profile, API key)"


class Refusal(Enum):
    """What follows of an answer that is not the file."""

    KEY = "key"  # status 2 for all of Theia's jobs: a person has to fix it
    QUOTA = "quota"  # status 75: nothing more is asked for in this run
    LATER = "later"  # status 75, this product alone
    MISSING = "missing"  # as any other result that the server does not have


@dataclass(frozen=True)
class Refused:
    """Why a product does not come, and what the user is told."""

    kind: Refusal
    message: str


def refused(status: int, body: bytes, *, key_source: str, portal: str, with_key: bool = True) -> Refused | None:
    """Return what an answer means that GEODES gives in place of a file; None for a file, and for trouble of any server.

    `key_source` names where the key came from; `with_key` is False for another host, which is asked without it.
    """
    if status == 202:
        return Refused(Refusal.LATER, "GEODES prepares it (202); the next run asks again")
    if status == 429 or (status == 403 and _QUOTA.search(body[:10_000].decode(errors="replace"))):
        return Refused(Refusal.QUOTA, f"the hourly quota of GEODES is used up ({status}); the next run goes on")
    if status in {401, 403}:
        if with_key:
            return key_refused(str(status), key_source)
        return Refused(Refusal.MISSING, f"another server than GEODES has it and does not give it away ({status})")
    if status == 404:
        return Refused(Refusal.MISSING, "GEODES does not have it any more (404); look for a newer version of it")
    if status == 410:
        return Refused(Refusal.MISSING, f"it is on tape (410): have it restored on its page at {portal}")
    if status == 423:
        return Refused(Refusal.MISSING, f"its licence must be accepted first (423), at {_licence(body) or portal}")
    return None


def key_refused(why: str, key_source: str) -> Refused:
    """Return the refusal of a key: by a status, or by redirects without end."""
    return Refused(Refusal.KEY, f"GEODES refuses the API key from {key_source} ({why}): {_NEW_KEY} and put it there")


def key_missing(credentials: str) -> Refused:
    """Return what to say where there is no key at all."""
    return Refused(
        Refusal.KEY, f"downloads from GEODES need an API key: {_NEW_KEY} and write 'geodes KEY' into {credentials}"
    )


def _licence(body: bytes) -> str:
    """Return where the licence can be accepted, as the answer says, if that is an address."""
    link = text(mapping(read_json_or_none(body)).get("linkToLicence"))
    return one_line(link, 200) if link.startswith(("https://", "http://")) else ""
