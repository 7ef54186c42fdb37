"""A server that finds no store it can use says in one line what to do, and ends with status 1."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.cli.conftest import at_home
from tests.databases.postgresql import OWNER_PASSWORD, PostgreSql
from tests.outages.roles import add_user, as_user
from tests.switches.programs import free_port
from tests.web.house import with_store

from ringback.storage.base import Store

Refused = Callable[[str], str]

_TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'"


@pytest.fixture(scope="module", autouse=True)
def guest(server: PostgreSql) -> str:
    """A user who may make nothing."""
    add_user(server, "guest")
    return "guest"


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Refused:
    """Starts a server that does not come up, and returns the one line it says."""
    command_line = at_home(tmp_path, capsys, monkeypatch)

    def start(store: str) -> str:
        monkeypatch.setenv("RINGBACK_STORE", store)
        said = command_line.refused("serve", "--port", "0")
        assert not any(secret in said for secret in (OWNER_PASSWORD, quote(OWNER_PASSWORD, safe=""))), said
        return said

    return start


def test_nobody_listens(store: str, server: PostgreSql, refused: Refused) -> None:
    """The database is away."""
    away = store.replace(f":{server.port}/", f":{free_port()}/")

    assert "start it, or name another: --store" in refused(away)


def test_no_such_host(store: str, refused: Refused) -> None:
    """The host's name leads nowhere."""
    assert "check the host in --store" in refused(store.replace("@127.0.0.1:", "@nowhere.invalid:"))


def test_no_such_database(server: PostgreSql, refused: Refused) -> None:
    """The server has no database of that name."""
    said = refused(server.url("nothing"))

    assert '"nothing" does not exist; make it (createdb), or name another: --store' in said


@pytest.mark.parametrize(("name", "password"), [("owner", "wrong"), ("nobody", "secret")])
def test_the_wrong_user_or_password(store: str, refused: Refused, name: str, password: str) -> None:
    """Nobody gets in with these."""
    said = refused(as_user(store, name, password))

    assert "check the user and the password in --store" in said
    assert password not in said.replace("password", "")


def test_a_database_of_a_newer_schema(server: PostgreSql, store: str, refused: Refused) -> None:
    """A newer Ringback made it."""
    with_store(store, _nothing)
    server.ask("UPDATE ringback_schema SET version = 1000", database=store)

    assert "upgrade" in refused(store)


def test_a_database_of_another_program(server: PostgreSql, store: str, refused: Refused) -> None:
    """It has tables of ours by name that are somebody else's, and they are left alone."""
    server.ask("CREATE TABLE agent (title text)", database=store)

    assert "tables of another program" in refused(store)
    assert server.ask("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'", database=store) == [
        ("agent",)
    ]


def test_a_user_who_may_make_no_tables(store: str, guest: str, refused: Refused) -> None:
    """The database is somebody else's."""
    assert "let it own the database" in refused(as_user(store, guest, guest))


def test_a_user_who_may_not_use_the_tables(store: str, guest: str, refused: Refused) -> None:
    """The tables are there, and somebody else's."""
    with_store(store, _nothing)

    assert "permission denied" in refused(as_user(store, guest, guest))


async def _nothing(store: Store) -> None:
    """Only have the tables made."""
