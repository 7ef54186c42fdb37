"""A session with PostgreSQL asks the server for nothing but what a store asks: no types, which are known."""

import asyncpg
from tests.databases.postgresql import PostgreSql
from tests.loop import run
from tests.storage.statements import statements

from ringback.storage import open_store
from ringback.storage.postgresql.session import Session

ARRAYS = "SELECT $1::bytea[], $2::int2[], $3::int4[], $4::int8[], $5::text[]"
VALUES = ([b"x", None], [1, -2], [3], [1 << 40, None], ["a,b", 'c"d', None])


def test_no_statement_of_the_store_has_the_server_asked_for_types(postgresql_server: PostgreSql) -> None:
    """All parameters and columns are of types that a session knows: a new one is written for as fast as an old one."""
    url = postgresql_server.new_database()
    run(run(open_store(url)).close())
    asked: list[str] = []

    async def prepare_all() -> None:
        connection = await asyncpg.connect(url, connection_class=Session)
        connection.add_query_logger(lambda query: asked.append(query.query))
        for statement in statements().values():
            await connection.prepare(statement)
        await connection.execute("SELECT 1")
        await connection.close()

    run(prepare_all())
    assert asked == ["SELECT 1"]


def test_arrays_are_what_they_are_without_being_asked_for(postgresql_server: PostgreSql) -> None:
    """Each kind of array goes to the server and comes back as with the library's own; other kinds do as well."""
    url = postgresql_server.new_database()

    async def there_and_back(kind: type[asyncpg.Connection]) -> list[object]:
        connection = await asyncpg.connect(url, connection_class=kind)
        there = await connection.fetch(ARRAYS, *VALUES)
        others = await connection.fetch("SELECT ARRAY[true, NULL], ARRAY[1.5::float8], int4range(1, 5)")
        await connection.close()
        return [*there[0], *others[0]]

    assert run(there_and_back(Session)) == run(there_and_back(asyncpg.Connection))
