"""The list of calls and the legs of one: pages of a range, and what is found in it; one's own, or the app's."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.types import Scope

from ringback import calls, finding
from ringback.errors import InvalidInput
from ringback.storage.base import Store
from ringback.storage.ranking import in_order
from ringback.storage.records import AgentsCall
from ringback.telephony.call import ListKey, ListKind
from ringback.waiting_room import WaitingRoom
from ringback.web.answers import Answer, json_answer
from ringback.web.page.asked import EVERYBODY, Asked, read_asked, read_query
from ringback.web.page.guard import Guard, Session
from ringback.web.page.rows import Rows, leg_row_of, row_of

_DEEPEST = 100_000  # of what is found, so many calls can be paged through


class Listing:
    """Answers what the list shows."""

    def __init__(self, store: Store, guard: Guard, searches: WaitingRoom) -> None:
        self._store, self._guard, self._searches = store, guard, searches

    async def calls(self, scope: Scope, session: Session, body: bytes) -> Answer:  # noqa: ARG002
        """GET /page/calls: a page of one of the two lists, newest first; others' for supervisors alone."""
        asked = read_asked(scope)
        if asked.of:
            await self._guard.check_supervisor(session)
        count, found = await self._page(session, asked)
        rows = [row_of(one.call, one.extension if asked.of else None) for one in found]
        return json_answer(Rows(count, asked.wanted.page, asked.wanted.limit, rows))

    async def _page(self, session: Session, asked: Asked) -> tuple[int, list[AgentsCall]]:
        app_id = session.agent_id.app_id
        if asked.text:
            async with self._searches.turn(session.digest, is_known=True):
                return await self._found(session, asked)
        if asked.of == EVERYBODY:
            of_all = await self._store.app_page(app_id, asked.kind, asked.wanted)
            return of_all.count, of_all.calls
        extension = asked.of or session.agent_id.extension
        page = await self._store.page(app_id, ListKey(extension, asked.kind), asked.wanted)
        return page.count, [AgentsCall(extension, call) for call in page.calls]

    async def _found(self, session: Session, asked: Asked) -> tuple[int, list[AgentsCall]]:
        """Count all that is found, and keep what may be on the page: agents come one after the other."""
        most = asked.wanted.page * asked.wanted.limit
        if most > _DEEPEST:
            raise InvalidInput(f"page should be among the first {_DEEPEST} calls found; look for more of the number")
        count, newest = 0, list[AgentsCall]()
        async with aclosing(found_calls(self._store, session, asked)) as found:
            async for one in found:
                count += 1
                newest.append(one)
                if len(newest) > 2 * most:
                    newest = in_order(newest)[:most]
        return count, in_order(newest)[most - asked.wanted.limit : most]

    async def legs(self, scope: Scope, session: Session, body: bytes) -> Answer:  # noqa: ARG002
        """GET /page/legs: the legs of one of the agent's calls, in order; of any of the app's for a supervisor."""
        given = read_query(scope)
        app_id, call_id, of = session.agent_id.app_id, given.get("id", ""), given.get("of")
        if of:
            await self._guard.check_supervisor(session)
            legs = await calls.legs_of(self._store, app_id, call_id, None if of == EVERYBODY else of)
        else:
            legs = await calls.legs_for_token(self._store, app_id, session.digest, call_id)
        return json_answer([leg_row_of(leg) for leg in legs])


async def found_calls(store: Store, session: Session, asked: Asked) -> AsyncGenerator[AgentsCall, None]:
    """Yield the calls of a range that hold what is sought, or all; of everybody, one agent after the other."""
    app_id = session.agent_id.app_id
    extensions = [asked.of or session.agent_id.extension]
    if asked.of == EVERYBODY:
        extensions = [key.extension for key in await store.lists(app_id) if key.kind is ListKind.OUT_MISSED]
    for extension in extensions:
        key = ListKey(extension, asked.kind)
        async with aclosing(finding.all_found(store, app_id, key, asked.wanted, asked.text)) as found:
            async for call in found:
                yield AgentsCall(extension, call)
