"""Legs to test with: a plain one to vary by hand, and a strategy whose legs often collide. No assertions here."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec
from hypothesis import strategies as st

from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, Direction

BEGUN_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
GIVEN_IDS = ("00" * 11 + "01", "ff" * 12)
CALL_KEYS = ("k1", "k2", "k3", "k4", "k5", "1767603600.7", "1767603600.8", "pbx-1767603601.1")
EXTENSIONS = ("101", "102")
START_SECONDS = (0, 0.0004, 0.001, 1, 1.0009, 2, 3, 60)

_PLAIN = CallLeg(
    source="generic",
    source_record_id="r1",
    call_key="k1",
    direction=Direction.OUTBOUND,
    started_at=BEGUN_AT,
    disposition=Disposition.NO_ANSWER,
    extension="101",
    dialled_number="77010000001",
)


def a_leg(call_key: str = "k1", *, seconds: float = 0, **facts: Any) -> CallLeg:
    """Return an unanswered outgoing leg of agent 101 that starts so many seconds after `BEGUN_AT`, but for `facts`."""
    started_at = BEGUN_AT + timedelta(seconds=seconds)
    return msgspec.structs.replace(_PLAIN, call_key=call_key, **{"started_at": started_at} | facts)


def legs(call_keys: tuple[str, ...] = CALL_KEYS) -> st.SearchStrategy[CallLeg]:
    """Return acceptable legs of few calls, agents and times, so that they merge, tie and move between lists."""
    return st.builds(
        _built_leg,
        call_key=st.sampled_from(call_keys),
        source_record_id=st.sampled_from(("r1", "r2", "r3")),
        direction=st.sampled_from(Direction),
        disposition=st.sampled_from((Disposition.ANSWERED, Disposition.NO_ANSWER, Disposition.BUSY, "unknown")),
        started_at=st.sampled_from(START_SECONDS).map(lambda seconds: BEGUN_AT + timedelta(seconds=seconds)),
        extension=st.sampled_from((None, *EXTENSIONS)),
        side=st.sampled_from((None, None, "a", "b")),
        call_id=st.sampled_from((None, None, None, *GIVEN_IDS)),
        dialled_number=st.sampled_from((None, "77010000001", "77010000002")),
        calling_number=st.sampled_from((None, "77020000001", "77020000002")),
        name=st.sampled_from((None, "Ann", "Bob")),
        rate=st.sampled_from((None, "0.5", "0.0125")),
        rings=st.sampled_from((None, 0, 5)),
        talks=st.sampled_from((0, 30)),
    )


def _built_leg(
    *,
    started_at: datetime,
    disposition: str,
    rings: int | None,
    talks: int,
    side: Literal["a", "b"] | None,
    **facts: Any,
) -> CallLeg:
    was_answered = disposition == Disposition.ANSWERED
    answered_at = started_at + timedelta(seconds=5) if was_answered else None
    return CallLeg(
        source="generic",
        started_at=started_at,
        disposition=Disposition(disposition),
        ringing_at=None if rings is None else started_at + timedelta(seconds=rings),
        answered_at=answered_at,
        ended_at=started_at + timedelta(seconds=5 + talks),
        billable_seconds=talks if was_answered else None,
        side=side,
        **facts,
    )
