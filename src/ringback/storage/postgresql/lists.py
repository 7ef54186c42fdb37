"""Call lists in PostgreSQL: their rows, finding spans, writing renumberings of many lists at once. No tokens.

The first parameter of every statement is the app, given as a plain parameter to each table it reads: a cluster sharded
by app sends the whole statement to the one worker that has it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg

from ringback.storage.positions import EMPTY_LIST, Changes, Entry, Renumbering, Span, renumber
from ringback.storage.postgresql.bulk import MANY, copy_rows
from ringback.storage.postgresql.connections import Connection, Overtaken
from ringback.telephony.call import ListKey

ENTRY = "started_ms, given_id, call_ref, number, shown, disposition, ringing_seconds"
FAR = 1 << 40  # no list has so many positions: past any page, and where rows wait while their block moves

ENTRIES = f"""
SELECT c.extension, c.kind, c.position, {ENTRY} FROM listed_call c WHERE c.app_id = $1
ORDER BY c.extension, c.kind, c.position
"""


def entry(row: asyncpg.Record, start: int = 0) -> Entry:
    """Return the entry that begins at this column of a row."""
    return Entry(*row[start:])


# --- writing -------------------------------------------------------------------------------------------------------

# Whoever changes how an app's numbers are read waits for this lock, or has changed them.
SHARE_APP = "SELECT a.region FROM app a WHERE a.app_id = $1 FOR SHARE"

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
        away = [(*list_and_span, FAR) for *list_and_span, _ in moved]
        back = [(*key, low + FAR, high + FAR, by - FAR) for *key, low, high, by in moved]
        await connection.execute(MOVE, app_id, *columns(5, away))
        await connection.execute(MOVE, app_id, *columns(5, back))


def columns(width: int, rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return the rows as that many columns: arrays, as unnest takes them."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]
