"""FreeSWITCH's call detail records as mod_json_cdr posts them, one a leg. Their encodings are freeswitch_documents'."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from ringback.errors import UnreadableRecord
from ringback.sources.freeswitch_causes import (
    SAY_NOTHING,
    attempts,
    hung_up_by,
    q850_cause,
    says_failure,
    sip_code,
    why_unanswered,
)
from ringback.sources.freeswitch_documents import Document, document_records, microseconds, read_document, text_in
from ringback.sources.freeswitch_documents import caller_profile as caller_profile_of
from ringback.sources.freeswitch_parties import (
    Bridge,
    a_leg_uuid,
    bridges,
    called_parties,
    is_machine,
    placing_parties,
)
from ringback.sources.reading import Context, Record
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import EARLIEST_YEAR, MAX_TEXT, CallLeg

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_SECONDS = 366 * 86400
_SECOND = 1_000_000
# What happened: its variable (with _uepoch or _epoch behind it), and its name among a profile's times.
_STARTED = "start", "created_time"
_PROGRESS = "progress", "progress_time"
_EARLY_MEDIA = "progress_media", "progress_media_time"
_ANSWERED = "answer", "answered_time"
_ENDED = "end", "hangup_time"


class Freeswitch:
    """Reads the documents of mod_json_cdr, posted or from its error directory."""

    name = "freeswitch"

    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Split JSON or `cdr=` forms by their content; FreeSWITCH's Content-Type may be wrong or missing."""
        return document_records(lines)

    def legs(self, value: object, context: Context) -> Iterator[CallLeg]:
        """Read the one leg that a document tells of."""
        yield _leg(read_document(value), context)


def _leg(document: Document, context: Context) -> CallLeg:
    own = _uuid(document)
    key = a_leg_uuid(document, own)
    place: Literal["a", "b"] = "a" if key == own else "b"
    who = (placing_parties if place == "a" else called_parties)(document, context)
    answer = _placing_answer(document) if place == "a" else _called_answer(document)
    disposition, cause = Disposition.ANSWERED, document.text("hangup_cause")
    if answer is None:
        disposition, cause = why_unanswered(document, place)
    times = _times(document, answer)
    return CallLeg(
        source=Freeswitch.name,
        source_record_id=own,
        call_key=key,
        direction=who.direction,
        started_at=times.started_at,
        disposition=disposition,
        extension=who.extension,
        dialled_number=who.dialled_number,
        calling_number=who.calling_number,
        ringing_at=times.ringing_at,
        answered_at=times.answered_at,
        ended_at=times.ended_at,
        duration_seconds=_seconds(document.text("duration")),
        billable_seconds=None if answer is None else _billable(document, answer, times),
        name=who.name,
        side=None if answer is not None and answer.is_proof and place == "a" else place,
        hung_up_by=hung_up_by(document, place, disposition),
        trunk=who.trunk,
        sip_response_code=sip_code(document),
        q850_cause=q850_cause(document),
        vendor_cause=cause[:MAX_TEXT] or None,
    )


def _uuid(document: Document) -> str:
    profile = caller_profile_of(document.profiles[0]) if document.profiles else {}
    uuid = document.text("uuid") or text_in(profile, "uuid")
    if not uuid:
        raise UnreadableRecord("variables.uuid is missing; it should be the uuid of the leg")
    return uuid


# --- was it answered -----------------------------------------------------------------------------------------------


class _Answer(NamedTuple):
    """When the party called picked up, in microseconds, and whether the leg itself proves that somebody did."""

    at: int
    is_proof: bool


def _called_answer(document: Document) -> _Answer | None:
    """Read the answer of a leg to who was called: its own, unless it was let go for another or is a machine."""
    at = _moment(document, *_ANSWERED)
    if not at or document.text("loopback_leg") == "B" or any(map(is_machine, _channels(document))):
        return None
    if not bridges(document) and document.text("hangup_cause") not in SAY_NOTHING:
        return None  # picked up and never connected: a fork's loser, or a group member who did not confirm
    return _Answer(at, is_proof=True)


def _placing_answer(document: Document) -> _Answer | None:
    """Read the answer off the leg of who placed the call, which is answered early by menus, queues and voicemail.

    Only being connected to another leg counts, and even that happens at the first sound of a ringing carrier where
    early media is let through. A leg that was answered by that bridge, or within it, proves that the other was; one
    answered before its dialplan dialled (`answer`, click-to-call) does not, so that the other legs outrank it.
    """
    connected = bridges(document)
    at = _moment(document, *_ANSWERED)
    if not connected or not at:
        return None
    bridged_at = connected[0].at
    if at >= max(bridged_at - _SECOND, document.bridge_stamp):
        return _Answer(at, is_proof=True)
    if _failed_behind_early_media(document, connected):
        return None
    return _Answer(max(at, bridged_at), is_proof=False)


def _failed_behind_early_media(document: Document, connected: list[Bridge]) -> bool:
    """Tell whether the one leg this was connected to ended unanswered; an earlier attempt's cause stands there too."""
    cause = document.text("last_bridge_hangup_cause")
    return len(connected) == 1 and connected[0].is_newest and says_failure(cause) and cause not in attempts(document)


def _channels(document: Document) -> list[str]:
    return [text_in(caller_profile_of(entry), "chan_name") for entry in document.profiles]


# --- times ---------------------------------------------------------------------------------------------------------


class _Times(NamedTuple):
    started_at: datetime
    ringing_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None


def _times(document: Document, answer: _Answer | None) -> _Times:
    """Read the times; one that is out of order is left out rather than lose the call."""
    started_at = _time(_moment(document, *_STARTED))
    if started_at is None:
        raise UnreadableRecord("start_uepoch (or created_time in callflow) is missing; it should be microseconds")
    answered_at = _time(answer.at, started_at) if answer is not None else None
    ended_at = _time(_moment(document, *_ENDED), answered_at or started_at)
    rings = (_time(_moment(document, *moment), started_at) for moment in (_PROGRESS, _EARLY_MEDIA))
    before = answered_at or ended_at
    ringing_at = min((at for at in rings if at and (before is None or at <= before)), default=None)
    return _Times(started_at, ringing_at, answered_at, ended_at)


def _moment(document: Document, variable: str, time: str) -> int:
    """Return when something happened, in microseconds; 0 where it did not.

    Never read off the *_stamp variables: those are the switch's local clock.
    """
    found = microseconds(document.text(f"{variable}_uepoch"))
    for entry in document.profiles:
        times = entry.get("times")
        found = found or (microseconds(times.get(time)) if isinstance(times, dict) else 0)
    return found or microseconds(document.text(f"{variable}_epoch")) * _SECOND


def _time(moment: int, earliest: datetime | None = None) -> datetime | None:
    """Return a moment as a time, to the millisecond; None where there is none that can be."""
    try:
        time = _EPOCH + timedelta(milliseconds=moment // 1000)
    except OverflowError:
        return None
    return time if time.year >= EARLIEST_YEAR and (earliest is None or time >= earliest) else None


def _billable(document: Document, answer: _Answer, times: _Times) -> int | None:
    """Return the seconds talked; `billsec` of a leg that was answered early counts the menu before it too."""
    if answer.is_proof or times.answered_at is None or times.ended_at is None:
        return _seconds(document.text("billsec"))
    return _seconds(str(int((times.ended_at - times.answered_at).total_seconds())))


def _seconds(text: str) -> int | None:
    seconds = int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else -1
    return seconds if 0 <= seconds <= _MOST_SECONDS else None
