"""Figures of numbers to ring back, in this process: pages far in and of long lists, and rows leaving from the midst."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from benchmarks.coroutines import finished
from benchmarks.made_calls import FIRST_MS
from benchmarks.measuring import SEED, SERVER_CORE, Figure, Series, medians, on_core
from benchmarks.sizes import Sizes
from benchmarks.stores import Say
from ringback.calls import CHUNK_LEGS, time_of
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.positions import Shift, Span
from ringback.storage.records import App, Mark, Range
from ringback.storage.sqlite import ring_back
from ringback.storage.sqlite.connection import connect
from ringback.storage.sqlite.lists import list_id_of, move
from ringback.telephony.call import ListKey, ListKind
from ringback.telephony.disposition import Disposition
from ringback.telephony.leg import CallLeg, Direction

_APP = 1111113
_SHORT, _LONG = 10_000, 100_000  # numbers of the two agents, who are named after them
_STEP_MS = 300_000  # between tries: a hundred thousand are a year
_ROWS = 10
_TIMES_A_ROUND = 60


def ring_back_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """Pages of a list of numbers, and the time that a number takes to leave it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ringback.db"
        say(f"Making lists of {_SHORT:,} and {_LONG:,} numbers to ring back")
        asyncio.run(_fill(path))
        store = finished(open_store(str(path)))
        db = connect(path)
        with on_core(SERVER_CORE):
            _times(store, db, Random(SEED))
            chance = Random(SEED)
            series = medians(sizes.rounds, lambda: _times(store, db, chance))
        db.close()
        finished(store.close())
    leaving = f"leaving from the midst, {_LONG:,} numbers over {_SHORT:,}"
    return [
        _figure("last page over second", series["last page"], series["second page"], 1.2),
        _figure("second page over first", series["second page"], series["first page"]),
        _figure(f"any page, {_LONG:,} numbers over {_SHORT:,}", series["any page"], series["any page, few"], 1.3),
        _figure("any page, over one of outgoing missed calls", series["any page"], series["any page of calls"]),
        _figure(leaving, series["leaving"], series["leaving, few"], 3),
        _figure("leaving from the midst, positions written down over counts", series["moving"], series["leaving"]),
    ]


def _times(store: Store, db: sqlite3.Connection, chance: Random) -> Mapping[str, Sequence[float]]:
    found: dict[str, list[float]] = {}
    for _ in range(_TIMES_A_ROUND):
        pages = {
            "first page": 1,
            "second page": 2,
            "last page": _LONG // _ROWS,
            "any page": chance.randint(1, _LONG // _ROWS),
        }
        for name, page in pages.items():
            found.setdefault(name, []).append(_page(store, _LONG, ListKind.RING_BACK, page))
        of_calls = _page(store, _LONG, ListKind.OUT_MISSED, pages["any page"])
        found.setdefault("any page of calls", []).append(of_calls)
        few = _page(store, _SHORT, ListKind.RING_BACK, chance.randint(1, _SHORT // _ROWS))
        found.setdefault("any page, few", []).append(few)
        found.setdefault("leaving", []).append(_leaving(db, _LONG, chance))
        found.setdefault("leaving, few", []).append(_leaving(db, _SHORT, chance))
    found["moving"] = [_moving(db) for _ in range(3)]
    return found


def _page(store: Store, agent: int, kind: ListKind, page: int) -> float:
    """Return the microseconds of a page that was read just before."""
    key, wanted = ListKey(str(agent), kind), Range(page=page, limit=_ROWS)
    read = finished(store.page(_APP, key, wanted))
    assert (read.count, len(read.calls)) == (agent, _ROWS)
    assert read.calls[0].position == agent - (page - 1) * _ROWS
    began = time.perf_counter()
    finished(store.page(_APP, key, wanted))
    return (time.perf_counter() - began) * 1e6


def _leaving(db: sqlite3.Connection, agent: int, chance: Random) -> float:
    """Return the microseconds in which a number in the midst is marked done; the disk is not waited for."""
    mark = Mark(
        number=_number(agent, chance.randrange(agent // 3, agent * 2 // 3)), done_ms=2 * FIRST_MS, extension="1"
    )
    db.execute("BEGIN")
    began = time.perf_counter()
    assert ring_back.mark_done(db, _APP, mark, str(agent))
    took = time.perf_counter() - began
    db.execute("ROLLBACK")
    return took * 1e6


def _moving(db: sqlite3.Connection) -> float:
    """Return the microseconds in which half of a list of as many calls moves by one position."""
    list_id = list_id_of(db, _APP, ListKey(str(_LONG), ListKind.OUT_MISSED))
    assert list_id is not None
    db.execute("BEGIN")
    began = time.perf_counter()
    db.execute("DELETE FROM listed_call WHERE list_id = ? AND position = ?", (list_id, _LONG // 2))
    move(db, list_id, Shift(Span(_LONG // 2 + 1, _LONG), -1))
    took = time.perf_counter() - began
    db.execute("ROLLBACK")
    return took * 1e6


def _figure(name: str, over: Series, under: Series, at_most: float | None = None) -> Figure:
    return Figure(section="ring back", name=name, over=over, under=under, unit="us", at_most=at_most)


# --- the store -----------------------------------------------------------------------------------------------------


async def _fill(path: Path) -> None:
    store = await open_store(str(path))
    await store.add_app(App(app_id=_APP, secret_digest=b"", region=None, created_at=datetime.now(UTC)))
    for agent in (_SHORT, _LONG):
        for start in range(0, agent, CHUNK_LEGS):
            await store.take_in(_APP, [_try(agent, number) for number in range(start, start + CHUNK_LEGS)])
    await store.close()


def _try(agent: int, number: int) -> CallLeg:
    key = f"{agent}-{number}"
    return CallLeg(
        source="generic",
        source_record_id=key,
        call_key=key,
        direction=Direction.OUTBOUND,
        started_at=time_of(FIRST_MS + number * _STEP_MS * (_LONG // agent)),
        disposition=Disposition.NO_ANSWER,
        extension=str(agent),
        dialled_number=_number(agent, number),
    )


def _number(agent: int, number: int) -> str:
    return f"{770_100_000_00 + agent * 10 + number * 7}"
