"""A listed call's text: what a page shows of it, written once when it is listed, so that a page is these texts joined.

Each value stands as JSON behind a mark of its own, a control character, which JSON never holds unescaped (RFC 8259
section 7). An API's dialect puts its own field names in the marks' place. Pure: no store.
"""

import re
from typing import NamedTuple

import msgspec

from ringback.telephony.numbers import is_exact_number

# What stands before each value, in this order, and behind the last.
CALL_ID, NUMBER, STARTED, BILLABLE, RATE, NAME, END = "\x01", "\x02", "\x03", "\x04", "\x05", "\x06", "\x07"
TRIES = "\x08"  # between name and end, in the texts of numbers to ring back alone: put there as they are read
NOBODY = "null"  # the value of a name that is not known

_ANY_MARK = re.compile(f"[{CALL_ID}-{END}]")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(str | int | None).decode


class Shown(NamedTuple):
    """What a text says beside the call's id and start."""

    number: str
    billable_seconds: int
    rate: str
    name: str | None


def shown_text(call_id: bytes, started_ms: int, number: str, billable_seconds: int, rate: str, name: str | None) -> str:
    """Return the text of a call; its number is a JSON number where no reader rounds it."""
    to = number if is_exact_number(number) else _encode(number).decode()
    who = _encode(name).decode() if name else NOBODY
    return (
        f'{CALL_ID}"{call_id.hex()}"{NUMBER}{to}{STARTED}{started_ms}{BILLABLE}{billable_seconds}{RATE}"{rate}"'
        f"{NAME}{who}{END}"
    )


def read_shown(text: str) -> Shown:
    """Return what a text says."""
    _, _, number, _, billable_seconds, rate, name, _ = _ANY_MARK.split(text)
    who = _decode(name)
    return Shown(str(_decode(number)), int(billable_seconds), rate[1:-1], None if who is None else str(who))
