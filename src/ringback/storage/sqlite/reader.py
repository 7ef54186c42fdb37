"""The connection that requests read through. Requests of one turn of the event loop share one snapshot.

A snapshot begins and ends with a lock of the file each, two calls into the system; when many requests are waiting, they
pay for them together. What was acknowledged before a turn began is in its snapshot; what this process acknowledges, it
does in a later turn.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from ringback.errors import StoreUnavailable
from ringback.storage.sqlite.connection import connect, our_error
from ringback.storage.sqlite.lists import Row
from ringback.storage.sqlite.place import Place


class Reader:
    """Reads the store; each read is fetched whole before the next."""

    def __init__(self, path: Path, place: Place) -> None:
        """Open the file and look into it: from then on its log is not removed."""
        self._path, self._place = path, place
        self._connection = connect(path, read_only=True)
        self._cursor = self._connection.cursor()
        self._cursor.execute("SELECT 1 FROM sqlite_schema").fetchall()

    def rows(self, statement: str, parameters: Sequence[object] = ()) -> list[Row]:
        """Return the rows of a statement; raises `StoreUnavailable` and `StoreUnusable`."""
        self._place.look_now_and_then()
        try:
            if not self._connection.in_transaction:
                self._begin_turn()
            return self._cursor.execute(statement, parameters).fetchall()
        except sqlite3.ProgrammingError as error:
            raise StoreUnavailable(f"The store {self._path} is closed") from error
        except sqlite3.DatabaseError as error:
            self._end_turn()
            raise our_error(error, self._path) from error

    def _begin_turn(self) -> None:
        try:
            asyncio.get_running_loop().call_soon(self._end_turn)
        except RuntimeError:  # without a loop each read has its own snapshot
            return
        self._cursor.execute("BEGIN")

    def _end_turn(self) -> None:
        try:
            self._connection.rollback()
        except sqlite3.Error:  # closed meanwhile, or no longer to be read: the next read tells
            return

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
