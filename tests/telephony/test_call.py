"""The merge of legs into a call: the same whatever the order, answered on any leg, in the lists it belongs to."""

import random
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.telephony.examples import BEGUN_AT, a_leg, legs

from ringback.telephony.call import Call, ListKey, ListKind, call_ref, merge
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, Direction
from ringback.telephony.rates import format_rate, read_rate

REF = b"\x01" * 12
ANSWERED, NO_ANSWER, BUSY = Disposition.ANSWERED, Disposition.NO_ANSWER, Disposition.BUSY
one_call = st.lists(legs(call_keys=("k1",)), min_size=1, max_size=7)


def merged(*legs_of_a_call: CallLeg) -> Call:
    return merge(REF, legs_of_a_call, None)


def inbound(extension: str | None, **facts: Any) -> CallLeg:
    facts = {"source_record_id": str(extension), "dialled_number": None, "calling_number": "77020000001"} | facts
    return a_leg(direction=Direction.INBOUND, extension=extension, **facts)


def after(seconds: int | None) -> datetime | None:
    return None if seconds is None else BEGUN_AT + timedelta(seconds=seconds)


# --- the same whatever the order -----------------------------------------------------------------------------------


@given(some=one_call, shuffle=st.randoms(use_true_random=False))
def test_order_does_not_matter(some: list[CallLeg], shuffle: random.Random) -> None:
    """Merging is commutative: the legs of a call in any order are the same call."""
    mixed = shuffle.sample(some, len(some))

    assert merged(*mixed) == merged(*some)


@given(some=one_call, repeats=st.lists(st.integers(0, 6)))
def test_repeats_do_not_matter(some: list[CallLeg], repeats: list[int]) -> None:
    """Merging is idempotent: a leg given again, anywhere and often, changes nothing."""
    again = [some[number % len(some)] for number in repeats]

    assert merged(*again, *some, *again) == merged(*some)


@given(leg=legs(), blank=st.sets(st.sampled_from(("extension", "dialled_number", "calling_number", "name"))))
def test_a_call_of_one_leg_is_merged_by_the_same_rules(leg: CallLeg, blank: set[str]) -> None:
    """The short way for one leg gives what the long way gives when it meets the leg twice, empty texts included."""
    leg = msgspec.structs.replace(leg, **dict.fromkeys(blank, ""))

    assert merged(leg) == merged(leg, leg)


@given(some=one_call)
def test_a_call_starts_with_its_first_leg_and_is_in_a_list(some: list[CallLeg]) -> None:
    """A call starts when the first of its legs starts, and stands in one list, or in one for each agent it rang at."""
    call = merged(*some)

    assert call.started_at == min(leg.started_at for leg in some)
    assert len(call.lists) == len(set(call.lists)) >= 1
    assert len({key.kind for key in call.lists}) == 1
    assert len(call.lists) == 1 or call.lists[0].kind is ListKind.IN_MISSED


@given(some=one_call)
def test_a_call_without_sides_is_answered_when_any_leg_is(some: list[CallLeg]) -> None:
    """Where no source tells sides apart, one answered leg makes the call answered, and only that does."""
    plain = [a_leg(source_record_id=str(number), disposition=leg.disposition) for number, leg in enumerate(some)]

    assert merged(*plain).was_answered == any(leg.disposition == ANSWERED for leg in some)


# --- answered or not -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caller", "callee", "answered"),
    [(ANSWERED, NO_ANSWER, False), (ANSWERED, ANSWERED, True), (NO_ANSWER, ANSWERED, True), (BUSY, BUSY, False)],
)
def test_where_sides_are_told_the_called_side_decides(
    caller: Disposition, callee: Disposition, *, answered: bool
) -> None:
    """An answered "a" leg is the caller's own phone and proves nothing beside a "b" leg."""
    call = merged(a_leg(side="a", disposition=caller), a_leg(side="b", source_record_id="b", disposition=callee))

    assert call.was_answered == answered
    assert call.lists == (ListKey("101", ListKind.OUT_ANSWERED if answered else ListKind.OUT_MISSED),)


def test_an_answered_a_leg_alone_is_answered() -> None:
    """Until a "b" leg is known, the leg that says answered is believed."""
    assert merged(a_leg(side="a", disposition=ANSWERED)).was_answered


def test_a_missed_call_says_why_its_last_attempt_failed() -> None:
    """Of a failover the last trunk's word counts, but a leg that tells nothing does not hide the one before."""
    call = merged(
        a_leg(source_record_id="1", disposition=Disposition.CONGESTION),
        a_leg(source_record_id="2", seconds=1, disposition=BUSY),
        a_leg(source_record_id="3", seconds=2, disposition=Disposition.UNKNOWN),
    )

    assert call.disposition is BUSY


def test_only_answered_legs_bill() -> None:
    """Billable seconds are the longest answered leg's; of an unanswered call 0, whatever its legs claim."""
    talk = a_leg(source_record_id="2", disposition=ANSWERED, billable_seconds=30)

    assert merged(a_leg(billable_seconds=99)).billable_seconds == 0
    assert merged(a_leg(billable_seconds=99), talk).billable_seconds == 30


# --- whose it is ---------------------------------------------------------------------------------------------------


def test_an_incoming_call_nobody_took_is_missed_by_all_it_rang() -> None:
    """Every agent a call rang at has it in its missed list, once."""
    call = merged(inbound("102"), inbound("101"), inbound("102", source_record_id="again"), inbound(None))

    assert call.lists == (ListKey("101", ListKind.IN_MISSED), ListKey("102", ListKind.IN_MISSED))


def test_an_incoming_call_belongs_to_who_took_it() -> None:
    """A call that rang at several agents and was taken by one is that one's, and missed by nobody."""
    call = merged(inbound("101"), inbound("102", disposition=ANSWERED, seconds=3))

    assert call.lists == (ListKey("102", ListKind.IN_ANSWERED),)
    assert call.number == "77020000001"


def test_fetching_the_agents_own_phone_leaves_a_call_outgoing() -> None:
    """Of click-to-call, the inside leg that rang the agent first does not make the call an internal one."""
    call = merged(a_leg(disposition=ANSWERED), a_leg(source_record_id="i", direction=Direction.INTERNAL, seconds=-9))

    assert call.lists == (ListKey("101", ListKind.OUT_ANSWERED),)
    assert call.number == "77010000001"
    assert call.started_at == BEGUN_AT - timedelta(seconds=9)


@pytest.mark.parametrize(
    "leg",
    [
        a_leg(extension=None),
        a_leg(direction=Direction.INTERNAL),
        inbound(None),
        inbound(None, disposition=ANSWERED),
    ],
    ids=["outgoing of no agent", "internal", "incoming to no agent", "taken by no agent"],
)
def test_calls_of_no_agent_are_kept_apart(leg: CallLeg) -> None:
    """Internal calls and calls of no agent stand in the app's own list."""
    assert merged(leg).lists == (ListKey("", ListKind.OTHER),)


def test_what_an_agent_dials_while_it_talks_leaves_the_call_incoming() -> None:
    """An incoming call with a later outgoing leg, as when its agent asks a colleague outside, stays the caller's."""
    call = merged(inbound("102", disposition=ANSWERED), a_leg(extension="102", seconds=20, disposition=ANSWERED))

    assert call.lists == (ListKey("102", ListKind.IN_ANSWERED),)
    assert call.number == "77020000001"


def test_the_called_side_tells_the_dialled_number() -> None:
    """Of an outgoing call with sides, the number is the called side's, for the other may tell the agent's own phone."""
    call = merged(a_leg(side="a", dialled_number="101"), a_leg(source_record_id="2", side="b", seconds=1))

    assert call.number == "77010000001"


# --- its facts -----------------------------------------------------------------------------------------------------


def test_facts_come_from_whichever_leg_has_them() -> None:
    """Number, name, id and cost are told by the first leg that knows, the cost by the dearest."""
    call = merged(
        a_leg(dialled_number=None, rate="0.5"),
        a_leg(source_record_id="2", dialled_number="77010000009", name="Bob", rate="0.0125", call_id="ff" * 12),
        a_leg(source_record_id="3", seconds=1, name="Ann", call_id="0f" * 12),
    )

    assert (call.number, call.name, call.rate) == ("77010000009", "Bob", "0.5000")
    assert call.given_id == bytes.fromhex("0f" * 12)


def test_what_no_leg_tells_is_said_so() -> None:
    """A call without number, name, cost and ringing says unknown, nothing, zero and nothing."""
    call = merged(a_leg(dialled_number=None))

    assert (call.number, call.name, call.rate, call.ringing_seconds) == ("unknown", None, "0.0000", None)
    assert call.given_id is None


@pytest.mark.parametrize(
    ("answered", "ended", "expected"), [(7, 60, 5), (None, 22, 20), (None, None, None), (2, None, 0)]
)
def test_ringing_lasts_until_the_answer_or_the_end(
    answered: int | None, ended: int | None, expected: int | None
) -> None:
    """Ringing is counted from the first ring in whole seconds; where no leg tells its end it is not known."""
    leg = a_leg(ringing_at=after(2), answered_at=after(answered), ended_at=after(ended))

    assert merged(leg).ringing_seconds == expected


# --- cost ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("0.0125", "0.0125"),
        (" 3 ", "3"),
        ("1e3", "1000"),
        ("1000000000", "1000000000"),
        ("1000000001", None),
        ("-0.01", None),
        ("-0", "0"),
        ("NaN", None),
        ("Infinity", None),
        ("0,5", None),
        ("", None),
        ("free", None),
    ],
)
def test_a_cost_is_read_as_plain_decimal_text_or_not_at_all(text: str, plain: str | None) -> None:
    """Costs from 0 to a billion are read; anything else is no cost, and never an error."""
    assert read_rate(text) == plain


@pytest.mark.parametrize(
    ("rate", "shown"), [("0", "0.0000"), ("0.0125", "0.0125"), ("12", "12.0000"), ("0.00019", "0.0002")]
)
def test_a_cost_is_shown_with_four_places(rate: str, shown: str) -> None:
    """A cost goes out with four places, never in scientific notation."""
    assert format_rate(Decimal(rate)) == shown


# --- ids -----------------------------------------------------------------------------------------------------------


def test_a_call_is_named_alike_wherever_it_comes_from() -> None:
    """The id of a call is a fixed function of app and call key: stores, versions and machines agree on it."""
    assert call_ref(1111113, "k1").hex() == "f0a0783482344c8456808a55"
    assert call_ref(1111113, "pbx-1767603600.7").hex() == "695b7d909d9d8f2fa7520287"


@given(st.sets(st.tuples(st.sampled_from((1, 11, 111)), st.text("/1k", max_size=3)), min_size=2))
def test_other_calls_have_other_ids(keys: set[tuple[int, str]]) -> None:
    """No two call keys, nor one key in two apps, share an id."""
    assert len({call_ref(app_id, key) for app_id, key in keys}) == len(keys)
    assert {len(call_ref(app_id, key)) for app_id, key in keys} == {12}


@pytest.mark.parametrize("key", ["1767603600.7", "pbx-1767603600.7", "a-b-1767603600.1234", "1767603600.\u0667"])
def test_keys_with_an_epoch_give_ids_that_sort_by_time(key: str) -> None:
    """Where a switch numbers its calls by time, the id begins with those seconds."""
    assert call_ref(1, key)[:4] == (1767603600).to_bytes(4, "big")


@pytest.mark.parametrize(
    "key", ["1767603600", "17676036001.7", "767603600.7", "1767603600.7a", "1767603600.7\n", "\ud800"]
)
def test_other_keys_give_ids_like_any(key: str) -> None:
    """What only looks like an epoch is not read as one, and a key of any characters has an id."""
    assert call_ref(1, key)[:4] != (1767603600).to_bytes(4, "big")
    assert len(call_ref(1, key)) == 12
