"""Stores of made calls, built once through the store's own bulk path and kept between runs. No measuring here."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from benchmarks.made_calls import APP_AGENTS, LIST_CALLS, MadeAgent, calls_of, leg_of
from ringback.agents import digest_of
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Agent, App
from ringback.storage.shown import read_shown
from ringback.storage.sqlite.connection import schema_steps

RESULTS = Path(__file__).parent / "results"
STORES = RESULTS / "stores"
BYTES_A_CALL = 900  # of disk: the store's and the plain copy's
_SLICE_CALLS = 250  # of each agent, in one transaction
_LONG_AGO, _FAR_AHEAD = datetime(2024, 1, 1, tzinfo=UTC), datetime(2124, 1, 1, tzinfo=UTC)
_HASH = "no password"

Say = Callable[[str], None]


def made_store(calls: int, say: Say) -> Path:
    """Return a store of so many calls in lists of 10,000, building it where this schema has none yet."""

    def build(unfinished: Path) -> None:
        for left in STORES.glob(unfinished.name + "*"):
            left.unlink()
        asyncio.run(_build(unfinished, calls // LIST_CALLS, say))

    return kept_store(str(calls), f"a store of {calls:,} calls", build, say)


def kept_store(name: str, what: str, build: Callable[[Path], None], say: Say) -> Path:
    """Return the store that is kept under this name, building it where this schema has none yet.

    `build` is given where to: there may be what an earlier build left unfinished.
    """
    path = STORES / f"{name}-{schema_digest()}.db"
    if not path.exists():
        say(f"Building {what}, kept for the next run ...")
        STORES.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        build(unfinished)
        unfinished.rename(path)
    asyncio.run(migrated(str(path)))
    return path


def schema_digest() -> str:
    """Return what tells stores of another making apart: the schema's first step and how the calls are made."""
    making = Path(calls_of.__code__.co_filename).read_bytes()
    return blake2b(schema_steps()[0].encode() + making, digest_size=4).hexdigest()


async def migrated(url: str) -> None:
    """Bring a kept store's schema up to date: later steps add tables that no figure here reads."""
    await (await open_store(url, migrate=True)).close()


async def _build(path: Path, agents: int, say: Say) -> None:
    store = await open_store(str(path))
    for members in apps_of(agents):
        await add_members(store, members)
        await _add_calls(store, members)
        if agents > APP_AGENTS:
            say(f"  {(members[-1].number + 1) * LIST_CALLS:,} calls")
    await store.close()


def apps_of(agents: int, first: int = 0) -> Iterator[list[MadeAgent]]:
    """Yield the first so many agents from one of them on, those of each app together."""
    for start in range(first, agents, APP_AGENTS):
        yield [MadeAgent(number) for number in range(start, min(agents, start + APP_AGENTS))]


async def add_members(store: Store, members: list[MadeAgent]) -> None:
    """Add agents of one app, with the app and a live token each."""
    app_id = members[0].app_id
    await store.add_app(App(app_id=app_id, secret_digest=b"", region=None, created_at=_LONG_AGO))
    for agent in members:
        kept = Agent(
            app_id=app_id,
            extension=agent.extension,
            name=agent.extension,
            password_hash=_HASH,
            is_disabled=False,
            created_at=_LONG_AGO,
        )
        await store.add_agent(kept)
        await store.add_token(app_id, agent.extension, digest_of(agent.token), _LONG_AGO, _FAR_AHEAD, _HASH)


async def _add_calls(store: Store, members: list[MadeAgent]) -> None:
    """Take the calls in as they would have come: by time, all agents in turn."""
    made = [(agent, calls_of(agent)) for agent in members]
    for _ in range(0, LIST_CALLS, _SLICE_CALLS):
        legs = [leg_of(agent, call) for agent, calls in made for call in islice(calls, _SLICE_CALLS)]
        await store.take_in(members[0].app_id, legs)


# --- the alternative -----------------------------------------------------------------------------------------------

_NAIVE = """
CREATE TABLE token (digest BLOB PRIMARY KEY, app_id INTEGER, extension TEXT, expires_ms INTEGER) WITHOUT ROWID;
CREATE TABLE call (
    call_id BLOB, app_id INTEGER, extension TEXT, kind INTEGER, started_ms INTEGER, number TEXT, name TEXT, rate TEXT,
    billable_seconds INTEGER, disposition TEXT, ringing_seconds INTEGER
);
INSERT INTO token SELECT digest, app_id, extension, expires_ms FROM made.token;
INSERT INTO call SELECT call_ref, app_id, extension, kind, started_ms, number, shown_as(shown, 3), shown_as(shown, 2),
    shown_as(shown, 1), disposition, ringing_seconds
    FROM made.listed_call JOIN made.call_list USING (list_id) ORDER BY started_ms;
CREATE INDEX call_by_agent ON call (app_id, extension, kind, started_ms, call_id);
"""


def naive_copy(store: Path, say: Say) -> Path:
    """Return the same calls as one plain table with the right index, for COUNT and OFFSET; made where it is missing."""
    path = store.with_suffix(".naive")
    if not path.exists():
        say("Copying the calls into a plain table, kept for the next run ...")
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        with sqlite3.connect(unfinished) as db:
            db.create_function("shown_as", 2, lambda text, place: read_shown(text)[place], deterministic=True)
            db.execute("ATTACH ? AS made", (str(store),))
            db.executescript(_NAIVE)
        db.close()
        unfinished.rename(path)
    return path
