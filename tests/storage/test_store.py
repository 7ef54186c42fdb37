"""Opening, closing and many callers at once, as every store must keep it."""

import asyncio
import subprocess
import sys

import pytest
from tests.loop import run
from tests.storage.examples import AN_APP, ANOTHER_APP, NOW, OUT_MISSED, whole_list
from tests.stores import Stores
from tests.telephony.examples import a_leg

from ringback.errors import StoreUnavailable, UnknownApp, UnusableSetting
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Intake, NewReject, Range

APP = AN_APP.app_id

OPENING = """
import asyncio, sys, time
from ringback.storage import open_store

async def main(urls):
    print("ready", flush=True)
    sys.stdin.readline()
    for url in urls:
        store = await open_store(url)
        await store.ready()
        await store.close()

asyncio.run(main(sys.argv[1:]))
"""


def test_opening_twice_is_harmless(store: Store, store_url: str) -> None:
    """A second opening of the same store sees what the first wrote, and closes without taking the first with it."""
    second = run(open_store(store_url))
    assert run(second.apps()) == [AN_APP]
    run(second.add_app(ANOTHER_APP))
    run(second.close())

    assert run(store.apps()) == [AN_APP, ANOTHER_APP]
    assert run(store.take_in(APP, [a_leg()])).new == 1


def test_closing_twice_is_harmless(store: Store) -> None:
    """A closed store closes again, and says that it is away to whoever still asks."""
    run(store.close())
    run(store.close())

    with pytest.raises(StoreUnavailable):
        run(store.page(APP, OUT_MISSED, Range()))
    with pytest.raises(StoreUnavailable):
        run(store.take_in(APP, [a_leg()]))
    with pytest.raises(StoreUnavailable):
        run(store.ready())


def test_a_store_tells_what_it_weighs(store: Store, stores: Stores) -> None:
    """Its lists and rejects are counted, whichever app's, and its bytes grow with its calls."""
    run(store.add_app(ANOTHER_APP))
    before = run(store.measures())
    reject = NewReject(source="generic", origin="o", reason="r", raw=b"x", received_at=NOW)
    for app_id in (APP, ANOTHER_APP.app_id):
        legs = [a_leg(f"k{number}", extension=str(101 + number % 3), name="N" * 200) for number in range(2000)]
        run(store.take_in(app_id, legs, [reject]))

    after = run(store.measures())
    assert (before.lists, before.rejects) == (0, 0)
    assert (after.lists, after.rejects) == (6, 2)
    assert after.bytes > before.bytes + (2 * 2000 * 200 if stores.weighs_calls else -1) > 0


def test_processes_that_open_a_fresh_store_at_once_all_succeed(stores: Stores) -> None:
    """The store is made by one of them; the others wait for it and find it made."""
    urls = [stores.new() for _ in range(25)]
    processes = [
        subprocess.Popen([sys.executable, "-c", OPENING, *urls], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()

    for process in processes:
        process.communicate(timeout=30)
    assert [process.returncode for process in processes] == [0, 0, 0]
    for url in urls:
        stores.drop(url)


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "sqlite:///", "sqlite://host/path.db"])
def test_a_url_of_no_known_kind_is_refused(url: str) -> None:
    """A store's URL that names no store says what it should be."""
    with pytest.raises(UnusableSetting, match=r"sqlite:///path/ringback\.db"):
        run(open_store(url))


# --- many callers at once ------------------------------------------------------------------------------------------


def test_many_callers_at_once_all_land(store: Store) -> None:
    """Two hundred callers that write at the same moment each get their own answer, and every call is there."""

    async def write() -> list[Intake]:
        return await asyncio.gather(*(store.take_in(APP, [a_leg(f"k{number % 150}")]) for number in range(200)))

    intakes = run(write())

    assert [intake.new for intake in intakes] == [1] * 150 + [0] * 50
    assert [intake.duplicate for intake in intakes] == [0] * 150 + [1] * 50
    assert len(whole_list(store, OUT_MISSED)) == 150
    assert run(store.check()).faults == []


def test_a_refused_caller_fails_alone(store: Store) -> None:
    """Of callers that write at the same moment, the one with an unknown app is refused and the others land."""

    async def write() -> list[Intake | BaseException]:
        apps = [404 if number % 10 == 3 else APP for number in range(50)]
        jobs = (store.take_in(app, [a_leg(f"k{number}")]) for number, app in enumerate(apps))
        return await asyncio.gather(*jobs, return_exceptions=True)

    outcomes = run(write())

    refused = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, UnknownApp)]
    assert refused == [3, 13, 23, 33, 43]
    assert len(whole_list(store, OUT_MISSED)) == 45


def test_a_leg_that_cannot_be_merged_fails_alone(store: Store) -> None:
    """A leg with a rate that is no number, which no source should let through, harms nobody else's call."""

    async def write() -> list[Intake | BaseException]:
        jobs = (store.take_in(APP, [a_leg(f"k{number}", rate="x" if number == 3 else None)]) for number in range(50))
        return await asyncio.gather(*jobs, return_exceptions=True)

    outcomes = run(write())

    assert [number for number, outcome in enumerate(outcomes) if isinstance(outcome, BaseException)] == [3]
    assert len(whole_list(store, OUT_MISSED)) == 49


def test_a_caller_that_goes_away_takes_back_no_write(store: Store) -> None:
    """A write whose caller was cancelled lands all the same, and the store takes in more."""

    async def write() -> None:
        tasks = [asyncio.create_task(store.take_in(APP, [a_leg(f"k{number}")])) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes) == 10
        await store.take_in(APP, [a_leg("after")])

    run(write())

    assert len(whole_list(store, OUT_MISSED)) == 21
