"""What the TeleCMI source makes of its records beyond the case files: merged calls, reasons, single rules."""

import json

import pytest
from tests.sources.payloads import CASES, calls_of, legs_of, one_leg, one_reason, readings

from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import Direction

MISSED = {
    "type": "cdr",
    "appid": 1111113,
    "to": 9100000001,
    "cmiuuid": "0b6f1c55-0a4e-4c2b-9a53-000000000001",
    "status": "missed",
    "user": "103_1111113",
    "time": 1570184113597,
    "direction": "outbound",
}


def record(**changed: object) -> bytes:
    """Return the webhook of an outgoing call that nobody answered, some fields changed; None leaves one out."""
    fields = {**MISSED, **changed}
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def test_an_agent_who_picked_up_has_not_reached_the_customer() -> None:
    """Of a v2 call's two legs the customer's decides: it was missed, though the agent's own phone was answered."""
    (call,) = calls_of(CASES / "telecmi" / "v2-outgoing-agent-picked-up-customer-did-not.json")

    assert call.lists == (ListKey("103", ListKind.OUT_MISSED),)
    assert call.billable_seconds == 0


def test_two_legs_of_an_answered_call_are_one_call() -> None:
    """Both legs of a v2 call share a call key, and the customer's leg tells how long they talked."""
    (call,) = calls_of(CASES / "telecmi" / "v2-outgoing-answered-both-legs.json")

    assert call.lists == (ListKey("103", ListKind.OUT_ANSWERED),)
    assert call.billable_seconds == 6


def test_a_team_call_belongs_to_the_member_who_took_it() -> None:
    """An incoming call that one member let ring and another took is one call, answered by the latter."""
    (call,) = calls_of(CASES / "telecmi" / "v2-incoming-second-agent-answered.json")

    assert call.lists == (ListKey("104", ListKind.IN_ANSWERED),)


def test_the_rows_of_a_list_keep_their_ids() -> None:
    """A list's 24 hexadecimal characters become the call's id, in lower case."""
    ids = [leg.call_id for leg in legs_of(CASES / "telecmi" / "list-outgoing-missed.json")]

    assert ids == ["5d96c6e920837a1998da13ea", "5d960ecc3e23420b5f1fa2cd"]


def test_live_events_are_no_calls_and_no_faults() -> None:
    """Live events are recognised: they give no leg and nothing to retry."""
    found = readings("telecmi", (CASES / "telecmi" / "live-events.json").read_bytes())

    assert [(reading.legs, reading.rejected) for reading in found] == [((), None)] * 3


@pytest.mark.parametrize("app", [{"appid": 1111113}, {"appid": "1111113"}, {"app_id": 1111113.0, "appid": None}, {}])
def test_the_app_is_a_number_or_digits_by_either_name(app: dict[str, object]) -> None:
    """appid and app_id, number or digits, are the same, and may be absent."""
    assert one_leg("telecmi", record(**{"appid": None, **app})).extension == "103"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"time": None}, "time is missing; it should be epoch milliseconds"),
        ({"time": 1570184113}, "looks like seconds"),
        ({"time": True}, "time is True"),
        ({"user": None, "to": None}, "neither an agent (user, such as 103_1111113) nor a number"),
        ({"appid": 2222223}, "appid is 2222223; it should be 1111113"),
        ({"appid": None, "app_id": "2222223"}, "app_id is 2222223"),
        ({"user": "103_2222223"}, "the agent 103_2222223 is not of app 1111113"),
        ({"direction": "sideways"}, "direction is 'sideways'; it should be inbound or outbound"),
        ({"type": "sms"}, "type is 'sms'; it should be cdr or event"),
        ({"to": {"a": 1}}, "to should be text or a whole number"),
        ({"status": "answered", "answeredsec": "long"}, "answeredsec is 'long'; it should be a number of seconds"),
    ],
)
def test_a_record_that_cannot_be_read_names_the_field(changed: dict[str, object], reason: str) -> None:
    """What is missing or wrong is named, with what it should be."""
    assert reason in one_reason("telecmi", record(**changed))


@pytest.mark.parametrize(
    ("changed", "disposition", "hung_up_by"),
    [
        ({"hangup_reason": "recv_cancel"}, Disposition.CANCELLED, "caller"),
        ({"hangup_reason": "sent_reject"}, Disposition.BUSY, "callee"),
        ({"hangup_reason": "sent_refuse"}, Disposition.NO_ANSWER, None),
        ({"status": "answered", "hangup_reason": "recv_bye"}, Disposition.ANSWERED, "caller"),
        ({"status": "answered", "hangup_reason": "recv_bye", "leg": "b"}, Disposition.ANSWERED, "callee"),
        (
            {"status": "user_missed", "direction": "inbound", "leg": "b", "hangup_reason": "recv_cancel"},
            "no_answer",
            None,
        ),
    ],
)
def test_a_hangup_reason_tells_more(changed: dict[str, object], disposition: str, hung_up_by: str | None) -> None:
    """The reason says who ended the call, and how a missed one ended; the vendor's word is kept."""
    leg = one_leg("telecmi", record(**changed))

    assert (leg.disposition, leg.hung_up_by, leg.vendor_cause) == (disposition, hung_up_by, changed["hangup_reason"])


@pytest.mark.parametrize(
    ("rate", "kept"), [("0.0125", "0.0125"), (0.5, "0.5"), (0, "0"), ("free", None), ([], None), (-1, None)]
)
def test_a_rate_that_is_no_number_loses_no_call(rate: object, kept: str | None) -> None:
    """A cost is kept as decimal text; what is no cost is left out and the call is kept."""
    assert one_leg("telecmi", record(rate=rate)).rate == kept


@pytest.mark.parametrize("name", ["unknown", "Unknown", "", None])
def test_an_unknown_name_is_no_name(name: str | None) -> None:
    """The word the platform writes for want of a name is not taken for one."""
    assert one_leg("telecmi", record(name=name)).name is None


@pytest.mark.parametrize(
    ("fields", "direction", "extension"),
    [
        ({"from": "103_1111113", "to": 9100000001}, Direction.OUTBOUND, "103"),
        ({"from": "440000000000", "to": "9100000001", "user": "103_1111113"}, Direction.OUTBOUND, "103"),
        ({"from": "440000000000", "to": 9100000001, "agent": "103_1111113"}, Direction.OUTBOUND, "103"),
        ({"from": "+440000000000", "to": 9100000001}, Direction.OUTBOUND, None),
        ({"from": "anonymous", "to": 9100000003}, Direction.INBOUND, None),
        ({"from": 9100000002, "to": 9100000003, "agent": "103_1111113"}, Direction.INBOUND, "103"),
        ({"from": 9100000002.0, "to": 9100000003, "agent": "103_1111113"}, Direction.INBOUND, "103"),
        ({"from": 9100000002, "to": "104_1111113"}, Direction.INBOUND, "104"),
        ({"from": 9100000002, "to": 9100000003}, Direction.INBOUND, None),
        ({"from": 9100000002}, Direction.INBOUND, None),
    ],
)
def test_a_list_row_tells_its_direction_by_its_from(
    fields: dict[str, object], direction: Direction, extension: str | None
) -> None:
    """A row without a direction is outgoing where `from` is an agent or the text of a caller id, else incoming."""
    leg = one_leg("telecmi", json.dumps({"_id": "5d96c6e920837a1998da13ea", "time": 1570162545485, **fields}).encode())

    assert (leg.direction, leg.extension) == (direction, extension)


def test_a_form_tells_no_number_from_text() -> None:
    """In a form everything is text: a row with an agent beside both numbers is outgoing, without one incoming."""
    row = b"_id=5d96c6e920837a1998da13ea&time=1570162545485&from=9100000002&to=9100000003"

    assert one_leg("telecmi", row + b"&agent=103_1111113").direction is Direction.OUTBOUND
    assert one_leg("telecmi", row).direction is Direction.INBOUND


def test_an_answered_incoming_call_is_its_callers() -> None:
    """The rows of a list of incoming calls stand in the agent's answered ones, with the number of who called."""
    (first, second) = calls_of(CASES / "telecmi" / "list-incoming-answered-of-an-app.json")

    assert first.lists == second.lists == (ListKey("103", ListKind.IN_ANSWERED),)
    assert (first.number, second.number) == ("919100000002", "919100000004")


@pytest.mark.parametrize("proof", [{"billedsec": 1}, {"record": "true"}, {"record": True}, {"filename": "x.mp3"}])
def test_a_list_row_with_a_recording_or_seconds_was_answered(proof: dict[str, object]) -> None:
    """A row without a status was answered when something was billed or recorded, else missed."""
    nothing = {"billedsec": 0, "record": "false"}

    assert one_leg("telecmi", record(status=None, **proof)).disposition is Disposition.ANSWERED
    assert one_leg("telecmi", record(status=None, **nothing)).disposition is Disposition.NO_ANSWER


def test_a_bad_row_of_a_list_can_be_retried_alone() -> None:
    """Each row of an envelope is a record of its own: the bad one is kept by itself and the good one is read."""
    body = json.dumps({"count": 2, "cdr": [{"_id": "x"}, MISSED], "code": 200}).encode()

    bad, good = readings("telecmi", body)

    assert bad.rejected is not None
    assert json.loads(bad.rejected.raw) == {"_id": "x"}
    assert len(good.legs) == 1


def test_a_record_without_any_id_is_its_own_key() -> None:
    """Without an id, equal records are one and others are not."""
    first, again, other = (
        one_leg("telecmi", record(cmiuuid=None, **more)) for more in ({}, {}, {"time": 1570184113598})
    )

    assert first == again
    assert first.call_key != other.call_key
