"""The schema of a PostgreSQL store: its steps, bringing a database up to them, and sharding it. No calls here."""

from importlib.resources import files
from typing import TypeAlias

import asyncpg

from ringback.errors import NoStore, StoreUnusable
from ringback.storage.auditing import THE_STORE, Act, new_line
from ringback.storage.postgresql.connections import Place
from ringback.storage.postgresql.errors import our_errors
from ringback.storage.postgresql.older_lists import WITH_RING_BACK, are_older, bring_up_lists, make_ring_back
from ringback.storage.rows import AUDIT_COLUMNS, audit_row

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

DISTRIBUTED = (
    "app",
    "agent",
    "token",
    "call_list",
    "leg",
    "listed_call",
    "reject",
    "audit",
    "contact",
    "call_by_number",
    "called_number",
    "ring_back_mark",
    "ring_back",
    "ring_back_count",
)  # what is referred to comes first

NOTE = f"""
INSERT INTO audit ({AUDIT_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (app_id, done_ms, line_key) DO NOTHING
"""
_LOCK = 0x52696E67  # "Ring": whoever changes a schema holds it, so that servers that start together change it once
_VERSION = "ringback_schema"
# Asked of the catalogue's rows: by name, a session may still be told that what another has just made is not there.
_IS_THERE = (
    f"SELECT count(*) FROM pg_class WHERE relname = '{_VERSION}' AND relnamespace = current_schema()::regnamespace"
)


def schema_steps() -> list[str]:
    """Return the SQL of each step of the schema, first to last."""
    folder = files("ringback.storage.postgresql.migrations")
    return [
        step.read_text() for step in sorted(folder.iterdir(), key=lambda step: step.name) if step.name[-4:] == ".sql"
    ]


async def bring_up(place: Place, *, make: bool, migrate: bool, distribute: bool) -> None:
    """Make the tables in an empty database if told to `make`, or take those of an older schema up to this one's.

    All steps are one transaction. Raises `StoreUnusable`, in one line that says what to do, for a database of another
    schema (unless `migrate`), and `StoreUnavailable`.
    """
    with our_errors(place.name):
        connection = await asyncpg.connect(**place.connecting())
        try:
            steps = schema_steps()
            done = await _done_steps(connection, place, len(steps), migrate=migrate)
            if not done and not make:
                raise NoStore(f"There is no store in {place.name}")
            if done < len(steps) or (migrate and await are_older(connection)):
                async with connection.transaction():
                    await _take_steps(connection, place, steps, migrate=migrate)
            if distribute:
                async with connection.transaction():
                    await _distribute(connection, place)
        finally:
            connection.terminate()


async def _take_steps(connection: Connection, place: Place, steps: list[str], *, migrate: bool) -> None:
    """Another server, even of another version, may take them at the same time: the later one finds them taken."""
    await _in_turn(connection)
    done = await _done_steps(connection, place, len(steps), migrate=migrate)
    try:
        if not done:
            await connection.execute(f"CREATE TABLE {_VERSION} (version integer NOT NULL)")
            await connection.execute(f"INSERT INTO {_VERSION} VALUES (0)")
        for step in steps[done:]:
            await connection.execute(step)
        await _bring_up_rows(connection, done)
    except asyncpg.DuplicateTableError as error:
        raise StoreUnusable(
            f"The database {place.name} has tables of another program ({error}); name another: --store"
        ) from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise StoreUnusable(
            f"The user may not make tables in {place.name} ({error}); let it own the database"
        ) from None
    await connection.execute(f"UPDATE {_VERSION} SET version = {len(steps)}")
    if done and done < len(steps):
        line = new_line(Act.MIGRATED, THE_STORE, steps_before=done, steps_after=len(steps))
        await connection.execute(NOTE, *audit_row(line))


async def _bring_up_rows(connection: Connection, done: int) -> None:
    """Give the lists what they lacked after so many steps; new tables are sharded first, where the others are."""
    if "app" in (sharded := await _sharded(connection)):
        await _shard(connection, sharded)
    if await are_older(connection):
        await bring_up_lists(connection)
    if done < WITH_RING_BACK:
        await make_ring_back(connection)


async def _in_turn(connection: Connection) -> None:
    """Wait until no other server changes the schema; what follows may take as long as the store is large."""
    await connection.execute("SET LOCAL statement_timeout = 0")
    await connection.execute(f"SELECT pg_advisory_xact_lock({_LOCK})")


async def _done_steps(connection: Connection, place: Place, known: int, *, migrate: bool) -> int:
    """How many steps of the schema the store has; refuses one that this program cannot or may not bring up."""
    if not await connection.fetchval(_IS_THERE):
        return 0
    version = int(await connection.fetchval(f"SELECT version FROM {_VERSION}"))
    if version > known:
        raise StoreUnusable(
            f"The store {place.name} is of schema {version}, made by a newer Ringback (this one knows {known}): upgrade"
        )
    if version not in (0, known) and not migrate:
        raise StoreUnusable(
            f"The store {place.name} is of schema {version}; this Ringback needs {known}: "
            "run `ringback migrate` with the same --store"
        )
    return version


async def _distribute(connection: Connection, place: Place) -> None:
    """Shard every table by app with Citus, each app's rows on one worker; harmless where that is done."""
    await _in_turn(connection)
    if await connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'citus'") == 0:
        raise StoreUnusable(
            f"The database {place.name} has no Citus: install it on every node and run CREATE EXTENSION citus"
        )
    await _shard(connection, await _sharded(connection))
    await connection.execute(NOTE, *audit_row(new_line(Act.DISTRIBUTED, THE_STORE)))


async def _sharded(connection: Connection) -> set[str]:
    """Return the tables that Citus has sharded; none where it is not there."""
    if not await connection.fetchval("SELECT to_regclass('pg_dist_partition') IS NOT NULL"):
        return set()
    return {row[0] for row in await connection.fetch("SELECT logicalrelid::text FROM pg_dist_partition")}


async def _shard(connection: Connection, sharded: set[str]) -> None:
    for table in DISTRIBUTED:
        if table not in sharded:
            together = "" if table == "app" else ", colocate_with => 'app'"
            await connection.execute(f"SELECT create_distributed_table('{table}', 'app_id'{together})")
