"""What the generic record asks for, and how it says so."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sources.payloads import CONTEXT, one_leg, one_reason, readings

from ringback.errors import UnreadableRecord
from ringback.sources.generic import NEEDED, read_any
from ringback.sources.generic_plain import read_plain
from ringback.sources.reading import Context, read_agent
from ringback.telephony.leg import CallLeg

RECORD = {
    "call_key": "k-1",
    "agent": "103_1111113",
    "direction": "outbound",
    "started_at": 1715572800000,
    "disposition": "no_answer",
}


def record(**changed: object) -> bytes:
    """Return a generic record, some fields changed; None leaves one out."""
    return json.dumps({**RECORD, **changed}).encode()


@pytest.mark.parametrize("field", NEEDED)
@pytest.mark.parametrize("nothing", [None, ""])
def test_each_needed_field_is_asked_for(field: str, nothing: str | None) -> None:
    """A record without a needed field, or with an empty one, is rejected with its name."""
    assert one_reason("generic", record(**{field: nothing})).startswith(f"{field} is missing")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"agent": "103_2222223"}, "the agent 103_2222223 is not of app 1111113"),
        ({"direction": "up"}, "direction is 'up'; it should be inbound, outbound, internal"),
        ({"started_at": "2024-05-13"[:4]}, "started_at is"),
        ({"started_at": 1715572800}, "looks like seconds"),
        ({"billable_seconds": "long"}, "billable_seconds is 'long'; it should be a whole number"),
        ({"billable_seconds": [1]}, "billable_seconds is '[1]'; it should be a whole number"),
        ({"billable_seconds": True}, "billable_seconds is 'True'; it should be a whole number"),
        ({"duration_seconds": -1}, "duration_seconds should be a number of seconds from 0"),
        ({"rate": "free"}, "rate is 'free'; it should be a decimal number"),
        ({"hung_up_by": "nobody"}, "hung_up_by is 'nobody'; it should be caller, callee, system"),
        ({"id": "123"}, "id should be 24 lower-case hexadecimal characters"),
        ({"name": {"first": "A"}}, "name should be text, got an object"),
        ({"answered_at": 1715572799000}, "answered_at (2024-05-13T03:59:59+00:00) is before started_at"),
    ],
)
def test_a_record_that_cannot_be_read_names_the_field(changed: dict[str, object], reason: str) -> None:
    """What is wrong is named, with what it should be."""
    assert reason in one_reason("generic", record(**changed))


def test_what_is_not_known_is_ignored() -> None:
    """Fields that the generic record does not have change nothing but the record's own key."""
    plain = one_leg("generic", record(source_record_id="1"))

    assert one_leg("generic", record(source_record_id="1", colour="red", notes=[1, {}])) == plain


def test_headings_without_a_needed_one_are_told_so() -> None:
    """A CSV that lacks a needed heading is rejected with its name."""
    (found, *_) = readings("generic", b"call_key,agent,direction,started_at\nk,103,outbound,1\n")

    assert found.rejected is not None
    assert "has no disposition heading" in found.rejected.reason


def test_a_short_row_is_told_so_and_the_next_is_read() -> None:
    """A row with another number of columns is rejected; the one behind it is read."""
    headings = ",".join(RECORD).encode()
    short, good = readings("generic", headings + b"\nk-1,103\nk-2,103,outbound,1715572800000,busy\n")

    assert short.rejected is not None
    assert short.rejected.line == 2
    assert short.rejected.reason == "the row has 2 columns; the headings name 5"
    assert [leg.call_key for leg in good.legs] == ["k-2"]


def test_the_same_record_in_another_order_is_the_same_leg() -> None:
    """Without a source_record_id a record's own key is what it says, not how it is written."""
    turned = json.dumps(dict(reversed(RECORD.items()))).encode()

    assert one_leg("generic", turned) == one_leg("generic", record())


@pytest.mark.parametrize("agent", ["103", "103_1111113"])
def test_an_agent_is_an_extension_with_or_without_its_app(agent: str) -> None:
    """Both spellings of an agent are the same extension."""
    assert read_agent(agent, CONTEXT) == "103"


# --- plain records -------------------------------------------------------------------------------------------------

TEXTS = st.sampled_from(("", " ", "103", " Ann\x00", "Zo\u00eb", "103_1111113", "103_9", "busy", 7, None, True, ["a"]))
TIMES = st.sampled_from((0, 1715572800, 1715572800000, 1715572805000, 10**17, -1, 1715572800000.0, "2024-05-13", None))
NUMBERS = st.sampled_from((0, 30, 480, 1000, 2**53 + 1, -1, 1.5, "30", "x", True, None, ""))
FIELDS = {
    "source_record_id": st.sampled_from(("r-1", " r-2 ", " ", "", 5, None)),
    "call_key": st.sampled_from(("k-1", " k", "\x00", 12)),
    "agent": st.sampled_from(("103", "103_1111113", "103_2222223", 103, " ")),
    "direction": st.sampled_from(("outbound", "inbound", "internal", "Outbound", "up", None)),
    "started_at": TIMES,
    "disposition": st.sampled_from(("answered", "busy", "unknown", "no answer", "BUSY", "odd", 1)),
    "rate": st.sampled_from(("0.0125", " 3 ", "free", 0.5, 1, None, "")),
    "id": st.sampled_from(("ab" * 12, "AB" * 12, "123", " ", None, 5)),
    "hung_up_by": st.sampled_from(("caller", "Callee", "nobody", "", None)),
    **dict.fromkeys(("dialled_number", "calling_number", "name", "trunk"), TEXTS),
    **dict.fromkeys(("ringing_at", "answered_at", "ended_at"), TIMES),
    **dict.fromkeys(("duration_seconds", "billable_seconds", "sip_response_code", "q850_cause", "odd"), NUMBERS),
}
PLAIN = {**RECORD, "source_record_id": "r-1", "ended_at": 1715572805000, "sip_response_code": 480, "trunk": "t"}
FEW_CHANGED = st.sets(st.sampled_from(sorted(FIELDS)), max_size=3).flatmap(
    lambda changed: st.fixed_dictionaries({field: FIELDS[field] for field in changed})
)


def told(read: Callable[[object, Context], CallLeg | None], value: object) -> CallLeg | str | None:
    try:
        return read(value, CONTEXT)
    except UnreadableRecord as reason:
        return str(reason)


@given(changed=FEW_CHANGED)
def test_a_plain_record_is_read_as_any(changed: dict[str, object]) -> None:
    """The short way reads the very leg that the long way reads, or refuses in its words, or leaves the record to it."""
    value = {**PLAIN, **changed}

    assert told(read_plain, value) in (None, told(read_any, value))


@pytest.mark.parametrize("value", [PLAIN, {**PLAIN, "rate": "0.5", "name": None, "hung_up_by": "caller", "odd": [1]}])
def test_a_plain_record_takes_the_short_way(value: dict[str, object]) -> None:
    """A record whose fields are of their own types is plain; absent, empty and unknown fields leave it so."""
    assert read_plain(value, CONTEXT) == read_any(value, CONTEXT)


@pytest.mark.parametrize("value", [None, 5, "text", [], [PLAIN], RECORD])
def test_what_is_no_plain_record_is_left_to_the_long_way(value: object) -> None:
    """Anything that is no object, or has no key of its own, is not plain."""
    assert read_plain(value, CONTEXT) is None
