"""An endpoint of the agent API: body in, answer out, errors in the one envelope. What is asked is the routes' own."""

from collections.abc import Callable, Coroutine
from typing import Any

from starlette.types import Receive, Scope, Send

from ringback.errors import RingbackError
from ringback.settings import Settings
from ringback.web.answers import Answer, ClientGone, Posted, read_body
from ringback.web.problems import error_answer, fault_answer
from ringback.web.protocol import DirectRoute

Answering = Coroutine[Any, Any, Answer]


class Endpoint:
    """An ASGI application that answers one route's POST from its body."""

    def __init__(self, path: str, answer: Callable[[bytes], Answering], settings: Settings) -> None:
        self._path, self._answer = path, answer
        self._error_status = 200 if settings.error_status == "body" else None
        self._most = settings.max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._answered(await read_body(scope, receive, self._most))
        except RingbackError as error:
            answer = error_answer(error, http_status=self._error_status)
        except ClientGone:
            return
        await answer.send(send)

    async def _answered(self, body: bytes) -> Answer:
        try:
            return await self._answer(body)
        except RingbackError as error:
            return error_answer(error, http_status=self._error_status)
        except Exception as error:  # noqa: BLE001  (a fault of ours: it is logged, and the client is told in its words)
            return fault_answer(self._path, error)


class DirectEndpoint(Endpoint, DirectRoute):
    """An endpoint that can be asked past ASGI too, see `web.protocol`."""

    def __init__(
        self, path: str, answer: Callable[[bytes], Answering], settings: Settings, *, is_immediate: bool
    ) -> None:
        super().__init__(path, answer, settings)
        self.most_direct = self._most
        self._is_immediate = is_immediate  # the answer waits for nothing

    def answer_direct(self, posted: Posted) -> Answer | Answering:
        """Return the answer to a whole request."""
        answering = self._answered(posted.body)
        return _run(answering) if self._is_immediate else answering


def _run(answering: Answering) -> Answer:
    """Run what waits for nothing to its end, without a task."""
    try:
        answering.send(None)
    except StopIteration as done:
        answer: Answer = done.value
        return answer
    answering.close()
    return fault_answer("", RuntimeError("an immediate answer waited for something"))
