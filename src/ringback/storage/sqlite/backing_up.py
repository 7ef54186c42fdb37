"""A consistent copy of a SQLite store that is being written to: one snapshot, whole or not there at all."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from ringback.storage.sqlite.connection import connect, is_busy, our_errors

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


def is_open(file: Path) -> bool:
    """Tell whether somebody has this file open as a store; what a killed process left in its log is brought into it.

    Who has a store open shares a lock of the file, even while idle: it cannot be had for oneself alone. SQLite has to
    ask, for to open and close the file by other means would drop the locks of a store that is open in this process.
    """
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True, timeout=0, isolation_level=None)) as db:
            db.execute("PRAGMA locking_mode = EXCLUSIVE")
            db.execute("BEGIN IMMEDIATE")
            db.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return is_busy(error)
    except sqlite3.DatabaseError:  # some other file, or one that is damaged
        return False
    return False
