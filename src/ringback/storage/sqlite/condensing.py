"""Condensing the legs of old calls in a SQLite store. Lists do not change; what a condensed leg is, is telephony's."""

import sqlite3
from collections.abc import Sequence

from ringback.telephony.condensing import FACTS_BEGIN, condense, is_condensed
from ringback.telephony.leg import decode_leg, encode_leg, leg_digest

_UNCONDENSED = """
SELECT DISTINCT c.call_ref FROM call_list l
JOIN listed_call c ON c.list_id = l.list_id AND c.started_ms BETWEEN ?2 AND ?3
JOIN leg g ON g.app_id = ?1 AND g.call_ref = c.call_ref AND substr(g.facts, 1, ?4) <> ?5
WHERE l.app_id = ?1
"""
_LEGS = "SELECT leg_id, received_ms, facts FROM leg WHERE app_id = ? AND call_ref = ?"
_KEEP = "INSERT INTO leg (app_id, call_ref, digest, given_id, received_ms, facts) VALUES (?,?,?,?,?,?)"

UNCONDENSED = (_UNCONDENSED, (len(FACTS_BEGIN), FACTS_BEGIN))


def condense_calls(db: sqlite3.Connection, app_id: int, refs: Sequence[bytes]) -> int:
    """Condense the legs of these calls; return of how many. A call that has gone meanwhile is passed over."""
    return sum(_condense(db, app_id, ref) for ref in refs)


def _condense(db: sqlite3.Connection, app_id: int, ref: bytes) -> bool:
    rows = db.execute(_LEGS, (app_id, ref)).fetchall()
    if not rows or is_condensed(rows[0][2]):
        return False
    condensed = condense(ref, [decode_leg(row[2]) for row in rows])
    if condensed is None:
        return False
    db.executemany("DELETE FROM leg WHERE leg_id = ?", [(row[0],) for row in rows])
    for leg in condensed:
        facts = encode_leg(leg)
        given_id = bytes.fromhex(leg.call_id) if leg.call_id else None
        db.execute(_KEEP, (app_id, ref, leg_digest(facts), given_id, rows[0][1], facts.decode()))
    return True
