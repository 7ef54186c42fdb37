"""What the FreeSWITCH source makes of its documents beyond the case files: merged calls, encodings, single rules."""

import base64
import json
from collections.abc import Callable, Mapping
from itertools import combinations, permutations
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from tests.sources.payloads import (
    APP_ID,
    CASES,
    calls_of,
    case_id,
    facts,
    legs_of,
    one_leg,
    one_reason,
    payloads,
    readings,
)

from ringback.telephony.call import Call, call_ref, merge
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, Direction

FREESWITCH = CASES / "freeswitch"
OUT_MISSED, OUT_ANSWERED = [("103", "out_missed")], [("103", "out_answered")]
IN_MISSED, IN_ANSWERED = [("103", "in_missed")], [("103", "in_answered")]
OTHER = [("", "other")]
CUSTOMER, CALLER = "77010000001", "77010000005"

# Which calls a case comes to, oldest first: disposition, number shown, and the lists the call stands in.
CALLS: dict[str, list[tuple[str, str, list[tuple[str, str]]]]] = {
    "answered.json": [("answered", CUSTOMER, OUT_ANSWERED)],
    "answered-a-leg-only.json": [("answered", CUSTOMER, OUT_ANSWERED)],
    "answered-b-leg-only.json": [("answered", CUSTOMER, OUT_ANSWERED)],
    "no-answer-ring-limit.json": [("no_answer", CUSTOMER, OUT_MISSED)],
    "no-answer-a-leg-only.json": [("no_answer", CUSTOMER, OUT_MISSED)],
    "leg-timeout.json": [("no_answer", CUSTOMER, OUT_MISSED)],
    "cancelled-by-the-agent.json": [("cancelled", CUSTOMER, OUT_MISSED)],
    "busy.json": [("busy", CUSTOMER, OUT_MISSED)],
    "rejected.json": [("busy", CUSTOMER, OUT_MISSED)],
    "unallocated.json": [("failed", CUSTOMER, OUT_MISSED)],
    "unreachable.json": [("no_answer", CUSTOMER, OUT_MISSED)],
    "no-route.json": [("failed", CUSTOMER, OUT_MISSED)],
    "gateway-down.json": [("congestion", CUSTOMER, OUT_MISSED)],
    "congestion.json": [("congestion", CUSTOMER, OUT_MISSED)],
    "failover-second-answered.json": [("answered", CUSTOMER, OUT_ANSWERED)],
    "failover-all-failed.json": [("busy", CUSTOMER, OUT_MISSED)],
    "fork-lose-race.json": [("answered", CUSTOMER, OUT_ANSWERED)],
    "early-answer-then-nobody.json": [("no_answer", CUSTOMER, OUT_MISSED)],
    "early-answer-then-answered.json": [("answered", CUSTOMER, OUT_ANSWERED)],
    "early-answer-early-media-busy.json": [("busy", CUSTOMER, OUT_MISSED)],
    "early-media-then-cancelled.json": [("cancelled", CUSTOMER, OUT_MISSED)],
    "emergency-number.json": [("answered", "112", OUT_ANSWERED)],
    "agent-named-in-full.json": [("no_answer", CUSTOMER, OUT_MISSED)],
    "click-to-call.json": [("no_answer", CUSTOMER, OUT_MISSED)],
    "click-to-call-answered.json": [("answered", CUSTOMER, OUT_ANSWERED)],
    "click-to-call-not-picked-up.json": [("no_answer", CUSTOMER, OUT_MISSED)],
    "feature-code.json": [("unknown", "103", OTHER)],
    "internal.json": [("answered", "103", OTHER)],
    "inbound-answered.json": [("answered", CALLER, IN_ANSWERED)],
    "inbound-answered-a-leg-only.json": [("answered", CALLER, IN_ANSWERED)],
    "inbound-missed.json": [("no_answer", CALLER, IN_MISSED)],
    "inbound-caller-gave-up.json": [("cancelled", CALLER, IN_MISSED)],
    "short-number-from-outside.json": [("no_answer", "1414", IN_MISSED)],
    "ring-group-inbound.json": [("answered", CALLER, [("104", "in_answered")])],
    "ring-group-nobody.json": [("no_answer", CALLER, [("103", "in_missed"), ("104", "in_missed")])],
    "hunt-second-answered.json": [("answered", CALLER, [("104", "in_answered")])],
    "queue.json": [("answered", CALLER, [("104", "in_answered")])],
    "voicemail.json": [("no_answer", CALLER, IN_MISSED)],
    "voicemail-application.json": [("no_answer", CALLER, IN_MISSED)],
    "transferred-inbound.json": [("answered", CALLER, IN_ANSWERED)],
    "forwarded-to-a-mobile.json": [("answered", CALLER, IN_ANSWERED)],
    # the customer whom 103 called is sent on to 104, for whom that is a call from the customer
    "transferred-outbound.json": [
        ("answered", CUSTOMER, OUT_ANSWERED),
        ("answered", CUSTOMER, [("104", "in_answered")]),
    ],
    # the leg behind a loopback channel names no agent, so that the call stands in the agent's list once
    "loopback.json": [("answered", CUSTOMER, OUT_ANSWERED), ("answered", CUSTOMER, OTHER)],
}
# Cases that say the same whichever of their documents have arrived, as long as the one that knows is among them.
KNOWS = {
    "answered.json": "ab",
    "no-answer-ring-limit.json": "ab",
    "cancelled-by-the-agent.json": "ab",
    "busy.json": "ab",
    "congestion.json": "ab",
    "early-answer-then-nobody.json": "ab",
    "early-answer-early-media-busy.json": "ab",
    "early-media-then-cancelled.json": "ab",
    "click-to-call.json": "ab",
    "inbound-answered.json": "ab",
    "inbound-missed.json": "ab",
    "failover-second-answered.json": "a",  # of the two attempts the failed one alone looks missed, until more is known
    "fork-lose-race.json": "a",
    "hunt-second-answered.json": "a",
    "ring-group-inbound.json": "a",
    "transferred-inbound.json": "a",
    "voicemail.json": "a",
}


def merged(legs: tuple[CallLeg, ...]) -> Call:
    """Return the call of legs that share their key."""
    (key,) = {leg.call_key for leg in legs}
    return merge(call_ref(APP_ID, key), legs, None)


def told(call: Call) -> tuple[str, str, list[tuple[str, str]]]:
    """Return how a call ended, its number, and the lists it stands in."""
    return call.disposition.value, call.number, [(key.extension, key.kind.word) for key in call.lists]


def document(case: str, place: int = 0) -> dict[str, Any]:
    """Return a document of a case whose variables are not url-encoded, or do not matter."""
    found: dict[str, Any] = json.loads((FREESWITCH / case).read_text().splitlines()[place])
    return found


def changed(case: str, variables: Mapping[str, object], place: int = 0) -> bytes:
    """Return a document with some variables changed; None leaves one out."""
    told = document(case, place)
    all_of_them = {**told["variables"], **variables}
    told["variables"] = {name: value for name, value in all_of_them.items() if value is not None}
    return json.dumps(told).encode()


# --- calls ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", CALLS)
def test_the_documents_of_one_call_are_one_call(case: str) -> None:
    """The legs of a case merge into the calls a person would tell of."""
    assert [told(call) for call in calls_of(FREESWITCH / case)] == CALLS[case]


def test_every_case_of_a_call_says_what_it_comes_to() -> None:
    """Each case that is a call, and not an encoding or a list of causes, stands in the table above."""
    encodings = ("posted-", "error-directory", "array", "several-files", "literal-", "broken-", "name-in", "old-")
    others = {path.name for path in payloads("freeswitch")} - set(CALLS) - {"a-new-word.json", "each-hangup-cause.json"}

    assert [name for name in sorted(others) if not name.startswith(encodings)] == []


@pytest.mark.parametrize("case", CALLS)
def test_the_order_of_documents_does_not_matter(case: str) -> None:
    """Whichever leg's document comes first, and however often, the call is the same."""
    legs = [leg for leg in legs_of(FREESWITCH / case) if leg.call_key == legs_of(FREESWITCH / case)[-1].call_key]

    calls = [merged(order + order[:1]) for order in permutations(legs)]

    assert all(call == calls[0] for call in calls)


@pytest.mark.parametrize("case", KNOWS)
def test_a_call_is_told_right_while_documents_are_missing(case: str) -> None:
    """Any of the documents with the one that knows tell how the call ended and in whose list it stands."""
    legs = legs_of(FREESWITCH / case)
    for count in range(1, len(legs) + 1):
        for arrived in combinations(legs, count):
            has_a = any(leg.source_record_id == leg.call_key for leg in arrived)
            if has_a or KNOWS[case] == "ab":
                assert [told(merged(arrived))] == CALLS[case]


@pytest.mark.parametrize("case", ["fork-lose-race.json", "ring-group-inbound.json"])
def test_a_forks_loser_is_neither_missed_nor_answered(case: str) -> None:
    """Alone, the leg that lost the race puts its call into nobody's list."""
    (loser,) = [leg for leg in legs_of(FREESWITCH / case) if leg.vendor_cause == "LOSE_RACE"]

    assert told(merged((loser,)))[2] == OTHER
    assert loser.disposition is Disposition.UNKNOWN


def test_a_call_is_as_long_as_the_other_party_talked() -> None:
    """The seconds before the other party answered, in a menu or with the agent's own phone, are not billable."""
    seconds = {case: calls_of(FREESWITCH / case)[0].billable_seconds for case in CALLS}

    assert seconds["answered.json"] == 35
    assert seconds["early-answer-then-answered.json"] == 16
    assert seconds["click-to-call-answered.json"] == 25
    assert seconds["voicemail.json"] == 0


# --- encodings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", [path for path in payloads("freeswitch") if path.name.startswith(("posted-", "error-"))], ids=case_id
)
def test_one_document_is_the_same_leg_in_every_encoding(path: Path) -> None:
    """Raw, url-encoded and base64, posted or left in the error directory, values encoded or not: one leg."""
    assert facts(legs_of(path)) == facts(legs_of(FREESWITCH / "posted-raw.json"))


def base64_of(text: bytes) -> str:
    """Return the text in base64."""
    return base64.b64encode(text).decode()


@pytest.mark.parametrize("before", [b"", b"uuid=1&"])
@pytest.mark.parametrize(
    "encode",
    [
        quote,
        quote_plus,
        base64_of,
        lambda text: quote(base64_of(text)),
        lambda text: base64_of(text).replace("+", " ").rstrip("="),
    ],
)
def test_what_others_send_again_is_read_too(before: bytes, encode: Callable[[bytes], str]) -> None:
    """A form that another program made of a document is the same leg, among other fields, and with its plus lost."""
    raw = (FREESWITCH / "posted-raw-plain-values.json").read_bytes().replace(b"Softphone 3.1", b"Softphone >>>~~~???")

    leg = one_leg("freeswitch", before + b"cdr=" + encode(raw).encode() + b"&end=1")

    assert "+" in base64_of(raw)
    assert facts([leg]) == facts(legs_of(FREESWITCH / "posted-raw.json"))


def test_a_literal_percent_is_kept() -> None:
    """In a document whose values are not encoded a percent sign is a percent sign."""
    body = changed("a-new-word.json", {"hangup_cause": "100%41", "start_stamp": "2025-06-02 09:00:00"})

    assert one_leg("freeswitch", body).vendor_cause == "100%41"


@pytest.mark.parametrize(
    ("written", "read"), [("A%20B", "A B"), ("%C3%28", "\ufffd("), ("%zz%", "%zz%"), ("%2541", "%41")]
)
def test_encoded_values_are_decoded_once(written: str, read: str) -> None:
    """Values are decoded once; what is broken in them stays or becomes the replacement character."""
    leg = one_leg("freeswitch", changed("a-new-word.json", {"hangup_cause": written}))

    assert leg.vendor_cause == read


def test_values_decoded_with_their_document_may_hold_anything() -> None:
    """With both encodings on, quotes, backslashes and line ends stand bare in the variables; all are read."""
    told = document("posted-raw.json")
    told["variables"] |= {"sip_h_X": "%22a%22%5Cz%22,%22%0D%0A%7B%7D", "last_arg": "%7B%7Dsofia/gateway/x%22y/1"}
    text = quote(json.dumps(told, separators=(",", ":")), safe="%")

    leg = one_leg("freeswitch", b"cdr=" + text.encode())

    assert (leg.trunk, leg.vendor_cause) == ('x"y', "USER_BUSY")


# --- what is refused -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{}", "variables is missing; it should be a document of FreeSWITCH's mod_json_cdr"),
        (b'{"type": "cdr", "appid": 1111113, "status": "missed"}', "variables is missing"),
        (b"[5]", "variables is missing"),
        (b"cdr=%7B%7D", "variables is missing"),
        (b"cdr=e30=", "variables is missing"),
        (b"cdr=%7B%22variables%22%3A%7B%22a%22", "this is no JSON"),
        (b"cdr=eyJ2YXJpYWJsZXMi", "this is no JSON"),
        (b"cdr=", "this is no JSON"),
        (b"<cdr/>", "this is neither JSON nor cdr="),
    ],
)
def test_what_is_no_document_is_told_so(body: bytes, reason: str) -> None:
    """Half a document, another source's and another format's are each rejected with what it should be."""
    assert reason in one_reason("freeswitch", body)


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"uuid": None, "start_uepoch": "1748836800000000"}, "variables.uuid is missing"),
        ({"uuid": "x" * 300}, "source_record_id has 300 characters"),
        ({"start_uepoch": "99999999999999999"}, "in the future: is the switch's clock right?"),
    ],
)
def test_a_document_that_cannot_be_kept_names_the_field(variables: dict[str, object], reason: str) -> None:
    """What is missing or cannot be is named."""
    told = json.loads(changed("busy.json", variables))
    for entry in told["callflow"]:
        entry["caller_profile"].pop("uuid")

    assert reason in one_reason("freeswitch", json.dumps(told).encode())


def test_a_document_without_a_start_is_told_so() -> None:
    """A call without a start has no place in a list."""
    told = document("busy.json")
    told["callflow"] = []
    told["variables"] |= {"start_uepoch": "0", "start_epoch": "soon"}

    assert "start_uepoch (or created_time in callflow) is missing" in one_reason(
        "freeswitch", json.dumps(told).encode()
    )


def test_an_agent_of_another_app_is_refused() -> None:
    """No app can write into another's lists, whoever its phones say they are."""
    body = (FREESWITCH / "agent-named-in-full.json").read_bytes().replace(b"103_1111113", b"103_2222223")

    (first, second) = readings("freeswitch", body)

    for reading in (first, second):
        assert reading.rejected is not None
        assert "the agent 103_2222223 is not of app 1111113" in reading.rejected.reason


# --- times ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"end_uepoch": "1748836700000000"}, "ended_at"),
        ({"end_uepoch": "1748836803000000"}, "ended_at"),
        ({"answer_uepoch": "1748836700000000"}, "answered_at"),
        ({"progress_uepoch": "1748836700000000", "progress_media_uepoch": "1748836700000000"}, "ringing_at"),
        ({"progress_uepoch": "1748836820000000", "progress_media_uepoch": "1748836820000000"}, "ringing_at"),
    ],
)
def test_a_time_out_of_order_loses_no_call(changes: dict[str, object], missing: str) -> None:
    """A time before the one it should follow is left out; the call and its answer are kept."""
    leg = one_leg("freeswitch", changed("answered.json", changes))

    assert getattr(leg, missing) is None
    assert (leg.disposition, leg.billable_seconds) == (Disposition.ANSWERED, 35)


def test_times_are_read_from_the_call_flow_or_in_whole_seconds_too() -> None:
    """Where the variables lack the microseconds the call flow has them, and seconds do where nothing else is left."""
    names = ("start", "answer", "bridge", "progress", "progress_media", "end")
    whole = one_leg("freeswitch", changed("answered.json", {}))
    flow = json.loads(changed("answered.json", dict.fromkeys([f"{name}_uepoch" for name in names])))

    assert one_leg("freeswitch", json.dumps(flow).encode()) == whole
    flow["callflow"] = []
    seconds = one_leg("freeswitch", json.dumps(flow).encode())
    assert (seconds.started_at, seconds.answered_at) == (
        whole.started_at.replace(microsecond=0),
        whole.answered_at and whole.answered_at.replace(microsecond=0),
    )


def test_the_local_stamps_are_never_read() -> None:
    """The clock readings in a document change nothing: they have no zone."""
    stamps = {f"{name}_stamp": "1999-01-01%2000%3A00%3A00" for name in ("start", "answer", "end", "progress")}

    assert one_leg("freeswitch", changed("answered.json", stamps)) == one_leg(
        "freeswitch", changed("answered.json", {})
    )


# --- who -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("profile", "variables", "direction", "extension"),
    [
        ({}, {}, Direction.OUTBOUND, "103"),
        ({"username": "anna", "caller_id_number": "104"}, {}, Direction.OUTBOUND, "103"),
        ({"username": "anna", "caller_id_number": "104"}, {"logged_in": None}, Direction.OUTBOUND, "104"),
        ({"context": "public", "chan_name": "sofia/external/103@192.0.2.10"}, {}, Direction.OUTBOUND, "103"),
        ({"context": "public"}, {"logged_in": None}, Direction.INBOUND, None),
        ({"chan_name": "sofia/external/103@192.0.2.10"}, {"logged_in": None}, Direction.INBOUND, None),
        ({}, {"sip_gateway": "carrier"}, Direction.INBOUND, None),
        ({"destination_number": "104"}, {"last_arg": "user/104@192.0.2.1"}, Direction.INTERNAL, "103"),
        ({"destination_number": "104"}, {"last_arg": "sofia/external/104@192.0.2.7"}, Direction.OUTBOUND, "103"),
        ({"destination_number": "*98"}, {"last_arg": ""}, Direction.INTERNAL, "103"),
    ],
)
def test_who_placed_the_call_decides(
    profile: dict[str, str], variables: dict[str, str | None], direction: Direction, extension: str | None
) -> None:
    """A phone that logged in is ours; from the public context, a trunk's profile or a gateway comes the outside."""
    body = json.loads(changed("no-route.json", {}))
    body["variables"] |= {"sip_from_user": "anna"} if "username" in profile else {}
    if "logged_in" in variables:
        body["variables"] |= {"user_name": "", "sip_auth_username": ""}
    body["variables"] |= {name: quote(value) for name, value in variables.items() if value is not None}
    body["variables"]["current_application_data"] = body["variables"]["last_arg"]
    body["callflow"][0]["caller_profile"] |= profile

    leg = one_leg("freeswitch", json.dumps(body).encode())

    assert (leg.direction, leg.extension) == (direction, extension)


@pytest.mark.parametrize("name", ["originating_leg_uuid", "originator", "signal_bond", "call_uuid", None])
def test_any_word_for_the_first_leg_joins_the_two(name: str | None) -> None:
    """Each variable that names the caller's leg, or the originator's profile alone, gives the same call key."""
    names = ["originating_leg_uuid", "originator", "signal_bond", "call_uuid"]
    a_leg = document("busy.json", 1)["variables"]["uuid"]
    body = json.loads(changed("busy.json", {other: a_leg if other == name else None for other in names}))
    if name is not None:
        del body["callflow"][0]["caller_profile"]["originator"]

    assert one_leg("freeswitch", json.dumps(body).encode()).call_key == a_leg


def test_the_callers_leg_is_never_joined_to_one_it_dialled() -> None:
    """After a bridge the caller's signal_bond names the leg it dialled, also where the switch dialled both."""
    for case in ("answered.json", "click-to-call-answered.json"):
        body = document(case, 1)
        assert body["variables"]["signal_bond"] != body["variables"]["uuid"]

        leg = one_leg("freeswitch", json.dumps(body).encode())

        assert leg.call_key == leg.source_record_id == body["variables"]["uuid"]


@pytest.mark.parametrize(
    ("case", "place", "disposition", "by"),
    [
        ("answered.json", 1, "recv_bye", "caller"),
        ("answered.json", 1, "send_bye", "callee"),
        ("answered.json", 0, "recv_bye", "callee"),
        ("answered.json", 0, "send_bye", "caller"),
        ("busy.json", 0, "recv_refuse", "callee"),
        ("busy.json", 1, "send_refuse", "callee"),
        ("congestion.json", 0, "recv_refuse", "system"),
        ("cancelled-by-the-agent.json", 0, "send_cancel", "caller"),
        ("cancelled-by-the-agent.json", 1, "recv_cancel", "caller"),
        ("no-answer-ring-limit.json", 0, "send_cancel", "system"),
        ("no-answer-ring-limit.json", 1, "send_refuse", "system"),
        ("busy.json", 0, "something_new", None),
    ],
)
def test_who_hung_up(case: str, place: int, disposition: str, by: str | None) -> None:
    """The side a message came from and the leg it came on say who ended the call."""
    assert one_leg("freeswitch", changed(case, {"sip_hangup_disposition": disposition}, place)).hung_up_by == by


@pytest.mark.parametrize(
    ("code", "kept"), [("17", 17), ("127", 127), ("128", None), ("702", None), ("0", None), ("x", None)]
)
def test_only_a_q850_cause_is_one(code: str, kept: int | None) -> None:
    """FreeSWITCH numbers its own causes above 127; they are not Q.850's."""
    assert one_leg("freeswitch", changed("busy.json", {"hangup_cause_q850": code})).q850_cause == kept


@pytest.mark.parametrize(
    ("cause", "bridged", "disposition"),
    [
        ("NORMAL_CLEARING", True, Disposition.ANSWERED),
        ("NORMAL_CLEARING", False, Disposition.ANSWERED),
        ("MEDIA_TIMEOUT", True, Disposition.ANSWERED),
        ("LOSE_RACE", False, Disposition.UNKNOWN),
        ("NO_ANSWER", False, Disposition.NO_ANSWER),
    ],
)
def test_a_leg_that_was_let_go_was_not_answered(cause: str, bridged: bool, disposition: Disposition) -> None:
    """A leg that picked up but was let go for another, or did not confirm, has answered nobody's call."""
    told = json.loads(changed("answered.json", {"hangup_cause": cause}))
    if not bridged:
        told["variables"] |= {"bridge_uepoch": "0", "bridge_epoch": "0"}
        told["callflow"][0]["times"]["bridged_time"] = "0"

    assert one_leg("freeswitch", json.dumps(told).encode()).disposition is disposition
