"""A call's legs reduced to what its row shows, once their details may no longer be kept. Pure: no storage, no times.

A condensed leg is a leg like any other: merged, it gives the same row, whatever the region. What tells it apart is its
source, which no switch or feed has: nothing is merged into a call of condensed legs any more, for whether a leg that
comes so late was among those that are gone, nobody can tell.
"""

from collections.abc import Sequence
from datetime import timedelta

from ringback.telephony.call import Call, ListKey, ListKind, in_order, merge, other_party
from ringback.telephony.leg import CallLeg, Direction

CONDENSED = "ringback"  # the source that condensed legs name
FACTS_BEGIN = '{"source":"ringback",'  # how such a leg's facts begin, as they are kept
_BYTES_BEGIN = FACTS_BEGIN.encode()


def is_condensed(facts: bytes | str) -> bool:
    """Tell whether these are the facts of a condensed leg."""
    return facts.startswith(FACTS_BEGIN) if isinstance(facts, str) else facts.startswith(_BYTES_BEGIN)


def condense(ref: bytes, legs: Sequence[CallLeg]) -> list[CallLeg] | None:
    """Return the fewest legs that merge into the same row, or None where none do: then they are better left alone.

    One leg for each list that the call stands in. Numbers stay as reported, so that a changed region reads them again.
    """
    call = merge(ref, legs, None)
    condensed = [_leg(call, legs, key, place) for place, key in enumerate(call.lists)]
    again = merge(ref, condensed, None)
    return condensed if again == call else None


def _leg(call: Call, legs: Sequence[CallLeg], key: ListKey, place: int) -> CallLeg:
    ordered = in_order(legs)
    number = other_party(ordered, call.direction)
    is_outbound = call.direction is Direction.OUTBOUND
    rang = call.ringing_seconds is not None
    return CallLeg(
        source=CONDENSED,
        source_record_id=str(place),
        call_key=ordered[0].call_key,
        direction=call.direction,
        started_at=call.started_at,
        disposition=call.disposition,
        extension=None if key.kind is ListKind.OTHER else key.extension,
        dialled_number=number if is_outbound else None,
        calling_number=None if is_outbound else number,
        ringing_at=call.started_at if rang else None,
        ended_at=call.started_at + timedelta(seconds=call.ringing_seconds or 0) if rang else None,
        billable_seconds=call.billable_seconds or None,
        rate=call.rate if float(call.rate) else None,
        name=call.name,
        call_id=call.given_id.hex() if call.given_id else None,
    )
