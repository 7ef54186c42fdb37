"""The PostgreSQL that other tests rely on does what it is asked to."""

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest
from tests.databases.postgresql import PostgreSql, Standby
from tests.loop import run


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSql]:
    """A server of its own, with a number kept in it."""
    with PostgreSql(fsync=True, settings={"work_mem": "5MB"}) as server:
        server.ask("CREATE TABLE kept (number integer)")
        server.ask("INSERT INTO kept VALUES (7)")
        yield server


def test_its_words_are_sorted_as_people_do(server: PostgreSql) -> None:
    """A store that relies on the order of bytes has to say so: the server's own is another, as it is elsewhere."""
    assert server.ask("SELECT 'a' < 'B', 'a' < 'B' COLLATE \"C\"") == [(True, False)]


def test_a_database_is_new_or_a_copy(server: PostgreSql) -> None:
    """Each database is another one; a copy has what its template has."""
    first = server.new_database()
    server.ask("CREATE TABLE here (number integer)", database=first)
    copy, second = server.new_database(first), server.new_database()

    assert server.ask("SELECT * FROM here", database=copy) == []
    with pytest.raises(asyncpg.UndefinedTableError):
        server.ask("SELECT * FROM here", database=second)
    for url in (first, second, copy):
        server.drop(url)


def test_what_was_committed_is_there_after_every_end(server: PostgreSql) -> None:
    """Stopped fast, stopped at once and killed (-9), it starts again on the same port with all that it had."""
    url = server.url("postgres")
    for end in (server.stop, server.stop_at_once, server.kill):
        end()
        with pytest.raises(ConnectionRefusedError):
            server.ask("SELECT 1")
        server.start()

        assert server.ask("SELECT number FROM kept", database=url) == [(7,)]
    assert server.ask("SHOW work_mem") == [("5MB",)]


def test_a_paused_server_answers_nothing_until_it_goes_on(server: PostgreSql) -> None:
    """While it is paused a connection stands and nothing comes; then the answer comes."""

    async def asked() -> tuple[list[bool], int]:
        connection = await asyncpg.connect(server.url("postgres"))
        silent = []
        server.pause()
        try:
            await connection.fetchval("SELECT number FROM kept", timeout=0.2)
        except TimeoutError:
            silent.append(not connection.is_closed())
        server.resume()
        await connection.close()
        again = await asyncpg.connect(server.url("postgres"))
        try:
            return silent, await again.fetchval("SELECT number FROM kept")
        finally:
            await again.close()

    assert run(asked()) == ([True], 7)


def test_settings_change_for_sessions_under_way(server: PostgreSql) -> None:
    """A session that is open obeys a setting that was changed meanwhile."""

    async def changed() -> list[str]:
        connection = await asyncpg.connect(server.url("postgres"))
        told = []
        for value in ("on", None):
            await asyncio.to_thread(server.set, default_transaction_read_only=value)
            told.append(await connection.fetchval("SHOW default_transaction_read_only"))
        await connection.close()
        return told

    assert run(changed()) == ["on", "off"]


def test_a_standby_shows_what_the_primary_has_and_takes_no_writes(server: PostgreSql) -> None:
    """Rows from before and after it was made are shown; it takes writes once it is promoted."""
    with Standby(server) as standby:
        server.ask("INSERT INTO kept VALUES (8)")
        standby.wait_until_level()

        assert standby.ask("SELECT number FROM kept") == [(7,), (8,)]
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            standby.ask("DELETE FROM kept")
        standby.promote()
        standby.ask("DELETE FROM kept")
    server.ask("DELETE FROM kept WHERE number = 8")
