"""A browser for all tests of the page, a served house of each kind, and an agent's window for each that wants one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.page.desk import Browsers, Desk, chromium, refuse_without_axe
from tests.stores import KINDS, Stores
from tests.web.house import House, Tenant, served

LOOKS = ("test_everyone", "test_guards", "test_bad_states")  # no store's work: once is enough
BOTH = ("test_live",)  # news come from stores


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what another store would show the same; what it answers is tried without a browser, which is slow."""
    again = [item for item in items if _is_of_one_store(item) and _kind_of_store(item) not in (None, KINDS[0])]
    items[:] = [item for item in items if item not in again]
    config.hook.pytest_deselected(items=again)


def _is_of_one_store(item: pytest.Item) -> bool:
    if item.path.parent != Path(__file__).parent or item.path.stem in BOTH:
        return False
    return item.path.stem in LOOKS or "browsers" in getattr(item, "fixturenames", ())


def _kind_of_store(item: pytest.Item) -> object:
    called = getattr(item, "callspec", None)
    return called.params.get("stores") if called else None


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
