"""Figures of the store alone, in this process: its page against COUNT and OFFSET over the same calls, well indexed."""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.coroutines import finished
from benchmarks.made_calls import MadeAgent
from benchmarks.measuring import SERVER_CORE, Figure, Series, medians, on_core
from benchmarks.questions import LAST_PAGE, MIDDLE_PAGE, ROWS, Asker, Question, starts_on
from benchmarks.sizes import Sizes
from benchmarks.stores import Say, made_store, naive_copy
from ringback.agents import read_token
from ringback.storage import open_store
from ringback.storage.base import Store
from ringback.storage.records import Range
from ringback.telephony.call import ListKind

_NOW_MS = 1_750_000_000_000
_QUESTIONS_A_ROUND = 60
_PLACES = {"first": 1, "middle": MIDDLE_PAGE, "last": LAST_PAGE}

Reading = Callable[[Question], tuple[int, list[int]]]


def storage_figures(sizes: Sizes, say: Say) -> list[Figure]:
    """The time of one page by positions and by COUNT and OFFSET, at the first, middle and last page."""
    path = made_store(sizes.calls, say)
    store = finished(open_store(str(path)))
    naive = _naive_connection(naive_copy(path, say))
    ways: dict[str, Reading] = {
        "positions": lambda question: by_positions(store, question),
        "COUNT and OFFSET": lambda question: by_counting(naive, question),
    }
    asker = Asker(sizes.calls, "storage")

    def times() -> Mapping[str, Sequence[float]]:
        found: dict[str, list[float]] = {f"{way}, {place} page": [] for place in _PLACES for way in ways}
        for _ in range(_QUESTIONS_A_ROUND):
            for place, page in _PLACES.items():
                question = asker.page(page)
                for way, read in ways.items():
                    found[f"{way}, {place} page"].append(_timed(read, question) * 1e6)
        return found

    with on_core(SERVER_CORE):
        times()
        series = medians(sizes.rounds, times)
    finished(store.close())
    naive.close()
    return [*_against(series), _flat("positions", series, 1.2), _flat("COUNT and OFFSET", series, None)]


def _against(series: Mapping[str, Series]) -> list[Figure]:
    return [
        _figure(
            f"{place} page, COUNT and OFFSET over positions",
            series[f"COUNT and OFFSET, {place} page"],
            series[f"positions, {place} page"],
        )
        for place in _PLACES
    ]


def _flat(way: str, series: Mapping[str, Series], at_most: float | None) -> Figure:
    return _figure(f"{way}, last page over first", series[f"{way}, last page"], series[f"{way}, first page"], at_most)


def _figure(name: str, over: Series, under: Series, at_most: float | None = None) -> Figure:
    return Figure(section="store alone", name=name, over=over, under=under, unit="us", at_most=at_most)


def _timed(read: Reading, question: Question) -> float:
    """Return the seconds of a warm reading: the first one brings the pages of the file in and is checked."""
    count, starts = read(question)
    assert f'{{"count":{count},'.encode() in question.answer
    assert all(f'"time":{start},'.encode() in question.answer for start in starts)
    assert len(starts) == ROWS
    began = time.perf_counter()
    read(question)
    return time.perf_counter() - began


# --- the two ways --------------------------------------------------------------------------------------------------


def by_positions(store: Store, question: Question) -> tuple[int, list[int]]:
    """Read a page as the server does; return the count and the rows' starts."""
    token = read_token(question.agent.token)
    wanted = Range(from_ms=question.from_ms, to_ms=question.to_ms, page=question.page, limit=ROWS)
    page = finished(store.page_of_token(token.app_id, token.digest, _NOW_MS, ListKind.OUT_MISSED, wanted))
    assert page is not None
    return page.count, starts_on(page)


def by_counting(naive: sqlite3.Connection, question: Question) -> tuple[int, list[int]]:
    """Read the same as everybody does: the token, COUNT(*), then LIMIT and OFFSET, in one snapshot."""
    found = (*_agent_of(naive, question.agent), ListKind.OUT_MISSED, question.from_ms, question.to_ms)
    where = "FROM call WHERE app_id = ? AND extension = ? AND kind = ? AND started_ms BETWEEN ? AND ?"
    naive.execute("BEGIN")
    count = naive.execute(f"SELECT count(*) {where}", found).fetchone()[0]
    rows = naive.execute(
        "SELECT started_ms, call_id, number, name, rate, billable_seconds, disposition, ringing_seconds "
        f"{where} ORDER BY started_ms DESC, call_id DESC LIMIT ? OFFSET ?",
        (*found, ROWS, (question.page - 1) * ROWS),
    ).fetchall()
    naive.execute("COMMIT")
    return count, [row[0] for row in rows]


def _agent_of(naive: sqlite3.Connection, agent: MadeAgent) -> tuple[int, str]:
    token = read_token(agent.token)
    statement = "SELECT app_id, extension FROM token WHERE digest = ? AND expires_ms > ?"
    app_id, extension = naive.execute(statement, (token.digest, _NOW_MS)).fetchone()
    return app_id, extension


def _naive_connection(path: Path) -> sqlite3.Connection:
    naive = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    naive.execute("PRAGMA cache_size = -32768")
    return naive
