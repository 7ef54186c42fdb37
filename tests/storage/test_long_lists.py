"""What an act on a store costs follows from what is asked, not from how many calls and numbers the store holds."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any

import pytest
from tests.lasting import dearer
from tests.loop import run
from tests.storage.examples import (
    AN_AGENT,
    AN_APP,
    BEGUN_MS,
    NOW_MS,
    OUT_ANSWERED,
    OUT_MISSED,
    TO_RING_BACK,
    add_token,
    walked,
)
from tests.stores import SqliteStores, Stores
from tests.telephony.examples import a_leg

from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Contact, Mark, Range
from ringback.telephony.call import ListKind
from ringback.telephony.disposition import Disposition

APP = AN_APP.app_id
SHORT, LONG = 1000, 16_000  # calls in a list, each with a number of its own
DIGEST = b"digest"
IN_THE_MIDDLE = Range(page=30)
FIVE_MINUTES = Range(from_ms=BEGUN_MS, to_ms=BEGUN_MS + 300_000)
BOUNDS = [BEGUN_MS, BEGUN_MS + 300_000, BEGUN_MS + 600_000, NOW_MS]

_fresh = count(100_000)
a_tried = partial(a_leg, disposition=Disposition.NO_ANSWER)
an_answered = partial(a_leg, disposition=Disposition.ANSWERED)


def number_of(at: int) -> str:
    """Return the number that was rung in the unanswered call of this place."""
    return f"7701{at:07}"


@pytest.fixture(scope="module")
def filled(stores: Stores) -> Iterator[dict[int, Store]]:
    """A store with short lists and one with long ones, open."""
    urls = {calls: stores.made() for calls in (SHORT, LONG)}
    filled = {calls: run(open_store(url)) for calls, url in urls.items()}
    for calls, store in filled.items():
        run(store.add_app(AN_APP))
        run(store.add_agent(AN_AGENT))
        assert add_token(store, AN_AGENT, DIGEST)
        run(store.take_in(APP, [a_tried(f"n{at}", seconds=at, dialled_number=number_of(at)) for at in range(calls)]))
        run(store.take_in(APP, [an_answered(f"a{at}", seconds=at, dialled_number="7702") for at in range(calls)]))
        if not isinstance(stores, SqliteStores):
            stores.ask(urls[calls], "ANALYZE")  # as the server does by itself within a minute
    yield filled
    for calls, store in filled.items():
        run(store.close())
        stores.drop(urls[calls])


async def deliver(store: Store, number: str, disposition: Disposition = Disposition.NO_ANSWER) -> None:
    """Take in a call with the number that is the newest of all."""
    at = next(_fresh)
    await store.take_in(APP, [a_leg(f"f{at}", seconds=at, dialled_number=number, disposition=disposition)])


async def read_legs(store: Store) -> None:
    """Read the legs of a call."""
    (call,) = (await store.page(APP, OUT_MISSED, Range(limit=1))).calls
    assert await store.legs(APP, call.call_id)


async def drop_a_call(store: Store) -> None:
    """Drop the newest call."""
    await deliver(store, "7703")
    (call,) = (await store.page(APP, OUT_MISSED, Range(limit=1))).calls
    await store.drop(APP, [call.call_id], [], lambda _: None)


async def mark_and_undo(store: Store) -> None:
    """Take a number off the lists, and put it back."""
    mark = Mark(number=number_of(100), done_ms=NOW_MS, extension="101")
    assert await store.mark_done(APP, mark, of="101")
    assert await store.undo_done(APP, mark)


async def name_and_forget(store: Store) -> None:
    """Name a number, and forget it."""
    await store.set_contacts(APP, [Contact(number=number_of(100), given=number_of(100), name="Ann")])
    assert await store.drop_contact(APP, number_of(100))


ACTS: dict[str, Callable[[Store], Any]] = {
    "a new number": lambda store: deliver(store, f"7704{next(_fresh):07}"),
    "another try": lambda store: deliver(store, number_of(500)),
    "a number reached": lambda store: deliver(store, number_of(600 + next(_fresh) % 400), Disposition.ANSWERED),
    "a leg again": lambda store: store.take_in(APP, [a_tried("n7", seconds=7, dialled_number=number_of(7))]),
    "a page": lambda store: store.page(APP, OUT_MISSED, Range()),
    "a page in the middle": lambda store: store.page(APP, OUT_MISSED, IN_THE_MIDDLE),
    "a page of numbers": lambda store: store.page(APP, TO_RING_BACK, Range()),
    "a page of numbers in the middle": lambda store: store.page(APP, TO_RING_BACK, IN_THE_MIDDLE),
    "a token's page": lambda store: store.page_of_token(APP, DIGEST, NOW_MS, ListKind.OUT_MISSED, IN_THE_MIDDLE),
    "a token's numbers": lambda store: store.page_of_token(APP, DIGEST, NOW_MS, ListKind.RING_BACK, IN_THE_MIDDLE),
    "an app's page": lambda store: store.app_page(APP, ListKind.OUT_MISSED, IN_THE_MIDDLE),
    "an app's numbers": lambda store: store.app_page(APP, ListKind.RING_BACK, IN_THE_MIDDLE),
    "tallies": lambda store: store.tallies(APP, 0, NOW_MS),
    "counts": lambda store: store.counts(APP, OUT_MISSED, BOUNDS),
    "counts of numbers": lambda store: store.counts(APP, TO_RING_BACK, BOUNDS),
    "stamps": lambda store: store.stamps(APP, [OUT_MISSED, OUT_ANSWERED, TO_RING_BACK]),
    "the lists": lambda store: store.lists(APP),
    "legs": read_legs,
    "a call dropped": drop_a_call,
    "a number marked": mark_and_undo,
    "a number named": name_and_forget,
}


@pytest.mark.parametrize("act", ACTS)
def test_an_act_costs_the_same_in_long_lists(stores: Stores, filled: dict[int, Store], act: str) -> None:
    """Acts on one call, number or page take about as long in a store with sixteen times as many."""
    planning = 0 if isinstance(stores, SqliteStores) else 0.003  # seconds: PostgreSQL plans some anew in long lists
    in_short, in_long = (partial(_run, act, store) for store in filled.values())

    assert dearer(in_long, in_short, 4, more=planning) == []


@pytest.mark.parametrize("key", [OUT_MISSED, TO_RING_BACK], ids=["calls", "numbers"])
def test_a_range_is_told_at_the_cost_of_its_rows(filled: dict[int, Store], key: Any) -> None:
    """A range of some hundred rows takes about as long where there are many others."""
    in_short, in_long = (partial(walked, store, key, FIVE_MINUTES) for store in filled.values())

    assert dearer(in_long, in_short, 4) == []


def _run(act: str, store: Store) -> None:
    run(ACTS[act](store))
