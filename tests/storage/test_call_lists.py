"""Call lists against the naive store: positions dense and ordered, pages and counts exact, any order the same."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from tests.loop import run
from tests.storage.examples import (
    AN_APP,
    BEGUN_MS,
    NOW_MS,
    OUT_ANSWERED,
    OUT_MISSED,
    add_token,
    an_agent,
    texts,
    walked,
    whole_list,
    whole_lists,
)
from tests.storage.naive import NaiveStore, Shown, shown
from tests.stores import SqliteStores, Stores
from tests.telephony.examples import EXTENSIONS, START_SECONDS, a_leg, legs

from ringback.erasing import erase
from ringback.errors import UnknownApp
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import EARLIEST_MS, LATEST_MS, Intake, ListedCall, Range
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg
from ringback.telephony.spellings import Sought

APP = AN_APP.app_id
NUMBERS = ("77010000001", "77010000002", "77020000001")

list_keys = st.builds(ListKey, st.sampled_from((*EXTENSIONS, "")), st.sampled_from(ListKind))
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

    @rule(key=list_keys, wanted=ranges)
    def a_page_is_read(self, key: ListKey, wanted: Range) -> None:
        page = run(self.store.page(APP, key, wanted))
        assert (page.count, [shown(call) for call in page.calls]) == self.naive.page(key, wanted)

    @rule(extension=st.sampled_from(EXTENSIONS), kind=st.sampled_from(ListKind), wanted=ranges)
    def a_page_is_read_with_a_token(self, extension: str, kind: ListKind, wanted: Range) -> None:
        page = run(self.store.page_of_token(APP, extension.encode(), NOW_MS, kind, wanted))
        assert page is not None
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
    def positions_are_dense(self) -> None:
        for calls in whole_lists(self.store).values():
            assert_dense(calls)

    @invariant()
    def the_store_finds_no_fault_in_itself(self) -> None:
        report = run(self.store.check())
        assert report.faults == []
        assert report.calls == len({leg.call_key for leg in self.naive.legs})

    def positions(self) -> dict[tuple[ListKey, int], Shown]:
        return {(key, call.position): shown(call) for key, calls in whole_lists(self.store).items() for call in calls}


def assert_dense(calls: list[ListedCall]) -> None:
    """Newest first, positions fall by one from call to call."""
    positions = [call.position for call in calls]
    assert positions == list(range(positions[0], positions[0] - len(calls), -1))


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


# --- what changes, told one by one ---------------------------------------------------------------------------------


@pytest.mark.parametrize("answered_first", [False, True])
def test_a_call_answered_on_its_second_trunk_is_not_missed(store: Store, answered_first: bool) -> None:
    """One answered leg makes the call answered, whichever leg is reported first."""
    failed = a_leg(source_record_id="trunk 1", disposition=Disposition.CONGESTION)
    answered = a_leg(source_record_id="trunk 2", seconds=4, disposition=Disposition.ANSWERED)

    for leg in (answered, failed) if answered_first else (failed, answered):
        run(store.take_in(APP, [leg]))

    assert whole_list(store, OUT_MISSED) == []
    assert [call.started_ms for call in whole_list(store, OUT_ANSWERED)] == [BEGUN_MS]


def test_a_late_answer_closes_the_gap_in_the_list_it_leaves(store: Store) -> None:
    """When a call in the middle turns out answered, the missed list counts one less, without a gap."""
    run(store.take_in(APP, [a_leg(f"k{number}", seconds=number) for number in range(9)]))

    late = a_leg("k4", seconds=5, source_record_id="late", disposition=Disposition.ANSWERED)
    assert run(store.take_in(APP, [late])) == Intake(merged=1)

    missed = whole_list(store, OUT_MISSED)
    assert [call.started_ms - BEGUN_MS for call in missed] == [8000, 7000, 6000, 5000, 3000, 2000, 1000, 0]
    assert_dense(missed)


def test_an_earlier_leg_moves_its_call_back(store: Store) -> None:
    """A call starts when its first leg starts, so a leg reported late can move it towards the old end."""
    run(store.take_in(APP, [a_leg(f"k{number}", seconds=number) for number in range(3)]))

    run(store.take_in(APP, [a_leg("k2", seconds=-1, source_record_id="first")]))

    missed = whole_list(store, OUT_MISSED)
    assert [call.started_ms - BEGUN_MS for call in missed] == [1000, 0, -1000]
    assert_dense(missed)


@pytest.mark.parametrize("where", ["head", "middle", "tail"])
def test_late_calls_find_their_place_anywhere(store: Store, where: str) -> None:
    """Calls put before, between and behind those there are keep the list dense, and the longer side stays put."""
    run(store.take_in(APP, [a_leg(f"k{number}", seconds=number) for number in range(100)]))
    before = {call.call_id: call.position for call in whole_list(store, OUT_MISSED)}

    late = {"head": -5.0, "middle": 30.5, "tail": 200.0}[where]
    run(store.take_in(APP, [a_leg(f"late{number}", seconds=late) for number in range(3)]))

    after = whole_list(store, OUT_MISSED)
    stayed = sum(before.get(call.call_id) == call.position for call in after)
    assert stayed == {"head": 100, "middle": 69, "tail": 100}[where]
    assert_dense(after)


def test_a_purge_leaves_the_rest_where_it_stands(store: Store) -> None:
    """Purged calls leave the count, the rest keep their positions, and older calls may still come."""
    run(store.take_in(APP, [a_leg(f"k{day}", seconds=day * 86400) for day in range(10)]))
    before = whole_list(store, OUT_MISSED)

    assert run(store.purge(BEGUN_MS + 4 * 86_400_000)) == 4
    assert whole_list(store, OUT_MISSED) == before[:6]

    run(store.take_in(APP, [a_leg("older", seconds=-100)]))
    assert run(store.page(APP, OUT_MISSED, Range(limit=1))).count == 7
    assert_dense(whole_list(store, OUT_MISSED))


def test_a_purge_drops_the_legs_too(store: Store) -> None:
    """Of a purged call nothing is kept, so that its number is nowhere in the store."""
    run(store.take_in(APP, [a_leg("old"), a_leg("old", seconds=1, source_record_id="r2"), a_leg("new", seconds=9)]))
    new, old = whole_list(store, OUT_MISSED)

    assert run(store.purge(BEGUN_MS + 9000)) == 1

    assert run(store.legs(APP, old.call_id)) == []
    assert len(run(store.legs(APP, new.call_id))) == 1


def test_calls_of_one_moment_never_tie(store: Store) -> None:
    """Of 300 calls, 20 in each second, walking the pages shows every call once."""
    run(store.take_in(APP, [a_leg(f"k{number}", seconds=number // 20) for number in range(300)]))

    pages = [run(store.page(APP, OUT_MISSED, Range(page=page))) for page in range(1, 31)]

    assert {page.count for page in pages} == {300}
    assert len({call.call_id for page in pages for call in page.calls}) == 300


@pytest.mark.parametrize("page", [2, 10**6, 2**62, 10**30])
def test_a_page_past_the_end_is_empty(store: Store, page: int) -> None:
    """However far past the end, the count is right and there are no rows."""
    run(store.take_in(APP, [a_leg("k1"), a_leg("k2")]))

    found = run(store.page(APP, OUT_MISSED, Range(page=page, limit=1000)))

    assert (found.count, found.calls) == (2, [])


def test_a_range_that_ends_before_it_begins_is_empty(store: Store) -> None:
    """From after to, with calls on both sides, counts nothing and shows nothing."""
    run(store.take_in(APP, [a_leg(f"k{number}", seconds=number) for number in range(9)]))

    found = run(store.page(APP, OUT_MISSED, Range(from_ms=BEGUN_MS + 6000, to_ms=BEGUN_MS + 2000)))

    assert (found.count, found.calls) == (0, [])


@pytest.mark.parametrize("seconds", [(-9, -1), (9, 99)], ids=["before", "after"])
def test_a_range_beyond_all_calls_is_empty(store: Store, seconds: tuple[int, int]) -> None:
    """A range before the oldest call or after the newest counts nothing and shows nothing."""
    run(store.take_in(APP, [a_leg(f"k{number}", seconds=number) for number in range(9)]))

    first, last = (BEGUN_MS + 1000 * second for second in seconds)
    found = run(store.page(APP, OUT_MISSED, Range(from_ms=first, to_ms=last)))

    assert (found.count, found.calls) == (0, [])


def test_a_list_nobody_has_written_to_is_empty(store: Store) -> None:
    """An agent without calls, and an app nobody has added, have empty lists and no error."""
    for app_id in (APP, 999):
        page = run(store.page(app_id, ListKey("404", ListKind.OUT_MISSED), Range()))

        assert (page.extension, page.count, page.calls) == ("404", 0, [])


def test_walk_tells_a_range_newest_first(store: Store) -> None:
    """Walking a range yields what its pages show, in the same order."""
    run(store.take_in(APP, [a_leg(f"k{number}", seconds=number // 3) for number in range(50)]))
    wanted = Range(from_ms=BEGUN_MS + 3000, to_ms=BEGUN_MS + 9000, limit=1000)

    assert walked(store, OUT_MISSED, wanted) == run(store.page(APP, OUT_MISSED, wanted)).calls
    assert len(walked(store, OUT_MISSED, wanted)) == 21


def test_legs_of_an_unregistered_agent_are_kept(store: Store) -> None:
    """Calls that came before their agent was added are in its list all the same."""
    run(store.take_in(APP, [a_leg(extension="555")]))

    assert len(whole_list(store, ListKey("555", ListKind.OUT_MISSED))) == 1


def test_legs_of_an_app_that_is_not_there_are_refused(store: Store) -> None:
    """An app nobody has added takes no legs in, and nothing of them is kept."""
    with pytest.raises(UnknownApp):
        run(store.take_in(999, [a_leg()]))

    assert run(store.lists(999)) == []


def test_a_call_is_found_by_either_of_its_ids(store: Store) -> None:
    """The legs of a call answer to the id its source gave and to the id made from its key."""
    run(store.take_in(APP, [a_leg("plain"), a_leg("given", seconds=1, call_id="ab" * 12)]))
    given, plain = whole_list(store, OUT_MISSED)

    assert given.call_id.hex() == "ab" * 12
    assert [leg.call_key for leg in run(store.legs(APP, given.call_id))] == ["given"]
    assert [leg.call_key for leg in run(store.legs(APP, plain.call_id))] == ["plain"]
    assert run(store.legs(APP, b"\0" * 12)) == []


def test_legs_come_back_as_they_were_reported(store: Store) -> None:
    """A leg is kept word for word, with its parts of a second and its zone."""
    leg = a_leg(seconds=0.123456, name="Zoë 😀", vendor_cause="USER_BUSY", rate="0.01250", q850_cause=17)
    run(store.take_in(APP, [leg]))

    (call,) = whole_list(store, OUT_MISSED)
    assert run(store.legs(APP, call.call_id)) == [leg]
    assert call.started_ms == BEGUN_MS + 123
