"""Figures against the alternative a team would write in an afternoon (`alternative_server`), and FastAPI alone."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from benchmarks.databases import KeptPostgreSql, kept_server, made_database
from benchmarks.load import CONNECTIONS
from benchmarks.made_calls import LIST_CALLS, MadeAgent, calls_of
from benchmarks.measuring import LOAD_CORE, Figure, in_turns, on_core
from benchmarks.questions import Asker, many
from benchmarks.servers import Server, free_port, ringback_server
from benchmarks.serving import Run
from benchmarks.sizes import Sizes
from benchmarks.stores import Say, made_store
from ringback.agents import digest_of
from ringback.telephony.call import ListKind, call_ref
from ringback.telephony.rates import NO_RATE

_SERVER = Path(__file__).with_name("alternative_server.py")
_TOKENS = ("digest", "app_id", "extension", "expires_ms")
_CALLS = (
    "app_id", "call_id", "extension", "kind", "started_ms", "number", "billable_seconds", "rate", "name",
)  # fmt: skip
BYTES_A_CALL = 400  # of disk
_FAR_AHEAD_MS = 4_000_000_000_000
_TABLES = """
CREATE TABLE token (
    digest bytea PRIMARY KEY, app_id bigint NOT NULL, extension text NOT NULL, expires_ms bigint NOT NULL
);
CREATE TABLE call (
    app_id bigint NOT NULL, call_id text NOT NULL, extension text NOT NULL, kind smallint NOT NULL,
    started_ms bigint NOT NULL, number bigint NOT NULL, billable_seconds bigint NOT NULL, rate text NOT NULL, name text,
    PRIMARY KEY (app_id, call_id)
);
"""
_INDEX = "CREATE INDEX call_by_agent ON call (app_id, extension, kind, started_ms, call_id)"
_HELLO = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def alternative_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """Requests a second of Ringback over the alternative's, on PostgreSQL and embedded, and over FastAPI's hello."""
    if find_spec("fastapi") is None or find_spec("sqlalchemy") is None:
        say("The alternative is left out: `make bench` installs what it needs")
        return []
    with kept_server(say) as database:
        return [] if database is None else _figures(database, sizes, say)


def _figures(database: KeptPostgreSql, sizes: Sizes, say: Say) -> list[Figure]:
    url, file = made_database(database, sizes.calls, say), made_store(sizes.calls, say)
    pages = many(Asker(sizes.calls, "alternative").any_page)
    hello = [pages[0]._replace(request=_HELLO, answer=b'{"hello":"world"}')]
    with (
        _alternative(_made_tables(database, sizes.calls, say)) as other,
        ringback_server(url) as on_database,
        ringback_server(file) as embedded,
        on_core(LOAD_CORE),
    ):
        runs = {
            "the alternative": Run(other, pages),
            "Ringback on PostgreSQL": Run(on_database, pages),
            "Ringback embedded": Run(embedded, pages),
            "FastAPI's hello": Run(other, hello),
        }
        for run in runs.values():
            run.warm_up(sizes.seconds / 2)
        rates = in_turns(sizes.rounds, {name: partial(run, sizes.seconds) for name, run in runs.items()})
    said = runs["the alternative"].said()

    def figure(over: str, under: str, at_least: float, note: str = "") -> Figure:
        name = f"{over} over {under}, random pages, {CONNECTIONS} connections"
        return Figure(
            section="alternative",
            name=name,
            over=rates[over],
            under=rates[under],
            unit="req/s",
            at_least=at_least,
            note=note,
        )

    return [
        figure("Ringback on PostgreSQL", "the alternative", 20, said.replace("bare", "alternative's")),
        figure("Ringback embedded", "the alternative", 60),
        figure("Ringback embedded", "FastAPI's hello", 1),
    ]


@contextmanager
def _alternative(url: str) -> Iterator[Server]:
    port = free_port()
    server = Server([sys.executable, str(_SERVER), str(port), url], port)
    try:
        yield server
    finally:
        server.stop()


def _made_tables(database: KeptPostgreSql, calls: int, say: Say) -> str:
    """Return the URL of the alternative's database with the same calls, building it where there is none yet."""
    making = _TABLES.encode() + _INDEX.encode() + Path(calls_of.__code__.co_filename).read_bytes()
    name = f"alternative_{calls}_{blake2b(making, digest_size=4).hexdigest()}"
    if not database.has(name):
        say(f"Building the alternative's tables of {calls:,} calls, kept for the next run ...")
        unfinished = f"unfinished_alternative_{calls}"
        asyncio.run(_fill(database.renewed(unfinished), calls // LIST_CALLS))
        database.ask(f"ALTER DATABASE {unfinished} RENAME TO {name}")
    return database.url(name)


async def _fill(url: str, agents: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_TABLES)
        for number in range(agents):
            agent = MadeAgent(number)
            token = (digest_of(agent.token), agent.app_id, agent.extension, _FAR_AHEAD_MS)
            await connection.copy_records_to_table("token", records=[token], columns=_TOKENS)
            await connection.copy_records_to_table("call", records=_rows(agent), columns=_CALLS)
        await connection.execute(_INDEX)
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def _rows(agent: MadeAgent) -> Iterator[tuple[object, ...]]:
    for call in calls_of(agent):
        ref = call_ref(agent.app_id, call.call_key).hex()
        kind, number = ListKind.OUT_MISSED.value, int(call.number)
        yield agent.app_id, ref, agent.extension, kind, call.started_ms, number, 0, NO_RATE, call.name
