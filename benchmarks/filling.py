"""Filling a PostgreSQL store with made calls by COPY, as they would have come: by time, all agents in turn.

The rows are made by the program's own pure code, and only their way into the tables is another: a store of ten million
calls is there in minutes. The numbers to ring back follow from them as they do where a region is changed. `check` finds
nothing wrong with it.
"""

from collections.abc import Iterable, Iterator
from itertools import count, islice
from operator import itemgetter
from typing import Any, cast

import asyncpg

from benchmarks.made_calls import APP_AGENTS, LIST_CALLS, MadeAgent, MadeCall, calls_of, leg_of
from benchmarks.stores import Say, add_members, apps_of
from ringback.storage import open_store
from ringback.storage.placing import entry_of
from ringback.storage.postgresql.connections import Connection
from ringback.storage.postgresql.lists import ENTRY
from ringback.storage.postgresql.ring_back import read_numbers_again
from ringback.telephony.call import ListKind, call_ref, merge
from ringback.telephony.leg import encode_leg, leg_digest

LEG_COLUMNS = ("app_id", "call_ref", "ordinal", "digest", "given_id", "received_ms", "facts")
ROW_COLUMNS = ("app_id", "extension", "kind", "position", *ENTRY.split(", "))
_SLICE_CALLS = 250  # of each agent, in one transaction
_KIND = ListKind.OUT_MISSED.value
_CHECKED_AGENTS = 1  # a store of no more is checked whole: larger ones are made in the same way

Row = tuple[Any, ...]


async def fill(url: str, agents: int, say: Say) -> None:
    """Make the tables and put in the calls of so many agents."""
    store = await open_store(url)
    connection = await asyncpg.connect(url)
    try:
        for members in apps_of(agents):
            await add_members(store, members)
            await _add_calls(connection, members)
            async with connection.transaction():
                await read_numbers_again(cast("Connection", connection), members[0].app_id, None)
            if agents > APP_AGENTS:
                say(f"  {(members[-1].number + 1) * LIST_CALLS:,} calls")
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
        if agents <= _CHECKED_AGENTS and not (report := await store.check()).ok:
            raise RuntimeError(f"the store was filled wrongly: {report.faults[0]}")
    finally:
        await connection.close()
        await store.close()


async def _add_calls(connection: "asyncpg.Connection[asyncpg.Record]", members: list[MadeAgent]) -> None:
    app_id = members[0].app_id
    named = [(app_id, agent.extension, _KIND) for agent in members]
    await connection.copy_records_to_table("call_list", records=named, columns=("app_id", "extension", "kind"))
    made = [(agent, calls_of(agent), count(1)) for agent in members]
    for _ in range(0, LIST_CALLS, _SLICE_CALLS):
        rows = sorted(_rows(made), key=itemgetter(0))
        async with connection.transaction():
            await connection.copy_records_to_table("leg", records=[row[1] for row in rows], columns=LEG_COLUMNS)
            await connection.copy_records_to_table("listed_call", records=[row[2] for row in rows], columns=ROW_COLUMNS)


def _rows(made: Iterable[tuple[MadeAgent, Iterator[MadeCall], Iterator[int]]]) -> Iterator[tuple[int, Row, Row]]:
    """Yield the start, the leg's row and the list's row of each agent's next calls."""
    for agent, calls, positions in made:
        slice_of_list = sorted(islice(calls, _SLICE_CALLS), key=lambda call: call.started_ms)
        for call, position in zip(slice_of_list, positions, strict=False):
            leg = leg_of(agent, call)
            facts, ref = encode_leg(leg), call_ref(agent.app_id, call.call_key)
            entry = entry_of(merge(ref, [leg], None))
            kept = (agent.app_id, ref, 0, leg_digest(facts), None, call.started_ms, facts.decode())
            yield call.started_ms, kept, (agent.app_id, agent.extension, _KIND, position, *entry)
