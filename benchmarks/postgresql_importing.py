"""Figures of `ringback import asterisk` into PostgreSQL against a bare COPY of the rows it makes."""

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import asyncpg

from benchmarks.call_logs import CallLog, written_log
from benchmarks.databases import KeptPostgreSql, kept_server
from benchmarks.filling import LEG_COLUMNS, ROW_COLUMNS
from benchmarks.importing import imported, with_app
from benchmarks.measuring import SERVER_CORE, Figure, Series, on_core
from benchmarks.sizes import Sizes
from benchmarks.stores import RESULTS, Say
from ringback.storage import open_store

_SECTION = "PostgreSQL, import"
_COPIED = {"leg": LEG_COLUMNS, "listed_call": ROW_COLUMNS}


class Seconds(NamedTuple):
    """What a round took."""

    first: float
    again: float
    copy: float


def postgresql_import_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """Time of a COPY of the same rows over a first import's, and of a second import over the first; none without."""
    with kept_server(say) as server:
        if server is None:
            return []
        say(f"Importing {sizes.rows:,} rows into PostgreSQL, {sizes.import_rounds} times ...")
        with TemporaryDirectory(dir=RESULTS) as folder:
            log = written_log(Path(folder) / "large.csv", sizes.rows)
            rounds = [_round(server, log) for _ in range(sizes.import_rounds)]
    first, again, copy = (list(column) for column in zip(*rounds, strict=True))
    a_second = Series("import", [log.rows / one for one in first]), Series("COPY", [log.rows / one for one in copy])
    return [
        Figure(
            section=_SECTION,
            name="rows of the log a second, import over a bare COPY of what it makes",
            over=a_second[0],
            under=a_second[1],
            unit="1/s",
            at_least=1 / 3,
        ),
        Figure(
            section=_SECTION,
            name="second import of the file over first",
            over=Series("second", again),
            under=Series("first", first),
            unit="s",
        ),
    ]


def _round(server: KeptPostgreSql, log: CallLog) -> Seconds:
    url = server.renewed("imported")
    with_app(url)
    first = imported(url, log, {"new": log.calls, "merged": log.rows - log.calls})
    again = imported(url, log, {"duplicate": log.rows})
    copy = asyncio.run(_copied(url, server.renewed("copied")))
    for name in ("imported", "copied"):
        server.drop(server.url(name))
    return Seconds(first.seconds, again.seconds, copy)


async def _copied(url: str, to: str) -> float:
    """Copy the legs and the lists' rows into tables of the same schema; return the seconds that it took."""
    await (await open_store(to)).close()
    source, target = await asyncpg.connect(url), await asyncpg.connect(to)
    try:
        for table in ("app", "call_list"):  # what listed rows belong to; a handful
            await target.copy_records_to_table(table, records=await _rows(source, f"SELECT * FROM {table}"))
        taken = {
            table: await _rows(source, f"SELECT {', '.join(columns)} FROM {table} ORDER BY ctid")
            for table, columns in _COPIED.items()
        }
        with on_core(SERVER_CORE):
            began = time.perf_counter()
            async with target.transaction():
                for table, columns in _COPIED.items():
                    await target.copy_records_to_table(table, records=taken[table], columns=columns)
            return time.perf_counter() - began
    finally:
        await source.close()
        await target.close()


async def _rows(source: "asyncpg.Connection[asyncpg.Record]", statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await source.fetch(statement)]
