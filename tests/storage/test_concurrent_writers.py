"""Eight processes that write to one store at once: lists and counts are those of the naive store."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.loop import run
from tests.storage.examples import AN_APP, whole_lists
from tests.storage.naive import NaiveStore, shown
from tests.storage.writer import Task
from tests.stores import Stores
from tests.telephony.examples import a_leg, legs

from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Intake
from ringback.telephony.leg import CallLeg

WRITERS = 8
Writer = subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def writers() -> Iterator[list[Writer]]:
    """Processes that wait for something to write."""
    program = Path(__file__).with_name("writer.py")
    with ExitStack() as stack:
        yield [
            stack.enter_context(
                subprocess.Popen([sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(WRITERS)
        ]


def write_at_once(writers: list[Writer], url: str, shares: list[list[list[CallLeg]]]) -> Intake:
    """Have each writer take in its share of batches; return the sum of what they were told."""
    for writer, share in zip(writers, shares, strict=True):
        assert writer.stdin is not None
        writer.stdin.write(msgspec.json.encode(Task(url, share)) + b"\n")
        writer.stdin.flush()
    total = Intake()
    for writer in writers:
        assert writer.stdout is not None
        for intake in msgspec.json.decode(writer.stdout.readline(), type=list[Intake]):
            total.add(intake)
    return total


def assert_same(store: Store, naive: NaiveStore) -> None:
    """The store's lists are those of the naive store, and it finds no fault in itself."""
    lists = {key: [shown(call) for call in calls] for key, calls in whole_lists(store).items()}
    assert lists == {key: [shown(row) for row in rows] for key, rows in naive.lists().items()}
    assert run(store.check()).faults == []


@settings(max_examples=10)
@given(
    some=st.lists(legs(), min_size=WRITERS, max_size=60),
    shuffle=st.randoms(use_true_random=False),
    size=st.integers(1, 6),
)
def test_writers_at_once_do_what_one_after_the_other_does(
    stores: Stores, writers: list[Writer], some: list[CallLeg], shuffle: random.Random, size: int
) -> None:
    """Legs of the same few calls and agents, each leg given to two writers: every one is counted new once."""
    shares = [_batches(shuffle, some[number::WRITERS] + some[number - 1 :: WRITERS], size) for number in range(WRITERS)]
    naive = NaiveStore(AN_APP.app_id)
    for share in shares:
        for batch in share:
            naive.take_in(batch)

    url = stores.made()
    store = run(open_store(url))
    try:
        run(store.add_app(AN_APP))
        total = write_at_once(writers, url, shares)

        assert total.new == len({leg.call_key for leg in naive.legs})
        assert total.merged == len(naive.legs) - total.new
        assert total.duplicate == sum(len(batch) for share in shares for batch in share) - len(naive.legs)
        assert_same(store, naive)
    finally:
        run(store.close())
        stores.drop(url)


def test_writers_of_one_list_all_land(store: Store, store_url: str, writers: list[Writer]) -> None:
    """Eight writers that put calls between each other's into the same two lists lose none, and none is refused."""
    all_legs = [
        a_leg(f"k{number}", seconds=(number * 37) % 200, extension=str(101 + number % 2)) for number in range(400)
    ]
    shares = [_batches(random.Random(number), all_legs[number::WRITERS], 3) for number in range(WRITERS)]
    naive = NaiveStore(AN_APP.app_id)
    naive.take_in(all_legs)

    assert write_at_once(writers, store_url, shares).new == len(all_legs)
    assert_same(store, naive)


def _batches(shuffle: random.Random, some: list[CallLeg], size: int) -> list[list[CallLeg]]:
    shuffled = shuffle.sample(some, len(some))
    return [shuffled[start : start + size] for start in range(0, len(shuffled), size)]
