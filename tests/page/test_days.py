"""The tests of the page do not depend on when they run: their reader's midnight and change of clocks are far away."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.page.days import zone_about_noon


@pytest.mark.parametrize("day", ["2026-11-29", "2026-12-31", "2027-01-01", "2027-03-28", "2027-10-31", "2028-02-29"])
def test_the_reader_is_far_from_midnight(day: str) -> None:
    """At each minute of the day, ends of years, leap days and changed clocks among them, it is by day where it is."""
    begun = datetime.fromisoformat(day).replace(tzinfo=UTC)
    for minute in range(24 * 60):
        moment = begun + timedelta(minutes=minute)
        zone = zone_about_noon(moment)
        here = moment.astimezone(zone)

        assert 7 <= here.hour < 17
        offsets = {(moment + timedelta(days=days)).astimezone(zone).utcoffset() for days in range(-60, 3)}
        assert len(offsets) == 1
