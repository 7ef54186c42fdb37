"""A PostgreSQL that suffers, and a server on a store in it for each module that wants one."""

from collections.abc import Iterator

import pytest
from tests.databases.postgresql import PostgreSql
from tests.outages.sites import Site, site


@pytest.fixture(scope="session")
def server() -> Iterator[PostgreSql]:
    """A PostgreSQL of these tests' own; each leaves it running."""
    with PostgreSql(settings={"max_connections": 60}) as server:
        yield server


@pytest.fixture
def store(server: PostgreSql) -> str:
    """The URL of a database without a table."""
    return server.new_database()


@pytest.fixture(scope="module")
def served(server: PostgreSql, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server of another store, one process, which lives through all tests of the module."""
    with site(tmp_path_factory.mktemp("served"), server.new_database()) as served:
        yield served
