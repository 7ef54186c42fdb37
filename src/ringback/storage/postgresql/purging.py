"""Dropping the old end of an app's lists together with the legs of its calls. Positions of what stays do not change."""

from collections.abc import Sequence, Set

import asyncpg

from ringback.storage.by_number import numbered_call
from ringback.storage.postgresql.connections import Connection, Overtaken
from ringback.storage.postgresql.dropping import hold_all
from ringback.storage.postgresql.ring_back import purge_numbered
from ringback.telephony.call import ListKey, ListKind

# When the first of an app's calls from a time on started, or the first mark of a number was made.
OLDEST = """
SELECT least((
    SELECT min((
        SELECT c.started_ms FROM listed_call c WHERE c.app_id = $1 AND c.extension = l.extension AND c.kind = l.kind
            AND c.started_ms >= $2
        ORDER BY c.started_ms LIMIT 1
    ))
    FROM call_list l WHERE l.app_id = $1
), (
    SELECT min(m.done_ms) FROM ring_back_mark m WHERE m.app_id = $1 AND m.done_ms >= $2
))
FROM app a WHERE a.app_id = $1
"""

_OLD = "c.app_id = $1 AND c.extension = l.extension AND c.kind = l.kind AND c.started_ms < $2"
OLD = f"SELECT DISTINCT c.call_ref FROM call_list l JOIN listed_call c ON {_OLD} WHERE l.app_id = $1"
HOLD_LEGS = """
SELECT l.call_ref, l.ordinal FROM leg l WHERE l.app_id = $1 AND l.call_ref = ANY ($2::bytea[])
ORDER BY l.call_ref, l.ordinal FOR UPDATE
"""
# Never waited for: by now lists are held, and whoever has these legs may wait for the lists.
HOLD_FREE_LEGS = """
SELECT l.call_ref, l.ordinal FROM leg l WHERE l.app_id = $1 AND l.call_ref = ANY ($2::bytea[])
ORDER BY l.call_ref, l.ordinal FOR UPDATE NOWAIT
"""
HOLD_LISTS = "SELECT l.extension, l.kind FROM call_list l WHERE l.app_id = $1 ORDER BY l.extension, l.kind FOR UPDATE"
DROP_ROWS = f"""
DELETE FROM listed_call c USING call_list l WHERE l.app_id = $1 AND {_OLD}
RETURNING c.extension, c.kind, c.number, c.started_ms, c.call_ref
"""
DROP_LEGS = "DELETE FROM leg l WHERE l.app_id = $1 AND l.call_ref = ANY ($2::bytea[])"


async def purge_before(connection: Connection, app_id: int, until_ms: int) -> int:
    """Drop an app's calls that started before this time; return how many.

    A call starts at one time in all its lists, so a slice of time holds whole calls: lists and legs never disagree.
    All legs are held, and before lists, as by every writer: a leg that is not may have one more put behind it, which
    would stay. Calls that came meanwhile leave as well, so that purging gets on beside whoever delivers old calls
    without a pause; raises `Overtaken` when one of those is being changed, or stands in a list made meanwhile.
    """
    found = await connection.fetch(OLD, app_id, until_ms)
    held = _refs(await hold_all(connection, HOLD_LEGS, app_id, _refs(found)))  # a call may have come anew since
    rows = await _drop_rows(connection, app_id, until_ms)
    leaving = {row[-1] for row in rows}
    await _hold_late(connection, app_id, leaving - held)
    await connection.execute(DROP_LEGS, app_id, sorted(leaving))
    gone = [
        call for extension, kind, *rest in rows for call in numbered_call(ListKey(extension, ListKind(kind)), *rest)
    ]
    await purge_numbered(connection, app_id, gone, until_ms)
    return len(leaving)


async def _drop_rows(connection: Connection, app_id: int, until_ms: int) -> Sequence[asyncpg.Record]:
    lists = {(row[0], row[1]) for row in await connection.fetch(HOLD_LISTS, app_id)}
    rows = await connection.fetch(DROP_ROWS, app_id, until_ms)
    if any((row[0], row[1]) not in lists for row in rows):  # their list's writer may have read them, to put them back
        raise Overtaken
    return rows


async def _hold_late(connection: Connection, app_id: int, came: Set[bytes]) -> None:
    if came:
        try:
            await hold_all(connection, HOLD_FREE_LEGS, app_id, came)
        except asyncpg.LockNotAvailableError:
            raise Overtaken from None


def _refs(rows: Sequence[asyncpg.Record]) -> set[bytes]:
    return {row[0] for row in rows}
