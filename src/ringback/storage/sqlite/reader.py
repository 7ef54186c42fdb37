"""The connection that requests read through. Requests that one turn of the event loop finds waiting share a snapshot.

A snapshot begins and ends with a lock of the file each, two calls into the system; when many requests are waiting, they
pay for them together. What this process acknowledged is in the snapshot of every later request, for it acknowledges in
a turn of its own; what another process did is in it a millisecond later at the latest.
"""

import asyncio
import math
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ringback.errors import StoreUnavailable
from ringback.storage.sqlite.connection import connect, our_error
from ringback.storage.sqlite.lists import Row
from ringback.storage.sqlite.place import Place

SNAPSHOT_SECONDS = 0.001  # how old one may be: a turn may be long, and a coroutine that never waits never ends it


class Reader:
    """Reads the store; each read is one statement, fetched whole before the next."""

    def __init__(self, path: Path, place: Place) -> None:
        """Open the file and look into it: from then on its log is not removed."""
        self._path, self._place = path, place
        self._connection = connect(path, read_only=True)
        self._cursor = self._connection.cursor()
        self._cursor.execute("SELECT 1 FROM sqlite_schema").fetchall()
        self._fresh_until = 0.0  # the snapshot that is open, if one is
        self._fresh_seconds = SNAPSHOT_SECONDS

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a statement; raises `StoreUnavailable` and `StoreUnusable`."""
        now = time.monotonic()
        if now > self._place.trusted_until:
            self._place.look()
        try:
            if now > self._fresh_until:
                self._begin_snapshot(now)
            return self._cursor.execute(statement, parameters).fetchall()
        except sqlite3.ProgrammingError as error:
            raise StoreUnavailable(f"The store {self._path} is closed") from error
        except sqlite3.DatabaseError as error:
            self._end_snapshot()
            raise our_error(error, self._path) from error

    @contextmanager
    def of_one_moment(self) -> Iterator[None]:
        """Run with all reads from one snapshot, however long they take."""
        self._end_snapshot()
        self._fresh_seconds = math.inf
        try:
            yield
        finally:
            self._fresh_seconds = SNAPSHOT_SECONDS
            self._end_snapshot()

    def _begin_snapshot(self, now: float) -> None:
        self._end_snapshot()
        try:
            asyncio.get_running_loop().call_soon(self._end_snapshot)
        except RuntimeError:  # without a loop each read has its own
            return
        self._cursor.execute("BEGIN")
        self._fresh_until = now + self._fresh_seconds

    def _end_snapshot(self) -> None:
        self._fresh_until = 0.0
        try:
            self._connection.rollback()
        except sqlite3.Error:  # closed meanwhile, or no longer to be read: the next read tells
            return

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
