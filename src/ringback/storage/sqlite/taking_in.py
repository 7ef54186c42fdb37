"""Deliveries going into a SQLite store: legs kept, calls placed, lists renumbered, rejects kept. No merging here."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from ringback.errors import StoreUnusable, UnknownApp
from ringback.storage.delivering import Delivered, reject_digest
from ringback.storage.placing import PlacedLeg, epoch_ms, place
from ringback.storage.positions import MissingEntry
from ringback.storage.records import Intake, NewReject
from ringback.storage.sqlite.lists import write_changes
from ringback.storage.sqlite.ring_back import write_numbered


def take_in(app_id: int, db: sqlite3.Connection, deliveries: Sequence[Delivered]) -> list[Intake]:
    """Take the deliveries in as one after the other, each list renumbered once; return each one's counts."""
    app = db.execute("SELECT region FROM app WHERE app_id = ?", (app_id,)).fetchone()
    if app is None:
        raise UnknownApp(f"There is no app {app_id}; `ringback app add {app_id}` makes it")
    placing = place([delivery.grouped for delivery in deliveries], _known(db, app_id, deliveries), app[0])
    db.executemany(
        "INSERT INTO leg (app_id, call_ref, digest, given_id, received_ms, facts) VALUES (?,?,?,?,?,?)",
        _leg_rows(app_id, deliveries[0].received_ms, placing.legs),
    )
    try:
        write_changes(db, app_id, placing.changes)
        write_numbered(db, app_id, placing.changes)
    except MissingEntry:
        raise StoreUnusable(
            "A call list lacks a call that its legs tell of; `ringback check` shows the damage"
        ) from None
    for delivery, intake in zip(deliveries, placing.intakes, strict=True):
        intake.rejected = len(delivery.rejects)
        _keep_rejects(db, app_id, delivery.rejects)
    return placing.intakes


# Call refs are 12 bytes each: laid end to end they are one parameter, and one statement finds the legs of all of them.
_KEPT = """
WITH RECURSIVE place(start) AS (SELECT 1 UNION ALL SELECT start + 12 FROM place WHERE start + 12 < length(?2))
SELECT call_ref, digest, facts FROM place CROSS JOIN leg ON app_id = ?1 AND call_ref = substr(?2, start, 12)
"""


def _known(
    db: sqlite3.Connection, app_id: int, deliveries: Sequence[Delivered]
) -> dict[bytes, dict[bytes, bytes | str]]:
    refs = {ref for delivery in deliveries for ref in delivery.grouped}
    known: dict[bytes, dict[bytes, bytes | str]] = {}
    for ref, digest, facts in db.execute(_KEPT, (app_id, b"".join(sorted(refs)))):
        known.setdefault(ref, {})[digest] = facts
    return known


def _leg_rows(app_id: int, came_ms: int, legs: Sequence[PlacedLeg]) -> Iterator[tuple[Any, ...]]:
    for leg in legs:
        given_id = bytes.fromhex(leg.leg.call_id) if leg.leg.call_id else None
        yield app_id, leg.call_ref, leg.digest, given_id, came_ms, leg.facts.decode()


def _keep_rejects(db: sqlite3.Connection, app_id: int, rejects: Sequence[NewReject]) -> None:
    if rejects:
        db.executemany(
            "INSERT INTO reject (app_id, digest, source, origin, reason, raw, received_ms, timezone) "
            "VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (app_id, digest) DO NOTHING",
            [_reject_row(app_id, reject) for reject in rejects],
        )


def _reject_row(app_id: int, reject: NewReject) -> tuple[Any, ...]:
    received = epoch_ms(reject.received_at)
    return (
        app_id,
        reject_digest(reject),
        reject.source,
        reject.origin,
        reject.reason,
        reject.raw,
        received,
        reject.timezone,
    )
