"""How long a connection may stay as it is, by a clock that jumps. Real ones: attacks/test_slow_clients."""

import asyncio
import selectors
from typing import Any, NamedTuple

import pytest

from ringback.web.deadlines import Stage, Watch, Watched

PATIENCE = 20
MOST = 10


class QuickLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock jumps to the next moment that something waits for."""

    def __init__(self) -> None:
        self._ahead = 0.0
        super().__init__(_Selector(self))

    def time(self) -> float:
        return super().time() + self._ahead

    def skip(self, seconds: float) -> None:
        """Let so much time go by."""
        self._ahead += seconds


class _Selector(selectors.DefaultSelector):
    def __init__(self, loop: QuickLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        self._loop.skip(timeout or 0)
        return super().select(0)


class Connection(Watched):
    """A connection that stays as it is; until it is cut, it says when that was."""

    def __init__(self, stage: Stage, received: int, unsent: int, *, is_answered: bool) -> None:
        self.stage, self.received = stage, received
        self._unsent, self._is_answered = unsent, is_answered
        self.cut_at: float | None = None

    def unsent(self) -> int:
        return self._unsent

    def is_answering(self) -> bool:
        return self._is_answered

    def cut(self) -> None:
        if self.cut_at is None:
            self.cut_at = asyncio.get_running_loop().time()


class Stays(NamedTuple):
    """How a connection stays, and for how many seconds it may; None is for ever."""

    stage: Stage = Stage.NONE
    received: int = 0
    unsent: int = 0
    is_answering: bool = False
    alone: float | None = PATIENCE
    in_a_crowd: float | None = PATIENCE


STAYS = {
    "silent": Stays(in_a_crowd=2),
    "amid a head": Stays(Stage.HEAD, received=50_000, in_a_crowd=2),
    "amid a small body": Stays(Stage.BODY, received=0),
    "amid a large body": Stays(Stage.BODY, received=1_000_000, alone=PATIENCE + 100, in_a_crowd=PATIENCE + 100),
    "with an answer it does not take": Stays(unsent=2_000_000, alone=PATIENCE + 200, in_a_crowd=PATIENCE + 200),
    "that sends a body and takes nothing": Stays(
        Stage.BODY, received=9_000_000, unsent=500_000, alone=PATIENCE + 50, in_a_crowd=PATIENCE + 50
    ),
    "with an answer being made that it does not take": Stays(
        unsent=100_000, is_answering=True, alone=PATIENCE + 10, in_a_crowd=PATIENCE + 10
    ),
    "that waits for its answer": Stays(is_answering=True, alone=None, in_a_crowd=None),
}


@pytest.mark.parametrize("crowd", [MOST // 2 - 1, MOST // 2])
@pytest.mark.parametrize("stays", STAYS.values(), ids=STAYS)
def test_a_connection_is_cut_when_its_time_is_over_and_not_before(stays: Stays, crowd: int) -> None:
    """Each is cut within two seconds of what it is allowed, silent ones early while half of the places are full."""
    allowed = stays.in_a_crowd if crowd + 1 > MOST // 2 else stays.alone
    cut_after = after_seconds(stays, patience=PATIENCE, crowd=crowd)

    assert cut_after is None if allowed is None else allowed < (cut_after or 0) < allowed + 2.5


def test_a_crowd_makes_nobody_more_patient() -> None:
    """A patience shorter than that with a crowd stays as short."""
    assert 1 < (after_seconds(Stays(), patience=1, crowd=MOST) or 0) < 2.5


def after_seconds(stays: Stays, *, patience: int, crowd: int) -> float | None:
    """Return when a connection that stays so is cut, among so many others; None when not within ten minutes."""

    async def watched() -> float | None:
        others = [Connection(Stage.NONE, 0, 0, is_answered=True) for _ in range(crowd)]
        connection = Connection(stays.stage, stays.received, stays.unsent, is_answered=stays.is_answering)
        watch = Watch(patience, MOST)
        watch.admits([connection, *others])
        begun = asyncio.get_running_loop().time()
        watching = asyncio.create_task(watch.run())
        await asyncio.sleep(600)
        watching.cancel()
        return None if connection.cut_at is None else connection.cut_at - begun

    with asyncio.Runner(loop_factory=QuickLoop) as runner:
        return runner.run(watched())
