"""Call lists in PostgreSQL: reading pages, finding spans, writing renumberings of many lists at once. No tokens.

The first parameter of every statement is the app, given as a plain parameter to each table it reads: a cluster sharded
by app sends the whole statement to the one worker that has it.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import asyncpg

from ringback.storage.positions import EMPTY_LIST, Changes, Entry, Renumbering, Span, renumber
from ringback.storage.postgresql.bulk import MANY, copy_rows
from ringback.storage.postgresql.connections import Connection, Overtaken
from ringback.storage.records import ListedCall, Range
from ringback.storage.rows import count_of, listed_call
from ringback.telephony.call import ListKey

ENTRY = "started_ms, given_id, call_ref, number, shown, disposition, ringing_seconds"
_ROW = (
    "c.position, coalesce(c.given_id, c.call_ref) AS call_id, c.started_ms, c.shown, c.disposition, c.ringing_seconds"
)
_OF_LIST = "c.app_id = $1 AND c.extension = %s AND c.kind = %s"

# A page is one statement and so one snapshot: the two seeks that find a range's positions, and one run of the key from
# there.
_FOUND = f"""
    SELECT o.extension,
        (SELECT c.position FROM listed_call c WHERE {_OF_LIST % ("o.extension", "$2")} AND c.started_ms >= $3
         ORDER BY c.started_ms, c.position LIMIT 1) AS first,
        (SELECT c.position FROM listed_call c WHERE {_OF_LIST % ("o.extension", "$2")} AND c.started_ms <= $4
         ORDER BY c.started_ms DESC, c.position DESC LIMIT 1) AS last
    FROM %s o
    OFFSET 0
"""
_ON_PAGE = f"""
    {_OF_LIST % ("f.extension", "$2")}
        AND c.position >= f.first AND c.position BETWEEN f.last - $5 - $6 + 1 AND f.last - $5
"""

# The outer join tells whose list it is, and how many there are, where the page has no row. The rows come in order from
# the key, but nothing promises that an outer join keeps it: they are put in order here, which costs less than a Sort.
PAGE = f"""
SELECT f.extension, f.first, f.last, c.*
FROM ({_FOUND % "(SELECT a.app_id, $7::text AS extension FROM app a WHERE a.app_id = $1)"}) f
LEFT JOIN LATERAL (SELECT {_ROW} FROM listed_call c WHERE {_ON_PAGE} ORDER BY c.position DESC) c ON true
"""

# One row, whose texts need no decoding.
PAGE_OF_TOKEN = f"""
SELECT f.extension, f.first, f.last, (
    SELECT convert_to(string_agg(c.shown, '' ORDER BY c.position DESC), 'UTF8')
    FROM listed_call c WHERE {_ON_PAGE}
)
FROM (
    {_FOUND % "(SELECT t.extension FROM token t WHERE t.app_id = $1 AND t.digest = $7 AND t.expires_ms > $8)"}
) f
"""

_position = attrgetter("position")
_FAR = 1 << 40  # no list has so many positions: past any page, and where rows wait while their block moves


def page_parameters(wanted: Range) -> tuple[int, int, int, int]:
    """Return a range's part of a page statement's parameters, the third to the sixth."""
    skipped = (wanted.page - 1) * wanted.limit  # any page may be asked for; PostgreSQL's integers end
    return wanted.from_ms, wanted.to_ms, min(skipped, _FAR), min(wanted.limit, _FAR)


def page_rows(rows: Sequence[asyncpg.Record]) -> tuple[str, int, list[ListedCall]]:
    """Return whose list it is, the exact count and the calls of the rows of `PAGE` (at least one)."""
    extension, first, last, position = rows[0][:4]
    calls = [] if position is None else [listed_call(*row[3:]) for row in rows]
    calls.sort(key=_position, reverse=True)
    return extension, count_of(first, last), calls


SPAN = f"""
SELECT
    (SELECT c.position FROM listed_call c WHERE {_OF_LIST % ("$2", "$3")} AND c.started_ms >= $4
     ORDER BY c.started_ms, c.position LIMIT 1),
    (SELECT c.position FROM listed_call c WHERE {_OF_LIST % ("$2", "$3")} AND c.started_ms <= $5
     ORDER BY c.started_ms DESC, c.position DESC LIMIT 1)
FROM app a WHERE a.app_id = $1
"""

WALK = f"""
SELECT {_ROW} FROM listed_call c WHERE {_OF_LIST % ("$2", "$3")} AND c.position BETWEEN $4 AND $5
ORDER BY c.position DESC
"""

WALK_LEGS = f"""
SELECT ARRAY(SELECT l.facts FROM leg l WHERE l.app_id = $1 AND l.call_ref = c.call_ref ORDER BY l.ordinal)
FROM listed_call c WHERE {_OF_LIST % ("$2", "$3")} AND c.position BETWEEN $4 AND $5
ORDER BY c.position DESC
"""

ENTRIES = f"""
SELECT c.extension, c.kind, c.position, {ENTRY} FROM listed_call c WHERE c.app_id = $1
ORDER BY c.extension, c.kind, c.position
"""


def entry(row: asyncpg.Record, start: int = 0) -> Entry:
    """Return the entry that begins at this column of a row."""
    return Entry(*row[start:])


# --- writing -------------------------------------------------------------------------------------------------------

LOCK = """
SELECT l.extension, l.kind FROM call_list l
WHERE l.app_id = $1 AND (l.extension, l.kind) IN (SELECT * FROM unnest($2::text[], $3::smallint[]))
ORDER BY l.extension, l.kind
FOR UPDATE
"""

MAKE = """
INSERT INTO call_list (app_id, extension, kind)
SELECT a.app_id, k.extension, k.kind FROM app a, unnest($2::text[], $3::smallint[]) AS k (extension, kind)
WHERE a.app_id = $1
ORDER BY k.extension COLLATE "C", k.kind
ON CONFLICT (app_id, extension, kind) DO NOTHING
"""

_K = "c.app_id = $1 AND c.extension = k.extension AND c.kind = k.kind"

# Of a list that only grows at its end, as nearly all do, the last row tells everything: of four seeks one is done. Its
# first position is then told as its last: nobody asks for it.
_GROWS = "l.started_ms < k.earliest"
SPANS = f"""
SELECT a.region, k.extension, k.kind,
    CASE WHEN {_GROWS} THEN l.position ELSE
        (SELECT c.position FROM listed_call c WHERE {_K} ORDER BY c.position LIMIT 1) END,
    l.position,
    CASE WHEN {_GROWS} THEN NULL ELSE
        (SELECT c.position FROM listed_call c WHERE {_K} AND c.started_ms >= k.earliest
         ORDER BY c.started_ms, c.position LIMIT 1) END,
    CASE WHEN {_GROWS} THEN l.position ELSE
        (SELECT c.position FROM listed_call c WHERE {_K} AND c.started_ms <= k.latest
         ORDER BY c.started_ms DESC, c.position DESC LIMIT 1) END
FROM app a, unnest($2::text[], $3::smallint[], $4::bigint[], $5::bigint[]) AS k (extension, kind, earliest, latest)
LEFT JOIN LATERAL (
    SELECT c.position, c.started_ms FROM listed_call c WHERE {_K} ORDER BY c.position DESC LIMIT 1
) l ON true
WHERE a.app_id = $1
"""

_SPAN_OF = "unnest($2::text[], $3::smallint[], $4::bigint[], $5::bigint[]) AS k (extension, kind, low, high)"

# List by list, so that the key finds each window, even in a plan that was made while the table was empty.
WINDOWS = f"""
SELECT k.extension, k.kind, {ENTRY}
FROM {_SPAN_OF}, LATERAL (
    SELECT c.position, {ENTRY} FROM listed_call c WHERE {_K} AND c.position BETWEEN k.low AND k.high
    OFFSET 0
) found
ORDER BY found.position
"""

DROP = f"DELETE FROM listed_call c USING {_SPAN_OF} WHERE {_K} AND c.position BETWEEN k.low AND k.high"

MOVE = """
UPDATE listed_call c SET position = c.position + k.by
FROM unnest($2::text[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bigint[]) AS k (extension, kind, low, high, by)
WHERE c.app_id = $1 AND c.extension = k.extension AND c.kind = k.kind AND c.position BETWEEN k.low AND k.high
"""

_PUT = ("extension", "kind", "position", *ENTRY.split(", "))
PUT = f"""
INSERT INTO listed_call (app_id, {", ".join(_PUT)})
SELECT a.app_id, k.* FROM app a, unnest($2::text[], $3::smallint[], $4::bigint[], $5::bigint[], $6::bytea[],
    $7::bytea[], $8::text[], $9::text[], $10::text[], $11::bigint[]) AS k
WHERE a.app_id = $1
"""


async def write_changes(
    connection: Connection, app_id: int, region: str | None, changes: Mapping[ListKey, Changes]
) -> None:
    """Put the changes, whose numbers were read by `region`, into their lists; each list is renumbered once.

    The lists are locked in their order by every writer, so that none waits for one that waits for it. Raises
    `ListsMissing` where one is not there yet, `Overtaken` where the app's region has changed, `MissingEntry` for a row
    that is not there.
    """
    if not changes:
        return
    keys = sorted(changes)
    named = columns(2, [(key.extension, key.kind.value) for key in keys])
    locked = await connection.fetch(LOCK, app_id, *named)
    if len(locked) < len(keys):
        raise ListsMissing(keys)
    times = columns(2, [changes[key].times() for key in keys])
    rows = await connection.fetch(SPANS, app_id, *named, *times)
    if any(row[0] != region for row in rows):
        raise Overtaken
    spans = {(row[1], row[2]): _spans(*row[3:]) for row in rows}
    windows = {key: spans[key.extension, key.kind.value] for key in keys}
    held = await _window_rows(connection, app_id, {key: window for key, (_, window) in windows.items()})
    plans = {key: renumber(*windows[key], held.get(key, []), changes[key]) for key in keys}
    await _write_plans(connection, app_id, plans)


class ListsMissing(Exception):
    """Lists that nobody has written to are to be made first, in a transaction of its own: locked later, in order."""

    def __init__(self, keys: Sequence[ListKey]) -> None:
        super().__init__()
        self.keys = keys


async def make_lists(app_id: int, keys: Iterable[ListKey], connection: Connection) -> None:
    """Make the lists that are not there."""
    named = columns(2, [(key.extension, key.kind.value) for key in sorted(keys)])
    await connection.execute(MAKE, app_id, *named)


def _spans(lowest: int | None, highest: int | None, first: int | None, last: int | None) -> tuple[Span, Span]:
    """A list's span, and the span of its rows between two starts (empty where they would stand)."""
    whole = EMPTY_LIST if lowest is None or highest is None else Span(lowest, highest)
    return whole, Span(whole.last + 1 if first is None else first, whole.first - 1 if last is None else last)


async def _window_rows(
    connection: Connection, app_id: int, windows: Mapping[ListKey, Span]
) -> dict[ListKey, list[Entry]]:
    held: dict[ListKey, list[Entry]] = {key: [] for key, window in windows.items() if window.size > 0}
    if held:
        named = {(key.extension, key.kind.value): rows for key, rows in held.items()}
        spans = columns(4, [(key.extension, key.kind.value, *windows[key]) for key in held])
        for row in await connection.fetch(WINDOWS, app_id, *spans):
            named[row[0], row[1]].append(entry(row, 2))
    return held


async def _write_plans(connection: Connection, app_id: int, plans: Mapping[ListKey, Renumbering]) -> None:
    named = {key: (key.extension, key.kind.value) for key in plans}
    dropped = [(*named[key], *plan.replaced) for key, plan in plans.items() if plan.replaced.size > 0]
    if dropped:
        await connection.execute(DROP, app_id, *columns(4, dropped))
    moved = [(*named[key], *plan.shift.span, plan.shift.by) for key, plan in plans.items() if plan.shift is not None]
    await move(connection, app_id, moved)
    rows = [
        (*named[key], position, *row)
        for key, plan in plans.items()
        for position, row in enumerate(plan.rows, plan.start)
    ]
    if len(rows) >= MANY:
        await copy_rows(connection, app_id, "listed_call", _PUT, rows)
    elif rows:
        await connection.execute(PUT, app_id, *columns(10, rows))


async def move(connection: Connection, app_id: int, moved: Sequence[tuple[str, int, int, int, int]]) -> None:
    """Move blocks of rows: each of a list, from a position to a position, by so many positions.

    In two steps: in one, a row would meet its neighbour's position before that has moved on.
    """
    if moved:
        away = [(*list_and_span, _FAR) for *list_and_span, _ in moved]
        back = [(*key, low + _FAR, high + _FAR, by - _FAR) for *key, low, high, by in moved]
        await connection.execute(MOVE, app_id, *columns(5, away))
        await connection.execute(MOVE, app_id, *columns(5, back))


def columns(width: int, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return the rows as that many columns: arrays, as unnest takes them."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
