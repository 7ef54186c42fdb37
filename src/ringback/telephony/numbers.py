"""Telephone numbers in one shown form: E.164 digits without the plus where they can be read so. No contacts."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult

MAX_EXACT_DIGITS = 15  # the longest E.164 number; also what every JSON reader keeps exactly (below 2**53)
UNKNOWN_NUMBER = "unknown"

_NATIONAL_EIGHT = "8"  # before national numbers in Russia, Kazakhstan and others; alone it is no country's code
_DIALLED = re.compile(r"\+?[\d\s().\-/]+\Z", re.ASCII)
_SIP_URI = re.compile(r"(?:sips?|tel):([^@;>]+)", re.IGNORECASE)
_NOT_DIGIT = re.compile(r"\D+")


def is_region(region: str) -> bool:
    """Tell whether this is a region that numbers can be read in: two letters of ISO 3166, such as KZ."""
    return region in phonenumbers.SUPPORTED_REGIONS


@lru_cache(maxsize=65536)
def shown_number(reported: str | None, region: str | None) -> str:
    """Return a reported number in the one form that is stored, compared and shown.

    Digits of the E.164 number without its plus (ITU-T E.164) where it is one, read in `region` (ISO 3166, such as KZ)
    when it is national; else its digits without leading zeros; a SIP user name, a feature code such as *97 and
    anything else that is not dialled as digits stays as it is. Nothing reported is "unknown".
    """
    text = _bare(reported)
    if not text:
        return UNKNOWN_NUMBER
    if not _DIALLED.match(text):
        return text
    digits = _NOT_DIGIT.sub("", text)
    if not digits:
        return text
    if text.startswith("+") or region is None:
        return digits.lstrip("0") or "0"
    return _read_in_region(text, region) or digits.lstrip("0") or "0"


def is_exact_number(shown: str) -> bool:
    """Tell whether a shown number goes out as a JSON number: at most 15 digits, so that no reader rounds it."""
    if len(shown) > MAX_EXACT_DIGITS or not (shown.isdecimal() and shown.isascii()):
        return False
    return shown[0] != "0" or shown == "0"  # JSON has no other number that begins so


def _bare(reported: str | None) -> str:
    text = (reported or "").strip()
    uri = _SIP_URI.search(text) if ":" in text else None
    return uri.group(1).strip() if uri else text


def _read_in_region(text: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164).lstrip("+")


@lru_cache(maxsize=65536)
def is_part_of_number(prefix: str, number: str) -> bool:
    """Tell whether what was dialled before a number belongs to it, in a region that nobody told; else it got a line.

    A country's code does where both together may be a number, with a plus, 00 or neither; so do these alone. An 8 does
    before what is no whole number without it.
    """
    if prefix == _NATIONAL_EIGHT:
        return _known(number) is None
    code = prefix[1:] if prefix.startswith("+") else prefix.removeprefix("00")
    if not code:
        return True
    try:
        read = phonenumbers.parse(f"+{code}{number}", None)
    except phonenumbers.NumberParseException:
        return False
    return str(read.country_code) == code and phonenumbers.is_possible_number(read)


def is_full_number(digits: str) -> bool:
    """Tell whether some country has this number, its prefix included and no plus before it."""
    return _known(digits) is not None


def number_again(shown: str, region: str | None) -> str:
    """Return a shown number as another region, or none, reads it: a country's own number stays what it is."""
    return shown_number(spelling(shown), region)


def spelling(shown: str) -> str:
    """Return how a shown number would be told so that every region reads the same: with a plus where it is known."""
    return (dial_uri(shown) or shown).removeprefix("tel:")


@lru_cache(maxsize=65536)
def readable_number(shown: str) -> str:
    """Return a shown number as people of its country write it for abroad, such as +7 701 000 0001; else as it is."""
    number = _known(shown)
    return shown if number is None else phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


def dial_uri(shown: str) -> str | None:
    """Return the tel: URI (RFC 3966) that dials a shown number; None for what is not dialled as digits."""
    if not _DIALLED.match(shown):
        return None
    return f"tel:+{shown}" if _known(shown) else f"tel:{shown}"


def _known(shown: str) -> phonenumbers.PhoneNumber | None:
    """Read digits as an E.164 number; None where no country has such a number: then they are national, or short."""
    if not (shown.isdecimal() and shown.isascii()):
        return None
    try:
        number = phonenumbers.parse(f"+{shown}", None)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None
