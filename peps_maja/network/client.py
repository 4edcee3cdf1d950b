"""The only user of the network: asks, waits, tries again where that is safe, and turns bad answers into our errors.

Three kinds of requests leave here: questions, which can be repeated; the order to run a job, which goes out
once and never again; and downloads, which are read as a stream.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar
from urllib.parse import urljoin

import requests
from requests.auth import AuthBase
from urllib3 import exceptions as urllib3_errors

from peps_maja import __version__
from peps_maja.errors import (
    NotPeps,
    NotThere,
    PepsError,
    ServerAway,
    ServerBusy,
    ServerTrouble,
    TooLong,
    UntrustedServer,
)
from peps_maja.network.addresses import Site
from peps_maja.network.answers import REDIRECTS, Answer, Judge, shown
from peps_maja.network.connections import Session, Trust, proxy_for, within
from peps_maja.network.credentials import Secret
from peps_maja.network.failures import network_error
from peps_maja.text import size

TRIES = 3
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0  # seconds in which the next bytes of an answer must come
LONGEST_ANSWER = 2  # read time-outs in which a small answer must be there as a whole
LONGEST_PAGE = 300.0  # seconds for a catalogue page
LONGEST_STREAM = 600.0  # seconds for a joblog of many MB
LONGEST_RETRY_AFTER = 60.0  # seconds; who asks for more is left for the next run
PAGE_LIMIT = 32_000_000  # bytes of a catalogue page; 500 products take about 4 MB
DOCUMENT_LIMIT = 1_000_000  # bytes of a WPS document, report or joblog; a year's report takes 20 kB
CHUNK = 120 * 1024  # bytes of a download per read, at most: from 128 KiB on, glibc maps fresh memory for each
_LARGE = 8 * 1024 * 1024  # bytes of an answer
_MOST_REDIRECTS = 5

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Download:
    """The beginning of a download: its header fields, the chunks to come, and the secret it was asked with."""

    status: int
    headers: Mapping[str, str]
    address: str
    chunks: Iterator[bytes]
    secret: Secret | None = None


class NoAnswer(PepsError):
    """An order left, and nothing tells whether it arrived."""


class _Anonymous(AuthBase):
    """Keeps requests from taking a password out of ~/.netrc where none was given."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class Client:
    """Talks to one service with its secret. Threads may share it, up to `connections` at once.

    `judge` says what its answers mean.
    """

    def __init__(
        self,
        site: Site,
        judge: Judge,
        secret: Secret | None = None,
        *,
        connections: int = 8,
        read_timeout: float = READ_TIMEOUT,
        trace: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.secret = secret
        self._site = site
        self._judge = judge
        self._signer = secret.signer if secret else _Anonymous()
        self.read_timeout = read_timeout
        self._timeout = (min(CONNECT_TIMEOUT, read_timeout), read_timeout)
        self._longest = LONGEST_ANSWER * read_timeout
        self._trace = trace
        self._trust = Trust()
        self._session = _session(connections, self._trust)

    def ask(
        self,
        address: str,
        query: str = "",
        *,
        limit: int = DOCUMENT_LIMIT,
        seconds: float | None = None,
        tries: int = TRIES,
        anonymously: bool = False,
    ) -> Answer:
        """GET a small answer; a server's own trouble and cut connections are tried again, `tries` times in all.

        Raises what `refusal` makes of a bad answer, ServerAway if no connection could be made, ServerSilent or
        ServerTrouble if an answer broke off or was not there as a whole within `seconds` (None: twice the read
        time-out), NotPeps if it is longer than `limit` bytes.
        """

        def attempt() -> Answer:
            with (
                within(seconds or self._longest),
                self._open(address, query, {}, anonymously=anonymously) as response,
            ):
                return self._accepted(self._answer(response, _body(response, limit)))

        return self._patiently(attempt, tries)

    def post(self, address: str, body: Mapping[str, object], *, limit: int, seconds: float) -> Answer:
        """POST a question as JSON, without the secret and without following redirects; raises what `ask` raises."""

        def attempt() -> Answer:
            with (
                within(seconds),
                self._send(self._session, address, "", {}, method="POST", body=body, anonymously=True) as response,
            ):
                return self._accepted(self._answer(response, _body(response, limit)))

        return self._patiently(attempt, TRIES)

    def read(self, address: str, reading: Callable[[Iterator[bytes]], _Result]) -> _Result:
        """GET an answer of any length, and return what `reading` makes of its chunks; raises what `ask` raises."""

        def attempt() -> _Result:
            with self._stream(address, {}, "GET") as response, within(LONGEST_STREAM):
                chunks = _chunks(response, CHUNK)
                start = next(chunks, b"")
                self._accepted(self._answer(response, start))
                return reading(chain([start], chunks))

        return self._patiently(attempt, TRIES)

    def order(self, address: str, query: str) -> Answer:
        """Send an order once: over a fresh connection, with no second try and no redirect followed.

        Raises ServerAway if surely nothing was sent, NoAnswer if it may have arrived. Any answer is returned as
        it came, for only who gave the order can tell what it means.
        """
        connect, read = self._timeout
        with _session(1, self._trust) as fresh, within(self._longest):
            try:
                with self._send(
                    fresh, address, query, {"Connection": "close"}, timeout=(connect, 2 * read)
                ) as response:
                    return self._answer(response, _body(response, DOCUMENT_LIMIT))
            except (ServerTrouble, NotPeps) as error:
                if isinstance(error, ServerTrouble) and not error.may_have_arrived:
                    raise ServerAway(str(error)) from error
                raise NoAnswer(str(error)) from error

    def download(self, address: str, headers: Mapping[str, str], method: str = "GET") -> _Opened:
        """Open a large answer as a stream inside a `with`; raises what `ask` raises for one that is not a file."""
        response = self._patiently(lambda: self._stream(self._site.reach(address), headers, method), TRIES)
        return _Opened(response, self._secret_of(response))

    def error_in(self, download: Download, start: bytes) -> PepsError | None:
        """Return the error that the first bytes of what should have been a file tell, or None."""
        return self._judge(Answer(download.status, download.headers, start, download.address, download.secret))

    def _stream(self, address: str, headers: Mapping[str, str], method: str) -> requests.Response:
        with within(self._longest):
            response = self._open(address, "", {"Accept-Encoding": "identity", **headers}, method=method)
            if response.status_code in {200, 206, 416}:
                return response
            with response:
                self._accepted(self._answer(response, _body(response, DOCUMENT_LIMIT, cut=True)))
        raise NotPeps(f"{shown(response.url)} answers {response.status_code}, and no file")

    def _answer(self, response: requests.Response, body: bytes) -> Answer:
        return Answer(response.status_code, response.headers, body, response.url, self._secret_of(response))

    def _secret_of(self, response: requests.Response) -> Secret | None:
        return self.secret if self.secret and self.secret.header in response.request.headers else None

    def _accepted(self, answer: Answer) -> Answer:
        if error := self._judge(answer):
            raise error
        return answer

    def _in_proportion(self, error: PepsError, address: str) -> PepsError:
        """Return an error that concerns the whole run only if it comes from our server: another host's is its own."""
        if self._site.may_see_secret(address):
            return error
        if isinstance(error, UntrustedServer):
            return NotThere(str(error))
        if isinstance(error, ServerAway):
            trouble = ServerTrouble(str(error))
            trouble.status = error.status  # a proxy that refuses is for a person to fix
            return trouble
        return error

    def _patiently(self, attempt: Callable[[], _Result], tries: int) -> _Result:
        for left in reversed(range(tries)):
            try:
                return attempt()
            except (ServerBusy, ServerTrouble) as error:
                wait = getattr(error, "retry_after", None)
                wait = 2.0 ** (tries - 1 - left) / 2 if wait is None else wait
                if not left or wait > LONGEST_RETRY_AFTER:
                    raise
                self._trace(f"{error}; again in {wait:g} s")
                time.sleep(wait)
        raise AssertionError("a try either returns or raises")

    def _open(
        self, address: str, query: str, headers: Mapping[str, str], *, method: str = "GET", anonymously: bool = False
    ) -> requests.Response:
        """Send a request and follow its redirects by our own rules: the password goes to the server alone."""
        response = first = self._send(self._session, address, query, headers, method=method, anonymously=anonymously)
        redirects = 0
        while response.status_code in REDIRECTS and (target := response.headers.get("Location")):
            response.close()
            if redirects == _MOST_REDIRECTS:  # a circle says what the first address says
                circle = Answer(response.status_code, response.headers, b"", first.url, self._secret_of(first))
                raise self._judge(circle) or NotPeps(f"{shown(first.url)} redirects in a circle")
            redirects += 1
            target = self._site.reach(urljoin(response.url, target))
            response = self._send(self._session, target, "", headers, method=method, anonymously=anonymously)
        return response

    def _send(
        self,
        session: requests.Session,
        address: str,
        query: str,
        headers: Mapping[str, str],
        *,
        method: str = "GET",
        body: Mapping[str, object] | None = None,
        timeout: tuple[float, float] | None = None,
        anonymously: bool = False,
    ) -> requests.Response:
        is_for_us = self._site.may_see_secret(address) and not anonymously
        begun = time.monotonic()
        try:
            response = session.request(
                method,
                f"{address}?{query}" if query else address,
                headers=dict(headers),
                json=body,
                auth=self._signer if is_for_us else _Anonymous(),
                timeout=timeout or self._timeout,
                allow_redirects=False,
                stream=True,
            )
        except (requests.RequestException, urllib3_errors.HTTPError, ValueError) as error:
            raise self._in_proportion(
                network_error(error, address, self._site.option, proxy_for(address)), address
            ) from error
        self._trace(f"{method} {response.url} -> {response.status_code} after {time.monotonic() - begun:.2f} s")
        return response


class _Opened:
    """An open download, closed at the end of a `with`."""

    def __init__(self, response: requests.Response, secret: Secret | None) -> None:
        self._response = response
        self._secret = secret

    def __enter__(self) -> Download:
        response = self._response
        return Download(response.status_code, response.headers, response.url, _chunks(response, CHUNK), self._secret)

    def __exit__(self, *_: object) -> None:
        self._response.close()


def _session(connections: int, trust: Trust) -> requests.Session:
    session = Session(connections, trust)
    session.headers["User-Agent"] = f"peps_maja/{__version__}"
    return session


def _chunks(response: requests.Response, most: int) -> Iterator[bytes]:
    """Yield an answer in pieces of up to `most` bytes.

    At first they come as they come, so that little is lost if the connection breaks; of a large answer, which they
    would make slow over TLS, only full ones.
    """
    is_packed = "Content-Encoding" in response.headers  # unpacking takes a copy
    came = 0
    try:
        while True:
            read = response.raw.read1 if came < _LARGE or is_packed else response.raw.read
            piece = read(most, decode_content=is_packed)
            if not piece:
                return
            came += len(piece)
            yield piece
    except urllib3_errors.HTTPError as error:
        raise network_error(error, response.url, "the address") from error


def _body(response: requests.Response, limit: int, *, cut: bool = False) -> bytes:
    """Return the body; one of more than `limit` bytes is an error, or `cut` off there."""
    body = bytearray()
    for chunk in _chunks(response, 64 * 1024):
        body += chunk
        if len(body) > limit:
            if cut:
                break
            raise TooLong(f"{shown(response.url)} answers with more than {size(limit)}, which this service never does")
    return bytes(body)
