"""Numbers to ring back in PostgreSQL as they are read: a page, its count, all rows of a range. Nothing is written."""

from collections.abc import AsyncIterator, Sequence
from functools import partial

import asyncpg

from ringback.storage.by_number import REVISION_BITS
from ringback.storage.positions import Span
from ringback.storage.postgresql.connections import Connection
from ringback.storage.postgresql.pages import NAMED, OF_CONTACT, page_parameters
from ringback.storage.ranking import in_order, page_slice
from ringback.storage.records import AgentsCall, AppPage, ListedCall, Range
from ringback.storage.rows import count_of, listed_call
from ringback.storage.spans import before, counts, page_from
from ringback.telephony.call import ListKey, ListKind

# Parameters as those of the pages of calls, see pages.py: the app, the kind (for the sake of the others), the range's
# four, and whose list it is.
_PAGE = partial(page_from, "$1", from_="$3::bigint", to="$4::bigint", skipped="$5::bigint")

# A row's try is a call of the agent's own list. Row by row, so that the key finds each, whatever the tables were like
# when the plan was made.
_CALL = f"""
CROSS JOIN LATERAL (
    SELECT c.* FROM listed_call c
    WHERE c.app_id = $1 AND c.extension = r.extension AND c.kind = {ListKind.OUT_MISSED.value}
        AND c.started_ms = r.started_ms AND c.call_ref = r.call_ref
    OFFSET 0
) c
"""
_ON_PAGE = """
    SELECT r.* FROM ring_back r
    WHERE r.app_id = $1 AND r.extension = (SELECT extension FROM found)
        AND (r.started_ms, r.call_ref) <= (SELECT started_ms, call_ref FROM at) AND r.started_ms >= $3
    ORDER BY r.started_ms DESC, r.call_ref DESC LIMIT $6
"""
_ORDER = "ORDER BY r.started_ms DESC, r.call_ref DESC"
_COLUMNS = f"""coalesce(c.given_id, c.call_ref) AS call_id, c.started_ms, {NAMED} AS shown, c.disposition,
    c.ringing_seconds, r.tries"""

# The outer join tells how many there are where the page has no row; see pages.py for what is said of their order.
_OF_AGENT = "SELECT a.app_id, $7::text AS extension FROM app a WHERE a.app_id = $1 AND $2::smallint IS NOT NULL"
PAGE = f"""
{_PAGE(whose=_OF_AGENT)}
SELECT f.extension, f.first, f.last, c.*
FROM found f LEFT JOIN LATERAL (
    SELECT {_COLUMNS}, r.call_ref FROM ({_ON_PAGE}) r {_CALL} {OF_CONTACT}
) c ON true
ORDER BY c.started_ms DESC, c.call_ref DESC
"""

# The tries stand before the end of the text, behind a mark of their own: see `storage.shown`.
_OF_TOKEN = """
SELECT t.extension FROM token t
WHERE t.app_id = $1 AND t.digest = $7 AND t.expires_ms > $8 AND $2::smallint IS NOT NULL
"""
PAGE_OF_TOKEN = f"""
{_PAGE(whose=_OF_TOKEN)}
SELECT f.extension, f.first, f.last, convert_to(array_to_string(ARRAY(
    SELECT left({NAMED}, -1) || chr(8) || r.tries || chr(7) FROM ({_ON_PAGE}) r {_CALL} {OF_CONTACT} {_ORDER}
), ''), 'UTF8')
FROM found f
"""

WALK = f"""
SELECT {before("$1", "$2", "($4::bigint + 1)")} AS last, {_COLUMNS} FROM ring_back r {_CALL} {OF_CONTACT}
WHERE r.app_id = $1 AND r.extension = $2 AND r.started_ms BETWEEN $3 AND $4
{_ORDER}
"""
BEHIND = f"""
SELECT {before("$1", "$2", "b.bound")} + 1
FROM app a, unnest($4::bigint[]) WITH ORDINALITY AS b (bound, number)
WHERE a.app_id = $1 AND $3::smallint IS NOT NULL
ORDER BY b.number
"""
STAMPS = f"""
SELECT 0, n.calls, ''::bytea
FROM app a, unnest($2::text[]) WITH ORDINALITY AS k (extension, number)
LEFT JOIN LATERAL (SELECT n.calls {counts("$1", "k.extension", REVISION_BITS)}) n ON true
WHERE a.app_id = $1
ORDER BY k.number
"""


def page_rows(rows: Sequence[asyncpg.Record], wanted: Range) -> tuple[str, int, list[ListedCall]]:
    """Return whose list it is, the exact count and the calls of the rows of `PAGE` (at least one)."""
    extension, first, last, call_id = rows[0][:4]
    newest = last - page_parameters(wanted)[2]
    calls = [] if call_id is None else [listed_call(newest - at, *row[3:9]) for at, row in enumerate(rows)]
    return extension, count_of(first, last), calls


async def walk_rows(connection: Connection, app_id: int, key: ListKey, wanted: Range) -> AsyncIterator[ListedCall]:
    """Yield the rows of a range, newest first, as they are read."""
    passed = 0
    async for last, *row in connection.cursor(WALK, app_id, key.extension, wanted.from_ms, wanted.to_ms, prefetch=1000):
        yield listed_call(last - passed, *row)
        passed += 1


# --- all agents' lists as one --------------------------------------------------------------------------------------

SPANS = f"""
SELECT l.extension, {ListKind.RING_BACK.value}::smallint, {before("$1", "l.extension", "$2::bigint")} + 1 AS first,
    {before("$1", "l.extension", "($3::bigint + 1)")} AS last
FROM call_list l WHERE l.app_id = $1 AND l.kind = {ListKind.OUT_MISSED.value}
"""
UNTIL = f"""
SELECT {before("$1", "k.extension", "($2::bigint + 1)")}
FROM app a, unnest($3::text[]) WITH ORDINALITY AS k (extension, number) WHERE a.app_id = $1
ORDER BY k.number
"""
ROWS = f"""
SELECT r.extension, 0, {_COLUMNS}
FROM unnest($4::text[]) AS k (extension)
CROSS JOIN LATERAL (
    SELECT r.* FROM ring_back r
    WHERE r.app_id = $1 AND r.extension = k.extension AND r.started_ms > $2 AND r.started_ms <= $3
    OFFSET 0
) r
{_CALL}
{OF_CONTACT}
"""


async def app_page(connection: Connection, app_id: int, wanted: Range) -> AppPage:
    """Return a page over all agents' lists, as one transaction sees them."""
    from_ms, to_ms, skipped, most = page_parameters(wanted)
    found = await connection.fetch(SPANS, app_id, from_ms, to_ms)
    spans = {extension: Span(first, last) for extension, _, first, last in found if first <= last}
    asking = page_slice(spans, from_ms, to_ms, skipped, most)
    try:
        at_ms, names = next(asking)
        while True:
            told = await connection.fetch(UNTIL, app_id, at_ms, names)
            at_ms, names = asking.send([row[0] for row in told])
    except StopIteration as done:
        among = done.value
    found = await connection.fetch(ROWS, app_id, among.after_ms, among.until_ms, list(among.spans))
    rows = [AgentsCall(row[0], listed_call(*row[1:])) for row in found]
    count = sum(span.size for span in spans.values())
    return AppPage(count=count, calls=in_order(rows)[among.skipped : among.skipped + most])
