"""Requests for random pages, each with the answer that is right. The same questions in every run."""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import lru_cache
from random import Random
from typing import NamedTuple

from benchmarks.made_calls import DAY_MS, FIRST_MS, LAST_MS, LIST_CALLS, MadeAgent, MadeCall, calls_of, right_answer
from benchmarks.measuring import SEED
from ringback.storage.records import ShownPage
from ringback.storage.shown import STARTED

ROWS = 10
LAST_PAGE = LIST_CALLS // ROWS
MIDDLE_PAGE = LAST_PAGE // 2
_KEPT_LISTS = 200  # agents asked about at most: what fits in memory; the store's other lists lie between them


class Question(NamedTuple):
    """A request as it goes over the wire, its parts, and the body of the right answer."""

    request: bytes
    answer: bytes
    agent: MadeAgent
    from_ms: int
    to_ms: int
    page: int


class Asker:
    """Makes questions about the agents of a store of so many calls."""

    def __init__(self, calls: int, name: str) -> None:
        self._random = Random(f"{SEED}/{name}")
        agents = calls // LIST_CALLS
        self._agents = self._random.sample(range(agents), min(agents, _KEPT_LISTS))

    def page(self, page: int) -> Question:
        """Ask for this page of a random agent's whole year."""
        return self._question(FIRST_MS, LAST_MS, page)

    def any_page(self) -> Question:
        """Ask for a random page of a random agent's whole year."""
        return self.page(self._random.randint(1, LAST_PAGE))

    def one_day(self) -> Question:
        """Ask for the first page of a random day."""
        first = FIRST_MS + self._random.randrange(365) * DAY_MS
        return self._question(first, first + DAY_MS - 1, 1)

    def any_range(self) -> Question:
        """Ask for a random page of a random range that has several."""
        first, last = sorted(self._random.sample(range(FIRST_MS, LAST_MS), 2))
        agent = MadeAgent(self._random.choice(self._agents))
        pages = max(1, len(_between(agent, first, last)) // ROWS)
        return _question(agent, first, last, self._random.randint(1, pages))

    def _question(self, from_ms: int, to_ms: int, page: int) -> Question:
        return _question(MadeAgent(self._random.choice(self._agents)), from_ms, to_ms, page)


def starts_on(page: ShownPage) -> list[int]:
    """Return the starts of the calls on a page that a store gave, epoch milliseconds."""
    return [int(at) for at in re.findall(f"{STARTED}([0-9]+)".encode(), page.shown)]


def many(ask: Callable[[], Question], count: int = 2000) -> list[Question]:
    """Return so many questions."""
    return [ask() for _ in range(count)]


def request_of(body: bytes) -> bytes:
    """Return a POST of this body as the wire has it."""
    head = "POST /v1/agentOutMissed HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def body_of(question: Question) -> bytes:
    """Return the body of a question's request."""
    return question.request.partition(b"\r\n\r\n")[2]


def _question(agent: MadeAgent, from_ms: int, to_ms: int, page: int) -> Question:
    asked = {"token": agent.token, "from": from_ms, "to": to_ms, "page": page, "limit": ROWS}
    answer = right_answer(agent, _between(agent, from_ms, to_ms), page, ROWS)
    return Question(request_of(json.dumps(asked).encode()), answer, agent, from_ms, to_ms, page)


def _between(agent: MadeAgent, from_ms: int, to_ms: int) -> Sequence[MadeCall]:
    calls = _list_of(agent)
    first = bisect_left(calls, from_ms, key=_started)
    return calls[first : bisect_right(calls, to_ms, key=_started)]


def _started(call: MadeCall) -> int:
    return call.started_ms


@lru_cache(maxsize=2 * _KEPT_LISTS)
def _list_of(agent: MadeAgent) -> list[MadeCall]:
    return sorted(calls_of(agent), key=_started)
