"""What the Kamailio source makes of its records beyond the case files: merged calls, reasons, single rules."""

import json

import pytest
from tests.sources.payloads import CASES, calls_of, one_leg, one_reason, readings

from ringback.telephony.call import ListKey
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import MAX_TEXT, Direction

BUSY = {
    "id": "4e23dcca-0000-4f89-a2a1-000000000002",
    "event": "failed",
    "call_id": "2-20272@192.0.2.1",
    "from_tag": "20272uac2",
    "from_user": "103_1111113",
    "dialled": "77010000486",
    "sip_code": 486,
    "start": 1763000000.137625,
    "end": 1763000000.140959,
}

# Which calls a case comes to, oldest first: disposition, number shown, and the lists the call stands in.
CALLS = {
    "answered.json": [("answered", "77010000200", [("103", "out_answered")])],
    "busy.json": [("busy", "77010000486", [("103", "out_missed")])],
    "dead-port.json": [("failed", "77010000000", [("103", "out_missed")])],
    "rang-out.json": [("no_answer", "77010000408", [("103", "out_missed")])],
    "cancelled-by-the-caller.json": [("cancelled", "77010000487", [("103", "out_missed")])],
    "challenged-then-answered.json": [("answered", "77010000004", [("103", "out_answered")])],
    "first-proxy-failed-second-answered.json": [("answered", "77010000006", [("103", "out_answered")])],
    "second-proxy.json": [("busy", "77010000005", [("103", "out_missed")])],
    "forked-to-two-phones-one-answered.json": [("answered", "77017654321", [("103", "in_answered")])],
    "inbound-missed.json": [("cancelled", "77017654321", [("103", "in_missed")])],
    "internal.json": [("busy", "103", [("", "other")])],
    "emergency-number.json": [("answered", "112", [("103", "out_answered")])],
    "call-id-used-again-on-another-day.json": [
        ("busy", "77010000007", [("103", "out_missed")]),
        ("answered", "77010000008", [("103", "out_answered")]),
    ],
    "call-id-of-two-callers.json": [
        ("busy", "77010000007", [("103", "out_missed")]),
        ("busy", "77010000008", [("104", "out_missed")]),
    ],
}


def record(**changed: object) -> bytes:
    """Return the record of a busy outgoing call, some fields changed; None leaves one out."""
    fields = {**BUSY, **changed}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def lists(keys: tuple[ListKey, ...]) -> list[tuple[str, str]]:
    """Return list keys as (extension, kind)."""
    return [(key.extension, key.kind.word) for key in keys]


@pytest.mark.parametrize("name", CALLS)
def test_a_case_comes_to_its_calls(name: str) -> None:
    """The legs of the case merge into exactly these calls, each in these lists."""
    calls = calls_of(CASES / "kamailio" / name)

    assert [(call.disposition.value, call.number, lists(call.lists)) for call in calls] == CALLS[name]


@pytest.mark.parametrize(
    ("changed", "disposition"),
    [
        ({"sip_code": 408}, Disposition.FAILED),
        ({"sip_code": 408, "ring": 1763000000.14}, Disposition.NO_ANSWER),
        ({"sip_code": 408, "reason_header": "Q.850;cause=102"}, Disposition.FAILED),
        ({"sip_code": 408, "reason_header": "Q.850;cause=19"}, Disposition.NO_ANSWER),
        ({"sip_code": 480}, Disposition.NO_ANSWER),
        ({"sip_code": 480, "reason_header": 'q.850 ;cause=20;text="x"'}, Disposition.FAILED),
        ({"sip_code": 487, "reason_header": "Q.850;cause=17"}, Disposition.CANCELLED),
        ({"sip_code": 503}, Disposition.CONGESTION),
        ({"sip_code": 503, "reason_header": "Q.850;cause=17"}, Disposition.BUSY),
        ({"sip_code": 503, "reason_header": "SIP;cause=503, Q.850;cause=34"}, Disposition.CONGESTION),
        ({"sip_code": 503, "reason_header": "Q.850;cause=16"}, Disposition.CONGESTION),
        ({"sip_code": 486, "reason_header": "X.Q.8500;cause=1"}, Disposition.BUSY),
        ({"sip_code": 404}, Disposition.FAILED),
        ({"sip_code": 302}, Disposition.FAILED),
        ({"sip_code": None}, Disposition.FAILED),
        ({"event": "end", "sip_code": 200}, Disposition.ANSWERED),
    ],
)
def test_code_cause_and_ring_say_how_it_ended(changed: dict[str, object], disposition: Disposition) -> None:
    """The cause refines the code, a cancelled call is cancelled, and 408 without a ring is unreachable."""
    assert one_leg("kamailio", record(**changed)).disposition is disposition


@pytest.mark.parametrize(
    ("changed", "direction", "extension"),
    [
        ({}, Direction.OUTBOUND, "103"),
        ({"from_user": "103"}, Direction.OUTBOUND, "103"),
        ({"dialled": "104"}, Direction.INTERNAL, "103"),
        ({"dialled": "104_1111113"}, Direction.INTERNAL, "103"),
        ({"dialled": "112", "trunk": "192.0.2.10"}, Direction.OUTBOUND, "103"),
        ({"dialled": "104_2222223"}, Direction.OUTBOUND, "103"),
        ({"dialled": "*97"}, Direction.OUTBOUND, "103"),
        ({"from_user": "+77017654321", "dialled": "103"}, Direction.INBOUND, "103"),
        ({"from_user": "104_2222223", "dialled": "103_1111113"}, Direction.INBOUND, "103"),
        ({"from_user": None, "dialled": "103"}, Direction.INBOUND, "103"),
        ({"from_user": "+77017654321", "dialled": "+77010000001"}, Direction.INBOUND, None),
    ],
)
def test_who_called_whom_says_whose_call_it_is(
    changed: dict[str, object], direction: Direction, extension: str | None
) -> None:
    """An agent who calls out has an outgoing call, one who is dialled an incoming one, two an internal one."""
    leg = one_leg("kamailio", record(**changed))

    assert (leg.direction, leg.extension) == (direction, extension)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"start": None}, "start is missing; a record of ringback.cfg has call_id, start, event"),
        ({"call_id": ""}, "call_id is missing"),
        ({"event": None}, "event is missing"),
        ({"start": 1763000000137}, "start is '1763000000137'; it should be seconds since 1970"),
        ({"start": "yesterday"}, "start is 'yesterday'"),
        ({"start": True}, "start is 'True'"),
        ({"end": -1}, "end is '-1'"),
        ({"end": 1763000000}, "ended_at (2025-11-13T02:13:20+00:00) is before started_at"),
        ({"start": 1863000000, "end": None}, "in the future"),
        ({"sip_code": "busy"}, "sip_code is 'busy'; it should be a SIP response code"),
        ({"sip_code": {}}, "sip_code should be text"),
        ({"from_user": None, "dialled": None}, "neither who called (from_user) nor who was dialled (dialled)"),
        ({"from_user": "103_2222223"}, "the agent 103_2222223 is not of app 1111113"),
        ({"dialled": "7" * 200}, "dialled_number has 200 characters"),
    ],
)
def test_a_record_that_cannot_be_read_names_the_field(changed: dict[str, object], reason: str) -> None:
    """What is missing or wrong is named, with what it should be."""
    assert reason in one_reason("kamailio", record(**changed))


def test_what_is_no_object_is_refused() -> None:
    """A number where a record should be is a rejected record."""
    assert one_reason("kamailio", b"5") == "a Kamailio record should be a JSON object"


def test_a_record_without_an_id_is_its_own_key() -> None:
    """The same record without an id has the same key each time, and another record another."""
    one, same, other = (one_leg("kamailio", record(id=None, dialled=number)) for number in ("1", "1", "2"))

    assert one.source_record_id == same.source_record_id != other.source_record_id


def test_a_very_long_call_id_still_names_one_call() -> None:
    """A Call-ID longer than a key may be is taken by its digest, and another such one stays another call."""
    one, same, other = (one_leg("kamailio", record(call_id="x" * 300 + end)).call_key for end in "aab")

    assert one == same != other
    assert len(one) <= MAX_TEXT


def test_a_broken_encoding_loses_no_call() -> None:
    """A name that is no UTF-8 costs its letters and not the call."""
    body = record(from_user="77017654321", dialled="103", from_name="A?B").replace(b"A?B", b"A\xe0B")

    assert one_leg("kamailio", body).name == "A\ufffdB"


def test_an_agents_own_name_is_not_the_contacts() -> None:
    """An outgoing call has no name: the display name is the agent's."""
    assert one_leg("kamailio", record(from_name="Асель")).name is None


def test_a_batch_may_hold_a_bad_record() -> None:
    """Of three lines the broken one is rejected and the two others are read."""
    found = readings("kamailio", record() + b'\n{"event": \n' + record(id="2") + b"\n")

    assert [len(reading.legs) for reading in found] == [1, 0, 1]
