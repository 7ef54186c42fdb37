"""Numbers to ring back in stores: which are, in what order, and whose acts take them off the lists and back on."""

import asyncio
from functools import partial
from itertools import count

import pytest
from tests.lasting import dearer
from tests.loop import run
from tests.storage.examples import (
    AN_AGENT,
    AN_APP,
    ANOTHER_APP,
    BEGUN_MS,
    NOW_MS,
    OUT_MISSED,
    TO_RING_BACK,
    add_token,
    an_agent,
    texts,
    walked,
)
from tests.stores import SqliteStores, Stores
from tests.telephony.examples import a_leg

from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.naming import MOST_MARKS
from ringback.storage.records import ListedCall, Mark, Range
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, Direction

APP = AN_APP.app_id
NUMBER, OTHER = "77010000001", "77010000002"
KEY = TO_RING_BACK
DAY = 86_400


def told(store: Store, extension: str = "101") -> list[tuple[str, int | None]]:
    """Return the numbers that an agent has to ring back, the last tried first, and how often each was tried."""
    return [(call.number, call.tries) for call in walked(store, ListKey(extension, ListKind.RING_BACK), Range())]


def reached(call_key: str, *, seconds: float, **facts: object) -> CallLeg:
    """Return an answered call of agent 102 with the number."""
    return a_leg(call_key, seconds=seconds, extension="102", disposition=Disposition.ANSWERED, **facts)


def came_in(call_key: str, *, seconds: float, **facts: object) -> CallLeg:
    """Return a call that came from the number."""
    return a_leg(
        call_key, seconds=seconds, direction=Direction.INBOUND, dialled_number=None, calling_number=NUMBER, **facts
    )


def mark(at_seconds: float = 1000) -> Mark:
    """Return a mark of the number by agent 102."""
    return Mark(number=NUMBER, done_ms=BEGUN_MS + int(at_seconds * 1000), extension="102")


def test_a_number_stands_once_with_its_last_try(store: Store) -> None:
    """Tries of a number are one row, that of the last; numbers stand by their last try, newest first."""
    run(store.take_in(APP, [a_leg("a"), a_leg("b", seconds=60, dialled_number=OTHER)]))
    assert told(store) == [(OTHER, 1), (NUMBER, 1)]

    run(store.take_in(APP, [a_leg("c", seconds=120, disposition=Disposition.BUSY), a_leg("late", seconds=-60)]))
    assert told(store) == [(NUMBER, 3), (OTHER, 1)]
    last = walked(store, KEY, Range())[0]
    assert (last.started_ms, last.disposition) == (BEGUN_MS + 120_000, "busy")


@pytest.mark.parametrize("how", [reached, came_in], ids=["called", "calls"])
def test_a_number_that_is_reached_leaves_until_it_is_tried_again(store: Store, how: object) -> None:
    """Any agent's answered call takes it off, either way; later tries put it back, and are all that count."""
    run(store.take_in(APP, [a_leg("a"), a_leg("b", seconds=60)]))
    leg = reached("r", seconds=90) if how is reached else came_in("r", seconds=90, disposition=Disposition.ANSWERED)
    run(store.take_in(APP, [leg]))
    assert told(store) == []

    run(store.take_in(APP, [a_leg("c", seconds=120)]))
    assert told(store) == [(NUMBER, 1)]
    run(store.take_in(APP, [reached("late", seconds=30)]))
    assert told(store) == [(NUMBER, 1)]


def test_a_call_that_turns_out_not_to_be_answered_reached_nobody(store: Store) -> None:
    """Where only the agent's own phone was picked up, the number is to ring back, with the earlier tries."""
    run(store.take_in(APP, [a_leg("a"), a_leg("b", seconds=60, side="a", disposition=Disposition.ANSWERED)]))
    assert told(store) == []

    run(store.take_in(APP, [a_leg("b", seconds=61, source_record_id="r2", side="b")]))
    assert told(store) == [(NUMBER, 2)]


def test_calls_missed_by_agents_are_no_tries(store: Store) -> None:
    """A call that came in and nobody took neither reaches a number nor asks for it; nor does one of no number."""
    run(store.take_in(APP, [a_leg("a"), came_in("in", seconds=60), a_leg("none", seconds=9, dialled_number=None)]))

    assert told(store) == [(NUMBER, 1)]


def test_a_mark_takes_a_number_off_all_lists_and_undoing_it_puts_it_back(store: Store) -> None:
    """Marked by one agent it is done for all, until it is tried again; the mark gone, all is as before."""
    run(store.take_in(APP, [a_leg("a"), a_leg("b", seconds=60), a_leg("c", seconds=70, extension="102")]))
    assert run(store.mark_done(APP, mark(), of="102"))
    assert (told(store), told(store, "102")) == ([], [])
    assert run(store.marks(APP)) == [mark()]

    run(store.take_in(APP, [a_leg("d", seconds=2000)]))
    assert told(store) == [(NUMBER, 1)]
    assert run(store.undo_done(APP, mark()))
    assert not run(store.undo_done(APP, mark()))
    assert (told(store), told(store, "102")) == ([(NUMBER, 3)], [(NUMBER, 1)])


def test_only_what_is_in_the_list_is_marked(store: Store) -> None:
    """A number that another agent has, or nobody, is not marked by whoever does not have it."""
    run(store.take_in(APP, [a_leg("a")]))

    assert not run(store.mark_done(APP, mark(), of="102"))
    assert not run(store.mark_done(APP, Mark(number=OTHER, done_ms=1, extension="101"), of=None))
    assert not run(store.mark_done(7, mark(), of=None))
    assert run(store.marks(APP)) == []
    assert run(store.mark_done(APP, mark(), of=None))


def test_marks_are_told_in_order_and_in_parts(store: Store) -> None:
    """However many there are, each is told once."""
    many = [Mark(number=str(number), done_ms=number, extension="1") for number in range(MOST_MARKS + 5)]
    run(store.put_marks(APP, many))
    run(store.put_marks(APP, many[:3]))

    first = run(store.marks(APP))
    rest = run(store.marks(APP, first[-1]))
    assert len(first) == MOST_MARKS
    assert first + rest == sorted(many, key=lambda one: one.number)


def test_purging_leaves_the_tries_that_stay(store: Store) -> None:
    """Tries that are purged count no more, and a number of which none is left is gone; so are marks of before."""
    old, new = [a_leg("a"), a_leg("o", dialled_number=OTHER)], [a_leg("b", seconds=2 * DAY)]
    run(store.take_in(APP, old + new))
    run(store.put_marks(APP, [Mark(number="1", done_ms=BEGUN_MS, extension="101")]))
    assert told(store) == [(NUMBER, 2), (OTHER, 1)]

    assert run(store.purge(BEGUN_MS + DAY * 1000)) == 2
    assert told(store) == [(NUMBER, 1)]
    assert (run(store.marks(APP)), run(store.check()).faults) == ([], [])


def test_purging_a_number_that_was_marked_changes_no_list(store: Store) -> None:
    """The tries that a mark covered stand in no list, so none is taken off one when they go together with the mark."""
    run(store.take_in(APP, [a_leg("a"), a_leg("b", seconds=2 * DAY, dialled_number=OTHER)]))
    assert run(store.mark_done(APP, mark(1), of=None))

    assert run(store.purge(BEGUN_MS + DAY * 1000)) == 1
    assert run(store.page(APP, KEY, Range())).count == 1
    assert (run(store.marks(APP)), run(store.check()).faults) == ([], [])


def test_a_region_reads_numbers_and_marks_again(store: Store) -> None:
    """Numbers that turn out to be one stand once, with all tries; what was marked stays marked."""
    national = [a_leg("a", dialled_number="8 701 000 0001"), a_leg("b", seconds=60, dialled_number="+77010000001")]
    run(store.take_in(APP, [*national, a_leg("c", seconds=9, dialled_number=OTHER)]))
    run(store.mark_done(APP, Mark(number=OTHER, done_ms=BEGUN_MS + 9000, extension="101"), of=None))
    assert told(store) == [(NUMBER, 1), ("87010000001", 1)]

    run(store.change_app(APP, region="KZ", extensions=None))
    assert told(store) == [(NUMBER, 2)]
    run(store.change_app(APP, region=None, extensions=None))
    assert told(store) == [(NUMBER, 1), ("87010000001", 1)]
    assert run(store.check()).faults == []


def test_pages_far_apart_in_time_are_exact(store: Store) -> None:
    """Whatever spans of time numbers are counted by, every page of many ranges is what slicing gives."""
    starts = [*range(40), *(DAY * day + 7 for day in range(40)), *(DAY * 400 * year for year in range(1, 9))]
    legs = [a_leg(f"k{at}", seconds=at, dialled_number=f"7701{at:07}") for at in starts]
    run(store.take_in(APP, legs))
    newest_first = sorted({leg.dialled_number: leg.started_at for leg in legs}.items(), key=lambda one: one[1])[::-1]
    run(store.add_agent(AN_AGENT))
    assert add_token(store, AN_AGENT, b"digest")

    for low, high in ((0, 10**9), (3, 35), (DAY, DAY * 30), (DAY * 39 + 7, DAY * 800)):
        bounds = {"from_ms": BEGUN_MS + low * 1000, "to_ms": BEGUN_MS + high * 1000}
        due = [number for number, at in newest_first if bounds["from_ms"] <= at.timestamp() * 1000 <= bounds["to_ms"]]
        for page in range(1, len(due) // 7 + 3):
            wanted = Range(**bounds, page=page, limit=7)
            found = run(store.page(APP, KEY, wanted))
            by_token = run(store.page_of_token(APP, b"digest", NOW_MS, ListKind.RING_BACK, wanted))
            assert (found.count, [call.number for call in found.calls]) == (len(due), due[(page - 1) * 7 : page * 7])
            assert by_token is not None
            assert [str(text["number"]) for text in texts(by_token)] == [call.number for call in found.calls]
            assert [call.position for call in found.calls] == _positions(store, found.calls)


def _positions(store: Store, calls: list[ListedCall]) -> list[int]:
    """Return where the calls stand in the whole list, the oldest at 1."""
    whole = [call.call_id for call in walked(store, KEY, Range())][::-1]
    return [whole.index(call.call_id) + 1 for call in calls]


def test_each_change_of_the_list_has_another_stamp(store: Store) -> None:
    """A try, an older one, a number reached in the midst, a mark and its undoing: each shows in the stamp."""
    stamps = [run(store.stamps(APP, [KEY]))]
    run(store.take_in(APP, [a_leg(f"k{at}", seconds=at, dialled_number=f"770{at}") for at in range(9)]))
    for change in ([a_leg("new", seconds=50)], [a_leg("old", seconds=1)], [reached("r", seconds=60)]):
        stamps.append(run(store.stamps(APP, [KEY])))
        run(store.take_in(APP, change))
    stamps.append(run(store.stamps(APP, [KEY])))
    done = Mark(number="7704", done_ms=BEGUN_MS + 10_000, extension="101")
    for act in (store.mark_done(APP, done, of=None), store.undo_done(APP, done)):
        assert run(act)
        stamps.append(run(store.stamps(APP, [KEY])))
    run(store.take_in(APP, [reached("r", seconds=60)]))

    assert len({stamp for (stamp,) in stamps}) == len(stamps)
    assert run(store.stamps(APP, [KEY])) == stamps[-1]


def test_stamps_are_of_one_moment(store: Store) -> None:
    """A delivery that changes lists of calls and of numbers is one change, whenever it is looked at."""

    async def seen() -> set[tuple[str, ...]]:
        pairs: set[tuple[str, ...]] = set()
        deliveries = asyncio.create_task(deliver())
        while not deliveries.done():
            pairs.add(tuple(await store.stamps(APP, [OUT_MISSED, KEY])))
            await asyncio.sleep(0)
        return pairs

    async def deliver() -> None:
        for number in range(150):
            await store.take_in(APP, [a_leg(f"k{number}", seconds=number, dialled_number=f"7701{number:07}")])

    pairs = run(seen())
    assert len(pairs) > 10
    assert len({calls for calls, _ in pairs}) == len({numbers for _, numbers in pairs}) == len(pairs)


def test_a_try_and_the_call_that_reaches_come_at_once(stores: Stores) -> None:
    """From two processes, time and again: the number is to ring back if the try was later, whoever wrote first."""
    url = stores.made()
    first, second = run(open_store(url)), run(open_store(url))
    run(first.add_app(AN_APP))
    run(first.add_agent(an_agent(extension="102")))

    async def both(number: str, seconds: int) -> None:
        tried = a_leg(f"t{number}", seconds=60, dialled_number=number)
        got = reached(f"r{number}", seconds=seconds, dialled_number=number)
        await asyncio.gather(first.take_in(APP, [tried]), second.take_in(APP, [got]))

    for turn in range(60):
        run(both(f"7701{turn:07}", 30 if turn % 2 else 90))

    assert sorted(told(first)) == [(f"7701{turn:07}", 1) for turn in range(1, 60, 2)]
    assert run(first.check()).faults == []
    run(first.close())
    run(second.close())
    stores.drop(url)


def test_a_number_that_is_not_there_leaves_nothing(store: Store) -> None:
    """Whoever marks or unmarks what is in no list, time and again, does not fill the store."""
    for number in ("1", "2"):
        assert not run(store.mark_done(APP, Mark(number=number, done_ms=1, extension="101"), of="101"))
        assert not run(store.undo_done(APP, Mark(number=number, done_ms=1, extension="101")))

    assert run(store.check()).faults == []


def test_rows_that_say_no_number_are_brought_up(stores: Stores) -> None:
    """In stores of schema 6, which counted tries each time: rows get their number and go on from there; marks stay."""
    url = stores.made()
    store = run(open_store(url))
    run(store.add_app(AN_APP))
    run(store.take_in(APP, [a_leg("a"), a_leg("b", seconds=1), a_leg("c", seconds=2, dialled_number=OTHER)]))
    run(store.put_marks(APP, [mark(0.5)]))
    assert told(store) == [(OTHER, 1), (NUMBER, 1)]
    run(store.close())
    for statement in ("DROP INDEX ring_back_of_number", "ALTER TABLE ring_back DROP COLUMN number", _schema_6(stores)):
        stores.ask(url, statement)

    store = run(open_store(url, migrate=True))
    assert told(store) == [(OTHER, 1), (NUMBER, 1)]
    assert run(store.marks(APP)) == [mark(0.5)]
    run(store.take_in(APP, [a_leg("again", seconds=90)]))
    assert told(store) == [(NUMBER, 2), (OTHER, 1)]
    assert run(store.check()).faults == []
    run(store.close())
    stores.drop(url)


def _schema_6(stores: Stores) -> str:
    return "PRAGMA user_version = 6" if isinstance(stores, SqliteStores) else "UPDATE ringback_schema SET version = 6"


@pytest.mark.parametrize("numbers", [1, 20_000])
def test_another_try_costs_the_same_however_many_there_were(store: Store, numbers: int) -> None:
    """A delivery is made dearer neither by many tries of its number nor by many other numbers to ring back."""
    run(store.add_app(ANOTHER_APP))
    many = [a_leg(f"many-{at}", seconds=at, dialled_number=f"7701{at % numbers + 1:07}") for at in range(20_000)]
    run(store.take_in(APP, many))
    later = count(30_000)

    def try_again(app: int) -> None:
        at = next(later)
        run(store.take_in(app, [a_leg(f"one-{at}", seconds=at)]))

    with_few, with_many = partial(try_again, ANOTHER_APP.app_id), partial(try_again, APP)

    assert dearer(with_many, with_few, 2.5, rounds=20) == []
    assert (dict(told(store))[NUMBER] or 0) > 20_000 // numbers + 20


def test_a_row_of_the_list_costs_the_same_in_a_long_one(store: Store) -> None:
    """Telling four times as many numbers takes about four times as long."""
    for extension, numbers in (("101", 1000), ("102", 4000)):
        run(
            store.take_in(
                APP,
                [
                    a_leg(f"{extension}-{at}", seconds=at, extension=extension, dialled_number=f"{extension}1{at:07}")
                    for at in range(numbers)
                ],
            )
        )

    assert (len(told(store, "101")), len(told(store, "102"))) == (1000, 4000)
    assert dearer(partial(told, store, "102"), partial(told, store, "101"), 8, rounds=3) == []
