"""Connections to PostgreSQL: where it is, a pool, and a bound on every wait. No statements.

Every use of a connection ends in time, whatever the server does: one that is paused, or lost behind a network, answers
nothing at all, and then its connection is dropped rather than waited for.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal, NamedTuple, Self, TypeAlias, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg
from asyncpg.transaction import Transaction

from ringback.errors import StoreUnavailable, UnusableSetting
from ringback.storage.postgresql.errors import OF_CONNECTING, our_error, our_errors
from ringback.storage.postgresql.session import SESSION, Session

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"

READ_SECONDS = 5.0  # the most that a read takes, the wait for a connection included
WRITE_SECONDS = 10.0  # the same for a write; longer, for its lists may be another writer's right now
_RECORD_SECONDS = 0.002  # more for each record of one; a healthy store takes a tenth of it
LONG_SECONDS = 3600.0  # work over a whole app: a region changed, a store checked
FROZEN_SECONDS = 86_400.0  # a whole store read as of one moment
_CONNECT_SECONDS = 5.0
_A_MOMENT = 0.001
_LONGEST_WAIT_SECONDS = 0.128  # of a transaction that another one overtook, until it is run again
_POOL_SIZE = 10
_FOR_EVER = 1 << 40  # queries: connections are not renewed, nothing in them ages

_TAKE_ROOM = "SET LOCAL work_mem = '64kB'; SELECT count(*) FROM generate_series(1, 50000)"  # a megabyte, for a moment


class Place(NamedTuple):
    """Where a store is: asyncpg's own URL (libpq's), and what of the URL was for us."""

    url: str
    name: str
    pool_size: int = _POOL_SIZE
    is_pooled: bool = False

    @classmethod
    def of(cls, url: str) -> Self:
        """Read `postgresql://user@host/database?pool_size=10&pooler=transaction`; raises `UnusableSetting`.

        `pooler=transaction` says that a pooler such as pgbouncer gives each transaction another session.
        """
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True)
        ours = {key: value for key, value in query if key in ("pool_size", "pooler")}
        rest = urlencode([pair for pair in query if pair[0] not in ours])
        size = ours.get("pool_size", str(_POOL_SIZE))
        if not size.isascii() or not size.isdigit() or not 1 <= int(size) <= 1000:
            raise UnusableSetting(f"the store's pool_size should be from 1 to 1000, not {size[:20]!r}")
        if ours.get("pooler", "transaction") != "transaction":
            raise UnusableSetting(f"the store's pooler should be transaction, not {ours['pooler'][:20]!r}")
        try:
            _ = parts.port
        except ValueError:
            raise UnusableSetting("the store's port should be a number from 0 to 65535") from None
        name = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
        return cls(urlunsplit((*parts[:3], rest, "")), name, int(size), "pooler" in ours)

    def connecting(self) -> dict[str, Any]:
        """Return how asyncpg is told to connect; a pooler keeps neither a session's settings nor its statements."""
        told: dict[str, Any] = {"dsn": self.url, "timeout": _CONNECT_SECONDS, "connection_class": Session}
        return told | ({"statement_cache_size": 0} if self.is_pooled else {"server_settings": SESSION})


def write_seconds(records: int) -> float:
    """Return the most that a write of so many records takes."""
    return WRITE_SECONDS + records * _RECORD_SECONDS


class Overtaken(Exception):
    """Another transaction changed what this one had read: it is to be run again."""


_RUN_AGAIN = (Overtaken, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)


# --- the pool ------------------------------------------------------------------------------------------------------


class Connections:
    """A pool of connections to one place."""

    def __init__(self, place: Place, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._place, self._pool = place, pool
        self._loop = asyncio.get_running_loop()
        self._now = self._loop.time
        self._is_closed = False
        self._was_full = False

    @classmethod
    async def open(cls, place: Place) -> Self:
        """Make the pool. It connects when it is used, so that nothing goes on at a server that is away."""
        pool = await asyncpg.create_pool(
            **place.connecting(),
            min_size=0,
            max_size=place.pool_size,
            max_queries=_FOR_EVER,
            max_inactive_connection_lifetime=0,
            reset=_leave,
        )
        return cls(place, pool)

    @property
    def name(self) -> str:
        """The store's URL without user, password and parameters."""
        return self._place.name

    async def close(self) -> None:
        """Close all connections; those that do not answer are dropped. Closing twice is harmless."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            async with asyncio.timeout(_CONNECT_SECONDS):
                await self._pool.close()
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._pool.terminate()

    async def fetch(self, statement: str, *parameters: object) -> list[asyncpg.Record]:
        """Return all rows of one statement that reads. The hot path: no transaction, no layers."""
        if self._place.is_pooled:  # asyncpg asks twice for a statement; both must come to one session
            return await self.read(lambda connection: connection.fetch(statement, *parameters))
        if self._is_closed:
            raise StoreUnavailable("The store is closed")
        try:
            until = self._now() + READ_SECONDS
            connection = await self._acquired(until)
            try:
                return await connection.fetch(statement, *parameters, timeout=max(until - self._now(), _A_MOMENT))
            except (TimeoutError, asyncpg.InternalClientError, asyncio.CancelledError):
                _drop(connection)
                raise
            finally:
                await self._pool.release(connection)
        except Exception as error:
            ours = our_error(error, self.name)
            if ours is None:
                raise
            raise ours from error

    async def _acquired(self, until: float) -> Connection:
        """Return a connection of the pool; raises `TimeoutError`. (The pool's own timeout has a task for each.)"""
        async with asyncio.timeout_at(until):
            return await self._pool.acquire()

    async def read(
        self, work: Callable[[Connection], Awaitable[T]], *, seconds: float = READ_SECONDS, snapshot: bool = False
    ) -> T:
        """Run work that only reads in a transaction; all of it in one `snapshot` if asked for."""
        async with self.transaction(seconds, read_only=True, snapshot=snapshot) as connection:
            return await work(connection)

    @asynccontextmanager
    async def transaction(
        self, seconds: float, *, read_only: bool = False, snapshot: bool = False
    ) -> AsyncIterator[Connection]:
        """Run with a connection in a transaction that is committed at the end, and taken back on an error."""
        level: Literal["repeatable_read", "read_committed"] = "repeatable_read" if snapshot else "read_committed"
        with our_errors(self.name, () if read_only else _RUN_AGAIN):
            async with self._connection(seconds) as connection:
                transaction = connection.transaction(isolation=level, readonly=read_only)
                await transaction.start()
                try:
                    if seconds > WRITE_SECONDS:
                        await connection.execute("SET LOCAL statement_timeout = 0")
                    yield connection
                except (Exception, GeneratorExit):
                    await _take_back(transaction, connection)
                    raise
                await transaction.commit()

    async def write(self, work: Callable[[Connection], Awaitable[T]], *, seconds: float = WRITE_SECONDS) -> T:
        """Run work in a transaction and return what it returned, once that is on disk; again when it was overtaken.

        Where the connection is lost while it commits, nobody knows whether it did: `StoreUnavailable` then makes the
        sender come again, and the same delivery again changes nothing.
        """
        until = self._now() + seconds
        wait = 0.002
        while (left := until - self._now()) > 0:
            try:
                async with self.transaction(left) as connection:
                    return await self._written(connection, work)
            except _RUN_AGAIN:
                await asyncio.sleep(random.uniform(0, wait))  # noqa: S311  (only parts rivals)
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        raise StoreUnavailable(f"The store {self.name} is written by too many at once; try again")

    async def _written(self, connection: Connection, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do the work; where the disk was full, only if it has room now: half of it would fill what little there is."""
        try:
            if self._was_full:
                await connection.execute(_TAKE_ROOM)
            written = await work(connection)
        except asyncpg.DiskFullError:
            self._was_full = True
            raise
        self._was_full = False
        return written

    @asynccontextmanager
    async def _connection(self, seconds: float) -> AsyncIterator[Connection]:
        """Lend a connection, which is cut off when the time is over, whatever it does and whoever waits for it."""
        if self._is_closed:
            raise StoreUnavailable("The store is closed")
        until = self._now() + seconds
        connection = await self._acquired(self._now() + min(seconds, READ_SECONDS))
        end = self._loop.call_at(until, _drop, connection)
        try:
            yield connection
        except (asyncpg.InternalClientError, asyncio.CancelledError):
            _drop(connection)
            raise
        except Exception as error:
            if self._now() >= until:  # it came of the cut
                raise TimeoutError from error
            raise
        finally:
            end.cancel()
            await self._pool.release(connection)


class Frozen(Connections):
    """The one connection of a transaction that reads a snapshot, in the place of a pool; nothing can be written."""

    def __init__(self, of: Connections, connection: Connection) -> None:
        self._name, self._one = of.name, connection

    @property
    def name(self) -> str:
        """The store's URL without user, password and parameters."""
        return self._name

    async def fetch(self, statement: str, *parameters: object) -> list[asyncpg.Record]:
        """Return all rows of one statement, as of the snapshot."""
        with our_errors(self._name):
            return await self._one.fetch(statement, *parameters)

    @asynccontextmanager
    async def transaction(
        self, seconds: float, *, read_only: bool = False, snapshot: bool = False
    ) -> AsyncIterator[Connection]:
        """Run in the transaction there is; raises `StoreUnavailable` for one that would write."""
        del seconds, snapshot
        if not read_only:
            raise StoreUnavailable(f"The store {self._name} is only read")
        yield self._one

    async def write(self, work: Callable[[Connection], Awaitable[T]], *, seconds: float = WRITE_SECONDS) -> T:
        """Raise `StoreUnavailable`."""
        del work, seconds
        raise StoreUnavailable(f"The store {self._name} is only read")

    async def close(self) -> None:
        """Do nothing: the transaction is its owner's to end."""


def _drop(connection: Connection) -> None:
    """Cut a connection off in the midst of whatever it does: it may never answer again."""
    with suppress(asyncpg.InterfaceError):  # it is lost already
        connection.terminate()


async def _take_back(transaction: Transaction, connection: Connection) -> None:
    """Take back what a transaction did; why it is taken back matters more than an error in that."""
    try:
        await transaction.rollback()
    except (asyncpg.PostgresError, *OF_CONNECTING):
        _drop(connection)


async def _leave(connection: object) -> None:
    """Leave a connection as it is: nothing here changes a session, and a reset is one more round trip."""
