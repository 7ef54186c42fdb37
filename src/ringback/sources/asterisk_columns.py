"""Which column of an Asterisk call detail record is which: by place or by name. What the columns mean is asterisk.py's.

Read from Asterisk's cdr/cdr_csv.c, main/cdr.c and the sample cdr_custom.conf.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from ringback.errors import UnreadableRecord
from ringback.telephony.leg import clean_text

DISPOSITION_WORDS = frozenset({"ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION", "CANCEL"})


class Columns(NamedTuple):
    """The columns that are read, as text; a column that is not there is empty."""

    src: str
    dst: str
    clid: str
    channel: str
    dstchannel: str
    lastapp: str
    lastdata: str
    start: str
    answer: str
    end: str
    duration: str
    billsec: str
    disposition: str
    uniqueid: str
    linkedid: str
    sequence: str


# --- by place ------------------------------------------------------------------------------------------------------

_CSV = "accountcode src dst dcontext clid channel dstchannel lastapp lastdata start answer end duration billsec"
_CSV += " disposition amaflags"
_CUSTOM = "clid src dst dcontext channel dstchannel lastapp lastdata start answer end duration billsec disposition"
_CUSTOM += " amaflags accountcode uniqueid userfield"
_NEW = " peeraccount linkedid sequence"

Pick = Callable[[Sequence[str]], tuple[str, ...]]


def _pick(names: str) -> Pick:
    """Return what takes a row with these columns to `Columns`."""
    places = {name: place for place, name in enumerate(names.split())}
    pick: Pick = itemgetter(*(places.get(field, -1) for field in Columns._fields))
    if places.keys() >= set(Columns._fields):
        return pick
    return lambda row: pick((*row, ""))  # -1, the columns that are not there, is the empty one put behind the row


_CSV_PICKS: dict[int, Pick] = {
    16: _pick(_CSV),
    17: _pick(_CSV + " uniqueid"),
    18: _pick(_CSV + " uniqueid userfield"),
    19: _pick(_CSV + _NEW),
    20: _pick(_CSV + " uniqueid" + _NEW),
    21: _pick(_CSV + " uniqueid userfield" + _NEW),
}
# loguniqueid and loguserfield are separate switches: with one of them the column's own shape tells which it is.
_CSV_PICKS_WITH_USERFIELD: dict[int, Pick] = {17: _pick(_CSV + " userfield"), 20: _pick(_CSV + " userfield" + _NEW)}
_CUSTOM_PICKS: dict[int, Pick] = {18: _pick(_CUSTOM), 19: _pick(_CUSTOM + " sequence")}  # 18: samples of old versions

_AMA_FLAGS = frozenset({"DOCUMENTATION", "BILLING", "OMIT", "DEFAULT", "UNKNOWN", "0", "1", "2", "3"})


def by_place(row: Sequence[str]) -> Columns | None:
    """Return the columns of a row without headings, or None where it is in neither order."""
    pick = _pick_for(row)
    return None if pick is None else Columns._make(pick(row))


def _pick_for(row: Sequence[str]) -> Pick | None:
    count = len(row)
    if count not in _CSV_PICKS:
        return None
    if row[14] in DISPOSITION_WORDS or _stands_at(row, 14):
        if count in _CSV_PICKS_WITH_USERFIELD and epoch_of(row[16]) is None:
            return _CSV_PICKS_WITH_USERFIELD[count]
        return _CSV_PICKS[count]
    if row[13] in DISPOSITION_WORDS or _stands_at(row, 13):
        return _CUSTOM_PICKS.get(count)
    return None


def _stands_at(row: Sequence[str], place: int) -> bool:
    """Tell whether a word nobody knows yet is a disposition here: its neighbours are what they are in this order."""
    if place + 1 >= len(row) or not row[place].strip():
        return False
    seconds, flags = row[place - 2 : place], row[place + 1]
    return (
        all(text.isdecimal() for text in seconds)
        and flags.upper() in _AMA_FLAGS
        and row[place - 5][:4].isdecimal()
        and not row[place].isdecimal()
    )


def epoch_of(uniqueid: str) -> int | None:
    """Return the second in which a channel was made, from its uniqueid (`1570181745.12`, `pbx1-1570181745.12`)."""
    head, _, counter = uniqueid.rpartition(".")
    seconds = head[-10:]
    if counter.isdecimal() and seconds.isdecimal() and len(seconds) == 10 and head[-11:-10] in ("", "-"):
        return int(seconds)
    return None


# --- by name -------------------------------------------------------------------------------------------------------

_OTHER_NAMES = {
    "calldate": "start",  # cdr_pgsql, FreePBX
    "starttime": "start",  # this and the following: the manager's Cdr event
    "answertime": "answer",
    "endtime": "end",
    "source": "src",
    "destination": "dst",
    "callerid": "clid",
    "destinationchannel": "dstchannel",
    "lastapplication": "lastapp",
    "billableseconds": "billsec",
}
_BY_NUMBER = {  # tables whose disposition column is a number, main/cdr.c; 1 ("no disposition yet") stays unknown
    "0": "NO ANSWER",
    "2": "FAILED",
    "4": "BUSY",
    "8": "ANSWERED",
    "16": "CONGESTION",
    "32": "CANCEL",
}
_ANSWER_NEEDS = ("dstchannel", "billsec")


def is_headings(row: Sequence[str]) -> bool:
    """Tell whether a row is headings: it names the disposition and the start."""
    names = {column_name(heading) for heading in row}
    return {"disposition", "start"} <= names


@lru_cache(maxsize=1024)
def column_name(heading: str) -> str:
    """Return the column a heading or a JSON name means, whatever its case."""
    name = heading.strip().lower().replace("_", "").replace(" ", "")
    return _OTHER_NAMES.get(name, name)


def by_name(record: Mapping[object, object]) -> Columns:
    """Return the columns of a record with names; raises `UnreadableRecord` where it cannot be judged by them.

    A column may be empty or null, but an ANSWERED record without the columns that prove it could be anything.
    """
    named = {column_name(name): _text(name, value) for name, value in record.items() if isinstance(name, str)}
    if not named.get("start"):
        raise UnreadableRecord("start (or calldate) is missing; it should be a time such as 2019-10-04 09:35:45")
    word = named.get("disposition", "")
    word = _BY_NUMBER.get(word, word)
    if not word:
        raise UnreadableRecord("disposition is missing; it should be ANSWERED, NO ANSWER, BUSY, FAILED or another word")
    if word.upper() == "ANSWERED" and (missing := [name for name in _ANSWER_NEEDS if name not in named]):
        raise UnreadableRecord(f"{missing[0]} is missing; without it nobody can tell who answered this ANSWERED record")
    return Columns._make([named.get(field, "") for field in Columns._fields])._replace(disposition=word)


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return clean_text(value)
    if value is None:
        return ""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)
    if column_name(name) in Columns._fields:
        raise UnreadableRecord(f"{name[:40]} should be text or a number")
    return ""
