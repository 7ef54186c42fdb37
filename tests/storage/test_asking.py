"""Pages that wait together in the PostgreSQL store: few statements, each asker its own page, nobody disturbed."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import NamedTuple, TypeVar

import asyncpg
import pytest
from tests.loop import run
from tests.storage.examples import AN_APP, ANOTHER_APP, NOW_MS, add_token, an_agent
from tests.stores import PostgresqlStores, Stores
from tests.telephony.examples import a_leg

from ringback.errors import StoreUnavailable
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.naming import NamedApps
from ringback.storage.postgresql.asking import AT_ONCE, HAS_CONTACTS, Asking
from ringback.storage.postgresql.connections import Connections, Place
from ringback.storage.records import Range, ShownPage
from ringback.telephony.call import ListKind

T = TypeVar("T")
AGENTS = [f"{number}" for number in range(201, 241)]  # each has as many calls as its place here, from 1 on


class Counted(Connections):
    """Connections that count the statements for pages that go over them."""

    statements = 0

    async def fetch(self, statement: str, *parameters: object) -> list[asyncpg.Record]:
        self.statements += statement != HAS_CONTACTS  # which is asked now and then
        return await super().fetch(statement, *parameters)


class Asked(NamedTuple):
    """What asks, and over what."""

    asking: Asking
    connections: Counted

    async def page(self, extension: str, *, limit: int = 10, app_id: int = AN_APP.app_id) -> ShownPage | None:
        wanted = Range(limit=limit)
        return await self.asking.page(app_id, extension.encode(), NOW_MS, ListKind.OUT_MISSED, wanted)

    async def counts(self, *extensions: str, limit: int = 10) -> list[int | None]:
        pages = await asyncio.gather(*(self.page(extension, limit=limit) for extension in extensions))
        return [page.count if page else None for page in pages]


@pytest.fixture(scope="module")
def url(stores: Stores) -> Iterator[str]:
    """A store of forty agents with tokens, and with one call more each than the one before."""
    if not isinstance(stores, PostgresqlStores):
        pytest.skip("an embedded store answers before another can ask")
    url = stores.made()
    store = run(open_store(url))
    for app in (AN_APP, ANOTHER_APP):
        run(store.add_app(app))
    for calls, extension in enumerate(AGENTS, 1):
        agent = an_agent(extension=extension)
        run(store.add_agent(agent))
        assert add_token(store, agent, extension.encode())
        legs = [a_leg(f"{extension}-{number}", extension=extension, seconds=number) for number in range(calls)]
        run(store.take_in(AN_APP.app_id, legs))
    run(store.close())
    yield url
    stores.drop(url)


def ask(url: str, work: Callable[[Asked], Awaitable[T]]) -> T:
    """Run work with connections of its own."""

    async def asked() -> T:
        connections = await Counted.open(Place.of(url))
        try:
            return await work(Asked(Asking(connections, NamedApps()), connections))
        finally:
            await connections.close()

    return run(asked())


def test_those_that_wait_go_as_one(url: str) -> None:
    """Of thirty at once some go by themselves and the others together; each has its own agent's page."""

    async def work(asked: Asked) -> tuple[list[int | None], int]:
        return await asked.counts(*AGENTS[:30]), asked.connections.statements

    counts, statements = ask(url, work)

    assert counts == list(range(1, 31))
    assert statements == AT_ONCE + 1


def test_a_statement_has_only_so_many_rows(url: str) -> None:
    """Large pages that wait do not all go as one: a small one behind them would wait for them all."""

    async def work(asked: Asked) -> tuple[list[int | None], int]:
        return await asked.counts(*AGENTS[:8], limit=500), asked.connections.statements

    counts, statements = ask(url, work)

    assert counts == list(range(1, 9))
    assert statements == AT_ONCE + 3


def test_more_than_one_statement_takes_go_one_after_the_other(url: str) -> None:
    """Whoever comes last is answered, too; and a second time all begins anew."""

    async def work(asked: Asked) -> list[list[int | None]]:
        return [await asked.counts(*AGENTS, *AGENTS, *AGENTS) for _ in range(2)]

    assert ask(url, work) == [[*range(1, 41)] * 3] * 2


def test_no_token_is_none_among_others(url: str) -> None:
    """A token that is not there is told to whoever asked with it, and to nobody else."""

    async def work(asked: Asked) -> list[int | None]:
        return await asked.counts("201", "nobody", "202", "nobody", "203", "nobody", "204")

    assert ask(url, work) == [1, None, 2, None, 3, None, 4]


def test_the_same_token_asked_for_twice_is_answered_twice(url: str) -> None:
    """Each question has its own answer, whatever it is about."""

    async def work(asked: Asked) -> list[bytes]:
        pages = await asyncio.gather(*(asked.page("240", limit=1 + number % 5) for number in range(20)))
        return [page.shown for page in pages if page]

    shown = ask(url, work)

    assert [text.count(b"\x07") for text in shown] == [1, 2, 3, 4, 5] * 4


def test_who_goes_away_disturbs_nobody(url: str) -> None:
    """Askers that give up, waiting or on their way, leave the others their answers; what comes later is answered."""

    async def work(asked: Asked) -> tuple[list[int | None], list[int | None]]:
        tasks = [asyncio.create_task(asked.page(extension)) for extension in AGENTS[:20]]
        await asyncio.sleep(0)
        for task in (tasks[0], *tasks[4:9]):
            task.cancel()
        left = [task for task in tasks if not task.cancelling()]
        pages = await asyncio.gather(*left)
        return [page.count if page else None for page in pages], await asked.counts(*AGENTS[:5])

    assert ask(url, work) == ([2, 3, 4, *range(10, 21)], [1, 2, 3, 4, 5])


def test_when_all_go_away_the_next_is_answered(url: str) -> None:
    """Nothing waits for a statement that nobody asks for any more."""

    async def work(asked: Asked) -> list[int | None]:
        tasks = [asyncio.create_task(asked.page(extension)) for extension in AGENTS[:9]]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        return await asked.counts("210", "211", "212")

    assert ask(url, work) == [10, 11, 12]


def test_apps_do_not_wait_for_each_other(url: str) -> None:
    """While as many statements of one app as may be are on their way, another app's goes at once."""

    async def work(asked: Asked) -> tuple[int, ShownPage | None]:
        busy = [asyncio.create_task(asked.page(extension)) for extension in AGENTS[:5]]
        await asyncio.sleep(0)
        before = asked.connections.statements
        other = asyncio.create_task(asked.page("201", app_id=ANOTHER_APP.app_id))
        await asyncio.sleep(0)
        begun = asked.connections.statements - before
        await asyncio.gather(*busy)
        return begun, await other

    assert ask(url, work) == (1, None)


def test_all_that_wait_are_told_when_the_store_is_away(url: str) -> None:
    """The store closed under them: those on their way and those that wait fail as unavailable, and soon."""

    async def work(asked: Asked) -> list[object]:
        await asked.counts("201")
        tasks = [asyncio.create_task(asked.page(extension)) for extension in AGENTS[:10]]
        await asked.connections.close()
        async with asyncio.timeout(10):
            return await asyncio.gather(*tasks, return_exceptions=True)

    assert {type(outcome) for outcome in ask(url, work)} == {StoreUnavailable}


def test_a_store_that_closes_leaves_no_connection_half_made(url: str, stores: Stores) -> None:
    """What was looked for beside a page is given up: PostgreSQL would drop no database while somebody logs in to it."""
    assert isinstance(stores, PostgresqlStores)

    async def closed(store: Store) -> tuple[set[asyncio.Task[object]], float]:
        before, begun = asyncio.all_tasks(), asyncio.get_running_loop().time()
        await store.page_of_token(AN_APP.app_id, b"201", NOW_MS, ListKind.OUT_MISSED, Range())
        await store.close()
        return asyncio.all_tasks() - before, asyncio.get_running_loop().time() - begun

    store = run(open_store(url))
    run(store.apps())  # over the connection that the page takes
    stores.server.set(pre_auth_delay=1)  # seconds
    try:
        left, seconds = run(closed(store))
        assert not left
        assert seconds < 1  # nobody waited for a connection: it was still in the making
    finally:
        stores.server.set(pre_auth_delay=None)
