"""What a PostgreSQL store knows of the people behind numbers. Statements are in contacts.py."""

from collections.abc import Sequence

from ringback.errors import UnknownApp
from ringback.storage.postgresql.acting import PostgresqlActing
from ringback.storage.postgresql.connections import Connection, write_seconds
from ringback.storage.postgresql.contacts import CONTACTS, DROP_CONTACTS, IS_THERE, contacts_of, put_contacts
from ringback.storage.records import Contact


class PostgresqlNaming(PostgresqlActing):
    """What a PostgreSQL store knows of the people behind numbers."""

    async def set_contacts(self, app_id: int, contacts: Sequence[Contact]) -> None:
        async def work(connection: Connection) -> None:
            if not await connection.fetch(IS_THERE, app_id):
                raise UnknownApp(f"There is no app {app_id}; `ringback app add {app_id}` makes it")
            await put_contacts(connection, app_id, contacts)

        await self._connections.write(work, seconds=write_seconds(len(contacts)))
        self._named.forget(app_id)

    async def drop_contact(self, app_id: int, number: str) -> bool:
        return await self._execute(DROP_CONTACTS, app_id, [number]) > 0

    async def contacts(self, app_id: int, after: str = "") -> list[Contact]:
        return contacts_of(await self._fetch(CONTACTS, app_id, after))
