"""What the commands say of a PostgreSQL that is not there, is not ours to use, or is another program's."""

import json

import pytest
from tests.cli.conftest import CommandLine
from tests.databases.postgresql import PostgreSql
from tests.switches.programs import free_port
from tests.web.house import FROM, SEED_APP, missed

from ringback.calls import CHUNK_LEGS


@pytest.mark.parametrize("command", [("check",), ("serve", "--port", "0"), ("migrate",), ("app", "list")], ids=" ".join)
def test_a_server_that_is_not_there_is_said_in_one_line(newcomer: CommandLine, command: tuple[str, ...]) -> None:
    """Where nobody listens each command ends with status 1 and one line that names the store."""
    store = f"postgresql://owner@127.0.0.1:{free_port()}/calls"

    assert store.replace("owner@", "") in newcomer.refused(*command, "--store", store)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [("it%27s", "wrong", "password"), ("owner:", "nobody:", "nobody"), ("/postgres", "/nothing", "nothing")],
)
def test_a_wrong_word_in_the_url_is_said_without_the_password(
    newcomer: CommandLine, postgresql_server: PostgreSql, old: str, new: str, part: str
) -> None:
    """A wrong password, user or database is told as PostgreSQL says it, and no password is shown."""
    said = newcomer.refused("app", "list", "--store", postgresql_server.url("postgres").replace(old, new))

    assert part in said
    assert not any(secret in said for secret in ("one@else", "one%40else"))


@pytest.mark.parametrize("query", ["pool_size=0", "pool_size=many", "pooler=session"])
def test_a_parameter_that_is_no_good_is_used_wrongly(newcomer: CommandLine, query: str) -> None:
    """What the URL says to us is checked before anything is asked, with status 2."""
    said = newcomer.refused("check", "--store", f"postgresql://owner@127.0.0.1/calls?{query}", status=2)

    assert query.split("=")[0] in said


def test_another_programs_database_is_left_alone(newcomer: CommandLine, postgresql_server: PostgreSql) -> None:
    """A database with an app table of somebody else's is refused, and nothing is put into it."""
    store = postgresql_server.new_database()
    postgresql_server.ask("CREATE TABLE app (title text)", database=store)

    newcomer.refused("app", "add", SEED_APP, "--store", store)

    tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"
    assert postgresql_server.ask(tables, database=store) == [("app",)]
    postgresql_server.drop(store)


KNOWN = "SELECT count(*) FROM pg_class WHERE relname IN ('leg', 'listed_call', 'ring_back') AND reltuples > 0"


def test_after_much_was_brought_in_pages_are_planned_for_it(
    newcomer: CommandLine, postgresql_server: PostgreSql
) -> None:
    """An import and a copy leave statistics behind: pages do not wait until the server has looked by itself."""
    store, copied = postgresql_server.new_database(), postgresql_server.new_database()
    newcomer.done("app", "add", SEED_APP, "--store", store)
    calls = json.dumps([missed(FROM + number, dialled_number=f"7701{number:07}") for number in range(CHUNK_LEGS)])

    newcomer.done("import", "generic", "-", "--app", SEED_APP, "--store", store, stdin=calls)
    newcomer.done("copy", store, copied)

    assert postgresql_server.ask(KNOWN, database=store) == [(3,)]
    assert postgresql_server.ask(KNOWN, database=copied) == [(3,)]
    for url in (store, copied):
        postgresql_server.drop(url)
