"""What a batch of legs changes: which legs are new, which rows leave and join which lists. Pure: no store, no SQL."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from ringback.storage.base import Intake
from ringback.storage.positions import Changes, Entry
from ringback.telephony.call import Call, ListKey, call_ref, merge
from ringback.telephony.leg import CallLeg, decode_leg, encode_leg, leg_digest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class PlacedLeg(NamedTuple):
    """A leg as it is stored: the call it belongs to, its digest among that call's legs, and its facts as JSON."""

    call_ref: bytes
    digest: bytes
    facts: bytes
    leg: CallLeg


class Placing(NamedTuple):
    """The writes of some deliveries: the legs to keep, what each list gains and loses, and each delivery's counts."""

    legs: list[PlacedLeg]
    changes: dict[ListKey, Changes]
    intakes: list[Intake]


Grouped = Mapping[bytes, Sequence[PlacedLeg]]


def epoch_ms(time: datetime) -> int:
    """Return whole epoch milliseconds, rounded down."""
    return (time - _EPOCH) // _MILLISECOND


def group_legs(app_id: int, legs: Iterable[CallLeg]) -> dict[bytes, list[PlacedLeg]]:
    """Return the legs by the call they belong to; refs in order, so that every writer meets calls in the same order."""
    grouped: dict[bytes, list[PlacedLeg]] = {}
    for leg in legs:
        ref = call_ref(app_id, leg.call_key)
        facts = encode_leg(leg)
        grouped.setdefault(ref, []).append(PlacedLeg(ref, leg_digest(facts), facts, leg))
    return dict(sorted(grouped.items()))


def place(
    deliveries: Sequence[Grouped], known: Mapping[bytes, Mapping[bytes, bytes | str]], region: str | None
) -> Placing:
    """Plan what the deliveries change, one after the other, given the facts already kept of each call (by digest)."""
    fresh: dict[bytes, dict[bytes, PlacedLeg]] = {}
    intakes = [_count(grouped, known, fresh) for grouped in deliveries]
    changes: dict[ListKey, Changes] = {}
    for ref, legs in fresh.items():
        _place_call(changes, ref, known.get(ref, {}), [leg.leg for leg in legs.values()], region)
    return Placing([leg for legs in fresh.values() for leg in legs.values()], changes, intakes)


def _count(
    grouped: Grouped, known: Mapping[bytes, Mapping[bytes, bytes | str]], fresh: dict[bytes, dict[bytes, PlacedLeg]]
) -> Intake:
    """Add to `fresh` the legs that are new, and count what became of each."""
    intake = Intake()
    for ref, legs in grouped.items():
        kept, before = known.get(ref, {}), fresh.get(ref, {})
        added = {leg.digest: leg for leg in legs if leg.digest not in kept and leg.digest not in before}
        intake.duplicate += len(legs) - len(added)
        if added:
            is_new = not kept and not before
            intake.new += is_new
            intake.merged += len(added) - is_new
            fresh.setdefault(ref, {}).update(added)
    return intake


def entry_of(call: Call) -> Entry:
    """Return the call as the row its lists hold."""
    return Entry(
        epoch_ms(call.started_at),
        call.given_id,
        call.call_ref,
        call.number,
        call.name,
        call.rate,
        call.billable_seconds,
        call.disposition.value,
        call.ringing_seconds,
    )


def _place_call(
    changes: dict[ListKey, Changes],
    ref: bytes,
    kept: Mapping[bytes, bytes | str],
    fresh: list[CallLeg],
    region: str | None,
) -> None:
    before: dict[ListKey, Entry] = {}
    if kept:
        old_legs = [decode_leg(facts) for facts in kept.values()]
        before = _rows(merge(ref, old_legs, region))
        fresh = old_legs + fresh
    after = _rows(merge(ref, fresh, region))
    for key, entry in before.items():
        if after.get(key) != entry:
            changes.setdefault(key, Changes([], [])).removed.append(entry)
    for key, entry in after.items():
        if before.get(key) != entry:
            changes.setdefault(key, Changes([], [])).added.append(entry)


def _rows(call: Call) -> dict[ListKey, Entry]:
    entry = entry_of(call)
    return dict.fromkeys(call.lists, entry)
