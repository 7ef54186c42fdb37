"""Times as the store counts them, and what a batch changes. The whole effect is tested through the store."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from tests.storage.examples import OUT_ANSWERED, OUT_MISSED
from tests.telephony.examples import a_leg

from ringback.storage.placing import epoch_ms, group_legs, place
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        (datetime(1970, 1, 1, 0, 0, 0, 1999, tzinfo=UTC), 1),
        (datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), -1),
        (datetime(2026, 1, 5, 14, 0, tzinfo=timezone(timedelta(hours=5))), 1767603600000),
    ],
)
def test_milliseconds_are_rounded_down(time: datetime, expected: int) -> None:
    """A time is the whole milliseconds since 1970 in UTC, before 1970 too."""
    assert epoch_ms(time) == expected


def test_a_known_leg_changes_nothing() -> None:
    """A batch that is kept already plans no write at all."""
    grouped = group_legs(1, [a_leg()])
    ((ref, (leg,)),) = grouped.items()

    placing = place([grouped], {ref: {leg.digest: leg.facts}}, None)

    assert (placing.legs, placing.changes) == ([], {})


@pytest.mark.parametrize("known_as_text", [False, True])
def test_a_call_that_turns_out_answered_changes_two_lists(known_as_text: bool) -> None:
    """The row leaves the missed list and joins the answered one, whether the store gives facts as bytes or text."""
    kept = group_legs(1, [a_leg()])
    ((ref, (leg,)),) = kept.items()
    facts: bytes | str = leg.facts.decode() if known_as_text else leg.facts

    late: CallLeg = a_leg(seconds=1, disposition=Disposition.ANSWERED)
    changes = place([group_legs(1, [late])], {ref: {leg.digest: facts}}, None).changes

    assert {key: (len(change.removed), len(change.added)) for key, change in changes.items()} == {
        OUT_MISSED: (1, 0),
        OUT_ANSWERED: (0, 1),
    }
