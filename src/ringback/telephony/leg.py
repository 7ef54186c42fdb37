"""`CallLeg`: one party's side of a call, as its source reported it, and what makes one acceptable. No merging here."""

import re
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import blake2b
from operator import attrgetter
from typing import Literal

import msgspec

from ringback.errors import UnreadableRecord
from ringback.telephony.disposition import Disposition
from ringback.telephony.rates import read_rate

MAX_TEXT = 255  # characters of a key, a number, a name or a word
MAX_NUMBER = 64  # characters of a number or SIP user name; E.164 needs 15
MAX_AHEAD = timedelta(days=1)  # how far in the future a call may start before its clock is not believed
MAX_SECONDS = 366 * 86400  # of a call
EARLIEST_YEAR = 1980


class Direction(StrEnum):
    """Which way a call goes, seen from the app's own switch."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class CallLeg(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One finished call leg as its source reported it; never edited.

    Numbers and words are as reported. Times are aware. `call_key` ties the legs of one call together within an app;
    `call_id` is 24 hexadecimal characters where the source has an id of that shape. `side` is "a" for the leg between
    the switch and who placed the call and "b" for a leg to who was called, where the source tells them apart; an
    answered "a" leg is the caller's own phone and proves nothing once a "b" leg is known.
    """

    source: str
    source_record_id: str
    call_key: str
    direction: Direction
    started_at: datetime
    disposition: Disposition
    extension: str | None = None
    dialled_number: str | None = None
    calling_number: str | None = None
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration_seconds: int | None = None
    billable_seconds: int | None = None
    rate: str | None = None
    name: str | None = None
    call_id: str | None = None
    side: Literal["a", "b"] | None = None
    hung_up_by: str | None = None
    trunk: str | None = None
    sip_response_code: int | None = None
    q850_cause: int | None = None
    vendor_cause: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(CallLeg).decode


def encode_leg(leg: CallLeg) -> bytes:
    """Return the leg as JSON, the same bytes for the same facts: fields in order, absent ones left out."""
    return _encode(leg)


def decode_leg(facts: bytes | str) -> CallLeg:
    """Return the leg that `encode_leg` wrote."""
    return _decode(facts)


def leg_digest(facts: bytes) -> bytes:
    """Return 8 bytes that stand for a leg among the legs of its call: the same report again has the same digest."""
    return blake2b(facts, digest_size=8).digest()


# --- what makes a leg acceptable -----------------------------------------------------------------------------------

_CALL_ID = re.compile(r"[0-9a-f]{24}\Z")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_PRINTABLE_ASCII = bytes(range(0x20, 0x7F))
_TEXTS = ("source_record_id", "call_key", "extension", "name", "rate", "hung_up_by", "trunk", "vendor_cause")
_NUMBERS = ("dialled_number", "calling_number")
_MOST_CHARACTERS = dict.fromkeys(_TEXTS, MAX_TEXT) | dict.fromkeys(_NUMBERS, MAX_NUMBER)
_texts = attrgetter(*_MOST_CHARACTERS)


def clean_text(text: str) -> str:
    """Return the text without control characters and lone surrogates, which no store and no page can hold."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return _UNPRINTABLE.sub(" ", text).strip()


def is_printable(text: str) -> bool:
    """Tell what `str.isprintable` tells, of long ASCII text in half the time: that asks about each character."""
    return not text.encode().translate(None, _PRINTABLE_ASCII) if text.isascii() else text.isprintable()


def check_leg(leg: CallLeg, received_at: datetime) -> None:
    """Raise `UnreadableRecord`, naming the field and what it should be, unless the leg can be kept and ordered."""
    if not leg.call_key or not leg.source_record_id:
        raise UnreadableRecord("call_key and source_record_id must not be empty")
    _check_lengths(leg)
    _check_times(leg, received_at)
    _check_seconds("duration_seconds", leg.duration_seconds)
    _check_seconds("billable_seconds", leg.billable_seconds)
    if leg.rate is not None and read_rate(leg.rate) is None:
        raise UnreadableRecord(f"rate should be a decimal number such as 0.0125, got {leg.rate[:40]!r}")
    if leg.call_id is not None and not _CALL_ID.match(leg.call_id):
        raise UnreadableRecord(f"id should be 24 lower-case hexadecimal characters, got {leg.call_id[:40]!r}")


def _check_seconds(field: str, seconds: int | None) -> None:
    if seconds is not None and not 0 <= seconds <= MAX_SECONDS:
        raise UnreadableRecord(f"{field} should be a number of seconds from 0 to {MAX_SECONDS}, got {seconds}")


def _check_lengths(leg: CallLeg) -> None:
    for text in _texts(leg):
        if text is not None and len(text) > MAX_NUMBER:  # few are: only then each is asked for its own limit
            _check_each_length(leg)
            return


def _check_each_length(leg: CallLeg) -> None:
    for field, most in _MOST_CHARACTERS.items():
        text = getattr(leg, field)
        if text is not None and len(text) > most:
            raise UnreadableRecord(f"{field} has {len(text)} characters; at most {most} are taken")


def _check_times(leg: CallLeg, received_at: datetime) -> None:
    if leg.started_at.year < EARLIEST_YEAR:
        raise UnreadableRecord(f"started_at is {leg.started_at.isoformat()}: no switch reported calls then")
    if leg.started_at > received_at and leg.started_at > received_at + MAX_AHEAD:  # a sum only where it may matter
        raise UnreadableRecord(
            f"started_at is {leg.started_at.isoformat()}, in the future: is the switch's clock right?"
        )
    if leg.ringing_at or leg.answered_at or leg.ended_at:
        _check_order(leg)


def _check_order(leg: CallLeg) -> None:
    earlier, first = "started_at", leg.started_at
    for later, second in (("ringing_at", leg.ringing_at), ("answered_at", leg.answered_at), ("ended_at", leg.ended_at)):
        if second is None:
            continue
        if second < first:
            raise UnreadableRecord(f"{later} ({second.isoformat()}) is before {earlier} ({first.isoformat()})")
        earlier, first = later, second
