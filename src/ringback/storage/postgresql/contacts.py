"""Contacts in PostgreSQL: their statements."""

from collections.abc import Sequence

import asyncpg

from ringback.storage.naming import CONTACT_COLUMNS, MOST_CONTACTS, contact_row, read_again
from ringback.storage.postgresql.connections import Connection
from ringback.storage.postgresql.lists import columns
from ringback.storage.records import Contact

# In order, so that no two writers wait for each other.
SET_CONTACTS = f"""
INSERT INTO contact ({CONTACT_COLUMNS})
SELECT a.app_id, k.*
FROM app a, unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS k (number, given, name, shown)
WHERE a.app_id = $1
ORDER BY k.number COLLATE "C"
ON CONFLICT (app_id, number) DO UPDATE SET given = excluded.given, name = excluded.name, shown = excluded.shown
"""
DROP_CONTACTS = "DELETE FROM contact k WHERE k.app_id = $1 AND k.number = ANY ($2::text[])"
DROP_ALL_CONTACTS = "DELETE FROM contact k WHERE k.app_id = $1"
CONTACTS = f"""
SELECT k.number, k.given, k.name FROM contact k WHERE k.app_id = $1 AND k.number > $2
ORDER BY k.number LIMIT {MOST_CONTACTS}
"""
ALL_CONTACTS = "SELECT k.number, k.given, k.name FROM contact k WHERE k.app_id = $1"


async def drop_contacts(connection: Connection, app_id: int, numbers: Sequence[str]) -> int:
    """Drop the contacts of these numbers; return how many there were."""
    return int((await connection.execute(DROP_CONTACTS, app_id, list(numbers))).rpartition(" ")[2])


async def read_contacts_again(connection: Connection, app_id: int, region: str | None) -> None:
    """Write the numbers of all the app's contacts as the region reads them."""
    contacts = read_again(contacts_of(await connection.fetch(ALL_CONTACTS, app_id)), region)
    await connection.execute(DROP_ALL_CONTACTS, app_id)
    await put_contacts(connection, app_id, contacts)


async def put_contacts(connection: Connection, app_id: int, contacts: Sequence[Contact]) -> None:
    """Add the contacts, or rename them."""
    newest = {contact.number: contact for contact in contacts}  # one statement changes no row twice
    rows = [contact_row(app_id, contact)[1:] for contact in newest.values()]
    await connection.execute(SET_CONTACTS, app_id, *columns(4, rows))


def contacts_of(rows: Sequence[asyncpg.Record]) -> list[Contact]:
    """Return the contacts of rows of number, given and name."""
    return [Contact(number=number, given=given, name=name) for number, given, name in rows]
