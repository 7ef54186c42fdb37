"""Calls by the number they went to or came from, and how numbers to ring back follow from them. Pure: no store, no SQL.

A number is to be rung back by an agent who tried it, until it is reached: an answered call of any agent, either way, or
a mark by hand. A try counts when it started after the number was last reached. The list holds each number's last try.

Rows leave this list from its midst all the time, so positions are not written down: moving all rows behind would cost
more the longer the list is. Instead rows are counted by spans of their start, wide ones and narrow ones; the position
of a moment is the sum of a few counts, and the row at a position is found by the same sums.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from ringback.storage.positions import Changes, Entry
from ringback.storage.records import EARLIEST_MS
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.numbers import UNKNOWN_NUMBER

# What spans of starts are: epoch milliseconds without their last bits. 2**30 of them are twelve days, 2**26 19 hours,
# 2**22 70 minutes: a year has thirty of the first, and each has sixteen of the next.
SPAN_BITS = (30, 26, 22)
REVISION_BITS = 63  # in the place of bits: not a count of rows, but of the changes to the list
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
        return sorted({call.number for call in (*self.gone, *self.came)})


def numbered(changes: Mapping[ListKey, Changes]) -> Numbered:
    """Return what changes to lists do to the calls by number."""
    gone: list[NumberedCall] = []
    came: list[NumberedCall] = []
    for key, change in changes.items():
        if key.kind in FOLLOWED:
            gone += _calls(key, change.removed)
            came += _calls(key, change.added)
    return Numbered(gone, came)


def _calls(key: ListKey, entries: Iterable[Entry]) -> list[NumberedCall]:
    was_reached, extension = key.kind is not ListKind.OUT_MISSED, key.extension
    return [
        NumberedCall(entry.number, was_reached, entry.started_ms, entry.call_ref, extension)
        for entry in entries
        if entry.number != UNKNOWN_NUMBER
    ]


def numbered_call(key: ListKey, number: str, started_ms: int, call_ref: bytes) -> Sequence[NumberedCall]:
    """Return what a row of a list of calls is among the calls by number: one call, or nothing."""
    if key.kind not in FOLLOWED or number == UNKNOWN_NUMBER:
        return ()
    return (NumberedCall(number, key.kind is not ListKind.OUT_MISSED, started_ms, call_ref, key.extension),)


# --- what follows --------------------------------------------------------------------------------------------------


class ToRingBack(NamedTuple):
    """A row of an agent's list: the last try of a number, and how many there were since the number was last reached."""

    extension: str
    started_ms: int
    call_ref: bytes
    tries: int
    number: str  # last: rows are found by their number, too


class Standing(NamedTuple):
    """How a number stands: when it was last reached, and the rows that it has in lists, by extension."""

    reached_ms: int
    rows: dict[str, ToRingBack]


def standings(rows: Iterable[Sequence[Any]]) -> dict[str, Standing]:
    """Return how numbers stand, of rows of number, when it was last reached, and a `ToRingBack` or its place empty."""
    told: dict[str, Standing] = {}
    for number, reached_ms, extension, started_ms, call_ref, tries in rows:
        standing = told.get(number)
        if standing is None:
            standing = told[number] = Standing(EARLIEST_MS if reached_ms is None else reached_ms, {})
        if extension is not None:
            standing.rows[extension] = ToRingBack(extension, started_ms, call_ref, tries, number)
    return told


def followed(before: Mapping[str, Standing], changed: Numbered) -> tuple[dict[str, Standing], list[str]]:
    """Return how numbers stand after calls of them went and came; and of which that cannot be said without a look.

    Nearly always it can: a call that came was the number's newest.
    """
    after = dict(before)
    unsure = {call.number for call in changed.gone}
    for call in sorted(changed.came, key=_was_reached, reverse=True):
        if call.number not in unsure:
            standing = _with(after[call.number], call)
            if standing is None:
                unsure.add(call.number)
            else:
                after[call.number] = standing
    return after, sorted(unsure)


_was_reached = itemgetter(1)


def _with(standing: Standing, call: NumberedCall) -> Standing | None:
    """How a number stands with one call more; None where tries before it have to be told from those after it."""
    number, was_reached, started_ms, call_ref, extension = call
    if started_ms <= standing.reached_ms:
        return standing
    if was_reached:
        is_newest = all(row.started_ms <= started_ms for row in standing.rows.values())
        return Standing(started_ms, {}) if is_newest else None
    tries = 1
    if (row := standing.rows.get(extension)) is not None:
        started_ms, call_ref = max((started_ms, call_ref), (row.started_ms, row.call_ref))
        tries += row.tries
    return Standing(
        standing.reached_ms, {**standing.rows, extension: ToRingBack(extension, started_ms, call_ref, tries, number)}
    )


class CountChange(NamedTuple):
    """By how much a count of a list changes: the rows of a span, or (`REVISION_BITS`) the list's revision."""

    extension: str
    bits: int
    slot: int
    by: int


class Rewriting(NamedTuple):
    """What changes in the lists of numbers to ring back: rows, and counts."""

    gone: list[ToRingBack]
    came: list[ToRingBack]
    counts: list[CountChange]


def rewriting(before: Mapping[str, Standing], after: Mapping[str, Standing]) -> Rewriting:
    """Return the writes that take the lists from one to the other; all in order, as every writer puts them."""
    gone: list[ToRingBack] = []
    came: list[ToRingBack] = []
    for number, standing in after.items():
        had, has = before[number].rows if number in before else _NO_ROWS, standing.rows
        if had is not has:
            gone += [row for extension, row in had.items() if has.get(extension) != row]
            came += [row for extension, row in has.items() if had.get(extension) != row]
    gone.sort()
    came.sort()
    return Rewriting(gone, came, _count_changes(gone, came))


_NO_ROWS: dict[str, ToRingBack] = {}


def _count_changes(gone: Iterable[ToRingBack], came: Iterable[ToRingBack]) -> list[CountChange]:
    changed: defaultdict[tuple[str, int, int], int] = defaultdict(int)
    for rows, by in ((gone, -1), (came, 1)):
        for extension, started_ms, _, _, _ in rows:
            changed[extension, REVISION_BITS, 0] = 1
            for bits in SPAN_BITS:
                changed[extension, bits, started_ms >> bits] += by
    return [CountChange(*key, by) for key, by in sorted(changed.items()) if by]
