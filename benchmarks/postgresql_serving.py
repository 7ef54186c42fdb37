"""Figures of a server whose store is in PostgreSQL: requests a second, and durable deliveries a second.

The database's processes run on every core, so with two cores they take from the server's and from the client's.
"""

import asyncio
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.databases import KeptPostgreSql, kept_server, made_database
from benchmarks.load import CONNECTIONS
from benchmarks.measuring import LOAD_CORE, Figure, Series, in_turns, on_core
from benchmarks.questions import Asker, many
from benchmarks.receiving import Measure, Sender
from benchmarks.servers import bare_server, ringback_server
from benchmarks.serving import Run
from benchmarks.sizes import Sizes
from benchmarks.stores import RESULTS, Say, made_store
from ringback import agents
from ringback.storage import open_store

_SECTION = "PostgreSQL, served"
_APP = 1_111_113
_POSTING = 64  # connections


def postgresql_serving_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """Requests and deliveries a second beside the bare server's and SQLite's; none without a server."""
    with kept_server(say) as server:
        if server is None:
            return []
        return [*_rate_figures(server, sizes, say), *_receiver_figures(server, sizes)]


def _rate_figures(database: KeptPostgreSql, sizes: Sizes, say: Say) -> list[Figure]:
    url, file = made_database(database, sizes.calls, say), made_store(sizes.calls, say)
    pages = many(Asker(sizes.calls, "rate").any_page)
    answer = pages[0].answer
    stored = [question._replace(answer=answer) for question in pages]
    with bare_server(answer) as bare, ringback_server(url) as ours, ringback_server(file) as other, on_core(LOAD_CORE):
        runs = {"bare": Run(bare, stored), "PostgreSQL": Run(ours, pages), "SQLite": Run(other, pages)}
        for run in runs.values():
            run.warm_up(sizes.seconds / 2)
        rates = in_turns(sizes.rounds, {name: partial(run, sizes.seconds) for name, run in runs.items()})
        costs = {name: Series(name, run.costs) for name, run in runs.items()}
    at = f"{CONNECTIONS} connections"
    return [
        _figure(f"bare server over Ringback, {at}", rates["bare"], rates["PostgreSQL"]),
        _figure(f"Ringback on SQLite over on PostgreSQL, {at}", rates["SQLite"], rates["PostgreSQL"]),
        _figure(
            "the serving process's time a request, PostgreSQL over SQLite", costs["PostgreSQL"], costs["SQLite"], "us"
        ),
    ]


def _receiver_figures(database: KeptPostgreSql, sizes: Sizes) -> list[Figure]:
    with TemporaryDirectory(dir=RESULTS) as folder:
        file = Path(folder) / "calls.db"
        url = database.renewed("received")
        ours, other = Sender(asyncio.run(_with_app(url))), Sender(asyncio.run(_with_app(f"sqlite:///{file}")))
        with ringback_server(url) as on_server, ringback_server(file) as on_file, on_core(LOAD_CORE):
            posting = {
                "PostgreSQL": Measure(on_server, ours.deliveries(1), sizes.seconds, _POSTING),
                "SQLite": Measure(on_file, other.deliveries(1), sizes.seconds, _POSTING),
            }
            rates = in_turns(sizes.rounds, posting)
    database.drop(url)
    name = f"single posts, {_POSTING} connections, PostgreSQL over SQLite"
    return [_figure(name, rates["PostgreSQL"], rates["SQLite"])]


async def _with_app(url: str) -> str:
    store = await open_store(url)
    try:
        return await agents.add_app(store, _APP)
    finally:
        await store.close()


def _figure(name: str, over: Series, under: Series, unit: str = "1/s") -> Figure:
    return Figure(section=_SECTION, name=name, over=over, under=under, unit=unit)
