"""Deadlines of connections: who sends, reads or idles for too long is cut off. What a request asks is not looked at.

One look over all connections a second: a request costs no timer, and a connection is cut up to two seconds late.
"""

import asyncio
import resource
from abc import ABC, abstractmethod
from collections.abc import Collection
from enum import IntEnum

MOST_HEAD_BYTES = 65_536  # of a request's line and headers, give or take what comes at once
_LOOK_SECONDS = 1.0
_LEAST_RATE = 10_000  # bytes a second, on average, of bodies and answers: half of what the slowest line has
_HURRIED_SECONDS = 2.0  # what is left of the patience with those who are silent when half of the places are taken
_SPARE_FILES = 64  # of those that a process may have open: the store's, the log's


class Stage(IntEnum):
    """How far a connection's request has come in."""

    NONE = 0
    HEAD = 1
    BODY = 2


class Watched(ABC):
    """A connection as it is watched. `since` is set to None whenever a request begins."""

    stage: Stage = Stage.NONE
    received: int = 0  # bytes of the request that is coming in
    since: float | None = None  # when its present stage was first seen

    @abstractmethod
    def unsent(self) -> int:
        """Return how many bytes of answers the client has not taken yet."""

    @abstractmethod
    def is_answering(self) -> bool:
        """Whether a request is whole and its answer is being made."""

    @abstractmethod
    def cut(self) -> None:
        """Close the connection, telling the client where it can be told."""


class Watch:
    """Watches the connections of a process."""

    def __init__(self, client_timeout: int, max_connections: int) -> None:
        self._patience = float(client_timeout)
        self._most = min(max_connections, _files() - _SPARE_FILES)
        self._connections: Collection[Watched] = ()

    def admits(self, connections: Collection[Watched]) -> bool:
        """Whether there is a place for the newest of these, which are watched from now on."""
        self._connections = connections
        return len(connections) <= self._most

    async def run(self) -> None:
        """Look over the connections for ever."""
        now = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            is_hurried = len(self._connections) > self._most // 2
            for connection in list(self._connections):
                self._look_at(connection, now(), is_hurried=is_hurried)

    def _look_at(self, connection: Watched, now: float, *, is_hurried: bool) -> None:
        since = connection.since
        if connection.stage is Stage.NONE and connection.is_answering() and not connection.unsent():
            connection.since = None  # it waits for us
        elif since is None:
            connection.since = now
        elif now - since > self._allowed(connection, is_hurried=is_hurried):
            connection.since = now
            connection.cut()

    def _allowed(self, connection: Watched, *, is_hurried: bool) -> float:
        """How long the connection may stay as it is."""
        unsent = connection.unsent()
        if unsent:
            return self._patience + unsent / _LEAST_RATE
        if connection.stage is Stage.BODY:
            return self._patience + connection.received / _LEAST_RATE
        return min(self._patience, _HURRIED_SECONDS) if is_hurried else self._patience


def raise_file_limit() -> None:
    """Let this process, and those it starts, have as many connections as the system allows it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _files() -> int:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return 2**31 if limit == resource.RLIM_INFINITY else limit
