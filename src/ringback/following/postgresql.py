"""A table of PostgreSQL, read with asyncpg. Statements here only ever select, in sessions that are read-only."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, TypeVar

import asyncpg

from ringback.errors import RingbackError
from ringback.following.addresses import Address
from ringback.following.pace import Away
from ringback.following.table import CONNECT_SECONDS, QUERY_SECONDS, Row, TableColumns, columns_to_read

T = TypeVar("T")

# Classes of SQLSTATE in which the server is away or busy; in the others asking again gives the same answer.
_AWAY_CLASSES = ("08", "40", "53", "55", "57", "58", "XX")
_IS_AWARE = {"timestamptz": True, "timestamp": False}


class PostgresqlTable:
    """Reads one table; each look is a statement of its own."""

    def __init__(self, address: Address, table: str) -> None:
        self.name = f"{table} of {address.name}"
        self._address = address
        self._table = ".".join(f'"{part}"' for part in table.split("."))
        self._connection: Any = None
        self._columns: TableColumns | None = None

    async def columns(self) -> TableColumns:
        """Return what there is to read."""
        return await self._ask(self._read_columns)

    async def now(self) -> datetime:
        """Return the time by the database's clock."""
        return await self._ask(self._read_now)

    async def rows(self, since: datetime, limit: int) -> list[Row]:
        """Return the first rows whose time is not before `since`."""
        return await self._ask(lambda: self._read_rows(since, limit))

    async def aclose(self) -> None:
        """Let go of the connection."""
        self._disconnect()

    # --- asking ---

    async def _ask(self, work: Callable[[], Awaitable[T]]) -> T:
        try:
            return await work()
        except asyncpg.PostgresError as error:
            self._disconnect()
            if (error.sqlstate or "").startswith(_AWAY_CLASSES):
                raise Away(str(error)) from error
            raise RingbackError(f"{self.name}: {error}") from error
        except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:  # TimeoutError is an OSError
            self._disconnect()
            raise Away(str(error) or type(error).__name__) from error

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._connection = self._columns = None

    async def _connected(self) -> Any:
        if self._connection is None:
            self._connection = await asyncpg.connect(
                self._address.without_password(),
                password=self._address.password,
                timeout=CONNECT_SECONDS,
                command_timeout=QUERY_SECONDS,
                statement_cache_size=0,  # poolers between us and the database know no named statements
                server_settings={"default_transaction_read_only": "on", "application_name": "ringback"},
            )
        return self._connection

    async def _read_columns(self) -> TableColumns:
        if self._columns is None:
            connection = await self._connected()
            async with connection.transaction():  # else preparing leaves a lock behind until the next statement
                statement = await connection.prepare(f"SELECT * FROM {self._table}")  # noqa: S608  (a checked name)
                named = {column.name: _IS_AWARE.get(column.type.name) for column in statement.get_attributes()}
            self._columns = columns_to_read(named, self.name)
        return self._columns

    async def _read_now(self) -> datetime:
        columns = await self._read_columns()
        clock = "now()" if columns.is_aware else "localtimestamp"
        now: datetime = await (await self._connected()).fetchval(f"SELECT {clock}")
        return now

    async def _read_rows(self, since: datetime, limit: int) -> list[Row]:
        columns = await self._read_columns()
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns.names)
        time = names.partition(",")[0]
        found = await (await self._connected()).fetch(
            f"SELECT {names} FROM {self._table} WHERE {time} >= $1 ORDER BY {time} LIMIT $2",  # noqa: S608
            since,
            limit,
        )
        return [Row(record[0], tuple(record)) for record in found]
