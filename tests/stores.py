"""Empty stores of every kind for tests. A new backend is one more class here. No assertions here."""

import asyncio
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from tests.databases.postgresql import PostgreSql
from tests.loop import run
from tests.switches.programs import wait_for

from ringback.storage import open_store
from ringback.storage.base import Store

CITUS = os.environ.get("RINGBACK_TEST_CITUS", "")  # the URL of an empty database with Citus and a worker or more
BACKENDS = ("sqlite", "postgresql")
KINDS = (*BACKENDS, "citus") if CITUS else BACKENDS


class Stores(ABC):
    """Makes stores of one kind; each is another one."""

    weighs_calls = True  # whether a store's measures have the bytes of its calls, too

    @abstractmethod
    def new(self) -> str:
        """Return the URL of a store that does not exist yet."""

    @abstractmethod
    def made(self) -> str:
        """Return the URL of a store that is there and empty."""

    @abstractmethod
    def drop(self, url: str) -> None:
        """Throw a store away, whoever has it open."""

    @abstractmethod
    @contextmanager
    def unwritable(self, url: str) -> Iterator[None]:
        """Run while the store can be read and not be written."""

    @abstractmethod
    def ask(self, url: str, statement: str) -> list[Any]:
        """Return the rows of a statement, asked past the store."""

    @contextmanager
    def opened(self) -> Iterator[Store]:
        """Run with an open store that is empty, and throw it away."""
        url = self.made()
        store = run(open_store(url))
        try:
            yield store
        finally:
            run(store.close())
            self.drop(url)


class SqliteStores(Stores):
    """Files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def new(self) -> str:
        """Return the URL of a file that is not there."""
        return f"sqlite:///{self._folder}/{uuid4().hex}.db"

    def made(self) -> str:
        """Return the same: a file is made as fast as it is copied."""
        return self.new()

    def drop(self, url: str) -> None:
        """Remove the file and those beside it."""
        for file in self._folder.glob(f"{_path_of(url).name}*"):
            file.unlink()

    @contextmanager
    def unwritable(self, url: str) -> Iterator[None]:
        """Hold the write lock, as a stuck program would."""
        with closing(sqlite3.connect(_path_of(url), isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            yield
            holder.execute("ROLLBACK")

    def ask(self, url: str, statement: str) -> list[Any]:
        """Ask the file."""
        with closing(sqlite3.connect(_path_of(url))) as db:
            return db.execute(statement).fetchall()


class PostgresqlStores(Stores):
    """Databases of one server; that of a made store is a copy."""

    def __init__(self, server: PostgreSql) -> None:
        self.server = server
        self._template = ""

    def new(self) -> str:
        """Return the URL of a database without a table."""
        return self.server.new_database()

    def made(self) -> str:
        """Return the URL of a copy of the store that was made first."""
        if not self._template:
            template = self.new()
            run(run(open_store(template)).close())
            self._template = template
        return self.server.new_database(self._template)

    def drop(self, url: str) -> None:
        """Drop the database."""
        self.server.drop(url)

    @contextmanager
    def unwritable(self, url: str) -> Iterator[None]:  # noqa: ARG002  (it is the whole server)
        """Have the server take no writes, as a standby does, and one whose disk is nearly full may be told to."""
        self.server.set(default_transaction_read_only="on")
        try:
            yield
        finally:
            self.server.set(default_transaction_read_only=None)

    def ask(self, url: str, statement: str) -> list[Any]:
        """Ask the database."""
        return list(self.server.ask(statement, database=url.rpartition("/")[2]))


class CitusStores(Stores):
    """Schemas of one database, distributed over the workers of a cluster."""

    weighs_calls = False  # the coordinator has none

    def new(self) -> str:
        """Return the URL of a schema without a table."""
        name = f"store_{uuid4().hex}"
        self.ask(CITUS, f"CREATE SCHEMA {name}")
        return f"{CITUS}?search_path={name}"

    def made(self) -> str:
        """Return the URL of a schema whose tables are distributed."""
        url = self.new()
        run(run(open_store(url, migrate=True, distribute=True)).close())
        self.ask(url, "DELETE FROM audit")  # a fresh store's has no line, not even of having been distributed
        return url

    def drop(self, url: str) -> None:
        """Drop the schema."""
        self.ask(CITUS, f"DROP SCHEMA {url.rpartition('=')[2]} CASCADE")

    @contextmanager
    def unwritable(self, url: str) -> Iterator[None]:  # noqa: ARG002  (it is the whole coordinator)
        """Have the coordinator take no writes."""
        self._set_read_only("on")
        try:
            yield
        finally:
            self._set_read_only("off")

    def ask(self, url: str, statement: str) -> list[Any]:
        """Ask the coordinator."""

        async def asked() -> list[Any]:
            connection = await asyncpg.connect(url)
            try:
                return [tuple(row) for row in await connection.fetch(statement)]
            finally:
                await connection.close()

        return asyncio.run(asked())

    def _set_read_only(self, value: str) -> None:
        self.ask(CITUS, f"ALTER SYSTEM SET default_transaction_read_only = {value}")
        self.ask(CITUS, "SELECT pg_reload_conf()")
        shown = partial(self.ask, CITUS, "SHOW default_transaction_read_only")
        wait_for(lambda: shown() == [(value,)], shown)


def _path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))
