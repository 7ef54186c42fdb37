"""Made-up calls, the same ones every time, and what the server should answer of them, told without any store."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha1
from random import Random
from typing import NamedTuple

from benchmarks.measuring import SEED
from ringback.telephony.call import call_ref
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, Direction

LIST_CALLS = 10_000
FIRST_MS = 1_704_067_200_000  # 2024-01-01 in UTC
DAY_MS = 86_400_000
STEP_MS = 366 * DAY_MS // LIST_CALLS
LAST_MS = FIRST_MS + STEP_MS * LIST_CALLS
APP_AGENTS = 100
_FIRST_APP = 1_111_113
_FIRST_EXTENSION = 1001
_MISSED = (Disposition.NO_ANSWER, Disposition.BUSY, Disposition.CANCELLED, Disposition.CONGESTION, Disposition.FAILED)
_NAMES = (None, None, "Asha Rao", "Daniyar S.", "Front desk")


class MadeAgent(NamedTuple):
    """An agent of a made store; `number` counts them from 0."""

    number: int

    @property
    def app_id(self) -> int:
        """The agent's app; each has a hundred agents."""
        return _FIRST_APP + self.number // APP_AGENTS

    @property
    def extension(self) -> str:
        """The agent's extension."""
        return str(_FIRST_EXTENSION + self.number % APP_AGENTS)

    @property
    def token(self) -> str:
        """The agent's token, of the form the server gives out."""
        return f"rbt_{self.app_id}_{sha1(f'{SEED}/{self.number}'.encode(), usedforsecurity=False).hexdigest()}"


class MadeCall(NamedTuple):
    """An outgoing call that nobody picked up."""

    call_key: str
    started_ms: int
    number: str
    name: str | None
    rings: int
    disposition: Disposition


def calls_of(agent: MadeAgent) -> Iterator[MadeCall]:
    """Yield the agent's calls of a year, oldest first."""
    random = Random(f"{SEED}/{agent.number}")
    for place in range(LIST_CALLS):
        started_ms = FIRST_MS + place * STEP_MS + random.randrange(STEP_MS)
        yield MadeCall(
            call_key=f"{started_ms // 1000}.{agent.number * LIST_CALLS + place}",
            started_ms=started_ms,
            number=str(random.randrange(77_000_000_000, 77_799_999_999)),
            name=random.choice(_NAMES),
            rings=random.randrange(1, 45),
            disposition=random.choice(_MISSED),
        )


def leg_of(agent: MadeAgent, call: MadeCall) -> CallLeg:
    """Return the call's only leg, as a switch would report it."""
    started_at = datetime.fromtimestamp(call.started_ms / 1000, UTC)
    return CallLeg(
        source="asterisk",
        source_record_id=f"{call.call_key}/{call.call_key}/1",
        call_key=call.call_key,
        direction=Direction.OUTBOUND,
        started_at=started_at,
        disposition=call.disposition,
        extension=agent.extension,
        dialled_number=call.number,
        calling_number=agent.extension,
        ringing_at=started_at,
        ended_at=started_at + timedelta(seconds=call.rings),
        duration_seconds=call.rings,
        name=call.name,
        side="b",
        trunk="carrier-a",
    )


def right_answer(agent: MadeAgent, found: Sequence[MadeCall], page: int, limit: int) -> bytes:
    """Return the page of these calls (oldest first) as the contract has it, by plain reversing and slicing."""
    rows = [_row(agent, call) for call in list(reversed(found))[(page - 1) * limit : page * limit]]
    return json.dumps({"count": len(found), "cdr": rows, "code": 200}, separators=(",", ":")).encode()


def _row(agent: MadeAgent, call: MadeCall) -> dict[str, object]:
    return {
        "_id": call_ref(agent.app_id, call.call_key).hex(),
        "to": int(call.number),
        "time": call.started_ms,
        "from": f"{agent.extension}_{agent.app_id}",
        "billedsec": 0,
        "rate": "0.0000",
        "name": call.name or "unknown",
    }
