"""A store that is plainly right: a set of legs, from which each list is merged, sorted and sliced anew. No SQL here.

The rules of the merge are written out once more; `ringback.telephony.call.merge` is not called.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from tests.storage.examples import as_texts

from ringback.storage.records import Intake, ListedCall, Range
from ringback.telephony.call import ListKey, ListKind, call_ref
from ringback.telephony.leg import CallLeg, encode_leg

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Row(NamedTuple):
    """A call in a list as users see it: all of `ListedCall` but the position; `ref` only orders what else is equal."""

    started_ms: int
    call_id: bytes
    ref: bytes
    number: str
    name: str | None
    rate: str
    billable_seconds: int
    disposition: str
    ringing_seconds: int | None
    tries: int | None = None


Shown = tuple[int, bytes, str, str | None, str, int, str, int | None, int | None]


def shown(row: Row | ListedCall) -> Shown:
    """Return what a user sees of a row, the same for the naive row and the store's."""
    return (
        row.started_ms,
        row.call_id,
        row.number,
        row.name,
        row.rate,
        row.billable_seconds,
        row.disposition,
        row.ringing_seconds,
        row.tries,
    )


class NaiveStore:
    """The calls of one app whose region is not set."""

    def __init__(self, app_id: int) -> None:
        self.app_id = app_id
        self.legs: set[CallLeg] = set()
        self.settled: set[str] = set()
        self.names: dict[str, str] = {}
        self.marks: set[tuple[str, int, str]] = set()

    def take_in(self, batch: Iterable[CallLeg]) -> Intake:
        """Keep the legs one by one and count what became of them."""
        intake = Intake()
        for leg in batch:
            if leg in self.legs or leg.call_key in self.settled:
                intake.duplicate += 1
            elif any(leg.call_key == kept.call_key for kept in self.legs):
                intake.merged += 1
            else:
                intake.new += 1
            if leg.call_key not in self.settled:
                self.legs.add(leg)
        return intake

    def purge(self, before_ms: int) -> int:
        """Forget the legs of all calls that started before; return how many calls."""
        old = {key for key, legs in self._calls().items() if _started_ms(legs) < before_ms}
        self._forget(old)
        self.marks = {mark for mark in self.marks if mark[1] >= before_ms}
        return len(old)

    def condense(self, before_ms: int) -> int:
        """Let nothing change calls that started before any more; return of how many that is new."""
        old = {key for key, legs in self._calls().items() if _started_ms(legs) < before_ms} - self.settled
        self.settled |= old
        return len(old)

    def erase(self, number: str) -> int:
        """Forget the legs of all calls that dialled this number or were called from it; return how many calls.

        Of condensed calls only the number that they show is kept.
        """
        named = {
            key
            for key, legs in self._calls().items()
            if number == _number(legs)
            or (
                key not in self.settled
                and number in [n for leg in legs for n in (leg.dialled_number, leg.calling_number)]
            )
        }
        self._forget(named)
        self.names.pop(number, None)
        self.marks = {mark for mark in self.marks if mark[0] != number}
        return len(named)

    def _forget(self, keys: set[str]) -> None:
        self.legs = {leg for leg in self.legs if leg.call_key not in keys}
        self.settled -= keys

    def lists(self) -> dict[ListKey, list[Row]]:
        """Return every list that is not empty, each newest first."""
        lists: dict[ListKey, list[Row]] = {}
        for key, legs in self._calls().items():
            row = _row(call_ref(self.app_id, key), legs)
            row = row._replace(name=self.names.get(row.number, row.name))
            for list_key in _lists(legs):
                lists.setdefault(list_key, []).append(row)
        return {key: sorted(rows, key=lambda row: row[:3], reverse=True) for key, rows in sorted(lists.items())}

    def all_lists(self) -> dict[ListKey, list[Row]]:
        """Return the same with the lists of numbers to ring back."""
        lists = self.lists()
        reached = {number: done_ms for number, done_ms, _ in sorted(self.marks, key=lambda mark: mark[1])}
        for key, rows in lists.items():
            if key.kind in (ListKind.OUT_ANSWERED, ListKind.IN_ANSWERED):
                for row in rows:
                    reached[row.number] = max(row.started_ms, reached.get(row.number, row.started_ms))
        for key, rows in self.lists().items():
            if key.kind == ListKind.OUT_MISSED:
                lists[ListKey(key.extension, ListKind.RING_BACK)] = _to_ring_back(rows, reached)
        return {key: rows for key, rows in lists.items() if rows}

    def page(self, key: ListKey, wanted: Range) -> tuple[int, list[Shown]]:
        """Return the count of a range and one of its pages."""
        count, rows = self._page(key, wanted)
        return count, [shown(row) for row in rows]

    def texts(self, key: ListKey, wanted: Range) -> tuple[int, list[dict[str, Any]]]:
        """Return the same as the texts of the calls should say it."""
        count, rows = self._page(key, wanted)
        return count, as_texts(rows)

    def app_page(self, kind: ListKind, wanted: Range) -> tuple[int, list[tuple[str, Shown]]]:
        """Return the count and a page of all agents' lists of a kind, sorted as one."""
        rows = [(row, key.extension) for key, rows in self.all_lists().items() if key.kind == kind for row in rows]
        found = [one for one in rows if one[1] and wanted.from_ms <= one[0].started_ms <= wanted.to_ms]
        found.sort(key=lambda one: (one[0].started_ms, one[0].call_id, one[1]), reverse=True)
        start = (wanted.page - 1) * wanted.limit
        return len(found), [(extension, shown(row)) for row, extension in found[start : start + wanted.limit]]

    def tallies(self, from_ms: int, to_ms: int) -> dict[str, dict[ListKind, int]]:
        """Return how many calls of a range each agent has of each kind."""
        told: dict[str, dict[ListKind, int]] = {}
        for key, rows in self.all_lists().items():
            count = sum(from_ms <= row.started_ms <= to_ms for row in rows)
            if count and key.extension:
                told.setdefault(key.extension, {})[key.kind] = count
        return told

    def counts(self, key: ListKey, bounds: list[int]) -> list[int]:
        """Return how many calls started from each bound until the next."""
        starts = [row.started_ms for row in self.all_lists().get(key, [])]
        return [sum(low <= start < high for start in starts) for low, high in pairwise(bounds)]

    def _page(self, key: ListKey, wanted: Range) -> tuple[int, list[Row]]:
        found = [row for row in self.all_lists().get(key, []) if wanted.from_ms <= row.started_ms <= wanted.to_ms]
        start = (wanted.page - 1) * wanted.limit
        return len(found), found[start : start + wanted.limit]

    def _calls(self) -> dict[str, list[CallLeg]]:
        calls: dict[str, list[CallLeg]] = {}
        for leg in sorted(self.legs, key=_order):
            calls.setdefault(leg.call_key, []).append(leg)
        return calls


def _to_ring_back(tried: list[Row], reached: dict[str, int]) -> list[Row]:
    """Of one agent's tries, the last of each number that was not reached since, with how many there were since then."""
    since: dict[str, list[Row]] = {}
    for row in sorted(tried, key=lambda row: (row.started_ms, row.ref)):
        if row.number != "unknown" and row.started_ms > reached.get(row.number, -1):
            since.setdefault(row.number, []).append(row)
    last = [rows[-1]._replace(tries=len(rows)) for rows in since.values()]
    return sorted(last, key=lambda row: row[:3], reverse=True)


# --- the rules, for the legs of one call in order of start ----------------------------------------------------------


def _order(leg: CallLeg) -> tuple[datetime, bool, str, bytes]:
    return leg.started_at, leg.direction != "outbound", leg.source_record_id, encode_leg(leg)


def _started_ms(legs: list[CallLeg]) -> int:
    microseconds = (min(leg.started_at for leg in legs) - _EPOCH) / (_EPOCH.resolution)
    return int(microseconds // 1000)


def _direction(legs: list[CallLeg]) -> str:
    """Which way the earliest leg from or to outside goes; of two at one moment the outgoing one counts."""
    outside = [leg for leg in legs if leg.direction != "internal"]
    earliest = {leg.direction.value for leg in outside if leg.started_at == outside[0].started_at}
    return "outbound" if "outbound" in earliest else "inbound" if earliest else "internal"


def _number(legs: list[CallLeg]) -> str:
    if _direction(legs) == "outbound":
        placed = [leg for leg in legs if leg.direction == "outbound"]
        others = [leg for leg in legs if leg.direction != "outbound"]
        told = [*_called_side_first(placed), *_called_side_first(others)]
        return next((leg.dialled_number for leg in told if leg.dialled_number), "unknown")
    way = _direction(legs)
    told = [leg for leg in legs if leg.direction == way] + [leg for leg in legs if leg.direction != way]
    return next((leg.calling_number for leg in told if leg.calling_number), "unknown")


def _called_side_first(legs: list[CallLeg]) -> list[CallLeg]:
    return [leg for leg in legs if leg.side != "a"] + [leg for leg in legs if leg.side == "a"]


def _proofs(legs: list[CallLeg]) -> list[CallLeg]:
    """The legs that show that the other party picked up."""
    sides = {leg.side for leg in legs}
    return [leg for leg in legs if leg.disposition == "answered" and not (leg.side == "a" and "b" in sides)]


def _row(ref: bytes, legs: list[CallLeg]) -> Row:
    given = sorted(leg.call_id for leg in legs if leg.call_id)
    reasons = [leg.disposition.value for leg in legs if leg.disposition not in ("answered", "unknown")]
    return Row(
        started_ms=_started_ms(legs),
        call_id=bytes.fromhex(given[0]) if given else ref,
        ref=ref,
        number=_number(legs),
        name=([leg.name for leg in legs if leg.name] + [None])[0],
        rate=str(max(Decimal(leg.rate or "0") for leg in legs).quantize(Decimal("0.0001"))),
        billable_seconds=max([leg.billable_seconds or 0 for leg in _proofs(legs)] + [0]),
        disposition="answered" if _proofs(legs) else ["unknown", *reasons][-1],
        ringing_seconds=_ringing_seconds([leg for leg in legs if leg.ringing_at]),
    )


def _ringing_seconds(rang: list[CallLeg]) -> int | None:
    ends = [end for leg in rang if (end := leg.answered_at or leg.ended_at)]
    if not ends:
        return None
    return max(0, (max(ends) - min(leg.ringing_at for leg in rang if leg.ringing_at)).seconds)


def _lists(legs: list[CallLeg]) -> set[ListKey]:
    way, proofs = _direction(legs), _proofs(legs)
    placed = [leg.extension for leg in legs if leg.extension and leg.direction == "outbound"]
    took = [leg.extension for leg in proofs if leg.extension]
    rang = {leg.extension for leg in legs if leg.extension and leg.direction != "outbound"}
    if way == "outbound" and placed:
        return {ListKey(placed[0], ListKind.OUT_ANSWERED if proofs else ListKind.OUT_MISSED)}
    if way == "inbound" and took:
        return {ListKey(took[0], ListKind.IN_ANSWERED)}
    if way == "inbound" and rang and not proofs:
        return {ListKey(extension, ListKind.IN_MISSED) for extension in rang}
    return {ListKey("", ListKind.OTHER)}
