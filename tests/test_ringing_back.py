"""Marking numbers done by hand: at which moment, on whose behalf, and taking it back."""

import time

from tests.loop import run
from tests.storage.examples import AN_APP, TO_RING_BACK, walked
from tests.telephony.examples import a_leg

from ringback.ringing_back import mark_done, undo_done
from ringback.storage.base import Store
from ringback.storage.records import Range

APP, NUMBER = AN_APP.app_id, "77010000001"
KEY = TO_RING_BACK


def test_a_number_is_done_now(store: Store) -> None:
    """The mark is of the present moment, and only who made it takes it back."""
    run(store.take_in(APP, [a_leg()]))
    before = time.time_ns() // 1_000_000
    done_ms = run(mark_done(store, APP, NUMBER, "101", 0, of="101"))

    assert done_ms is not None
    assert before <= done_ms <= time.time_ns() // 1_000_000
    assert walked(store, KEY, Range()) == []
    assert not run(undo_done(store, APP, NUMBER, "102", done_ms))
    assert run(undo_done(store, APP, NUMBER, "101", done_ms))
    assert len(walked(store, KEY, Range())) == 1


def test_a_try_from_a_clock_that_is_ahead_is_done_too(store: Store) -> None:
    """What was seen is marked, even where it starts in the future."""
    ahead = 3600 * 24 * 365 * 50
    run(store.take_in(APP, [a_leg(seconds=ahead)]))
    [seen] = walked(store, KEY, Range())

    assert run(mark_done(store, APP, NUMBER, "101", seen.started_ms, of="101")) == seen.started_ms
    assert walked(store, KEY, Range()) == []


def test_what_is_not_in_the_list_is_not_marked(store: Store) -> None:
    """A number that was reached meanwhile, or stands in another's list, is told as gone."""
    run(store.take_in(APP, [a_leg()]))

    assert run(mark_done(store, APP, NUMBER, "102", 0, of="102")) is None
    assert run(mark_done(store, APP, "7", "101", 0, of=None)) is None
    assert run(store.marks(APP)) == []
