"""Contacts in SQLite: their statements."""

import sqlite3
from collections.abc import Sequence

from ringback.storage.naming import CONTACT_COLUMNS, contact_row, read_again
from ringback.storage.records import Contact

SET = (
    f"INSERT INTO contact ({CONTACT_COLUMNS}) VALUES (?,?,?,?,?) "
    "ON CONFLICT (app_id, number) DO UPDATE SET given = excluded.given, name = excluded.name, shown = excluded.shown"
)
_DROP = "DELETE FROM contact WHERE app_id = ? AND number = ?"
CONTACTS = "SELECT number, given, name FROM contact WHERE app_id = ? AND number > ? ORDER BY number LIMIT ?"
HAS_CONTACTS = "SELECT EXISTS (SELECT 1 FROM contact WHERE app_id = ?)"
_EVERY_ONE = -1  # SQLite's own word for no limit


def drop_contacts(db: sqlite3.Connection, app_id: int, numbers: Sequence[str]) -> int:
    """Drop the contacts of these numbers; return how many there were."""
    return sum(db.execute(_DROP, (app_id, number)).rowcount for number in numbers)


def read_contacts_again(db: sqlite3.Connection, app_id: int, region: str | None) -> None:
    """Write the numbers of all the app's contacts as the region reads them."""
    contacts = read_again(contacts_of(db.execute(CONTACTS, (app_id, "", _EVERY_ONE)).fetchall()), region)
    db.execute("DELETE FROM contact WHERE app_id = ?", (app_id,))
    db.executemany(SET, [contact_row(app_id, contact) for contact in contacts])


def contacts_of(rows: Sequence[tuple[str, str, str]]) -> list[Contact]:
    """Return the contacts of rows of number, given and name."""
    return [Contact(number=number, given=given, name=name) for number, given, name in rows]
