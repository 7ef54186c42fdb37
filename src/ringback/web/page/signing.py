"""Signing in and out: the agent's password for a token that stays in the cookie, and the token's end."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from starlette.types import Scope

from ringback import agents
from ringback.errors import NotSignedIn
from ringback.logins import Logins
from ringback.storage.base import Store
from ringback.telephony.agent_id import AgentId
from ringback.web.answers import Answer, json_answer
from ringback.web.page.guard import Guard
from ringback.web.parameters import read_parameters


class SignIn(msgspec.Struct, kw_only=True):
    """Who signs in."""

    id: Annotated[str, msgspec.Meta(description="the agent's id, such as 103_1111113", min_length=1, max_length=64)]
    password: Annotated[
        str, msgspec.Meta(description="the agent's password", min_length=1, max_length=agents.MAX_PASSWORD)
    ]


class Signed(msgspec.Struct, frozen=True):
    """Who is signed in."""

    id: str
    name: str
    supervises: bool


class Signing:
    """Opens and ends sessions."""

    def __init__(self, store: Store, guard: Guard, logins: Logins) -> None:
        self._store, self._guard, self._logins = store, guard, logins

    async def sign_in(self, scope: Scope, body: bytes) -> Answer:
        """POST /page/session."""
        asked = read_parameters(body, SignIn)
        login = await self._logins.log_in(asked.id.strip(), asked.password, self._guard.client(scope))
        seconds = int((login.expires_at - datetime.now(UTC)).total_seconds())
        cookie = self._guard.cookie_of(scope, login.token, seconds)
        return json_answer(await self._signed(login.agent_id), headers=[cookie])

    async def who(self, scope: Scope, body: bytes) -> Answer:  # noqa: ARG002
        """GET /page/session: who is signed in, null for nobody. That is no error: it is how every visit begins."""
        try:
            session = await self._guard.session(scope)
        except NotSignedIn:
            return json_answer(None)
        return json_answer(await self._signed(session.agent_id))

    async def sign_out(self, scope: Scope, body: bytes) -> Answer:  # noqa: ARG002
        """DELETE /page/session: the token ends, whoever has it; a session that has ended already is forgotten."""
        try:
            session = await self._guard.session(scope)
            await self._store.delete_token(session.agent_id.app_id, session.digest)
        except NotSignedIn:
            pass
        return Answer(204, b"application/json", b"", [self._guard.cookie_of(scope, "", 0)])

    async def _signed(self, agent_id: AgentId) -> Signed:
        agent = await self._store.agent(agent_id.app_id, agent_id.extension)
        return Signed(str(agent_id), agent.name if agent else "", agent is not None and agent.is_supervisor)
