"""The records that contrib/kamailio/ringback.cfg posts: one for each dialog that ended. Other proxies' are not here.

Its fields: id, event, call_id, from_tag, from_user, from_name, dialled, source_ip, trunk, sip_code, sip_reason,
reason_header, ended_by, and start, ring, answer, end in epoch seconds with a fraction.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from ringback.errors import UnreadableRecord
from ringback.sources.framing import first_byte, json_records
from ringback.sources.reading import Context, Record, read_agent
from ringback.telephony.disposition import Disposition, from_q850_cause, from_sip_code
from ringback.telephony.leg import MAX_TEXT, CallLeg, Direction, clean_text

NEEDED = ("call_id", "start", "event")
_HUNG_UP_BY = {"caller": "caller", "callee": "callee", "proxy": "system"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECONDS = range(10**8, 10**11)  # 1973 to 5138; what is longer was meant as milliseconds
_AGENT_ID = re.compile(r"[^_\s]{1,32}_(\d{1,15})\Z", re.ASCII)
_Q850 = re.compile(r"\bQ\.850\s*;(?:[^,]*;)?\s*cause\s*=\s*(\d{1,3})\b", re.IGNORECASE | re.ASCII)
_QUOTED_PAIR = re.compile(r'\\(["\\])')  # RFC 3261 section 25.1
_TIMER_RAN_OUT = 102  # Q.850's way to say 408: tells as little


class Kamailio:
    """Reads what a Kamailio that includes ringback.cfg posts; see docs/kamailio.md."""

    name = "kamailio"

    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Split one record, an array or NDJSON."""
        return json_records(first_byte(lines)[1])

    def legs(self, value: object, context: Context) -> Iterator[CallLeg]:
        """Read one record; unknown fields are ignored, empty ones are absent."""
        if not isinstance(value, dict):
            raise UnreadableRecord("a Kamailio record should be a JSON object")
        fields = {key: field for key, field in value.items() if field is not None and field != ""}
        for field in NEEDED:
            if field not in fields:
                raise UnreadableRecord(f"{field} is missing; a record of ringback.cfg has {', '.join(NEEDED)}")
        yield _leg(fields, context)


# --- legs ----------------------------------------------------------------------------------------------------------


def _leg(fields: Mapping[str, Any], context: Context) -> CallLeg:
    who = _parties(fields, context)
    started_at, ended_at = _time(fields["start"], "start"), _optional_time(fields, "end")
    ringing_at = _optional_time(fields, "ring")
    code, cause = _code(fields), _q850_cause(fields)
    disposition = _disposition(fields, code, cause, rang=ringing_at is not None)
    answered_at = _optional_time(fields, "answer") if disposition is Disposition.ANSWERED else None
    return CallLeg(
        source=Kamailio.name,
        source_record_id=_text(fields, "id") or _digest(fields),
        call_key=_call_key(fields, started_at),
        direction=who.direction,
        started_at=started_at,
        disposition=disposition,
        extension=who.extension,
        dialled_number=who.dialled_number,
        calling_number=who.calling_number,
        ringing_at=ringing_at,
        answered_at=answered_at,
        ended_at=ended_at,
        duration_seconds=_seconds(started_at, ended_at),
        billable_seconds=_seconds(answered_at, ended_at),
        name=_name(fields) if who.direction is Direction.INBOUND else None,
        hung_up_by=_HUNG_UP_BY.get(_text(fields, "ended_by").lower()),
        trunk=_text(fields, "trunk")[:MAX_TEXT] or None,
        sip_response_code=code,
        q850_cause=cause,
        vendor_cause=_vendor_cause(fields, disposition),
    )


def _call_key(fields: Mapping[str, Any], started_at: datetime) -> str:
    """Return Call-ID, From tag and the day (UTC) of the start.

    All branches of a call, its second INVITE after a challenge (RFC 3261 section 8.1.3.5) and its records from the
    proxies it passes share both the Call-ID and the tag. Neither should ever come again, but test callers and some
    adapters count from the beginning after a restart: the day keeps such calls apart.
    """
    key = f"{_text(fields, 'call_id')};{_text(fields, 'from_tag')};{started_at:%Y-%m-%d}"
    return key if len(key) <= MAX_TEXT else blake2b(key.encode("utf-8", "surrogatepass"), digest_size=24).hexdigest()


def _digest(fields: Mapping[str, Any]) -> str:
    """What a record says is its own key where it has none."""
    return blake2b(msgspec.json.encode(sorted(fields.items())), digest_size=12).hexdigest()


def _disposition(fields: Mapping[str, Any], code: int | None, cause: int | None, *, rang: bool) -> Disposition:
    """Read how the dialog ended; the carrier's Q.850 cause is more exact than its SIP code where it says anything."""
    event = _event(fields)
    if event == "end":
        return Disposition.ANSWERED
    if event != "failed":
        return Disposition.UNKNOWN
    if code == 487:
        return Disposition.CANCELLED
    if cause is not None and cause != _TIMER_RAN_OUT:
        refined = from_q850_cause(cause)
        if refined is not Disposition.UNKNOWN:
            return refined
    if code is None or code < 400 or (code == 408 and not rang):
        return Disposition.FAILED  # without a ring 408 is a carrier that cannot be reached
    return from_sip_code(code)


def _vendor_cause(fields: Mapping[str, Any], disposition: Disposition) -> str | None:
    """Return the carrier's own words, or the event's name where that is new."""
    if disposition is Disposition.ANSWERED:
        return None
    if disposition is Disposition.UNKNOWN:
        return _event(fields)[:MAX_TEXT]
    return (_text(fields, "reason_header") or _text(fields, "sip_reason"))[:MAX_TEXT] or None


def _event(fields: Mapping[str, Any]) -> str:
    return _text(fields, "event").lower()


# --- whose call it is ----------------------------------------------------------------------------------------------


class _Parties(NamedTuple):
    direction: Direction
    extension: str | None
    dialled_number: str | None
    calling_number: str | None


def _parties(fields: Mapping[str, Any], context: Context) -> _Parties:
    """Read who called whom; a call that left by a trunk is outbound however short its number (112).

    Raises `UnreadableRecord` where the caller is another app's agent and no agent of this one was dialled.
    """
    caller, dialled = _text(fields, "from_user"), _text(fields, "dialled")
    if not (caller or dialled):
        raise UnreadableRecord("the record names neither who called (from_user) nor who was dialled (dialled)")
    agent = _extension(caller, context)
    called = None if "trunk" in fields else _extension(dialled, context)
    if agent:
        direction = Direction.INTERNAL if called else Direction.OUTBOUND
        return _Parties(direction, agent, called or dialled or None, agent)
    if not called:
        read_agent(caller, context)
    return _Parties(Direction.INBOUND, called, None if called else dialled or None, caller or None)


def _extension(text: str, context: Context) -> str | None:
    """Return the extension of an agent of this app, None where it is none."""
    if context.extensions.fullmatch(text):
        return text
    agent = _AGENT_ID.match(text)
    return read_agent(text, context) if agent and int(agent.group(1)) == context.app_id else None


# --- single fields -------------------------------------------------------------------------------------------------


def _text(fields: Mapping[str, Any], field: str) -> str:
    value = fields.get(field, "")
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise UnreadableRecord(f"{field} should be text")


def _code(fields: Mapping[str, Any]) -> int | None:
    text = _text(fields, "sip_code")
    if not text:
        return None
    if not re.match(r"[1-6]\d\d\Z", text, re.ASCII):
        raise UnreadableRecord(f"sip_code is {text[:40]!r}; it should be a SIP response code such as 486")
    return int(text)


def _q850_cause(fields: Mapping[str, Any]) -> int | None:
    """Return the cause of `Q.850;cause=17;text="User busy"` (RFC 3326), which may stand behind others."""
    found = _Q850.search(_text(fields, "reason_header"))
    cause = int(found.group(1)) if found else 0
    return cause if 1 <= cause <= 127 else None


def _name(fields: Mapping[str, Any]) -> str | None:
    return _QUOTED_PAIR.sub(r"\1", _text(fields, "from_name"))[:MAX_TEXT] or None


def _optional_time(fields: Mapping[str, Any], field: str) -> datetime | None:
    return _time(fields[field], field) if field in fields else None


def _time(value: object, field: str) -> datetime:
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        seconds = None
    if seconds is None or not abs(seconds) < 1e18 or int(seconds) not in _SECONDS:
        raise UnreadableRecord(f"{field} is {str(value)[:40]!r}; it should be seconds since 1970, such as 1795439747.5")
    return _EPOCH + timedelta(microseconds=round(seconds * 1_000_000))


def _seconds(since: datetime | None, until: datetime | None) -> int | None:
    if since is None or until is None or until < since:
        return None
    return int((until - since).total_seconds())
