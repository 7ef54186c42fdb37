"""Dropping chosen calls from the midst of their lists, rejects and contacts, so that their bytes are overwritten."""

import sqlite3
from collections.abc import Sequence

from ringback.errors import StoreUnusable
from ringback.storage.by_number import Numbered, NumberedCall, numbered_call
from ringback.storage.placing import epoch_ms
from ringback.storage.positions import Span, close_gaps
from ringback.storage.records import Dropped
from ringback.storage.sqlite.contacts import drop_contacts
from ringback.storage.sqlite.lists import list_id_of, move
from ringback.storage.sqlite.ring_back import drop_marks, write
from ringback.telephony.call import merge
from ringback.telephony.leg import decode_leg

_ROW = """
SELECT position, number FROM listed_call INDEXED BY listed_call_by_time
WHERE list_id = ? AND started_ms = ? AND call_ref = ?
"""
# Asked for in one SELECT, the two would be looked for in all rows.
_ENDS = """
SELECT (SELECT min(position) FROM listed_call WHERE list_id = ?1),
    (SELECT max(position) FROM listed_call WHERE list_id = ?1)
"""


def drop(
    db: sqlite3.Connection, app_id: int, refs: Sequence[bytes], reject_ids: Sequence[int], numbers: Sequence[str]
) -> Dropped:
    """Drop the calls, the rejects, and contacts and marks of these numbers; what is not there is passed over.

    Raises `StoreUnusable` for a damaged store.
    """
    (before,) = db.execute("PRAGMA secure_delete").fetchone()  # some systems build SQLite to overwrite always
    db.execute("PRAGMA secure_delete = ON")
    try:
        dropped = _drop_calls(db, app_id, refs)
        for reject_id in reject_ids:
            gone = db.execute("DELETE FROM reject WHERE app_id = ? AND reject_id = ?", (app_id, reject_id))
            dropped.rejects += gone.rowcount
        dropped.contacts = drop_contacts(db, app_id, numbers)
        drop_marks(db, app_id, numbers)
        return dropped
    finally:
        db.execute(f"PRAGMA secure_delete = {int(before)}")


def _drop_calls(db: sqlite3.Connection, app_id: int, refs: Sequence[bytes]) -> Dropped:
    dropped = Dropped()
    gone: dict[int, list[int]] = {}
    of_numbers: list[NumberedCall] = []
    for ref in dict.fromkeys(refs):
        rows = db.execute("SELECT facts FROM leg WHERE app_id = ? AND call_ref = ?", (app_id, ref)).fetchall()
        if not rows:
            continue
        call = merge(ref, [decode_leg(facts) for (facts,) in rows], None)
        for key in call.lists:
            list_id = list_id_of(db, app_id, key) or 0
            row = db.execute(_ROW, (list_id, epoch_ms(call.started_at), ref)).fetchone()
            if row is None:
                raise StoreUnusable("A call list lacks a call that its legs tell of; `ringback check` shows the damage")
            gone.setdefault(list_id, []).append(row[0])
            of_numbers.extend(numbered_call(key, row[1], epoch_ms(call.started_at), ref))
        db.execute("DELETE FROM leg WHERE app_id = ? AND call_ref = ?", (app_id, ref))
        dropped.add(Dropped(calls=1, legs=len(rows)))
    for list_id, positions in gone.items():
        _drop_rows(db, list_id, sorted(positions))
    write(db, app_id, Numbered(of_numbers, []))
    return dropped


def _drop_rows(db: sqlite3.Connection, list_id: int, positions: Sequence[int]) -> None:
    whole = Span(*db.execute(_ENDS, (list_id,)).fetchone())
    db.executemany(
        "DELETE FROM listed_call WHERE list_id = ? AND position = ?", [(list_id, position) for position in positions]
    )
    for shift in close_gaps(whole, positions):
        move(db, list_id, shift)
