"""Proving a PostgreSQL store's invariants, app by app: its lists' numbering, and that lists and legs agree.

All of an app is read from one snapshot, in constant memory: rows come through cursors, and what they are compared with
is fetched for a thousand at a time.
"""

from collections.abc import AsyncIterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import asyncpg

from ringback.storage.placing import entry_of
from ringback.storage.positions import Entry
from ringback.storage.postgresql import lists, ring_back
from ringback.storage.postgresql.connections import LONG_SECONDS, Connection, Connections
from ringback.storage.proving import (
    MOST_FAULTS,
    KeptLeg,
    backing_fault,
    call_of,
    lacking_row,
    leg_faults,
    list_name,
    missing_row,
    needless_row,
    order_faults,
)
from ringback.storage.records import CheckReport, Fault
from ringback.telephony.call import ListKey, ListKind

T = TypeVar("T")

_AT_A_TIME = 1000
_EXCEPT = "SELECT * FROM (%s) less EXCEPT SELECT * FROM (%s) more"

REGION = "SELECT a.region FROM app a WHERE a.app_id = $1"
DEAD_TOKENS = """
SELECT DISTINCT t.extension FROM token t LEFT JOIN agent a ON a.app_id = $1 AND a.extension = t.extension
WHERE t.app_id = $1 AND (a.extension IS NULL OR a.is_disabled)
"""
LOST_LISTS = """
SELECT DISTINCT c.extension, c.kind FROM listed_call c WHERE c.app_id = $1 AND NOT EXISTS (
    SELECT FROM call_list l WHERE l.app_id = $1 AND l.extension = c.extension AND l.kind = c.kind
)
"""
LISTS = "SELECT count(*) FROM call_list l WHERE l.app_id = $1"
LEGS = """
SELECT l.call_ref, l.digest, l.facts, l.given_id FROM leg l WHERE l.app_id = $1 ORDER BY l.call_ref, l.ordinal
"""
LEGS_OF = "SELECT l.call_ref, l.digest, l.facts FROM leg l WHERE l.app_id = $1 AND l.call_ref = ANY ($2::bytea[])"
ROWS_AT = f"""
SELECT c.extension, c.kind, {lists.ENTRY}
FROM unnest($2::text[], $3::smallint[], $4::bigint[]) AS k (extension, kind, started)
JOIN listed_call c ON c.app_id = $1 AND c.extension = k.extension AND c.kind = k.kind AND c.started_ms = k.started
WHERE c.app_id = $1
"""


async def check_store(connections: Connections, app_ids: Sequence[int]) -> CheckReport:
    """Return what is wrong with these apps."""
    report = CheckReport(faults=[])
    for app_id in app_ids:
        async with connections.transaction(LONG_SECONDS, read_only=True, snapshot=True) as connection:
            async for fault in _faults(connection, app_id, report):
                report.faults.append(fault)
                if len(report.faults) == MOST_FAULTS:
                    return report
    return report


async def _faults(connection: Connection, app_id: int, report: CheckReport) -> AsyncIterator[Fault]:
    region = await connection.fetchval(REGION, app_id)
    report.lists += await connection.fetchval(LISTS, app_id)
    for (extension,) in await connection.fetch(DEAD_TOKENS, app_id):
        yield Fault(where=f"agent {extension}_{app_id}", what="a token of an agent that is disabled or not there")
    for extension, kind in await connection.fetch(LOST_LISTS, app_id):
        yield Fault(where=f"list {kind} of {extension}_{app_id}", what="calls in a list that is not there")
    async for fault in _list_faults(connection, app_id, region):
        yield fault
    async for fault in _call_faults(connection, app_id, region, report):
        yield fault
    async for fault in _ring_back_faults(connection, app_id):
        yield fault


async def _list_faults(connection: Connection, app_id: int, region: str | None) -> AsyncIterator[Fault]:
    """Positions dense and in order, and every row backed by the legs of its call."""
    before: tuple[int, Entry] | None = None
    of: tuple[str, int] | None = None
    async for rows in _in_batches(_rows(connection, lists.ENTRIES, app_id)):
        legs = await _legs_of(connection, app_id, [row["call_ref"] for row in rows])
        for row in rows:
            if of != row[:2]:
                of, before = row[:2], None
                if row[1] not in set(ListKind):
                    yield Fault(where=f"list of {row[0]}_{app_id}", what=f"a list of no known kind: {row[1]}")
            if row[1] not in set(ListKind):
                continue
            key, position, entry = ListKey(row[0], ListKind(row[1])), row[2], lists.entry(row, 3)
            where = list_name(app_id, key)
            for fault in order_faults(where, before, position, entry):
                yield fault
            before = position, entry
            what = backing_fault(key, entry, legs.get(entry.call_ref, ()), region)
            if what:
                yield Fault(where=f"{where}, position {position}", what=what)


async def _call_faults(
    connection: Connection, app_id: int, region: str | None, report: CheckReport
) -> AsyncIterator[Fault]:
    """Every leg under the call it names and unchanged, and every call in each list it belongs to."""
    async for calls in _in_batches(_calls(connection, app_id)):
        report.calls += len(calls)
        due: dict[tuple[str, int, Entry], ListKey] = {}
        for ref, kept in calls:
            for fault in leg_faults(app_id, ref, kept):
                yield fault
            call = call_of(ref, kept, region)
            if call is not None:
                due |= {(key.extension, key.kind.value, entry_of(call)): key for key in call.lists}
        columns = zip(*((extension, kind, entry.started_ms) for extension, kind, entry in due), strict=True)
        found = await connection.fetch(ROWS_AT, app_id, *columns) if due else []
        there = {(row[0], row[1], lists.entry(row, 2)) for row in found}
        for wanted, key in due.items():
            if wanted not in there:
                yield missing_row(app_id, key, wanted[2].call_ref)


async def _ring_back_faults(connection: Connection, app_id: int) -> AsyncIterator[Fault]:
    """Calls by number as the lists of calls have them, and lists of numbers to ring back as they follow."""
    for what, kept, due in ring_back.PROOFS:
        for less, more, fault in ((due, kept, lacking_row), (kept, due, needless_row)):
            async for row in _rows(connection, _EXCEPT % (less, more), app_id):
                yield fault(app_id, what, tuple(row))


async def _calls(connection: Connection, app_id: int) -> AsyncIterator[tuple[bytes, list[KeptLeg]]]:
    ref: bytes | None = None
    kept: list[KeptLeg] = []
    async for row in _rows(connection, LEGS, app_id):
        if row[0] != ref:
            if ref is not None:
                yield ref, kept
            ref, kept = row[0], []
        kept.append(KeptLeg(*row[1:]))
    if ref is not None:
        yield ref, kept


async def _legs_of(connection: Connection, app_id: int, refs: Sequence[bytes]) -> dict[bytes, list[KeptLeg]]:
    rows = sorted(await connection.fetch(LEGS_OF, app_id, sorted(set(refs))), key=itemgetter(0))
    return {ref: [KeptLeg(*row[1:]) for row in group] for ref, group in groupby(rows, key=itemgetter(0))}


async def _rows(connection: Connection, statement: str, app_id: int) -> AsyncIterator[asyncpg.Record]:
    async for row in connection.cursor(statement, app_id, prefetch=_AT_A_TIME):
        yield row


async def _in_batches(items: AsyncIterator[T]) -> AsyncIterator[list[T]]:
    batch: list[Any] = []
    async for item in items:
        batch.append(item)
        if len(batch) == _AT_A_TIME:
            yield batch
            batch = []
    if batch:
        yield batch
