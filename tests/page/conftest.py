"""A browser for all tests of the page, a served house of each kind, and an agent's window for each that wants one."""

from collections.abc import Iterator

import pytest
from tests.page.desk import Browsers, Desk, chromium, refuse_without_axe
from tests.stores import Stores
from tests.web.house import House, Tenant, served

LIVE = "test_live"  # news come from stores


def pytest_itemcollected(item: pytest.Item) -> None:
    """Try each look of the page on one store: what another one answers is tried without a browser, which is slow."""
    if "browsers" in getattr(item, "fixturenames", ()) and item.path.stem != LIVE:
        item.add_marker("one_store")


@pytest.fixture(scope="session")
def browsers() -> Iterator[Browsers]:
    """One Chromium."""
    with chromium() as browsers:
        yield browsers


@pytest.fixture(scope="session")
def axe() -> None:
    """That axe-core is there: asked before a test begins, so that it leaves nothing half done to the next ones."""
    refuse_without_axe()


@pytest.fixture(scope="session")
def house(stores: Stores) -> Iterator[House]:
    """A server with the default settings."""
    with served(stores.made()) as house:
        yield house


@pytest.fixture
def tenant(house: House) -> Tenant:
    """A fresh app with agent 103 on that server."""
    return house.tenant()


@pytest.fixture
def desk(browsers: Browsers, tenant: Tenant) -> Iterator[Desk]:
    """A window that nobody has signed in at."""
    with browsers.desk(tenant.house.url) as desk:
        yield desk


@pytest.fixture
def signed(desk: Desk, tenant: Tenant) -> Desk:
    """A window where the tenant's agent has signed in."""
    return desk.open_as(tenant)


@pytest.fixture(scope="session")
def resident(house: House) -> Tenant:
    """An app with agent 103 for tests that change nothing."""
    return house.tenant()
