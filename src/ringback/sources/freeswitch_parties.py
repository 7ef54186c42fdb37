"""Whose leg a FreeSWITCH document tells of, which call it is part of, and who calls whom. Not how it ended."""

import re
from typing import NamedTuple

from ringback.sources.freeswitch_causes import TAKEN_ELSEWHERE
from ringback.sources.freeswitch_documents import (
    Document,
    Profile,
    caller_profile,
    microseconds,
    other_profiles,
    text_in,
)
from ringback.sources.reading import Context, find_extension
from ringback.telephony.leg import MAX_TEXT, Direction
from ringback.telephony.numbers import is_full_number

_AGENT = re.compile(r"\d{2,6}_\d{1,15}\Z", re.ASCII)
_OUTSIDE_NUMBER = re.compile(r"\+?\d{7,}\Z", re.ASCII)
_TECHNICAL_PREFIX = re.compile(r"(?:\d{1,4}|.*(?:#|%23))\+?\Z", re.ASCII)
_GATEWAY = re.compile(r"sofia/gateway/([^/,|]+)/([^,|@;]*)")
_EXTERNAL = "sofia/external/"  # the profile that trunks are on in the stock configuration and in FusionPBX
_PUBLIC = "public"  # the context that callers from outside come into, in both too
_NO_NAMES = frozenset({"", "unknown", "anonymous", "outbound call"})  # the last is what FreeSWITCH puts for none
_NOBODYS_NUMBER = "0000000000"  # what an originate without a caller id calls from


class Parties(NamedTuple):
    """Whose leg it is and which way its call goes."""

    direction: Direction
    extension: str | None
    dialled_number: str | None
    calling_number: str | None
    name: str | None = None
    trunk: str | None = None


class Bridge(NamedTuple):
    """A time the leg was connected to another: when, in microseconds, and the other's caller profile."""

    at: int
    other: Profile
    is_newest: bool


def a_leg_uuid(document: Document, own: str) -> str:
    """Return the uuid of the leg that placed the call, which is this one's own on that leg itself.

    `signal_bond` and `call_uuid` change as legs are bridged and let go, so they come last, and not on a leg that
    dialled others itself: after a bridge its bond is the leg it dialled.
    """
    # originator is set once, when a leg is made; a queue's legs have the caller's in cc_member_session_uuid, and the
    # far half of a loopback channel names who dialled the near half.
    names = ["originating_leg_uuid", "originator", "cc_member_session_uuid", "other_loopback_from_uuid"]
    placed_by = [document.text(name) for name in names]
    if document.leg_direction == "outbound":
        placed_by += [text_in(profile, "uuid") for profile in _originators(document)]
        if not document.text("originated_legs"):
            placed_by += [document.text("signal_bond"), document.text("call_uuid")]
    return next((uuid for uuid in placed_by if uuid and uuid != own), own)


def bridges(document: Document) -> list[Bridge]:
    """Return whom the leg was connected to, first to last; a voicemail or an announcement is nobody."""
    last = document.text("last_bridge_to")
    found: list[Bridge] = []
    for entry in reversed(document.profiles):
        times = entry.get("times")
        at = microseconds(times.get("bridged_time")) if isinstance(times, dict) else 0
        others = other_profiles(entry, "originatee")
        if at:
            other = next((other for other in others if text_in(other, "uuid") == last), others[0] if others else {})
            found.append(Bridge(at, other, entry is document.profiles[0]))
    at = microseconds(document.text("bridge_uepoch")) or microseconds(document.text("bridge_epoch")) * 1_000_000
    if at and not found:
        found.append(Bridge(at, {"chan_name": document.text("bridge_channel")}, True))
    return [bridge for bridge in found if not is_machine(text_in(bridge.other, "chan_name"))]


def is_machine(channel: str) -> bool:
    """Tell whether a channel runs an application: bridging to `loopback/app=voicemail:...` reaches nobody."""
    return channel.startswith("loopback/app=")


# --- the leg between the switch and who placed the call ------------------------------------------------------------


def placing_parties(document: Document, context: Context) -> Parties:
    """Read who called whom off the leg of who placed the call."""
    first = caller_profile(document.profiles[-1]) if document.profiles else {}
    dialled = _dialled(document)
    if document.leg_direction == "outbound":
        return _rung_first(document, first, dialled, context)
    calling = text_in(first, "caller_id_number") or document.text("sip_from_user")
    texts = [document.text("user_name"), document.text("sip_auth_username"), text_in(first, "username")]
    texts += [document.text("sip_from_user"), calling, _user(_channel(first))]
    caller = None if _is_from_outside(document, first) else _first_extension(texts, context)
    if caller is None:
        agent = _taken_by(document, context) or _first_extension(
            [document.text("dialed_user"), *reversed(dialled)], context
        )
        trunk = document.text("sip_gateway")[:MAX_TEXT] or _only(_trunks(_channel(first)))
        return Parties(Direction.INBOUND, agent, _first(dialled), calling or None, _name(first), trunk)
    trunks = _trunks_tried(document)
    goes_out = bool(trunks) or _is_outside(_first(dialled) or "", context)
    direction = Direction.OUTBOUND if goes_out else Direction.INTERNAL
    return Parties(direction, caller, _first(dialled), calling or None, trunk=_only(trunks))


def _rung_first(document: Document, first: Profile, dialled: list[str], context: Context) -> Parties:
    """Read a click-to-call: the switch rings the agent's phone before it dials the number asked for.

    While the agent has not picked up, that number is known only as the caller id shown to the agent.
    """
    agent = _first_extension([document.text("dialed_user"), *dialled[:1]], context)
    sent = _GATEWAY.search(document.text("last_arg"))
    shown = text_in(first, "caller_id_number")
    asked = _as_dialled(sent.group(2), [shown]) if sent else ""
    numbers = [*dialled, asked, shown if shown != _NOBODYS_NUMBER else ""]
    number = next((number for number in numbers if _is_outside(number, context)), None)
    return Parties(Direction.OUTBOUND, agent, number or _first(dialled), agent, trunk=_only(_trunks_tried(document)))


def _dialled(document: Document) -> list[str]:
    """Return what was dialled, first to last: each transfer within the switch adds one."""
    numbers = [_number(text_in(caller_profile(entry), "destination_number")) for entry in reversed(document.profiles)]
    return [number for number in numbers if number] or [user for user in [document.text("sip_req_user")] if user]


def _is_from_outside(document: Document, first: Profile) -> bool:
    """Tell whether a caller is none of ours, however short the number.

    A phone that logged in is ours, whichever context and profile it came through.
    """
    if document.text("sip_gateway"):
        return True
    if document.text("user_name") or document.text("sip_auth_username"):
        return False
    return text_in(first, "context") == _PUBLIC or _channel(first).startswith(_EXTERNAL)


def _taken_by(document: Document, context: Context) -> str | None:
    """Return the extension of who took the call first; one it was transferred to has a leg of its own."""
    other = next((bridge.other for bridge in bridges(document)), {})
    return _first_extension(
        [_number(text_in(other, "destination_number")), _user(text_in(other, "chan_name"))], context
    )


def _trunks_tried(document: Document) -> set[str]:
    """Return the trunks the last attempt was sent to; none where a phone of ours was rung."""
    if document.text("dialed_user") and document.leg_direction != "outbound":
        return set()
    texts = [document.text(name) for name in ("last_arg", "current_application_data", "bridge_channel")]
    return next((trunks for text in texts if (trunks := _trunks(text))), set())


# --- a leg between the switch and who was called -------------------------------------------------------------------


def called_parties(document: Document, context: Context) -> Parties:
    """Read who called whom off a leg to who was called; the caller profile of its originator tells who placed it."""
    own = caller_profile(document.profiles[-1]) if document.profiles else {}
    placing = next(iter(_originators(document)), own)  # a queue rings its agents with no originator
    channel = text_in(own, "chan_name") or document.text("channel_name")
    trunk = document.text("sip_gateway_name")[:MAX_TEXT] or _only(_trunks(channel))
    dialled = "" if is_machine(channel) else _number(text_in(own, "destination_number"))
    caller = _placed_by(placing, context) if placing is not own else None
    rung = [document.text("dialed_user"), document.text("cc_agent").partition("@")[0]]
    called = _first_extension(rung if trunk else [*rung, dialled, _user(channel)], context)
    direction = _direction(caller, called, bool(trunk) or _is_outside(dialled, context))
    extension = caller or called or _first_extension([text_in(placing, "destination_number")], context)
    if document.text("hangup_cause") in TAKEN_ELSEWHERE or "loopback/" in (channel[:9], _channel(placing)[:9]):
        extension = None  # no call of this agent's: another leg has it
    calling = text_in(placing, "caller_id_number")
    name = _name(placing) if direction is Direction.INBOUND else None
    number = _as_dialled(dialled, [text_in(placing, "destination_number"), calling])
    return Parties(direction, extension, number or None, calling or None, name, trunk)


def _as_dialled(sent: str, dialled: list[str]) -> str:
    """Return the number that was sent out, without the technical prefix that a carrier wants before it.

    What was dialled tells where the prefix ends. A national number is dialled without its country's: where a tail of
    what was sent is a country's number and longer, that is the whole number and nothing is left out.
    """
    for number in dialled:
        plain = number.removeprefix("+")
        prefix = sent.removesuffix(plain) if plain else ""
        is_told = bool(_OUTSIDE_NUMBER.match(plain)) or not prefix.isdecimal()
        if is_told and _TECHNICAL_PREFIX.match(prefix) and prefix != sent:
            return sent if any(is_full_number(sent[start:]) for start in range(len(prefix))) else number
    return sent


def _placed_by(placing: Profile, context: Context) -> str | None:
    if text_in(placing, "context") == _PUBLIC or _channel(placing).startswith(_EXTERNAL):
        return None
    texts = [text_in(placing, "username"), text_in(placing, "caller_id_number"), _user(_channel(placing))]
    return _first_extension(texts, context)


def _direction(caller: str | None, called: str | None, goes_out: bool) -> Direction:
    if caller is None:
        return Direction.INBOUND
    return Direction.OUTBOUND if goes_out and called is None else Direction.INTERNAL


def _originators(document: Document) -> list[Profile]:
    return [profile for entry in reversed(document.profiles) for profile in other_profiles(entry, "originator")]


# --- single fields -------------------------------------------------------------------------------------------------


def _first_extension(texts: list[str], context: Context) -> str | None:
    """Return the first that is an extension; raises `UnreadableRecord` where it is another app's agent."""
    return next((extension for text in texts if (extension := find_extension(text, context))), None)


def _is_outside(number: str, context: Context) -> bool:
    """Tell whether a number is too long to be inside, unless the app says that its extensions look like that."""
    return bool(_OUTSIDE_NUMBER.match(number)) and find_extension(number, context) is None


def _first(texts: list[str]) -> str | None:
    return texts[0] if texts else None


def _number(text: str) -> str:
    """Return the number of `sip:103@192.0.2.7`."""
    return text.removeprefix("sips:").removeprefix("sip:").partition("@")[0]


def _channel(profile: Profile) -> str:
    return text_in(profile, "chan_name")


def _user(channel: str) -> str:
    """Return the user of `sofia/internal/103@192.0.2.7`; of a trunk's channel that is no extension."""
    return "" if channel.startswith(_EXTERNAL) else _number(channel.rpartition("/")[2])


def _trunks(text: str) -> set[str]:
    """Return the gateways in a dial string or a channel's name, else the trunks' own profile; none for a phone's."""
    gateways = {gateway[:MAX_TEXT] for gateway, _ in _GATEWAY.findall(text)}
    return gateways or ({"external"} if _EXTERNAL in text else set())


def _only(trunks: set[str]) -> str | None:
    """Return the trunk where there is one; of several that were rung at once each leg knows its own."""
    return next(iter(trunks)) if len(trunks) == 1 else None


def _name(profile: Profile) -> str | None:
    """Return a caller's name where it says more than the number."""
    name = text_in(profile, "caller_id_name")[:MAX_TEXT]
    told = name.lower() not in _NO_NAMES and name.lstrip("+") != text_in(profile, "caller_id_number").lstrip("+")
    return name if told and not _OUTSIDE_NUMBER.match(name) else None
