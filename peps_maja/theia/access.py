"""Where GEODES is, and the API key that downloads from there need: from the credentials file or the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from peps_maja.errors import CredentialsError

DEFAULT_SERVER = "https://geodes-portal.cnes.fr"
SERVER_VARIABLE, KEY_VARIABLE = "GEODES_SERVER", "GEODES_API_KEY"
OWN_HOSTS = re.compile(r"geodes[^.]*\.cnes\.fr", re.IGNORECASE)  # their addresses are brought to --geodes
KEY_HEADER = "X-API-Key"
_FIRST_WORD = "geodes"


@dataclass(frozen=True)
class Key:
    """An API key, which is in no repr, and where it came from."""

    source: str
    value: str = field(repr=False)

    @property
    def header(self) -> dict[str, str]:
        """The header field that a download needs; for the host of --geodes alone."""
        return {KEY_HEADER: self.value}


def read_key(text: str, path: str, environment: Mapping[str, str]) -> Key | None:
    """Return the key from the environment, else from the text of the credentials file at `path`; None if there is none.

    Raises CredentialsError for a key that is not one word of ASCII, for it goes into a header field.
    """
    if value := environment.get(KEY_VARIABLE, "").strip():
        return _usable(Key(KEY_VARIABLE, value))
    for line in text.removeprefix("\ufeff").split("\n"):
        if is_key_line(line):
            return _usable(Key(path, line.strip()[len(_FIRST_WORD) :].strip()))
    return None


def is_key_line(line: str) -> bool:
    """Return True for a line of the credentials file whose first word is `geodes`: it is never the account."""
    return line.split(None, 1)[:1] == [_FIRST_WORD]


def _usable(key: Key) -> Key:
    if not key.value:
        raise CredentialsError(f"the line 'geodes' of {key.source} has no key: write 'geodes KEY', in one line")
    if not (key.value.isascii() and key.value.isprintable()) or " " in key.value:
        raise CredentialsError(
            f"the API key of GEODES from {key.source} has a blank or another character that no key"
            " has: copy it again from the portal, as one word"
        )
    return key
