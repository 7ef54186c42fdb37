"""How long acts take, so that two can be compared on a machine that is slower at some times than at others."""

import time
from collections.abc import Callable

Act = Callable[[], object]

_TRIES = 3
_APART_SECONDS = 0.5  # longer than a disk is busy with what was written before


def least_seconds(*acts: Act, rounds: int = 10) -> list[float]:
    """Return the least time of each act, after one that does not count; in turns: what slows the machine slows all."""
    for act in acts:
        act()
    took = [[_seconds(act) for act in acts] for _ in range(rounds)]
    return [min(times) for times in zip(*took, strict=True)]


def dearer(act: Act, than: Act, times: float, *, more: float = 0.0, rounds: int = 10) -> list[list[float]]:
    """Return nothing where an act takes less than so many times as long as another one and so many seconds `more`.

    Else the least seconds of both in each of some tries: what is dearer is so each time.
    """
    found: list[list[float]] = []
    for _ in range(_TRIES):
        took, other = least_seconds(act, than, rounds=rounds)
        if took < times * other + more:
            return []
        found.append([took, other])
        time.sleep(_APART_SECONDS)
    return found


def _seconds(act: Act) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
