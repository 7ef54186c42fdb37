"""An app's region that changes in PostgreSQL while its numbers are being written: rows are what their legs say."""

import asyncio
from collections.abc import Iterator

import msgspec
import pytest
from tests.loop import run
from tests.storage.examples import AN_APP, OUT_MISSED, whole_list
from tests.storage.waiting import held, until_waiting
from tests.telephony.examples import a_leg

from ringback.storage import open_store
from ringback.storage.base import Store

APP = AN_APP.app_id
NATIONAL = a_leg(source_record_id="r1", dialled_number="87010000001")
THE_SAME_IN_KZ = a_leg(source_record_id="r0", dialled_number="+77010000001")  # it goes before: the row is its


@pytest.fixture
def store(postgresql_url: str) -> Iterator[Store]:
    """A store whose app is in Kazakhstan, with one call."""
    store = run(open_store(postgresql_url))
    run(store.add_app(msgspec.structs.replace(AN_APP, region="KZ")))
    run(store.take_in(APP, [NATIONAL]))
    yield store
    run(store.close())


def test_a_leg_that_changed_nothing_by_the_old_region_is_placed_by_the_new_one(
    store: Store, postgresql_url: str
) -> None:
    """The region changes between reading the call and keeping the leg, which holds no list."""

    async def changed_meanwhile() -> None:
        async with held(postgresql_url, "SELECT FROM leg FOR UPDATE"):
            adding = asyncio.create_task(store.take_in(APP, [THE_SAME_IN_KZ]))
            await until_waiting(postgresql_url, 1)
            await store.change_app(APP, region=None, extensions=None)
        await adding

    run(changed_meanwhile())

    assert [call.number for call in whole_list(store, OUT_MISSED)] == ["77010000001"]
    assert run(store.check()).faults == []


def test_a_leg_that_changes_nothing_waits_for_a_region_that_is_changing(store: Store, postgresql_url: str) -> None:
    """The legs of a row were read, the row not yet written: a leg more would not be in it."""

    async def changed_meanwhile() -> None:
        async with held(postgresql_url, "SELECT FROM listed_call FOR UPDATE"):
            changing = asyncio.create_task(store.change_app(APP, region=None, extensions=None))
            await until_waiting(postgresql_url, 1, "UPDATE listed_call")
            adding = asyncio.create_task(store.take_in(APP, [THE_SAME_IN_KZ]))
            await asyncio.wait(
                {adding, asyncio.create_task(until_waiting(postgresql_url, 2))}, return_when="FIRST_COMPLETED"
            )
        await changing
        await adding

    run(changed_meanwhile())

    assert [call.number for call in whole_list(store, OUT_MISSED)] == ["77010000001"]
    assert run(store.check()).faults == []
