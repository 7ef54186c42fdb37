"""A supervisor's table: each agent's calls of a range; first those who reach people least, or have most to ring."""

import msgspec
from starlette.types import Scope

from ringback.storage.base import Store
from ringback.storage.records import AgentTally
from ringback.telephony.call import ListKind
from ringback.web.answers import Answer, json_answer
from ringback.web.page.asked import read_asked
from ringback.web.page.guard import Guard, Session


class AgentRow(msgspec.Struct, frozen=True):
    """What an agent dialled: unanswered and answered; `reached` is the share of answered calls, None without any.

    `ring_back` is how many numbers it has still to ring back.
    """

    extension: str
    name: str
    missed: int
    answered: int
    reached: float | None
    ring_back: int


class Agents:
    """Answers how an app's agents fare."""

    def __init__(self, store: Store, guard: Guard) -> None:
        self._store, self._guard = store, guard

    async def agents(self, scope: Scope, session: Session, body: bytes) -> Answer:  # noqa: ARG002
        """GET /page/agents."""
        await self._guard.check_supervisor(session)
        asked, app_id = read_asked(scope), session.agent_id.app_id
        wanted = asked.wanted
        names = {agent.extension: agent.name for agent in await self._store.agents(app_id)}
        tallies = {tally.extension: tally for tally in await self._store.tallies(app_id, wanted.from_ms, wanted.to_ms)}
        none = AgentTally("", {})
        rows = [_row(one, names.get(one, ""), tallies.get(one, none)) for one in sorted({*names, *tallies})]
        first = _most_left_first if asked.kind is ListKind.RING_BACK else _worst_first
        return json_answer(sorted(rows, key=first))


def _row(extension: str, name: str, tally: AgentTally) -> AgentRow:
    kinds = ListKind.OUT_MISSED, ListKind.OUT_ANSWERED, ListKind.RING_BACK
    missed, answered, left = (tally.counts.get(kind, 0) for kind in kinds)
    reached = answered / (missed + answered) if missed + answered else None
    return AgentRow(extension, name, missed, answered, reached, left)


def _worst_first(row: AgentRow) -> tuple[bool, float, int]:
    """Of equal shares, the one with more calls that nobody picked up; those who called nobody come last."""
    return row.reached is None, row.reached or 0.0, -row.missed


def _most_left_first(row: AgentRow) -> tuple[int, tuple[bool, float, int]]:
    return -row.ring_back, _worst_first(row)
