"""A PostgreSQL of the benchmark's own, kept between runs with its stores of made calls. No measuring here."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

import pytest
from tests.databases.postgresql import PostgreSql

from benchmarks.filling import fill
from benchmarks.made_calls import LIST_CALLS, calls_of
from benchmarks.stores import RESULTS, Say, migrated
from ringback.storage.postgresql.schema import schema_steps

BYTES_A_CALL = 1000  # of disk
PLACE = RESULTS / "postgresql"

# Durable, as a store has to be, with room in memory for what a million calls' pages are read from. All else is as
# Debian has it.
_SETTINGS = {"shared_buffers": "512MB", "synchronous_commit": "on", "full_page_writes": "on"}


class KeptPostgreSql(PostgreSql):
    """A server that keeps its folder, and with it its databases."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(settings=_SETTINGS, fsync=True, place=folder.parent)
        self.folder.rmdir()
        self.folder = folder
        if not folder.exists():
            folder.mkdir()
            self._give_to_user(folder)

    def __exit__(self, *_: object) -> None:
        """Stop it; after a checkpoint it has little left to write then."""
        if not self.is_stopped:
            self.ask("CHECKPOINT")
        self.stop()

    def has(self, name: str) -> bool:
        """Tell whether there is a database of this name."""
        return bool(self.ask("SELECT 1 FROM pg_database WHERE datname = $1", name))

    def renewed(self, name: str) -> str:
        """Make an empty database, in place of one of the same name; return its URL."""
        self.ask(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        self.ask(f"CREATE DATABASE {name} TEMPLATE template0")
        return self.url(name)

    def _make(self) -> None:
        if not (self.folder / "data").exists():
            super()._make()


@contextmanager
def kept_server(say: Say) -> Iterator[KeptPostgreSql | None]:
    """Run the server; with none where PostgreSQL is not installed, or its user cannot come to the folder."""
    try:
        server = KeptPostgreSql(PLACE)
        with server:
            yield server
    except pytest.skip.Exception as missing:
        say(f"The figures of PostgreSQL are left out: {missing}")
        yield None


def made_database(server: KeptPostgreSql, calls: int, say: Say) -> str:
    """Return the URL of a store of so many calls in lists of 10,000, building it where this schema has none yet."""
    made = schema_steps()[0].encode() + Path(calls_of.__code__.co_filename).read_bytes()
    name = f"made_{calls}_{blake2b(made, digest_size=4).hexdigest()}"
    if not server.has(name):
        say(f"Building a PostgreSQL store of {calls:,} calls, kept for the next run ...")
        unfinished = f"unfinished_{calls}"
        asyncio.run(fill(server.renewed(unfinished), calls // LIST_CALLS, say))
        server.ask(f"ALTER DATABASE {unfinished} RENAME TO {name}")
    asyncio.run(migrated(server.url(name)))
    return server.url(name)
