"""Proving a SQLite store's invariants: its pages, its lists' numbering, and that lists and legs tell the same calls."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter

import msgspec

from ringback.storage.base import CheckReport, Fault
from ringback.storage.placing import entry_of
from ringback.storage.positions import Entry
from ringback.storage.sqlite.lists import entries, has_entry, list_id_of
from ringback.telephony.call import ListKey, ListKind, call_ref, merge
from ringback.telephony.leg import CallLeg, decode_leg, leg_digest

_MOST_FAULTS = 1000  # a damaged store may have one in every row; more say nothing new


def check_store(db: sqlite3.Connection) -> CheckReport:
    """Return what is wrong, reading one snapshot in constant memory."""
    report = CheckReport(faults=[])
    db.execute("BEGIN")
    try:
        report.faults.extend(islice(_faults(db, report), _MOST_FAULTS))
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:  # a page so damaged that nothing behind it can be read
        report.faults.append(Fault(where="file", what=str(error)))
    finally:
        db.execute("ROLLBACK")
    return report


def _faults(db: sqlite3.Connection, report: CheckReport) -> Iterator[Fault]:
    for row in db.execute("PRAGMA integrity_check"):
        if row[0] != "ok":
            yield Fault(where="file", what=str(row[0]))
    yield from _orphans(db)
    yield from _list_faults(db, report)
    yield from _call_faults(db, report)


def _orphans(db: sqlite3.Connection) -> Iterator[Fault]:
    for table, what in (
        ("call_list", "a call list of an app that is not there"),
        ("leg", "legs of an app that is not there"),
        ("agent", "an agent of an app that is not there"),
    ):
        for (app_id,) in db.execute(
            f"SELECT DISTINCT app_id FROM {table} WHERE app_id NOT IN (SELECT app_id FROM app)"
        ):
            yield Fault(where=f"app {app_id}", what=what)
    for (list_id,) in db.execute("SELECT DISTINCT list_id FROM listed_call EXCEPT SELECT list_id FROM call_list"):
        yield Fault(where=f"list {list_id}", what="calls in a list that is not there")
    for app_id, extension in db.execute(
        "SELECT DISTINCT t.app_id, t.extension FROM token t LEFT JOIN agent a USING (app_id, extension) "
        "WHERE a.extension IS NULL OR a.is_disabled"
    ):
        yield Fault(where=f"agent {extension}_{app_id}", what="a token of an agent that is disabled or not there")


def _list_faults(db: sqlite3.Connection, report: CheckReport) -> Iterator[Fault]:
    """Positions dense and in order, and every row backed by the legs of its call."""
    regions = _regions(db)
    owners = db.execute("SELECT list_id, app_id, extension, kind FROM call_list ORDER BY list_id").fetchall()
    for list_id, app_id, extension, kind in owners:
        report.lists += 1
        if kind not in set(ListKind):
            yield Fault(where=f"list {list_id}", what=f"a list of no known kind: {kind}")
            continue
        key = ListKey(extension, ListKind(kind))
        where = f"{key.kind.word} of {extension}_{app_id}"
        before: tuple[int, Entry] | None = None
        for position, entry in entries(db, list_id):
            if before and position != before[0] + 1:
                yield Fault(where=where, what=f"positions jump from {before[0]} to {position}")
            if before and entry.key <= before[1].key:
                yield Fault(where=where, what=f"the call at position {position} is not later than the one before it")
            before = position, entry
            what = _backing_fault(db, app_id, key, entry, regions.get(app_id))
            if what:
                yield Fault(where=f"{where}, position {position}", what=what)


def _backing_fault(db: sqlite3.Connection, app_id: int, key: ListKey, entry: Entry, region: str | None) -> str | None:
    kept = "SELECT digest, facts FROM leg WHERE app_id = ? AND call_ref = ?"
    rows = db.execute(kept, (app_id, entry.call_ref)).fetchall()
    legs = [leg for digest, facts in rows if (leg := _leg(digest, facts)) is not None]
    if not legs:
        return f"no leg is kept of the call {entry.call_id.hex()}"
    call = merge(entry.call_ref, legs, region)
    if key not in call.lists:
        return f"the legs of the call {entry.call_id.hex()} put it into another list"
    if entry_of(call) != entry:
        return f"the row of the call {entry.call_id.hex()} is not what its legs say"
    return None


def _call_faults(db: sqlite3.Connection, report: CheckReport) -> Iterator[Fault]:
    """Every leg under the call it names and unchanged, and every call in each list it belongs to."""
    regions = _regions(db)
    rows = db.execute("SELECT app_id, call_ref, digest, facts, given_id FROM leg ORDER BY app_id, call_ref, digest")
    for (app_id, ref), group in groupby(rows, key=itemgetter(0, 1)):
        report.calls += 1
        where = f"call {ref.hex()} of app {app_id}"
        legs: list[CallLeg] = []
        for _, _, digest, facts, given_id in group:
            leg = _leg(digest, facts)
            if leg is None:
                yield Fault(where=where, what="a leg is not as it was reported: its facts were changed")
                continue
            legs.append(leg)
            if call_ref(app_id, leg.call_key) != ref:
                yield Fault(where=where, what="a leg stands under another call than its call key names")
            if given_id != (bytes.fromhex(leg.call_id) if leg.call_id else None):
                yield Fault(where=where, what="a leg is found by another id than it was given")
        if legs:
            yield from _missing_rows(db, app_id, ref, legs, regions.get(app_id))


def _missing_rows(
    db: sqlite3.Connection, app_id: int, ref: bytes, legs: list[CallLeg], region: str | None
) -> Iterator[Fault]:
    call = merge(ref, legs, region)
    entry = entry_of(call)
    for key in call.lists:
        list_id = list_id_of(db, app_id, key)
        if list_id is None or not has_entry(db, list_id, entry):
            yield Fault(where=f"{key.kind.word} of {key.extension}_{app_id}", what=f"the call {ref.hex()} is missing")


def _regions(db: sqlite3.Connection) -> dict[int, str | None]:
    return dict(db.execute("SELECT app_id, region FROM app").fetchall())


def _leg(digest: bytes, facts: str) -> CallLeg | None:
    """The leg, or None when it is not as it was reported: what was changed by hand may hold anything."""
    if leg_digest(facts.encode()) != digest:
        return None
    try:
        return decode_leg(facts)
    except (msgspec.DecodeError, ValueError):
        return None
