"""Who called whom in Asterisk's records: trunks and phones named by numbers and by words, and the number dialled."""

import pytest
from tests.sources.asterisk import row
from tests.sources.payloads import one_leg

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
