"""One served house of each kind for all tests of the web, and an app of its own for each that wants one."""

from collections.abc import Iterator

import pytest
from tests.stores import Stores
from tests.web.house import House, Tenant, served


@pytest.fixture(scope="session")
def house(stores: Stores) -> Iterator[House]:
    """A server with the default settings."""
    with served(stores.made()) as house:
        yield house


@pytest.fixture
def tenant(house: House) -> Tenant:
    """A fresh app with agent 103 on that server."""
    return house.tenant()


@pytest.fixture(scope="session")
def resident(house: House) -> Tenant:
    """An app with agent 103 for tests that change nothing."""
    return house.tenant()
