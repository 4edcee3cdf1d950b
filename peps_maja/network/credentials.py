"""The account and the key: from peps.txt or from the environment, and never shown."""

from __future__ import annotations

import stat
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from requests import PreparedRequest

from peps_maja.errors import CredentialsError, NoAccount

USER_VARIABLE, PASSWORD_VARIABLE = "PEPS_USER", "PEPS_PASSWORD"
KEY_OF_GEODES = "geodes"  # first word of a line that holds a key, and never the account
_WRITE = "write e-mail and password into one line of it, with a space between, and run chmod 600 on it"


class Secret:
    """What a service asks for: an account with its password, or a key. Requests knows it as an `auth`."""

    header: ClassVar[str]  # the name of the header field in which it is sent
    value: str  # of that field
    source: str  # where it came from
    advice: str  # what to fix when the service refuses it

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Return the request with the secret in it. Raises CredentialsError where there is none that can be sent."""
        request.headers[self.header] = self.value
        return request


class Credentials(Secret):
    """E-mail and password of a PEPS account, and where they came from."""

    header = "Authorization"

    def __init__(self, email: str, password: str, source: str = "the credentials") -> None:
        self.email, self.password, self.source = email, password, source
        self.advice = f"e-mail or password is wrong; fix them in {source}"
        # HTTP Basic in UTF-8 (RFC 7617): requests itself would send texts as Latin-1, which has no euro sign.
        pair = f"{email}:{password}".encode("utf-8", "surrogateescape")
        self.value = f"Basic {b64encode(pair).decode()}"


def read_credentials(path: Path, environment: Mapping[str, str]) -> Credentials:
    """Return the account from the environment if it is there, else from the file at `path`. Raises CredentialsError."""
    email, password = environment.get(USER_VARIABLE, ""), environment.get(PASSWORD_VARIABLE, "")
    if email and password:
        account = Credentials(email, password, f"{USER_VARIABLE} and {PASSWORD_VARIABLE}")
    elif email or password:
        given, wanted = (USER_VARIABLE, PASSWORD_VARIABLE) if email else (PASSWORD_VARIABLE, USER_VARIABLE)
        raise CredentialsError(f"{given} is set in the environment and {wanted} is not: set both, or none")
    else:
        lines = _lines(path, of_keys=False)
        if not lines:
            raise NoAccount(f"the credentials file {path} has no account in it: {_WRITE}")
        if len(lines[0]) == 1:
            raise CredentialsError(
                f"the credentials file {path} has only one word in the line of the account: {_WRITE}"
            )
        email, password = lines[0]
        account = Credentials(email, password, str(path))
    # RFC 7617, section 2: the first colon ends the user name, so a name cannot have one.
    if ":" in account.email:
        raise CredentialsError(
            f"the e-mail address from {account.source} has a colon in it: write e-mail, a space, the password"
        )
    return account


def read_key(path: Path) -> str:
    """Return what follows `geodes` in the first line of the file that begins with it; nothing without such a line.

    Raises CredentialsError for a line that only looks like one: `geodes:`, or a key in quotes or brackets.
    """
    lines = _lines(path, of_keys=True)
    key = next((rest[0].strip() for first, *rest in lines if rest and first.casefold() == KEY_OF_GEODES), "")
    if (lines and not key) or key[:1] in tuple("\"'<"):
        raise CredentialsError(
            f"the key in {path} is written wrongly: write '{KEY_OF_GEODES}', a space and the key, no colon, quotes or"
            " brackets"
        )
    return key


def _lines(path: Path, *, of_keys: bool) -> list[list[str]]:
    """Return the lines with a key (also one written wrongly, `geodes:`), or the others, as first word and rest."""
    try:
        if path.exists() and not path.is_file():  # reading a pipe might never end
            raise CredentialsError(
                f"cannot read the credentials file {path}: it is a directory, pipe or device, not a file"
            )
        content = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise NoAccount(f"no credentials file {path}: {_WRITE}") from None
    except UnicodeDecodeError:
        raise CredentialsError(f"the credentials file {path} is not UTF-8 text: save it again as UTF-8") from None
    except OSError as error:
        kind = NoAccount if isinstance(error, PermissionError) else CredentialsError
        raise kind(f"cannot read the credentials file {path}: {error.strerror}") from None
    # Not splitlines(): it would also split at characters that a password may have, U+0085 or U+2028.
    lines = []
    for words in (line.removesuffix("\r").split(None, 1) for line in content.split("\n")):
        if words and not words[0].startswith("#"):
            is_key = words[0].casefold().startswith(KEY_OF_GEODES) and "@" not in words[0]
            lines += [words] if is_key == of_keys else []
    return lines


def is_open_to_others(path: Path) -> bool:
    """Return True if others than its owner can read the file."""
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:  # who needs the file says what is wrong with it
        return False
