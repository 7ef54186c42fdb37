"""The connection that requests read through: each read is one statement, and so one snapshot."""

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
            return self._cursor.execute(statement, parameters).fetchall()
        except sqlite3.ProgrammingError as error:
            raise StoreUnavailable(f"The store {self._path} is closed") from error
        except sqlite3.DatabaseError as error:
            raise our_error(error, self._path) from error

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
