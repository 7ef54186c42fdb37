"""Numbers to ring back in SQLite as they are read: a page, its count, all rows of a range. Nothing is written."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from functools import partial

from ringback.storage.by_number import REVISION_BITS
from ringback.storage.positions import Span
from ringback.storage.ranking import in_order, page_slice
from ringback.storage.records import AgentsCall, AppPage, ListedCall, Range
from ringback.storage.rows import count_of, listed_call
from ringback.storage.spans import before, counts, page_from
from ringback.storage.sqlite.lists import NAMED, OF_CONTACT, Row, page_parameters
from ringback.telephony.call import ListKey, ListKind

# Parameters as those of the pages of calls, see lists.py: the range's four, the app, the kind (for the sake of the
# others), and whose list it is.
_PAGE = partial(page_from, "?5", from_="?1", to="?2", skipped="?3")
# A row's try is a call of the agent's own list. The plus has it found by its start: without, SQLite carries the bounds
# of r's start over to c, and goes through all calls between them for each row.
_CALL = f"""
CROSS JOIN call_list l ON l.app_id = r.app_id AND l.extension = r.extension AND l.kind = {ListKind.OUT_MISSED.value}
CROSS JOIN listed_call c INDEXED BY listed_call_by_time
    ON c.list_id = l.list_id AND c.started_ms = +r.started_ms AND c.call_ref = r.call_ref
"""
_ON_PAGE = """
    SELECT * FROM ring_back
    WHERE app_id = ?5 AND extension = (SELECT extension FROM found)
        AND (started_ms, call_ref) <= (SELECT started_ms, call_ref FROM at) AND started_ms >= ?1
    ORDER BY started_ms DESC, call_ref DESC LIMIT ?4
"""
_ORDER = "ORDER BY r.started_ms DESC, r.call_ref DESC"
_COLUMNS = f"coalesce(c.given_id, c.call_ref), c.started_ms, {NAMED}, c.disposition, c.ringing_seconds, r.tries"

PAGE = f"""
{_PAGE(whose="SELECT ?7 AS extension")}
SELECT first, last, extension, NULL, NULL, NULL, NULL FROM found
UNION ALL
SELECT * FROM (SELECT 0, {_COLUMNS} FROM ({_ON_PAGE}) r {_CALL} {OF_CONTACT % "?5"} {_ORDER})
"""

# The tries stand before the end of the text, behind a mark of their own: see `storage.shown`.
_PAGE_OF_TOKEN = f"""
{_PAGE(whose="SELECT extension FROM token WHERE app_id = ?5 AND digest = ?7 AND expires_ms > ?8")}
SELECT extension, first, last, (
    SELECT CAST(group_concat(substr(shown, 1, length(shown) - 1) || char(8) || tries || char(7), '') AS BLOB) FROM (
        SELECT %s AS shown, r.tries FROM ({_ON_PAGE}) r {_CALL} %s {_ORDER}
    )
) FROM found
"""
PAGE_OF_TOKEN = _PAGE_OF_TOKEN % ("c.shown", "")
NAMED_PAGE_OF_TOKEN = _PAGE_OF_TOKEN % (NAMED, OF_CONTACT % "?5")  # where the app has contacts

WALK = f"""
SELECT {before("?1", "?2", "(?4 + 1)")}, {_COLUMNS} FROM ring_back r {_CALL} {OF_CONTACT % "?1"}
WHERE r.app_id = ?1 AND r.extension = ?2 AND r.started_ms BETWEEN ?3 AND ?4
{_ORDER}
"""
BEHIND = f"SELECT {before('?1', '?2', 'b.value')} + 1 FROM json_each(?4) b WHERE ?3 ORDER BY b.key"
STAMP = f"SELECT 0, (SELECT n.calls {counts('?1', '?2', REVISION_BITS)} AND ?3), x''"


def page_rows(rows: Sequence[Row], wanted: Range) -> tuple[str, int, list[ListedCall]]:
    """Return whose list it is, the exact count and the calls of the rows of `PAGE` (at least one)."""
    first, last, extension = rows[0][:3]
    newest = last - page_parameters(wanted)[2]
    return extension, count_of(first, last), [listed_call(newest - at, *row[1:]) for at, row in enumerate(rows[1:])]


def walk_rows(db: sqlite3.Connection, app_id: int, key: ListKey, from_ms: int, to_ms: int) -> Iterator[ListedCall]:
    """Yield the rows of a range, newest first, as they are read."""
    for passed, (last, *row) in enumerate(db.execute(WALK, (app_id, key.extension, from_ms, to_ms))):
        yield listed_call(last - passed, *row)


# --- all agents' lists as one --------------------------------------------------------------------------------------

SPANS = f"""
SELECT l.extension, {ListKind.RING_BACK.value}, 0, {before("?1", "l.extension", "?2")} + 1 AS first,
    {before("?1", "l.extension", "(?3 + 1)")} AS last
FROM call_list l WHERE l.app_id = ?1 AND l.kind = {ListKind.OUT_MISSED.value}
"""
_UNTIL = f"SELECT {before('?1', 'b.value', '(?2 + 1)')} FROM json_each(?3) b ORDER BY b.key"
_ROWS = f"""
SELECT r.extension, 0, {_COLUMNS}
FROM json_each(?4) b CROSS JOIN ring_back r ON r.app_id = ?1 AND r.extension = b.value
    AND r.started_ms > ?2 AND r.started_ms <= ?3
{_CALL}
{OF_CONTACT % "?1"}
"""


def app_page(db: sqlite3.Connection, app_id: int, wanted: Range) -> AppPage:
    """Return a page over all agents' lists, as one transaction sees them."""
    from_ms, to_ms, skipped, most = page_parameters(wanted)
    found = db.execute(SPANS, (app_id, from_ms, to_ms)).fetchall()
    spans = {extension: Span(first, last) for extension, _, _, first, last in found if first <= last}
    asking = page_slice(spans, from_ms, to_ms, skipped, most)
    try:
        at_ms, names = next(asking)
        while True:
            told = db.execute(_UNTIL, (app_id, at_ms, json.dumps(names))).fetchall()
            at_ms, names = asking.send([row[0] for row in told])
    except StopIteration as done:
        among = done.value
    asked = (app_id, among.after_ms, among.until_ms, json.dumps(list(among.spans)))
    rows = [AgentsCall(row[0], listed_call(*row[1:])) for row in db.execute(_ROWS, asked)]
    count = sum(span.size for span in spans.values())
    return AppPage(count=count, calls=in_order(rows)[among.skipped : among.skipped + most])
