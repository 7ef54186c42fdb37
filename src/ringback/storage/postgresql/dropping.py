"""Dropping chosen calls from the midst of their lists, and rejected records. Lists are dense again afterwards."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import asyncpg

from ringback.errors import StoreUnusable
from ringback.storage.by_number import Numbered, NumberedCall, numbered_call
from ringback.storage.placing import epoch_ms
from ringback.storage.positions import Span, close_gaps
from ringback.storage.postgresql.connections import Connection, Overtaken
from ringback.storage.postgresql.contacts import drop_contacts
from ringback.storage.postgresql.lists import LOCK, columns, move
from ringback.storage.postgresql.ring_back import drop_marks, write
from ringback.storage.records import Dropped
from ringback.telephony.call import ListKey, ListKind, merge
from ringback.telephony.leg import decode_leg

_TRIES = 5

HOLD_LEGS = """
SELECT l.call_ref, l.ordinal, l.received_ms, l.facts FROM leg l
WHERE l.app_id = $1 AND l.call_ref = ANY ($2::bytea[])
ORDER BY l.call_ref, l.ordinal FOR UPDATE
"""
DROP_LEGS = "DELETE FROM leg l WHERE l.app_id = $1 AND l.call_ref = ANY ($2::bytea[])"
FIND = """
SELECT c.extension, c.kind, c.position, c.number, c.started_ms, c.call_ref
FROM unnest($2::text[], $3::smallint[], $4::bigint[], $5::bytea[]) AS k (extension, kind, started, call_ref)
JOIN listed_call c ON c.app_id = $1 AND c.extension = k.extension AND c.kind = k.kind AND c.started_ms = k.started
    AND c.call_ref = k.call_ref
WHERE c.app_id = $1
ORDER BY c.extension, c.kind, c.position
"""
ENDS = """
SELECT
    (SELECT c.position FROM listed_call c WHERE c.app_id = $1 AND c.extension = $2 AND c.kind = $3
     ORDER BY c.position LIMIT 1),
    (SELECT c.position FROM listed_call c WHERE c.app_id = $1 AND c.extension = $2 AND c.kind = $3
     ORDER BY c.position DESC LIMIT 1)
FROM app a WHERE a.app_id = $1
"""
DROP_ROWS = """
DELETE FROM listed_call c WHERE c.app_id = $1 AND c.extension = $2 AND c.kind = $3 AND c.position = ANY ($4::bigint[])
"""
DROP_REJECTS = "DELETE FROM reject r WHERE r.app_id = $1 AND r.reject_id = ANY ($2::bigint[])"


class HeldLeg(NamedTuple):
    """A leg that nobody else can change or add to the call of."""

    ordinal: int
    received_ms: int
    facts: str


async def held_legs(connection: Connection, app_id: int, refs: Sequence[bytes]) -> dict[bytes, list[HeldLeg]]:
    """Return all legs of the calls, held: whoever adds one waits for the last of them."""
    legs: dict[bytes, list[HeldLeg]] = {}
    for row in await hold_all(connection, HOLD_LEGS, app_id, refs):
        legs.setdefault(row[0], []).append(HeldLeg(*row[1:]))
    return legs


async def hold_all(
    connection: Connection, statement: str, app_id: int, refs: Iterable[bytes]
) -> Sequence[asyncpg.Record]:
    """Hold all legs of the calls by a statement that returns the call and ordinal of each first, and return its rows.

    A leg that was added while this waited for its writer is not held by the same statement, hence once more. Raises
    `Overtaken` where more and more come.
    """
    asked, before = sorted(set(refs)), None
    for _ in range(_TRIES):
        rows = await connection.fetch(statement, app_id, asked)
        now = [(row[0], row[1]) for row in rows]
        if now == before:
            return rows
        before = now
    raise Overtaken


async def drop(
    connection: Connection, app_id: int, refs: Sequence[bytes], reject_ids: Sequence[int], numbers: Sequence[str]
) -> Dropped:
    """Drop the calls, the rejects, and contacts and marks of these numbers; what is not there is passed over.

    Raises `StoreUnusable` for a damaged store.
    """
    dropped = Dropped()
    if refs:
        held = await held_legs(connection, app_id, refs)
        due = [
            (key.extension, key.kind.value, epoch_ms(call.started_at), ref)
            for ref, rows in held.items()
            for call in (merge(ref, [decode_leg(row.facts) for row in rows], None),)
            for key in call.lists
        ]
        gone = await _drop_rows(connection, app_id, due)
        await connection.execute(DROP_LEGS, app_id, list(held))
        await write(connection, app_id, Numbered(gone, []))
        dropped = Dropped(calls=len(held), legs=sum(len(rows) for rows in held.values()))
    if reject_ids:
        status = await connection.execute(DROP_REJECTS, app_id, list(reject_ids))
        dropped.rejects = int(status.rpartition(" ")[2])
    if numbers:
        dropped.contacts = await drop_contacts(connection, app_id, numbers)
        await drop_marks(connection, app_id, numbers)
    return dropped


async def _drop_rows(
    connection: Connection, app_id: int, due: Sequence[tuple[str, int, int, bytes]]
) -> list[NumberedCall]:
    named = sorted({row[:2] for row in due})
    await connection.fetch(LOCK, app_id, *columns(2, named))
    found = await connection.fetch(FIND, app_id, *columns(4, due))
    if len(found) < len(due):
        raise StoreUnusable("A call list lacks a call that its legs tell of; `ringback check` shows the damage")
    moved: list[tuple[str, int, int, int, int]] = []
    for extension, kind in named:
        positions = [row[2] for row in found if (row[0], row[1]) == (extension, kind)]
        whole = Span(*(await connection.fetch(ENDS, app_id, extension, kind))[0])
        await connection.execute(DROP_ROWS, app_id, extension, kind, positions)
        moved.extend((extension, kind, *shift.span, shift.by) for shift in close_gaps(whole, positions))
    await move(connection, app_id, moved)
    named_rows = [(ListKey(row[0], ListKind(row[1])), *row[3:]) for row in found]
    return [call for key, *rest in named_rows for call in numbered_call(key, *rest)]
