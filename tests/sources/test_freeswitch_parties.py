"""Who placed a call, who hung up and why, as the FreeSWITCH source reads a document."""

import json
import re
from urllib.parse import quote

import msgspec
import pytest
from tests.sources.freeswitch import FREESWITCH, changed, document
from tests.sources.payloads import CONTEXT, one_leg

from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import Direction


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


LONG_EXTENSIONS = msgspec.structs.replace(CONTEXT, extensions=re.compile(r"\d{2,7}", re.ASCII))


@pytest.mark.parametrize("place", [0, 1])
def test_long_extensions_are_inside_where_the_app_says_so(place: int) -> None:
    """A call between extensions of seven digits is internal on either of its legs."""
    case = (FREESWITCH / "internal.json").read_text().replace("103", "1000001").replace("104", "1000002")

    leg = one_leg("freeswitch", case.splitlines()[place].encode(), LONG_EXTENSIONS)

    assert (leg.direction, leg.extension, leg.dialled_number) == (Direction.INTERNAL, "1000001", "1000002")


@pytest.mark.parametrize("case", ["click-to-call.json", "click-to-call-not-picked-up.json"])
def test_of_a_click_to_call_a_long_extension_is_not_the_number(case: str) -> None:
    """The agent's own extension, rung first, is not taken for who was called."""
    (leg_of_agent,) = (FREESWITCH / case).read_text().replace('"103', '"1000001').splitlines()[-1:]

    leg = one_leg("freeswitch", leg_of_agent.encode(), LONG_EXTENSIONS)

    assert (leg.extension, leg.dialled_number) == ("1000001", "77010000001")


@pytest.mark.parametrize(
    ("dialled", "sent", "number"),
    [
        ("77010000001", "5577010000001", "77010000001"),
        ("77010000001", "1234#77010000001", "77010000001"),
        ("77010000001", "1234%2377010000001", "77010000001"),
        ("77010000001", "55+77010000001", "77010000001"),
        ("+77010000001", "123477010000001", "+77010000001"),
        ("87010000001", "5587010000001", "87010000001"),
        ("112", "1234#112", "112"),
        ("7010000001", "77010000001", "77010000001"),
        ("2501234", "77272501234", "77272501234"),
        ("2079460000", "00442079460000", "00442079460000"),
        ("7010000001", "81077010000001", "81077010000001"),
        ("7010000001", "1234#77010000001", "1234#77010000001"),
        ("77010000001", "+77010000001", "+77010000001"),
        ("977010000001", "77010000001", "77010000001"),
        ("77010000001", "1234577010000001", "1234577010000001"),
        ("77010000002", "5577010000001", "5577010000001"),
        ("103", "55103", "55103"),
    ],
)
def test_a_technical_prefix_is_no_part_of_the_number(dialled: str, sent: str, number: str) -> None:
    """What a carrier wants before the number that was dialled is left out; a national number sent whole is not cut."""
    told = document("busy.json")
    (placing,) = told["callflow"][0]["caller_profile"]["originator"]["originator_caller_profiles"]
    placing["destination_number"] = dialled
    told["callflow"][0]["caller_profile"]["destination_number"] = sent

    assert one_leg("freeswitch", json.dumps(told).encode()).dialled_number == number


@pytest.mark.parametrize("place", [0, 1])
def test_of_a_click_to_call_the_caller_id_tells_the_prefix(place: int) -> None:
    """Where the switch rang the agent first, what was asked for is the caller id shown to the agent."""
    told = json.loads(changed("click-to-call.json", {"last_arg": "sofia/gateway/carrier/5577010000001"}, place))
    own = told["callflow"][0]["caller_profile"]
    own["destination_number"] = own["destination_number"].replace("77010000001", "5577010000001")

    assert one_leg("freeswitch", json.dumps(told).encode()).dialled_number == "77010000001"


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
