"""What is remembered of wrong log-ins, in SQLite. What follows from it is `logins.py`'s."""

import sqlite3
from collections.abc import Sequence

from ringback.storage.records import Spending

TRIES = "SELECT spent_ms, known_ms FROM login_try WHERE subject = ? AND address = ?"

_MOST_DROPPED = 500  # at a time: more than one adds, and no long work

_SPEND = """
INSERT INTO login_try (subject, address, spent_ms, known_ms) VALUES (?1, ?2, ?3 + ?4, 0)
ON CONFLICT DO UPDATE SET spent_ms = max(spent_ms, ?3) + ?4 RETURNING spent_ms
"""
_DROP_OVER = f"""
DELETE FROM login_try WHERE (subject, address) IN (
    SELECT subject, address FROM login_try WHERE max(spent_ms, known_ms) <= ? LIMIT {_MOST_DROPPED}
)
"""
_KNOW = """
INSERT INTO login_try (subject, address, spent_ms, known_ms) VALUES (?, ?, 0, ?)
ON CONFLICT DO UPDATE SET spent_ms = 0, known_ms = excluded.known_ms
"""
_FORGET = "UPDATE login_try SET spent_ms = 0 WHERE subject = ? AND spent_ms > ?"


def spend(db: sqlite3.Connection, spendings: Sequence[Spending], now_ms: int) -> list[int]:
    """Add each cost to what its subject has spent, and drop some of what is over."""
    db.execute(_DROP_OVER, (now_ms,))
    rows = [db.execute(_SPEND, (one.subject, one.address, now_ms, one.cost_ms)).fetchall() for one in spendings]
    return [int(row[0][0]) for row in rows]


def know(db: sqlite3.Connection, subject: bytes, address: bytes, until_ms: int) -> None:
    """Remember an address that logged in rightly."""
    db.execute(_KNOW, (subject, address, until_ms))


def forget(db: sqlite3.Connection, subject: bytes, now_ms: int) -> int:
    """Forget what a subject has spent; return from how many addresses."""
    return db.execute(_FORGET, (subject, now_ms)).rowcount
