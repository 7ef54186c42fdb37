"""Who called whom, from the channels and numbers of an Asterisk record. Times and dispositions are asterisk.py's."""

import re
from typing import Literal

import msgspec

from ringback.errors import UnreadableRecord
from ringback.sources.asterisk_columns import Columns
from ringback.sources.reading import Context, find_extension
from ringback.telephony.leg import MAX_TEXT, Direction
from ringback.telephony.numbers import is_part_of_number

_INBOUND, _OUTBOUND, _INTERNAL = Direction.INBOUND, Direction.OUTBOUND, Direction.INTERNAL  # read for every row
_NUMBER = re.compile(r"\+?\d{2,}\Z", re.ASCII)
_OUTSIDE_NUMBER = re.compile(r"\+?\d{7,}\Z", re.ASCII)
_SENT_NUMBER = re.compile(r"(sips?:|tel:)?(\+?\d{2,})", re.ASCII)
_WHOLE_NUMBER = re.compile(r"(?:sips?:|tel:)?(\+?\d{2,})(?![^@:;])", re.ASCII)  # host, port and parameters come after
_TARGETS_END = re.compile(r"[,|&]")  # between what Dial rings, and behind the last; | is that of old versions
# What dialplan puts in place of a dialled number: the start, hang-up, invalid and timeout extensions and the like.
_DIALPLAN_WORDS = frozenset({"", "s", "h", "i", "t", "T", "o", "a", "e", "fax", "failed", "hangup", "~~s~~", "~~h~~"})
_AFTER_DIAL = "s-"  # FreePBX: s-NOANSWER, s-BUSY, s-CHANUNAVAIL
_LONGEST_PREFIX = 4  # digits for an outside line
_DEVICES = frozenset({"PJSIP", "SIP", "IAX2"})  # nearly every channel; what holds of the others need not be asked
_WRAPPERS = frozenset({"AsyncGoto", "Parked", "Surrogate", "Transfered", "Bridge"})  # put before the channel's own name
_LINES = frozenset({"DAHDI", "Zap", "mISDN", "vpb", "Console"})  # named after a line's number, which is no extension


class Parties(msgspec.Struct, frozen=True):
    """Whose leg it is and which way it goes."""

    direction: Direction
    extension: str | None
    dialled_number: str | None
    trunk: str | None
    side: Literal["a", "b"] | None


def parties(columns: Columns, context: Context) -> Parties:
    """Read who called whom; raises `UnreadableRecord` where an agent is another app's.

    The channel's endpoint tells who placed the call: `src` may be the number that is shown to the called.
    """
    technology, endpoint = _channel(columns.channel)
    if technology == "Local" and columns.channel[-2:] in (";2", ",2"):
        return _inner_half(columns, context)
    other = _channel(columns.dstchannel)
    caller = _caller(columns, technology, endpoint, context)
    called = _called(columns, other, caller, context)
    if caller is None and endpoint and technology not in _LINES:
        caller = _named_device(columns, called, context)
    if caller is None:
        agent = called or find_extension(columns.dst, context)
        return Parties(_INBOUND, agent, _number_in_dst(columns), _trunk(technology, endpoint), None)
    dialled = _dialled(columns)
    if called is None and (other[1] or _NUMBER.match(dialled or "")):
        return Parties(_OUTBOUND, caller, dialled, _trunk(*other), "b")
    return Parties(_INTERNAL, caller, dialled, None, None)


def _inner_half(columns: Columns, context: Context) -> Parties:
    """Read the ;2 half of a Local channel: it only carries the dialplan towards its own name, nobody calls from it.

    Where it rings an inside phone it is part of a ring group, a queue or a click-to-call, whose other rows say whose
    call it is; that somebody picked up there is the "a" side of an outgoing call and proves nothing for it.
    """
    dialled = _dialled(columns)
    other = _channel(columns.dstchannel)
    if _called(columns, other, None, context) is not None:
        return Parties(_INTERNAL, None, dialled, None, "a")
    caller = find_extension(columns.src, context)
    if caller is None:
        return Parties(_INBOUND, None, dialled, None, None)
    return Parties(_OUTBOUND, caller, dialled, _trunk(*other), "b")


def _caller(columns: Columns, technology: str, endpoint: str, context: Context) -> str | None:
    """Return the extension that the placing channel names, None where it is a trunk, or a phone with a name."""
    if not endpoint or technology in _LINES:
        return find_extension(columns.src, context)
    extension = find_extension(endpoint, context)
    if extension is None and columns.src and endpoint.startswith(f"{columns.src}-"):
        return find_extension(columns.src, context)  # PJSIP/100-anna-0000001a, from 100
    return extension


def _called(columns: Columns, other: tuple[str, str], caller: str | None, context: Context) -> str | None:
    """Return the extension on the other side, None where that is outside."""
    technology, endpoint = other
    if not endpoint or technology in _LINES or (technology == "Local" and endpoint.isalpha()):
        return find_extension(columns.dst, context)
    extension = _extension_at(endpoint, columns, caller, context)
    if extension is None:  # a trunk, or a phone with a name
        inside = find_extension(columns.dst, context)
        return None if inside is None or _sent_to(endpoint, columns, context) else inside
    sent = _sent_to(endpoint, columns, context)
    if sent is None and technology != "Local":
        return None if _dials_outside(columns, caller, context) else extension
    return None if sent else extension


def _extension_at(endpoint: str, columns: Columns, caller: str | None, context: Context) -> str | None:
    """Return the extension that the other side's endpoint names; 495_1234567 may be a trunk, and no other app's agent.

    It is one where an agent called, or a number was sent there; else the call rang at the agent, whose app it is of.
    """
    try:
        return find_extension(endpoint, context)
    except UnreadableRecord:
        if caller is None and not _sent_to(endpoint, columns, context):
            raise
        return None


def _sent_to(endpoint: str, columns: Columns, context: Context) -> str | None:
    """Return the number that Dial sends to an endpoint, "" where it rings a phone, None where it does not name it.

    `SIP/2001/77010000000`, `PJSIP/77010000000@2001` and `PJSIP/2001/sip:77010000000@host` send a number.
    """
    for target in _TARGETS_END.split(columns.lastdata):
        peer, _, path = target.partition("/")[2].partition("/")
        user, _, host = peer.rpartition("@")
        if host.partition(":")[0] == endpoint.partition(":")[0]:
            return _number_sent(path or user, endpoint, columns, context)
    return None


def _number_sent(text: str, endpoint: str, columns: Columns, context: Context) -> str:
    """Return the number in a target's text, "" where that is a phone's contact, as in PJSIP/103/sip:103@192.0.2.7."""
    found = _SENT_NUMBER.match(text)
    if found is None or found[2] == endpoint:
        return ""
    # Some phones register under digits of their own.
    is_contact = found[1] and found[2] != columns.dst and find_extension(columns.dst, context)
    return "" if is_contact else found[2]


def _dials_outside(columns: Columns, caller: str | None, context: Context) -> bool:
    """Tell whether an agent dialled a number from outside, where Dial does not tell what it rang.

    Only where `src` is the agent: a call that comes in through a trunk named by a number looks the same else.
    """
    return (
        caller is not None
        and columns.lastapp != "Queue"  # rings extensions, whatever number leads to it
        and bool(_OUTSIDE_NUMBER.match(columns.dst))
        and columns.src.partition("_")[0] == caller
        and find_extension(columns.dst, context) is None
    )


def _named_device(columns: Columns, called: str | None, context: Context) -> str | None:
    """Return the extension that dials out from a phone whose endpoint is a name (`PJSIP/anna-00000001`)."""
    if called is not None or not _NUMBER.match(columns.dst) or find_extension(columns.dst, context):
        return None
    if columns.dstchannel or _is_attempt_outside(columns):
        return find_extension(columns.src, context)
    return None


def _is_attempt_outside(columns: Columns) -> bool:
    """Tell whether Dial was to reach a number from outside; a caller from there is put through to a phone."""
    if columns.lastapp != "Dial" or not _OUTSIDE_NUMBER.match(columns.dst):
        return False
    return not columns.lastdata or bool(_OUTSIDE_NUMBER.match(_number_in_dial(columns) or ""))


def _channel(name: str) -> tuple[str, str]:
    """Return a channel's technology and endpoint: of `PJSIP/103-0000001a` PJSIP and 103."""
    technology, _, rest = name.partition("/")
    if technology in _DEVICES:
        return technology, rest.rpartition("-")[0] or rest
    if technology in _WRAPPERS and "/" in rest:
        return _channel(rest)
    if technology == "Local":  # 103@from-internal-0000001;1, and FreePBX's RG-600-103@, FMPR-103@, FMGL-7701...#@
        return technology, rest.partition("@")[0].rpartition("-")[2].rstrip("#")
    endpoint = rest.rpartition("-")[0] or rest
    if technology in _LINES:  # DAHDI/i1/7701...-1 stands for the line i1
        endpoint = endpoint.partition("/")[0]
    return technology, endpoint


def _trunk(technology: str, endpoint: str) -> str | None:
    return None if technology == "Local" else endpoint[:MAX_TEXT] or None


# --- the number that was dialled -----------------------------------------------------------------------------------


def _dialled(columns: Columns) -> str | None:
    """Return the number that was called: what was dialled, without what Dial left out before it sent it on."""
    dialled = _number_in_dst(columns)
    if dialled is None or f"/{dialled}" in columns.lastdata:  # sent on as it was dialled, as in most rows
        return dialled or _number_in_dial(columns)
    sent = _number_in_dial(columns)
    if sent is None or not _OUTSIDE_NUMBER.match(sent) or not dialled.endswith(sent):
        return dialled
    prefix = dialled.removesuffix(sent)
    was_left_out = 0 < len(prefix) <= _LONGEST_PREFIX or prefix.endswith("#")
    return sent if was_left_out and not is_part_of_number(prefix, sent) else dialled


def _number_in_dst(columns: Columns) -> str | None:
    if columns.dst in _DIALPLAN_WORDS or columns.dst.startswith(_AFTER_DIAL):
        return None
    return columns.dst


def _number_in_dial(columns: Columns) -> str | None:
    """Return the number in `SIP/trunk/77010000000,30,Tt`, `PJSIP/77010000000@trunk,30`, `PJSIP/t/sip:7701...@host`."""
    if columns.lastapp != "Dial":
        return None
    target = _TARGETS_END.split(columns.lastdata, maxsplit=1)[0]
    found = _WHOLE_NUMBER.match(target.rpartition("/")[2])
    return found[1] if found else None
