"""Threads that ask and fetch, each kind so many at once, and one place where what they bring is taken in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Workers:
    """Pools of threads by kind, so that one kind never holds up the other."""

    def __init__(self, **threads: int) -> None:
        self._pools = {kind: ThreadPoolExecutor(number) for kind, number in threads.items()}
        self._kinds: dict[Future[Any], str] = {}
        self._done: SimpleQueue[tuple[Future[Any], Callable[[Future[Any]], None]]] = SimpleQueue()

    def start(self, kind: str, work: Callable[[], _Result], take: Callable[[Future[_Result]], None]) -> None:
        """Have a thread of this kind do the work; `take` is given its future in the thread that calls `finish`."""
        future = self._pools[kind].submit(work)
        self._kinds[future] = kind
        future.add_done_callback(lambda done: self._done.put((done, take)))

    def finish(self) -> None:
        """Take in what comes, as it comes, until nothing is under way; what is taken in may start more."""
        while self._kinds:
            future, take = self._done.get()
            del self._kinds[future]
            if not future.cancelled():
                take(future)

    def cancel_waiting(self, *kinds: str) -> None:
        """Let go of all work of these kinds that no thread has begun yet."""
        for future, kind in list(self._kinds.items()):
            if kind in kinds:
                future.cancel()

    def close(self) -> None:
        """Begin nothing more, and wait for nobody."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)
