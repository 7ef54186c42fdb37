"""What a batch of legs changes: which legs are new, which rows leave and join which lists. Pure: no store, no SQL."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from ringback.storage.positions import Changes, Entry
from ringback.storage.records import Intake
from ringback.storage.shown import shown_text
from ringback.telephony.call import Call, ListKey, call_ref, merge
from ringback.telephony.condensing import is_condensed
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

_NO_LEGS: Mapping[bytes, Any] = {}


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
    changes: defaultdict[ListKey, Changes] = defaultdict(_no_changes)
    for ref, placed in fresh.items():
        legs = [leg.leg for leg in placed.values()]
        if kept := known.get(ref):
            _replace_call(changes, ref, [decode_leg(facts) for facts in kept.values()], legs, region)
        else:
            _add_call(changes, merge(ref, legs, region))
    return Placing([leg for legs in fresh.values() for leg in legs.values()], changes, intakes)


def _count(
    grouped: Grouped, known: Mapping[bytes, Mapping[bytes, bytes | str]], fresh: dict[bytes, dict[bytes, PlacedLeg]]
) -> Intake:
    """Add to `fresh` the legs that are new, and count what became of each."""
    new = merged = duplicate = 0
    for ref, legs in grouped.items():
        if len(legs) == 1 and ref not in known and ref not in fresh:  # most calls have one leg and come once
            fresh[ref] = {legs[0].digest: legs[0]}
            new += 1
            continue
        kept, before = known.get(ref, _NO_LEGS), fresh.get(ref, _NO_LEGS)
        if kept and _is_settled(kept, legs):
            duplicate += len(legs)
            continue
        added = {leg.digest: leg for leg in legs if leg.digest not in kept and leg.digest not in before}
        duplicate += len(legs) - len(added)
        if before:
            fresh[ref].update(added)
        elif added:
            fresh[ref] = added
        is_new = bool(added) and not kept and not before
        new += is_new
        merged += len(added) - is_new
    return Intake(new=new, merged=merged, duplicate=duplicate)


def _is_settled(kept: Mapping[bytes, bytes | str], legs: Sequence[PlacedLeg]) -> bool:
    """Whether the call's legs or those that come are condensed: too late to tell a resend from news."""
    return is_condensed(next(iter(kept.values()))) or is_condensed(legs[0].facts)


def entry_of(call: Call) -> Entry:
    """Return the call as the row its lists hold."""
    started_ms, given_id, ref, number = epoch_ms(call.started_at), call.given_id, call.call_ref, call.number
    shown = shown_text(given_id or ref, started_ms, number, call.billable_seconds, call.rate, call.name)
    return Entry(started_ms, given_id, ref, number, shown, call.disposition.value, call.ringing_seconds)


def _no_changes() -> Changes:
    return Changes([], [])


def _add_call(changes: defaultdict[ListKey, Changes], call: Call) -> None:
    entry = entry_of(call)
    for key in call.lists:
        changes[key].added.append(entry)


def _replace_call(
    changes: defaultdict[ListKey, Changes], ref: bytes, kept: list[CallLeg], fresh: list[CallLeg], region: str | None
) -> None:
    before, after = _rows(merge(ref, kept, region)), _rows(merge(ref, kept + fresh, region))
    for key, entry in before.items():
        if after.get(key) != entry:
            changes[key].removed.append(entry)
    for key, entry in after.items():
        if before.get(key) != entry:
            changes[key].added.append(entry)


def _rows(call: Call) -> dict[ListKey, Entry]:
    return dict.fromkeys(call.lists, entry_of(call))
