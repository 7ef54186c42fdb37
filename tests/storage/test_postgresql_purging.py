"""Purging in PostgreSQL beside whoever delivers old calls without a pause: it gets on, and nothing is torn."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack

import pytest
from tests.loop import run
from tests.storage.examples import AN_APP, BEGUN_MS, whole_lists
from tests.storage.processes import pouring
from tests.storage.waiting import held, until_waiting, until_waiting_or_done
from tests.telephony.examples import a_leg

from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.postgresql.connections import Connections, Place
from ringback.storage.postgresql.purging import purge_before
from ringback.telephony.call import call_ref

APP = AN_APP.app_id
WRITERS = 3
LATER_MS = BEGUN_MS + 60_000  # near enough for one transaction
THE_APP = "SELECT FROM app FOR UPDATE"  # a leg that changes no row is kept, and waits for this before its commit
ROW_OF = "SELECT FROM listed_call WHERE extension = '%s' FOR UPDATE"
LIST_OF = "SELECT FROM call_list WHERE extension = '%s' FOR UPDATE"


@pytest.fixture
def store(postgresql_url: str) -> Iterator[Store]:
    """An open store with one app in it."""
    store = run(open_store(postgresql_url))
    run(store.add_app(AN_APP))
    yield store
    run(store.close())


def test_a_call_that_comes_while_its_list_is_waited_for_leaves_as_well(store: Store, postgresql_url: str) -> None:
    """The purge needs no second go for it: a writer who never pauses could make every go come too late."""
    run(store.take_in(APP, [a_leg("old")]))

    async def purged() -> int:
        connections = await Connections.open(Place.of(postgresql_url))
        async with held(postgresql_url, "SELECT FROM call_list FOR UPDATE"):
            adding = asyncio.create_task(store.take_in(APP, [a_leg("old too", seconds=1)]))
            await until_waiting(postgresql_url, 1)
            purging = asyncio.create_task(purge_once(connections))
            await until_waiting(postgresql_url, 2)
        await adding
        try:
            return await purging
        finally:
            await connections.close()

    assert run(purged()) == 2
    assert whole_lists(store) == {}
    assert run(store.check()).faults == []


def test_purging_ends_beside_writers_who_never_pause(store: Store, postgresql_url: str) -> None:
    """Several processes deliver old calls as fast as they can, and each purge is over in its time."""
    with ExitStack() as pourers:
        for _ in range(WRITERS):
            pourers.enter_context(pouring(postgresql_url, "into"))
        purged = [run(store.purge(BEGUN_MS + seconds * 1000)) for seconds in range(300, 1001, 100)]

    assert all(purged)
    assert run(store.check()).faults == []


def test_legs_that_come_while_their_call_is_purged_do_not_stay_behind(store: Store, postgresql_url: str) -> None:
    """One comes while the purge waits for its writer; the next changes no row, so waits for no list."""
    run(store.take_in(APP, [a_leg("old")]))

    async def purged() -> None:
        async with AsyncExitStack() as row:
            await row.enter_async_context(held(postgresql_url, ROW_OF % 101))
            async with held(postgresql_url, THE_APP):
                adding = asyncio.create_task(store.take_in(APP, [a_leg("old", source_record_id="r2")]))
                await until_waiting(postgresql_url, 1)
                purging = asyncio.create_task(store.purge(LATER_MS))
                await until_waiting(postgresql_url, 2)
            await adding
            await until_waiting(postgresql_url, 1, "DELETE FROM listed_call")
            async with held(postgresql_url, THE_APP):
                adding = asyncio.create_task(store.take_in(APP, [a_leg("old", source_record_id="r3")]))
                await until_waiting(postgresql_url, 2)
                await row.aclose()
                await until_waiting_or_done(postgresql_url, purging, "DELETE FROM leg")
            await adding
            await purging

    run(purged())

    assert run(store.check()).faults == []


def test_a_call_that_is_dropped_and_comes_anew_while_it_is_purged_is_held_as_well(
    store: Store, postgresql_url: str
) -> None:
    """Its legs are others than those that the purge had waited for, and may have a writer."""
    run(store.take_in(APP, [a_leg("old"), a_leg("another's", extension="100")]))

    async def purged() -> None:
        async with AsyncExitStack() as first_list:
            await first_list.enter_async_context(held(postgresql_url, LIST_OF % 100))
            async with held(postgresql_url, LIST_OF % 101):
                dropping = asyncio.create_task(store.drop(APP, [call_ref(APP, "old")], [], lambda _: None))
                await until_waiting(postgresql_url, 1)
                purging = asyncio.create_task(store.purge(LATER_MS))
                await until_waiting(postgresql_url, 2)
            await dropping
            await until_waiting(postgresql_url, 1, "FROM call_list")
            await store.take_in(APP, [a_leg("old")])
            async with held(postgresql_url, THE_APP):
                adding = asyncio.create_task(store.take_in(APP, [a_leg("old", source_record_id="r2")]))
                await until_waiting(postgresql_url, 2)
                await first_list.aclose()
                await until_waiting(postgresql_url, 1, "FROM leg l")
            await adding
            await purging

    run(purged())

    assert run(store.check()).faults == []


def test_a_list_that_is_made_while_others_are_waited_for_keeps_no_row_that_is_purged(
    store: Store, postgresql_url: str
) -> None:
    """Its writer has read the row, and would put it back between the calls that it brings."""
    run(store.take_in(APP, [a_leg("old")]))
    around = [a_leg("before", seconds=4, extension="202"), a_leg("after", seconds=6, extension="202")]

    async def purged() -> None:
        async with AsyncExitStack() as row:
            async with held(postgresql_url, LIST_OF % 101):
                purging = asyncio.create_task(store.purge(LATER_MS))
                await until_waiting(postgresql_url, 1)
                await store.take_in(APP, [a_leg("new", seconds=5, extension="202")])
                await row.enter_async_context(held(postgresql_url, ROW_OF % 202))
            await until_waiting(postgresql_url, 1, "DELETE FROM listed_call")
            adding = asyncio.create_task(store.take_in(APP, around))
            await until_waiting(postgresql_url, 2, "DELETE FROM listed_call")
        await adding
        await purging

    run(purged())

    assert run(store.check()).faults == []


async def purge_once(connections: Connections) -> int:
    """Purge all calls that there are, in one transaction that is not run again."""
    async with connections.transaction(30.0) as connection:
        return await purge_before(connection, APP, LATER_MS)
