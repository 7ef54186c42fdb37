"""What changes in call lists, told one by one: late legs and answers, purges, ranges at the edge."""

import pytest
from tests.loop import run
from tests.storage.examples import (
    AN_APP,
    BEGUN_MS,
    OUT_ANSWERED,
    OUT_MISSED,
    walked,
    whole_list,
)
from tests.storage.sound import assert_dense
from tests.telephony.examples import a_leg

from ringback.errors import UnknownApp
from ringback.storage.base import Store
from ringback.storage.records import Intake, Range
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.disposition import Disposition

APP = AN_APP.app_id


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
