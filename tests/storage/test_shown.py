"""The texts of listed calls: they say what they were given, and hold no mark but their own."""

import re

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ringback.storage.records import ShownPage
from ringback.storage.shown import Shown, read_shown, shown_text
from ringback.telephony.rates import NO_RATE
from ringback.web.telecmi import OutMissedAnswer, out_missed_body

said = st.text(max_size=20) | st.text(st.sampled_from('\x01\x02\x06\x07\x1f"\\\x7f\u2028null1234567890+'), max_size=20)
numbers = st.from_regex(r"\A(0|[1-9][0-9]{0,17})\Z") | said.filter(bool)
shown = st.builds(
    Shown,
    number=numbers,
    billable_seconds=st.just(0) | st.integers(0, 10**9),
    rate=st.just(NO_RATE) | st.from_regex(r"\A[0-9]{1,3}\.[0-9]{4}\Z"),
    name=st.none() | said.filter(bool),
)
ids = st.binary(min_size=12, max_size=12)
starts = st.integers(0, 2**53 - 1)


@given(call_id=ids, started_ms=starts, call=shown)
def test_a_text_says_what_it_was_given(call_id: bytes, started_ms: int, call: Shown) -> None:
    """Whatever names and numbers hold."""
    text = shown_text(call_id, started_ms, *call)

    assert re.sub("[^\x01-\x07]", "", text) == "\x01\x02\x03\x04\x05\x06\x07"
    assert read_shown(text) == call


@given(calls=st.lists(st.tuples(ids, starts, shown), max_size=5), count=st.integers(0, 10**9))
def test_a_page_on_the_wire_is_what_its_type_says(calls: list[tuple[bytes, int, Shown]], count: int) -> None:
    """Read strictly as the documented type and written again, it is the same bytes; its rows say what its calls do."""
    texts = "".join(shown_text(call_id, started_ms, *call) for call_id, started_ms, call in calls)

    body = out_missed_body(ShownPage("103", count, texts.encode()), 1111113)

    answer = msgspec.json.decode(body, type=OutMissedAnswer)
    assert msgspec.json.encode(answer) == body
    assert (answer.count, answer.code) == (count, 200)
    rows = [(row.id_, str(row.to), row.time, row.from_, row.billedsec, row.rate, row.name) for row in answer.cdr]
    assert rows == [
        (call_id.hex(), call.number, at, "103_1111113", call.billable_seconds, call.rate, call.name or "unknown")
        for call_id, at, call in calls
    ]
    for row in answer.cdr:
        assert isinstance(row.to, int) == bool(re.fullmatch("0|[1-9][0-9]{0,14}", str(row.to)))
