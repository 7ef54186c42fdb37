"""The generic record as most feeds write it, each field of its own type, read in one step. Odd ones: generic.py."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from ringback.sources.reading import Context, read_agent
from ringback.sources.times import LATEST_MS, from_milliseconds
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import MAX_SECONDS, CallLeg, Direction, clean_text
from ringback.telephony.rates import read_rate

NAME = "generic"

_Text = Annotated[str, msgspec.Meta(min_length=1)]
_Time = Annotated[int, msgspec.Meta(ge=0, le=LATEST_MS)]
_Seconds = Annotated[int, msgspec.Meta(ge=0, le=MAX_SECONDS)]
_Code = Annotated[int, msgspec.Meta(ge=0, le=999)]


class _Plain(msgspec.Struct, gc=False):
    """What a plain record may hold; anything else, right or wrong, is read the long way, which tells what is wrong."""

    source_record_id: _Text
    call_key: _Text
    agent: _Text
    direction: Direction
    started_at: _Time
    disposition: Disposition
    dialled_number: str | None = None
    calling_number: str | None = None
    ringing_at: _Time | None = None
    answered_at: _Time | None = None
    ended_at: _Time | None = None
    duration_seconds: _Seconds | None = None
    billable_seconds: _Seconds | None = None
    rate: str | None = None
    name: str | None = None
    id: str | None = None
    hung_up_by: Literal["caller", "callee", "system"] | None = None
    trunk: str | None = None
    sip_response_code: _Code | None = None
    q850_cause: _Code | None = None


def read_plain(value: object, context: Context) -> CallLeg | None:
    """Return the leg of a plain record, the very one that the long way reads; None where the record is not plain."""
    try:
        plain = msgspec.convert(value, _Plain)
    except msgspec.ValidationError:
        return None
    record_id = clean_text(plain.source_record_id)
    rate = read_rate(plain.rate) if plain.rate else None
    if not record_id or plain.disposition is Disposition.UNKNOWN or (plain.rate and rate is None):
        return None
    return CallLeg(
        source=NAME,
        source_record_id=record_id,
        call_key=clean_text(plain.call_key),
        direction=plain.direction,
        started_at=from_milliseconds(plain.started_at, "started_at"),
        disposition=plain.disposition,
        extension=read_agent(clean_text(plain.agent), context),
        dialled_number=_clean(plain.dialled_number),
        calling_number=_clean(plain.calling_number),
        ringing_at=_time(plain.ringing_at, "ringing_at"),
        answered_at=_time(plain.answered_at, "answered_at"),
        ended_at=_time(plain.ended_at, "ended_at"),
        duration_seconds=plain.duration_seconds,
        billable_seconds=plain.billable_seconds,
        rate=rate,
        name=_clean(plain.name),
        call_id=(_clean(plain.id) or "").lower() or None,
        hung_up_by=plain.hung_up_by,
        trunk=_clean(plain.trunk),
        sip_response_code=plain.sip_response_code,
        q850_cause=plain.q850_cause,
    )


def _clean(text: str | None) -> str | None:
    return (clean_text(text) or None) if text else None


def _time(milliseconds: int | None, field: str) -> datetime | None:
    return None if milliseconds is None else from_milliseconds(milliseconds, field)
