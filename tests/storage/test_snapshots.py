"""Reading while another process writes: one request sees one moment, and a fixed range stands still."""

import time
from collections.abc import Callable, Iterator

import pytest
from tests.loop import run
from tests.storage.examples import AN_AGENT, AN_APP, BEGUN_MS, NOW_MS, OUT_MISSED, add_token, texts, walked
from tests.storage.processes import pouring
from tests.telephony.examples import a_leg

from ringback.storage.base import Store
from ringback.storage.records import Page, Range
from ringback.telephony.call import ListKind

CALLS = 1000
FIXED = {"from_ms": BEGUN_MS, "to_ms": BEGUN_MS + 999_999}


@pytest.fixture
def filled(store: Store) -> Store:
    """A store with a thousand calls of one agent, three in a second."""
    run(store.take_in(AN_APP.app_id, [a_leg(f"k{number}", seconds=number // 3) for number in range(CALLS)]))
    return store


def page(store: Store, number: int, limit: int) -> Page:
    return run(store.page(AN_APP.app_id, OUT_MISSED, Range(**FIXED, page=number, limit=limit)))


def for_a_while(has_grown: Callable[[], bool]) -> Iterator[None]:
    """Go on for a second and a half and until something has come in, which must be soon."""
    began = time.monotonic()
    while time.monotonic() < began + 1.5 or not has_grown():
        assert time.monotonic() < began + 30
        yield


def test_pages_of_a_fixed_range_show_every_call_once(filled: Store, store_url: str) -> None:
    """While newer and older calls pour in from another process, each walk of the pages sees the same thousand calls."""
    before = page(filled, 1, CALLS).calls
    with pouring(store_url, "new"):
        for _ in for_a_while(lambda: run(filled.page(AN_APP.app_id, OUT_MISSED, Range())).count > CALLS):
            pages = [page(filled, number, 37) for number in range(1, CALLS // 37 + 2)]

            assert {found.count for found in pages} == {CALLS}
            assert [call.call_id for found in pages for call in found.calls] == [call.call_id for call in before]


def test_a_page_and_its_count_are_of_one_moment(filled: Store, store_url: str) -> None:
    """While calls are put into the very range, every single page has the rows that its own count promises."""
    counts: list[int] = []
    with pouring(store_url, "into"):
        for _ in for_a_while(lambda: counts[-1] > counts[0]):
            found = page(filled, 1 + len(counts) % 3, 499)
            counts.append(found.count)

            assert len(found.calls) == min(499, found.count - (len(counts) - 1) % 3 * 499)
            order = [(call.started_ms, call.call_id, call.position) for call in found.calls]
            assert order == sorted(order, reverse=True)
            assert order[0][2] - order[-1][2] == len(order) - 1
    assert counts[0] >= CALLS


def test_a_token_s_page_and_its_count_are_of_one_moment(filled: Store, store_url: str) -> None:
    """The same for a page asked for with a token, which is another statement."""
    run(filled.add_agent(AN_AGENT))
    assert add_token(filled, AN_AGENT, b"digest")
    counts: list[int] = []
    with pouring(store_url, "into"):
        for _ in for_a_while(lambda: counts[-1] > counts[0]):
            wanted = Range(**FIXED, page=1 + len(counts) % 3, limit=499)
            found = run(filled.page_of_token(AN_APP.app_id, b"digest", NOW_MS, ListKind.OUT_MISSED, wanted))
            assert found is not None
            counts.append(found.count)

            rows = texts(found)
            assert len(rows) == min(499, found.count - (len(counts) - 1) % 3 * 499)
            order = [(row["started_ms"], row["call_id"]) for row in rows]
            assert order == sorted(set(order), reverse=True)
    assert counts[0] >= CALLS


def test_a_walk_is_of_one_moment(filled: Store, store_url: str) -> None:
    """While calls are put in before, behind and between, a walk tells calls of its range only, dense and in order."""
    middle = Range(from_ms=BEGUN_MS + 150_000, to_ms=BEGUN_MS + 170_000)
    with pouring(store_url, "into"):
        for _ in for_a_while(lambda: len(walked(filled, OUT_MISSED, middle)) > 63):
            calls = walked(filled, OUT_MISSED, middle)

            order = [(call.started_ms, call.call_id) for call in calls]
            assert order == sorted(order, reverse=True)
            assert middle.from_ms <= order[-1][0] <= order[0][0] <= middle.to_ms
            assert calls[0].position - calls[-1].position == len(calls) - 1


def test_a_store_is_sound_in_the_midst_of_writing(filled: Store, store_url: str) -> None:
    """The store's proof of itself reads one moment too: it finds no fault while another process writes."""
    with pouring(store_url, "into"):
        reports = [run(filled.check()) for _ in range(3)]

    assert [report.faults for report in reports] == [[], [], []]
    assert reports[-1].calls > CALLS
