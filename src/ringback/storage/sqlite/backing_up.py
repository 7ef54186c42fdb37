"""A consistent copy of a SQLite store that is being written to: one snapshot, whole or not there at all."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ringback.storage.sqlite.connection import connect, our_errors

_PAGES = 2000  # copied at a time: 8 MB

Told = Callable[[int, int], None]  # how much is done, of how much


def back_up(path: Path, part: Path, told: Told) -> None:
    """Copy the store as it is now into this file, which is there and empty, and write it to the disk.

    The snapshot is held by a transaction of the copying connection: SQLite would begin the copy anew each time that
    somebody writes otherwise. Writers go on; their log cannot be emptied until the copy is done.
    """
    with (
        our_errors(path),
        closing(connect(path, read_only=True)) as source,
        closing(sqlite3.connect(part, isolation_level=None)) as target,
    ):
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = FULL")
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM app").fetchone()
        source.backup(target, pages=_PAGES, progress=lambda _, left, whole: told(whole - left, whole))
