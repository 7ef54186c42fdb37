"""Figures of a page on PostgreSQL: against a bare read by primary key, wherever it is, however much is stored."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, Self, TypeAlias

import asyncpg
import uvloop

from benchmarks.databases import kept_server, made_database
from benchmarks.made_calls import LIST_CALLS
from benchmarks.measuring import LOAD_CORE, Figure, Series, medians, on_core
from benchmarks.questions import LAST_PAGE, MIDDLE_PAGE, ROWS, Asker, Question, many, starts_on
from benchmarks.sizes import Sizes
from benchmarks.stores import Say
from ringback.agents import read_token
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.postgresql.connections import Place
from ringback.storage.records import Range
from ringback.telephony.call import ListKind

_SECTION = "PostgreSQL, a page"
_NOW_MS = 1_750_000_000_000
_KIND = ListKind.OUT_MISSED
_QUESTIONS_A_ROUND = 500
_FEW = 20
_PLACES = {"first": 1, "middle": MIDDLE_PAGE, "last": LAST_PAGE}

_ROW = "c.position, c.call_ref, c.started_ms, c.shown, c.disposition"
_OF_LIST = "c.app_id = $1 AND c.extension = %s AND c.kind = $2"
_BETWEEN = "c.started_ms BETWEEN $3 AND $4"

# One call by its key: as little as a server can be asked for.
_BARE = f"SELECT {_ROW}, c.ringing_seconds FROM listed_call c WHERE {_OF_LIST % '$3'} AND c.position = $4"

# The page's own statement as everybody writes it, on the same table with the same index. OFFSET 0 keeps the count from
# being asked for once a row.
_COUNTED = f"""
SELECT f.count, c.*
FROM (
    SELECT t.extension,
        (SELECT count(*) FROM listed_call c WHERE {_OF_LIST % "t.extension"} AND {_BETWEEN}) AS count
    FROM token t WHERE t.app_id = $1 AND t.digest = $7 AND t.expires_ms > $8
    OFFSET 0
) f
LEFT JOIN LATERAL (
    SELECT {_ROW}, c.ringing_seconds FROM listed_call c WHERE {_OF_LIST % "f.extension"} AND {_BETWEEN}
    ORDER BY c.started_ms DESC, c.position DESC LIMIT $6 OFFSET $5
) c ON true
"""

Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"
Found = tuple[int | None, list[int]]  # the count and the rows' starts
Times = Mapping[str, Sequence[float]]


class Opened(NamedTuple):
    """A store, and a pool of asyncpg's own with the same parameters beside it."""

    store: Store
    pool: Pool

    @classmethod
    async def of(cls, url: str) -> Self:
        """Open both, each with the one connection that is measured."""
        place = Place.of(url)
        pool = await asyncpg.create_pool(
            **place.connecting(),
            min_size=1,
            max_size=place.pool_size,
            max_queries=1 << 40,
            max_inactive_connection_lifetime=0,
            reset=_leave,
        )
        return cls(await open_store(url), pool)

    async def close(self) -> None:
        """Close both."""
        await self.pool.close()
        await self.store.close()

    async def bare(self, question: Question) -> Found:
        """Read the last call of the page, by its position."""
        position = LIST_CALLS - question.page * ROWS + 1
        async with self.pool.acquire() as connection:
            row = await connection.fetchrow(
                _BARE, question.agent.app_id, _KIND.value, question.agent.extension, position
            )
        assert row is not None
        return None, [row[2]]

    async def page(self, question: Question) -> Found:
        """Read the page as the server does."""
        token = read_token(question.agent.token)
        wanted = Range(from_ms=question.from_ms, to_ms=question.to_ms, page=question.page, limit=ROWS)
        page = await self.store.page_of_token(token.app_id, token.digest, _NOW_MS, _KIND, wanted)
        assert page is not None
        return page.count, starts_on(page)

    async def counted(self, question: Question) -> Found:
        """Read the same with COUNT and OFFSET, as barely as can be."""
        token = read_token(question.agent.token)
        skipped = (question.page - 1) * ROWS
        asked = (_KIND.value, question.from_ms, question.to_ms, skipped, ROWS, token.digest, _NOW_MS)
        async with self.pool.acquire() as connection:
            rows = await connection.fetch(_COUNTED, token.app_id, *asked)
        return rows[0][0], [row[3] for row in rows]


class Way(NamedTuple):
    """How something is read, and what is asked."""

    read: Callable[[Question], Awaitable[Found]]
    asked: list[Question]


def postgresql_page_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """The time of one page in this process over a bare read's, by place, by way and by size; none without a server."""
    with kept_server(say) as server:
        if server is None:
            return []
        urls = {calls: made_database(server, calls, say) for calls in sizes.all_calls}
        with (
            on_core(LOAD_CORE),
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
            _opened(runner, urls.values()) as stores,
        ):
            of_size = dict(zip(urls, stores, strict=True))
            found = _place_figures(runner, of_size[sizes.calls], sizes)
            return [*found, *_size_figures(runner, of_size, sizes.rounds)]


@contextmanager
def _opened(runner: asyncio.Runner, urls: Iterable[str]) -> Iterator[list[Opened]]:
    opened = [runner.run(Opened.of(url)) for url in urls]
    try:
        yield opened
    finally:
        for one in opened:
            runner.run(one.close())


def _place_figures(runner: asyncio.Runner, opened: Opened, sizes: Sizes) -> list[Figure]:
    asker = Asker(sizes.calls, "postgresql")
    asked = {place: many(partial(asker.page, page), _QUESTIONS_A_ROUND) for place, page in _PLACES.items()}
    pages = {f"{place} page": Way(opened.page, questions) for place, questions in asked.items()}
    anywhere = Way(opened.page, many(asker.any_page, _QUESTIONS_A_ROUND))
    bare = Way(opened.bare, many(asker.any_page, _QUESTIONS_A_ROUND))
    found = _measured(runner, {"bare": bare, "any page": anywhere, **pages}, sizes.rounds)
    return [
        _figure("any page over a bare read by primary key", found["any page"], found["bare"], 1.6),
        _figure("last page over first", found["last page"], found["first page"], 1.1),
        _figure("middle page over first", found["middle page"], found["first page"], 1.1),
        *_counting_figures(runner, opened, asked, sizes.rounds),
    ]


def _counting_figures(
    runner: asyncio.Runner, opened: Opened, asked: Mapping[str, list[Question]], rounds: int
) -> list[Figure]:
    """Taken by themselves, and with few questions: what is asked after a long count is slower for it."""
    ways = {"positions": opened.page, "COUNT and OFFSET": opened.counted}
    found = _measured(
        runner,
        {f"{name}, {place}": Way(read, asked[place][:_FEW]) for place in _PLACES for name, read in ways.items()},
        rounds,
    )
    return [
        _figure(
            f"{place} page, COUNT and OFFSET over positions",
            found[f"COUNT and OFFSET, {place}"],
            found[f"positions, {place}"],
        )
        for place in _PLACES
    ]


def _size_figures(runner: asyncio.Runner, stores: Mapping[int, Opened], rounds: int) -> list[Figure]:
    ways = {
        f"{calls:,} calls": Way(opened.page, many(Asker(calls, "sizes").any_page, _QUESTIONS_A_ROUND))
        for calls, opened in stores.items()
    }
    smallest, *others = _measured(runner, ways, rounds).values()
    return [_figure(f"{other.what} over {smallest.what}", other, smallest, 1.5) for other in others]


def _measured(runner: asyncio.Runner, ways: Mapping[str, Way], rounds: int) -> dict[str, Series]:
    def times() -> Times:
        return runner.run(_times(ways))

    times()
    return medians(rounds, times)


async def _times(ways: Mapping[str, Way]) -> Times:
    """Return the microseconds of each question's answer, the ways in turns; each answer is checked."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    in_turn = list(ways.items())
    for turn in range(min(len(way.asked) for way in ways.values())):
        for name, way in in_turn if turn % 2 == 0 else reversed(in_turn):
            question = way.asked[turn]
            began = time.perf_counter()
            found = await way.read(question)
            taken[name].append((time.perf_counter() - began) * 1e6)
            _check(question, *found)
    return taken


def _check(question: Question, count: int | None, starts: Sequence[int]) -> None:
    assert count is None or f'{{"count":{count},'.encode() in question.answer
    assert all(f'"time":{start},'.encode() in question.answer for start in starts)
    assert len(starts) == (ROWS if count is not None else 1)


async def _leave(connection: object) -> None:
    """Leave a connection as it is, as the store does: setting it back would be a round trip more."""


def _figure(name: str, over: Series, under: Series, at_most: float | None = None) -> Figure:
    return Figure(section=_SECTION, name=name, over=over, under=under, unit="us", at_most=at_most)
