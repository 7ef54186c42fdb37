"""Who called whom in Asterisk's records: trunks and phones named by numbers and by words, and the number dialled."""

import pytest
from tests.sources.asterisk import row
from tests.sources.payloads import one_leg, one_reason

from ringback.telephony.call import merge
from ringback.telephony.leg import CallLeg, Direction


def shape(leg: CallLeg) -> tuple[Direction, str | None, str | None]:
    """Return which way a leg goes, whose it is, and whom it was to."""
    return leg.direction, leg.extension, leg.dialled_number


# --- trunks named by a number --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lastdata", "trunk"),
    [
        ("PJSIP/77010000011@1017", "1017"),
        ("PJSIP/77010000011@1017,60,T", "1017"),
        ("PJSIP/77010000011@21577&PJSIP/77010000011@carrier,60", "21577"),
        ("SIP/77010000011@21577|60|T", "21577"),
        ("SIP/21577/77010000011|60", "21577"),
        ("PJSIP/21577/sip:77010000011@sip.example.com", "21577"),
        ("PJSIP/21577/sip:+77010000011@sip.example.com:5060,60", "21577"),
        ("PJSIP/+77010000011@1017", "1017"),
        ("IAX2/us:secret@1017/77010000011,60", "1017"),
    ],
)
@pytest.mark.parametrize("src", ["103", "77270000000"])
def test_a_trunk_named_by_a_number_is_told_by_what_dial_sends_it(lastdata: str, trunk: str, src: str) -> None:
    """An endpoint that Dial sends a number to is a trunk, whatever its name and whatever caller id is shown."""
    other = {"dstchannel": f"PJSIP/{trunk}-2", "lastapp": "Dial", "lastdata": lastdata}
    leg = one_leg("asterisk", row(src=src, dst="77010000011", **other))

    assert shape(leg) == (Direction.OUTBOUND, "103", "77010000011")
    assert (leg.trunk, leg.side) == (trunk, "b")


@pytest.mark.parametrize("dst", ["77010000011", "+77010000011", "3270011"])
@pytest.mark.parametrize(("lastapp", "lastdata"), [("Hangup", ""), ("Congestion", "20"), ("", None)])
def test_a_trunk_named_by_a_number_is_told_by_the_number_dialled(dst: str, lastapp: str, lastdata: str | None) -> None:
    """Where Dial is no longer told, an agent who dialled a number from outside was not put through to an extension."""
    leg = one_leg("asterisk", row(dst=dst, dstchannel="PJSIP/1017-2", lastapp=lastapp, lastdata=lastdata))

    assert shape(leg) == (Direction.OUTBOUND, "103", dst)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"dst": "104", "lastdata": "PJSIP/104,20"}, (Direction.INTERNAL, "103", "104")),
        ({"dst": "104", "lastdata": "PJSIP/104"}, (Direction.INTERNAL, "103", "104")),
        ({"dst": "104", "lastdata": "PJSIP/104/sip:104@192.0.2.8:5060"}, (Direction.INTERNAL, "103", "104")),
        ({"dst": "104", "lastdata": "PJSIP/104/sip:48151623@192.0.2.8"}, (Direction.INTERNAL, "103", "104")),
        ({"dst": "104", "lastapp": "Hangup"}, (Direction.INTERNAL, "103", "104")),
        # What agents dial for each other may be long, too.
        ({"dst": "77270000104", "lastdata": "PJSIP/104,20"}, (Direction.INTERNAL, "103", "77270000104")),
        ({"dst": "77270000700", "lastapp": "Queue", "lastdata": "700,t"}, (Direction.INTERNAL, "103", "77270000700")),
        # Callers from outside dial a long number; who is rung is an extension.
        ({"channel": "PJSIP/carrier-1", "src": "77010000005"}, (Direction.INBOUND, "104", "77010000001")),
        (
            {"channel": "PJSIP/carrier-1", "src": "20", "lastdata": "PJSIP/104"},
            (Direction.INBOUND, "104", "77010000001"),
        ),
    ],
)
def test_a_phone_named_by_a_number_is_no_trunk(
    changed: dict[str, str], found: tuple[Direction, str | None, str | None]
) -> None:
    """An endpoint that is rung, and sent no number, is the extension of its name."""
    leg = one_leg("asterisk", row(**{"dstchannel": "PJSIP/104-2", "lastapp": "Dial", **changed}))

    assert shape(leg) == found


# --- the number that was dialled -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lastdata",
    [
        "SIP/77010000013@sip.example.com:5060,60",
        "PJSIP/carrier/sip:77010000013@sip.example.com:5060",
        "PJSIP/carrier/sips:77010000013@[2001:db8::9]:5061,60",
        "PJSIP/carrier/sip:77010000013;user=phone@192.0.2.9,60",
        "SIP/carrier/77010000013:5060|60",
        "IAX2/us:secret@carrier/77010000013@from-us,60",
    ],
)
@pytest.mark.parametrize("dst", ["s", ""])
def test_the_number_in_dial_ends_before_host_and_port(dst: str, lastdata: str) -> None:
    """Where dialplan dialled, the number is the one that Dial names: no port, no host, no user of the trunk."""
    leg = one_leg("asterisk", row(dst=dst, lastapp="Dial", lastdata=lastdata))

    assert shape(leg) == (Direction.OUTBOUND, "103", "77010000013")


@pytest.mark.parametrize("dst", ["s-NOANSWER", "s-BUSY", "s-CHANUNAVAIL", "s-CONGESTION"])
def test_where_dialplan_went_after_dial_is_no_number(dst: str) -> None:
    """FreePBX goes on at an extension named after Dial's status: the number is Dial's, or unknown."""
    dialled = one_leg("asterisk", row(dst=dst, lastapp="Dial", lastdata="PJSIP/77010000013@carrier,60"))
    unknown = one_leg("asterisk", row(dst=dst, lastapp="Playtones", lastdata="congestion"))

    assert shape(dialled) == (Direction.OUTBOUND, "103", "77010000013")
    assert shape(unknown) == (Direction.OUTBOUND, "103", None)


@pytest.mark.parametrize(
    ("dst", "sent", "dialled"),
    [
        # A prefix of the agents', for an outside line: the trunk got the number.
        ("977010000014", "77010000014", "77010000014"),
        ("9912125550100", "12125550100", "12125550100"),
        ("912125550100", "12125550100", "12125550100"),
        ("92125550100", "2125550100", "2125550100"),
        ("93270014", "3270014", "3270014"),
        ("9+77010000014", "+77010000014", "+77010000014"),
        ("0030123456", "030123456", "030123456"),
        ("*6777010000014", "77010000014", "77010000014"),
        ("123456#77010000014", "77010000014", "77010000014"),
        ("877010000014", "77010000014", "77010000014"),
        # A prefix of the trunk's.
        ("77010000014", "123477010000014", "77010000014"),
        ("77010000014", "1234#77010000014", "77010000014"),
        # The same number with its country's code: the longer one is known everywhere.
        ("77010000001", "7010000001", "77010000001"),
        ("+77010000001", "77010000001", "+77010000001"),
        ("+77010000001", "7010000001", "+77010000001"),
        ("0077010000001", "77010000001", "0077010000001"),
        ("0077010000001", "7010000001", "0077010000001"),
        ("12125550100", "2125550100", "12125550100"),
        ("919100000000", "9100000000", "919100000000"),
        # A national form is no part of it, or may only lack the national prefix.
        ("77010000001", "87010000001", "77010000001"),
        ("87010000001", "77010000001", "87010000001"),
        ("87010000001", "7010000001", "87010000001"),
        # Nothing of one number: the last digits alone, a short code, another number.
        ("77270001234", "1234", "77270001234"),
        ("5550101", "101", "5550101"),
        ("77010000001", "77010000002", "77010000001"),
    ],
)
def test_a_prefix_that_was_dialled_is_no_part_of_the_number(dst: str, sent: str, dialled: str) -> None:
    """Of the number dialled and the one that Dial sends, the one without the other's prefix is the number."""
    lastdata = f"SIP/carrier/{sent},60"
    leg = one_leg("asterisk", row(dst=dst, lastapp="Dial", lastdata=lastdata))

    assert shape(leg) == (Direction.OUTBOUND, "103", dialled)


def test_a_call_back_from_a_number_with_a_prefix_is_from_that_number() -> None:
    """Who was dialled with a prefix and calls back is told by the same number."""
    out = one_leg("asterisk", row(dst="977010000014", lastapp="Dial", lastdata="PJSIP/77010000014@carrier,60"))
    back = one_leg("asterisk", row(src="77010000014", dst="103", channel="PJSIP/carrier-1", dstchannel="PJSIP/103-2"))

    assert merge(b"", [out], None).number == merge(b"", [back], None).number == "77010000014"


# --- phones named by a word ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changed",
    [
        {"lastdata": "PJSIP/boris,20"},
        {"lastdata": "PJSIP/boris"},
        {"lastdata": "PJSIP/boris/sip:boris@192.0.2.8:5060,20"},
        {"lastdata": "PJSIP/boris/sip:48151623@192.0.2.8:5060,20"},
        {"lastdata": "PJSIP/boris&SIP/carrier/77010000009,20"},
        {"lastapp": "Hangup"},
        {"dst": "700", "lastapp": "Queue", "lastdata": "700,t"},
    ],
)
def test_an_extension_with_a_named_phone_is_no_outside(changed: dict[str, str]) -> None:
    """Who dialled an extension is not outside for the name of its phone."""
    leg = one_leg("asterisk", row(**{"dst": "104", "dstchannel": "PJSIP/boris-2", "lastapp": "Dial", **changed}))

    assert (leg.direction, leg.extension, leg.trunk) == (Direction.INTERNAL, "103", None)


@pytest.mark.parametrize(
    ("dstchannel", "lastdata"),
    [
        ("PJSIP/carrier-2", "PJSIP/112@carrier,20"),
        ("PJSIP/carrier-2", "PJSIP/carrier/sip:112@192.0.2.9:5060,20"),
        ("SIP/sip.example.com-2", "SIP/112@sip.example.com:5060"),
        ("SIP/carrier-2", "SIP/desk&SIP/carrier/77010000009"),
        ("PJSIP/1017-2", "PJSIP/112@1017"),
    ],
)
def test_a_short_number_that_dial_sends_is_outside(dstchannel: str, lastdata: str) -> None:
    """A number from outside may look like an extension: Dial sends it to a trunk."""
    leg = one_leg("asterisk", row(dst="112", dstchannel=dstchannel, lastapp="Dial", lastdata=lastdata))

    assert shape(leg) == (Direction.OUTBOUND, "103", "112")


def test_a_named_phone_that_goes_off_hook_does_not_answer_the_call() -> None:
    """The inner half of a click-to-call that rings the agent's named phone is the agent's own side."""
    inner = {"channel": "Local/103@from-internal-7;2", "dst": "103", "dstchannel": "PJSIP/anna-2"}
    leg = one_leg(
        "asterisk", row(**inner, lastapp="Dial", lastdata="PJSIP/anna,20", disposition="ANSWERED", billsec="9")
    )

    assert (leg.direction, leg.extension, leg.side) == (Direction.INTERNAL, None, "a")


@pytest.mark.parametrize("lastdata", ["PJSIP/009001234567@carrier,60", "SIP/carrier/9001234567", None])
def test_an_attempt_of_a_named_phone_that_reached_no_trunk_is_outgoing(lastdata: str | None) -> None:
    """An attempt that failed before a trunk's channel was made is the agent's, if `src` is one."""
    named = {"src": "1001", "channel": "PJSIP/aaaa1111-0001", "dstchannel": "", "disposition": "FAILED"}
    leg = one_leg("asterisk", row(**named, dst="009001234567", lastapp="Dial", lastdata=lastdata))

    assert (leg.direction, leg.extension) == (Direction.OUTBOUND, "1001")


@pytest.mark.parametrize(
    "changed",
    [
        {"src": "77010000005"},
        {"lastdata": "PJSIP/103,20"},
        {"lastdata": "PJSIP/103/sip:103@192.0.2.7:5060,20"},
        {"lastdata": "PJSIP/reception"},
        {"lastapp": "Playback", "lastdata": "closed"},
        {"dst": "103"},
        {"dst": "s"},
    ],
)
def test_a_caller_from_outside_whom_no_phone_was_rung_for_stays_incoming(changed: dict[str, str]) -> None:
    """A trunk with a name, without a channel of the other side, is told from a named phone by whom Dial rang."""
    trunk = {"src": "205", "channel": "PJSIP/carrier-1", "dstchannel": "", "lastapp": "Dial", "lastdata": "PJSIP/103"}
    leg = one_leg("asterisk", row(**{**trunk, "dst": "77270000000", **changed}))

    assert leg.direction is Direction.INBOUND


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"dst": "101", "dstchannel": "PJSIP/101-2"}, (Direction.INTERNAL, "100", "101")),
        ({"dst": "101", "dstchannel": "PJSIP/101-SMITH-2"}, (Direction.INTERNAL, "100", "101")),
        ({"dst": "101", "dstchannel": ""}, (Direction.INTERNAL, "100", "101")),
        ({}, (Direction.OUTBOUND, "100", "77010000001")),
        ({"dstchannel": ""}, (Direction.OUTBOUND, "100", "77010000001")),
        # Where `src` is another, it may be a trunk.
        ({"src": "77010000005", "dst": "101"}, (Direction.INBOUND, "101", "101")),
        ({"src": "10", "dst": "101"}, (Direction.INBOUND, "101", "101")),
        ({"src": "", "dst": "101"}, (Direction.INBOUND, "101", "101")),
    ],
)
def test_a_phone_may_be_named_after_its_extension_and_more(
    changed: dict[str, str], found: tuple[Direction, str | None, str | None]
) -> None:
    """The number that a phone's name begins with is its extension where `src` says the same."""
    leg = one_leg("asterisk", row(**{"src": "100", "channel": "PJSIP/100-CANISTRACCI-0000001", **changed}))

    assert shape(leg) == found


# --- trunks named like another app's agent -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"lastdata": "PJSIP/77010000001@495_1234567,60"}, (Direction.OUTBOUND, "103", "77010000001")),
        ({"lastdata": "SIP/495_1234567/77010000001,60"}, (Direction.OUTBOUND, "103", "77010000001")),
        ({"lastapp": "Hangup"}, (Direction.OUTBOUND, "103", "77010000001")),
        (
            {"channel": "PJSIP/anna-1", "lastdata": "PJSIP/77010000001@495_1234567"},
            (Direction.OUTBOUND, "103", "77010000001"),
        ),
        (
            {"channel": "PJSIP/in-1", "src": "77010000005", "dst": "103", "lastdata": "PJSIP/77010000009@495_1234567"},
            (Direction.INBOUND, "103", "103"),
        ),
    ],
)
def test_a_trunk_may_be_named_like_another_apps_agent(
    changed: dict[str, str], found: tuple[Direction, str | None, str | None]
) -> None:
    """Where an agent called, or Dial sent a number, a name of this shape is no agent on the other side."""
    leg = one_leg("asterisk", row(**{"dstchannel": "PJSIP/495_1234567-2", "lastapp": "Dial", **changed}))

    assert shape(leg) == found


@pytest.mark.parametrize(
    "changed",
    [
        {"channel": "PJSIP/104_2222222-1"},
        {"channel": "PJSIP/carrier-1", "src": "77010000005", "dstchannel": "PJSIP/104_2222222-2"},
        {
            "channel": "Local/104_2222222@queue-7;2",
            "dstchannel": "PJSIP/104_2222222-2",
            "lastdata": "PJSIP/104_2222222",
        },
        {"dst": "104_2222222", "dstchannel": "PJSIP/104_2222222-2"},
    ],
)
def test_another_apps_calls_are_no_calls_of_this_one(changed: dict[str, str]) -> None:
    """A call that another app's agent placed, or that rang at one, is rejected and not read as a trunk's."""
    assert "the agent 104_2222222 is not of app 1111113" in one_reason("asterisk", row(**changed))
