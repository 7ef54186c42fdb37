"""Purging in PostgreSQL beside whoever delivers old calls without a pause: it gets on, and nothing is torn."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.databases.postgresql import PostgreSql
from tests.loop import run
from tests.storage.examples import AN_APP, BEGUN_MS, whole_lists
from tests.storage.processes import pouring
from tests.storage.waiting import held, until_waiting
from tests.stores import PostgresqlStores
from tests.telephony.examples import a_leg

from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.postgresql.connections import Connections, Place
from ringback.storage.postgresql.purging import purge_before

APP = AN_APP.app_id
WRITERS = 3


@pytest.fixture
def url(postgresql_server: PostgreSql) -> Iterator[str]:
    """The URL of an empty store in PostgreSQL."""
    stores = PostgresqlStores(postgresql_server)
    url = stores.made()
    yield url
    stores.drop(url)


def test_a_call_that_comes_while_its_list_is_waited_for_leaves_as_well(url: str) -> None:
    """The purge needs no second go for it: a writer who never pauses could make every go come too late."""

    async def purged() -> tuple[int, Store]:
        store, connections = await open_store(url), await Connections.open(Place.of(url))
        await store.add_app(AN_APP)
        await store.take_in(APP, [a_leg("old")])
        async with held(url, "SELECT FROM call_list FOR UPDATE"):
            adding = asyncio.create_task(store.take_in(APP, [a_leg("old too", seconds=1)]))
            await until_waiting(url, 1)
            purging = asyncio.create_task(purge_once(connections))
            await until_waiting(url, 2)
        await adding
        try:
            return await purging, store
        finally:
            await connections.close()

    calls, store = run(purged())

    assert calls == 2
    assert whole_lists(store) == {}
    assert run(store.check()).faults == []
    run(store.close())


def test_purging_ends_beside_writers_who_never_pause(url: str) -> None:
    """Several processes deliver old calls as fast as they can, and each purge is over in its time."""
    store = run(open_store(url))
    run(store.add_app(AN_APP))
    with ExitStack() as pourers:
        for _ in range(WRITERS):
            pourers.enter_context(pouring(url, "into"))
        purged = [run(store.purge(BEGUN_MS + seconds * 1000)) for seconds in range(300, 1001, 100)]

    assert all(purged)
    assert run(store.check()).faults == []
    run(store.close())


async def purge_once(connections: Connections) -> int:
    """Purge all calls that there are, in one transaction that is not run again."""
    async with connections.transaction(30.0) as connection:
        return await purge_before(connection, APP, BEGUN_MS + 10**9)
