"""What `check` finds in a SQLite file that was damaged by hand."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.storage.sound import add_many, checked, make_sound

Damage = str | Callable[[Path], None]

LAST = "(SELECT max(position) FROM listed_call WHERE list_id = 1)"
A_LEG = "leg_id = (SELECT min(leg_id) FROM leg)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a sound, closed store: forty calls of an agent with a token, and one call with given id."""
    path = tmp_path / "ringback.db"
    make_sound(str(path))
    return path


def swap_two_calls(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for change in ("-5 WHERE position = 5", "6 - 1 WHERE position = 6", "6 WHERE position = -5"):
            db.execute(f"UPDATE listed_call SET position = {change} AND list_id = 1")


def overwrite_a_page_of_rows(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        size = db.execute("PRAGMA page_size").fetchone()[0]
        root = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'listed_call'").fetchone()[0]
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek((root - 1) * size)
        file.write(b"\x5a" * 512)


def hide_a_row_from_an_index(path: Path) -> None:
    """Change an indexed column while the index is taken out of the schema."""
    index = "name = 'leg_by_given_id'"
    with closing(sqlite3.connect(path)) as db:
        row = db.execute(f"SELECT * FROM sqlite_schema WHERE {index}").fetchone()
        db.execute("PRAGMA writable_schema = ON")
        db.execute(f"DELETE FROM sqlite_schema WHERE {index}")
        db.commit()
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"UPDATE leg SET given_id = x'{'cd' * 12}' WHERE given_id IS NOT NULL")
        db.execute("PRAGMA writable_schema = ON")
        db.execute("INSERT INTO sqlite_schema VALUES (?,?,?,?,?)", row)
        db.commit()


DAMAGES: dict[str, tuple[Damage, str]] = {
    "a gap": (f"UPDATE listed_call SET position = position + 1 WHERE list_id = 1 AND position = {LAST}", "jump from"),
    "calls swapped": (swap_two_calls, "is not later than the one before it"),
    "a row gone": (f"DELETE FROM listed_call WHERE list_id = 1 AND position = {LAST}", "is missing"),
    "a whole list gone": ("DELETE FROM listed_call WHERE list_id = 2", "is missing"),
    "a row without legs": (
        "INSERT INTO listed_call SELECT list_id, position + 1, started_ms + 1, NULL, x'00', number, shown, "
        f"disposition, ringing_seconds FROM listed_call WHERE list_id = 1 AND position = {LAST}",
        "no leg is kept of the call",
    ),
    "a call twice": (
        "INSERT INTO listed_call SELECT 2, position + 1, started_ms, given_id, call_ref, number, shown, "
        f"disposition, ringing_seconds FROM listed_call WHERE list_id = 1 AND position = {LAST}",
        "put it into another list",
    ),
    "a number edited": ("UPDATE listed_call SET number = '1' WHERE position = 3", "is not what its legs say"),
    "a rate edited": (
        "UPDATE listed_call SET shown = replace(shown, '0.0000', '9.0000') WHERE position = 3",
        "is not what its legs say",
    ),
    "a disposition edited": ("UPDATE listed_call SET disposition = 'x' WHERE position = 3", "not what its legs say"),
    "an id edited": ("UPDATE listed_call SET given_id = x'00' WHERE list_id = 1", "is not what its legs say"),
    "a start edited": (
        f"UPDATE listed_call SET started_ms = started_ms + 1 WHERE list_id = 1 AND position = {LAST}",
        "is not what its legs say",
    ),
    "a leg edited": (f"UPDATE leg SET facts = replace(facts, '770', '880') WHERE {A_LEG}", "its facts were changed"),
    "a leg's digest edited": (f"UPDATE leg SET digest = x'00' WHERE {A_LEG}", "its facts were changed"),
    "a leg made unreadable": (f"UPDATE leg SET facts = '{{' WHERE {A_LEG}", "its facts were changed"),
    "a leg made senseless": (
        f"UPDATE leg SET facts = json_set(facts, '$.rate', 'x', '$.call_id', 'x') WHERE {A_LEG}",
        "its facts were changed",
    ),
    "a leg under another call": (f"UPDATE leg SET call_ref = x'00' WHERE {A_LEG}", "stands under another call"),
    "a leg's given id edited": ("UPDATE leg SET given_id = x'00' WHERE given_id IS NOT NULL", "found by another id"),
    "legs gone": (f"DELETE FROM leg WHERE {A_LEG}", "no leg is kept of the call"),
    "a list of another kind": ("UPDATE call_list SET kind = 4 WHERE list_id = 1", "put it into another list"),
    "a list of no kind": ("UPDATE call_list SET kind = 99 WHERE list_id = 1", "a list of no known kind: 99"),
    "a list of another agent": ("UPDATE call_list SET extension = '9' WHERE list_id = 1", "put it into another list"),
    "a list gone": ("DELETE FROM call_list WHERE list_id = 1", "calls in a list that is not there"),
    "a try not counted": ("DELETE FROM call_by_number WHERE started_ms = 1767603605000", "calls by number lack a row"),
    "a try counted twice": (
        "INSERT INTO call_by_number SELECT app_id, number, was_reached, started_ms, x'00', extension "
        "FROM call_by_number LIMIT 1",
        "calls by number have a row that does not follow",
    ),
    "a number not to ring back": ("DELETE FROM ring_back", "numbers to ring back lack a row"),
    "tries edited": ("UPDATE ring_back SET tries = 9", "numbers to ring back have a row that does not follow"),
    "counts edited": (
        "UPDATE ring_back_count SET calls = 9 WHERE bits = 22",
        "counts of numbers to ring back lack a row",
    ),
    "a mark by hand": (
        "INSERT INTO ring_back_mark VALUES (1111113, '77010000002', 1767603660000, '101')",
        "numbers to ring back have a row that does not follow",
    ),
    "an agent disabled by hand": ("UPDATE agent SET is_disabled = 1", "a token of an agent that is disabled"),
    "an agent gone": ("DELETE FROM agent", "a token of an agent that is disabled or not there"),
    "an app gone": ("DELETE FROM app", "of an app that is not there"),
    "a page overwritten": (overwrite_a_page_of_rows, "malformed"),
    "a row hidden from an index": (hide_a_row_from_an_index, "missing from index leg_by_given_id"),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGES.values(), ids=DAMAGES)
def test_check_finds_what_was_damaged(path: Path, damage: Damage, told: str) -> None:
    """Each kind of damage done to the file by hand is told as a fault, and check itself does not fail."""
    if isinstance(damage, str):
        with closing(sqlite3.connect(path)) as db, db:
            assert db.execute(damage).rowcount > 0
    else:
        damage(path)

    faults = checked(str(path)).faults
    assert any(told in fault.what for fault in faults), faults


def test_a_sound_store_has_no_faults_and_is_counted(path: Path) -> None:
    """Check tells how many lists and calls it read, over all apps."""
    report = checked(str(path))

    assert (report.ok, report.lists, report.calls) == (True, 4, 44)


def test_check_tells_no_more_than_a_thousand_faults(path: Path) -> None:
    """A store damaged everywhere is told to be so without a list that never ends."""
    add_many(str(path))
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE listed_call SET shown = 'x'")

    assert len(checked(str(path)).faults) == 1000
