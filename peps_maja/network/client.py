"""Asks a service: waits, tries again where that is safe, and turns bad answers into our errors.

There are three kinds of requests: questions, which can be repeated; the order to run a job, which goes out
once and never again; and downloads, which are read as a stream.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

import requests
from urllib3 import exceptions as urllib3_errors

from peps_maja.errors import PepsError, ServerAway, ServerBusy, ServerSilent, ServerTrouble, Status
from peps_maja.network.answers import REDIRECTS, Answer, Download, Judge, Passing, network_error
from peps_maja.network.connections import Session, proxy_for, within
from peps_maja.network.credentials import Secret
from peps_maja.network.trust import Site, shown
from peps_maja.text import size

TRIES = 3
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0  # seconds in which the next bytes of an answer must come
LONGEST_ANSWER = 2  # read time-outs in which a small answer must be there as a whole
LONGEST_PAGE = 300.0  # seconds for a catalogue page
LONGEST_STREAM = 600.0  # seconds for an answer of many MB that is read as a stream
PAGE_LIMIT = 32_000_000  # bytes of a catalogue page; 500 products take about 4 MB
DOCUMENT_LIMIT = 1_000_000  # bytes of any other document; the report of a year takes 20 kB
PATIENCE_OF_SEARCH = 10.0  # seconds that a search waits for a busy server, all its waits together
CHUNK = 120 * 1024  # bytes of a download per read, at most: from 128 KiB on, glibc maps fresh memory for each
_LARGE = 8 * 1024 * 1024  # bytes of an answer
_MOST_REDIRECTS = 5

_Result = TypeVar("_Result")


class Client:
    """Asks one service, with its secret. Threads may share it, up to `connections` at once.

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
        self.read_timeout = read_timeout
        self._site = site
        self._judge = judge
        self._connect_timeout = min(CONNECT_TIMEOUT, read_timeout)
        self._longest = LONGEST_ANSWER * read_timeout
        self._trace = trace
        self._session = Session(connections)

    def ask(
        self,
        address: str,
        query: str = "",
        *,
        limit: int = DOCUMENT_LIMIT,
        seconds: float | None = None,
        tries: int = TRIES,
        patience: float = 0.0,
        anonymously: bool = False,
    ) -> Answer:
        """GET a small answer.

        A server's own trouble and cut connections are tried again, `tries` times in all; a busy server for `patience`
        seconds.
        Raises what the judge makes of a bad answer, ServerAway if no connection could be made, ServerSilent or
        ServerTrouble if an answer broke off or was not there as a whole within `seconds` (None: twice the read
        time-out), or has more than `limit` bytes.
        """
        address = f"{address}?{query}" if query else address

        def attempt() -> Answer:
            with within(seconds or self._longest), self._open(address, anonymously=anonymously) as response:
                return self._accepted(self._answer(response, self._body(response, limit)))

        return self._with_retries(attempt, tries, patience)

    def post(self, address: str, body: Mapping[str, object], *, limit: int, seconds: float) -> Answer:
        """POST a question as JSON, without the secret and without following redirects; raises what `ask` raises."""

        def attempt() -> Answer:
            with within(seconds), self._send("POST", address, anonymously=True, json=body) as response:
                return self._accepted(self._answer(response, self._body(response, limit)))

        return self._with_retries(attempt, patience=PATIENCE_OF_SEARCH)

    def read(self, address: str, reading: Callable[[Iterator[bytes]], _Result]) -> _Result:
        """GET an answer of any length, and return what `reading` makes of its chunks; raises what `ask` raises."""

        def attempt() -> _Result:
            with self._stream(address, {}) as response, within(LONGEST_STREAM):
                chunks = self._chunks(response)
                start = next(chunks, b"")
                self._accepted(self._answer(response, start))
                return reading(chain([start], chunks))

        return self._with_retries(attempt)

    def order(self, address: str, query: str) -> Answer:
        """Send an order once: over a new connection, with no second try and no redirect followed.

        Raises ServerAway if surely nothing was sent, ServerTrouble if it may have arrived. Any answer is
        returned as it came: what it means depends on the order.
        """
        timeout = (self._connect_timeout, self._longest)
        with Session(1) as session, within(self._longest):
            session.headers["Connection"] = "close"
            with self._send("GET", f"{address}?{query}", session=session, timeout=timeout) as response:
                return self._answer(response, self._body(response, DOCUMENT_LIMIT))

    @contextmanager
    def download(self, address: str, headers: Mapping[str, str]) -> Iterator[Download]:
        """Open a large answer as a stream inside a `with`; raises what `ask` raises for one that is not a file."""
        with self._with_retries(lambda: self._stream(self._site.reach(address), headers)) as response:
            yield Download(**vars(self._answer(response, b"")), chunks=self._chunks(response))

    def error_in(self, download: Download, start: bytes) -> PepsError | None:
        """Return the error that the first bytes of a download name, or None if they do not."""
        return self._judge(replace(download, body=start))

    def _with_retries(self, attempt: Callable[[], _Result], tries: int = TRIES, patience: float = 0.0) -> _Result:
        """Return what an attempt returns; after a server's own trouble or a cut, wait and try again."""
        failure: PepsError
        pause = 0.5
        while True:
            tries -= 1
            try:
                return attempt()
            except (Passing, ServerAway, ServerSilent) as error:  # not what a person has to fix first
                failure, wait, is_over = error, pause, not tries or error.status is Status.UNUSABLE
            except ServerBusy as error:  # waited for only where the caller has the patience
                wait = pause if error.retry_after is None else max(error.retry_after, pause)
                patience -= wait
                failure, is_over = error, patience < 0
            if is_over:
                raise failure
            self._trace(f"{failure}; again in {wait:g} s")
            time.sleep(wait)
            pause *= 2

    def _stream(self, address: str, headers: Mapping[str, str]) -> requests.Response:
        with within(self._longest):
            response = self._open(address, headers={"Accept-Encoding": "identity", **headers})
            if response.status_code in {200, 206, 416}:
                return response
            with response:
                self._accepted(self._answer(response, self._body(response, DOCUMENT_LIMIT, cut=True)))
        raise ServerTrouble(f"{shown(response.url)} answers {response.status_code}, and no file")

    def _open(self, address: str, *, anonymously: bool = False, **options: Any) -> requests.Response:
        """Send a request and follow its redirects by our own rules: the secret goes to our server alone."""
        response = first = self._send("GET", address, anonymously=anonymously, **options)
        redirects = 0
        while response.status_code in REDIRECTS and (target := response.headers.get("Location")):
            response.close()
            if redirects == _MOST_REDIRECTS:  # then the first address decides what that means
                circle = replace(self._answer(first, b""), status=response.status_code)
                raise self._judge(circle) or ServerTrouble(f"{shown(first.url)} redirects in a circle")
            redirects += 1
            target = self._site.reach(target, response.url)
            response = self._send("GET", target, anonymously=anonymously, **options)
        return response

    def _send(
        self, method: str, address: str, *, session: Session | None = None, anonymously: bool = False, **options: Any
    ) -> requests.Response:
        """Send one request, with options as requests knows them, and return the answer with its body still to come."""
        secret = self.secret if self._site.may_see_secret(address) and not anonymously else None
        options = {"timeout": (self._connect_timeout, self.read_timeout)} | options
        begun = time.monotonic()
        proxy = proxy_for(address)
        try:
            response = (session or self._session).request(method, address, auth=secret, **options)
        except (requests.RequestException, urllib3_errors.HTTPError, ValueError) as error:
            raise network_error(error, address, self._site, proxy) from error
        self._trace(f"{method} {response.url} -> {response.status_code} after {time.monotonic() - begun:.2f} s")
        return response

    def _answer(self, response: requests.Response, body: bytes) -> Answer:
        is_signed = self.secret and self.secret.header in response.request.headers
        return Answer(response.status_code, response.headers, body, response.url, self.secret if is_signed else None)

    def _accepted(self, answer: Answer) -> Answer:
        if error := self._judge(answer):
            raise error
        return answer

    def _body(self, response: requests.Response, limit: int, *, cut: bool = False) -> bytes:
        """Return the body; one of more than `limit` bytes is an error, or `cut` off there."""
        body = bytearray()
        for chunk in self._chunks(response):
            body += chunk
            if len(body) > limit:
                if cut:
                    break
                raise ServerTrouble(f"{shown(response.url)} answers with more than {size(limit)}, which is too long")
        return bytes(body)

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Yield an answer in pieces of up to CHUNK bytes.

        At first they come as they come, so that little is lost if the connection breaks; of a large answer, which they
        would make slow over TLS, only full ones.
        """
        is_packed = "Content-Encoding" in response.headers  # unpacking takes a copy
        length = 0
        try:
            while True:
                read = response.raw.read1 if length < _LARGE or is_packed else response.raw.read
                if not (chunk := read(CHUNK, decode_content=is_packed)):
                    return
                length += len(chunk)
                yield chunk
        except urllib3_errors.HTTPError as error:
            raise network_error(error, response.url, self._site, proxy_for(response.url)) from error
