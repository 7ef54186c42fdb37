"""A table of MySQL or MariaDB, read on a thread with PyMySQL. Statements here only ever select."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pymysql
from pymysql.constants import CR, ER, FIELD_TYPE

from ringback.errors import RingbackError
from ringback.following.addresses import Address
from ringback.following.pace import Away
from ringback.following.table import CONNECT_SECONDS, QUERY_SECONDS, Row, TableColumns, columns_to_read

T = TypeVar("T")

_VAIN = frozenset(
    {
        ER.ACCESS_DENIED_ERROR,
        ER.DBACCESS_DENIED_ERROR,
        1698,  # access denied, of a user who is known by other means than a password
        ER.TABLEACCESS_DENIED_ERROR,
        ER.COLUMNACCESS_DENIED_ERROR,
        ER.BAD_DB_ERROR,
        ER.NO_SUCH_TABLE,
        ER.BAD_FIELD_ERROR,
        ER.PARSE_ERROR,
        CR.CR_AUTH_PLUGIN_CANNOT_LOAD,
    }
)
_IS_AWARE = {FIELD_TYPE.TIMESTAMP: True, FIELD_TYPE.DATETIME: False}


class MysqlTable:
    """Reads one table; each look is a statement of its own, in a session that is told to be read-only."""

    def __init__(self, address: Address, table: str) -> None:
        self.name = f"{table} of {address.name}"
        self._address = address
        self._table = ".".join(f"`{part}`" for part in table.split("."))
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

    # --- on the thread ---

    async def _ask(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(work)
        except pymysql.MySQLError as error:
            self._disconnect()
            code = error.args[0] if error.args else 0
            said = str(error.args[-1]) if error.args else type(error).__name__
            if code in _VAIN:
                raise RingbackError(f"{self.name}: {said}") from error
            raise Away(said) from error
        except OSError as error:
            self._disconnect()
            raise Away(str(error)) from error
        except RuntimeError as error:  # a way to log in that needs a library which is not here
            self._disconnect()
            raise RingbackError(f"{self.name}: {error}") from error

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection._force_close()
        self._connection = self._columns = None

    def _connected(self) -> Any:
        if self._connection is None:
            address = self._address
            self._connection = pymysql.connect(
                user=address.user,
                password=address.password or "",
                host=address.host,
                port=address.port,
                database=address.database,
                unix_socket=address.options.get("unix_socket"),
                ssl_ca=address.options.get("ssl_ca"),
                ssl_verify_identity="ssl_ca" in address.options or None,
                charset="utf8mb4",
                connect_timeout=CONNECT_SECONDS,
                read_timeout=QUERY_SECONDS,
                write_timeout=QUERY_SECONDS,
                autocommit=True,  # each look sees what is there when it is made
                init_command="SET SESSION TRANSACTION READ ONLY",
            )
        return self._connection

    def _select(self, statement: str, *values: object) -> Any:
        with self._connected().cursor() as cursor:
            cursor.execute(statement, values)
            return cursor.description, cursor.fetchall()

    def _read_columns(self) -> TableColumns:
        if self._columns is None:
            description, _ = self._select(f"SELECT * FROM {self._table} LIMIT 0")  # noqa: S608  (a checked name)
            self._columns = columns_to_read({name: _IS_AWARE.get(kind) for name, kind, *_ in description}, self.name)
            if any(kind == FIELD_TYPE.TIMESTAMP for _, kind, *_ in description):
                self._select("SET time_zone = '+00:00'")  # points in time are told in the session's zone
        return self._columns

    def _read_now(self) -> datetime:
        columns = self._read_columns()
        _, ((now,),) = self._select("SELECT NOW()")
        return _with_zone(now, columns)

    def _read_rows(self, since: datetime, limit: int) -> list[Row]:
        columns = self._read_columns()
        names = ", ".join(f"`{name.replace('`', '``')}`" for name in columns.names)
        time = names.partition(",")[0]
        _, found = self._select(
            f"SELECT {names} FROM {self._table} WHERE {time} >= %s ORDER BY {time} LIMIT %s",  # noqa: S608
            since.replace(tzinfo=None),
            limit,
        )
        rows = []
        for first, *rest in found:
            time_of_row = _with_zone(first, columns)
            rows.append(Row(time_of_row, (time_of_row, *rest)))
        return rows


def _with_zone(time: datetime, columns: TableColumns) -> datetime:
    return time.replace(tzinfo=UTC) if columns.is_aware else time
