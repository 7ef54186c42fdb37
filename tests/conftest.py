"""What all tests share: how hard hypothesis searches, and stores of every kind.

`HYPOTHESIS_PROFILE=thorough` searches for minutes.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from tests.databases.postgresql import PostgreSql
from tests.loop import run
from tests.storage.examples import AN_APP
from tests.stores import KINDS, CitusStores, PostgresqlStores, SqliteStores, Stores

from ringback.storage import open_store
from ringback.storage.base import Store

settings.register_profile("quick", max_examples=12, stateful_step_count=12, deadline=None)
settings.register_profile("thorough", max_examples=2000, stateful_step_count=50, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `one_store` on all stores but the first."""
    config.hook.pytest_deselected(items=[item for item in items if _is_said_again(item)])
    items[:] = [item for item in items if not _is_said_again(item)]


def _is_said_again(item: pytest.Item) -> bool:
    called = getattr(item, "callspec", None)
    kind = called.params.get("stores", KINDS[0]) if called else KINDS[0]
    return kind != KINDS[0] and item.get_closest_marker("one_store") is not None


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSql]:
    """A PostgreSQL for all tests that do it no harm."""
    with PostgreSql(settings={"max_connections": 200}) as server:
        yield server


@pytest.fixture(scope="session", params=KINDS)
def stores(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stores:
    """Stores of each kind in turn: what asks for them, or for something made of them, runs on every backend."""
    if request.param == "sqlite":
        return SqliteStores(tmp_path_factory.mktemp("stores"))
    return CitusStores() if request.param == "citus" else PostgresqlStores(request.getfixturevalue("postgresql_server"))


@pytest.fixture
def store_url(stores: Stores) -> Iterator[str]:
    """The URL of an empty store of the test's own."""
    url = stores.made()
    yield url
    stores.drop(url)


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSql) -> Iterator[str]:
    """The same in PostgreSQL, for what only that store does."""
    stores = PostgresqlStores(postgresql_server)
    url = stores.made()
    yield url
    stores.drop(url)


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open store with one app in it."""
    store = run(open_store(store_url))
    run(store.add_app(AN_APP))
    yield store
    run(store.close())
