"""Proving a SQLite store's invariants: its pages, its lists' numbering, and that lists and legs tell the same calls."""

import sqlite3
from collections.abc import Iterator
from itertools import groupby, islice
from operator import itemgetter

from ringback.storage.placing import entry_of
from ringback.storage.positions import Entry
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
from ringback.storage.sqlite import ring_back
from ringback.storage.sqlite.lists import entries, has_entry, list_id_of
from ringback.telephony.call import Call, ListKey, ListKind


def check_store(db: sqlite3.Connection) -> CheckReport:
    """Return what is wrong, reading one snapshot in constant memory."""
    report = CheckReport(faults=[])
    db.execute("BEGIN")
    try:
        report.faults.extend(islice(_faults(db, report), MOST_FAULTS))
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
    for app_id in _regions(db):
        yield from _ring_back_faults(db, app_id)


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
        where = list_name(app_id, key)
        before: tuple[int, Entry] | None = None
        for position, entry in entries(db, list_id):
            yield from order_faults(where, before, position, entry)
            before = position, entry
            what = backing_fault(key, entry, _legs_of(db, app_id, entry.call_ref), regions.get(app_id))
            if what:
                yield Fault(where=f"{where}, position {position}", what=what)


def _legs_of(db: sqlite3.Connection, app_id: int, ref: bytes) -> list[KeptLeg]:
    kept = "SELECT digest, facts FROM leg WHERE app_id = ? AND call_ref = ?"
    return [KeptLeg(*row) for row in db.execute(kept, (app_id, ref)).fetchall()]


def _call_faults(db: sqlite3.Connection, report: CheckReport) -> Iterator[Fault]:
    """Every leg under the call it names and unchanged, and every call in each list it belongs to."""
    regions = _regions(db)
    rows = db.execute("SELECT app_id, call_ref, digest, facts, given_id FROM leg ORDER BY app_id, call_ref, digest")
    for (app_id, ref), group in groupby(rows, key=itemgetter(0, 1)):
        report.calls += 1
        kept = [KeptLeg(*row[2:]) for row in group]
        yield from leg_faults(app_id, ref, kept)
        call = call_of(ref, kept, regions.get(app_id))
        if call is not None:
            yield from _missing_rows(db, app_id, call)


def _missing_rows(db: sqlite3.Connection, app_id: int, call: Call) -> Iterator[Fault]:
    entry = entry_of(call)
    for key in call.lists:
        list_id = list_id_of(db, app_id, key)
        if list_id is None or not has_entry(db, list_id, entry):
            yield missing_row(app_id, key, call.call_ref)


def _regions(db: sqlite3.Connection) -> dict[int, str | None]:
    return dict(db.execute("SELECT app_id, region FROM app").fetchall())


def _ring_back_faults(db: sqlite3.Connection, app_id: int) -> Iterator[Fault]:
    """Calls by number as the lists of calls have them, and lists of numbers to ring back as they follow."""
    for what, kept, due in ring_back.PROOFS:
        for less, more, fault in ((due, kept, lacking_row), (kept, due, needless_row)):
            for row in db.execute(f"SELECT * FROM ({less}) EXCEPT SELECT * FROM ({more})", (app_id,)):
                yield fault(app_id, what, row)
