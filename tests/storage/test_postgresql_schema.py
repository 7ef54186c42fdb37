"""A PostgreSQL store's schema: made once, brought up only when told, by steps that are all or nothing."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.databases.postgresql import PostgreSql
from tests.loop import run
from tests.storage.examples import AN_APP, OUT_MISSED, RING_BACK, TO_RING_BACK, whole_list
from tests.telephony.examples import a_leg

from ringback.errors import StoreUnusable, UnusableSetting
from ringback.storage import open_store
from ringback.storage.postgresql import schema

COLUMNS = """
SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position
"""
INDEXES = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
CONSTRAINTS = """
SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2
"""
KNOWN = len(schema.schema_steps())
OLDEST = (  # what makes of a store the oldest: first its lists, then the steps that it lacks
    "ALTER TABLE listed_call DROP COLUMN shown",
    "ALTER TABLE listed_call ADD COLUMN name text, ADD COLUMN rate text NOT NULL DEFAULT '0.0000', "
    "ADD COLUMN billable_seconds bigint NOT NULL DEFAULT 0",
    "DROP TABLE login_try",
    "DROP TABLE audit",
    "DROP TABLE duty",
    "DROP TABLE contact",
    *(f"DROP TABLE {table}" for table in ("called_number", *RING_BACK)),
    "ALTER TABLE agent DROP COLUMN is_supervisor",
)
LATER = "CREATE TABLE later (x text); INSERT INTO later VALUES ('once');"

Ask = Callable[[str], Any]


@pytest.fixture
def url(postgresql_server: PostgreSql) -> str:
    """The URL of an empty database."""
    return postgresql_server.new_database()


@pytest.fixture
def ask(postgresql_server: PostgreSql, url: str) -> Ask:
    """Ask that database as its owner."""
    return lambda statement: postgresql_server.ask(statement, database=url.rpartition("/")[2])


def opened(url: str, *, migrate: bool = False, distribute: bool = False) -> None:
    """Open the store and close it."""
    run(run(open_store(url, migrate=migrate, distribute=distribute)).close())


def told(ask: Ask) -> list[Any]:
    """Return all that the catalogue says of the schema."""
    return [ask(COLUMNS), ask(INDEXES), ask(CONSTRAINTS)]


def with_steps(monkeypatch: pytest.MonkeyPatch, *steps: str) -> None:
    """Have the program know these steps."""
    monkeypatch.setattr(schema, "schema_steps", lambda: list(steps))


def test_a_store_brought_up_equals_a_fresh_one(
    url: str, ask: Ask, postgresql_server: PostgreSql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From every step that a store may stand at, migrating makes the schema that a new store has."""
    steps = [*schema.schema_steps(), LATER, "ALTER TABLE later ADD y bigint;"]
    with_steps(monkeypatch, *steps)
    opened(url)
    fresh = told(ask)

    for standing in range(1, len(steps)):
        older = postgresql_server.new_database()
        with_steps(monkeypatch, *steps[:standing])
        opened(older)
        with_steps(monkeypatch, *steps)
        opened(older, migrate=True)
        name = older.rpartition("/")[2]
        assert told(lambda statement, name=name: postgresql_server.ask(statement, database=name)) == fresh  # type: ignore[misc]


def test_a_store_of_an_older_schema_is_brought_up_only_when_told(
    url: str, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older store is refused with the command that brings it up, and is not changed before."""
    opened(url)
    with_steps(monkeypatch, *schema.schema_steps(), LATER)

    with pytest.raises(StoreUnusable, match=f"schema {KNOWN}; this Ringback needs {KNOWN + 1}: run `ringback migrate`"):
        opened(url)
    assert ask("SELECT to_regclass('later')")[0][0] is None

    opened(url, migrate=True)
    opened(url)
    assert ask("SELECT x FROM later") == [("once",)]


@pytest.mark.parametrize("standing", [1, KNOWN])
def test_lists_of_the_oldest_stores_are_brought_up(url: str, ask: Ask, standing: int) -> None:
    """Rows that lack what pages show get it from their legs, also where an earlier migration took the steps alone."""
    store = run(open_store(url))
    run(store.add_app(AN_APP))
    run(store.take_in(AN_APP.app_id, [a_leg(), a_leg("k2", name='A "B" \x7fé', rate="1.5")]))
    before = [whole_list(store, key) for key in (OUT_MISSED, TO_RING_BACK)]
    run(store.close())
    columns = set(ask(COLUMNS))
    for statement in OLDEST[: 2 if standing == KNOWN else None]:
        ask(statement)
    ask(f"UPDATE ringback_schema SET version = {standing}")

    opened(url, migrate=True)

    assert set(ask(COLUMNS)) == columns
    store = run(open_store(url))
    assert [whole_list(store, key) for key in (OUT_MISSED, TO_RING_BACK)] == before
    assert run(store.check()).faults == []
    run(store.close())


def test_servers_that_start_at_once_migrate_once(url: str, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several that bring a store up at the same time one does, and the others find it done."""
    opened(url)
    with_steps(monkeypatch, *schema.schema_steps(), LATER)

    async def all_at_once() -> None:
        stores = await asyncio.gather(*(open_store(url, migrate=True) for _ in range(5)))
        for store in stores:
            await store.close()

    run(all_at_once())

    assert ask("SELECT x FROM later") == [("once",)]


def test_a_store_of_a_newer_schema_is_refused(url: str, ask: Ask) -> None:
    """An older Ringback does not write into a newer one's store, and says to upgrade."""
    opened(url)
    ask("UPDATE ringback_schema SET version = 99")

    with pytest.raises(StoreUnusable, match=r"schema 99, made by a newer Ringback .* upgrade"):
        opened(url, migrate=True)


def test_a_step_that_fails_leaves_the_store_as_it_was(url: str, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A migration is all or nothing: what its first statement did is undone when its second fails."""
    opened(url)
    with_steps(monkeypatch, *schema.schema_steps(), LATER + "CREATE TABLE app (x text);")

    with pytest.raises(StoreUnusable):
        opened(url, migrate=True)

    assert ask("SELECT to_regclass('later')")[0][0] is None
    assert ask("SELECT version FROM ringback_schema") == [(KNOWN,)]


def test_another_programs_database_is_refused_and_left_alone(url: str, ask: Ask) -> None:
    """Tables of some other program that are named as ours are not written to."""
    ask("CREATE TABLE agent (licence text)")

    with pytest.raises(StoreUnusable, match=r"tables of another program .*agent.*--store"):
        opened(url)
    assert ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [(1,)]


def test_a_database_without_citus_cannot_be_distributed(url: str) -> None:
    """Whoever asks for sharding is told what the database lacks; an embedded store is told what it is."""
    with pytest.raises(StoreUnusable, match=r"no Citus.*CREATE EXTENSION citus"):
        opened(url, distribute=True)
    with pytest.raises(UnusableSetting, match="only a postgresql"):
        opened("sqlite:///x.db", distribute=True)
