"""The waiting room: a few at a time, nobody crowds others out, those who are known go first."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ringback.errors import TooBusy
from ringback.waiting_room import WaitingRoom


class Visits:
    """Visitors of a room of one place; each stays until it is let go, and `order` tells who came in when."""

    def __init__(self, *, seconds: float = 30, places: int = 3, each: int = 2) -> None:
        self.room = WaitingRoom(at_once=1, seconds=seconds, places=places, each=each, each_known=1)
        self.order: list[str] = []
        self._go = asyncio.Semaphore(0)

    def come(self, who: str, *, is_known: bool = False) -> "asyncio.Task[None]":
        return asyncio.create_task(self._visit(who, is_known=is_known))

    async def _visit(self, who: str, *, is_known: bool) -> None:
        async with self.room.turn(who.encode(), is_known=is_known):
            self.order.append(who)
            await self._go.acquire()

    def let_go(self) -> None:
        """Let the one inside go."""
        self._go.release()

    async def end(self, visits: int) -> None:
        """Let so many go, one after the other, when all who can have come in."""
        await settled()
        for _ in range(visits):
            self.let_go()
            await settled()


async def settled() -> None:
    """Return when everybody has gone as far as they can."""
    for _ in range(10):
        await asyncio.sleep(0)


def visited(story: Callable[[Visits], Awaitable[None]], **room: float) -> list[str]:
    """Return in which order they came in."""

    async def told() -> list[str]:
        visits = Visits(**room)  # type: ignore[arg-type]
        await story(visits)
        return visits.order

    return asyncio.run(told())


def test_one_after_the_other_those_known_first() -> None:
    """The next is called when one leaves: of those known the first, then of the others."""

    async def story(visits: Visits) -> None:
        for who in ("a", "b", "c"):
            visits.come(who)
        visits.come("known", is_known=True)
        await visits.end(4)

    assert visited(story) == ["a", "known", "b", "c"]


def test_a_full_room_refuses_at_once() -> None:
    """One crowd has no more places than its own, and all together no more than there are."""

    async def story(visits: Visits) -> None:
        crowd = [visits.come("crowd") for _ in range(10)]
        others = [visits.come(who) for who in ("b", "c")]
        known = [visits.come("known", is_known=True) for _ in range(3)]
        await settled()
        refused = [task.done() and isinstance(task.exception(), TooBusy) for task in (*crowd, *others, *known)]
        assert refused == [False] * 3 + [True] * 7 + [False, True] + [False, True, True]
        await visits.end(5)

    assert visited(story) == ["crowd", "known", "crowd", "crowd", "b"]


def test_nobody_waits_for_too_long() -> None:
    """Whoever was not called in time is refused, and whoever comes later is not kept waiting for them."""

    async def story(visits: Visits) -> None:
        visits.come("a")
        late = visits.come("late")
        with pytest.raises(TooBusy):
            await late
        visits.come("b")
        await visits.end(2)

    assert visited(story, seconds=0.01) == ["a", "b"]


def test_a_turn_that_nobody_takes_goes_to_the_next() -> None:
    """Whoever goes away at the very moment they are called in holds up nobody."""

    async def story(visits: Visits) -> None:
        visits.come("a")
        gone, _ = visits.come("gone"), visits.come("b")
        await settled()
        visits.let_go()
        await asyncio.sleep(0)  # it is called, and has not heard yet
        gone.cancel()
        await visits.end(2)
        visits.come("c")
        await visits.end(1)

    assert visited(story)[-2:] == ["b", "c"]
