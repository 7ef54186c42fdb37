"""`Call`: the legs that share a call key, merged into one row, and the lists it stands in. No storage, no wire."""

import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b

import msgspec

from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, Direction, encode_leg
from ringback.telephony.numbers import shown_number
from ringback.telephony.rates import NO_RATE, format_rate


class ListKind(IntEnum):
    """Which calls a call list holds. The numbers are stored; they never change."""

    OUT_MISSED = 1
    OUT_ANSWERED = 2
    IN_MISSED = 3
    IN_ANSWERED = 4
    OTHER = 5  # internal calls and calls of no agent; kept in a list of the app's own, under the extension ""
    RING_BACK = 6  # one row a number that was tried and not reached since: its last try; derived from the lists above

    @property
    def word(self) -> str:
        """The kind as it is written in exports and on screens: out_missed."""
        return self.name.lower()


class ListKey(msgspec.Struct, frozen=True, order=True):
    """Names one call list within an app."""

    extension: str
    kind: ListKind


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """All legs with one call key, merged: one row to the user.

    `number` is the other party in shown form (who was dialled, or who called). `rate` has four places.
    `billable_seconds` is 0 unless the call was answered. `ringing_seconds` is None where no leg told.
    """

    call_ref: bytes
    given_id: bytes | None
    direction: Direction
    started_at: datetime
    disposition: Disposition
    number: str
    name: str | None
    rate: str
    billable_seconds: int
    ringing_seconds: int | None
    lists: tuple[ListKey, ...]

    @property
    def was_answered(self) -> bool:
        """Whether somebody of the other side picked up."""
        return self.disposition is Disposition.ANSWERED


# --- the id of a call ----------------------------------------------------------------------------------------------

# Switches that number calls by time (Asterisk's epoch.counter) get ids that sort by time, as ObjectIds do: neighbours
# in time are neighbours in every index, which keeps large imports from touching a random page for each call.
_KEY_WITH_EPOCH = re.compile(r"(?:|.*-)([1-3]\d{9})\.\d+\Z", re.DOTALL)  # most have nothing before it: tried first


def call_ref(app_id: int, call_key: str) -> bytes:
    """Return the 12 bytes that name a call, the same for the same app and call key wherever they come from."""
    digest = blake2b(f"{app_id}/{call_key}".encode("utf-8", "surrogatepass"), digest_size=12).digest()
    timed = _KEY_WITH_EPOCH.match(call_key) if call_key[-1:].isdecimal() else None
    if timed is None:
        return digest
    return int(timed.group(1)).to_bytes(4, "big") + digest[:8]


# --- the merge -----------------------------------------------------------------------------------------------------

_ANSWERED, _OUTBOUND = Disposition.ANSWERED, Direction.OUTBOUND  # read for every call; an enum's attribute is not cheap


def merge(ref: bytes, legs: Sequence[CallLeg], region: str | None) -> Call:
    """Derive the call from its legs (at least one), whatever their order and however often each is given.

    It starts when the first of them starts; it is answered if any of them is (of sides, the "b" legs decide where there
    are any). An outgoing call belongs to the agent who placed it, an incoming one to the agent who took it, or else to
    every agent it rang at.
    `region` reads national numbers (ISO 3166).
    """
    if len(legs) == 1:
        return _call_of_one(ref, legs[0], region)
    legs = in_order(legs)
    direction = _direction(legs)
    answered = _answered(legs)
    given = min((leg.call_id for leg in legs if leg.call_id), default=None)
    return Call(
        call_ref=ref,
        given_id=bytes.fromhex(given) if given else None,
        direction=direction,
        started_at=legs[0].started_at,
        disposition=Disposition.ANSWERED if answered else _last_word(legs),
        number=shown_number(other_party(legs, direction), region),
        name=next((leg.name for leg in legs if leg.name), None),
        rate=_rate(legs),
        billable_seconds=max((leg.billable_seconds or 0 for leg in answered), default=0),
        ringing_seconds=_ringing_seconds(legs),
        lists=_lists(legs, direction, answered),
    )


def _call_of_one(ref: bytes, leg: CallLeg, region: str | None) -> Call:
    """The same for the one leg that most calls have: with nothing to order and choose from, in a third of the time."""
    was_answered = leg.disposition is _ANSWERED
    number = leg.dialled_number if leg.direction is _OUTBOUND else leg.calling_number
    return Call(
        call_ref=ref,
        given_id=bytes.fromhex(leg.call_id) if leg.call_id else None,
        direction=leg.direction,
        started_at=leg.started_at,
        disposition=leg.disposition,
        number=shown_number(number or None, region),
        name=leg.name or None,
        rate=format_rate(Decimal(leg.rate)) if leg.rate else NO_RATE,
        billable_seconds=(leg.billable_seconds or 0) if was_answered else 0,
        ringing_seconds=_ringing_seconds((leg,)) if leg.ringing_at else None,
        lists=(_list_of_one(leg.extension, leg.direction, was_answered),),
    )


@lru_cache(maxsize=4096)
def _list_of_one(extension: str | None, direction: Direction, was_answered: bool) -> ListKey:
    if not extension or direction is Direction.INTERNAL:
        return ListKey("", ListKind.OTHER)
    if direction is Direction.OUTBOUND:
        return ListKey(extension, ListKind.OUT_ANSWERED if was_answered else ListKind.OUT_MISSED)
    return ListKey(extension, ListKind.IN_ANSWERED if was_answered else ListKind.IN_MISSED)


def in_order(legs: Sequence[CallLeg]) -> list[CallLeg]:
    """Return a call's legs in the order in which the merge hears them."""
    return sorted(legs, key=_order)


def _order(leg: CallLeg) -> tuple[datetime, bool, str, str, bytes]:
    placed_later = leg.direction is not Direction.OUTBOUND  # of two at one moment, who placed the call comes first
    return leg.started_at, placed_later, leg.source, leg.source_record_id, encode_leg(leg)


def _direction(legs: Sequence[CallLeg]) -> Direction:
    """The first leg from or to outside decides.

    Inside legs before it only fetched the agent's own phone (click-to-call); what an agent dials while it talks to a
    caller does not make the caller's call an outgoing one.
    """
    return next((leg.direction for leg in legs if leg.direction is not Direction.INTERNAL), Direction.INTERNAL)


def other_party(legs: Sequence[CallLeg], direction: Direction) -> str | None:
    """Return the other side's number as reported, given the legs in order.

    Of an outgoing call it is as the called side has it, for the other may tell the phone's.
    """
    if direction is not Direction.OUTBOUND:
        calling = (leg.calling_number for leg in sorted(legs, key=lambda leg: leg.direction is not direction))
        return next((number for number in calling if number), None)
    dialled = sorted(legs, key=lambda leg: (leg.direction is not direction, leg.side == "a"))
    return next((leg.dialled_number for leg in dialled if leg.dialled_number), None)


def _answered(legs: Sequence[CallLeg]) -> list[CallLeg]:
    answered = [leg for leg in legs if leg.disposition is Disposition.ANSWERED]
    if answered and any(leg.side == "b" for leg in legs):
        return [leg for leg in answered if leg.side != "a"]
    return answered


def _last_word(legs: Sequence[CallLeg]) -> Disposition:
    """The last attempt that says why: of a failover, what the last trunk said."""
    for leg in reversed(legs):
        if leg.disposition not in (Disposition.UNKNOWN, Disposition.ANSWERED):
            return leg.disposition
    return Disposition.UNKNOWN


def _rate(legs: Sequence[CallLeg]) -> str:
    rates = [Decimal(leg.rate) for leg in legs if leg.rate]
    return format_rate(max(rates)) if rates else NO_RATE


def _ringing_seconds(legs: Sequence[CallLeg]) -> int | None:
    starts = [leg.ringing_at for leg in legs if leg.ringing_at]
    if not starts:
        return None
    stops = [stop for leg in legs if leg.ringing_at and (stop := leg.answered_at or leg.ended_at)]
    return max(0, int((max(stops) - min(starts)).total_seconds())) if stops else None


def _lists(legs: Sequence[CallLeg], direction: Direction, answered: Sequence[CallLeg]) -> tuple[ListKey, ...]:
    if direction is Direction.OUTBOUND:
        placed = next((leg.extension for leg in legs if leg.extension and leg.direction is direction), None)
        if placed:
            return (ListKey(placed, ListKind.OUT_ANSWERED if answered else ListKind.OUT_MISSED),)
    if direction is Direction.INBOUND:
        took = next((leg.extension for leg in answered if leg.extension), None)
        if took:
            return (ListKey(took, ListKind.IN_ANSWERED),)
        rang = sorted({leg.extension for leg in legs if leg.extension and leg.direction is not Direction.OUTBOUND})
        if rang and not answered:
            return tuple(ListKey(extension, ListKind.IN_MISSED) for extension in rang)
    return (ListKey("", ListKind.OTHER),)
