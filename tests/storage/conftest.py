"""An open store of each kind for the tests of the contract."""

from collections.abc import Iterator

import pytest
from tests.loop import run
from tests.storage.examples import AN_APP

from ringback.storage import open_store
from ringback.storage.base import Store


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """An open store with one app in it."""
    store = run(open_store(store_url))
    run(store.add_app(AN_APP))
    yield store
    run(store.close())
