"""What a PostgreSQL store knows of the people behind numbers. Statements are in contacts.py."""

from collections.abc import Sequence

from ringback.errors import UnknownApp
from ringback.storage import naming
from ringback.storage.postgresql.acting import PostgresqlActing
from ringback.storage.postgresql.connections import Connection, write_seconds
from ringback.storage.postgresql.contacts import CONTACTS, DROP_CONTACTS, contacts_of, put_contacts
from ringback.storage.postgresql.lists import SHARE_APP
from ringback.storage.records import Contact


class PostgresqlNaming(PostgresqlActing):
    """What a PostgreSQL store knows of the people behind numbers."""

    async def set_contacts(self, app_id: int, contacts: Sequence[Contact], *, as_given: bool = False) -> None:
        async def work(connection: Connection) -> None:
            app = await connection.fetch(SHARE_APP, app_id)
            if not app:
                raise UnknownApp(f"There is no app {app_id}; `ringback app add {app_id}` makes it")
            told = naming.as_given(contacts, app[0][0]) if as_given else contacts
            await put_contacts(connection, app_id, told)

        await self._connections.write(work, seconds=write_seconds(len(contacts)))
        self._named.forget(app_id)

    async def drop_contact(self, app_id: int, number: str) -> bool:
        return await self._execute(DROP_CONTACTS, app_id, [number]) > 0

    async def contacts(self, app_id: int, after: str = "") -> list[Contact]:
        return contacts_of(await self._fetch(CONTACTS, app_id, after))
