"""Embedded stores of tens of millions of calls: their lists alone, written in the order of their key, in minutes.

No page reads the legs that calls were derived from, and with them the file would be four times as large: they are left
out, so `check` would miss them. The rows are made by the program's own pure code. In the order of the key a page of the
file is full; in a store that grew call by call it is two thirds full. Both sizes that are compared are made so.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.made_calls import APP_AGENTS, LIST_CALLS, MadeAgent, calls_of, leg_of
from benchmarks.stores import Say, add_members, apps_of, kept_store, migrated
from ringback.storage import open_store
from ringback.storage.placing import entry_of
from ringback.storage.positions import Entry
from ringback.storage.shown import shown_text
from ringback.storage.sqlite.lists import ENTRY
from ringback.telephony.call import ListKind, call_ref, merge
from ringback.telephony.rates import NO_RATE

BYTES_A_CALL = 220  # of disk
_INSERT = f"INSERT INTO listed_call (list_id, position, {ENTRY}) VALUES (?,?,?,?,?,?,?,?,?)"


def made_lists(calls: int, say: Say) -> Path:
    """Return a store of so many calls in lists of 10,000, building it where this schema has none yet."""

    def build(unfinished: Path) -> None:
        if unfinished.exists():  # as it took long, what there is of it is gone on with
            asyncio.run(migrated(str(unfinished)))
        _build(unfinished, calls // LIST_CALLS, say)

    store = kept_store(f"lists-{calls}", f"the lists of {calls:,} calls", build, say)
    _read_whole(store)
    return store


def _read_whole(store: Path) -> None:
    """Have the system keep the file in memory, where there is room: what is compared is served warm."""
    piece = bytearray(16 << 20)
    with store.open("rb", buffering=0) as file:
        while file.readinto(piece):
            pass


def _build(path: Path, agents: int, say: Say) -> None:
    for members in apps_of(agents, _built(path)):
        asyncio.run(_have_members(path, members))
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA cache_size = -262144")
            for agent in members:
                _add_list(db, agent)
        db.close()
        done = members[-1].number + 1
        if done % (10 * APP_AGENTS) == 0 and agents > done:
            say(f"  {done * LIST_CALLS:,} calls")


def _built(path: Path) -> int:
    """How many agents have their lists: those of an app come in one transaction."""
    if not path.exists():
        return 0
    with sqlite3.connect(path) as db:
        count: int = db.execute("SELECT count(*) FROM call_list").fetchone()[0]
    db.close()
    return count


async def _have_members(path: Path, members: list[MadeAgent]) -> None:
    store = await open_store(str(path))
    if await store.app(members[0].app_id) is None:
        await add_members(store, members)
    await store.close()


def _add_list(db: sqlite3.Connection, agent: MadeAgent) -> None:
    named = (agent.app_id, agent.extension, ListKind.OUT_MISSED.value)
    list_id = db.execute("INSERT INTO call_list (app_id, extension, kind) VALUES (?, ?, ?)", named).lastrowid
    db.executemany(_INSERT, _rows(agent, int(list_id or 0)))


def _rows(agent: MadeAgent, list_id: int) -> Iterator[tuple[Any, ...]]:
    calls = sorted(calls_of(agent), key=lambda call: call.started_ms)
    for position, call in enumerate(calls, 1):
        ref = call_ref(agent.app_id, call.call_key)
        shown = shown_text(ref, call.started_ms, call.number, 0, NO_RATE, call.name)
        entry = Entry(call.started_ms, None, ref, call.number, shown, call.disposition.value, call.rings)
        if position == 1 and entry != (right := entry_of(merge(ref, [leg_of(agent, call)], None))):
            raise RuntimeError(f"made {entry}, not {right}")
        yield list_id, position, *entry
