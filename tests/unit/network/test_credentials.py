"""peps.txt and the environment: every password as it is, and none in a message."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peps_maja.errors import CredentialsError, NoAccount, PepsError, Status
from peps_maja.network.credentials import Credentials, is_open_to_others, read_credentials

EMAIL = "me@example.org"

PASSWORDS = {
    b"me@example.org secret\r\nmore\r\n": "secret",
    b"\xef\xbb\xbf# mine\r\n\n   \n\t\n  # another\nme@example.org\tsecret": "secret",
    b"me@example.org my cat  has nine\tlives \n": "my cat  has nine\tlives ",
    rb"""me@example.org $HOME`ls`'"\n!&;|<>*?~""": r"""$HOME`ls`'"\n!&;|<>*?~""",
    b"me@example.org #se:cret # or not\n": "#se:cret # or not",
    "me@example.org пароль€\n".encode(): "пароль€",
    "me@example.org a\x85b\u2028c\x0bd\x0ce\ufefff\n".encode(): "a\x85b\u2028c\x0bd\x0ce\ufefff",
}
INVALID_FILES = {
    "empty lines": b"\n \r\n\t\n",
    "comments only": b"# me@example.org secret\n",
    "no password": b"me@example.org\n",
    "spaces for a password": b"me@example.org   \nyou@example.org secret\n",
    "no UTF-8": "me@example.org pass\xe9\n".encode("latin-1"),
    "UTF-16": "me@example.org secret\n".encode("utf-16"),
    "colon for a space": b"me@example.org:secret word\n",
}

in_one_line = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1)


def read(folder: Path, content: bytes, **environment: str) -> Credentials:
    path = folder / "peps.txt"
    path.write_bytes(content)
    return read_credentials(path, environment)


def test_the_first_line_holds_email_and_password(tmp_path: Path) -> None:
    assert {content: read(tmp_path, content).password for content in PASSWORDS} == PASSWORDS


@pytest.mark.parametrize("content", INVALID_FILES.values(), ids=INVALID_FILES)
def test_a_file_without_both_is_an_error_that_names_it_and_shows_nothing_of_it(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CredentialsError) as error:
        read(tmp_path, content)
    assert error.value.status is Status.UNUSABLE
    message = str(error.value)
    assert str(tmp_path / "peps.txt") in message
    assert "\n" not in message
    assert "secret" not in message


def test_credentials_have_to_be_a_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/null"), Path("/dev/zero"), tmp_path):
        with pytest.raises(CredentialsError, match=f"cannot read the credentials file {path}: "):
            read_credentials(path, {})
    with pytest.raises(NoAccount, match=r"no credentials file .*missing\.txt.* chmod 600"):
        read_credentials(tmp_path / "missing.txt", {})


@pytest.mark.parametrize("first", ["geodes", "GEODES", "geodes:", "geodes=KEY", "geodesKEY"])
def test_a_key_written_wrongly_is_no_account(tmp_path: Path, first: str) -> None:
    assert read(tmp_path, f"{first} KEY\nme@example.org secret\n".encode()).password == "secret"
    with pytest.raises(NoAccount):
        read(tmp_path, f"{first} KEY\n".encode())


@pytest.mark.parametrize("content", [b"other@example.org other\n", b"", b"one-word\n"])
def test_the_environment_comes_first(tmp_path: Path, content: bytes) -> None:
    account = read(tmp_path, content, PEPS_USER=EMAIL, PEPS_PASSWORD="  from the $HELL ")
    assert (account.email, account.password) == (EMAIL, "  from the $HELL ")
    assert read(tmp_path, b"me@example.org secret\n", PEPS_USER="", PEPS_PASSWORD="").password == "secret"


@pytest.mark.parametrize(
    "environment",
    [
        {"PEPS_USER": "s3same"},
        {"PEPS_PASSWORD": "s3same", "PEPS_USER": ""},
        {"PEPS_USER": "a:colon", "PEPS_PASSWORD": "s3same"},
    ],
)
def test_variables_that_cannot_be_used_are_an_error(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(CredentialsError) as error:
        read(tmp_path, b"me@example.org secret\n", **environment)
    assert "PEPS_USER" in str(error.value)
    assert "PEPS_PASSWORD" in str(error.value)
    assert "s3same" not in str(error.value)


def test_a_password_is_in_no_repr() -> None:
    assert "s3same" not in f"{[Credentials(EMAIL, 's3same')]}"


def test_a_file_that_others_can_read(tmp_path: Path) -> None:
    path = tmp_path / "peps.txt"
    assert not is_open_to_others(path)
    path.touch()
    for mode, is_open in ((0o600, False), (0o700, False), (0o640, True), (0o604, True)):
        path.chmod(mode)
        assert is_open_to_others(path) == is_open


@given(password=in_one_line.filter(lambda text: not text[0].isspace()), end=st.sampled_from(["", "\n", "\r\n"]))
def test_any_password_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, password: str, end: str
) -> None:
    account = read(tmp_path_factory.getbasetemp(), f"{EMAIL} {password}{end}".encode())
    assert (account.email, account.password) == (EMAIL, password)


@given(content=st.binary() | st.text().map(str.encode))
def test_any_file_is_an_account_or_an_expected_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    with suppress(PepsError):
        account = read(tmp_path_factory.getbasetemp(), content)
        assert account.email
        assert account.password
