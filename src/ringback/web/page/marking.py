"""Marking a number done on the page, so that nobody rings it back, and taking that back. How is the store's."""

import time
from typing import Annotated

import msgspec
from starlette.types import Scope

from ringback import ringing_back
from ringback.storage.base import Store
from ringback.web.answers import Answer, json_answer
from ringback.web.page.asked import EVERYBODY, PRINTABLE, ShownNumber
from ringback.web.page.guard import Guard, Session
from ringback.web.parameters import read_parameters

_Moment = Annotated[int, msgspec.Meta(description="epoch milliseconds", ge=0, le=2**53 - 1)]
_AHEAD_MS = 86_400_000  # of the clock: no mark may cover what is tried later than any switch's clock is wrong


class Done(msgspec.Struct, kw_only=True):
    """A number that is done, as the page showed it: its last try, and whose list it stands in (empty: one's own)."""

    number: ShownNumber
    seen_ms: _Moment
    of: Annotated[str, msgspec.Meta(description="an extension, or *", max_length=64, pattern=PRINTABLE)] = ""


class Undo(msgspec.Struct, kw_only=True):
    """A mark of one's own that is to be taken back: its number and its moment."""

    number: ShownNumber
    done_ms: _Moment


class Marked(msgspec.Struct, frozen=True):
    """When the number was marked; None if it was on the list no more."""

    done_ms: int | None


class Unmarked(msgspec.Struct, frozen=True):
    """Whether there was such a mark."""

    undone: bool


class Marking:
    """Marks numbers for the agent who is signed in."""

    def __init__(self, store: Store, guard: Guard) -> None:
        self._store, self._guard = store, guard

    async def done(self, scope: Scope, session: Session, body: bytes) -> Answer:  # noqa: ARG002
        """POST /page/done: a number of one's own list; of any agent's for supervisors."""
        asked = read_parameters(body, Done)
        extension, app_id = session.agent_id
        if asked.of:
            await self._guard.check_supervisor(session)
        seen_ms = min(asked.seen_ms, time.time_ns() // 1_000_000 + _AHEAD_MS)
        of = None if asked.of == EVERYBODY else asked.of or extension
        done_ms = await ringing_back.mark_done(self._store, app_id, asked.number, extension, seen_ms, of=of)
        return json_answer(Marked(done_ms))

    async def undo(self, scope: Scope, session: Session, body: bytes) -> Answer:  # noqa: ARG002
        """POST /page/undo."""
        asked = read_parameters(body, Undo)
        extension, app_id = session.agent_id
        return json_answer(
            Unmarked(await ringing_back.undo_done(self._store, app_id, asked.number, extension, asked.done_ms))
        )
