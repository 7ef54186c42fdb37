"""Pages over many lists against sorting them all: exact wherever the page is, in few questions, whatever the times."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from ringback.storage.positions import Span
from ringback.storage.ranking import page_slice

FIRST = 1000  # the position of each list's first call

# Times that tie, times far apart, and crowds of both kinds.
moments = st.one_of(st.integers(0, 5), st.integers(0, 10**12), st.integers(10**9, 10**9 + 300))
many = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(moments, min_size=1, max_size=60).map(sorted))


def asked(lists: Mapping[str, Sequence[int]], skipped: int, most: int, to_ms: int = 10**12) -> tuple[list[int], int]:
    """Return the times on a page, newest first, and how many questions it took."""
    spans = {name: Span(FIRST, FIRST + len(starts) - 1) for name, starts in lists.items()}
    asking = page_slice(spans, 0, to_ms, skipped, most)
    questions = 0
    try:
        at_ms, names = next(asking)
        while True:
            questions += 1
            at_ms, names = asking.send([FIRST - 1 + bisect_right(lists[name], at_ms) for name in names])
    except StopIteration as done:
        found = done.value
    rows = [
        lists[name][position - FIRST]
        for name, span in found.spans.items()
        for position in range(span.first, span.last + 1)
    ]
    return sorted(rows, reverse=True)[found.skipped : found.skipped + most], questions


@given(lists=many, skipped=st.integers(0, 500), most=st.integers(1, 100))
def test_a_page_is_that_of_all_lists_sorted(lists: dict[str, list[int]], skipped: int, most: int) -> None:
    """Whatever the times of the calls, the page has the calls that sorting all of them would put there."""
    whole = sorted((start for starts in lists.values() for start in starts), reverse=True)

    assert asked(lists, skipped, most)[0] == whole[skipped : skipped + most]


def test_few_questions_find_a_page_among_many_calls() -> None:
    """Of a hundred thousand calls in office hours over a month, any page is found in a dozen or so questions."""
    day = 86_400_000
    lists = {
        str(agent): sorted(
            (number % 30) * day + 9 * 3_600_000 + (number * 7919 * (agent + 1)) % (8 * 3_600_000)
            for number in range(2_000)
        )
        for agent in range(50)
    }
    for skipped in (0, 25, 50_000, 99_975):
        page, questions = asked(lists, skipped, 25, to_ms=30 * day)
        assert len(page) == 25
        assert questions <= 40, skipped


def test_calls_of_one_millisecond_are_all_there() -> None:
    """A crowd at one moment is not parted by time: all of it is read, and none of it is lost."""
    lists = {"a": [7] * 500, "b": [7] * 500 + [8]}

    assert asked(lists, 0, 1)[0] == [8]
    assert asked(lists, 990, 25)[0] == [7] * 11
    assert asked(lists, 1001, 25)[0] == []
