"""Calls whose legs were condensed: they show what they showed, and nothing that comes late changes them."""

import asyncio

import pytest
from tests.loop import run
from tests.storage.examples import AN_APP, BEGUN_MS, OUT_ANSWERED, OUT_MISSED, whole_list, whole_lists
from tests.storage.processes import pouring
from tests.telephony.examples import a_leg
from tests.web.house import wait_for

from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Intake
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import encode_leg

APP = AN_APP.app_id
A_MINUTE_ON_MS = BEGUN_MS + 60_000


@pytest.fixture
def condensed(store: Store) -> Store:
    """A store with a call of two legs, neither answered, that is condensed, and a later call that is not."""
    run(
        store.take_in(
            APP, [a_leg("old", trunk="t1"), a_leg("old", seconds=4, source_record_id="r2"), a_leg("new", seconds=90)]
        )
    )
    assert run(store.condense(A_MINUTE_ON_MS)) == 1
    return store


def test_a_late_answer_changes_nothing(condensed: Store) -> None:
    """A leg that comes too late neither moves its call to another list nor makes it a second time."""
    before = whole_lists(condensed)

    late = a_leg("old", seconds=9, source_record_id="r3", disposition=Disposition.ANSWERED)
    assert run(condensed.take_in(APP, [late])) == Intake(duplicate=1)

    assert whole_lists(condensed) == before
    assert whole_list(condensed, OUT_ANSWERED) == []
    assert run(condensed.check()).faults == []


def test_a_resend_changes_nothing(condensed: Store) -> None:
    """The legs that were condensed, sent again, bring back none of what was dropped."""
    before = whole_lists(condensed)

    assert run(condensed.take_in(APP, [a_leg("old", trunk="t1")])) == Intake(duplicate=1)

    assert whole_lists(condensed) == before
    (leg,) = run(condensed.legs(APP, before[OUT_MISSED][-1].call_id))
    assert (leg.source, leg.trunk) == ("ringback", None)


def test_calls_that_are_kept_whole_still_merge(condensed: Store) -> None:
    """A later call of the same agent takes late legs in as ever."""
    answered = a_leg("new", seconds=95, source_record_id="r2", disposition=Disposition.ANSWERED)

    assert run(condensed.take_in(APP, [answered])) == Intake(merged=1)

    assert len(whole_list(condensed, OUT_ANSWERED)) == 1


def test_condensed_legs_do_not_join_whole_ones(condensed: Store) -> None:
    """Brought to a store that has the call whole, they change nothing there."""
    ((*_, old),) = [whole_list(condensed, OUT_MISSED)]
    (leg,) = run(condensed.legs(APP, old.call_id))
    run(condensed.take_in(APP, [a_leg("whole", seconds=120)]))
    other = type(leg)(**{name: getattr(leg, name) for name in leg.__struct_fields__} | {"call_key": "whole"})

    assert run(condensed.take_in(APP, [other])) == Intake(duplicate=1)
    assert run(condensed.check()).faults == []


def test_a_region_reads_condensed_numbers_again(store: Store) -> None:
    """Numbers stay as reported, so that a changed region shows condensed calls anew as well."""
    run(store.take_in(APP, [a_leg("old", dialled_number="87010000001")]))
    run(store.condense(A_MINUTE_ON_MS))

    run(store.change_app(APP, region="KZ", extensions=None))

    assert [call.number for call in whole_list(store, OUT_MISSED)] == ["77010000001"]
    assert run(store.check()).faults == []


def test_condensing_and_purging_beside_a_writer_loses_nothing(store: Store, store_url: str) -> None:
    """While another process adds calls to the same lists, condensing and purging go on and leave a sound store."""
    with pouring(store_url, "into"):
        for step in (300, 600, 1000):
            run(store.condense(BEGUN_MS + step * 1000))
            run(store.purge(BEGUN_MS + step * 500))

    assert run(store.check()).faults == []
    calls = [call for calls in whole_lists(store).values() for call in calls]
    assert calls
    run(store.condense(BEGUN_MS + 10**9))
    for call in calls[:20]:
        for leg in run(store.legs(APP, call.call_id)):
            assert encode_leg(leg).startswith(b'{"source":"ringback"')


def test_of_two_that_condense_at_once_one_condenses_each_call(store: Store, store_url: str) -> None:
    """Whoever finds a call condensed by the other passes it over: each is counted once and keeps its one leg."""
    run(store.take_in(APP, [a_leg(f"c{n}", seconds=n / 100) for n in range(300)]))

    async def at_once() -> list[int]:
        other = await open_store(store_url)
        counts = await asyncio.gather(store.condense(A_MINUTE_ON_MS), other.condense(A_MINUTE_ON_MS))
        await other.close()
        return list(counts)

    assert sum(run(at_once())) == 300
    assert all(len(run(store.legs(APP, call.call_id))) == 1 for call in whole_list(store, OUT_MISSED))
    assert run(store.check()).faults == []


@pytest.mark.parametrize("round_", range(5))
def test_calls_that_are_purged_meanwhile_are_passed_over(store: Store, store_url: str, round_: int) -> None:
    """Calls that another process drops between the look at them and the condensing are no fault, and stay dropped."""
    run(store.take_in(APP, [a_leg(f"c{n}", seconds=n / 10 + round_) for n in range(300)]))

    async def at_once() -> int:
        other = await open_store(store_url)
        purged, _ = await asyncio.gather(other.purge(A_MINUTE_ON_MS), store.condense(A_MINUTE_ON_MS))
        await other.close()
        return purged

    assert run(at_once()) == 300
    assert whole_list(store, OUT_MISSED) == []
    assert run(store.check()).faults == []


def test_a_call_that_no_leg_would_show_as_it_is_stays_whole(store: Store) -> None:
    """A cost of minus nothing, as legs of old may have it, is shown so and by no condensed leg: such legs are left."""
    odd = a_leg("odd", rate="-0.00001", trunk="t1")
    run(store.take_in(APP, [odd, a_leg("plain", seconds=1)]))
    before = whole_lists(store)

    assert run(store.condense(A_MINUTE_ON_MS)) == 1

    assert whole_lists(store) == before
    (call,) = (call for call in before[OUT_MISSED] if call.rate == "-0.0000")
    assert run(store.legs(APP, call.call_id)) == [odd]


def test_dropping_beside_a_writer_drops_those_and_no_others(store: Store, store_url: str) -> None:
    """While another process adds calls to the same lists, chosen calls leave their midst, and lists stay dense."""
    gone: set[bytes] = set()
    with pouring(store_url, "into"):
        wait_for(lambda: sum(map(len, whole_lists(store).values())) > 100)
        for _ in range(3):
            listed = [call.call_id for calls in whole_lists(store).values() for call in calls]
            chosen = [*listed[::3], b"nobody's call"]
            assert run(store.drop(APP, chosen, [404], lambda _: None)).calls == len(chosen) - 1
            gone.update(chosen)

    left = [call.call_id for calls in whole_lists(store).values() for call in calls]
    assert gone.isdisjoint(left)
    assert len(left) == len(set(left)) > 0
    assert run(store.check()).faults == []
