"""GET /page/live: server-sent events (WHATWG HTML, section 9.2) to open pages; what they tell of is watching.py's.

`change` says that the agent's lists look otherwise than the page was told last. It is the first event as well, by which
a page that was away sees whether it missed something. `ended` says that the session has.
"""

import asyncio

from starlette.types import Receive, Scope, Send

from ringback.errors import RingbackError
from ringback.telephony.agent_id import AgentId
from ringback.web.page.asked import EVERYBODY, read_query
from ringback.web.page.endpoint import until_gone
from ringback.web.page.files import GUARDS
from ringback.web.page.guard import Guard, Session
from ringback.web.page.watching import EVERY_AGENT, Watcher, Watching
from ringback.web.problems import error_answer
from ringback.web.protocol import ENDLESS

_BEAT_SECONDS = 10.0  # between signs of life: proxies close what is silent for a minute
_RETRY = b"retry: 1000\n\n"  # milliseconds until a browser tries again
_HEADERS = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep events until it has a few
    *GUARDS,
)


class Live:
    """An ASGI application that never ends by itself while the page is open."""

    def __init__(self, guard: Guard, watching: Watching) -> None:
        self._guard, self._watching = guard, watching

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Tell one page of changes until it is closed, the session ends or the server stops."""
        try:
            self._guard.check_origin(scope)
            session = await self._guard.session(scope)
            watched = await self._watched(scope, session)
        except RingbackError as error:
            await error_answer(error, scope["headers"]).send(send)
            return
        scope[ENDLESS] = True
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS]})
        await _say(send, _RETRY)
        with self._watching.watch(watched) as watcher, until_gone(receive) as gone:
            gone.add_done_callback(lambda _: watcher.news.set())
            while not gone.done() and await self._tell(send, session, watcher):
                pass

    async def _watched(self, scope: Scope, session: Session) -> AgentId:
        """Return whose lists the page shows; raises `NotSupervisor`."""
        of = read_query(scope).get("of", "")
        if not of:
            return session.agent_id
        await self._guard.check_supervisor(session)
        return AgentId(EVERY_AGENT if of == EVERYBODY else of, session.agent_id.app_id)

    async def _tell(self, send: Send, session: Session, watcher: Watcher) -> bool:
        """Wait for news, or for too long, and tell; return whether there may be more."""
        try:
            async with asyncio.timeout(_BEAT_SECONDS):
                await watcher.news.wait()
        except TimeoutError:
            return await self._beat(send, session)
        watcher.news.clear()
        if watcher.stamp:
            await _say(send, b"event: change\ndata: %b\n\n" % watcher.stamp.encode())
        return True

    async def _beat(self, send: Send, session: Session) -> bool:
        try:
            lives = await self._guard.lives(session)
        except RingbackError:  # the store is away: that ends no session
            lives = True
        await _say(send, b":\n\n" if lives else b"event: ended\ndata:\n\n")
        if not lives:
            await send({"type": "http.response.body", "body": b""})
        return lives


async def _say(send: Send, event: bytes) -> None:
    await send({"type": "http.response.body", "body": event, "more_body": True})
