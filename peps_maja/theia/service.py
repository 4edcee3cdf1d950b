"""GEODES as a service: its address, the API key that its downloads need, and what its answers mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar

from peps_maja.errors import (
    CredentialsError,
    Forbidden,
    NoAccount,
    NotThere,
    PepsError,
    QuotaReached,
    ServerBusy,
    ServerTrouble,
    UsageError,
)
from peps_maja.network.answers import REDIRECTS, Answer, refusal
from peps_maja.network.client import Client
from peps_maja.network.credentials import Secret, read_key
from peps_maja.network.documents import read_object, text
from peps_maja.network.pages import Page, read_all
from peps_maja.network.trust import Site
from peps_maja.products.records import L2ARecord
from peps_maja.text import one_line
from peps_maja.theia.queries import PAGE_SIZE, Search
from peps_maja.theia.reading import message_of, read_item, read_items

KEY_VARIABLE = "GEODES_API_KEY"
SEARCH_PATHS = ("/api/stac/search", "/api/stac/items")  # the second where the first is not there (any more)
_NEW_KEY = "make one on the portal of GEODES (log in, profile, API key)"


@dataclass(frozen=True)
class Geodes(Site):
    """A GEODES server by its base address, `https://geodes-portal.cnes.fr`."""

    option: ClassVar[str] = "--geodes"
    example: ClassVar[str] = "https://geodes-portal.cnes.fr"
    own_hosts: ClassVar[re.Pattern[str]] = re.compile(r"geodes[^.]*\.cnes\.fr", re.IGNORECASE)
    what_it_asks: ClassVar[str] = "an API key"


class Key(Secret):
    """The API key, read when a request first needs it: from the environment, else from the credentials file."""

    header = "X-API-Key"

    def __init__(self, credentials: Path, environment: Mapping[str, str]) -> None:
        self._file = credentials
        self._in_environment = environment.get(KEY_VARIABLE, "").strip()
        self.source = KEY_VARIABLE if self._in_environment else str(credentials)
        self.advice = f"the API key in {self.source} is wrong or has expired: {_NEW_KEY} and put it there"

    @property
    def is_given(self) -> bool:
        """Whether there is one, good or not."""
        try:
            return bool(self._in_environment or read_key(self._file))
        except CredentialsError as error:
            return not isinstance(error, NoAccount)  # that is: no file

    @cached_property
    def value(self) -> str:  # type: ignore[override]
        """The key itself. Raises CredentialsError."""
        try:
            key = self._in_environment or read_key(self._file)
        except NoAccount as error:
            reason = f" ({error})" if self._file.exists() else ""
            raise CredentialsError(f"{self._missing}{reason}") from error
        if not key:
            raise CredentialsError(self._missing)
        if not (key.isascii() and key.isprintable()) or " " in key:
            raise CredentialsError(
                f"the API key in {self.source} has a blank or a character that no key has: copy it from the portal"
                " again, as one word"
            )
        return key

    @property
    def _missing(self) -> str:
        return f"downloads from GEODES need an API key: {_NEW_KEY} and add a line 'geodes KEY' to {self._file}"


class Theia:
    """A GEODES server, and clients that ask it: one for searches, which has no key, and one for downloads."""

    def __init__(self, site: Geodes, key: Key | None = None, **settings: Any) -> None:
        """Take the settings of `Client`; without a key, only searches and other hosts work."""
        self.site = site
        self.key = key
        self.client = Client(site, refused_download, key, **settings)
        self._searches = Client(site, refused_search, **settings)

    def has(self, address: str) -> bool:
        """Return True if what is there comes from this site, and so needs the key."""
        return self.site.may_see_secret(self.site.reach(address))

    def find(self, searches: Iterable[Search], keep: Callable[[object], None] = lambda _: None) -> list[L2ARecord]:
        """Return what GEODES has for these searches, the oldest first; `keep` is given each item as it came.

        Raises ServerAway, ServerTrouble or ServerBusy if there is no complete answer, UsageError if GEODES refuses a
        search or has too much for it.
        """
        paths = list(SEARCH_PATHS)

        def page(search: Search, number: int) -> Page:
            try:
                answer = self._searches.search(self.site.base + paths[0], search.body(number))
            except NotThere as error:
                if len(paths) == 1:
                    raise ServerTrouble(f"{error}; try again later, or is --geodes wrong?") from error
                del paths[0]
                return page(search, number)
            return read_items(answer, PAGE_SIZE)

        def read(feature: object) -> L2ARecord | None:
            keep(feature)
            return read_item(feature)

        found: dict[L2ARecord, None] = {}
        for search in searches:
            records = read_all(partial(page, search), read, "GEODES's answer to the search")
            found |= dict.fromkeys(record for record in records if record)
        return sorted(found, key=lambda record: record.rank)


def refused_search(answer: Answer) -> PepsError | None:
    """Return what is wrong with the answer to a search, or None."""
    error = refusal(answer, answer.status, message_of(answer.body))
    if answer.status in {404, 405, *REDIRECTS}:
        why = " (maintenance or a login)" if answer.status in REDIRECTS else ""
        return NotThere(f"GEODES answers the search with {answer.status}{why}")
    if answer.status == 400:
        reason = message_of(answer.body)
        return UsageError(
            f"GEODES does not accept the search (400{reason and f': {reason}'}): is --geodes right, and this version of"
            " peps_maja the newest?"
        )
    if isinstance(error, Forbidden):
        return UsageError(f"{error}: is --geodes right?")
    return error


def refused_download(answer: Answer) -> PepsError | None:
    """Return what an answer means that is not a file, and what to do about it; None for a file.

    Redirects come here only if they do not end.
    """
    error, is_redirect = refusal(answer, answer.status, message_of(answer.body)), answer.status in REDIRECTS
    match answer.status:
        case 202:
            return ServerBusy("GEODES prepares it (202); the next run asks again")
        case 429 | 403 if isinstance(error, QuotaReached):
            return QuotaReached(f"the hourly quota of GEODES is used up ({answer.status}); the next run goes on")
        case 403 if isinstance(error, ServerTrouble):  # a page of HTML is no word about the key
            return error
        case status if answer.secret and (status in {401, 403} or (is_redirect and answer.headers.get("Location"))):
            how = "redirects without end" if is_redirect else status
            return CredentialsError(f"GEODES refuses the download ({how}): {answer.secret.advice}")
        case 401 | 403:
            return Forbidden(f"another server than GEODES has it and does not give it away ({answer.status})")
        case 404:
            return NotThere("it is not there any more (404)")
        case 410:
            return NotThere("it is on tape (410)")
        case 423:
            link = text(read_object(answer.body).get("linkToLicence"))
            where = one_line(link, 200) if link.startswith(("https://", "http://")) else "the portal of GEODES"
            return NotThere(f"its licence must be accepted first (423), at {where}")
    return error
