"""Reported numbers in their one shown form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringback.telephony.numbers import is_exact_number, is_part_of_number, is_region, shown_number

SHOWN = [
    # reported, region, shown
    ("+7 (701) 000-00-01", None, "77010000001"),
    ("+77010000001", "US", "77010000001"),
    ("77010000001", None, "77010000001"),
    ("7010000001", "KZ", "77010000001"),
    ("87010000001", "KZ", "77010000001"),
    ("030 12345678", "DE", "493012345678"),
    ("0049 30 12345678", "DE", "493012345678"),
    ("011 49 30 12345678", "US", "493012345678"),
    ("0049 30 12345678", None, "493012345678"),
    ("(202) 555-0123", "US", "12025550123"),
    ("020.7946.0958", "GB", "442079460958"),
    ("101", "KZ", "101"),
    ("007", None, "7"),
    ("000", None, "0"),
    ("0", "DE", "0"),
    ("sip:+4930123@pbx.example", None, "4930123"),
    ("<sip:101@10.0.0.1;transport=udp>", None, "101"),
    ("SIPS:anna@example.com", None, "anna"),
    ("tel:+1-202-555-0123", None, "12025550123"),
    ("anna.b", "DE", "anna.b"),
    ("*97", "DE", "*97"),
    ("#31#5551234", None, "#31#5551234"),
    ("+", None, "+"),
    ("()", None, "()"),
    ("anonymous", None, "anonymous"),
    ("", None, "unknown"),
    ("   ", "DE", "unknown"),
    (None, None, "unknown"),
    ("1" * 200, "KZ", "1" * 200),
    ("1" * 200, None, "1" * 200),
]


@pytest.mark.parametrize(("reported", "region", "shown"), SHOWN)
def test_a_number_has_one_shown_form(reported: str | None, region: str | None, shown: str) -> None:
    """Digits of E.164 where it can be read so, else plain digits; names and feature codes stay as they are."""
    assert shown_number(reported, region) == shown


@given(st.text(max_size=70), st.sampled_from((None, "KZ", "US", "DE", "IT")))
def test_any_text_has_a_shown_form(reported: str, region: str | None) -> None:
    """Whatever is reported, it is shown as something, and what goes out as a number has no leading zero to lose."""
    shown = shown_number(reported, region)

    assert shown
    assert not is_exact_number(shown) or str(int(shown)) == shown


@given(st.from_regex(r"[1-9][0-9]{0,14}", fullmatch=True))
def test_e164_digits_stay_as_they_are(digits: str) -> None:
    """Up to fifteen digits in international form go through unchanged, and out as an exact number."""
    assert shown_number(f"+{digits}", "KZ") == shown_number(digits, None) == digits
    assert is_exact_number(digits)


@pytest.mark.parametrize(("shown", "exact"), [("9" * 15, True), ("1" * 16, False), ("*97", False), ("anna", False)])
def test_only_what_every_reader_keeps_exactly_is_a_number(shown: str, *, exact: bool) -> None:
    """More than fifteen digits, and what has other characters, goes out as text."""
    assert is_exact_number(shown) == exact


@pytest.mark.parametrize(("region", "known"), [("KZ", True), ("IN", True), ("kz", False), ("XX", False), ("", False)])
def test_a_region_is_two_capital_letters_that_are_known(region: str, *, known: bool) -> None:
    """Regions that no number can be read in are told from those that can."""
    assert is_region(region) == known


@pytest.mark.parametrize(
    ("prefix", "number", "is_part"),
    [
        ("7", "7010000001", True),
        ("+7", "7010000001", True),
        ("007", "7010000001", True),
        ("+", "77010000001", True),
        ("00", "77010000001", True),
        ("8", "7010000001", True),
        ("8", "77010000001", False),
        ("9", "77010000001", False),
        ("1", "77010000001", False),
        ("0", "77010000001", False),
        ("0", "030123456", False),
        ("#", "77010000001", False),
    ],
)
def test_a_countrys_code_is_part_of_a_number_and_what_got_a_line_is_not(
    prefix: str, number: str, is_part: bool
) -> None:
    """A code with which there is such a number belongs to it, and so does a lone 8 before what is none without it."""
    assert is_part_of_number(prefix, number) is is_part
