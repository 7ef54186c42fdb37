"""How long acts take, so that two can be compared on a machine that is slower at some times than at others."""

from collections.abc import Callable
from time import perf_counter


def least_seconds(*acts: Callable[[], object], rounds: int = 10) -> list[float]:
    """Return the least time of each act, after one that does not count; in turns: what slows the machine slows all."""
    for act in acts:
        act()
    took = [[_seconds(act) for act in acts] for _ in range(rounds)]
    return [min(times) for times in zip(*took, strict=True)]


def _seconds(act: Callable[[], object]) -> float:
    began = perf_counter()
    act()
    return perf_counter() - began
