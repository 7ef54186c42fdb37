"""What a SQLite store knows of the people behind numbers. Statements are in contacts.py."""

import sqlite3
from collections.abc import Sequence

from ringback.errors import UnknownApp
from ringback.storage import naming
from ringback.storage.naming import MOST_CONTACTS, contact_row
from ringback.storage.records import Contact
from ringback.storage.sqlite.acting import SqliteActing
from ringback.storage.sqlite.contacts import CONTACTS, HAS_CONTACTS, SET, contacts_of, drop_contacts


class SqliteNaming(SqliteActing):
    """What a SQLite store knows of the people behind numbers."""

    async def set_contacts(self, app_id: int, contacts: Sequence[Contact], *, as_given: bool = False) -> None:
        def work(db: sqlite3.Connection) -> None:
            app = db.execute("SELECT region FROM app WHERE app_id = ?", (app_id,)).fetchone()
            if app is None:
                raise UnknownApp(f"There is no app {app_id}; `ringback app add {app_id}` makes it")
            told = naming.as_given(contacts, app[0]) if as_given else contacts
            db.executemany(SET, [contact_row(app_id, contact) for contact in told])

        await self._write(work, weight=len(contacts))
        self._named.forget(app_id)

    async def drop_contact(self, app_id: int, number: str) -> bool:
        return await self._write(lambda db: drop_contacts(db, app_id, [number]) > 0)

    async def contacts(self, app_id: int, after: str = "") -> list[Contact]:
        return contacts_of(self._rows(CONTACTS, (app_id, after, MOST_CONTACTS)))

    def _has_contacts(self, app_id: int) -> bool:
        """Tell whether the app has contacts, as of a moment ago."""
        has = self._named.has(app_id)
        return self._named.learn(app_id, has=bool(self._rows(HAS_CONTACTS, (app_id,))[0][0])) if has is None else has
