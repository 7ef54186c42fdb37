"""An endpoint of the agent API: body in, answer out, errors in the one envelope. What is asked is the routes' own."""

from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from ringback.errors import RingbackError
from ringback.settings import Settings
from ringback.web.answers import Answer, ClientGone, read_body
from ringback.web.problems import error_answer, fault_answer


class Endpoint:
    """An ASGI application that answers one route's POST from its body."""

    def __init__(self, answer: Callable[[bytes], Awaitable[Answer]], settings: Settings) -> None:
        self._answer = answer
        self._most = settings.max_body
        self._error_status = 200 if settings.error_status == "body" else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            answer = await self._answer(await read_body(scope, receive, self._most))
        except RingbackError as error:
            answer = error_answer(error, http_status=self._error_status)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001  (a fault of ours: it is logged, and the client is told in its words)
            answer = fault_answer(scope["path"], error)
        await answer.send(send)
