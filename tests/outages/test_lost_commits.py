"""The way to the database is cut while a delivery is being committed: whether it was, nobody hears."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from tests.databases.postgresql import PostgreSql
from tests.loop import run
from tests.storage.examples import AN_APP
from tests.telephony.examples import a_leg

from ringback.errors import StoreUnavailable
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.telephony.leg import CallLeg

APP = AN_APP.app_id
_COMMIT = b"COMMIT;"  # and no READ COMMITTED


@asynccontextmanager
async def deaf_to_commits(url: str) -> AsyncIterator[str]:
    """Lend a URL of the same database that loses each connection when the database has answered its first commit."""
    parts = urlsplit(url)
    relays: list[asyncio.Task[None]] = []

    def relay(asking: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        relays.append(asyncio.create_task(relayed(asking, client)))

    async def relayed(asking: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        answering, server = await asyncio.open_connection(parts.hostname, parts.port)
        answers = asyncio.create_task(_pass(answering, client))
        while told := await asking.read(65536):
            if is_last := _COMMIT in told:
                await _ended(answers)
            server.write(told)
            if is_last:
                await answering.read(65536)  # that it has been committed
                break
        await _ended(answers)
        for writer in (client, server):
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(relay, "127.0.0.1") as listening:
        port = listening.sockets[0].getsockname()[1]
        yield url.replace(f":{parts.port}/", f":{port}/") + "?sslmode=disable"
        await asyncio.gather(*relays)


async def _pass(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while told := await source.read(65536):
        target.write(told)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def taken_in(store: Store, legs: list[CallLeg]) -> tuple[int, int]:
    """Take legs in; return how many calls were new, and how many legs known."""
    intake = await store.take_in(APP, legs)
    return intake.new, intake.duplicate


def test_a_commit_nobody_heard_of_is_said_to_be_unsure_and_may_be_sent_again(server: PostgreSql, store: str) -> None:
    """The delivery is refused with no word of how it ended; it is there, and the same again changes nothing."""

    async def work() -> tuple[str, tuple[int, int], int]:
        near = await open_store(store)
        await near.add_app(AN_APP)
        await taken_in(near, [a_leg("k0")])  # its list is there: the next delivery is one transaction
        async with deaf_to_commits(store) as url:
            far = await open_store(url, make=False)
            with pytest.raises(StoreUnavailable) as lost:
                await taken_in(far, [a_leg("k1")])
            await far.close()
        again = await taken_in(near, [a_leg("k1")])
        calls = (await near.check()).calls
        await near.close()
        return str(lost.value), again, calls

    said, again, calls = run(work())

    assert "nothing was" not in said + (StoreUnavailable.__doc__ or "")
    assert (again, calls) == ((0, 1), 2)
