"""Dropping the old end of an app's lists together with the legs of its calls. Positions of what stays do not change."""

import sqlite3

from ringback.storage.sqlite.ring_back import purge_numbered

# When the first of an app's calls from a time on started, or the first mark of a number was made.
OLDEST = """
SELECT min(oldest) FROM (
    SELECT (SELECT started_ms FROM listed_call c WHERE c.list_id = l.list_id AND started_ms >= ?2
            ORDER BY started_ms LIMIT 1) AS oldest
    FROM call_list l WHERE l.app_id = ?1
    UNION ALL SELECT min(done_ms) FROM ring_back_mark WHERE app_id = ?1 AND done_ms >= ?2
)
"""
_LEAVING = "CREATE TEMP TABLE IF NOT EXISTS leaving (call_ref BLOB PRIMARY KEY) WITHOUT ROWID"
_OLD = "list_id IN (SELECT list_id FROM call_list WHERE app_id = ?1) AND started_ms < ?2"


def purge_before(db: sqlite3.Connection, app_id: int, until_ms: int) -> int:
    """Drop an app's calls that started before this time; return how many.

    A call starts at one time in all its lists, so a slice of time holds whole calls: lists and legs never disagree.
    """
    purge_numbered(db, app_id, until_ms)
    db.execute(_LEAVING)
    db.execute("DELETE FROM temp.leaving")
    db.execute(f"INSERT OR IGNORE INTO temp.leaving SELECT call_ref FROM listed_call WHERE {_OLD}", (app_id, until_ms))
    db.execute(f"DELETE FROM listed_call WHERE {_OLD}", (app_id, until_ms))
    db.execute("DELETE FROM leg WHERE app_id = ? AND call_ref IN (SELECT call_ref FROM temp.leaving)", (app_id,))
    return int(db.execute("SELECT count(*) FROM temp.leaving").fetchone()[0])
