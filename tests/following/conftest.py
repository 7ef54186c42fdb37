"""What the tests of following share: an owner of a store, and real databases that end with the session."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import at_home
from tests.following.databases import Database, MariaDb, SwitchsPostgreSql
from tests.following.owner import Owner
from tests.following.rows import Log


@pytest.fixture
def owner(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Owner:
    """An owner whose folder is the test's own, with the default store in it."""
    return Owner(at_home(tmp_path, capsys, monkeypatch), monkeypatch)


@pytest.fixture
def any_owner(
    tmp_path: Path, store_url: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Owner:
    """The same with a store of each kind."""
    commands = at_home(tmp_path, capsys, monkeypatch)
    monkeypatch.setenv("RINGBACK_STORE", store_url)
    return Owner(commands, monkeypatch)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log in the test's folder, not there yet."""
    return Log(tmp_path)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Database]:
    """A MariaDB as FreePBX has it."""
    with MariaDb() as database:
        yield database


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Database]:
    """A PostgreSQL as cdr_pgsql has it."""
    with SwitchsPostgreSql() as database:
        yield database


@pytest.fixture(params=["mariadb", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Either database, its table of calls empty."""
    database: Database = request.getfixturevalue(request.param)
    database.empty()
    return database
