"""An endpoint of the page: who asks, is it the page itself, the answer, errors in the one envelope."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from starlette.types import Receive, Scope, Send

from ringback.errors import RingbackError
from ringback.web.answers import Answer, ClientGone, read_body
from ringback.web.page.files import GUARDS
from ringback.web.page.guard import Guard, Session
from ringback.web.problems import error_answer, fault_answer

_MOST_BODY = 16_384
_PRIVATE = (b"cache-control", b"no-store"), *GUARDS


class Signed:
    """Answers one who is signed in: `work` gets the request's scope, the session and the body."""

    def __init__(self, guard: Guard, work: Callable[[Scope, Session, bytes], Awaitable[Answer]]) -> None:
        self._guard, self._work = guard, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def work(body: bytes) -> Answer:
            self._guard.check_own(scope)
            return await self._work(scope, await self._guard.session(scope), body)

        await answered(scope, receive, send, work)


class Unsigned:
    """The same for whoever asks; `work` gets the request's scope and the body."""

    def __init__(self, guard: Guard, work: Callable[[Scope, bytes], Awaitable[Answer]]) -> None:
        self._guard, self._work = guard, work

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def work(body: bytes) -> Answer:
            self._guard.check_own(scope)
            return await self._work(scope, body)

        await answered(scope, receive, send, work)


async def answered(scope: Scope, receive: Receive, send: Send, work: Callable[[bytes], Awaitable[Answer]]) -> None:
    """Do the work for a request's body and send what comes of it; nothing of it is kept in any cache."""
    try:
        answer = await work(await read_body(scope, receive, _MOST_BODY))
    except RingbackError as error:
        answer = error_answer(error, scope["headers"])
    except ClientGone:
        return
    except Exception as error:  # noqa: BLE001  (a fault of ours: it is logged, and the page says so)
        answer = fault_answer(scope["path"], scope["headers"], error)
    await answer._replace(headers=[*answer.headers, *_PRIVATE]).send(send)


@contextmanager
def until_gone(receive: Receive) -> Iterator[asyncio.Task[None]]:
    """Run with a task that is done once the client has gone away; for answers that take their time."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    task = asyncio.create_task(gone())
    try:
        yield task
    finally:
        task.cancel()
