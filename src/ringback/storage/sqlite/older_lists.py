"""What lists lack in stores that were made by earlier versions. Bringing them up, and nothing else."""

import sqlite3
from collections.abc import Iterable

from ringback.storage.sqlite.lists import ENTRY
from ringback.storage.sqlite.ring_back import read_numbers_again
from ringback.storage.sqlite.showing import show_again

WITH_RING_BACK = 7  # the schema that first kept numbers to ring back as they are kept now
_KEPT = "list_id, position, started_ms, given_id, call_ref, number, '', disposition, ringing_seconds"


def are_older(db: sqlite3.Connection) -> bool:
    """Tell whether the rows of the store's lists, where it has any, lack what pages show."""
    names = {name for (name,) in db.execute("SELECT name FROM pragma_table_info('listed_call')")}
    return bool(names) and "shown" not in names


def bring_up_lists(db: sqlite3.Connection, first_step: Iterable[str]) -> None:
    """Make the lists anew as the first step of the schema has them; what they show is read from the legs again."""
    table, index = (statement for statement in first_step if " listed_call" in statement.split("(")[0])
    db.execute("ALTER TABLE listed_call RENAME TO older_listed_call")
    db.execute(table)
    db.execute(f"INSERT INTO listed_call (list_id, position, {ENTRY}) SELECT {_KEPT} FROM older_listed_call")
    db.execute("DROP TABLE older_listed_call")  # its index has the name of ours
    db.execute(index)
    for app_id, region in db.execute("SELECT app_id, region FROM app").fetchall():
        show_again(db, app_id, region)


def make_ring_back(db: sqlite3.Connection) -> None:
    """Make the lists of numbers to ring back from the lists of calls."""
    for app_id, region in db.execute("SELECT app_id, region FROM app").fetchall():
        read_numbers_again(db, app_id, region)
