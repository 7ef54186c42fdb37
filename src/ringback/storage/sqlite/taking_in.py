"""Deliveries going into a SQLite store: legs kept, calls placed, lists renumbered, rejects kept. No merging here."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from ringback.errors import StoreUnusable, UnknownApp
from ringback.storage.base import Intake, NewReject
from ringback.storage.placing import Grouped, PlacedLeg, epoch_ms, place
from ringback.storage.positions import MissingEntry
from ringback.storage.sqlite.lists import write_changes


class Delivered(NamedTuple):
    """One delivery: its legs by call, when it came, and what of it could not be understood."""

    grouped: Grouped
    received_ms: int
    rejects: Sequence[NewReject] = ()


def received_ms() -> int:
    """Return the present moment."""
    return epoch_ms(datetime.now(UTC))


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
    except MissingEntry:
        raise StoreUnusable(
            "A call list lacks a call that its legs tell of; `ringback check` shows the damage"
        ) from None
    for delivery, intake in zip(deliveries, placing.intakes, strict=True):
        intake.rejected = len(delivery.rejects)
        _keep_rejects(db, app_id, delivery.rejects)
    return placing.intakes


def _known(
    db: sqlite3.Connection, app_id: int, deliveries: Sequence[Delivered]
) -> dict[bytes, dict[bytes, bytes | str]]:
    kept = "SELECT digest, facts FROM leg WHERE app_id = ? AND call_ref = ?"
    refs = {ref for delivery in deliveries for ref in delivery.grouped}
    return {ref: found for ref in refs if (found := dict(db.execute(kept, (app_id, ref)).fetchall()))}


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
    digest = blake2b(reject.source.encode() + b"\0" + reject.raw, digest_size=16).digest()
    received = epoch_ms(reject.received_at)
    return app_id, digest, reject.source, reject.origin, reject.reason, reject.raw, received, reject.timezone
