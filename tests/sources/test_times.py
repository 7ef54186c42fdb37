"""Times as sources write them; a zone is never guessed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.errors import UnreadableRecord
from ringback.sources.times import from_local, from_milliseconds, from_plain_local, read_time

ALMATY = ZoneInfo("Asia/Almaty")
NEW_YORK = ZoneInfo("America/New_York")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")  # its clock is set by half an hour


def utc(*parts: int) -> datetime:
    """Return a time in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize("value", [1570184113597, 1570184113597.0, "1570184113597", " 1570184113597.0 "])
def test_milliseconds_come_as_number_digits_or_whole_float(value: object) -> None:
    """All spellings of epoch milliseconds are the same time, to the millisecond."""
    assert read_time(value, None, "time") == utc(2019, 10, 4, 10, 15, 13, 597000)


@pytest.mark.parametrize(
    "value", ["2019-10-04T10:15:13Z", "2019-10-04 15:15:13+05:00", "2019-10-04T15:15:13+05", "2019-10-04 16:15:13"]
)
def test_iso_8601_with_a_zone_or_in_the_switchs(value: str) -> None:
    """A zone in the text counts; without one the switch's does."""
    assert read_time(value, ALMATY, "time") == utc(2019, 10, 4, 10, 15, 13)


@pytest.mark.parametrize("value", [1570184113, "1570184113", 1570184113.5])
def test_what_looks_like_seconds_is_told_so(value: object) -> None:
    """Seconds are not taken for milliseconds of the year 1970."""
    with pytest.raises(UnreadableRecord, match=r"time is .* looks like seconds; it should be milliseconds"):
        read_time(value, None, "time")


@pytest.mark.parametrize("value", [None, "", " ", True, [], "soon", "2019-13-01", -1, 10**17, 10**30, 1e300, "1e5"])
def test_what_is_no_time_names_the_field(value: object) -> None:
    """Anything else is refused with the field's name and what it should be."""
    with pytest.raises(UnreadableRecord, match=r"started_at is .*; it should be"):
        read_time(value, ALMATY, "started_at")


def test_a_time_without_a_zone_is_never_guessed() -> None:
    """Without the switch's zone a clock reading is refused."""
    with pytest.raises(UnreadableRecord, match="start is 2019-10-04T09:35:45 without a time zone"):
        from_local("2019-10-04 09:35:45", None, "start")


@pytest.mark.parametrize(("text", "zone"), [("0001-01-01 00:00:00", ALMATY), ("9999-12-31 23:59:59", NEW_YORK)])
def test_a_time_beyond_the_calendar_is_refused(text: str, zone: ZoneInfo) -> None:
    """A reading that UTC cannot hold is refused like any other nonsense."""
    with pytest.raises(UnreadableRecord, match="no switch reported calls then"):
        from_local(text, zone, "start")


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        (None, utc(2024, 11, 3, 5, 30)),
        (utc(2024, 11, 3, 5, 29), utc(2024, 11, 3, 5, 30)),
        (utc(2024, 11, 3, 6, 29), utc(2024, 11, 3, 6, 30)),
    ],
)
def test_the_hour_that_comes_twice_is_read_near_what_is_known(near: datetime | None, expected: datetime) -> None:
    """Of the two readings it is the one nearest to what else is known, else the first."""
    assert from_local("2024-11-03 01:30:00", NEW_YORK, "start", near) == expected


def test_a_zone_in_the_text_outranks_what_is_near() -> None:
    """A time that names its zone is taken as it is."""
    assert from_local("2024-11-03 01:30:00-05", NEW_YORK, "start", utc(2024, 11, 3, 5, 30)) == utc(2024, 11, 3, 6, 30)


def test_the_fast_path_leaves_odd_hours_alone() -> None:
    """An hour in which a clock is set, even by half an hour, is read with care; the hours about it are not."""
    assert from_plain_local("2024-04-07 01:10:00", LORD_HOWE) is None
    assert from_plain_local("2024-04-07 01:45:00", LORD_HOWE) is None
    assert from_plain_local("2024-04-07 00:45:00", LORD_HOWE) == utc(2024, 4, 6, 13, 45)
    assert from_plain_local("2024-04-07 02:45:00", LORD_HOWE) == utc(2024, 4, 6, 16, 15)


@given(
    st.datetimes(datetime(1980, 1, 1), datetime(2060, 1, 1)),  # noqa: DTZ001  (a clock reading)
    st.sampled_from([ALMATY, NEW_YORK, LORD_HOWE, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu")]),
)
def test_the_fast_path_reads_what_the_calendar_says(local: datetime, zone: ZoneInfo) -> None:
    """A clock reading is the time that the zone's own rules give, and it is in UTC."""
    local = local.replace(microsecond=0)

    time = from_local(local.isoformat(" "), zone, "start")

    assert time == local.replace(tzinfo=zone).astimezone(UTC)
    assert time.tzinfo is UTC


@given(
    st.from_regex(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", fullmatch=True)
    | st.from_regex(r"(19|20)\d\d(0[1-9]|1[0-2])2\dT[01]\d[0-5]\d\+0\d:[0-5]\d", fullmatch=True)
    | st.from_regex(r"20\d\d-W[0-4][1-9]-[1-7]T[01]\d:[0-5]\d:[0-5]\d", fullmatch=True),
    st.sampled_from([ALMATY, NEW_YORK, LORD_HOWE]),
)
def test_the_fast_path_reads_a_text_as_python_does_or_not_at_all(text: str, zone: ZoneInfo) -> None:
    """Whatever else fits into the length of a clock reading, compact forms with a zone too, is left or read right."""
    time = from_plain_local(text, zone)

    assert time is None or time == datetime.fromisoformat(text).replace(tzinfo=zone)


@given(st.integers(10**11, 253402300799999))
def test_milliseconds_go_and_come_back(milliseconds: int) -> None:
    """No millisecond is lost, up to the end of the year 9999."""
    time = from_milliseconds(milliseconds, "time")

    assert (time - utc(1970, 1, 1)) // timedelta(milliseconds=1) == milliseconds


@given(
    st.text(max_size=30) | st.from_regex(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d(:\d\d)?)?", fullmatch=True)
)
def test_any_text_is_a_time_or_refused(text: str) -> None:
    """Arbitrary text is a time in UTC or an `UnreadableRecord` that names the field, and nothing else."""
    try:
        told = str(read_time(text, NEW_YORK, "time").tzinfo)
    except UnreadableRecord as reason:
        told = str(reason)

    assert told == "UTC" or told.startswith("time ")
