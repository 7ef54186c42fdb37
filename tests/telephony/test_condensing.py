"""Condensed legs: the fewest that show the same row, whatever the region; told apart by their source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.telephony.examples import a_leg, legs

from ringback.sources import SOURCES
from ringback.telephony.call import call_ref, merge
from ringback.telephony.condensing import CONDENSED, condense, is_condensed
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, Direction, encode_leg

REF = call_ref(1111113, "k1")


@given(some=st.lists(legs(("k1",)), min_size=1, max_size=6), region=st.sampled_from((None, "KZ", "IN")))
def test_condensed_legs_show_the_same_row(some: list[CallLeg], region: str | None) -> None:
    """Merged, they give the very call that the legs gave, in the same lists; there is one for each list."""
    call = merge(REF, some, region)

    condensed = condense(REF, some)

    assert condensed is not None
    assert merge(REF, condensed, region) == call
    assert len(condensed) == len(call.lists)
    assert all(is_condensed(encode_leg(leg)) and is_condensed(encode_leg(leg).decode()) for leg in condensed)


@given(some=st.lists(legs(("k1",)), min_size=1, max_size=6))
def test_condensing_again_changes_nothing(some: list[CallLeg]) -> None:
    """Condensed legs condense to themselves."""
    condensed = condense(REF, some)

    assert condensed is not None
    assert condense(REF, condensed) == condensed


def test_what_the_row_does_not_show_is_gone() -> None:
    """The trunk, who hung up, the causes, the agent's own line and the source's own key are not kept."""
    leg = a_leg(
        "k1", calling_number="77020000001", trunk="t1", hung_up_by="callee", q850_cause=17, source_record_id="r77"
    )

    (condensed,) = condense(REF, [leg]) or []

    assert condensed == CallLeg(
        source=CONDENSED,
        source_record_id="0",
        call_key="k1",
        direction=Direction.OUTBOUND,
        started_at=leg.started_at,
        disposition=Disposition.NO_ANSWER,
        extension="101",
        dialled_number="77010000001",
    )


def test_no_source_makes_condensed_legs() -> None:
    """The name that condensed legs carry is no source's."""
    assert CONDENSED not in SOURCES


@given(leg=legs())
def test_a_reported_leg_is_never_taken_for_a_condensed_one(leg: CallLeg) -> None:
    """Legs of sources do not begin like condensed ones."""
    assert not is_condensed(encode_leg(leg))


@pytest.mark.parametrize("text", ["", "{}", '{"source":"generic","x":"ringback"}'])
def test_other_facts_are_not_condensed(text: str) -> None:
    """Facts that name the word elsewhere are none."""
    assert not is_condensed(text)
