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
    Standing,
    followed,
    numbered,
    rewriting,
    standings,
)
from ringback.storage.positions import Changes
from ringback.storage.records import EARLIEST_MS, Mark
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.numbers import UNKNOWN_NUMBER, number_again

_KINDS = ", ".join(str(kind.value) for kind in FOLLOWED)
_AT_A_TIME = 5000  # numbers, of a whole app: bounds the memory

# The calls by number as the lists have them.
LISTED = f"""
SELECT c.number, l.kind <> {ListKind.OUT_MISSED.value} AS was_reached, c.started_ms, c.call_ref, l.extension
FROM call_list l CROSS JOIN listed_call c ON c.list_id = l.list_id
WHERE l.app_id = ?1 AND l.kind IN ({_KINDS}) AND c.number <> '{UNKNOWN_NUMBER}'
"""

_REACHED = f"""
    SELECT n.value AS number, max(
        coalesce((SELECT max(started_ms) FROM call_by_number b
                  WHERE b.app_id = ?1 AND b.number = n.value AND b.was_reached = 1), {EARLIEST_MS}),
        coalesce((SELECT max(done_ms) FROM ring_back_mark m
                  WHERE m.app_id = ?1 AND m.number = n.value), {EARLIEST_MS})
    ) AS reached_ms
    FROM %s n
"""
# How numbers stand by their rows: the same for however many tries there were.
STANDING = f"""
SELECT number, reached_ms, NULL, NULL, NULL, NULL FROM ({_REACHED % "json_each(?2)"})
UNION ALL
SELECT r.number, NULL, r.extension, r.started_ms, r.call_ref, r.tries
FROM json_each(?2) n CROSS JOIN ring_back r INDEXED BY ring_back_of_number ON r.app_id = ?1 AND r.number = n.value
"""
# How they should stand: when each was last reached, and each agent's tries since then, of which the last is told.
_DUE = f"""
WITH asked AS MATERIALIZED ({_REACHED}), tried AS (
    SELECT b.number, b.extension, max(b.started_ms) AS started_ms, count(*) AS tries
    FROM asked a
    CROSS JOIN call_by_number b ON b.app_id = ?1 AND b.number = a.number AND b.was_reached = 0
        AND b.started_ms > a.reached_ms
    GROUP BY b.number, b.extension
)
"""
_LAST = """(
    SELECT max(b.call_ref) FROM call_by_number b
    WHERE b.app_id = ?1 AND b.number = t.number AND b.was_reached = 0 AND b.started_ms = t.started_ms
        AND b.extension = t.extension
)"""
DUE = f"""
{_DUE % "json_each(?2)"}
SELECT number, reached_ms, NULL, NULL, NULL, NULL FROM asked
UNION ALL
SELECT t.number, NULL, t.extension, t.started_ms, {_LAST}, t.tries FROM tried t
"""

_DROP_NUMBERED = """
DELETE FROM call_by_number WHERE app_id = ? AND number = ? AND was_reached = ? AND started_ms = ? AND call_ref = ?
"""
_PUT_NUMBERED = """
INSERT INTO call_by_number (app_id, number, was_reached, started_ms, call_ref, extension) VALUES (?, ?, ?, ?, ?, ?)
"""
_DROP = "DELETE FROM ring_back WHERE app_id = ? AND extension = ? AND started_ms = ? AND call_ref = ?"
_PUT = "INSERT INTO ring_back (app_id, extension, started_ms, call_ref, tries, number) VALUES (?, ?, ?, ?, ?, ?)"
_COUNT = """
INSERT INTO ring_back_count (app_id, extension, bits, slot, calls) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (app_id, extension, bits, slot) DO UPDATE SET calls = calls + excluded.calls
"""
_DROP_EMPTY = "DELETE FROM ring_back_count WHERE app_id = ? AND extension = ? AND bits = ? AND slot = ? AND calls = 0"


def write_numbered(db: sqlite3.Connection, app_id: int, changes: Mapping[ListKey, Changes]) -> None:
    """Have the lists of numbers to ring back follow changes to the lists of calls."""
    write(db, app_id, numbered(changes))


def write(db: sqlite3.Connection, app_id: int, changed: Numbered) -> None:
    """The same for calls by number."""
    numbers = changed.numbers
    if not numbers:
        return
    before = standing(db, app_id, numbers)
    if changed.gone:
        db.executemany(_DROP_NUMBERED, [(app_id, *call[:-1]) for call in changed.gone])
    if changed.came:
        db.executemany(_PUT_NUMBERED, [(app_id, *call) for call in sorted(changed.came)])  # pages in turn
    after, unsure = followed(before, changed)
    if unsure:
        after |= due(db, app_id, unsure)
    _rewrite(db, app_id, before, after)


def standing(db: sqlite3.Connection, app_id: int, numbers: Sequence[str]) -> dict[str, Standing]:
    """Return how these numbers stand by their rows."""
    return standings(db.execute(STANDING, (app_id, json.dumps(numbers))))


def due(db: sqlite3.Connection, app_id: int, numbers: Sequence[str]) -> dict[str, Standing]:
    """Return how these numbers should stand by their calls and marks, each try counted."""
    return standings(db.execute(DUE, (app_id, json.dumps(numbers))))


def _rewrite(
    db: sqlite3.Connection, app_id: int, before: Mapping[str, Standing], after: Mapping[str, Standing]
) -> None:
    gone, came, counts = rewriting(before, after)
    if gone:
        db.executemany(_DROP, [(app_id, *row[:3]) for row in gone])
    if came:
        db.executemany(_PUT, [(app_id, *row) for row in came])
    if counts:
        db.executemany(_COUNT, [(app_id, *count) for count in counts])
    if empty := [(app_id, *count[:-1]) for count in counts if count.by < 0]:
        db.executemany(_DROP_EMPTY, empty)


# --- by hand -------------------------------------------------------------------------------------------------------

MARKS = """
SELECT number, done_ms, extension FROM ring_back_mark WHERE app_id = ? AND (number, done_ms, extension) > (?, ?, ?)
ORDER BY number, done_ms, extension LIMIT ?
"""
_MARK = "INSERT OR IGNORE INTO ring_back_mark (app_id, number, done_ms, extension) VALUES (?, ?, ?, ?)"
_UNMARK = "DELETE FROM ring_back_mark WHERE app_id = ? AND number = ? AND done_ms = ? AND extension = ?"
_DROP_MARKS = "DELETE FROM ring_back_mark WHERE app_id = ? AND number = ?"


def mark_done(db: sqlite3.Connection, app_id: int, mark: Mark, of: str | None) -> bool:
    """Take a number off all lists, if it is in the list of this agent (None: of any)."""
    rows = standing(db, app_id, [mark.number])[mark.number].rows
    if not rows or (of is not None and of not in rows):
        return False
    put_marks(db, app_id, [mark])
    return True


def put_marks(db: sqlite3.Connection, app_id: int, marks: Sequence[Mark]) -> None:
    """Keep these marks; those that are there already are passed over."""
    _write_marks(db, app_id, marks, _MARK)


def undo_done(db: sqlite3.Connection, app_id: int, mark: Mark) -> bool:
    """Drop a mark; return whether it was there."""
    return _write_marks(db, app_id, [mark], _UNMARK) > 0


def drop_marks(db: sqlite3.Connection, app_id: int, numbers: Sequence[str]) -> None:
    """Drop all marks of these numbers."""
    before = standing(db, app_id, numbers)
    db.executemany(_DROP_MARKS, [(app_id, number) for number in numbers])
    _rewrite(db, app_id, before, due(db, app_id, numbers))


def _write_marks(db: sqlite3.Connection, app_id: int, marks: Sequence[Mark], statement: str) -> int:
    numbers = sorted({mark.number for mark in marks})
    before = standing(db, app_id, numbers)
    rows = [(app_id, mark.number, mark.done_ms, mark.extension) for mark in marks]
    written = db.executemany(statement, rows).rowcount
    _rewrite(db, app_id, before, due(db, app_id, numbers))
    return written


# --- with the whole app --------------------------------------------------------------------------------------------

_NUMBERS = "SELECT DISTINCT number FROM call_by_number WHERE app_id = ? AND number > ? ORDER BY number LIMIT ?"


def purge_numbered(db: sqlite3.Connection, app_id: int, until_ms: int) -> None:
    """Drop calls by number that started before, which the lists of calls still have, and marks of before."""
    gone = db.execute(f"{LISTED} AND c.started_ms < ?2", (app_id, until_ms)).fetchall()
    write(db, app_id, Numbered([NumberedCall(*row) for row in gone], []))
    db.execute("DELETE FROM ring_back_mark WHERE app_id = ? AND done_ms < ?", (app_id, until_ms))  # covers no try now


def read_numbers_again(db: sqlite3.Connection, app_id: int, region: str | None) -> None:
    """Make everything of an app anew, marks as the region reads their numbers."""
    marks = db.execute("DELETE FROM ring_back_mark WHERE app_id = ? RETURNING number, done_ms, extension", (app_id,))
    read = [(app_id, number_again(number, region), *rest) for number, *rest in marks.fetchall()]
    db.executemany(_MARK, read)
    for table in ("call_by_number", "ring_back", "ring_back_count"):
        db.execute(f"DELETE FROM {table} WHERE app_id = ?", (app_id,))
    db.execute(
        "INSERT INTO call_by_number (app_id, number, was_reached, started_ms, call_ref, extension) "
        f"SELECT ?1, * FROM ({LISTED})",
        (app_id,),
    )
    after = ""
    while numbers := [row[0] for row in db.execute(_NUMBERS, (app_id, after, _AT_A_TIME)).fetchall()]:
        _rewrite(db, app_id, {}, due(db, app_id, numbers))
        after = numbers[-1]


# What is kept, and what is due, of each table: told in words, for the check.
_EVERY_NUMBER = "(SELECT DISTINCT number AS value FROM call_by_number WHERE app_id = ?1)"
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
    (
        "numbers to ring back",
        "SELECT extension, started_ms, call_ref, tries, number FROM ring_back WHERE app_id = ?1",
        f"{_DUE % _EVERY_NUMBER} SELECT t.extension, t.started_ms, {_LAST}, t.tries, t.number FROM tried t",
    ),
    (
        "counts of numbers to ring back",
        f"SELECT extension, bits, slot, calls FROM ring_back_count WHERE app_id = ?1 AND bits <> {REVISION_BITS}",
        _COUNTED,
    ),
)
