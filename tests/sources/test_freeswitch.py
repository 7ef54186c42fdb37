"""What the FreeSWITCH source's documents of one call come to, whichever of them have arrived and in which order."""

from itertools import combinations, permutations

import pytest
from tests.sources.freeswitch import FREESWITCH
from tests.sources.payloads import (
    APP_ID,
    calls_of,
    legs_of,
    payloads,
)

from ringback.telephony.call import Call, call_ref, merge
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg

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
    "technical-prefix.json": [("no_answer", CUSTOMER, OUT_MISSED)],
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
    "technical-prefix.json": "ab",
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
