"""Threads that ask and fetch, each kind so many at once, and one place where what they bring is taken in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from peps_maja.commands.run import WORKER

_Result = TypeVar("_Result")


class Workers:
    """Pools of threads by kind, so that one kind never holds up the other; `leave_at` is the monotonic end of all."""

    def __init__(self, leave_at: float = inf, **threads: int) -> None:
        self._leave_at = leave_at
        self._pools = {kind: ThreadPoolExecutor(number, WORKER) for kind, number in threads.items()}
        self._open: set[Future[Any]] = set()
        self._done: SimpleQueue[tuple[Future[Any], Callable[[Future[Any]], None]]] = SimpleQueue()

    def start(self, kind: str, work: Callable[[], _Result], take: Callable[[Future[_Result]], None]) -> None:
        """Have a thread of this kind do the work; `take` is given its future in the thread that calls `finish`."""
        future = self._pools[kind].submit(work)
        self._open.add(future)
        future.add_done_callback(lambda done: self._done.put((done, take)))

    def finish(self) -> bool:
        """Take in what comes, as it comes, and what that starts; return False if the time was over before the end."""
        while self._open:
            left = max(0.0, self._leave_at - monotonic())
            try:
                future, take = self._done.get(timeout=None if left == inf else left)
            except Empty:
                return False
            self._open.remove(future)
            if not future.cancelled():
                take(future)
        return True

    def stop(self, seconds: float) -> None:
        """Let go of all work that no thread has begun yet, and wait no longer than so many seconds for the rest."""
        for future in list(self._open):
            future.cancel()
        self._leave_at = min(self._leave_at, monotonic() + seconds)

    def close(self) -> None:
        """Begin nothing more, and wait for nobody."""
        for pool in self._pools.values():
            pool.shutdown(wait=not self._open, cancel_futures=True)
