"""Asks a service: questions, which can be repeated; the order, which goes out once; downloads, which are streams."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import chain
from typing import Any, TypeVar

import requests
from urllib3 import exceptions as urllib3_errors

from peps_maja.errors import PepsError, ServerAway, ServerBusy, ServerSilent, ServerTrouble, Status
from peps_maja.network.answers import REDIRECTS, Answer, Download, Judge, Passing
from peps_maja.network.connections import Session, in_time, proxy_for
from peps_maja.network.credentials import Secret
from peps_maja.network.failures import failure
from peps_maja.network.trust import Site, shown
from peps_maja.text import size

TRIES = 3
CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 30.0  # seconds in which the next bytes of an answer must come, and all its header fields
LONGEST_PAGE = 300.0  # seconds for the body of a catalogue page
LONGEST_STREAM = 600.0  # seconds for an answer of many MB that is read as a stream
PAGE_LIMIT = 32_000_000  # bytes of a catalogue page; 500 products take about 4 MB
DOCUMENT_LIMIT = 1_000_000  # bytes of any other document; the report of a year takes 20 kB
PATIENCE_OF_SEARCH = 10.0  # seconds that a search waits for a busy server, all its waits together
CHUNK = 120 * 1024  # bytes of a download per read, at most: from 128 KiB on, glibc maps fresh memory for each
_LARGE = 8_000_000  # bytes of an answer
_MOST_REDIRECTS = 5

_Result = TypeVar("_Result")


class Client:
    """Asks a service, whose answers mean what `judge` says. Threads may share it, up to `connections` at once."""

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
        self.judge = judge
        self._timeouts = min(CONNECT_TIMEOUT, read_timeout), read_timeout
        self._longest = 2 * read_timeout  # for the body of a small answer
        self._trace = trace
        self._session = Session(connections)

    def ask(self, address: str, query: str = "", *, limit: int = DOCUMENT_LIMIT, tries: int = TRIES) -> Answer:
        """GET a small answer.

        A server's own trouble and cut connections are tried again, `tries` times in all. Raises what the judge makes
        of a bad answer, ServerAway if no connection could be made, ServerSilent or ServerTrouble if an answer broke
        off, was not there as a whole within twice the read time-out, or has more than `limit` bytes.
        """
        address = f"{address}?{query}" if query else address
        return self._with_retries(lambda: self._accepted(self._whole(self._open(address), limit, self._longest)), tries)

    def search(self, address: str, question: Mapping[str, object] | None = None) -> bytes:
        """Ask a catalogue for a page, without the secret: by GET, or where there is a question by POST, as JSON.

        Raises what `ask` raises; a busy server is waited for. No redirect of a POST is followed.
        """

        def attempt() -> bytes:
            response = self._open(address, anonymously=True, json=question)
            return self._accepted(self._whole(response, PAGE_LIMIT, LONGEST_PAGE)).body

        return self._with_retries(attempt, patience=PATIENCE_OF_SEARCH)

    def read(self, address: str, reading: Callable[[Iterator[bytes]], _Result]) -> _Result:
        """GET an answer of any length, and return what `reading` makes of its chunks; raises what `ask` raises."""

        def attempt() -> _Result:
            with self._stream(address, {}) as response, self._in_time(response, LONGEST_STREAM):
                chunks = self._chunks(response)
                start = next(chunks, b"")
                self._accepted(self._answer(response, start))
                return reading(chain([start], chunks))

        return self._with_retries(attempt)

    def order(self, address: str, query: str) -> Answer:
        """Send an order once, over a new connection, follow no redirect, and return any answer as it came.

        Raises ServerAway if surely nothing was sent, ServerTrouble if it may have arrived.
        """
        timeouts = self._timeouts[0], self._longest
        with Session(1) as session:
            session.headers["Connection"] = "close"
            response = self._send("GET", f"{address}?{query}", session=session, timeout=timeouts)
            return self._whole(response, DOCUMENT_LIMIT, self._longest)

    @contextmanager
    def download(self, address: str, headers: Mapping[str, str]) -> Iterator[Download]:
        """Open a large answer as a stream inside a `with`; raises what `ask` raises for one that is not a file."""
        with self._with_retries(lambda: self._stream(self._site.reach(address), headers)) as response:
            yield Download(**vars(self._answer(response, b"")), chunks=self._chunks(response))

    def _with_retries(self, attempt: Callable[[], _Result], tries: int = TRIES, patience: float = 0.0) -> _Result:
        """Return what an attempt returns; after a server's own trouble or a cut, wait and try again."""
        trouble: PepsError
        pause = 0.5
        while True:
            try:
                return attempt()
            except (Passing, ServerAway, ServerSilent) as error:  # not what a person has to fix first
                tries -= 1
                trouble, wait, is_over = error, pause, not tries or error.status is Status.UNUSABLE
            except ServerBusy as error:  # waited for only where the caller has the patience
                wait = pause if error.retry_after is None else max(error.retry_after, pause)
                patience -= wait
                trouble, is_over = error, patience < 0
            if is_over:
                raise trouble
            self._trace(f"{trouble}; again in {wait:g} s")
            time.sleep(wait)
            pause *= 2

    def _stream(self, address: str, headers: Mapping[str, str]) -> requests.Response:
        response = self._open(address, headers={"Accept-Encoding": "identity", **headers})
        if response.status_code in {200, 206, 416}:
            return response
        self._accepted(self._whole(response, DOCUMENT_LIMIT, self._longest))
        raise ServerTrouble(f"{shown(response.url)} answers {response.status_code}, and no file")

    def _open(self, address: str, **options: Any) -> requests.Response:
        """Send a request, a POST if it has `json`, and follow redirects by our own rules: the secret stays at home."""
        method = "POST" if options.get("json") else "GET"
        response = first = self._send(method, address, **options)
        redirects = 0
        while method == "GET" and response.status_code in REDIRECTS and (target := response.headers.get("Location")):
            response.close()
            if redirects == _MOST_REDIRECTS:  # then the first address decides what that means
                circle = replace(self._answer(first, b""), status=response.status_code)
                raise self.judge(circle) or ServerTrouble(f"{shown(first.url)} redirects in a circle")
            redirects += 1
            response = self._send("GET", self._site.reach(target, response.url), **options)
        return response

    def _send(
        self, method: str, address: str, *, session: Session | None = None, anonymously: bool = False, **options: Any
    ) -> requests.Response:
        """Send one request, with options as requests knows them, and return the answer with its body still to come."""
        secret = self.secret if self._site.may_see_secret(address) and not anonymously else None
        begun = time.monotonic()
        proxy = proxy_for(address)
        try:
            options = {"timeout": self._timeouts, "auth": secret} | options
            response = (session or self._session).request(method, address, **options)
        except (OSError, urllib3_errors.HTTPError, ValueError) as error:  # those of requests are OSErrors
            raise failure(error, address, self._site, proxy) from error
        self._trace(f"{method} {response.url} -> {response.status_code} after {time.monotonic() - begun:.2f} s")
        return response

    def _answer(self, response: requests.Response, body: bytes) -> Answer:
        is_signed = self.secret and self.secret.header in response.request.headers
        return Answer(response.status_code, response.headers, body, response.url, self.secret if is_signed else None)

    def _accepted(self, answer: Answer) -> Answer:
        if error := self.judge(answer):
            raise error
        return answer

    def _whole(self, response: requests.Response, limit: int, seconds: float) -> Answer:
        """Return an answer with its body: at most `limit` bytes, which have to be there within so many seconds."""
        body = bytearray()
        with response, self._in_time(response, seconds):
            for chunk in self._chunks(response):
                body += chunk
                if len(body) > limit and response.ok:
                    raise ServerTrouble(f"{shown(response.url)} answers with more than {size(limit)}: that is too long")
                if len(body) > limit:  # the page of an error, whose status tells enough
                    break
        return self._answer(response, bytes(body))

    def _in_time(self, response: requests.Response, seconds: float) -> AbstractContextManager[None]:
        return in_time(seconds, response.raw.shutdown, ServerSilent(f"{shown(response.url)} timed out"))

    def _chunks(self, response: requests.Response) -> Iterator[bytes]:
        """Yield an answer in pieces of up to CHUNK bytes.

        At first each as it comes, so that little is lost if the connection breaks; of a large answer full ones, for
        small ones take twice the time of a processor.
        """
        is_packed, came = "Content-Encoding" in response.headers, 0  # unpacking takes a copy
        try:
            read = response.raw.read1
            while chunk := read(CHUNK, decode_content=is_packed):
                yield chunk
                came += len(chunk)
                read = response.raw.read1 if came < _LARGE or is_packed else response.raw.read
        except urllib3_errors.HTTPError as error:
            raise failure(error, response.url, self._site, proxy_for(response.url)) from error
