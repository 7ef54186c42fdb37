"""At a glance: the chart's numbers against a naive count, in the reader's own days; and the best hours."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.loop import run
from tests.page.days import ZONE, at
from tests.page.desk import Browsers, Desk
from tests.page.sessions import signed_in
from tests.web.house import Tenant, missed

from ringback.web.page.glance import bounds_of

ZONES = ("UTC", "Asia/Kolkata", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Africa/Cairo")
DAY_MS = 86_400_000


@given(
    from_ms=st.integers(1_104_537_600_000, 2_051_222_400_000),  # the years 2005 to 2034
    days=st.floats(0.01, 70),
    zone=st.sampled_from(ZONES),
    unit=st.sampled_from(("hour", "day", "month")),
)
def test_bars_tile_the_range_at_local_borders(from_ms: int, days: float, zone: str, unit: str) -> None:
    """The bounds go from the range's begin to its end; each between them is where the reader's clock turns over."""
    end_ms = from_ms + int(days * DAY_MS)
    bounds = bounds_of(unit, from_ms, end_ms, ZoneInfo(zone))

    assert (bounds[0], bounds[-1]) == (from_ms, end_ms)
    assert all(low < high for low, high in pairwise(bounds))
    moments = [datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)) for at_ms in bounds]
    for moment in moments[1:-1]:
        just_before = (moment.astimezone(UTC) - timedelta(seconds=1)).astimezone(ZoneInfo(zone))
        assert period(moment, unit) != period(just_before, unit)
    for low, high in pairwise(moments):
        last = (high.astimezone(UTC) - timedelta(milliseconds=1)).astimezone(ZoneInfo(zone))
        assert period(low, unit)[:3] == period(last, unit)[:3]


def period(moment: datetime, unit: str) -> tuple[int, ...]:
    """Return the hour, day or month that a moment is in, by its own clock."""
    whole = (moment.year, moment.month, moment.day, moment.hour, moment.fold)  # set back, a clock has an hour twice
    return whole[: {"hour": 5, "day": 3, "month": 2}[unit]]


def test_the_chart_counts_what_the_lists_hold(tenant: Tenant) -> None:
    """Each bar, and each hour of the day, has the calls that started in it, answered and not."""
    starts = [at(n % 9, n % 24, n) for n in range(60)]
    tenant.ingest(*(missed(start, call_key=f"m{start}") for start in starts))
    tenant.ingest(*(missed(start, call_key=f"a{start}", disposition="answered") for start in starts[::3]))
    told = chart(tenant, {"from": at(6, 0), "to": at(0, 0) + DAY_MS - 1, "zone": ZONE.key})

    inside = [start for start in starts if start >= at(6, 0)]
    assert told["unit"] == "day"
    assert [bar["start_ms"] for bar in told["bars"]] == [at(days, 0) for days in range(6, -1, -1)]
    for bar in told["bars"]:
        within = range(bar["start_ms"], bar["start_ms"] + DAY_MS)
        assert bar["missed"] == sum(start in within for start in inside)
        assert bar["answered"] == sum(start in within for start in starts[::3])
    hours = [datetime.fromtimestamp(start / 1000, ZONE).hour for start in inside]
    assert [hour["missed"] for hour in told["hours"]] == [hours.count(hour) for hour in range(24)]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"from": 1, "to": 2}, "from and to"),
        ({"from": at(4000), "to": at(1)}, "3653 days"),
        ({"from": at(1), "to": at(2)}, "in order"),
        ({"from": at(2), "to": at(1), "zone": "Mars/Olympus"}, "Mars/Olympus"),
        ({"from": "x", "to": at(1)}, "from should be"),
        ({"to": at(1)}, "from should be"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tenant: Tenant, asked: dict[str, Any], named: str) -> None:
    """A range that is none, or is endless, and a zone that nobody knows, are named."""
    with signed_in(tenant) as client:
        answer = client.get("/page/chart", params=asked)

    assert answer.status_code == 400
    assert named in answer.json()["msg"]


def test_the_chart_can_be_read_without_eyes(desk: Desk, tenant: Tenant) -> None:
    """The drawing has a label with its sums, and all its numbers as a table."""
    tenant.ingest(*(missed(at(1, 10, n), call_key=f"m{n}") for n in range(3)))
    tenant.ingest(*(missed(at(1, 10, n), call_key=f"a{n}", disposition="answered") for n in range(9)))
    tenant.ingest(*(missed(at(1, 16, n), call_key=f"b{n}", disposition="answered") for n in range(4)))
    desk.open_as(tenant, path="/?range=yesterday")
    desk.sees("#glance")

    label = run(desk.find("svg.bars").get_attribute("aria-label")) or ""
    assert "13 answered, 3 not" in label
    desk.reads("#best", "Best hours to reach people: 10:00 (75% of 12).")
    run(desk.find("summary").click())
    rows = [row.split("\t") for row in desk.texts("#chart-table table:first-child tr")]
    assert rows[0] == ["When", "Answered", "Nobody picked up"]
    assert ["10:00", "9", "3"] in rows
    assert len(rows) == 25


def test_sentences_are_of_one_language(browsers: Browsers, tenant: Tenant) -> None:
    """Whatever the reader's settings write numbers like, the best hours are joined by a word of the page's own."""
    tenant.ingest(
        *(missed(at(1, hour, n), call_key=f"{hour}-{n}", disposition="answered") for hour in (9, 10) for n in range(5))
    )
    with browsers.desk(tenant.house.url, locale="de-DE") as desk:
        desk.open_as(tenant, path="/?range=yesterday")

        desk.reads("#best", "people: 9:00 (100\u00a0% of 5) and 10:00 (100\u00a0% of 5).")


def test_no_calls_draw_no_chart(signed: Desk) -> None:
    """A range without a call has no chart."""
    signed.reads("#said", "appear here by themselves")

    signed.misses("#glance")


def chart(tenant: Tenant, asked: dict[str, Any]) -> Any:
    """Return the chart of a range."""
    with signed_in(tenant) as client:
        answer = client.get("/page/chart", params=asked)
    assert answer.status_code == 200, answer.text
    return answer.json()
