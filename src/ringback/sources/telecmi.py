"""TeleCMI's webhooks and call lists, v1 and v2. Its wire towards clients is not here: that is web/telecmi.py.

Read from the vendor's pages on webhooks (outgoing and incoming, answered, missed and user missed, live events).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

import msgspec

from ringback.errors import UnreadableRecord
from ringback.sources.framing import decode_json, first_byte, form_record, json_records
from ringback.sources.reading import Context, Record, read_agent
from ringback.sources.times import read_time
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import MAX_TEXT, CallLeg, Direction, clean_text
from ringback.telephony.rates import read_rate

_STATUSES = {
    "answered": Disposition.ANSWERED,
    "missed": Disposition.NO_ANSWER,
    "user_missed": Disposition.NO_ANSWER,  # one member of a team let it ring; the caller may still have got another
}
_LIVE_STATUSES = frozenset({"started", "waiting", "ringing"})  # of live events, should one come without its type
_MISSED_BECAUSE = {
    "recv_cancel": Disposition.CANCELLED,
    "sent_reject": Disposition.BUSY,  # the person declined
}
# The reasons are SIP's, seen from the platform at this leg: received from this leg's party, or sent to it. Leg a (and a
# record without a leg) is towards who placed the call, leg b towards who was called.
_HUNG_UP_BY = {
    ("a", "recv_bye"): "caller",
    ("a", "sent_bye"): "callee",
    ("b", "recv_bye"): "callee",
    ("b", "sent_bye"): "caller",
    ("a", "recv_cancel"): "caller",
    ("a", "sent_reject"): "callee",
    ("b", "sent_reject"): "callee",
}
_AGENT_ID = re.compile(r"[^_\s]{1,32}_\d{1,15}\Z", re.ASCII)
_CALLER_ID = re.compile(r"\+?\d+\Z", re.ASCII)
_OBJECT_ID = re.compile(r"[0-9a-f]{24}\Z")


class Telecmi:
    """Reads what TeleCMI pushes to a customer's server and what its lists answer."""

    name = "telecmi"

    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Split JSON, NDJSON, an array or a form; a list's envelope stands for its rows."""
        first, lines = first_byte(lines)
        framed = json_records(lines) if first in (b"{", b"[") else _line_by_line(lines)
        for record in framed:
            yield from _rows(record)

    def legs(self, value: object, context: Context) -> Iterator[CallLeg]:
        """Read one call detail record; a live event is recognised and gives no leg."""
        if not isinstance(value, dict):
            raise UnreadableRecord("a TeleCMI record should be a JSON object or a form")
        fields = {key: field for key, field in value.items() if field is not None and field != ""}
        if not _is_live_event(fields):
            _check_app(fields, context)
            yield _leg(fields, context)


# --- records -------------------------------------------------------------------------------------------------------


def _line_by_line(lines: Iterable[bytes]) -> Iterator[Record]:
    """Read a form, or JSON lines behind a broken first one."""
    for number, line in enumerate(lines, 1):
        if line.lstrip()[:1] in (b"{", b"["):
            yield Record(number, line, decode_json(line))
        elif line.strip():
            yield Record(number, line, form_record(line).value)


def _rows(record: Record) -> Iterator[Record]:
    """Yield the rows of `{"count", "cdr": [...], "code"}`, each retriable alone; any other record is itself."""
    rows = record.value.get("cdr") if isinstance(record.value, dict) else record.value
    if not isinstance(rows, list):
        yield record
        return
    for row in rows:
        yield Record(record.line, msgspec.json.encode(row), row)


def _is_live_event(fields: Mapping[str, Any]) -> bool:
    kind = _text(fields, "type").lower()
    if kind not in ("", "cdr", "event"):
        raise UnreadableRecord(f"type is {kind[:40]!r}; it should be cdr or event")
    return kind == "event" or (not kind and _text(fields, "status").lower() in _LIVE_STATUSES)


def _check_app(fields: Mapping[str, Any], context: Context) -> None:
    """The vendor's samples write appid, its tables app_id."""
    for field in ("appid", "app_id"):
        app = _text(fields, field)
        if app and app != str(context.app_id):
            raise UnreadableRecord(
                f"{field} is {app[:40]}; it should be {context.app_id}, the app whose secret or --app was given"
            )


# --- legs ----------------------------------------------------------------------------------------------------------


class _Parties(NamedTuple):
    direction: Direction
    extension: str | None
    dialled_number: str | None
    calling_number: str | None


def _leg(fields: Mapping[str, Any], context: Context) -> CallLeg:
    who = _parties(fields, context)
    side = _side(fields)
    started_at = read_time(fields.get("time"), context.timezone, "time")
    disposition, cause = _disposition(fields, who.direction, side)
    answered = disposition is Disposition.ANSWERED
    waited = None if answered else _seconds(fields, "waitedsec")
    record_id, call_key = _keys(fields)
    return CallLeg(
        source=Telecmi.name,
        source_record_id=record_id,
        call_key=call_key,
        direction=who.direction,
        started_at=started_at,
        disposition=disposition,
        extension=who.extension,
        dialled_number=who.dialled_number,
        calling_number=who.calling_number,
        ringing_at=None if waited is None else started_at,
        ended_at=_later(started_at, waited),
        duration_seconds=_seconds(fields, "duration") if waited is None else waited,
        billable_seconds=_seconds(fields, "answeredsec", "billedsec", "duration") if answered else None,
        rate=_rate(fields),
        name=_name(fields),
        call_id=_object_id(fields),
        side=side,
        hung_up_by=_HUNG_UP_BY.get((side or "a", _text(fields, "hangup_reason"))),
        vendor_cause=cause,
    )


def _keys(fields: Mapping[str, Any]) -> tuple[str, str]:
    """Return the record's own key and its call's.

    Both legs of a v2 outgoing call share call_id, those of an incoming one conversation_uuid (its first leg's cmiuuid).
    """
    own = _first(fields, "cmiuuid", "cmiuid", "_id")
    call_key = _first(fields, "call_id", "conversation_uuid", "cmiuuid", "cmiuid", "_id")
    if not own:  # what a record says is its own key where it has none
        own = blake2b(msgspec.json.encode(sorted(fields.items())), digest_size=12).hexdigest()
    return own, call_key or own


def _disposition(fields: Mapping[str, Any], direction: Direction, side: str | None) -> tuple[Disposition, str | None]:
    """Return the disposition, and the vendor's word where that says more."""
    status, reason = _text(fields, "status").lower(), _text(fields, "hangup_reason")
    if not status:  # rows of a list have none: which list they stand in is known by what they carry
        status = "answered" if _was_answered(fields) else "missed"
    disposition = _STATUSES.get(status, Disposition.UNKNOWN)
    if disposition is Disposition.UNKNOWN:
        return disposition, status[:MAX_TEXT]
    if disposition is Disposition.NO_ANSWER and not (direction is Direction.INBOUND and side == "b"):
        # At the phone of a team's member recv_cancel only says that it stopped ringing there: that stays no_answer.
        disposition = _MISSED_BECAUSE.get(reason, disposition)
    elif reason == "sent_reject" and disposition is Disposition.NO_ANSWER:
        disposition = Disposition.BUSY
    return disposition, reason[:MAX_TEXT] or None


def _was_answered(fields: Mapping[str, Any]) -> bool:
    billed = _seconds(fields, "answeredsec", "billedsec") or 0
    return billed > 0 or _text(fields, "record").lower() == "true" or bool(_text(fields, "filename"))


def _parties(fields: Mapping[str, Any], context: Context) -> _Parties:
    """Read whose call it is; in v1 lists the agent stands in `from` or `to`, elsewhere in `user` or `agent`."""
    sender, receiver = _text(fields, "from"), _text(fields, "to")
    agent = next((text for name in ("user", "agent") if _is_agent(text := _text(fields, name), context)), "")
    direction = _direction(fields, sender, receiver, agent)
    shown = _first(fields, "virtual_number", "callerid")
    if direction is Direction.OUTBOUND:
        agent = agent or (sender if _is_agent(sender, context) else "")
        numbers = receiver, "" if _AGENT_ID.match(sender) or sender == agent else sender or shown
    else:
        agent = agent or (receiver if _is_agent(receiver, context) else "")
        numbers = shown or ("" if _AGENT_ID.match(receiver) or receiver == agent else receiver), sender
    if not (agent or sender or receiver):
        raise UnreadableRecord("the record names neither an agent (user, such as 103_1111113) nor a number (from, to)")
    return _Parties(direction, read_agent(agent, context) or None, numbers[0] or None, numbers[1] or None)


def _direction(fields: Mapping[str, Any], sender: str, receiver: str, agent: str) -> Direction:
    """Read which way a call went; rows of a list do not say, and their `from` tells.

    Of incoming calls it is the caller as a number, of outgoing ones the agent, or the caller id as text beside a number
    that was called. Where all is text, as in a form, an agent beside both numbers placed the call.
    """
    word = _text(fields, "direction").lower()
    if word:
        if word not in ("inbound", "outbound"):
            raise UnreadableRecord(f"direction is {word[:40]!r}; it should be inbound or outbound")
        return Direction(word)
    if _AGENT_ID.match(sender):
        return Direction.OUTBOUND
    if _is_number(fields.get("from")):
        return Direction.INBOUND
    if _CALLER_ID.match(sender) and _is_number(fields.get("to")):
        return Direction.OUTBOUND
    if receiver and not _AGENT_ID.match(receiver) and (agent or not sender):
        return Direction.OUTBOUND
    return Direction.INBOUND


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_agent(text: str, context: Context) -> bool:
    return bool(_AGENT_ID.match(text) or context.extensions.fullmatch(text))


def _side(fields: Mapping[str, Any]) -> Literal["a", "b"] | None:
    leg = _text(fields, "leg").lower()
    if leg == "a":
        return "a"
    return "b" if leg == "b" else None


def _later(started_at: datetime, seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else started_at + timedelta(seconds=seconds)
    except OverflowError:
        return None


# --- single fields -------------------------------------------------------------------------------------------------


def _text(fields: Mapping[str, Any], field: str) -> str:
    value = fields.get(field, "")
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return str(int(value))
    raise UnreadableRecord(f"{field} should be text or a whole number")


def _first(fields: Mapping[str, Any], *names: str) -> str:
    return next((text for name in names if (text := _text(fields, name))), "")


def _seconds(fields: Mapping[str, Any], *names: str) -> int | None:
    for name in names:
        if name in fields:
            try:
                return int(float(fields[name]))
            except (TypeError, ValueError, OverflowError):
                raise UnreadableRecord(
                    f"{name} is {str(fields[name])[:40]!r}; it should be a number of seconds"
                ) from None
    return None


def _rate(fields: Mapping[str, Any]) -> str | None:
    """Return the cost; a cost that is no number is left out, for it is no reason to lose a call."""
    value = fields.get("rate")
    return read_rate(str(value)) if isinstance(value, str | int | float) else None


def _name(fields: Mapping[str, Any]) -> str | None:
    name = _text(fields, "name")[:MAX_TEXT]
    return None if name.lower() == "unknown" else name or None


def _object_id(fields: Mapping[str, Any]) -> str | None:
    text = _text(fields, "_id").lower()
    return text if _OBJECT_ID.match(text) else None
