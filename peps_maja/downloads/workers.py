"""Threads that ask and fetch, and one place where what they bring is taken in."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from math import inf
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeVar

from peps_maja.downloads import WORKER

_Result = TypeVar("_Result")
_Done = SimpleQueue[tuple["Team", Future[Any], Callable[[Future[Any]], None]]]


class Workers:
    """Teams of threads, one for each service, so that none holds up another; `leave_at` is the monotonic end of all."""

    def __init__(self, leave_at: float = inf) -> None:
        self._leave_at = leave_at
        self._teams: list[Team] = []
        self._done: _Done = SimpleQueue()

    def team(self, **threads: int) -> Team:
        """Return a new team, with so many threads for each kind of work."""
        self._teams.append(Team(self._done, self._leave_at, threads))
        return self._teams[-1]

    def finish(self) -> bool:
        """Take in what comes, as it comes, and what that starts; return False if the time was over before the end."""
        is_done = True
        while busy := [team for team in self._teams if team.under_way]:
            left = max(0.0, min(team.leave_at for team in busy) - monotonic())
            try:
                team, future, take = self._done.get(timeout=None if left == inf else left)
            except Empty:
                is_done = False
                for team in busy:
                    if team.leave_at <= monotonic():
                        team.leave()
            else:
                if future in team.under_way:
                    team.under_way.remove(future)
                    if not future.cancelled():
                        take(future)
        return is_done

    def close(self) -> None:
        """Begin nothing more, and wait for nobody."""
        for team in self._teams:
            team.close()


class Team:
    """The threads that work for one service, in pools by kind of work. Made by `Workers`."""

    def __init__(self, done: _Done, leave_at: float, threads: dict[str, int]) -> None:
        self.leave_at = leave_at
        self.under_way: set[Future[Any]] = set()
        self._done = done
        self._is_left = False
        self._pools = {kind: ThreadPoolExecutor(number, WORKER) for kind, number in threads.items()}

    def start(self, kind: str, work: Callable[[], _Result], take: Callable[[Future[_Result]], None]) -> None:
        """Have a thread of this kind do the work; `take` is given its future in the thread that calls `finish`."""
        future = self._pools[kind].submit(work)
        self.under_way.add(future)
        future.add_done_callback(lambda done: self._done.put((self, done, take)))

    def stop(self, seconds: float) -> None:
        """Let go of all work that no thread has begun yet, and wait no longer than so many seconds for the rest."""
        for future in list(self.under_way):
            future.cancel()
        self.leave_at = min(self.leave_at, monotonic() + seconds)

    def leave(self) -> None:
        """Wait no longer for what is under way."""
        self.under_way.clear()
        self._is_left = True

    def close(self) -> None:
        """Begin nothing more, and wait for nobody."""
        for pool in self._pools.values():
            pool.shutdown(wait=not (self.under_way or self._is_left), cancel_futures=True)
