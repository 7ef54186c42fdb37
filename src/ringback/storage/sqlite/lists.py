"""Call lists in SQLite: finding a range's positions, reading pages, writing a renumbering. No merging, no tokens."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ringback.storage.positions import EMPTY_LIST, Changes, Entry, Shift, Span, renumber
from ringback.storage.records import ListedCall, Range
from ringback.storage.rows import count_of, listed_call
from ringback.telephony.call import ListKey

Row = tuple[Any, ...]  # the tables are STRICT: what a column holds is what the schema says

ENTRY = "started_ms, given_id, call_ref, number, shown, disposition, ringing_seconds"
# What a row shows, with the contact's name in the place of the source's: behind the mark NAME, before END.
NAMED = """CASE WHEN k.shown IS NULL THEN c.shown ELSE
    substr(c.shown, 1, instr(c.shown, char(6))) || k.shown || char(7) END"""
OF_CONTACT = "LEFT JOIN contact k ON k.app_id = %s AND k.number = c.number"
ROW = f"c.position, coalesce(c.given_id, c.call_ref), c.started_ms, {NAMED}, c.disposition, c.ringing_seconds"

# A page is one statement and so one snapshot: the two seeks that find a range's positions, and one run of the clustered
# key. Parameters go by number, which binds faster than by name: first those of `page_parameters`, then the app, the
# kind, and whose list it is.
_FOUND = """
    SELECT o.extension, l.list_id,
        (SELECT position FROM listed_call WHERE list_id = l.list_id AND started_ms >= ?1
         ORDER BY started_ms, position LIMIT 1) AS first,
        (SELECT position FROM listed_call WHERE list_id = l.list_id AND started_ms <= ?2
         ORDER BY started_ms DESC, position DESC LIMIT 1) AS last
    FROM %s o LEFT JOIN call_list l ON l.app_id = ?5 AND l.extension = o.extension AND l.kind = ?6
"""

# The positions in the first row, then the calls: joining the two would put the rows through a sorter.
PAGE = f"""
WITH found AS MATERIALIZED ({_FOUND % "(SELECT ?7 AS extension)"})
SELECT first, last, extension, NULL, NULL, NULL FROM found
UNION ALL
SELECT * FROM (
    SELECT {ROW} FROM listed_call c {OF_CONTACT % "?5"}
    WHERE c.list_id = (SELECT list_id FROM found)
        AND c.position BETWEEN (SELECT max(first, last - ?3 - ?4 + 1) FROM found)
            AND (SELECT last - ?3 FROM found)
    ORDER BY c.position DESC
)
"""

# One row: the library that calls SQLite pays for each row, and for each column of it, more than SQLite does. SQLite
# promises group_concat the order of the subquery it reads from (select.c, SF_OrderByReqd); bytes need no decoding. The
# LIMIT keeps what was found from being flattened into the outer SELECT, where each seek would be done for each mention.
_PAGE_OF_TOKEN = f"""
SELECT extension, first, last, (
    SELECT CAST(group_concat(shown, '') AS BLOB) FROM (
        SELECT %s AS shown FROM listed_call c %s
        WHERE c.list_id = found.list_id AND c.position BETWEEN max(first, last - ?3 - ?4 + 1) AND last - ?3
        ORDER BY c.position DESC
    )
) FROM (
    {_FOUND % "(SELECT extension FROM token WHERE app_id = ?5 AND digest = ?7 AND expires_ms > ?8)"}
    LIMIT 1
) found
"""
PAGE_OF_TOKEN = _PAGE_OF_TOKEN % ("c.shown", "")
NAMED_PAGE_OF_TOKEN = _PAGE_OF_TOKEN % (NAMED, OF_CONTACT % "?5")  # where the app has contacts

# The position behind the last call before each bound; where none is before it, the list's first.
BEHIND = """
SELECT coalesce(
    (SELECT position + 1 FROM listed_call c WHERE c.list_id = l.list_id AND started_ms < b.value
     ORDER BY started_ms DESC, position DESC LIMIT 1),
    (SELECT min(position) FROM listed_call c WHERE c.list_id = l.list_id)
)
FROM call_list l CROSS JOIN json_each(?4) b WHERE l.app_id = ?1 AND l.extension = ?2 AND l.kind = ?3
ORDER BY b.key
"""

STAMP = """
SELECT
    (SELECT min(position) FROM listed_call c WHERE c.list_id = l.list_id),
    (SELECT max(position) FROM listed_call c WHERE c.list_id = l.list_id),
    (SELECT call_ref FROM listed_call c WHERE c.list_id = l.list_id ORDER BY position DESC LIMIT 1)
FROM call_list l WHERE app_id = ? AND extension = ? AND kind = ?
"""

_FAR = 1 << 40  # no list has so many positions: past any page, and where rows wait while their block moves


def page_parameters(wanted: Range) -> tuple[int, int, int, int]:
    """Return a range's part of a page statement's parameters, the first four."""
    skipped = (wanted.page - 1) * wanted.limit  # any page may be asked for; SQLite's integers end
    return wanted.from_ms, wanted.to_ms, min(skipped, _FAR), min(wanted.limit, _FAR)


def page_rows(rows: Sequence[Row], wanted: Range) -> tuple[str, int, list[ListedCall]]:  # noqa: ARG001  (ring_back_pages.py's)
    """Return whose list it is, the exact count and the calls of the rows of `PAGE` (at least one)."""
    first, last, extension = rows[0][:3]
    return extension, count_of(first, last), [listed_call(*row) for row in rows[1:]]


def walk_rows(db: sqlite3.Connection, app_id: int, key: ListKey, from_ms: int, to_ms: int) -> Iterator[ListedCall]:
    """Yield the calls of a list in these bounds, newest first, as they are read."""
    list_id, _, found = _spans(db, app_id, key, from_ms, to_ms)
    rows = db.execute(
        f"SELECT {ROW} FROM listed_call c {OF_CONTACT % '?'} "
        "WHERE list_id = ? AND position BETWEEN ? AND ? ORDER BY position DESC",
        (app_id, list_id, *found),
    )
    return (listed_call(*row) for row in rows)


def walk_legs(db: sqlite3.Connection, app_id: int, key: ListKey, from_ms: int, to_ms: int) -> Iterator[list[str]]:
    """Yield the facts of the legs of each call of a list in these bounds, newest call first, as they are read."""
    list_id, _, found = _spans(db, app_id, key, from_ms, to_ms)
    refs = db.execute(
        "SELECT call_ref FROM listed_call WHERE list_id = ? AND position BETWEEN ? AND ? ORDER BY position DESC",
        (list_id, *found),
    )
    for (ref,) in refs:
        kept = db.execute("SELECT facts FROM leg WHERE app_id = ? AND call_ref = ? ORDER BY leg_id", (app_id, ref))
        yield [facts for (facts,) in kept.fetchall()]


def entries(db: sqlite3.Connection, list_id: int, after: int | None = None) -> Iterator[tuple[int, Entry]]:
    """Yield each position of a list (those after one, when it is given) with its row, lowest first."""
    rows = db.execute(
        f"SELECT position, {ENTRY} FROM listed_call WHERE list_id = ? AND position > ? ORDER BY position",
        (list_id, -_FAR if after is None else after),
    )
    for row in rows:
        yield row[0], Entry(*row[1:])


def has_entry(db: sqlite3.Connection, list_id: int, entry: Entry) -> bool:
    """Tell whether the list has this very row."""
    rows = db.execute(
        f"SELECT {ENTRY} FROM listed_call INDEXED BY listed_call_by_time WHERE list_id = ? AND started_ms = ?",
        (list_id, entry.started_ms),
    )
    return any(Entry(*row) == entry for row in rows)


# --- writing -------------------------------------------------------------------------------------------------------


def list_id_of(db: sqlite3.Connection, app_id: int, key: ListKey) -> int | None:
    """Return the list's number in this store, or None when nobody has written to it."""
    row = db.execute(
        "SELECT list_id FROM call_list WHERE app_id = ? AND extension = ? AND kind = ?",
        (app_id, key.extension, key.kind),
    ).fetchone()
    return row[0] if row else None


def write_changes(db: sqlite3.Connection, app_id: int, changes: Mapping[ListKey, Changes]) -> None:
    """Put the changes into their lists; each list is renumbered once."""
    rows: list[Row] = []
    for key in sorted(changes):
        list_id, whole, window = _spans(db, app_id, key, *changes[key].times())
        if list_id is None:
            named = (app_id, key.extension, key.kind.value)
            list_id = db.execute("INSERT INTO call_list (app_id, extension, kind) VALUES (?, ?, ?)", named).lastrowid
        rows.extend(_made_room(db, int(list_id or 0), whole, window, changes[key]))
    db.executemany(f"INSERT INTO listed_call (list_id, position, {ENTRY}) VALUES (?,?,?,?,?,?,?,?,?)", rows)


def _made_room(db: sqlite3.Connection, list_id: int, whole: Span, window: Span, changes: Changes) -> Iterator[Row]:
    """Drop and move a list's rows as the changes ask for; return the rows to put in."""
    plan = renumber(whole, window, _window_rows(db, list_id, window), changes)
    if plan.replaced.size > 0:
        db.execute("DELETE FROM listed_call WHERE list_id = ? AND position BETWEEN ? AND ?", (list_id, *plan.replaced))
    if plan.shift is not None:
        move(db, list_id, plan.shift)
    return ((list_id, position, *entry) for position, entry in enumerate(plan.rows, plan.start))


_SPANS = """
SELECT list_id,
    (SELECT min(position) FROM listed_call c WHERE c.list_id = l.list_id),
    (SELECT max(position) FROM listed_call c WHERE c.list_id = l.list_id),
    (SELECT position FROM listed_call c WHERE c.list_id = l.list_id AND started_ms >= ?4
     ORDER BY started_ms, position LIMIT 1),
    (SELECT position FROM listed_call c WHERE c.list_id = l.list_id AND started_ms <= ?5
     ORDER BY started_ms DESC, position DESC LIMIT 1)
FROM call_list l WHERE app_id = ?1 AND extension = ?2 AND kind = ?3
"""


def _spans(
    db: sqlite3.Connection, app_id: int, key: ListKey, earliest_ms: int, latest_ms: int
) -> tuple[int | None, Span, Span]:
    """Return a list's number, its span, and the span of its rows between two starts (empty where they would stand)."""
    found = db.execute(_SPANS, (app_id, key.extension, key.kind.value, earliest_ms, latest_ms)).fetchone()
    if found is None:
        return None, EMPTY_LIST, EMPTY_LIST
    list_id, lowest, highest, first, last = found
    whole = EMPTY_LIST if lowest is None else Span(lowest, highest)
    window = Span(whole.last + 1 if first is None else first, whole.first - 1 if last is None else last)
    return list_id, whole, window


def _window_rows(db: sqlite3.Connection, list_id: int, window: Span) -> list[Entry]:
    if window.size <= 0:
        return []
    rows = db.execute(
        f"SELECT {ENTRY} FROM listed_call WHERE list_id = ? AND position BETWEEN ? AND ? ORDER BY position",
        (list_id, *window),
    )
    return [Entry(*row) for row in rows]


def move(db: sqlite3.Connection, list_id: int, shift: Shift) -> None:
    """Move a block in two steps: in one, a row would meet its neighbour's position before that has moved on."""
    first, last = shift.span
    for low, high, by in ((first, last, _FAR), (first + _FAR, last + _FAR, shift.by - _FAR)):
        db.execute(
            "UPDATE listed_call SET position = position + ? WHERE list_id = ? AND position BETWEEN ? AND ?",
            (by, list_id, low, high),
        )
