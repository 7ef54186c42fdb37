"""Condensing the legs of old calls in a PostgreSQL store. Lists do not change; what a condensed leg is, is telephony's.

A condensed leg stands at an ordinal behind those it stands for: a writer that had read them finds the last one gone.
"""

from collections.abc import Sequence
from typing import Any

from ringback.storage.postgresql.connections import Connection, Overtaken
from ringback.storage.postgresql.dropping import held_legs
from ringback.telephony.condensing import condense, is_condensed
from ringback.telephony.leg import decode_leg, encode_leg, leg_digest

# List by list and call by call, so that the keys find each, even in a plan that was made while the tables were empty.
UNCONDENSED = """
SELECT DISTINCT found.call_ref
FROM call_list l, LATERAL (
    SELECT c.call_ref FROM listed_call c
    WHERE c.app_id = $1 AND c.extension = l.extension AND c.kind = l.kind AND c.started_ms BETWEEN $2 AND $3
    OFFSET 0
) found, LATERAL (
    SELECT g.ordinal FROM leg g WHERE g.app_id = $1 AND g.call_ref = found.call_ref AND left(g.facts, $4) <> $5
    OFFSET 0
) kept
WHERE l.app_id = $1
"""
KEEP = """
INSERT INTO leg (app_id, call_ref, ordinal, digest, given_id, received_ms, facts)
SELECT a.app_id, k.*
FROM app a, unnest($2::bytea[], $3::integer[], $4::bytea[], $5::bytea[], $6::bigint[], $7::text[]) AS k
WHERE a.app_id = $1
ON CONFLICT (app_id, call_ref, ordinal) DO NOTHING
"""
DROP_LEGS = """
DELETE FROM leg l USING unnest($2::bytea[], $3::integer[]) AS k (call_ref, ordinal)
WHERE l.app_id = $1 AND l.call_ref = k.call_ref AND l.ordinal = k.ordinal
"""


async def condense_calls(connection: Connection, app_id: int, refs: Sequence[bytes]) -> int:
    """Condense the legs of these calls; return of how many. A call that has gone meanwhile is passed over."""
    dropped: list[tuple[bytes, int]] = []
    kept: list[tuple[Any, ...]] = []
    condensed_calls = 0
    for ref, rows in (await held_legs(connection, app_id, refs)).items():
        if is_condensed(rows[0].facts):
            continue
        condensed = condense(ref, [decode_leg(row.facts) for row in rows])
        if condensed is None:
            continue
        condensed_calls += 1
        dropped.extend((ref, row.ordinal) for row in rows)
        for ordinal, leg in enumerate(condensed, rows[-1].ordinal + 1):
            facts = encode_leg(leg)
            given_id = bytes.fromhex(leg.call_id) if leg.call_id else None
            kept.append((ref, ordinal, leg_digest(facts), given_id, rows[0].received_ms, facts.decode()))
    if kept:
        await connection.execute(DROP_LEGS, app_id, *zip(*dropped, strict=True))
        status = await connection.execute(KEEP, app_id, *zip(*kept, strict=True))
        if int(status.rpartition(" ")[2]) < len(kept):
            raise Overtaken
    return condensed_calls
