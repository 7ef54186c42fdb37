"""Calls as the page shows them: its own JSON, which may change with the page. The API's is telecmi.py's."""

import msgspec

from ringback.storage.records import ListedCall
from ringback.telephony.leg import CallLeg
from ringback.telephony.numbers import dial_uri, readable_number


class Row(msgspec.Struct, frozen=True, gc=False):
    """A call of a list. `why` is its disposition; times are epoch milliseconds, `rang_seconds` None where not told.

    `agent` is the extension of whose call it is, where that is not who looks. `tries` is told where a row is a number
    with its last try.
    """

    id: str
    number: str
    readable: str
    dial: str | None
    name: str | None
    started_ms: int
    why: str
    rang_seconds: int | None
    agent: str | None = None
    tries: int | None = None


class Rows(msgspec.Struct, frozen=True):
    """A page of a list, and how many calls there are in all."""

    count: int
    page: int
    limit: int
    calls: list[Row]


class LegRow(msgspec.Struct, frozen=True):
    """A leg of a call, as far as an agent can make use of it."""

    started_ms: int
    why: str
    trunk: str | None
    said: str | None
    rang_seconds: int | None
    talked_seconds: int | None


def row_of(call: ListedCall, agent: str | None = None) -> Row:
    """Return a listed call's row."""
    return Row(
        call.call_id.hex(),
        call.number,
        readable_number(call.number),
        dial_uri(call.number),
        call.name,
        call.started_ms,
        call.disposition,
        call.ringing_seconds,
        agent,
        call.tries,
    )


def leg_row_of(leg: CallLeg) -> LegRow:
    """Return a leg's row; `said` is the switch's own word for how it ended."""
    until = leg.answered_at or leg.ended_at
    rang = (until - leg.ringing_at).total_seconds() if leg.ringing_at and until else None
    return LegRow(
        round(leg.started_at.timestamp() * 1000),
        leg.disposition.value,
        leg.trunk,
        _said(leg),
        None if rang is None else int(rang),
        leg.billable_seconds,
    )


def _said(leg: CallLeg) -> str | None:
    if leg.sip_response_code is not None:
        return f"SIP {leg.sip_response_code}"
    if leg.q850_cause is not None:
        return f"Q.850 {leg.q850_cause}"
    return None
