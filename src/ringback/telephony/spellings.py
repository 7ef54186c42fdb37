"""Finding one number however it was spelt: in legs, in raw records, in a file's bytes. No storage."""

import re
from functools import cached_property
from operator import attrgetter
from urllib.parse import unquote_plus

import phonenumbers
from phonenumbers import PhoneNumberFormat

from ringback.errors import InvalidInput
from ringback.telephony.leg import CallLeg
from ringback.telephony.numbers import UNKNOWN_NUMBER, shown_number

MIN_DIGITS = 7  # of a number that is looked for inside other texts: shorter ones are part of everything
_TAIL = 6  # digits that every spelling of a number ends with
_MOST_DIGITS = 24  # of a spelling: the longest number behind the longest prefix

_SEPARATORS = str.maketrans("", "", " \t().-/")
_RUN = re.compile(r"[\d(][\d \t().\-/]*", re.ASCII)
_GROUP = re.compile(r"\d+", re.ASCII)
_TEXTS = attrgetter(
    "dialled_number",
    "calling_number",
    "name",
    "call_key",
    "source_record_id",
    "trunk",
    "hung_up_by",
    "vendor_cause",
)


class Sought:
    """One number, as an app's region reads it; raises `InvalidInput` for a text that is none."""

    def __init__(self, number: str, region: str | None) -> None:
        self._region = region
        self.shown = shown_number(number, region)
        if self.shown in ("", "0", UNKNOWN_NUMBER):
            raise InvalidInput(f"{number[:40]!r} is no number")
        self._word = None if self.shown.isdecimal() else re.compile(rf"(?<!\w){re.escape(self.shown)}(?!\w)")

    @property
    def is_long(self) -> bool:
        """Whether it has so many digits that finding them in a text means finding the number."""
        return self.shown.isdecimal() and len(self.shown) >= MIN_DIGITS

    @property
    def masked(self) -> str:
        """The number as it may be told to others: its last two digits."""
        return mask(self.shown)

    def spelt_in_leg(self, leg: CallLeg) -> str | None:
        """Return how a leg that dialled it, was called from it, or names it in any of its texts spells it, or None."""
        for number in (leg.dialled_number, leg.calling_number):
            if number and self._is_same(number):
                return number
        if not self.is_long:
            return None
        return next((spelt for text in _TEXTS(leg) if text and (spelt := self._spelt_in(text))), None)

    def spelt_in_text(self, text: str) -> str | None:
        """Return how a raw text that holds it, percent-encoded or not, spells it, or None."""
        spelt = self._spelt_in(text)
        if spelt is None and ("%" in text or "+" in text):
            return self._spelt_in(unquote_plus(text))
        return spelt

    @cached_property
    def patterns(self) -> tuple[bytes, ...]:
        """Bytes that betray it in a file: its digits without a country's prefix, and its printed forms."""
        if not self.is_long:
            return (self.shown.encode(),)
        try:
            number = phonenumbers.parse(f"+{self.shown}")
        except phonenumbers.NumberParseException:
            return (self.shown.encode(),)
        forms = {str(number.national_number), self.shown} | {
            phonenumbers.format_number(number, form)
            for form in (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.RFC3966)
        }
        if not phonenumbers.is_valid_number(number):  # its first digits are no prefix, unless the region reads them so
            forms = {form for form in forms if self._is_same(form)}
        return tuple(sorted(form.encode() for form in forms if len(form) >= MIN_DIGITS))

    def _is_same(self, reported: str | None) -> bool:
        return bool(reported) and shown_number(reported, self._region) == self.shown

    def _spelt_in(self, text: str) -> str | None:
        if self._word is not None:
            return self.shown if self._word.search(text) else None
        if self.shown[-_TAIL:] not in text.translate(_SEPARATORS):
            return None
        return next((spelt for run in _RUN.finditer(text) if (spelt := self._spelt_in_run(text, run))), None)

    def _spelt_in_run(self, text: str, run: re.Match[str]) -> str | None:
        """Read each sequence of neighbouring digit groups: what stands beside a number may be digits too."""
        groups = [group.span() for group in _GROUP.finditer(text, run.start(), run.end())]
        for first, (start, _) in enumerate(groups):
            digits = 0
            for group_start, end in groups[first:]:
                digits += end - group_start
                if digits > _MOST_DIGITS:
                    break
                if digits >= len(self.shown) - _TAIL and self._is_same(_with_plus(text, start) + text[start:end]):
                    return text[start:end]
        return None


def mask(number: str) -> str:
    """Return a number of which only the last two digits can be read."""
    return "*" * max(0, len(number) - 2) + number[-2:] if len(number) > 4 else "*" * len(number)


def _with_plus(text: str, start: int) -> str:
    before = text[max(0, start - 2) : start]
    return "+" if before.endswith("+") or before == "+(" else ""
