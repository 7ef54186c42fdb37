"""Facts that hold for every source over all its cases. What one source alone does is in its own file."""

import json
import re
from datetime import UTC, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sources.payloads import (
    CONTEXT,
    RECEIVED_AT,
    case_id,
    context_of,
    expected_legs,
    facts,
    legs_of,
    payloads,
    readings,
)

from ringback.errors import UnknownSource
from ringback.sources import SOURCES, Reading, read, source_named
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, check_leg

every_case = pytest.mark.parametrize("path", payloads(), ids=case_id)
every_source = pytest.mark.parametrize("source", sorted(SOURCES))
GARBAGE = (b'{"broken": \n', b'a stray " quote\n', b'"opened and never closed,1,2\n', b"\xff\xfe\x00\n", b"a\rb,c\n")

Json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=20,
)
# Every name that any source reads: found in the cases, so that a new source brings its own.
NAMES = sorted(set(re.findall(r"[A-Za-z_]\w+", " ".join(path.read_text(errors="replace") for path in payloads()))))
WORDS = [
    "",
    "ANSWERED",
    "answered",
    "missed",
    "outbound",
    "103",
    "103_1111113",
    "1570184113597",
    "2024-05-13 09:00:00",
    "8",
]
Likely = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(WORDS) | Json, max_size=25)


def check_readings(found: list[Reading]) -> None:
    """Each record came to legs that can be kept, or to a reason."""
    for reading in found:
        assert reading.rejected is None or (reading.rejected.reason and reading.legs == ())
        for leg in reading.legs:
            check_leg(leg, RECEIVED_AT)


@every_source
def test_every_source_has_cases_and_is_found_by_its_name(source: str) -> None:
    """Each source in the table has cases, and its name in the table is its own."""
    assert payloads(source)
    assert source_named(source).name == source


def test_an_unknown_source_is_refused_with_the_names_there_are() -> None:
    """A name that no source has is refused, and the message lists those there are."""
    with pytest.raises(UnknownSource, match="asterisk"):
        source_named("abacus")


@every_case
def test_a_case_comes_to_the_legs_beside_it(path: Path) -> None:
    """The payload gives exactly the expected legs, in order, and no record of it is rejected."""
    assert [json.loads(leg) for leg in facts(legs_of(path))] == expected_legs(path)


@every_case
def test_the_same_payload_again_gives_the_same_bytes(path: Path) -> None:
    """A resend on another day gives the same legs byte for byte."""
    context = context_of(path)
    later = type(context)(
        app_id=context.app_id, received_at=RECEIVED_AT + timedelta(days=400), timezone=context.timezone
    )

    again = readings(path.parent.name, path.read_bytes(), later)

    assert facts([leg for reading in again for leg in reading.legs]) == facts(legs_of(path))


@every_case
def test_the_legs_of_a_payload_have_different_ids(path: Path) -> None:
    """No two legs of a case share their record id and call key, so that none would be taken for a resend."""
    legs = legs_of(path)

    assert len({(leg.call_key, leg.source_record_id) for leg in legs}) == len(legs)


@every_case
def test_times_are_utc_and_in_order(path: Path) -> None:
    """All times of a leg are aware, in UTC, and start <= ringing <= answer <= end."""
    for leg in legs_of(path):
        times = [leg.started_at, leg.ringing_at, leg.answered_at, leg.ended_at]
        known = [time for time in times if time is not None]

        assert all(time.tzinfo is UTC for time in known)
        assert known == sorted(known)


@every_case
def test_only_an_answered_leg_has_an_answer(path: Path) -> None:
    """A leg that was not answered has no billable seconds and no answer time."""
    for leg in legs_of(path):
        if leg.disposition is not Disposition.ANSWERED:
            assert (leg.billable_seconds, leg.answered_at) == (None, None)


@every_case
def test_each_record_can_be_retried_alone(path: Path) -> None:
    """A record's own bytes, read alone, give the legs that the whole payload gave for it."""
    source, context = SOURCES[path.parent.name], context_of(path)
    alone: list[CallLeg] = []
    for record in source.records(list(BytesIO(path.read_bytes()))):
        for reading in read(source, BytesIO(record.raw), context):
            alone.extend(reading.legs)

    assert facts(alone) == facts(legs_of(path))


def _one_record_a_line(path: Path) -> bool:
    lines = list(BytesIO(path.read_bytes()))
    framed = list(SOURCES[path.parent.name].records(lines))
    return (
        len(lines) > 1 and path.suffix != ".txt" and {record.line for record in framed} >= set(range(2, len(lines) + 1))
    )


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("path", [path for path in payloads() if _one_record_a_line(path)], ids=case_id)
def test_a_bad_record_never_stops_the_rest(path: Path, garbage: bytes) -> None:
    """With garbage behind each line, stray quotes included, every leg is still read and every piece is rejected."""
    lines = list(BytesIO(path.read_bytes()))
    body = b"".join(line + garbage for line in lines)

    found = readings(path.parent.name, body, context_of(path))

    assert facts([leg for reading in found for leg in reading.legs]) == facts(legs_of(path))
    assert sum(reading.rejected is not None for reading in found) == len(lines)


@every_source
@given(word=st.from_regex(r"x[a-z]{1,20}", fullmatch=True))
def test_a_new_word_is_unknown(source: str, word: str) -> None:
    """A word for how a call ended that nobody knows yet gives an unknown disposition with that word as the cause."""
    (path,) = [path for path in payloads(source) if path.stem == "a-new-word"]
    body = path.read_bytes().replace(b"SCREENED", word.encode()).replace(b"screened", word.encode())

    found = [leg for reading in readings(source, body) for leg in reading.legs]

    assert {(leg.disposition, leg.vendor_cause) for leg in found} == {(Disposition.UNKNOWN, word)}
    assert len(found) == len(legs_of(path))


@every_source
@given(body=st.binary(max_size=400))
def test_any_bytes_come_to_readings(source: str, body: bytes) -> None:
    """Arbitrary bytes are read or rejected with a reason, and raise nothing."""
    check_readings(readings(source, body))


@every_source
@given(value=Json | Likely | st.lists(Likely, max_size=4))
def test_any_json_comes_to_readings(source: str, value: object) -> None:
    """Arbitrary JSON, with or without the names a source knows, is read or rejected with a reason."""
    check_readings(readings(source, json.dumps(value).encode()))


@given(path=st.sampled_from(payloads()), cut=st.floats(0, 1), at=st.floats(0, 1), put=st.binary(max_size=6))
def test_a_mangled_case_comes_to_readings(path: Path, cut: float, at: float, put: bytes) -> None:
    """A case that was cut off, or has other bytes in its middle, is read or rejected with a reason."""
    body = path.read_bytes()
    middle = int(at * len(body))
    mangled = body[:middle] + put + body[middle + len(put) :]

    check_readings(readings(path.parent.name, body[: int(cut * len(body))], context_of(path)))
    check_readings(readings(path.parent.name, mangled, context_of(path)))


@every_source
@pytest.mark.parametrize("body", [b"", b"\n", b"  \n\n", b"\xef\xbb\xbf"])
def test_nothing_is_no_record(source: str, body: bytes) -> None:
    """An empty body has no records, and none that is rejected."""
    assert readings(source, body) == []


@every_source
def test_a_very_deep_or_large_value_is_rejected(source: str) -> None:
    """JSON that is nested or long beyond reason is rejected like any other garbage."""
    bodies = (b"[" * 100_000, b'{"time":' + b"9" * 5000 + b"}", b'{"a":' * 5000 + b"1" + b"}" * 5000)

    for body in bodies:
        found = readings(source, body, CONTEXT)
        assert [reading.legs for reading in found if reading.rejected is None] == []
