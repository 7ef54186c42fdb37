"""Calls by the number they went to or came from, and how numbers to ring back follow from them. Pure: no store, no SQL.

A number is to be rung back by an agent who tried it, until it is reached: an answered call of any agent, either way, or
a mark by hand. A try counts when it started after the number was last reached. The list holds each number's last try.

Rows leave this list from its midst all the time, so positions are not written down: moving all rows behind would cost
more the longer the list is. Instead rows are counted by spans of their start, coarse ones to fine ones; the position
of a moment is the sum of a few counts, and the row at a position is found by the same sums.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ringback.storage.positions import Changes, Entry
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.numbers import UNKNOWN_NUMBER

# What spans of starts are: epoch milliseconds without their last bits. 2**28 of them are three days, 2**20 17 minutes.
SPAN_BITS = (28, 24, 20)
REVISION_BITS = 0  # in the place of bits: not a count of rows, but of the changes to the list
FOLLOWED = (ListKind.OUT_MISSED, ListKind.OUT_ANSWERED, ListKind.IN_ANSWERED)


class NumberedCall(NamedTuple):
    """A call of a number: a try of the agent with this extension, or one in which the number was reached."""

    number: str
    was_reached: bool
    started_ms: int
    call_ref: bytes
    extension: str


class Numbered(NamedTuple):
    """What a batch does to the calls by number."""

    gone: list[NumberedCall]
    came: list[NumberedCall]

    @property
    def numbers(self) -> list[str]:
        """The numbers that may be to ring back, or no longer, in order."""
        return sorted({call.number for call in self.gone} | {call.number for call in self.came})


def numbered(changes: Mapping[ListKey, Changes]) -> Numbered:
    """Return what changes to lists do to the calls by number."""
    gone = [call for key, change in changes.items() for call in _calls(key, change.removed)]
    came = [call for key, change in changes.items() for call in _calls(key, change.added)]
    return Numbered(gone, came)


def _calls(key: ListKey, entries: Iterable[Entry]) -> Iterable[NumberedCall]:
    return (call for one in entries for call in numbered_call(key, one.number, one.started_ms, one.call_ref))


def numbered_call(key: ListKey, number: str, started_ms: int, call_ref: bytes) -> Sequence[NumberedCall]:
    """Return what a row of a list of calls is among the calls by number: one call, or nothing."""
    if key.kind not in FOLLOWED or number == UNKNOWN_NUMBER:
        return ()
    return (NumberedCall(number, key.kind is not ListKind.OUT_MISSED, started_ms, call_ref, key.extension),)


class CountChange(NamedTuple):
    """By how much a count of a list changes: the rows of a span, or (`REVISION_BITS`) the list's revision."""

    extension: str
    bits: int
    slot: int
    by: int


def count_changes(gone: Iterable[tuple[str, int]], came: Iterable[tuple[str, int]]) -> list[CountChange]:
    """Return what rows of these extensions and starts that went and came do to counts, in order."""
    went, came = list(gone), list(came)
    changed: Counter[tuple[str, int, int]] = Counter()
    for rows, by in ((went, -1), (came, 1)):
        for extension, started_ms in rows:
            for bits in SPAN_BITS:
                changed[extension, bits, started_ms >> bits] += by
    for extension in {extension for extension, _ in (*went, *came)}:
        changed[extension, REVISION_BITS, 0] = 1
    return [CountChange(*key, by) for key, by in sorted(changed.items()) if by]
