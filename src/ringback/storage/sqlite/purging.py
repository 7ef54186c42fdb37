"""Dropping the old end of every list together with the legs of its calls. Positions of what stays do not change."""

import sqlite3

_SLICE_MS = 86_400_000  # a day at a time: writers of live calls get their turn in between


def purge_slice(db: sqlite3.Connection, before_ms: int) -> int | None:
    """Drop the oldest day's calls that started before this time; return how many, or None when none is left.

    A call starts at one time in all its lists, so a slice of time holds whole calls: lists and legs never disagree.
    """
    oldest = _oldest_ms(db)
    if oldest is None or oldest >= before_ms:
        return None
    until_ms = min(before_ms, oldest + _SLICE_MS)
    db.execute(
        "CREATE TEMP TABLE IF NOT EXISTS leaving (app_id INTEGER, call_ref BLOB, PRIMARY KEY (app_id, call_ref))"
    )
    db.execute("DELETE FROM temp.leaving")
    for list_id, app_id in db.execute("SELECT list_id, app_id FROM call_list").fetchall():
        old = "list_id = ? AND started_ms < ?"
        db.execute(
            f"INSERT OR IGNORE INTO temp.leaving SELECT ?, call_ref FROM listed_call WHERE {old}",
            (app_id, list_id, until_ms),
        )
        db.execute(f"DELETE FROM listed_call WHERE {old}", (list_id, until_ms))
    db.execute("DELETE FROM leg WHERE (app_id, call_ref) IN (SELECT app_id, call_ref FROM temp.leaving)")
    return int(db.execute("SELECT count(*) FROM temp.leaving").fetchone()[0])


def _oldest_ms(db: sqlite3.Connection) -> int | None:
    row = db.execute(
        "SELECT min((SELECT started_ms FROM listed_call c WHERE c.list_id = l.list_id ORDER BY started_ms LIMIT 1)) "
        "FROM call_list l"
    ).fetchone()
    return None if row[0] is None else int(row[0])
