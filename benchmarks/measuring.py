"""What a figure is, how values are taken in turns so that noise hits all alike, and which core does what."""

import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

SEED = 20191001


class Series(msgspec.Struct, frozen=True):
    """The values of one thing measured, a value a round."""

    what: str
    values: list[float]

    @property
    def median(self) -> float:
        """The middle of the values."""
        return statistics.median(self.values)


class Figure(msgspec.Struct, kw_only=True):
    """A ratio with its rounds: `over` divided by `under`, round by round, and what it should reach."""

    section: str
    name: str
    over: Series
    under: Series
    unit: str
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """The ratio in each round."""
        return [over / under for over, under in zip(self.over.values, self.under.values, strict=True)]

    @property
    def median(self) -> float:
        """The middle one of the rounds' ratios: what counts."""
        return statistics.median(self.ratios)

    @property
    def is_reached(self) -> bool | None:
        """Whether the target is reached; None where there is none."""
        if self.at_most is not None:
            return self.median <= self.at_most
        return None if self.at_least is None else self.median >= self.at_least


def in_turns(rounds: int, measures: Mapping[str, Callable[[], float]]) -> dict[str, Series]:
    """Take each measure once a round, every other round in the opposite order, and return the values by name."""
    values: dict[str, list[float]] = {name: [] for name in measures}
    for turn in range(rounds):
        names = list(measures)
        for name in names if turn % 2 == 0 else reversed(names):
            values[name].append(measures[name]())
    return {name: Series(name, taken) for name, taken in values.items()}


def medians(rounds: int, times: Callable[[], Mapping[str, Sequence[float]]]) -> dict[str, Series]:
    """Return, by name, the median of each round of many times taken together."""
    taken = [times() for _ in range(rounds)]
    return {name: Series(name, [statistics.median(one[name]) for one in taken]) for name in taken[0]}


# --- cores ---------------------------------------------------------------------------------------------------------

CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


@contextmanager
def on_core(*cores: int) -> Iterator[None]:
    """Run on this core, or these, only; a process started within stays there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
