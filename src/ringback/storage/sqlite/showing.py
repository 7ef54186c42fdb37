"""Reading the numbers that lists show again, after their app's region has changed. Positions do not move."""

import sqlite3
from collections.abc import Iterator
from itertools import islice

from ringback.storage.placing import entry_of
from ringback.storage.sqlite.lists import entries
from ringback.storage.sqlite.ring_back import read_numbers_again
from ringback.telephony.call import merge
from ringback.telephony.leg import decode_leg

_AT_A_TIME = 5000  # rows planned before they are written: bounds the memory, and no row changes while it is read


def show_again(db: sqlite3.Connection, app_id: int, region: str | None) -> None:
    """Write the numbers of all the app's calls as the region reads them, and what follows from them."""
    for (list_id,) in db.execute("SELECT list_id FROM call_list WHERE app_id = ?", (app_id,)).fetchall():
        after: int | None = None
        while changed := list(islice(_numbers(db, app_id, list_id, region, after), _AT_A_TIME)):
            after = changed[-1][2]
            db.executemany(
                "UPDATE listed_call SET number = ?, shown = ? WHERE list_id = ? AND position = ?",
                [(number, shown, list_id, position) for number, shown, position in changed],
            )
    read_numbers_again(db, app_id, region)


def _numbers(
    db: sqlite3.Connection, app_id: int, list_id: int, region: str | None, after: int | None
) -> Iterator[tuple[str, str, int]]:
    for position, entry in entries(db, list_id, after):
        rows = db.execute(
            "SELECT facts FROM leg WHERE app_id = ? AND call_ref = ?", (app_id, entry.call_ref)
        ).fetchall()
        read = entry_of(merge(entry.call_ref, [decode_leg(facts) for (facts,) in rows], region))
        yield read.number, read.shown, position
