"""What a store remembers of wrong log-ins: added up exactly, whoever adds, and gone when it is over."""

import asyncio
from collections.abc import Callable

import pytest
from tests.loop import run
from tests.stores import Stores

from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Spending, Tries

ANN, BEN, HERE, THERE = (bytes([number]) * 16 for number in (1, 2, 3, 4))
NOW = 1_700_000_000_000


def spend(store: Store, *costs: int, subject: bytes = ANN, address: bytes = HERE, now_ms: int = NOW) -> list[int]:
    """Spend each cost in turn."""
    return run(store.spend_tries([Spending(subject, address, cost) for cost in costs], now_ms))


def test_nothing_is_remembered_of_strangers(store: Store) -> None:
    """Of a subject and an address that never met nothing is known."""
    assert run(store.tries(ANN, (HERE, THERE))) == [Tries(), Tries()]
    assert run(store.tries(ANN, ())) == []


def test_what_is_spent_adds_up(store: Store) -> None:
    """Each cost is put on top of the one before, from now on."""
    assert spend(store, 100, 200) == [NOW + 100, NOW + 300]
    assert spend(store, 50, now_ms=NOW + 10) == [NOW + 350]
    assert run(store.tries(ANN, (THERE, HERE))) == [Tries(), Tries(spent_ms=NOW + 350)]


def test_time_catches_up(store: Store) -> None:
    """What was spent and is over counts for nothing: the next cost begins from now."""
    spend(store, 100)

    assert spend(store, 7, now_ms=NOW + 5000) == [NOW + 5007]


def test_what_is_spent_can_be_taken_back(store: Store) -> None:
    """A negative cost takes back what was added, and nothing of what others added."""
    spend(store, 100, 100)

    assert spend(store, -100, now_ms=NOW + 1) == [NOW + 100]


def test_subjects_and_addresses_are_apart(store: Store) -> None:
    """What one has spent from one address is not another's, nor the same one's from another."""
    spend(store, 1)
    spend(store, 2, subject=BEN)
    spend(store, 4, address=THERE)

    assert run(store.tries(ANN, (HERE, THERE))) == [Tries(spent_ms=NOW + 1), Tries(spent_ms=NOW + 4)]
    assert run(store.tries(BEN, (HERE, THERE))) == [Tries(spent_ms=NOW + 2), Tries()]


def test_an_address_that_is_known_has_spent_nothing(store: Store) -> None:
    """Knowing an address forgets what was spent there; what is spent later leaves it known."""
    spend(store, 100)
    run(store.know_address(ANN, HERE, NOW + 9000))
    run(store.know_address(ANN, THERE, NOW + 8000))
    spend(store, 5)

    assert run(store.tries(ANN, (HERE, THERE))) == [Tries(NOW + 5, NOW + 9000), Tries(0, NOW + 8000)]


def test_forgetting_is_of_one_subject(store: Store) -> None:
    """What a subject has spent anywhere is forgotten and counted; addresses stay known, and others' stays."""
    spend(store, 5)
    spend(store, 5, address=THERE)
    spend(store, 5, subject=BEN)
    run(store.know_address(ANN, THERE, NOW + 9000))

    assert run(store.forget_tries(ANN, NOW)) == 1
    assert run(store.tries(ANN, (HERE, THERE))) == [Tries(), Tries(0, NOW + 9000)]
    assert run(store.tries(BEN, (HERE,))) == [Tries(spent_ms=NOW + 5)]
    assert run(store.forget_tries(ANN, NOW)) == 0


def test_many_that_add_at_once_are_all_counted(store_url: str) -> None:
    """Stores that are opened apart, as other processes do, agree on each single try."""

    async def added() -> list[int]:
        stores = [await open_store(store_url) for _ in range(3)]
        spent = await asyncio.gather(
            *(store.spend_tries([Spending(ANN, HERE, 1000)], NOW) for store in stores for _ in range(20))
        )
        for store in stores:
            await store.close()
        return [one[0] for one in spent]

    assert sorted(run(added())) == [NOW + 1000 * number for number in range(1, 61)]


@pytest.fixture
def kept(stores: Stores, store_url: str) -> Callable[[], int]:
    """Count the rows that the store keeps of wrong log-ins, past the store."""
    return lambda: int(stores.ask(store_url, "SELECT count(*) FROM login_try")[0][0])


def test_guessing_leaves_nothing_behind(store_url: str, kept: Callable[[], int]) -> None:
    """Of guesses at ever other agents the store keeps those that are not over, and drops the rest as others come."""

    async def guess(first: int, last: int, now_ms: int) -> None:
        store = await open_store(store_url)
        await store.know_address(ANN, HERE, NOW + 10**9)
        for number in range(first, last):
            await store.spend_tries([Spending(number.to_bytes(16, "little"), HERE, 1000)], now_ms)
        await store.close()

    run(guess(0, 600, NOW))
    assert kept() == 601
    run(guess(600, 860, NOW + 1001))
    assert kept() == 261
