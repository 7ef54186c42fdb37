"""One call, one row, whatever the way: deliveries repeated, shuffled, split, mixed and sent by two at once."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.loop import run
from tests.sources.payloads import ALMATY, APP_ID, RECEIVED_AT, context_of, payloads
from tests.stores import Stores
from tests.web.house import House, Tenant, served, with_store

from ringback.sources import SOURCES, read
from ringback.storage.base import Store
from ringback.storage.records import App, Intake, ListedCall, Range
from ringback.telephony.call import ListKey
from ringback.telephony.leg import CallLeg

Dump = dict[ListKey, list[ListedCall]]

AN_APP = App(app_id=APP_ID, secret_digest=b"", region=None, created_at=RECEIVED_AT)
SOURCE_NAMES = sorted(SOURCES)


def legs_of_source(source: str) -> list[CallLeg]:
    """Return every leg of a source's cases, record by record."""
    legs: list[CallLeg] = []
    for path in payloads(source):
        with path.open("rb") as lines:
            for reading in read(SOURCES[source], lines, context_of(path)):
                legs.extend(reading.legs)
    return legs


async def dump(store: Store, app_id: int) -> Dump:
    """Return every list that is not empty, with its positions."""
    lists = {key: [call async for call in store.walk(app_id, key, Range())] for key in await store.lists(app_id)}
    return {key: calls for key, calls in lists.items() if calls}


def stored(stores: Stores, batches: list[list[CallLeg]]) -> tuple[Dump, Intake]:
    """Take the batches into a fresh store; return what it holds and the counts, after proving its invariants."""
    total = Intake()
    with stores.opened() as store:
        run(store.add_app(AN_APP))
        for batch in batches:
            total.add(run(store.take_in(APP_ID, batch)))
        assert run(store.check()).ok
        return without_positions(run(dump(store, APP_ID))), total


@cache
def stored_at_once(stores: Stores, source: str) -> tuple[Dump, Intake]:
    """Take all legs of a source, and of another one, into a store in one batch."""
    return stored(stores, [legs_beside_others(source)])


def legs_beside_others(source: str) -> list[CallLeg]:
    """Return a source's legs, and those of another one, which are other calls."""
    return legs_of_source(source) + legs_of_source("generic" if source != "generic" else "telecmi")


def without_positions(lists: Dump) -> Dump:
    """Return the same lists counted from 1: where a list's numbers begin hangs on the order in which calls came."""
    return {
        key: [replace(call, position=len(calls) - number) for number, call in enumerate(calls)]
        for key, calls in lists.items()
    }


def split(legs: list[CallLeg], chance: random.Random) -> list[list[CallLeg]]:
    """Return the legs in batches of any sizes."""
    batches: list[list[CallLeg]] = [[]]
    for leg in legs:
        if chance.random() < 0.3:
            batches.append([])
        batches[-1].append(leg)
    return batches


@pytest.mark.parametrize("source", SOURCE_NAMES)
@settings(max_examples=6)
@given(chance=st.randoms(use_true_random=False))
def test_any_order_repetition_and_splitting_is_the_same_store(
    stores: Stores, source: str, chance: random.Random
) -> None:
    """A source's own cases, shuffled, repeated, split and mixed with another source's calls, come to one store."""
    legs = legs_beside_others(source)
    mixed = legs + chance.choices(legs, k=len(legs) // 2)
    chance.shuffle(mixed)

    plain, first = stored_at_once(stores, source)
    again, total = stored(stores, split(mixed, chance))

    assert again == plain
    assert (total.new, total.new + total.merged) == (first.new, first.new + first.merged)


def bodies(source: str) -> list[bytes]:
    """Return the bodies of a source's cases that need no zone of their own."""
    return [path.read_bytes() for path in payloads(source) if not path.with_suffix(".context.json").exists()]


@pytest.fixture
def almaty(store_url: str) -> Iterator[House]:
    """A served store whose switches stand in Almaty."""
    with served(store_url, timezone=ALMATY.key) as house:
        yield house


def deliver_all(tenant: Tenant, source: str, seed: int) -> list[int]:
    """Deliver all bodies in an order of their own, as one proxy of several would; return the answers' status."""
    shuffled = bodies(source)
    random.Random(seed).shuffle(shuffled)
    return [tenant.ingest(source=source, content=body).status_code for body in shuffled]


@pytest.mark.parametrize("source", SOURCE_NAMES)
def test_two_proxies_that_send_the_same_at_once_are_counted_once(almaty: House, source: str) -> None:
    """Two senders with the same deliveries in other orders leave what one leaves, and then a third changes nothing."""
    alone = almaty.tenant(APP_ID)
    deliver_all(alone, source, 0)
    once = with_store(almaty.store, lambda store: dump(store, APP_ID))
    with_store(almaty.store, lambda store: store.purge(2**60))

    with ThreadPoolExecutor(2) as senders:
        list(senders.map(lambda seed: deliver_all(alone, source, seed), (1, 2)))
    deliver_all(alone, source, 3)
    twice = with_store(almaty.store, lambda store: dump(store, APP_ID))

    assert once != {}
    assert without_positions(twice) == without_positions(once)
    assert with_store(almaty.store, lambda store: store.check()).ok
