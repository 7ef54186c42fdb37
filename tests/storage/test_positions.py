"""The numbering, on every small list there is, against sorting and numbering anew."""

from collections.abc import Iterator
from itertools import chain, combinations, combinations_with_replacement, product

import pytest

from ringback.storage.positions import (
    EMPTY_LIST,
    Changes,
    Entry,
    MissingEntry,
    Renumbering,
    Shift,
    Span,
    close_gaps,
    renumber,
)

FIRST = 7
TIMES = (10, 20, 30)


def an_entry(started_ms: int, number: int, name: str | None = None) -> Entry:
    return Entry(started_ms, None, bytes([number]), "77010000001", name or "", "busy", None)


def planned(entries: list[Entry], changes: Changes) -> Renumbering:
    """Renumber a whole list that starts at `FIRST`, with the window found by looking at each row."""
    earliest, latest = changes.times()
    before = sum(entry.started_ms < earliest for entry in entries)
    rows = [entry for entry in entries if earliest <= entry.started_ms <= latest]
    whole = Span(FIRST, FIRST + len(entries) - 1) if entries else EMPTY_LIST
    start = whole.first + before
    return renumber(whole, Span(start, start + len(rows) - 1), rows, changes)


def written(entries: list[Entry], plan: Renumbering) -> dict[int, Entry]:
    """Carry a plan out on numbered rows; no two rows may meet at one position."""
    table = dict(enumerate(entries, FIRST if entries else 1))
    for position in range(plan.replaced.first, plan.replaced.last + 1):
        del table[position]
    if plan.shift:
        span, by = plan.shift
        moved = {position + by: table.pop(position) for position in range(span.first, span.last + 1)}
        assert not moved.keys() & table.keys()
        table |= moved
    fresh = dict(enumerate(plan.rows, plan.start))
    assert not fresh.keys() & table.keys()
    return dict(sorted((table | fresh).items()))


def small_cases() -> Iterator[tuple[list[Entry], Changes]]:
    """All lists of up to four rows, with any of them removed or renamed and up to two new ones at any place."""
    lists = [times for size in range(5) for times in combinations_with_replacement(TIMES, size)]
    arrivals = [times for size in range(3) for times in combinations_with_replacement(TIMES, size)]
    for times, new_times, first_id in product(lists, arrivals, (0, 100)):
        entries = [an_entry(at, 50 + number) for number, at in enumerate(times)]
        new = [an_entry(at, first_id + number) for number, at in enumerate(new_times)]
        for fates in product(("stays", "leaves", "renamed"), repeat=len(entries)):
            gone = [entry for entry, fate in zip(entries, fates, strict=True) if fate != "stays"]
            renamed = [entry for entry, fate in zip(entries, fates, strict=True) if fate == "renamed"]
            if gone or new:
                yield entries, Changes(gone, new + [entry._replace(shown="Ann") for entry in renamed])


def test_every_small_change_leaves_the_list_dense_and_in_order() -> None:
    """Whatever leaves and comes, the rows are those that a sort gives, at positions without a gap."""
    for entries, changes in small_cases():
        table = written(entries, planned(entries, changes))

        stayed = [entry for entry in entries if entry not in changes.removed]
        assert list(table.values()) == sorted(stayed + changes.added, key=lambda entry: entry.key)
        assert list(table) == list(range(min(table, default=0), min(table, default=0) + len(table)))


def test_only_the_shorter_side_moves() -> None:
    """The longer of the two blocks beside the touched rows keeps its positions, and none moves when the size stays."""
    for entries, changes in small_cases():
        plan = planned(entries, changes)

        earliest, latest = changes.times()
        older = sum(entry.started_ms < earliest for entry in entries)
        newer = sum(entry.started_ms > latest for entry in entries)
        moved = plan.shift.span.size if plan.shift else 0
        assert moved == (min(older, newer) if len(changes.added) != len(changes.removed) else 0)


def test_rows_before_the_first_change_are_not_written_again() -> None:
    """A call appended behind calls of its own millisecond writes one row and touches no other."""
    entries = [an_entry(10, number) for number in range(5)]

    plan = planned(entries, Changes([], [an_entry(10, 9)]))

    assert plan.replaced.size == 0
    assert plan.rows == [an_entry(10, 9)]
    assert plan.shift is None


@pytest.mark.parametrize("missing", [an_entry(10, 99), an_entry(20, 1)], ids=["another id", "another time"])
def test_a_row_that_is_not_there_cannot_leave(missing: Entry) -> None:
    """Removing a row that the list does not hold is refused before anything is written."""
    entries = [an_entry(10, 1), an_entry(20, 2), an_entry(20, 3)]

    with pytest.raises(MissingEntry):
        planned(entries, Changes([entries[0], missing], []))


@pytest.mark.parametrize("size", range(1, 8))
def test_gaps_are_closed_in_order(size: int) -> None:
    """Whichever rows leave a list, the moves make it dense again, in order, and never put a row on another."""
    whole = Span(FIRST, FIRST + size - 1)
    for gone in chain.from_iterable(combinations(range(FIRST, FIRST + size), count) for count in range(1, size + 1)):
        table = {position: position for position in range(FIRST, FIRST + size) if position not in gone}
        before = sorted(table.values())
        for span, by in close_gaps(whole, gone):
            moved = {position + by: table.pop(position) for position in range(span.first, span.last + 1)}
            assert not moved.keys() & table.keys()
            table |= moved

        assert [table[position] for position in sorted(table)] == before
        assert not table or max(table) - min(table) + 1 == len(table)


def test_the_longest_run_of_rows_stays_put() -> None:
    """Rows that leave near one end move that end only."""
    assert close_gaps(Span(1, 1000), [3, 5]) == [Shift(Span(4, 4), 1), Shift(Span(1, 2), 2)]
    assert close_gaps(Span(1, 1000), [998]) == [Shift(Span(999, 1000), -1)]
