"""Call lists against the naive store: positions dense and ordered, pages and counts exact, any order the same."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.loop import run
from tests.storage.examples import (
    AN_APP,
    BEGUN_MS,
    NOW_MS,
    add_token,
    an_agent,
    texts,
    walked,
    whole_lists,
)
from tests.storage.naive import NaiveStore, Shown, shown
from tests.storage.sound import assert_dense
from tests.stores import SqliteStores, Stores
from tests.telephony.examples import EXTENSIONS, START_SECONDS, legs

from ringback.erasing import erase
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import EARLIEST_MS, LATEST_MS, Contact, Intake, Mark, Range, ShownPage
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.leg import CallLeg
from ringback.telephony.spellings import Sought

APP = AN_APP.app_id
NUMBERS = ("77010000001", "77010000002", "77020000001")

tokens = st.sampled_from((*EXTENSIONS, "nobody"))  # each agent's is its extension
list_kinds = st.sampled_from(ListKind)
list_keys = st.builds(ListKey, st.sampled_from((*EXTENSIONS, "")), list_kinds)
near_ms = st.builds(
    lambda seconds, off: BEGUN_MS + int(seconds * 1000) + off, st.sampled_from(START_SECONDS), st.integers(-1, 1)
)
ranges = st.builds(
    Range,
    from_ms=near_ms | st.just(EARLIEST_MS),
    to_ms=near_ms | st.just(LATEST_MS),
    page=st.integers(1, 5),
    limit=st.integers(1, 6) | st.just(1000),
)


class StoreBesideNaive(RuleBasedStateMachine):
    """Does the same to a store and to the naive store; after every step both tell the same."""

    def __init__(self, stores: Stores) -> None:
        super().__init__()
        self.stores, self.url = stores, stores.made()
        self.store = run(open_store(self.url))
        run(self.store.add_app(AN_APP))
        for extension in EXTENSIONS:
            agent = an_agent(extension=extension)
            run(self.store.add_agent(agent))
            assert add_token(self.store, agent, extension.encode())
        self.naive = NaiveStore(APP)

    def teardown(self) -> None:
        run(self.store.close())
        self.stores.drop(self.url)

    @rule(batch=st.lists(legs(), min_size=1, max_size=8))
    def legs_come(self, batch: list[CallLeg]) -> None:
        assert run(self.store.take_in(APP, batch)) == self.naive.take_in(batch)

    @rule(pick=st.randoms(use_true_random=False))
    def legs_come_again(self, pick: random.Random) -> None:
        known = [leg for leg in sorted(self.naive.legs, key=repr) if pick.random() < 0.5]
        assert run(self.store.take_in(APP, known)) == Intake(duplicate=len(known))

    @rule(before_ms=near_ms)
    def old_calls_are_purged(self, before_ms: int) -> None:
        before = self.positions()
        assert run(self.store.purge(before_ms)) == self.naive.purge(before_ms)
        assert self.positions().items() <= before.items()

    @rule(before_ms=near_ms)
    def legs_are_condensed(self, before_ms: int) -> None:
        before = self.positions()
        assert run(self.store.condense(before_ms)) == self.naive.condense(before_ms)
        assert self.positions() == before

    @rule(number=st.sampled_from(NUMBERS))
    def a_number_is_erased(self, number: str) -> None:
        dropped, _ = run(erase(self.store, APP, Sought(number, None), lambda _: None))
        assert dropped.calls == self.naive.erase(number)

    @rule(number=st.sampled_from(NUMBERS), name=st.sampled_from(("Zoë", 'a "b"\\', "\x06\x07")))
    def a_number_is_named(self, number: str, name: str) -> None:
        run(self.store.set_contacts(APP, [Contact(number=number, given=f"+{number}", name=name)]))
        self.naive.names[number] = name

    @rule(number=st.sampled_from(NUMBERS))
    def a_name_is_forgotten(self, number: str) -> None:
        assert run(self.store.drop_contact(APP, number)) == (self.naive.names.pop(number, None) is not None)

    @rule(
        number=st.sampled_from(NUMBERS),
        done_ms=near_ms,
        extension=st.sampled_from((None, *EXTENSIONS)),
        undo=st.booleans(),
    )
    def a_number_is_marked_done(self, number: str, done_ms: int, extension: str | None, undo: bool) -> None:
        mark = Mark(number=number, done_ms=done_ms, extension=extension or "101")
        listed = [key for key in map(self.ring_back_key, EXTENSIONS) if extension in (None, key.extension)]
        is_due = any(row.number == number for key in listed for row in self.naive.all_lists().get(key, []))
        assert run(self.store.mark_done(APP, mark, of=extension)) == is_due
        if is_due:
            self.naive.marks.add((number, done_ms, mark.extension))
        if undo:
            is_there = (number, done_ms, mark.extension) in self.naive.marks
            assert run(self.store.undo_done(APP, mark)) == is_there
            self.naive.marks.discard((number, done_ms, mark.extension))

    @rule(key=list_keys, wanted=ranges)
    def a_page_is_read(self, key: ListKey, wanted: Range) -> None:
        page = run(self.store.page(APP, key, wanted))
        assert (page.count, [shown(call) for call in page.calls]) == self.naive.page(key, wanted)

    @rule(kind=list_kinds, wanted=ranges)
    def a_page_of_all_agents_is_read(self, kind: ListKind, wanted: Range) -> None:
        page = run(self.store.app_page(APP, kind, wanted))
        told = [(one.extension, shown(one.call)) for one in page.calls]
        assert (page.count, told) == self.naive.app_page(kind, wanted)

    @rule(low=near_ms, high=near_ms)
    def agents_calls_are_tallied(self, low: int, high: int) -> None:
        told = {one.extension: one.counts for one in run(self.store.tallies(APP, low, high)) if one.counts}
        assert told == self.naive.tallies(low, high)

    @rule(key=list_keys, bounds=st.lists(near_ms, min_size=1, max_size=8).map(sorted))
    def calls_between_bounds_are_counted(self, key: ListKey, bounds: list[int]) -> None:
        assert run(self.store.counts(APP, key, bounds)) == self.naive.counts(key, bounds)

    @rule(extension=st.sampled_from(EXTENSIONS), kind=list_kinds, wanted=ranges)
    def a_page_is_read_with_a_token(self, extension: str, kind: ListKind, wanted: Range) -> None:
        page = run(self.store.page_of_token(APP, extension.encode(), NOW_MS, kind, wanted))
        assert page is not None
        assert page.extension == extension
        assert (page.count, texts(page)) == self.naive.texts(ListKey(extension, kind), wanted)

    @rule(
        asked=st.lists(st.tuples(st.sampled_from((*EXTENSIONS, "nobody")), list_kinds, ranges), min_size=3, max_size=9)
    )
    def pages_are_read_with_tokens_at_once(self, asked: list[tuple[str, ListKind, Range]]) -> None:
        async def pages() -> list[ShownPage | None]:
            return await asyncio.gather(
                *(self.store.page_of_token(APP, token.encode(), NOW_MS, kind, wanted) for token, kind, wanted in asked)
            )

        for (extension, kind, wanted), page in zip(asked, run(pages()), strict=True):
            assert (page is None) == (extension == "nobody")
            if page is not None:
                assert page.extension == extension
                assert (page.count, texts(page)) == self.naive.texts(ListKey(extension, kind), wanted)

    @rule()
    def the_store_is_opened_anew(self) -> None:
        run(self.store.close())
        self.store = run(open_store(self.url))

    @invariant()
    def lists_are_those_of_the_naive_store(self) -> None:
        lists = {key: [shown(call) for call in calls] for key, calls in whole_lists(self.store).items()}
        assert lists == {key: [shown(row) for row in rows] for key, rows in self.naive.lists().items()}

    @invariant()
    def numbers_to_ring_back_are_those_of_the_naive_store(self) -> None:
        for key in map(self.ring_back_key, EXTENSIONS):
            calls = walked(self.store, key, Range())
            assert [shown(call) for call in calls] == [shown(row) for row in self.naive.all_lists().get(key, [])]
            assert [call.position for call in calls] == list(range(len(calls), 0, -1))
        assert {(one.number, one.done_ms, one.extension) for one in run(self.store.marks(APP))} == self.naive.marks

    @invariant()
    def positions_are_dense(self) -> None:
        for calls in whole_lists(self.store).values():
            assert_dense(calls)

    @invariant()
    def the_store_finds_no_fault_in_itself(self) -> None:
        report = run(self.store.check())
        assert report.faults == []
        assert report.calls == len({leg.call_key for leg in self.naive.legs})

    @staticmethod
    def ring_back_key(extension: str) -> ListKey:
        return ListKey(extension, ListKind.RING_BACK)

    def positions(self) -> dict[tuple[ListKey, int], Shown]:
        return {(key, call.position): shown(call) for key, calls in whole_lists(self.store).items() for call in calls}


def test_a_store_does_what_the_naive_store_does(stores: Stores) -> None:
    """Through any legs, repeats, purges and reopenings, lists, counts, pages and the store's own proof stay right."""
    examples = settings().max_examples
    dear = settings(max_examples=examples if isinstance(stores, SqliteStores) else examples // 3)
    run_state_machine_as_test(partial(StoreBesideNaive, stores), settings=dear)  # type: ignore[arg-type]


@given(batch=st.lists(legs(), min_size=1, max_size=40), wanted=st.lists(st.tuples(list_keys, ranges), max_size=20))
def test_any_page_is_a_slice_of_the_sorted_calls(
    stores: Stores, batch: list[CallLeg], wanted: list[tuple[ListKey, Range]]
) -> None:
    """Count and rows of any page of any range are what sorting all calls and slicing gives."""
    naive = NaiveStore(APP)
    naive.take_in(batch)
    with store_of_one_app(stores) as store:
        run(store.take_in(APP, batch))

        for key, page_range in wanted:
            page = run(store.page(APP, key, page_range))
            assert page.extension == key.extension
            assert (page.count, [shown(call) for call in page.calls]) == naive.page(key, page_range)


@given(
    some=st.lists(legs(), min_size=1, max_size=25),
    repeats=st.integers(0, 15),
    sizes=st.lists(st.integers(1, 6), min_size=1),
    shuffle=st.randoms(use_true_random=False),
)
def test_order_repeats_and_batches_do_not_matter(
    stores: Stores, some: list[CallLeg], repeats: int, sizes: list[int], shuffle: random.Random
) -> None:
    """The same legs in any order, repeated and cut up at will give the same lists and the same sums."""
    mixed = some + [shuffle.choice(some) for _ in range(repeats)]
    shuffle.shuffle(mixed)
    sums = Intake()
    with store_of_one_app(stores) as at_once, store_of_one_app(stores) as piecemeal:
        run(at_once.take_in(APP, some))
        while mixed:
            size = sizes[len(mixed) % len(sizes)]
            sums.add(run(piecemeal.take_in(APP, mixed[:size])))
            mixed = mixed[size:]

        assert told(piecemeal) == told(at_once)
    calls, different = len({leg.call_key for leg in some}), len(set(some))
    assert sums == Intake(new=calls, merged=different - calls, duplicate=len(some) + repeats - different)


@contextmanager
def store_of_one_app(stores: Stores) -> Iterator[Store]:
    with stores.opened() as store:
        run(store.add_app(AN_APP))
        yield store


def told(store: Store) -> tuple[dict[ListKey, list[Shown]], list[list[CallLeg]]]:
    """Return all that users can see of the app's calls: the lists, and the legs of each call."""
    lists = whole_lists(store)
    call_ids = sorted({call.call_id for calls in lists.values() for call in calls})
    shown_lists = {key: [shown(call) for call in calls] for key, calls in lists.items()}
    return shown_lists, [sorted(run(store.legs(APP, call_id)), key=repr) for call_id in call_ids]
