"""The stores that the contract is run on. A new backend is one more way here to make an empty store's URL."""

from asyncio import run
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from tests.storage.examples import AN_APP

from ringback.storage import open_store
from ringback.storage.base import Store

NewStoreUrl = Callable[[], str]

BACKENDS = ("sqlite",)


@pytest.fixture(params=BACKENDS, scope="session")
def new_store_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NewStoreUrl:
    """Each call names another store that does not exist yet."""
    folder = tmp_path_factory.mktemp(request.param)
    return lambda: f"sqlite:///{folder}/{uuid4().hex}.db"


@pytest.fixture
def store_url(new_store_url: NewStoreUrl) -> str:
    """The URL of a store that does not exist yet."""
    return new_store_url()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open store with one app in it."""
    store = run(open_store(store_url))
    run(store.add_app(AN_APP))
    yield store
    run(store.close())
