"""What the Asterisk source makes of its records beyond the case files: merged calls, reasons, single rules."""

import pytest
from tests.sources.asterisk import row
from tests.sources.payloads import CASES, CONTEXT, calls_of, legs_of, one_leg, one_reason, readings

from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import Direction

# Which calls a case comes to, oldest first: disposition, number shown, and the lists the call stands in.
CALLS = {
    "failover-to-second-trunk.csv": [("answered", "77010000001", [("103", "out_answered")])],
    "parallel-dial.csv": [("no_answer", "77010000001", [("103", "out_missed")])],
    "trunk-at-the-end-of-dial.csv": [
        ("no_answer", "77010000011", [("103", "out_missed")]),
        ("no_answer", "77010000014", [("103", "out_missed")]),
        ("no_answer", "77010000011", [("103", "out_missed")]),
    ],
    "early-answer-then-nobody.csv": [("no_answer", "77010000001", [("103", "out_missed")])],
    "click-to-call-not-picked-up.csv": [("no_answer", "77010000001", [("103", "out_missed")])],
    "outbound-caller-id.csv": [("no_answer", "77010000001", [("103", "out_missed")])],
    "ring-group.csv": [("answered", "77010000005", [("104", "in_answered")])],
    "voicemail.csv": [("no_answer", "77010000005", [("103", "in_missed")])],
    "forwarded-to-a-mobile.csv": [("answered", "77010000005", [("103", "in_answered")])],
    "transferred-blind.csv": [("answered", "77010000005", [("103", "in_answered")])],
    "internal.csv": [("answered", "103", [("", "other")])],
    "feature-code.csv": [("unknown", "103", [("", "other")])],
    "headings-freepbx.csv": [
        ("no_answer", "77010000001", [("103", "out_missed")]),
        ("answered", "77010000002", [("104", "out_answered")]),
    ],
}


@pytest.mark.parametrize("case", CALLS)
def test_the_rows_of_one_call_are_one_call(case: str) -> None:
    """The legs of a case merge into the calls a person would tell of."""
    calls = [
        (call.disposition.value, call.number, [(key.extension, key.kind.word) for key in call.lists])
        for call in calls_of(CASES / "asterisk" / case)
    ]

    assert calls == CALLS[case]


def test_a_queue_that_nobody_took_is_missed_by_each_it_rang_at() -> None:
    """The early answer of a queue is no answer: both members have missed the call."""
    (call,) = calls_of(CASES / "asterisk" / "queue-nobody-answered.csv")

    assert not call.was_answered
    assert {ListKey("103", ListKind.IN_MISSED), ListKey("104", ListKind.IN_MISSED)} <= set(call.lists)


def test_all_layouts_tell_the_same_call() -> None:
    """A row with 16 to 21 columns, in either order, tells the same call; only its ids depend on the columns."""
    layouts = list((CASES / "asterisk").glob("*-columns*.csv"))
    told = set()
    for path in layouts:
        (leg,) = legs_of(path)
        told.add((leg.extension, leg.dialled_number, leg.started_at, leg.ended_at, leg.disposition, leg.trunk))

    assert len(layouts) == 10
    assert len(told) == 1


@pytest.mark.parametrize(
    ("columns", "disposition"),
    [
        ({"billsec": "5"}, Disposition.ANSWERED),
        ({"billsec": "0"}, Disposition.UNKNOWN),
        ({"billsec": "5", "dstchannel": ""}, Disposition.UNKNOWN),
        ({"billsec": "5", "disposition": "NO ANSWER"}, Disposition.NO_ANSWER),
    ],
)
def test_an_answer_needs_the_word_the_seconds_and_the_other_channel(
    columns: dict[str, str], disposition: Disposition
) -> None:
    """Only ANSWERED with billable seconds and a channel of the other side is an answer."""
    leg = one_leg("asterisk", row(**{"disposition": "ANSWERED", **columns}))

    assert leg.disposition is disposition
    assert leg.billable_seconds == (5 if disposition is Disposition.ANSWERED else None)


@pytest.mark.parametrize(
    ("billsec", "disposition", "billable"),
    [
        ("0.532", Disposition.ANSWERED, 0),
        (0.532, Disposition.ANSWERED, 0),
        ("41.9", Disposition.ANSWERED, 41),
        ("0.000", Disposition.UNKNOWN, None),
        ("-0.5", Disposition.UNKNOWN, None),
        ("-", Disposition.UNKNOWN, None),
        ("", Disposition.UNKNOWN, None),
    ],
)
def test_a_part_of_a_second_is_an_answer(billsec: object, disposition: Disposition, billable: int | None) -> None:
    """Where billable seconds have fractions, any more than none is an answer; whole seconds are kept."""
    leg = one_leg("asterisk", row(disposition="ANSWERED", billsec=billsec))

    assert (leg.disposition, leg.billable_seconds) == (disposition, billable)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"start": None}, "start (or calldate) is missing"),
        ({"start": "yesterday"}, "start is 'yesterday'; it should be a time"),
        ({"disposition": None}, "disposition is missing"),
        ({"disposition": "ANSWERED", "dstchannel": None}, "dstchannel is missing"),
        ({"disposition": "ANSWERED", "billsec": None}, "billsec is missing"),
        ({"duration": "long"}, "duration is 'long'; it should be a number of seconds"),
        ({"src": ["103"]}, "src should be text or a number"),
        ({"channel": "PJSIP/103_2222222-0000001a"}, "the agent 103_2222222 is not of app 1111113"),
    ],
)
def test_a_record_that_cannot_be_read_names_the_column(changed: dict[str, object], reason: str) -> None:
    """What is missing or wrong is named, with what it should be."""
    assert reason in one_reason("asterisk", row(**changed))


def test_a_row_in_no_known_order_is_told_so() -> None:
    """A row without headings that fits neither order is rejected with its number of columns and what was expected."""
    reason = one_reason("asterisk", b'"a","b","c"\n')

    assert "has 3 columns" in reason
    assert "column 15 of 16 to 21" in reason


def test_a_row_shorter_than_its_headings_is_told_so() -> None:
    """A row that has another number of columns than the headings name is rejected."""
    assert "has 2 columns; the headings name 3" in one_reason("asterisk", b"start,dst,disposition\n1,2\n")


def test_a_naive_time_needs_a_zone() -> None:
    """Without the switch's zone a clock reading is rejected, not guessed."""
    context = type(CONTEXT)(app_id=CONTEXT.app_id, received_at=CONTEXT.received_at)

    assert "--timezone" in one_reason("asterisk", row(), context)


def test_a_missing_end_follows_from_the_duration() -> None:
    """Where a table has no end column the end is start and duration; without a duration it stays unknown."""
    leg = one_leg("asterisk", row(duration="30"))
    unknown = one_leg("asterisk", row(duration=None))

    assert leg.ended_at is not None
    assert (leg.ended_at - leg.started_at).total_seconds() == 30
    assert unknown.ended_at is None


def test_a_clock_that_was_set_back_loses_no_call() -> None:
    """Answer and end times before the start are left out; the call is kept."""
    times = {"answer": "2024-05-13 08:59:00", "end": "2024-05-13 08:59:10"}
    leg = one_leg("asterisk", row(**times, disposition="ANSWERED", billsec="10", duration="-50"))

    assert (leg.disposition, leg.billable_seconds) == (Disposition.ANSWERED, 10)
    assert (leg.answered_at, leg.ended_at, leg.duration_seconds) == (None, None, None)


def test_rows_with_nothing_in_common_are_never_merged() -> None:
    """Without uniqueid and linkedid two calls keep two keys, unless it is the same channel in the same second."""
    alone = {"uniqueid": None, "sequence": None}
    first = one_leg("asterisk", row(**alone))
    other_channel = one_leg("asterisk", row(**alone, channel="PJSIP/103-0000002a"))
    other_start = one_leg("asterisk", row(**alone, start="2024-05-13 09:00:01"))
    second_party = one_leg("asterisk", row(**alone, dstchannel="PJSIP/reserve-0000001c"))

    assert len({first.call_key, other_channel.call_key, other_start.call_key}) == 3
    assert second_party.call_key == first.call_key
    assert second_party.source_record_id != first.source_record_id


@pytest.mark.parametrize(
    ("channel", "src", "direction", "extension"),
    [
        ("PJSIP/103-0000001a", "77270000000", Direction.OUTBOUND, "103"),
        ("SIP/103-0000001a", "", Direction.OUTBOUND, "103"),
        ("IAX2/103-77", "103", Direction.OUTBOUND, "103"),
        ("Local/103@from-internal-0000001;1", "77270000000", Direction.OUTBOUND, "103"),
        ("AsyncGoto/PJSIP/103-0000001a", "103", Direction.OUTBOUND, "103"),
        ("PJSIP/103_1111113-0000001a", "", Direction.OUTBOUND, "103"),
        ("DAHDI/12-1", "103", Direction.OUTBOUND, "103"),
        ("", "103", Direction.OUTBOUND, "103"),
        ("PJSIP/carrier-in-0000001a", "77010000009", Direction.INBOUND, None),
        ("PJSIP/7-0000001a", "77010000009", Direction.INBOUND, None),
    ],
)
def test_the_channel_tells_who_placed_the_call(
    channel: str, src: str, direction: Direction, extension: str | None
) -> None:
    """The endpoint of the channel is the agent's extension; `src` counts only where the channel cannot tell."""
    leg = one_leg("asterisk", row(channel=channel, src=src))

    assert (leg.direction, leg.extension) == (direction, extension)


def test_a_phones_own_contact_is_no_trunk() -> None:
    """Dial(PJSIP/104/sip:104@...) rings an inside phone: an internal call, no outgoing one."""
    leg = one_leg("asterisk", row(dst="104", dstchannel="PJSIP/104-1", lastdata="PJSIP/104/sip:104@192.0.2.8:5060,20"))

    assert (leg.direction, leg.extension, leg.side) == (Direction.INTERNAL, "103", None)


@pytest.mark.parametrize(
    ("clid", "name"),
    [
        ('"Aigul" <77010000005>', "Aigul"),
        ("Aigul <77010000005>", "Aigul"),
        ('"" <77010000005>', None),
        ('"77010000005" <77010000005>', None),
        ("77010000005", None),
        ("", None),
    ],
)
def test_an_incoming_callers_name_is_shown(clid: str, name: str | None) -> None:
    """The name in the caller id of an incoming call is kept where it says more than the number."""
    leg = one_leg("asterisk", row(clid=clid, src="77010000005", dst="103", channel="PJSIP/carrier-1"))

    assert (leg.direction, leg.name) == (Direction.INBOUND, name)


def test_an_agents_own_name_is_not_the_contacts() -> None:
    """The caller id of an outgoing call names the agent, so the call has no name."""
    assert one_leg("asterisk", row(clid='"Office" <103>')).name is None


def test_json_lines_behind_a_broken_first_line_are_read() -> None:
    """A first line that is no JSON does not turn the lines behind it into CSV."""
    found = readings("asterisk", b'half a line"}\n' + row() + b"\n" + row(sequence="27") + b"\n")

    assert [len(reading.legs) for reading in found] == [0, 1, 1]
