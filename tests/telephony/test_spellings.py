"""One number found however it is spelt, and no other one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.telephony.examples import a_leg

from ringback.errors import InvalidInput
from ringback.telephony.numbers import shown_number
from ringback.telephony.spellings import Sought, mask

NUMBER = "77010000001"


@pytest.mark.parametrize(
    "spelt",
    [
        "77010000001",
        "+77010000001",
        "87010000001",
        "7010000001",
        "8 (701) 000-00-01",
        "+7 701 000 00 01",
        "+7(701)0000001",
        "sip:+77010000001@pbx.example",
        "81077010000001",
    ],
)
def test_every_spelling_is_the_number(spelt: str) -> None:
    """Whatever spelling is asked for and whatever one is kept, it is the same number, in legs and in raw text."""
    for sought in (Sought(NUMBER, "KZ"), Sought(spelt, "KZ")):
        assert sought.shown == NUMBER
        assert sought.spelt_in_leg(a_leg(dialled_number=spelt))
        assert sought.spelt_in_leg(a_leg(calling_number=spelt))
        assert sought.spelt_in_text(f'"2019-10-04 09:35:45","101","{spelt}","ANSWERED"')


@pytest.mark.parametrize(
    "text",
    [
        "to=%2B7%20701%20000%2000%2001&from=101",
        "to=+7+701+000+00+01&from=101",
        '{"dialled":"+77010000001"}',
        '{"dialled":77010000001,"n":1}',
        "2019-10-04 77010000001 101 15",
        "<number>+7 (701) 000 00 01</number>",
        "call 1570162545.77 to 8-701-000-00-01 failed",
    ],
)
def test_it_is_found_in_raw_records(text: str) -> None:
    """Forms, JSON, rows and documents that hold it are recognised, with other digits beside it."""
    assert Sought(NUMBER, "KZ").spelt_in_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "177010000001",
        "770100000012",
        "7701000000",
        "77010000002",
        "7701 0000 0002",
        "1570162545485",
        "77,010,000,001",
    ],
)
def test_other_digits_are_not_it(text: str) -> None:
    """A longer or another number, or digits that only look alike, are left alone."""
    assert Sought(NUMBER, "KZ").spelt_in_text(text) is None


def test_a_leg_that_names_it_anywhere_holds_it() -> None:
    """Caller-ID names and call keys that switches make of numbers count; the agent's own extension does not."""
    sought = Sought(NUMBER, None)

    assert sought.spelt_in_leg(a_leg(dialled_number=None, name="Ann +7 701 000-00-01"))
    assert sought.spelt_in_leg(a_leg(f"pbx-{NUMBER}-17", dialled_number=None))
    assert sought.spelt_in_leg(a_leg(dialled_number=None, extension=NUMBER)) is None


def test_a_short_number_counts_only_as_a_number() -> None:
    """112 in a name, a key or a duration is not the number 112."""
    sought = Sought("112", None)

    assert sought.spelt_in_leg(a_leg(dialled_number="112"))
    assert sought.spelt_in_leg(a_leg("k-112", name="Desk 112", billable_seconds=112)) is None
    assert not sought.is_long


def test_a_user_name_is_found_as_a_word() -> None:
    """What is not dialled as digits is matched as it is, and never inside another word."""
    sought = Sought("sip:bob@example.com", None)

    assert sought.spelt_in_leg(a_leg(dialled_number="bob"))
    assert sought.spelt_in_text("INVITE sip:bob@example.com")
    assert sought.spelt_in_text("INVITE sip:bobby@example.com") is None


@pytest.mark.parametrize("text", ["", "   ", "0", "000", "unknown"])
def test_what_is_no_number_is_refused(text: str) -> None:
    """Nothing is searched for that every call without a number would be."""
    with pytest.raises(InvalidInput, match="is no number"):
        Sought(text, None)


@given(digits=st.text("0123456789", min_size=7, max_size=15), region=st.sampled_from((None, "KZ", "IN", "US", "DE")))
def test_whatever_is_shown_is_found_as_it_is_shown(digits: str, region: str | None) -> None:
    """Whatever a region makes of digits, asking for them finds a leg that dialled them."""
    if shown_number(digits, region) == "0":
        return

    assert Sought(digits, region).spelt_in_leg(a_leg(dialled_number=digits)) == digits


@pytest.mark.parametrize(
    ("number", "region", "patterns"),
    [
        ("5551234567", None, {"5551234567", "+55 51234567", "tel:+55-51234567"}),
        ("1234567890", None, {"1234567890", "+1 234567890", "tel:+1-234567890"}),
        ("99912345678", None, {"99912345678"}),
        (NUMBER, None, {NUMBER, "7010000001", "8 (701) 000 0001", "+7 701 000 0001", "tel:+7-701-000-0001"}),
        (
            "87990000001",  # of the plan's form, in a part of it that nobody has
            "KZ",
            {"77990000001", "7990000001", "8 (799) 000 0001", "+7 799 000 0001", "tel:+7-799-000-0001"},
        ),
    ],
)
def test_a_part_of_a_number_betrays_only_a_real_one(number: str, region: str | None, patterns: set[str]) -> None:
    """Digits that begin like a country's prefix and are no number have no national part to look for in a file."""
    assert {form.decode() for form in Sought(number, region).patterns} == patterns


def test_a_mask_tells_two_digits() -> None:
    """Of a number in the audit only the last two digits can be read, of a short one none."""
    assert mask(NUMBER) == "*********01"
    assert mask("112") == "***"
