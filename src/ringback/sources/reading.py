"""The contract of a source, and the one loop that turns lines into legs and rejected records. No source's own words."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from ringback.errors import UnreadableRecord
from ringback.telephony.leg import CallLeg, check_leg

EXTENSIONS = re.compile(r"\d{2,6}", re.ASCII)  # what an extension looks like, where the app does not say otherwise
_AGENT_ID = re.compile(r"([^_\s]{1,32})_(\d{1,15})\Z", re.ASCII)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a source needs to know besides the record.

    Whose it is, when it came, which zone naive times are in, and what the whole of an extension looks like.
    """

    app_id: int
    received_at: datetime
    timezone: ZoneInfo | None = None
    extensions: re.Pattern[str] = EXTENSIONS


class Record(msgspec.Struct, frozen=True):
    """One record as framed: where it stood (line 1 is the first), its own bytes, and its value.

    `value` is what the framing read (a dict, a row of a table) or the `UnreadableRecord` that says why it could not.
    """

    line: int
    raw: bytes
    value: object


class Rejected(NamedTuple):
    """A record that gave no leg, with the reason; its bytes are kept so that it can be retried."""

    line: int
    raw: bytes
    reason: str


class Reading(msgspec.Struct, frozen=True):
    """What one record came to: legs (none when it was recognised and is no call), or why it was rejected."""

    legs: tuple[CallLeg, ...]
    rejected: Rejected | None = None


class Source(Protocol):
    """A kind of switch or feed. Both methods are pure; neither may keep anything between calls."""

    name: str

    def records(self, lines: Iterable[bytes]) -> Iterator[Record]:
        """Split a file or a body (lines with their ends) into records; what cannot be split off is a record too."""

    def legs(self, value: object, context: Context) -> Iterable[CallLeg]:
        """Read one record as legs; none where it is no finished call.

        Raises `UnreadableRecord`, naming the field and what it should be, where nothing can be made of it.
        """


def read(source: Source, lines: Iterable[bytes], context: Context) -> Iterator[Reading]:
    """Yield what each record comes to; one bad record never stops the rest."""
    for record in source.records(lines):
        try:
            if isinstance(record.value, UnreadableRecord):
                raise record.value
            legs = tuple(source.legs(record.value, context))
            for leg in legs:
                check_leg(leg, context.received_at)
        except UnreadableRecord as reason:
            yield Reading((), Rejected(record.line, record.raw, str(reason)))
        else:
            yield Reading(legs)


def find_extension(text: str, context: Context) -> str | None:
    """Return the extension that a text names, as itself or as `103_1111113`; None where it looks like no extension.

    Raises `UnreadableRecord` when it names another app's agent.
    """
    if context.extensions.fullmatch(text):
        return text
    agent = _AGENT_ID.match(text) if "_" in text else None
    if agent is None or not context.extensions.fullmatch(agent.group(1)):
        return None
    return read_agent(text, context)


def read_agent(text: str, context: Context) -> str:
    """Return the extension of an agent given as `103_1111113` or as the extension itself.

    Raises `UnreadableRecord` when the agent is another app's, so that no app can write into another's lists.
    """
    agent = _AGENT_ID.match(text) if "_" in text else None
    if agent is None:
        return text
    if int(agent.group(2)) != context.app_id:
        raise UnreadableRecord(f"the agent {text} is not of app {context.app_id}, whose secret or --app was given")
    return agent.group(1)
