"""The numbering of call lists: dense positions in the order (started, id). Pure: plain rows in, plain rows out.

A list's calls stand at positions first..last without a gap, oldest lowest, so that the count of a range is a difference
of two positions and a page is a run of them. Nothing here reads or writes a store.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple


class Entry(NamedTuple):
    """A call's row in a list, all but its position. `key` orders it; no two calls share one."""

    started_ms: int
    given_id: bytes | None
    call_ref: bytes
    number: str
    shown: str
    disposition: str
    ringing_seconds: int | None

    @property
    def call_id(self) -> bytes:
        """The 12 bytes that clients know the call by."""
        return self.given_id or self.call_ref

    @property
    def key(self) -> tuple[int, bytes, bytes]:
        """What orders a list: start, then id; the last part only parts two calls that claim one id."""
        return self.started_ms, self.given_id or self.call_ref, self.call_ref


class Span(NamedTuple):
    """Positions from `first` to `last`, both included; empty where last is first - 1."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many positions these are."""
        return self.last - self.first + 1


EMPTY_LIST = Span(1, 0)


class Changes(NamedTuple):
    """What a batch does to one list: rows that leave and rows that come (a changed row does both)."""

    removed: list[Entry]
    added: list[Entry]

    def times(self) -> tuple[int, int]:
        """The earliest and the latest start touched, in epoch milliseconds: only these rows can need reading."""
        starts = [entry.started_ms for entry in (*self.removed, *self.added)]
        return min(starts), max(starts)


class Shift(NamedTuple):
    """Move the rows of a span by so many positions, up or (negative) down."""

    span: Span
    by: int


class Renumbering(NamedTuple):
    """How to write a batch into a list: drop the rows of `replaced`, then shift, then put `rows` from `start` on."""

    replaced: Span
    shift: Shift | None
    start: int
    rows: Sequence[Entry]


class MissingEntry(Exception):
    """A row that should leave a list is not in it."""


def renumber(whole: Span, window: Span, rows: Sequence[Entry], changes: Changes) -> Renumbering:
    """Plan the writes that put `changes` into a list and keep its positions dense and in order.

    `whole` is the list's span, `window` the span of the rows whose start lies within `changes.times()` (empty, at the
    place where they would stand, when there are none) and `rows` those rows in order. What lies above or below the
    window moves as a block, whichever is the shorter. Raises `MissingEntry`.
    """
    if not rows and not changes.removed and window.first > whole.last:  # nearly always: calls come as they are made
        return Renumbering(window, None, window.first, _in_order(changes.added))
    merged = _in_order(_without(rows, changes.removed) + changes.added)
    grown = len(merged) - len(rows)
    above, below = Span(window.last + 1, whole.last), Span(whole.first, window.first - 1)
    if above.size <= below.size:
        start, shift = window.first, Shift(above, grown)
    else:
        start, shift = window.first - grown, Shift(below, -grown)
    moved = shift if grown and shift.span.size else None
    same = _common_start(rows, merged) if start == window.first else 0
    return Renumbering(Span(window.first + same, window.last), moved, start + same, merged[same:])


def _in_order(rows: list[Entry]) -> list[Entry]:
    return sorted(rows, key=lambda entry: entry.key) if len(rows) > 1 else rows


def _without(rows: Sequence[Entry], removed: Iterable[Entry]) -> list[Entry]:
    leaving = {entry.key for entry in removed}
    if not leaving:
        return list(rows)
    kept = [entry for entry in rows if entry.key not in leaving]
    if len(kept) + len(leaving) != len(rows):
        raise MissingEntry
    return kept


def _common_start(before: Sequence[Entry], after: Sequence[Entry]) -> int:
    same = 0
    for old, new in zip(before, after, strict=False):
        if old != new:
            break
        same += 1
    return same


def close_gaps(whole: Span, gone: Sequence[int]) -> list[Shift]:
    """Plan the moves that make a list dense again whose rows at these positions (in order) have been dropped.

    The longest block of rows that stay together stays put; those above it move down and those below it up, in the order
    given, so that each finds its place free.
    """
    ends = (whole.first - 1, *gone, whole.last + 1)
    blocks = [Span(low + 1, high - 1) for low, high in pairwise(ends)]
    still = max(range(len(blocks)), key=lambda number: blocks[number].size)
    above = [Shift(block, -by) for by, block in enumerate(blocks[still + 1 :], 1)]
    below = [Shift(block, by) for by, block in enumerate(reversed(blocks[:still]), 1)]
    return [shift for shift in (*above, *below) if shift.span.size > 0]
