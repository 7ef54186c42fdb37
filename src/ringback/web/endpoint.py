"""An endpoint of the agent API: body in, answer out, errors in the one envelope. What is asked is the routes' own."""

from collections.abc import Awaitable, Callable
from time import perf_counter_ns

from starlette.types import Receive, Scope, Send

from ringback.errors import RingbackError
from ringback.settings import Settings
from ringback.web.answers import CLIENT_GONE, Answer, ClientGone, read_body
from ringback.web.problems import error_answer, fault_answer, status_of
from ringback.web.tallies import RouteTally


class Endpoint:
    """An ASGI application that answers one route's POST from its body."""

    tally: RouteTally | None = None  # where requests are counted

    def __init__(self, answer: Callable[[bytes], Awaitable[Answer]], settings: Settings) -> None:
        self._answer = answer
        self._most = settings.max_body
        self._error_status = 200 if settings.error_status == "body" else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = perf_counter_ns()
        code, answer = 200, None
        try:
            answer = await self._answer(await read_body(scope, receive, self._most))
        except RingbackError as error:
            code, answer = status_of(error), error_answer(error, scope, http_status=self._error_status)
        except ClientGone:
            code, answer = CLIENT_GONE, None
        except Exception as error:  # noqa: BLE001  (a fault of ours: it is logged, and the client is told in its words)
            code, answer = 500, fault_answer(scope, error)
        if self.tally is not None:
            self.tally.count(code, perf_counter_ns() - started)
        if answer is not None:
            await answer.send(send)
