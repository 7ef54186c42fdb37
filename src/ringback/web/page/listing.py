"""The list of calls and the legs of one: pages of a range, and what is found in it."""

from starlette.types import Scope

from ringback import calls, finding
from ringback.storage.base import Store
from ringback.storage.records import Page
from ringback.telephony.call import ListKey, ListKind
from ringback.waiting_room import WaitingRoom
from ringback.web.answers import Answer, json_answer
from ringback.web.page.asked import Asked, read_asked, read_query
from ringback.web.page.guard import Session
from ringback.web.page.rows import Rows, leg_row_of, row_of


class Listing:
    """Answers what the list shows."""

    def __init__(self, store: Store, searches: WaitingRoom) -> None:
        self._store, self._searches = store, searches

    async def calls(self, scope: Scope, session: Session, body: bytes) -> Answer:  # noqa: ARG002
        """GET /page/calls: a page of the agent's outgoing missed calls, newest first."""
        asked = read_asked(scope)
        page = await self._page(session, asked)
        rows = [row_of(call) for call in page.calls]
        return json_answer(Rows(page.count, asked.wanted.page, asked.wanted.limit, rows))

    async def _page(self, session: Session, asked: Asked) -> Page:
        app_id, key = session.agent_id.app_id, ListKey(session.agent_id.extension, ListKind.OUT_MISSED)
        if not asked.text:
            return await self._store.page(app_id, key, asked.wanted)
        async with self._searches.turn(session.digest, is_known=True):
            return await finding.find(self._store, app_id, key, asked.wanted, asked.text)

    async def legs(self, scope: Scope, session: Session, body: bytes) -> Answer:  # noqa: ARG002
        """GET /page/legs: the legs of one of the agent's calls, in order."""
        call_id = read_query(scope).get("id", "")
        legs = await calls.legs_for_token(self._store, session.agent_id.app_id, session.digest, call_id)
        return json_answer([leg_row_of(leg) for leg in legs])
