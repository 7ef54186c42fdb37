"""Numbers to ring back in SQLite: keeping calls by number, and the lists that follow from them. No reading of pages."""

import json
import sqlite3
from collections.abc import Mapping, Sequence

from ringback.storage.by_number import (
    FOLLOWED,
    REVISION_BITS,
    SPAN_BITS,
    Numbered,
    NumberedCall,
    count_changes,
    numbered,
)
from ringback.storage.positions import Changes
from ringback.storage.records import EARLIEST_MS, Mark
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.numbers import UNKNOWN_NUMBER, number_again

_KINDS = ", ".join(str(kind.value) for kind in FOLLOWED)
ROW = "extension, started_ms, call_id, call_ref, number, tries, shown, disposition, ringing_seconds"

# The calls by number as the lists have them.
LISTED = f"""
SELECT c.number, l.kind <> {ListKind.OUT_MISSED.value} AS was_reached, c.started_ms, c.call_ref, l.extension
FROM call_list l CROSS JOIN listed_call c ON c.list_id = l.list_id
WHERE l.app_id = ?1 AND l.kind IN ({_KINDS}) AND c.number <> '{UNKNOWN_NUMBER}'
"""

# The rows that follow for some numbers. Of each, the tries since it was last reached are looked at, not all there were.
_FOLLOWING = f"""
WITH asked AS MATERIALIZED (
    SELECT n.value AS number, max(
        coalesce((SELECT max(started_ms) FROM call_by_number b
                  WHERE b.app_id = ?1 AND b.number = n.value AND b.was_reached = 1), {EARLIEST_MS}),
        coalesce((SELECT max(done_ms) FROM ring_back_mark m
                  WHERE m.app_id = ?1 AND m.number = n.value), {EARLIEST_MS})
    ) AS reached_ms
    FROM %s n
), tried AS MATERIALIZED (
    SELECT b.number, b.extension, count(*) AS tries, max(b.started_ms) AS started_ms
    FROM asked a
    CROSS JOIN call_by_number b ON b.app_id = ?1 AND b.number = a.number AND b.was_reached = 0
        AND b.started_ms > a.reached_ms
    GROUP BY b.number, b.extension
)
SELECT t.extension, t.started_ms, coalesce(c.given_id, c.call_ref), c.call_ref, t.number, t.tries, c.shown,
    c.disposition, c.ringing_seconds
FROM tried t
CROSS JOIN call_list l ON l.app_id = ?1 AND l.extension = t.extension AND l.kind = {ListKind.OUT_MISSED.value}
CROSS JOIN listed_call c INDEXED BY listed_call_by_time ON c.list_id = l.list_id AND c.started_ms = t.started_ms
    AND c.call_ref = (
        SELECT max(b.call_ref) FROM call_by_number b
        WHERE b.app_id = ?1 AND b.number = t.number AND b.was_reached = 0 AND b.started_ms = t.started_ms
            AND b.extension = t.extension
    )
"""
FOLLOWING = _FOLLOWING % "json_each(?2)"
ALL_FOLLOWING = _FOLLOWING % "(SELECT DISTINCT number AS value FROM call_by_number WHERE app_id = ?1)"

_DROP_NUMBERED = """
DELETE FROM call_by_number WHERE app_id = ? AND number = ? AND was_reached = ? AND started_ms = ? AND call_ref = ?
"""
_PUT_NUMBERED = """
INSERT INTO call_by_number (app_id, number, was_reached, started_ms, call_ref, extension) VALUES (?, ?, ?, ?, ?, ?)
"""
_DROP = """
DELETE FROM ring_back WHERE app_id = ?1 AND number IN (SELECT value FROM json_each(?2)) RETURNING extension, started_ms
"""
_PUT = f"INSERT INTO ring_back (app_id, {ROW}) SELECT ?1, * FROM (%s) WHERE true RETURNING extension, started_ms"
_COUNT = """
INSERT INTO ring_back_count (app_id, extension, bits, slot, calls) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (app_id, extension, bits, slot) DO UPDATE SET calls = calls + excluded.calls
"""
_DROP_EMPTY = "DELETE FROM ring_back_count WHERE app_id = ? AND extension = ? AND bits = ? AND slot = ? AND calls = 0"


def write_numbered(db: sqlite3.Connection, app_id: int, changes: Mapping[ListKey, Changes]) -> None:
    """Have the lists of numbers to ring back follow changes that are written to the lists of calls."""
    write(db, app_id, numbered(changes))


def write(db: sqlite3.Connection, app_id: int, changed: Numbered) -> None:
    """The same for calls by number."""
    if changed.gone:
        db.executemany(_DROP_NUMBERED, [(app_id, *call[:-1]) for call in changed.gone])
    if changed.came:
        db.executemany(_PUT_NUMBERED, [(app_id, *call) for call in changed.came])
    follow(db, app_id, changed.numbers)


def follow(db: sqlite3.Connection, app_id: int, numbers: Sequence[str]) -> None:
    """Write anew the rows of these numbers in all agents' lists."""
    if not numbers:
        return
    asked = (app_id, json.dumps(numbers))
    gone = db.execute(_DROP, asked).fetchall()
    _count(db, app_id, gone, db.execute(_PUT % FOLLOWING, asked).fetchall())


def _count(
    db: sqlite3.Connection, app_id: int, gone: Sequence[tuple[str, int]], came: Sequence[tuple[str, int]]
) -> None:
    changes = count_changes(gone, came)
    if not changes:
        return
    db.executemany(_COUNT, [(app_id, *change) for change in changes])
    if gone:
        db.executemany(_DROP_EMPTY, [(app_id, *change[:3]) for change in changes if change.by < 0])


# What is kept, and what is due, of each table: told in words, for the check.
_COUNTED = " UNION ALL ".join(
    f"""SELECT extension, {bits}, started_ms >> {bits}, count(*) FROM ring_back WHERE app_id = ?1
    GROUP BY extension, started_ms >> {bits}"""
    for bits in SPAN_BITS
)
PROOFS = (
    (
        "calls by number",
        "SELECT number, was_reached, started_ms, call_ref, extension FROM call_by_number WHERE app_id = ?1",
        LISTED,
    ),
    ("numbers to ring back", f"SELECT {ROW} FROM ring_back WHERE app_id = ?1", ALL_FOLLOWING),
    (
        "counts of numbers to ring back",
        f"SELECT extension, bits, slot, calls FROM ring_back_count WHERE app_id = ?1 AND bits <> {REVISION_BITS}",
        _COUNTED,
    ),
)

# --- by hand -------------------------------------------------------------------------------------------------------

MARKS = """
SELECT number, done_ms, extension FROM ring_back_mark WHERE app_id = ? AND (number, done_ms, extension) > (?, ?, ?)
ORDER BY number, done_ms, extension LIMIT ?
"""
_IS_LISTED = "SELECT 1 FROM ring_back WHERE app_id = ?1 AND number = ?2 AND (?3 IS NULL OR extension = ?3)"
_MARK = "INSERT OR IGNORE INTO ring_back_mark (app_id, number, done_ms, extension) VALUES (?, ?, ?, ?)"
_UNMARK = "DELETE FROM ring_back_mark WHERE app_id = ? AND number = ? AND done_ms = ? AND extension = ?"


def mark_done(db: sqlite3.Connection, app_id: int, mark: Mark, of: str | None) -> bool:
    """Take a number off all lists, if it is in the list of this agent (None: of any)."""
    if db.execute(_IS_LISTED, (app_id, mark.number, of)).fetchone() is None:
        return False
    put_marks(db, app_id, [mark])
    return True


def put_marks(db: sqlite3.Connection, app_id: int, marks: Sequence[Mark]) -> None:
    """Keep these marks; those that are there already are passed over."""
    db.executemany(_MARK, [(app_id, mark.number, mark.done_ms, mark.extension) for mark in marks])
    follow(db, app_id, sorted({mark.number for mark in marks}))


def undo_done(db: sqlite3.Connection, app_id: int, mark: Mark) -> bool:
    """Drop a mark; return whether it was there."""
    was_there = db.execute(_UNMARK, (app_id, mark.number, mark.done_ms, mark.extension)).rowcount > 0
    follow(db, app_id, [mark.number] if was_there else [])
    return was_there


def drop_marks(db: sqlite3.Connection, app_id: int, numbers: Sequence[str]) -> None:
    """Drop all marks of these numbers."""
    for number in numbers:
        db.execute("DELETE FROM ring_back_mark WHERE app_id = ? AND number = ?", (app_id, number))
    follow(db, app_id, sorted(set(numbers)))


# --- with the whole app --------------------------------------------------------------------------------------------


def purge_numbered(db: sqlite3.Connection, app_id: int, until_ms: int) -> None:
    """Drop calls by number that started before, which the lists of calls still have, and marks of before."""
    gone = db.execute(f"{LISTED} AND c.started_ms < ?2", (app_id, until_ms)).fetchall()
    db.execute("DELETE FROM ring_back_mark WHERE app_id = ? AND done_ms < ?", (app_id, until_ms))
    write(db, app_id, Numbered([NumberedCall(*row) for row in gone], []))


def read_numbers_again(db: sqlite3.Connection, app_id: int, region: str | None) -> None:
    """Make everything of an app anew, marks as the region reads their numbers."""
    marks = db.execute("DELETE FROM ring_back_mark WHERE app_id = ? RETURNING number, done_ms, extension", (app_id,))
    read = [
        (app_id, number_again(number, region), done_ms, extension) for number, done_ms, extension in marks.fetchall()
    ]
    db.executemany(_MARK, read)
    for table in ("call_by_number", "ring_back", "ring_back_count"):
        db.execute(f"DELETE FROM {table} WHERE app_id = ?", (app_id,))
    db.execute(
        "INSERT INTO call_by_number (app_id, number, was_reached, started_ms, call_ref, extension) "
        f"SELECT ?1, * FROM ({LISTED})",
        (app_id,),
    )
    _count(db, app_id, [], db.execute(_PUT % ALL_FOLLOWING, (app_id,)).fetchall())
