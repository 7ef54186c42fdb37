"""How everything that the PostgreSQL store does reaches its database: reading, writing, and noting what was done."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ringback.storage.auditing import AuditLine
from ringback.storage.base import Store
from ringback.storage.naming import NamedApps
from ringback.storage.postgresql.connections import WRITE_SECONDS, Connection, Connections
from ringback.storage.postgresql.schema import NOTE
from ringback.storage.rows import audit_row

T = TypeVar("T")


class PostgresqlActing(Store):
    """A store over the connections to one database."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._fetch = connections.fetch
        self._named = NamedApps()

    async def _act(
        self,
        work: Callable[[Connection], Awaitable[T]],
        line: Callable[[T], AuditLine | None],
        *,
        seconds: float = WRITE_SECONDS,
    ) -> T:
        """Do the work and note it in the same transaction."""

        async def noted(connection: Connection) -> tuple[T, AuditLine | None]:
            done = await work(connection)
            written = line(done)
            if written is not None:
                await connection.execute(NOTE, *audit_row(written))
            return done, written

        done, written = await self._connections.write(noted, seconds=seconds)
        if written is not None:
            self.heard(written)
        return done

    async def _execute(
        self,
        statement: str,
        *parameters: object,
        seconds: float = WRITE_SECONDS,
        line: Callable[[int], AuditLine | None] = lambda _: None,
    ) -> int:
        """Run one statement that writes and return how many rows it did; `line` is told that, and is noted with it."""

        async def work(connection: Connection) -> int:
            return int((await connection.execute(statement, *parameters)).rpartition(" ")[2])

        return await self._act(work, line, seconds=seconds)
