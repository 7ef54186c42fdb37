"""The range as CSV (RFC 4180), row by row as it is read: its length costs no memory."""

import asyncio
import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import datetime

from starlette.types import Receive, Scope, Send

from ringback.errors import RingbackError
from ringback.storage.base import Store
from ringback.storage.records import AgentsCall
from ringback.telephony.call import ListKind
from ringback.waiting_room import WaitingRoom
from ringback.web.answers import Headers
from ringback.web.page.asked import Asked, read_asked
from ringback.web.page.endpoint import until_gone
from ringback.web.page.files import GUARDS
from ringback.web.page.guard import Guard, Session
from ringback.web.page.listing import found_calls
from ringback.web.problems import error_answer

COLUMNS = ("time", "agent", "number", "name", "why", "rang_seconds", "id")
RING_BACK_COLUMNS = ("time", "agent", "number", "name", "tries", "why", "rang_seconds", "id")
MOST_SECONDS = 3600.0  # a file is read from one snapshot: while it lasts, a store's log keeps all that is written
_CHUNK_ROWS = 500
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what makes a spreadsheet reckon instead of showing (OWASP, CSV injection)
_MARK = "\ufeff"  # without it Excel reads UTF-8 as something else


class Download:
    """Sends a range as a file. An ASGI application: the file goes out as it is made."""

    def __init__(self, store: Store, guard: Guard, searches: WaitingRoom) -> None:
        self._store, self._guard, self._searches = store, guard, searches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """GET /page/calls.csv: a link, so that the browser shows how far it is and where it was put."""
        async with AsyncExitStack() as stack:
            try:
                self._guard.check_origin(scope)
                session, asked = await self._guard.session(scope), read_asked(scope)
                if asked.of:
                    await self._guard.check_supervisor(session)
                await stack.enter_async_context(self._searches.turn(session.digest, is_known=True))
                pieces = await stack.enter_async_context(aclosing(self._pieces(session, asked)))
                first = await anext(pieces)  # before the status: a store that is away is told as such
            except RingbackError as error:
                await error_answer(error, scope["headers"]).send(send)
                return
            await send({"type": "http.response.start", "status": 200, "headers": _headers(session, asked)})
            gone = stack.enter_context(until_gone(receive))
            await send({"type": "http.response.body", "body": first, "more_body": True})
            await send_all(pieces, send, gone)  # what fails from here on leaves the file cut off, which browsers tell

    async def _pieces(self, session: Session, asked: Asked) -> AsyncGenerator[bytes, None]:
        calls = found_calls(self._store, session, asked)
        async with aclosing(calls), aclosing(lines(calls, asked)) as pieces:
            async for piece in pieces:
                yield piece


async def send_all(pieces: AsyncIterator[bytes], send: Send, gone: asyncio.Future[None]) -> None:
    """Send pieces to the end, unless whoever asked goes away or takes them too slowly."""
    with suppress(TimeoutError):
        async with asyncio.timeout(MOST_SECONDS):
            async for piece in pieces:
                if gone.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


def _headers(session: Session, asked: Asked) -> Headers:
    which = "-still-to-ring-back" if asked.kind is ListKind.RING_BACK else ""
    name = f"ringback-{session.agent_id}{which}.csv".encode()
    return [
        (b"content-type", b"text/csv; charset=utf-8; header=present"),
        (b"content-disposition", b'attachment; filename="%b"' % name),
        (b"cache-control", b"no-store"),
        *GUARDS,
    ]


async def lines(calls: AsyncIterator[AgentsCall], asked: Asked) -> AsyncGenerator[bytes, None]:
    """Yield the file in pieces, its headings in the first."""
    text = io.StringIO()
    writer = csv.writer(text)
    text.write(_MARK)
    writer.writerow(RING_BACK_COLUMNS if asked.kind is ListKind.RING_BACK else COLUMNS)
    rows = 0
    async for one in calls:
        writer.writerow(_row(one, asked))
        rows += 1
        if rows % _CHUNK_ROWS == 0:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


def _row(one: AgentsCall, asked: Asked) -> tuple[str, ...]:
    call = one.call
    time = datetime.fromtimestamp(call.started_ms / 1000, asked.zone).isoformat(timespec="seconds")
    rang = "" if call.ringing_seconds is None else str(call.ringing_seconds)
    tries = () if call.tries is None else (str(call.tries),)
    whom = time, one.extension, _plain(call.number), _plain(call.name or "")
    return *whom, *tries, call.disposition, rang, call.call_id.hex()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
