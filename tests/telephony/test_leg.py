"""What makes a leg acceptable, and a leg's facts written and read again."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.telephony.examples import BEGUN_AT, a_leg, legs

from ringback.errors import UnreadableRecord
from ringback.telephony.leg import (
    CallLeg,
    check_leg,
    clean_text,
    decode_leg,
    encode_leg,
    is_printable,
    leg_digest,
)

RECEIVED_AT = BEGUN_AT + timedelta(hours=1)


def at(seconds: float) -> datetime:
    return BEGUN_AT + timedelta(seconds=seconds)


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"call_key": ""}, "call_key and source_record_id must not be empty"),
    ({"source_record_id": ""}, "call_key and source_record_id must not be empty"),
    ({"call_key": "k" * 256}, "call_key has 256 characters"),
    ({"source_record_id": "r" * 256}, "source_record_id has 256 characters"),
    ({"extension": "1" * 256}, "extension has 256 characters"),
    ({"name": "n" * 256}, "name has 256 characters"),
    ({"rate": "1" * 256}, "rate has 256 characters"),
    ({"hung_up_by": "h" * 256}, "hung_up_by has 256 characters"),
    ({"rate": "cheap"}, "rate should be a decimal number"),
    ({"trunk": "t" * 256}, "trunk has 256 characters"),
    ({"vendor_cause": "v" * 256}, "vendor_cause has 256 characters"),
    ({"dialled_number": "1" * 65}, "dialled_number has 65 characters"),
    ({"calling_number": "1" * 65}, "calling_number has 65 characters"),
    ({"started_at": datetime(1979, 12, 31, tzinfo=UTC)}, "started_at is 1979-12-31"),
    ({"started_at": RECEIVED_AT + timedelta(days=1, seconds=1)}, "started_at is .* in the future"),
    ({"ringing_at": at(-1)}, "ringing_at .* is before started_at"),
    ({"answered_at": at(-1)}, "answered_at .* is before started_at"),
    ({"ended_at": at(-1)}, "ended_at .* is before started_at"),
    ({"ringing_at": at(5), "answered_at": at(4)}, "answered_at .* is before ringing_at"),
    ({"ringing_at": at(5), "ended_at": at(4)}, "ended_at .* is before ringing_at"),
    ({"answered_at": at(5), "ended_at": at(4)}, "ended_at .* is before answered_at"),
    ({"duration_seconds": -1}, "duration_seconds should be .*, got -1"),
    ({"billable_seconds": 366 * 86400 + 1}, "billable_seconds should be .*, got 31622401"),
    ({"call_id": "AB" * 12}, "id should be 24 lower-case hexadecimal characters"),
    ({"call_id": "ab" * 12 + "\n"}, "id should be 24 lower-case hexadecimal characters"),
    ({"call_id": ""}, "id should be 24 lower-case hexadecimal characters"),
]


@pytest.mark.parametrize(("facts", "told"), REFUSALS, ids=[told[:40] for _, told in REFUSALS])
def test_a_leg_that_cannot_be_kept_is_refused_by_name(facts: dict[str, Any], told: str) -> None:
    """A refusal names the field and what it should be."""
    with pytest.raises(UnreadableRecord, match=told):
        check_leg(a_leg(**facts), RECEIVED_AT)


@pytest.mark.parametrize(
    "facts",
    [
        {"started_at": datetime(1980, 1, 1, tzinfo=UTC)},
        {"started_at": RECEIVED_AT + timedelta(days=1)},
        {"ringing_at": BEGUN_AT, "answered_at": BEGUN_AT, "ended_at": BEGUN_AT},
        {"call_key": "k" * 255, "dialled_number": "1" * 64},
        {"duration_seconds": 0, "billable_seconds": 366 * 86400},
        {"call_id": "0123456789abcdef01234567"},
        {"dialled_number": "", "extension": ""},
    ],
)
def test_what_just_can_be_kept_is_taken(facts: dict[str, Any]) -> None:
    """Bounds belong to what they bound, and times may be equal."""
    check_leg(a_leg(**facts), RECEIVED_AT)


@given(leg=legs())
def test_a_leg_is_read_as_it_was_written(leg: CallLeg) -> None:
    """Facts written, read and written again are the same bytes, so that a leg always meets itself."""
    facts = encode_leg(leg)

    assert decode_leg(facts) == leg
    assert decode_leg(facts.decode()) == leg
    assert encode_leg(decode_leg(facts)) == facts
    assert len(leg_digest(facts)) == 8


def test_a_zone_and_microseconds_are_kept() -> None:
    """A time comes back as it was reported, in its own zone and to the microsecond."""
    leg = a_leg(started_at=datetime(2026, 1, 5, 14, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=30))))

    assert decode_leg(encode_leg(leg)).started_at.isoformat() == "2026-01-05T14:30:00.123456+05:30"
    assert encode_leg(decode_leg(encode_leg(leg))) == encode_leg(leg)


@given(leg=legs(), other=legs())
def test_only_the_same_report_has_the_same_digest(leg: CallLeg, other: CallLeg) -> None:
    """Two legs have one digest exactly when all their facts agree."""
    assert (leg_digest(encode_leg(leg)) == leg_digest(encode_leg(other))) == (leg == other)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Ann", "Ann"),
        ("  Ann \t", "Ann"),
        ("Ann\x00\x1f\x7fBob", "Ann Bob"),
        ("Zoë\r\nÅberg", "Zoë Åberg"),
        ("\ud83d lone", "lone"),
        ("😀 Алия", "😀 Алия"),
        ("\x85\x9f", ""),
        ("", ""),
    ],
)
def test_text_is_cleaned_of_what_no_store_can_hold(text: str, clean: str) -> None:
    """Control characters and lone surrogates become a space or go; all else stays, in any script."""
    assert clean_text(text) == clean


@given(text=st.text(st.characters(codec=None)))
def test_clean_text_can_always_be_written(text: str) -> None:
    """Whatever came in, clean text is valid UTF-8 without a line break or a NUL, and clean already."""
    clean = clean_text(text)

    assert not {"\0", "\n", "\r"} & set(clean)
    assert clean.encode().decode() == clean == clean_text(clean)


@given(text=st.text(st.characters(codec=None)) | st.text(st.characters(max_codepoint=0x7F)))
def test_printable_is_what_python_calls_so(text: str) -> None:
    """The faster question about a text has the same answer."""
    assert is_printable(text) == text.isprintable()
