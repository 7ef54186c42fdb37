"""A supervisor's table: each agent's calls of a range, those who reach people least first."""

import msgspec
from starlette.types import Scope

from ringback.storage.base import Store
from ringback.storage.records import AgentTally
from ringback.telephony.call import ListKind
from ringback.web.answers import Answer, json_answer
from ringback.web.page.asked import read_asked
from ringback.web.page.guard import Guard, Session


class AgentRow(msgspec.Struct, frozen=True):
    """What an agent dialled: unanswered and answered; `reached` is the share of answered calls, None without any."""

    extension: str
    name: str
    missed: int
    answered: int
    reached: float | None


class Agents:
    """Answers how an app's agents fare."""

    def __init__(self, store: Store, guard: Guard) -> None:
        self._store, self._guard = store, guard

    async def agents(self, scope: Scope, session: Session, body: bytes) -> Answer:  # noqa: ARG002
        """GET /page/agents."""
        await self._guard.check_supervisor(session)
        wanted, app_id = read_asked(scope).wanted, session.agent_id.app_id
        names = {agent.extension: agent.name for agent in await self._store.agents(app_id)}
        tallies = {tally.extension: tally for tally in await self._store.tallies(app_id, wanted.from_ms, wanted.to_ms)}
        none = AgentTally("", {})
        rows = [_row(one, names.get(one, ""), tallies.get(one, none)) for one in sorted({*names, *tallies})]
        return json_answer(sorted(rows, key=_worst_first))


def _row(extension: str, name: str, tally: AgentTally) -> AgentRow:
    missed, answered = (tally.counts.get(kind, 0) for kind in (ListKind.OUT_MISSED, ListKind.OUT_ANSWERED))
    return AgentRow(extension, name, missed, answered, answered / (missed + answered) if missed + answered else None)


def _worst_first(row: AgentRow) -> tuple[bool, float, int]:
    """Of equal shares, the one with more calls that nobody picked up; those who called nobody come last."""
    return row.reached is None, row.reached or 0.0, -row.missed
