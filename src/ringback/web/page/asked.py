"""What the page asks for, read from a query: which list, which range, which page of it, what to find."""

import re
from collections.abc import Mapping
from typing import Annotated, NamedTuple
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import msgspec
from starlette.types import Scope

from ringback.errors import InvalidInput
from ringback.storage.records import Range
from ringback.telephony.call import ListKind
from ringback.zones import zone_named

_MOST_MS = 2**53 - 1
_MOST_ROWS = 100
_MOST_FIND = 64
_MOST_FIELDS = 20

PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*\Z"  # other characters are in no list, and not every store takes them
EVERYBODY = "*"
_is_printable = re.compile(PRINTABLE).match
_LISTS = {kind.word: kind for kind in (ListKind.OUT_MISSED, ListKind.RING_BACK)}
ShownNumber = Annotated[
    str,
    msgspec.Meta(
        description="a number as the list shows it: 1 to 64 characters and no control characters",
        min_length=1,
        max_length=64,
        pattern=PRINTABLE,
    ),
]


class Asked(NamedTuple):
    """A range of a list of this kind; `text` is what its calls should hold, empty for all of them.

    `of` is whose list: empty for one's own, an extension, or `EVERYBODY`.
    """

    kind: ListKind
    wanted: Range
    text: str
    zone: ZoneInfo
    of: str


def read_asked(scope: Scope) -> Asked:
    """Return what a query asks for; raises `InvalidInput` that names the parameter."""
    given = read_query(scope)
    wanted = Range(
        from_ms=_whole(given, "from", 0, _MOST_MS),
        to_ms=_whole(given, "to", 0, _MOST_MS),
        page=_whole(given, "page", 1, _MOST_MS, 1),
        limit=_whole(given, "limit", 1, _MOST_ROWS, 25),
    )
    text = given.get("find", "").strip()
    if len(text) > _MOST_FIND:
        raise InvalidInput(f"find should have at most {_MOST_FIND} characters, not {len(text)}")
    zone = zone_named(given.get("zone")) or ZoneInfo("UTC")
    return Asked(_kind(given.get("list", "")), wanted, text, zone, given.get("of", ""))


def read_query(scope: Scope) -> Mapping[str, str]:
    """Return a query's fields; raises `InvalidInput`."""
    try:
        query = scope["query_string"].decode("ascii")
        given = dict(parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS))
    except ValueError:  # no ASCII, broken UTF-8 and too many fields alike
        raise InvalidInput("The query cannot be read") from None
    for name, text in given.items():
        if not _is_printable(text):
            raise InvalidInput(f"{name if _is_printable(name) else 'The query'} should hold no control characters")
    return given


def _kind(text: str) -> ListKind:
    kind = _LISTS.get(text or ListKind.OUT_MISSED.word)
    if kind is None:
        raise InvalidInput(f"list should be {' or '.join(_LISTS)}, not {text[:20]!r}")
    return kind


def _whole(given: Mapping[str, str], name: str, least: int, most: int, absent: int | None = None) -> int:
    text = given.get(name, "")
    if not text and absent is not None:
        return absent
    if not (text.isascii() and text.isdecimal() and len(text) <= 16 and least <= int(text) <= most):
        raise InvalidInput(f"{name} should be a whole number from {least} to {most}, not {text[:20]!r}")
    return int(text)
