"""What a store in a file weighs."""

import sqlite3
from pathlib import Path

from ringback.storage.records import MOST_COUNTED, Measures
from ringback.storage.sqlite.connection import connect, our_errors


def measured(path: Path) -> Measures:
    """Return what the file and those beside it weigh; for a thread, with a connection of its own."""
    with our_errors(path):
        db = connect(path, read_only=True)
        try:
            lists, rejects = (_counted(db, table) for table in ("call_list", "reject"))
        finally:
            db.close()
    return Measures(bytes=sum(map(_bytes_of, ("", "-wal", "-shm"), 3 * (path,))), lists=lists, rejects=rejects)


def _counted(db: sqlite3.Connection, table: str) -> int:
    return int(db.execute(f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {MOST_COUNTED})").fetchone()[0])


def _bytes_of(suffix: str, path: Path) -> int:
    try:
        return path.with_name(path.name + suffix).stat().st_size
    except FileNotFoundError:
        return 0
